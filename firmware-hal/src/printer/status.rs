//! What the printer says about itself.
//!
//! Source: Epson ESC/POS Command Reference, `DLE EOT` (transmit real-time status) for the one-byte
//! answers and `GS a` (automatic status back) for the four-byte report.

/// How much paper is left.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PaperLevel {
    /// Enough.
    #[default]
    Adequate,
    /// The near-end sensor no longer sees paper: some metres are left. Printing goes on. Printers without
    /// that sensor never say so.
    Low,
    /// None.
    Out,
}

/// A fault that stops printing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Goes away by itself, as when the head has cooled down.
    PassesByItself,
    /// The cutter is blocked.
    Cutter,
    /// Another fault that a human can clear.
    Recoverable,
    /// The printer needs repair.
    Unrecoverable,
}

/// Why nothing is printed now, the thing to put right first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// The cover is open.
    CoverOpen,
    /// Paper is out.
    PaperOut,
    /// A fault.
    Fault(Fault),
    /// Offline for a reason the printer does not tell, such as a hand on the feed button.
    Offline,
}

/// The printer's condition.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Status {
    /// Not taking print data.
    pub offline: bool,
    /// The cover is open.
    pub cover_open: bool,
    /// Paper left.
    pub paper: PaperLevel,
    /// The gravest fault, if any.
    pub fault: Option<Fault>,
    /// Somebody feeds paper with the button.
    pub feeding: bool,
    /// The drawer's switch (pin 3) is high. Whether that means open depends on the drawer.
    pub drawer_high: bool,
}

impl Status {
    /// Why nothing is printed now; `None` if the printer prints.
    #[must_use]
    pub const fn obstacle(&self) -> Option<Obstacle> {
        if self.cover_open {
            Some(Obstacle::CoverOpen)
        } else if matches!(self.paper, PaperLevel::Out) {
            Some(Obstacle::PaperOut)
        } else if let Some(fault) = self.fault {
            Some(Obstacle::Fault(fault))
        } else if self.offline {
            Some(Obstacle::Offline)
        } else {
            None
        }
    }

    /// Reads the four bytes of an automatic status report; `None` if their fixed bits are wrong.
    #[must_use]
    pub const fn from_automatic([first, second, paper, last]: [u8; 4]) -> Option<Self> {
        if !starts_automatic(first)
            || !continues_automatic(second)
            || !continues_automatic(paper)
            || !continues_automatic(last)
        {
            return None;
        }
        Some(Self {
            offline: first & 0x08 != 0,
            cover_open: first & 0x20 != 0,
            paper: paper_level(paper & 0x03 != 0, paper & 0x0C != 0),
            fault: fault(second),
            feeding: first & 0x40 != 0,
            drawer_high: first & 0x04 != 0,
        })
    }

    /// Reads the answers to `DLE EOT` 1 to 4; `None` if their fixed bits are wrong.
    #[must_use]
    pub const fn from_real_time([printer, offline, error, paper]: [u8; 4]) -> Option<Self> {
        if !is_real_time_answer(printer)
            || !is_real_time_answer(offline)
            || !is_real_time_answer(error)
            || !is_real_time_answer(paper)
        {
            return None;
        }
        let paper_out = paper & 0x60 != 0 || offline & 0x20 != 0;
        let named = fault(error);
        Some(Self {
            offline: printer & 0x08 != 0,
            cover_open: offline & 0x04 != 0,
            paper: paper_level(paper & 0x0C != 0, paper_out),
            fault: if named.is_none() && offline & 0x40 != 0 {
                Some(Fault::Recoverable)
            } else {
                named
            },
            feeding: offline & 0x08 != 0,
            drawer_high: printer & 0x04 != 0,
        })
    }
}

/// Bits 0, 1, 4 and 7 of an answer to `DLE EOT` are fixed at 0, 1, 1 and 0.
pub(super) const fn is_real_time_answer(byte: u8) -> bool {
    byte & 0b1001_0011 == 0b0001_0010
}

/// The first byte of a report has bits 0, 1, 4 and 7 fixed at 0, 0, 1 and 0.
pub(super) const fn starts_automatic(byte: u8) -> bool {
    byte & 0b1001_0011 == 0b0001_0000
}

/// The other bytes of a report have bits 4 and 7 fixed at 0.
pub(super) const fn continues_automatic(byte: u8) -> bool {
    byte & 0b1001_0000 == 0
}

const fn paper_level(low: bool, out: bool) -> PaperLevel {
    match (low, out) {
        (_, true) => PaperLevel::Out,
        (true, false) => PaperLevel::Low,
        (false, false) => PaperLevel::Adequate,
    }
}

/// The same four bits in both kinds of answer.
const fn fault(bits: u8) -> Option<Fault> {
    if bits & 0x20 != 0 {
        Some(Fault::Unrecoverable)
    } else if bits & 0x08 != 0 {
        Some(Fault::Cutter)
    } else if bits & 0x04 != 0 {
        Some(Fault::Recoverable)
    } else if bits & 0x40 != 0 {
        Some(Fault::PassesByItself)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Obstacle, PaperLevel, Status};

    fn automatic(bytes: [u8; 4]) -> Status {
        Status::from_automatic(bytes).unwrap()
    }

    fn real_time(bytes: [u8; 4]) -> Status {
        Status::from_real_time(bytes).unwrap()
    }

    #[test]
    fn a_printer_at_rest_has_no_obstacle() {
        assert_eq!(automatic([0x10, 0, 0, 0]), Status::default());
        assert_eq!(real_time([0x12; 4]), Status::default());
        assert_eq!(Status::default().obstacle(), None);
    }

    #[test]
    fn each_bit_of_an_automatic_report() {
        assert!(automatic([0x14, 0, 0, 0]).drawer_high);
        assert!(automatic([0x50, 0, 0, 0]).feeding);
        assert_eq!(
            automatic([0x18, 0, 0, 0]).obstacle(),
            Some(Obstacle::Offline)
        );
        assert_eq!(
            automatic([0x38, 0, 0, 0]).obstacle(),
            Some(Obstacle::CoverOpen)
        );
        assert_eq!(
            automatic([0x10, 0x04, 0, 0]).fault,
            Some(Fault::Recoverable)
        );
        assert_eq!(automatic([0x10, 0x08, 0, 0]).fault, Some(Fault::Cutter));
        assert_eq!(
            automatic([0x10, 0x20, 0, 0]).fault,
            Some(Fault::Unrecoverable)
        );
        assert_eq!(
            automatic([0x10, 0x40, 0, 0]).fault,
            Some(Fault::PassesByItself)
        );
        assert_eq!(automatic([0x10, 0, 0x03, 0]).paper, PaperLevel::Low);
        assert_eq!(
            automatic([0x18, 0, 0x0F, 0]).obstacle(),
            Some(Obstacle::PaperOut)
        );
    }

    #[test]
    fn each_bit_of_the_real_time_answers() {
        assert!(real_time([0x16, 0x12, 0x12, 0x12]).drawer_high);
        assert_eq!(
            real_time([0x1A, 0x12, 0x12, 0x12]).obstacle(),
            Some(Obstacle::Offline)
        );
        assert_eq!(
            real_time([0x1A, 0x16, 0x12, 0x12]).obstacle(),
            Some(Obstacle::CoverOpen)
        );
        assert!(real_time([0x12, 0x1A, 0x12, 0x12]).feeding);
        assert_eq!(
            real_time([0x1A, 0x32, 0x12, 0x12]).obstacle(),
            Some(Obstacle::PaperOut)
        );
        assert_eq!(
            real_time([0x1A, 0x52, 0x12, 0x12]).fault,
            Some(Fault::Recoverable)
        );
        assert_eq!(
            real_time([0x1A, 0x52, 0x1A, 0x12]).fault,
            Some(Fault::Cutter)
        );
        assert_eq!(
            real_time([0x1A, 0x52, 0x32, 0x12]).fault,
            Some(Fault::Unrecoverable)
        );
        assert_eq!(
            real_time([0x1A, 0x52, 0x52, 0x12]).fault,
            Some(Fault::PassesByItself)
        );
        assert_eq!(real_time([0x12, 0x12, 0x12, 0x1E]).paper, PaperLevel::Low);
        assert_eq!(real_time([0x1A, 0x12, 0x12, 0x7E]).paper, PaperLevel::Out);
    }

    #[test]
    fn the_cover_is_named_before_the_paper_behind_it() {
        assert_eq!(
            automatic([0x38, 0, 0x0C, 0]).obstacle(),
            Some(Obstacle::CoverOpen)
        );
    }

    #[test]
    fn wrong_fixed_bits_are_refused() {
        assert_eq!(Status::from_automatic([0x12, 0, 0, 0]), None);
        assert_eq!(Status::from_automatic([0x10, 0x10, 0, 0]), None);
        assert_eq!(Status::from_automatic([0x10, 0, 0x80, 0]), None);
        assert_eq!(Status::from_automatic([0x10, 0, 0, 0x10]), None);
        assert_eq!(Status::from_real_time([0x10, 0x12, 0x12, 0x12]), None);
        assert_eq!(Status::from_real_time([0x12, 0x12, 0x12, 0xFF]), None);
    }
}
