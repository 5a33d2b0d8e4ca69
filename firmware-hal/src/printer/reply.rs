//! The bytes that come back from the printer, one at a time.
//!
//! Three kinds of answer and two flow control codes share the line; their fixed bits tell them apart.
//! The parser holds at most one unfinished answer, so that noise costs at most that one.
//!
//! Source: Epson ESC/POS Command Reference, `DLE EOT`, `GS a`, `GS ( H` function 48 (specify the
//! process ID response) and `DLE DC4` function 8 (clear buffers).

use super::Status;
use super::status::{continues_automatic, is_real_time_answer, starts_automatic};

/// A number that the printer hands back once everything sent before it is on paper.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct JobId([u8; 4]);

impl JobId {
    /// The last four decimal digits of a number.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        let digit = |power: u32| b'0' + u8::try_from(number / power % 10).unwrap_or_default();
        Self([digit(1000), digit(100), digit(10), digit(1)])
    }

    /// The four characters on the wire.
    #[must_use]
    pub const fn bytes(self) -> [u8; 4] {
        self.0
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reply {
    /// The answer to a `DLE EOT`; which one, only the asker knows.
    RealTime(u8),
    /// A report that the printer sent by itself.
    Automatic(Status),
    /// Everything before this job's mark is on paper. A printer that could not speak for a while names
    /// only the latest job.
    Printed(JobId),
    /// The buffers were cleared, as [`super::Printer::clear_buffers`] asked.
    Cleared,
}

/// What a byte led to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parsed {
    /// An answer is under way, or the byte was flow control.
    Pending,
    /// An answer is complete.
    Reply(Reply),
    /// The byte belongs to no answer; an unfinished one before it is forgotten.
    Unknown(u8),
}

/// Makes answers of bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReplyParser {
    held: [u8; LONGEST],
    length: usize,
}

/// Header, identifier, four characters, NUL.
const LONGEST: usize = 7;

const XON: u8 = 0x11;
const XOFF: u8 = 0x13;
const HEADER: u8 = 0x37;
const PROCESS_ID: u8 = 0x22;
const CLEARED: u8 = 0x25;

impl ReplyParser {
    /// A parser that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            held: [0; LONGEST],
            length: 0,
        }
    }

    /// Takes the next byte. A byte that does not fit the answer under way may begin another.
    pub fn push(&mut self, byte: u8) -> Parsed {
        if matches!(byte, XON | XOFF) {
            return Parsed::Pending;
        }
        let mut parsed = self.extend(byte);
        if matches!(parsed, Parsed::Unknown(_)) && self.length > 1 {
            self.length = 0;
            parsed = self.extend(byte);
        }
        if !matches!(parsed, Parsed::Pending) {
            self.length = 0;
        }
        parsed
    }

    fn extend(&mut self, byte: u8) -> Parsed {
        if let Some(place) = self.held.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
        match *self.held.get(..self.length).unwrap_or_default() {
            [answer] if is_real_time_answer(answer) => Parsed::Reply(Reply::RealTime(answer)),
            [a, b, c, d] if starts_automatic(a) => Status::from_automatic([a, b, c, d])
                .map_or(Parsed::Unknown(byte), |status| {
                    Parsed::Reply(Reply::Automatic(status))
                }),
            [first, ref rest @ ..] if starts_automatic(first) => {
                pending_if(rest.iter().copied().all(continues_automatic), byte)
            }
            [HEADER] | [HEADER, CLEARED] => Parsed::Pending,
            [HEADER, CLEARED, 0] => Parsed::Reply(Reply::Cleared),
            [HEADER, PROCESS_ID, a, b, c, d, 0] => {
                Parsed::Reply(Reply::Printed(JobId([a, b, c, d])))
            }
            [HEADER, PROCESS_ID, ref id @ ..] => pending_if(
                id.len() <= 4 && id.iter().all(|character| matches!(character, b' '..=b'~')),
                byte,
            ),
            _ => Parsed::Unknown(byte),
        }
    }
}

const fn pending_if(fits: bool, byte: u8) -> Parsed {
    if fits {
        Parsed::Pending
    } else {
        Parsed::Unknown(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::{JobId, Parsed, Reply, ReplyParser};
    use crate::printer::Status;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Vec<Parsed> {
        let mut parser = ReplyParser::new();
        bytes
            .iter()
            .map(|&byte| parser.push(byte))
            .filter(|parsed| *parsed != Parsed::Pending)
            .collect()
    }

    fn printed(number: u32) -> Parsed {
        Parsed::Reply(Reply::Printed(JobId::from_number(number)))
    }

    fn cover_open() -> Parsed {
        let status = Status {
            offline: true,
            cover_open: true,
            ..Status::default()
        };
        Parsed::Reply(Reply::Automatic(status))
    }

    #[test]
    fn the_three_kinds_are_told_apart() {
        let line = b"\x12\x38\0\0\0\x37\x220042\0\x1a";
        let expected = [
            Parsed::Reply(Reply::RealTime(0x12)),
            cover_open(),
            printed(42),
            Parsed::Reply(Reply::RealTime(0x1A)),
        ];
        assert_eq!(parse(line), expected);
    }

    #[test]
    fn flow_control_may_stand_anywhere() {
        assert_eq!(parse(b"\x13\x38\x11\0\x13\0\0\x11"), [cover_open()]);
    }

    #[test]
    fn a_report_cut_short_gives_way_to_the_next() {
        assert_eq!(parse(b"\x18\0\x38\0\0\0"), [cover_open()]);
        assert_eq!(
            parse(b"\x37\x22\x18\0\0\0\x37\x38\0\0\0").last(),
            Some(&cover_open())
        );
    }

    #[test]
    fn job_numbers_keep_their_last_four_digits() {
        assert_eq!(JobId::from_number(7).bytes(), *b"0007");
        assert_eq!(JobId::from_number(4_294_967_295).bytes(), *b"7295");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_a_report_after_a_pause_is_read(
            noise in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut parser = ReplyParser::new();
            for byte in noise {
                parser.push(byte);
            }
            // The longest unfinished answer swallows at most one report.
            let mut seen = Vec::new();
            for byte in [0x38, 0, 0, 0, 0x38, 0, 0, 0] {
                seen.push(parser.push(byte));
            }
            prop_assert_eq!(seen.last().copied(), Some(cover_open()));
        }

        #[test]
        fn no_reply_is_invented_from_plain_zeros_and_text(
            noise in proptest::collection::vec(prop_oneof![Just(0), b' '..b'0'], 0..200),
        ) {
            let replies = parse(&noise).into_iter().filter(|p| matches!(p, Parsed::Reply(_)));
            prop_assert_eq!(replies.count(), 0);
        }
    }
}
