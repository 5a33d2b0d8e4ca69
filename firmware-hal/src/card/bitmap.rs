//! The fields of a terminal's message, and numbers in decimal nibbles.

/// Result of a payment, one byte.
pub(super) const RESULT: u8 = 0x27;
/// Amount, six bytes of digits.
pub(super) const AMOUNT: u8 = 0x04;
/// Number of the payment, three bytes of digits.
pub(super) const TRACE: u8 = 0x0B;
/// Currency, two bytes of digits.
pub(super) const CURRENCY: u8 = 0x49;

/// The fields of a message, as far as their kinds are known. What follows an unknown field can't be told
/// apart and is left out.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn of(data: &'a [u8]) -> Self {
        Self { rest: data }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, rest) = self.rest.split_first()?;
        let (length, rest) = length(kind, rest)?;
        let (field, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((kind, field))
    }
}

/// How many bytes the field has, and what follows its length.
fn length(kind: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    let fixed = match kind {
        0x01 | 0x02 | 0x03 | 0x05 | 0x19 | RESULT | 0x8A | 0x8C | 0xA0 | 0xD0 => 1,
        0x0D | 0x0E | 0x17 | 0x3A | CURRENCY | 0x87 => 2,
        TRACE | 0x0C | 0x37 | 0x88 | 0xAA => 3,
        0x29 => 4,
        0xBA => 5,
        AMOUNT => 6,
        0x3B => 8,
        0x2A => 15,
        // Lengths of two or three digits, one in the low half of each byte.
        0x22 | 0x23 | 0x2D | 0x8B => return digits(rest, 2),
        0x24 | 0x2E | 0x3C | 0x60 | 0x9A => return digits(rest, 3),
        // A container with a length as in ITU-T X.690.
        0x06 => return container(rest),
        _ => return None,
    };
    Some((fixed, rest))
}

fn digits(rest: &[u8], count: usize) -> Option<(usize, &[u8])> {
    let (digits, rest) = rest.split_at_checked(count)?;
    let digits = digits.iter().map(|byte| usize::from(byte & 0x0F));
    Some((digits.fold(0, |length, digit| length * 10 + digit), rest))
}

fn container(rest: &[u8]) -> Option<(usize, &[u8])> {
    match *rest {
        [length @ ..=0x7F, ref rest @ ..] => Some((length.into(), rest)),
        [0x81, length, ref rest @ ..] => Some((length.into(), rest)),
        [0x82, high, low, ref rest @ ..] => Some((u16::from_be_bytes([high, low]).into(), rest)),
        _ => None,
    }
}

/// A number in decimal nibbles, the highest first; `None` if a nibble is no digit.
pub(super) fn decimal(bytes: &[u8]) -> Option<u64> {
    let mut nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    nibbles.try_fold(0_u64, |number, nibble| {
        let shifted = number.checked_mul(10)?;
        (nibble < 10).then(|| shifted + u64::from(nibble))
    })
}

/// The lowest digits of a number, two in a byte.
pub(super) fn nibbles<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    let mut rest = number;
    for byte in bytes.iter_mut().rev() {
        let [pair, ..] = (rest % 100).to_le_bytes();
        *byte = pair / 10 * 16 + pair % 10;
        rest /= 100;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{AMOUNT, Fields, RESULT, TRACE, decimal, nibbles};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn a_status_information_is_taken_apart() {
        let data = [
            &[RESULT, 0][..],
            &[AMOUNT, 0, 0, 0, 0, 0x13, 0x40],
            &[0x22, 0xF0, 0xF3, 1, 2, 3],
            &[0x3C, 0xF0, 0xF0, 0xF2, b'o', b'k'],
            &[0x06, 0x81, 1, 9],
            &[TRACE, 0, 0, 0x42],
            &[0xFE, 1, 2],
        ]
        .concat();
        let fields: Vec<_> = Fields::of(&data).collect();
        assert_eq!(fields.len(), 6, "{fields:?}");
        assert_eq!(fields[0], (RESULT, &[0][..]));
        assert_eq!(decimal(fields[1].1), Some(1340));
        assert_eq!(fields[3].1, b"ok");
        assert_eq!(decimal(fields[5].1), Some(42));
    }

    #[test]
    fn a_nibble_that_is_no_digit_makes_no_number() {
        assert_eq!(decimal(&[0x1A]), None);
        assert_eq!(decimal(&[0x99; 6]), Some(999_999_999_999));
        assert_eq!(decimal(&[0x99; 20]), None);
        assert_eq!(nibbles::<3>(1340), [0, 0x13, 0x40]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart_within_bounds(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let taken: usize = Fields::of(&data).map(|(_, field)| field.len() + 1).sum();
            prop_assert!(taken <= data.len());
        }

        #[test]
        fn numbers_survive_their_nibbles(number in 0..1_000_000_000_000_u64) {
            prop_assert_eq!(decimal(&nibbles::<6>(number)), Some(number));
        }
    }
}
