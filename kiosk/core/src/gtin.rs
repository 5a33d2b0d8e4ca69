//! Article numbers, as bar codes carry them.
//!
//! Source: GS1 General Specifications, 3.3.2 (GTIN, application identifier 01) and 7.9 (check digits).

use std::fmt;
use std::str::FromStr;

/// A Global Trade Item Number, in its longest form: 14 digits. Shorter ones (EAN-13, UPC-A, EAN-8) are
/// the same with zeros before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtin(u64);

/// A text that is no article number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an article number of 8, 12, 13 or 14 digits, the last of them its check digit")]
pub struct BadGtin;

impl FromStr for Gtin {
    type Err = BadGtin;

    fn from_str(text: &str) -> Result<Self, BadGtin> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !matches!(text.len(), 8 | 12 | 13 | 14) {
            return Err(BadGtin);
        }
        let sum: u32 = text
            .bytes()
            .rev()
            .zip([1, 3].into_iter().cycle())
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum();
        match text.parse() {
            Ok(number) if sum.is_multiple_of(10) => Ok(Self(number)),
            _ => Err(BadGtin),
        }
    }
}

impl fmt::Display for Gtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_article_has_one_number_however_long_it_is_written() {
        let upc: Gtin = "036000291452".parse().unwrap();
        assert_eq!("0036000291452".parse(), Ok(upc));
        assert_eq!("00036000291452".parse(), Ok(upc));
        assert_eq!(upc.to_string(), "00036000291452");
        assert!("96385074".parse::<Gtin>().is_ok(), "EAN-8");
        assert!("4006381333931".parse::<Gtin>().is_ok(), "EAN-13");
    }

    #[test]
    fn a_wrong_check_digit_another_length_and_letters_are_refused() {
        for text in [
            "",
            "036000291453",
            "0360002914",
            "03600029145x",
            "４006381333931",
        ] {
            assert_eq!(text.parse::<Gtin>(), Err(BadGtin), "{text}");
        }
    }
}
