//! A card terminal on a serial line.
//!
//! [`Terminal`] is what a kiosk needs of any of them; [`Zvt`] speaks to those with the cash register
//! interface named below. The terminal alone reads the card and talks to the bank: no card number and no
//! key passes through here.
//!
//! Beneath lies a [`Link`]: messages to and from the terminal travel in frames with a checksum; the receiver acknowledges each,
//! and the sender repeats what was not acknowledged. What the messages say is not this module's business.
//!
//! Source: the serial transport of the ZVT cash register interface (German payment terminals, document
//! PA00P016): `DLE STX`, the message with every `DLE` doubled, `DLE ETX`, checksum; `ACK` or `NAK` in
//! answer; at most three attempts. Its times are the port's read time-out: 5 s for an acknowledgement.

mod bitmap;
mod frame;
mod terminal;
mod zvt;

pub use terminal::{Amount, Failure, Outcome, Progress, Receipt, Terminal, Wish};
pub use zvt::Zvt;

pub use frame::{Damage, Deframer, Event, checksum};

use embedded_io::{Read, ReadExactError, Write};
use frame::{ACK, DLE, ETX, NAK, STX};

/// How often a message is sent, or asked for again, before the link counts as down.
const ATTEMPTS: usize = 3;

/// Bytes looked at while waiting for one thing: a line full of noise must not hold the caller.
const MOST_BYTES: usize = 4096;

/// Why a message did not get through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The port failed, or nothing came in time.
    Port(E),
    /// The port has ended: the terminal has gone.
    Closed,
    /// The terminal did not take the message in three attempts. It may have it all the same: only its
    /// acknowledgements may be lost.
    NotAcknowledged,
    /// The terminal sent damaged frames three times.
    Damaged(Damage),
    /// The terminal began to speak while it should have acknowledged. Its message was acknowledged and
    /// dropped.
    Crossed,
    /// Noise without end.
    Noise,
    /// The terminal ended without saying how.
    Unsaid,
}

/// What a caller does about an [`Error`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The terminal is silent.
    Timeout,
    /// The terminal has gone: open it anew.
    Disconnected,
    /// Another fault of the port.
    Port,
    /// The line is bad, or the terminal speaks something else.
    Protocol,
}

impl<E: embedded_io::Error> Error<E> {
    /// The class of this error, by what its caller does about it.
    pub fn kind(&self) -> ErrorKind {
        use embedded_io::ErrorKind as Io;
        match self {
            Self::Port(error) => match error.kind() {
                Io::TimedOut => ErrorKind::Timeout,
                Io::NotFound | Io::NotConnected | Io::BrokenPipe | Io::ConnectionReset => {
                    ErrorKind::Disconnected
                }
                _ => ErrorKind::Port,
            },
            Self::Closed => ErrorKind::Disconnected,
            Self::NotAcknowledged => ErrorKind::Timeout,
            Self::Damaged(_) | Self::Crossed | Self::Noise | Self::Unsaid => ErrorKind::Protocol,
        }
    }
}

impl<E: core::fmt::Display> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Port(error) => write!(f, "card terminal port: {error}"),
            Self::Closed => f.write_str("the card terminal's port is closed"),
            Self::NotAcknowledged => f.write_str("the card terminal did not acknowledge"),
            Self::Damaged(damage) => write!(f, "the card terminal sent {damage}"),
            Self::Crossed => f.write_str("the card terminal spoke out of turn"),
            Self::Noise => f.write_str("the card terminal sends noise"),
            Self::Unsaid => f.write_str("the card terminal ended without saying how"),
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

/// Why a message was not delivered for certain.
#[derive(Debug)]
struct Undelivered<E> {
    error: Error<E>,
    /// The terminal may have it all the same.
    perhaps: bool,
}

/// The link; messages from the terminal have up to `N` bytes.
///
/// A message can arrive twice, when the acknowledgement of the first was lost: handle messages so that
/// this does no harm.
#[derive(Debug)]
pub struct Link<T, const N: usize> {
    port: T,
    deframer: Deframer<N>,
}

impl<T, const N: usize> Link<T, N> {
    /// A link that has said and heard nothing.
    pub const fn new(port: T) -> Self {
        Self {
            port,
            deframer: Deframer::new(),
        }
    }

    /// Gives the port back.
    pub fn into_port(self) -> T {
        self.port
    }
}

impl<T: Read + Write, const N: usize> Link<T, N> {
    /// Sends a message and waits for its acknowledgement.
    ///
    /// # Errors
    ///
    /// [`Error::NotAcknowledged`], [`Error::Crossed`], [`Error::Noise`], [`Error::Closed`], or the
    /// port's other than a time-out.
    pub fn send(&mut self, message: &[u8]) -> Result<(), Error<T::Error>> {
        let sent = self.deliver(message, ATTEMPTS);
        sent.map_err(|undelivered| undelivered.error)
    }

    /// Sends a message until it is acknowledged: at most [`ATTEMPTS`] times if it is refused, at most
    /// `unclear` times if the answer is none or damaged.
    fn deliver(&mut self, message: &[u8], unclear: usize) -> Result<(), Undelivered<T::Error>> {
        let mut left_open = 0;
        for _ in 0..ATTEMPTS {
            self.deframer.forget();
            let failed = |error, perhaps| Undelivered { error, perhaps };
            // Without its last byte a frame is none.
            self.write_frame(message)
                .map_err(|error| failed(error, left_open > 0))?;
            let flushed = self.port.flush().map_err(Error::Port);
            flushed.map_err(|error| failed(error, true))?;
            match self.event() {
                Ok(Event::Acknowledged) => return Ok(()),
                Ok(Event::Message) => {
                    self.answer(ACK).map_err(|error| failed(error, true))?;
                    return Err(failed(Error::Crossed, true));
                }
                Ok(Event::Refused) => {}
                Ok(Event::Damaged(_) | Event::Pending) => left_open += 1,
                Err(error) if error.kind() == ErrorKind::Timeout => left_open += 1,
                Err(error) => return Err(failed(error, true)),
            }
            if left_open >= unclear {
                break;
            }
        }
        Err(Undelivered {
            error: Error::NotAcknowledged,
            perhaps: left_open > 0,
        })
    }

    /// The message that made sending fail with [`Error::Crossed`]; it was acknowledged.
    fn crossed(&self) -> &[u8] {
        self.deframer.message()
    }

    /// Waits for a message and acknowledges it.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Noise`], [`Error::Closed`], or the port's; a time-out in the middle of
    /// a frame counts as damage.
    pub fn receive(&mut self) -> Result<&[u8], Error<T::Error>> {
        let mut damage = Damage::CutShort;
        for _ in 0..ATTEMPTS {
            damage = match self.event() {
                Ok(Event::Message) => {
                    self.answer(ACK)?;
                    return Ok(self.deframer.message());
                }
                Ok(Event::Damaged(damage)) => damage,
                // A late answer to something sent before.
                Ok(Event::Acknowledged | Event::Refused | Event::Pending) => continue,
                Err(error) if error.kind() == ErrorKind::Timeout && self.deframer.is_inside() => {
                    Damage::CutShort
                }
                Err(error) => return Err(error),
            };
            self.deframer.forget();
            self.answer(NAK)?;
        }
        Err(Error::Damaged(damage))
    }

    /// The next event on the line.
    fn event(&mut self) -> Result<Event, Error<T::Error>> {
        for _ in 0..MOST_BYTES {
            let mut byte = [0];
            match self.port.read_exact(&mut byte) {
                Ok(()) => {}
                Err(ReadExactError::UnexpectedEof) => return Err(Error::Closed),
                Err(ReadExactError::Other(error)) => return Err(Error::Port(error)),
            }
            match self.deframer.push(byte[0]) {
                Event::Pending => {}
                event => return Ok(event),
            }
        }
        Err(Error::Noise)
    }

    fn answer(&mut self, answer: u8) -> Result<(), Error<T::Error>> {
        self.put(&[answer])?;
        self.port.flush().map_err(Error::Port)
    }

    fn write_frame(&mut self, message: &[u8]) -> Result<(), Error<T::Error>> {
        self.put(&[DLE, STX])?;
        for piece in message.split_inclusive(|&byte| byte == DLE) {
            self.put(piece)?;
            if piece.last() == Some(&DLE) {
                self.put(&[DLE])?;
            }
        }
        let [low, high] = checksum(message).to_le_bytes();
        self.put(&[DLE, ETX, low, high])
    }

    fn put(&mut self, mut bytes: &[u8]) -> Result<(), Error<T::Error>> {
        while !bytes.is_empty() {
            match self.port.write(bytes).map_err(Error::Port)? {
                0 => return Err(Error::Closed),
                taken => bytes = bytes.get(taken..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Damage, Error, ErrorKind, Link};
    use crate::mock::{Fault, Port};
    use embedded_io::ErrorKind as Io;

    /// "Understood", with its checksum as the specification's users publish it.
    const UNDERSTOOD: &[u8] = b"\x10\x02\x80\x00\x00\x10\x03\xF5\x1F";

    fn link(heard: &[u8]) -> Link<Port, 64> {
        Link::new(Port::new().answering(heard))
    }

    #[test]
    fn a_message_is_framed_and_acknowledged() {
        let mut link = link(b"\x06");
        link.send(&[0x80, 0, 0]).unwrap();
        assert_eq!(link.into_port().written(), UNDERSTOOD);
    }

    #[test]
    fn a_dle_in_a_message_is_doubled_both_ways() {
        let message = [0x06, 0xD1, 0x10, 0x10, 0x02, 0x10];
        let mut sender = link(b"\x06");
        sender.send(&message).unwrap();
        let frame = sender.into_port();
        assert!(
            frame
                .written()
                .starts_with(b"\x10\x02\x06\xD1\x10\x10\x10\x10\x02\x10\x10\x10\x03")
        );
        let mut receiver = link(frame.written());
        assert_eq!(receiver.receive().unwrap(), message);
        assert_eq!(receiver.into_port().written(), b"\x06");
    }

    #[test]
    fn a_refused_message_is_sent_again() {
        let mut link = link(b"\x15\x15\x06");
        link.send(&[0x80, 0, 0]).unwrap();
        assert_eq!(link.into_port().written(), UNDERSTOOD.repeat(3));
    }

    #[test]
    fn a_silent_terminal_is_tried_three_times() {
        let mut link = link(b"");
        let error = link.send(&[0x80, 0, 0]).unwrap_err();
        assert_eq!(
            (error, error.kind()),
            (Error::NotAcknowledged, ErrorKind::Timeout)
        );
        assert_eq!(link.into_port().written(), UNDERSTOOD.repeat(3));
    }

    #[test]
    fn what_must_not_happen_twice_is_repeated_only_if_refused() {
        let mut silent = link(b"");
        assert!(silent.deliver(&[0x80, 0, 0], 1).unwrap_err().perhaps);
        assert_eq!(silent.into_port().written(), UNDERSTOOD);
        let mut refused = link(b"\x15\x06");
        assert!(refused.deliver(&[0x80, 0, 0], 1).is_ok());
        assert_eq!(refused.into_port().written(), UNDERSTOOD.repeat(2));
        let mut never = link(b"\x15\x15\x15");
        assert!(!never.deliver(&[0x80, 0, 0], 1).unwrap_err().perhaps);
    }

    #[test]
    fn a_terminal_that_speaks_out_of_turn_is_told() {
        let mut link = link(UNDERSTOOD);
        assert_eq!(link.send(&[1]), Err(Error::Crossed));
        assert!(link.into_port().written().ends_with(b"\x06"));
    }

    #[test]
    fn a_damaged_frame_is_asked_for_again() {
        let mut damaged = UNDERSTOOD.to_vec();
        damaged[3] ^= 1;
        let mut link = link(&[damaged.as_slice(), UNDERSTOOD].concat());
        assert_eq!(link.receive().unwrap(), [0x80, 0, 0]);
        assert_eq!(link.into_port().written(), b"\x15\x06");
    }

    #[test]
    fn three_damaged_frames_are_enough() {
        let mut damaged = UNDERSTOOD.to_vec();
        damaged[3] ^= 1;
        let mut link = link(&damaged.repeat(4));
        let error = link.receive().unwrap_err();
        assert_eq!(
            (error, error.kind()),
            (Error::Damaged(Damage::Checksum), ErrorKind::Protocol)
        );
        assert_eq!(link.into_port().written(), b"\x15\x15\x15");
    }

    #[test]
    fn a_frame_that_stops_halfway_is_asked_for_again() {
        let mut link = link(&UNDERSTOOD[..5]);
        assert_eq!(link.receive().unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(
            link.port.written(),
            b"\x15",
            "one refusal, and then silence"
        );
        link.port = Port::new().answering(UNDERSTOOD);
        assert_eq!(link.receive().unwrap(), [0x80, 0, 0]);
    }

    #[test]
    fn nothing_said_is_a_plain_time_out() {
        let mut link = link(b"");
        assert_eq!(
            link.receive().unwrap_err(),
            Error::Port(Fault(Io::TimedOut))
        );
        assert!(link.into_port().written().is_empty());
    }

    #[test]
    fn endless_noise_does_not_hold_the_caller() {
        let mut link = link(&[0xFF; 20_000]);
        assert_eq!(link.receive(), Err(Error::Noise));
    }

    #[test]
    fn every_write_that_fails_is_told() {
        let writes = {
            let mut link = link(b"\x06");
            link.send(&[0x10, 0x80]).unwrap();
            link.into_port().write_calls()
        };
        for refused in 0..writes {
            let port = Port::new()
                .answering(b"\x06")
                .refusing(refused, Io::BrokenPipe);
            let error = Link::<_, 64>::new(port).send(&[0x10, 0x80]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Disconnected, "write {refused}");
        }
    }
}
