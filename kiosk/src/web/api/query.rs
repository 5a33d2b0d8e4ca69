//! Query parameters.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;
use jiff::civil::Date;
use kiosk_core::document::Fault;

use crate::web::error::Problem;

/// Query parameters being read: each at most once, none that nobody knows, empty ones as absent.
pub(super) struct Params {
    given: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Params {
    pub(super) fn read(uri: &Uri, known: &[&str]) -> Self {
        let mut params = Self {
            given: BTreeMap::new(),
            faults: Vec::new(),
        };
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        for (name, value) in pairs.map(|Query(pairs)| pairs).unwrap_or_default() {
            if !known.contains(&name.as_str()) {
                let detail = format!("is not a parameter here; known are {}", known.join(", "));
                params.fault(&name, &detail);
            } else if value.is_empty() {
                // As good as absent.
            } else if params.given.insert(name.clone(), value).is_some() {
                params.fault(&name, "is given twice");
            }
        }
        params
    }

    fn fault(&mut self, name: &str, detail: &str) {
        let name: String = name.chars().take(40).collect();
        self.faults.push(Fault {
            pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            detail: detail.to_owned(),
        });
    }

    /// The parameter as `read` understands it; `detail` is told if it doesn't.
    pub(super) fn get<T>(
        &mut self,
        name: &str,
        detail: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(self.given.get(name)?);
        if value.is_none() {
            self.fault(name, detail);
        }
        value
    }

    /// A business date.
    pub(super) fn date(&mut self) -> Option<Date> {
        let detail = "must be a date such as 2026-11-20";
        self.get("business_date", detail, |text| {
            // The parser knows more ways to write a date than this API has.
            text.parse()
                .ok()
                .filter(|date: &Date| date.to_string() == text)
        })
    }

    /// A whole number in plain digits.
    pub(super) fn number(
        &mut self,
        name: &str,
        detail: &str,
        least: u64,
        most: u64,
    ) -> Option<u64> {
        self.get(name, detail, |text| {
            let plain = text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|number| plain && (least..=most).contains(number))
        })
    }

    /// Refuses what was wrong.
    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(&self.faults))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let uri = format!("/x?{query}").parse().unwrap();
        Params::read(&uri, &["business_date", "limit"])
    }

    fn refused(mut params: Params) -> Vec<String> {
        params.date();
        params.number("limit", "must be a number", 1, 500);
        params.faults.into_iter().map(|f| f.pointer).collect()
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused_and_empty_ones_are_absent() {
        assert_eq!(
            refused(params("buisness_date=2026-11-20")),
            ["/buisness_date"]
        );
        assert_eq!(refused(params("limit=1&limit=2")), ["/limit"]);
        assert_eq!(refused(params("limit=&business_date=")), [""; 0]);
        assert_eq!(refused(params("a%2Fb=1&%FF=2")), ["/a~1b", "/\u{fffd}"]);
    }

    #[test]
    fn dates_and_numbers_have_one_way_to_be_written() {
        for bad in ["20261120", "2026-11-20T00:00", "2026-02-30", "-2026-11-20"] {
            assert_eq!(
                refused(params(&format!("business_date={bad}"))),
                ["/business_date"]
            );
        }
        for bad in ["0", "501", "+5", "%205", "5.0", "99999999999999999999"] {
            assert_eq!(
                refused(params(&format!("limit={bad}"))),
                ["/limit"],
                "{bad}"
            );
        }
        assert_eq!(
            refused(params("business_date=2026-11-20&limit=500")),
            [""; 0]
        );
    }
}
