//! The elements of a GS1 code: article number, batch, expiry and the like.
//!
//! Source: GS1 General Specifications, chapter 3 (application identifiers), 7.8 (element strings with
//! predefined length and FNC1) and 7.9 (check digits). An element is an application identifier of two to
//! four digits and a value. Values of the identifiers named there as predefined end by their length, all
//! others at a separator (sent by scanners as the control character GS, 0x1D) or at the end.

const SEPARATOR: u8 = 0x1D;

/// An element: `(01) 09501101530003`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Element<'a> {
    /// The application identifier, as its digits.
    pub identifier: &'a [u8],
    /// The value; never empty, never holds a separator.
    pub value: &'a [u8],
}

/// Why a content is not made of GS1 elements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Here stands no known application identifier.
    Identifier,
    /// The value is shorter than its identifier says, or empty.
    Value,
    /// The value's check digit is wrong.
    CheckDigit,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Identifier => "no GS1 application identifier",
            Self::Value => "the value of a GS1 element is cut short",
            Self::CheckDigit => "the check digit of a GS1 element is wrong",
        })
    }
}

impl core::error::Error for Fault {}

/// The elements of a content, in their order. Ends after the first fault.
#[must_use]
pub const fn elements(content: &[u8]) -> Elements<'_> {
    Elements { rest: content }
}

/// The article number (GTIN, 14 digits) of a content, if it has one.
///
/// # Errors
///
/// [`Fault`] of the first element that has one, up to the article number.
pub fn article(content: &[u8]) -> Result<Option<&[u8]>, Fault> {
    for element in elements(content) {
        let Element { identifier, value } = element?;
        if identifier == b"01" {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Iterates over elements. See [`elements`].
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = match self.rest {
            [SEPARATOR, rest @ ..] => rest,
            rest => rest,
        };
        if rest.is_empty() {
            return None;
        }
        match split(rest) {
            Ok((element, rest)) => {
                self.rest = rest;
                Some(Ok(element))
            }
            Err(fault) => {
                self.rest = &[];
                Some(Err(fault))
            }
        }
    }
}

/// The first element and what follows it.
fn split(content: &[u8]) -> Result<(Element<'_>, &[u8]), Fault> {
    let &[first, second, ..] = content else {
        return Err(Fault::Identifier);
    };
    let digits = identifier_digits(first, second).ok_or(Fault::Identifier)?;
    let (identifier, rest) = content.split_at_checked(digits).ok_or(Fault::Identifier)?;
    if !identifier.iter().all(u8::is_ascii_digit) {
        return Err(Fault::Identifier);
    }
    let (value, rest) = match predefined_length(first, second) {
        Some(total) => rest.split_at_checked(total - digits).ok_or(Fault::Value)?,
        None => {
            let end = rest
                .iter()
                .position(|&byte| byte == SEPARATOR)
                .unwrap_or(rest.len());
            rest.split_at_checked(end).ok_or(Fault::Value)?
        }
    };
    if value.is_empty() || value.contains(&SEPARATOR) {
        return Err(Fault::Value);
    }
    if has_check_digit(identifier) && !check_digit_is_right(value) {
        return Err(Fault::CheckDigit);
    }
    Ok((Element { identifier, value }, rest))
}

/// How many digits an application identifier has, by its first two.
const fn identifier_digits(first: u8, second: u8) -> Option<usize> {
    match (first, second) {
        (b'0', b'0'..=b'4') | (b'1', b'0'..=b'9') => Some(2),
        (b'2', b'0'..=b'2') | (b'3', b'0' | b'7') | (b'9', b'0'..=b'9') => Some(2),
        (b'2', b'3'..=b'5') | (b'4', b'0'..=b'2') | (b'7', b'1') => Some(3),
        (b'3', b'1'..=b'6' | b'9') | (b'4', b'3') | (b'7', b'0' | b'2') => Some(4),
        (b'8', b'0'..=b'2') => Some(4),
        _ => None,
    }
}

/// Characters of an element with predefined length, identifier included.
const fn predefined_length(first: u8, second: u8) -> Option<usize> {
    match (first, second) {
        (b'0', b'0') => Some(20),
        (b'0', b'1'..=b'3') => Some(16),
        (b'0', b'4') => Some(18),
        (b'1', b'1'..=b'9') => Some(8),
        (b'2', b'0') => Some(4),
        (b'3', b'1'..=b'6') => Some(10),
        (b'4', b'1') => Some(16),
        _ => None,
    }
}

/// Shipping container codes, article numbers and locations end in a check digit.
const fn has_check_digit(identifier: &[u8]) -> bool {
    matches!(identifier, b"00" | b"01" | b"02" | [b'4', b'1', _])
}

fn check_digit_is_right(value: &[u8]) -> bool {
    if !value.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weights = [1_u32, 3].into_iter().cycle();
    let sum: u32 = value
        .iter()
        .rev()
        .zip(weights)
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::{Element, Fault, article, elements};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    type Pair<'a> = (&'a [u8], &'a [u8]);

    fn read(content: &[u8]) -> Result<Vec<Pair<'_>>, Fault> {
        elements(content)
            .map(|element| element.map(|Element { identifier, value }| (identifier, value)))
            .collect()
    }

    #[test]
    fn fixed_and_separated_elements_are_told_apart() {
        let content = b"010950110153000317140704\x1d10AB-123\x1d3922795\x1d21XYZ";
        let expected: [Pair<'_>; 5] = [
            (b"01", b"09501101530003"),
            (b"17", b"140704"),
            (b"10", b"AB-123"),
            (b"3922", b"795"),
            (b"21", b"XYZ"),
        ];
        assert_eq!(read(content).unwrap(), expected);
        assert_eq!(article(content), Ok(Some(b"09501101530003".as_slice())));
    }

    #[test]
    fn weights_and_locations_have_longer_identifiers() {
        let expected: [Pair<'_>; 2] = [(b"3103", b"000195"), (b"414", b"9501101020917")];
        assert_eq!(read(b"31030001954149501101020917").unwrap(), expected);
    }

    #[test]
    fn every_fault_is_told_apart() {
        assert_eq!(read(b"0"), Err(Fault::Identifier));
        assert_eq!(read(b"05123"), Err(Fault::Identifier));
        assert_eq!(read(b"https://x"), Err(Fault::Identifier));
        assert_eq!(read(b"31A3000195"), Err(Fault::Identifier));
        assert_eq!(read(b"0109501101530"), Err(Fault::Value));
        assert_eq!(read(b"10"), Err(Fault::Value));
        assert_eq!(read(b"1714\x1d704"), Err(Fault::Value));
        assert_eq!(read(b"0109501101530004"), Err(Fault::CheckDigit));
        assert_eq!(read(b"010950110153000X"), Err(Fault::CheckDigit));
    }

    #[test]
    fn what_comes_before_a_fault_is_kept_and_nothing_after_it() {
        let mut read = elements(b"10A\x1d17140\x1d21B");
        assert_eq!(
            read.next(),
            Some(Ok(Element {
                identifier: b"10",
                value: b"A"
            }))
        );
        assert_eq!(read.next(), Some(Err(Fault::Value)));
        assert_eq!(read.next(), None);
    }

    #[test]
    fn a_code_without_an_article_has_none() {
        assert_eq!(article(b"10A"), Ok(None));
        assert_eq!(article(b""), Ok(None));
    }

    proptest! {
        #[test]
        fn any_content_is_survived_and_elements_cover_it_in_order(
            content in proptest::collection::vec(
                prop_oneof![b'0'..=b'9', Just(0x1D), any::<u8>()], 0..120,
            ),
        ) {
            let mut covered = 0;
            for Element { identifier, value } in elements(&content).flatten() {
                prop_assert!(!value.is_empty() && !value.contains(&0x1D));
                covered += identifier.len() + value.len();
            }
            prop_assert!(covered <= content.len());
        }
    }
}
