//! Which report of a business day a print job is of.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// The report of a day as it is when it is printed, or one as it was when its day was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOf {
    /// X: what the day is by then.
    Day(Date),
    /// The Z report of that number.
    Closed(u64),
}

impl fmt::Display for ReportOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => write!(f, "x/{date}"),
            Self::Closed(z) => write!(f, "z/{z}"),
        }
    }
}

/// A text that names no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no report")]
pub struct NoReport;

impl FromStr for ReportOf {
    type Err = NoReport;

    fn from_str(text: &str) -> Result<Self, NoReport> {
        match text.split_once('/') {
            Some(("x", date)) => date.parse().map(Self::Day).map_err(|_| NoReport),
            Some(("z", z)) => z.parse().map(Self::Closed).map_err(|_| NoReport),
            _ => Err(NoReport),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_is_written_and_read_back() {
        for (of, text) in [
            (ReportOf::Day("2026-11-20".parse().unwrap()), "x/2026-11-20"),
            (ReportOf::Closed(7), "z/7"),
        ] {
            assert_eq!(of.to_string(), text);
            assert_eq!(text.parse(), Ok(of));
        }
        for text in ["", "x", "z/", "x/yesterday", "noodle"] {
            assert_eq!(text.parse::<ReportOf>(), Err(NoReport), "{text}");
        }
    }
}
