//! A code scanner, on a serial line or posing as a keyboard.
//!
//! [`Scanner`] reads codes from a byte port; [`Assembler`] makes codes of bytes, whoever reads them;
//! [`keyboard`] makes bytes of the key reports of scanners that pose as a keyboard; [`gs1`] takes the
//! content of GS1 codes apart.
//!
//! A scanner is set up once, with the codes in its manual, to send a symbology identifier before the
//! content and a carriage return after it. Without the identifier everything still works, but
//! [`Code::symbology`] is `None`.
//!
//! Sources: ISO/IEC 15424 (data carrier identifiers), GS1 General Specifications, USB HID Usage Tables and
//! Device Class Definition for HID 1.11 (boot keyboard).

mod assembler;
pub mod gs1;
pub mod keyboard;

pub use assembler::{Assembler, Code, Refusal, Symbology};

use embedded_io::Read;

/// Bytes thrown away in one call before the scanner counts as babbling.
const MOST_NOISE: usize = 4096;

/// Why no code was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Error<E> {
    /// The port failed or nothing came in time; what has arrived of a code is kept.
    Port(E),
    /// The port has ended: the scanner has gone.
    Closed,
    /// Something arrived that is no code; the next call goes on after it.
    Refused(Refusal),
    /// Bytes come without end and none of them makes a code.
    Babble,
}

/// What a caller does about an [`Error`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nobody has scanned anything.
    Timeout,
    /// The scanner has gone: open it anew.
    Disconnected,
    /// Another fault of the port.
    Port,
    /// Ask to scan again.
    Unreadable,
}

impl<E: embedded_io::Error> Error<E> {
    /// The class of this error, by what its caller does about it.
    pub fn kind(&self) -> ErrorKind {
        use embedded_io::ErrorKind as Io;
        match self {
            Self::Port(error) => match error.kind() {
                Io::TimedOut => ErrorKind::Timeout,
                Io::NotFound | Io::NotConnected | Io::BrokenPipe => ErrorKind::Disconnected,
                _ => ErrorKind::Port,
            },
            Self::Closed => ErrorKind::Disconnected,
            Self::Refused(_) | Self::Babble => ErrorKind::Unreadable,
        }
    }
}

impl<E: core::fmt::Display> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Port(error) => write!(f, "scanner port: {error}"),
            Self::Closed => f.write_str("the scanner's port is closed"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Babble => f.write_str("the scanner sends bytes that make no code"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
}

/// A scanner on a byte port; codes have up to `N` bytes, symbology identifier included.
#[derive(Debug)]
pub struct Scanner<T, const N: usize> {
    port: T,
    assembler: Assembler<N>,
}

impl<T, const N: usize> Scanner<T, N> {
    /// A scanner that has read nothing.
    pub const fn new(port: T) -> Self {
        Self {
            port,
            assembler: Assembler::new(),
        }
    }

    /// Gives the port back.
    pub fn into_port(self) -> T {
        self.port
    }

    /// Forgets an unfinished code, as when the diner has left.
    pub fn forget(&mut self) {
        self.assembler.forget();
    }
}

impl<T: Read, const N: usize> Scanner<T, N> {
    /// Waits for the next code. How long that may take is the port's business.
    ///
    /// # Errors
    ///
    /// [`Error`]; each but `Closed` lets the next call go on.
    pub fn next_code(&mut self) -> Result<Code<'_>, Error<T::Error>> {
        for _ in 0..MOST_NOISE {
            let mut byte = [0];
            if self.port.read(&mut byte).map_err(Error::Port)? == 0 {
                return Err(Error::Closed);
            }
            if self.assembler.push(byte[0]).map_err(Error::Refused)? {
                return self.assembler.code().ok_or(Error::Babble);
            }
        }
        Err(Error::Babble)
    }
}

#[cfg(feature = "async")]
impl<T: embedded_io_async::Read, const N: usize> Scanner<T, N> {
    /// As [`Scanner::next_code`], for ports that are waited for. May be dropped at any time: what has
    /// arrived of a code is kept.
    ///
    /// # Errors
    ///
    /// As [`Scanner::next_code`].
    pub async fn wait_code(&mut self) -> Result<Code<'_>, Error<T::Error>> {
        for _ in 0..MOST_NOISE {
            let mut byte = [0];
            if self.port.read(&mut byte).await.map_err(Error::Port)? == 0 {
                return Err(Error::Closed);
            }
            if self.assembler.push(byte[0]).map_err(Error::Refused)? {
                return self.assembler.code().ok_or(Error::Babble);
            }
        }
        Err(Error::Babble)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind, Refusal, Scanner, Symbology};
    use crate::mock::Port;

    fn scanner(bytes: &[u8]) -> Scanner<Port, 16> {
        Scanner::new(Port::new().answering(bytes))
    }

    #[test]
    fn codes_come_one_after_the_other() {
        let mut scanner = scanner(b"]E04006381333931\r\n]Q1A042\r");
        let code = scanner.next_code().unwrap();
        assert_eq!(code.symbology, Some(Symbology::Ean));
        assert_eq!(code.content, b"4006381333931");
        let code = scanner.next_code().unwrap();
        assert_eq!(
            (code.symbology, code.content),
            (Some(Symbology::Qr), b"A042".as_slice())
        );
        assert_eq!(scanner.next_code().unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[test]
    fn a_time_out_in_mid_code_loses_nothing_unless_told_to_forget() {
        let mut scanner = scanner(b"A0");
        assert_eq!(scanner.next_code().unwrap_err().kind(), ErrorKind::Timeout);
        scanner.port = Port::new().answering(b"42\rB");
        assert_eq!(scanner.next_code().unwrap().content, b"A042");
        assert_eq!(scanner.next_code().unwrap_err().kind(), ErrorKind::Timeout);
        scanner.forget();
        scanner.port = Port::new().answering(b"7\r");
        assert_eq!(scanner.next_code().unwrap().content, b"7");
    }

    #[test]
    fn a_code_too_long_is_refused_whole_and_the_next_is_read() {
        let mut scanner = scanner(b"0123456789abcdef0123\rA042\r");
        let refused = scanner.next_code().unwrap_err();
        assert_eq!(refused, Error::Refused(Refusal::TooLong { most: 16 }));
        assert_eq!(refused.kind(), ErrorKind::Unreadable);
        assert_eq!(scanner.next_code().unwrap().content, b"A042");
    }

    #[test]
    fn a_babbling_scanner_does_not_hold_the_caller_for_ever() {
        let mut scanner = scanner(&b"\r".repeat(5000));
        assert_eq!(scanner.next_code(), Err(Error::Babble));
    }

    #[test]
    fn a_port_that_ends_is_a_scanner_gone() {
        let mut scanner = Scanner::<&[u8], 16>::new(b"A04");
        assert_eq!(scanner.next_code(), Err(Error::Closed));
    }

    #[cfg(feature = "async")]
    #[test]
    fn a_code_can_be_awaited() {
        use core::future::Future;
        use core::pin::pin;
        use core::task::{Context, Poll, Waker};

        let mut scanner = scanner(b"]Q1A042\r");
        let mut context = Context::from_waker(Waker::noop());
        match pin!(scanner.wait_code()).poll(&mut context) {
            Poll::Ready(code) => assert_eq!(code.unwrap().content, b"A042"),
            Poll::Pending => panic!("the port never waits"),
        }
        match pin!(scanner.wait_code()).poll(&mut context) {
            Poll::Ready(code) => assert_eq!(code.unwrap_err().kind(), ErrorKind::Timeout),
            Poll::Pending => panic!("the port never waits"),
        }
    }
}
