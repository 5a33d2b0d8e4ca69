//! Money: integer minor units plus an ISO 4217 currency.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Totals stay below this many minor units (contract: below 10^12).
pub const TOTAL_LIMIT: i64 = 1_000_000_000_000;

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// A text that is no ISO 4217 code with minor units.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a currency; use an ISO 4217 code such as USD")]
pub struct UnknownCurrency(String);

impl Currency {
    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The number in ISO 4217.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0.numeric()
    }

    /// How many digits stand behind the decimal point: JPY 0, USD 2, KWD 3.
    #[must_use]
    pub fn exponent(self) -> u8 {
        self.0
            .exponent()
            .and_then(|exponent| u8::try_from(exponent).ok())
            .unwrap_or(0)
    }

    /// The customary symbol, for instance `$`.
    #[must_use]
    pub fn symbol(self) -> String {
        self.0.symbol().to_string()
    }

    /// An amount in plain digits without a symbol: `12.90`, `-0.05`, `500`.
    #[must_use]
    pub fn plain(self, minor: i64) -> String {
        let digits = usize::from(self.exponent());
        let sign = if minor < 0 { "-" } else { "" };
        let scale = 10_u64.pow(u32::from(self.exponent()));
        let (whole, part) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
        if digits == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{part:0digits$}")
        }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or_else(|| UnknownCurrency(code.chars().take(20).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

/// A tax rate in millionths: 8.25 % is 82,500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u32);

/// A text that is no tax rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a rate; write a decimal from \"0\" to \"1\" with at most 6 digits behind the point, such as \"0.0825\""
)]
pub struct BadRate(String);

/// What one whole is in the unit of [`Rate`].
const WHOLE: u32 = 1_000_000;

impl Rate {
    /// No tax.
    pub const ZERO: Rate = Rate(0);

    /// A rate of so many millionths, at most 100 %.
    #[must_use]
    pub fn from_millionths(millionths: u32) -> Option<Self> {
        (millionths <= WHOLE).then_some(Self(millionths))
    }

    /// The tax contained in a gross amount, half away from zero.
    #[must_use]
    pub fn within(self, gross: i64) -> i64 {
        let rate = i128::from(self.0);
        divide(i128::from(gross) * rate, i128::from(WHOLE) + rate)
    }

    /// The tax on top of a net amount, half away from zero.
    #[must_use]
    pub fn on_top(self, net: i64) -> i64 {
        divide(i128::from(net) * i128::from(self.0), i128::from(WHOLE))
    }
}

/// Division rounded half away from zero; `by` is positive.
fn divide(what: i128, by: i128) -> i64 {
    let doubled = 2 * what.abs() + by;
    let rounded = doubled / (2 * by) * what.signum();
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadRate(text.chars().take(20).collect());
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || part.len() > 6 || text.ends_with('.') {
            return Err(bad());
        }
        if !digits(whole) || !digits(part) {
            return Err(bad());
        }
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        let part: u32 = format!("{part:0<6}").parse().map_err(|_| bad())?;
        Self::from_millionths(whole * WHOLE + part).ok_or_else(bad)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / WHOLE, self.0 % WHOLE);
        if part == 0 {
            return write!(f, "{whole}");
        }
        let part = format!("{part:06}");
        write!(f, "{whole}.{}", part.trim_end_matches('0'))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_the_exponent_of_the_currency() {
        let plain = |code: &str, minor| code.parse::<Currency>().unwrap().plain(minor);
        assert_eq!(plain("JPY", 1290), "1290");
        assert_eq!(plain("USD", 1290), "12.90");
        assert_eq!(plain("KWD", 1290), "1.290");
        assert_eq!(plain("USD", -5), "-0.05");
    }

    #[test]
    fn an_unknown_currency_is_refused() {
        for code in ["", "usd", "US", "XQQ", "EURO"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }

    #[test]
    fn a_rate_is_a_decimal_text_with_at_most_six_digits() {
        assert_eq!("0.0825".parse(), Ok(Rate(82_500)));
        assert_eq!("1".parse(), Ok(Rate(1_000_000)));
        assert_eq!("0".parse(), Ok(Rate::ZERO));
        assert_eq!(Rate(82_500).to_string(), "0.0825");
        assert_eq!(Rate::ZERO.to_string(), "0");
        for bad in [
            "",
            ".5",
            "1.",
            "1.1",
            "-0.1",
            "0.1234567",
            "8 %",
            "0,1",
            "+0.1",
            "1e-2",
        ] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let half: Rate = "0.5".parse().unwrap();
        assert_eq!(half.on_top(1), 1);
        assert_eq!(half.on_top(-1), -1);
        assert_eq!(half.on_top(3), 2);
        let tenth: Rate = "0.1".parse().unwrap();
        assert_eq!(tenth.within(11), 1);
        assert_eq!(tenth.on_top(14), 1);
        assert_eq!(tenth.on_top(15), 2);
    }
}
