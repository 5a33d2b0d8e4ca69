//! Scanners that pose as a keyboard.
//!
//! They send the eight-byte reports of a boot keyboard: modifier bits, a reserved byte, and up to six keys
//! that are down. [`Keyboard`] makes ASCII of them, to be pushed into an
//! [`Assembler`](super::Assembler).
//!
//! Sources: Device Class Definition for HID 1.11, appendix B.1 (boot keyboard report); USB HID Usage Tables,
//! chapter 10 (keyboard page). The layout is the American one, which is what scanners are delivered with;
//! control characters, such as the GS of GS1 codes, come as the control key with a letter or bracket.

/// A report as it arrives.
pub type Report = [u8; 8];

const CONTROL: u8 = 0b0001_0001;
const SHIFT: u8 = 0b0010_0010;

/// The report's way to say that too many keys are down.
const ROLL_OVER: u8 = 0x01;

/// Remembers which keys are down, so that a key that stays down counts once.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Keyboard {
    down: [u8; 6],
}

impl Keyboard {
    /// No key is down.
    #[must_use]
    pub const fn new() -> Self {
        Self { down: [0; 6] }
    }

    /// The characters of the keys that this report newly shows as down, in its order. Keys that make no
    /// ASCII character make nothing.
    pub fn report(&mut self, report: Report) -> impl Iterator<Item = u8> + use<> {
        let [modifiers, _, keys @ ..] = report;
        let before = self.down;
        let roll_over = keys.contains(&ROLL_OVER);
        if !roll_over {
            self.down = keys;
        }
        keys.into_iter()
            .filter(move |key| !roll_over && !before.contains(key))
            .filter_map(move |key| character(key, modifiers))
    }
}

/// What a key makes, on the American layout.
#[must_use]
pub fn character(key: u8, modifiers: u8) -> Option<u8> {
    const PLAIN: &[u8; 10] = b"1234567890";
    const SHIFTED: &[u8; 10] = b"!@#$%^&*()";
    const SIGNS: &[u8; 12] = b"-=[]\\\\;'`,./";
    const SHIFTED_SIGNS: &[u8; 12] = b"_+{}||:\"~<>?";

    let shift = modifiers & SHIFT != 0;
    let of = |table: &[u8], first: u8| table.get(usize::from(key - first)).copied();
    let made = match key {
        0x04..=0x1D => Some(b'a' + (key - 0x04)),
        0x1E..=0x27 => of(if shift { SHIFTED } else { PLAIN }, 0x1E),
        0x28 | 0x58 => Some(b'\r'),
        0x2B => Some(b'\t'),
        0x2C => Some(b' '),
        0x2D..=0x38 => of(if shift { SHIFTED_SIGNS } else { SIGNS }, 0x2D),
        0x59..=0x61 => Some(b'1' + (key - 0x59)),
        0x62 => Some(b'0'),
        0x63 => Some(b'.'),
        _ => None,
    }?;
    if modifiers & CONTROL != 0 {
        return match made.to_ascii_uppercase() {
            letter @ b'@'..=b'_' => Some(letter - b'@'),
            _ => None,
        };
    }
    Some(if shift {
        made.to_ascii_uppercase()
    } else {
        made
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Assembler, Symbology};
    use super::{Keyboard, Report, character};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const LEFT_SHIFT: u8 = 0b10;
    const RIGHT_CONTROL: u8 = 0b1_0000;

    fn press(modifiers: u8, key: u8) -> [Report; 2] {
        [[modifiers, 0, key, 0, 0, 0, 0, 0], [0; 8]]
    }

    fn typed(reports: impl IntoIterator<Item = Report>) -> Vec<u8> {
        let mut keyboard = Keyboard::new();
        reports
            .into_iter()
            .flat_map(|report| keyboard.report(report))
            .collect()
    }

    #[test]
    fn a_gs1_code_typed_by_a_scanner_is_read() {
        let keys = [
            (0, 0x30),             // ]
            (LEFT_SHIFT, 0x06),    // C
            (0, 0x1E),             // 1
            (0, 0x1E),             // 1
            (0, 0x27),             // 0
            (LEFT_SHIFT, 0x04),    // A
            (RIGHT_CONTROL, 0x30), // GS
            (0, 0x1F),             // 2
            (0, 0x1E),             // 1
            (0, 0x05),             // b
            (0, 0x28),             // return
        ];
        let typed = typed(
            keys.into_iter()
                .flat_map(|(modifiers, key)| press(modifiers, key)),
        );
        let mut assembler = Assembler::<32>::new();
        let ended: Vec<bool> = typed
            .iter()
            .map(|&byte| assembler.push(byte).unwrap())
            .collect();
        assert_eq!(ended.last(), Some(&true));
        let code = assembler.code().unwrap();
        assert_eq!(code.symbology, Some(Symbology::Gs1Code128));
        assert_eq!(code.content, b"10A\x1d21b");
    }

    #[test]
    fn every_printable_character_can_be_typed() {
        let all: Vec<u8> = [0, LEFT_SHIFT]
            .into_iter()
            .flat_map(|modifiers| (0..=0xFF).filter_map(move |key| character(key, modifiers)))
            .collect();
        for wanted in b' '..=b'~' {
            assert!(all.contains(&wanted), "{}", char::from(wanted));
        }
    }

    #[test]
    fn a_key_that_stays_down_counts_once_and_again_after_release() {
        let held = [0, 0, 0x04, 0, 0, 0, 0, 0];
        let both = [0, 0, 0x04, 0x05, 0, 0, 0, 0];
        assert_eq!(typed([held, held, both, held, [0; 8], held]), b"aba");
    }

    #[test]
    fn a_roll_over_types_nothing_and_forgets_nothing() {
        let held = [0, 0, 0x04, 0, 0, 0, 0, 0];
        assert_eq!(typed([held, [0, 0, 1, 1, 1, 1, 1, 1], held]), b"a");
    }

    #[test]
    fn the_number_pad_types_digits() {
        let typed = typed((0x59..=0x63).flat_map(|key| press(0, key)));
        assert_eq!(typed, b"1234567890.");
    }

    proptest! {
        #[test]
        fn any_reports_type_ascii_only(
            reports in proptest::collection::vec(any::<Report>(), 0..100),
        ) {
            prop_assert!(typed(reports).is_ascii());
        }
    }
}
