//! What can go wrong on the way to paper.

use core::fmt;

/// Why a printer call failed. `E` is the error of the port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The port failed. The printer's parser is still between two commands, unless the next call says
    /// [`Error::Torn`].
    Port(E),
    /// The port took or gave no bytes: the other side has gone.
    Closed,
    /// An earlier command reached the printer only in part; anything sent now would be taken for the
    /// rest of it. [`Printer::recover`](super::Printer::recover) or a newly opened port helps.
    Torn,
    /// The call works only at the beginning of a line, and a line is begun. The printer would ignore
    /// the command without a word.
    MidLine,
    /// No code page of this printer has the character; print it as a raster. Nothing was sent.
    Unencodable(char),
    /// The content is wider than the paper. The printer would leave it out or cut it off.
    TooWide {
        /// Dots the content needs.
        dots: u32,
        /// Dots the paper has.
        paper: u16,
    },
    /// The bar code or QR code cannot carry this content.
    Symbol(SymbolFault),
    /// The content holds bytes that the printer would obey at once, even inside data.
    RealTimeSequence,
    /// The printer sent a byte that is no answer to what it was asked.
    Protocol(u8),
}

/// Why a bar code or QR code cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SymbolFault {
    /// Nothing to encode.
    Empty,
    /// More content than the symbol holds.
    TooLong {
        /// Bytes given.
        given: usize,
        /// Bytes the symbol holds.
        most: usize,
    },
    /// The symbol has a fixed length.
    Length {
        /// Characters given.
        given: usize,
        /// Characters needed, without a check digit.
        needed: usize,
    },
    /// The symbol's alphabet lacks this byte.
    Character(u8),
    /// The given check digit is not the computed one.
    CheckDigit {
        /// Digit given.
        given: u8,
        /// Digit computed.
        computed: u8,
    },
}

/// What a caller does about an [`Error`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nobody answered in time: ask again, then look for a fallback.
    Timeout,
    /// The device has gone: open it anew.
    Disconnected,
    /// Another fault of the port.
    Port,
    /// Start the job again after a recovery.
    Torn,
    /// The device speaks something else.
    Protocol,
    /// This content cannot be printed this way, on this or a later try.
    Content,
    /// The calls came in an order that cannot work.
    Usage,
}

impl<E: embedded_io::Error> Error<E> {
    /// The class of this error, by what its caller does about it.
    pub fn kind(&self) -> ErrorKind {
        use embedded_io::ErrorKind as Io;
        match self {
            Self::Port(error) => match error.kind() {
                Io::TimedOut => ErrorKind::Timeout,
                Io::NotFound
                | Io::ConnectionRefused
                | Io::ConnectionReset
                | Io::ConnectionAborted
                | Io::NotConnected
                | Io::BrokenPipe
                | Io::WriteZero => ErrorKind::Disconnected,
                _ => ErrorKind::Port,
            },
            Self::Closed => ErrorKind::Disconnected,
            Self::Torn => ErrorKind::Torn,
            Self::MidLine => ErrorKind::Usage,
            Self::Protocol(_) => ErrorKind::Protocol,
            Self::Unencodable(_)
            | Self::TooWide { .. }
            | Self::Symbol(_)
            | Self::RealTimeSequence => ErrorKind::Content,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(error) => write!(f, "printer port: {error}"),
            Self::Closed => f.write_str("the printer's port is closed"),
            Self::Torn => f.write_str("an earlier command reached the printer only in part"),
            Self::MidLine => f.write_str("only possible at the beginning of a line"),
            Self::Unencodable(character) => {
                write!(f, "no code page of this printer has {character:?}")
            }
            Self::TooWide { dots, paper } => {
                write!(f, "content is {dots} dots wide, the paper {paper}")
            }
            Self::Symbol(fault) => fault.fmt(f),
            Self::RealTimeSequence => f.write_str("content would be obeyed as a real-time command"),
            Self::Protocol(byte) => write!(f, "unexpected answer {byte:#04x} from the printer"),
        }
    }
}

impl fmt::Display for SymbolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a symbol needs content"),
            Self::TooLong { given, most } => write!(f, "{given} bytes, the symbol holds {most}"),
            Self::Length { given, needed } => {
                write!(f, "{given} characters, the symbol needs {needed}")
            }
            Self::Character(byte) => write!(f, "byte {byte:#04x} is not in the symbol's alphabet"),
            Self::CheckDigit { given, computed } => {
                write!(f, "check digit {given} given, {computed} computed")
            }
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

impl<E> From<SymbolFault> for Error<E> {
    fn from(fault: SymbolFault) -> Self {
        Self::Symbol(fault)
    }
}
