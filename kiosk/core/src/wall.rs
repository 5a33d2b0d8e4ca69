//! Wall time: for people only. No decision about order, identity or expiry rests on it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant of wall time in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    /// From milliseconds since the Unix epoch; what lies outside the years −9999 to 9999 saturates.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        let least = Timestamp::MIN.as_millisecond();
        let most = Timestamp::MAX.as_millisecond();
        Self(millis.clamp(least, most))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The same instant as a jiff timestamp.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339, UTC, milliseconds: `2026-11-20T09:30:00.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl FromStr for WallTime {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Timestamp>()
            .map(|stamp| Self(stamp.as_millisecond()))
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_milliseconds_and_read_back() {
        let time = WallTime::from_millis(1_795_168_200_120);
        assert_eq!(time.to_string(), "2026-11-20T09:50:00.120Z");
        assert_eq!(time.to_string().parse::<WallTime>().unwrap(), time);
        assert_eq!(
            WallTime::from_millis(0).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
    }
}
