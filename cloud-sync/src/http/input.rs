//! Reading what clients send: bodies with a limit and a deadline, JSON and queries of known fields,
//! opaque cursors.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kiosk_core::document::{At, Fault, Faults};
use serde_json::Value;

use super::problem::Problem;

/// The largest JSON request that is not a menu.
pub(crate) const JSON_LIMIT: usize = 16 * 1024;
/// A kiosk on a slow line gets a frame through in this time; who is slower is holding a place.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Rows in a page if the client doesn't say, and at most.
const PAGE: usize = 50;
const PAGE_MOST: i64 = 200;

/// All of a body.
pub(crate) async fn body(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let read = tokio::time::timeout(BODY_TIME, to_bytes(body, limit)).await;
    match read {
        Err(_) => Err(Problem::timeout()),
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => Err(Problem::too_large(limit)),
    }
}

/// A body of JSON.
pub(crate) async fn json(raw: Body) -> Result<Value, Problem> {
    let bytes = body(raw, JSON_LIMIT).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))
}

/// The parameters of a query, each known and given once.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    faults: Faults,
}

impl Query {
    pub(crate) fn read(query: Option<&str>, known: &[&str]) -> Self {
        let mut faults = Faults::default();
        let mut pairs: Vec<(String, String)> = Vec::new();
        let at = At::Root;
        for (name, value) in decode(query.unwrap_or_default()) {
            if !known.contains(&name.as_str()) {
                faults.add(
                    &at.key(&name),
                    format!("is not known here; known are: {}", known.join(", ")),
                );
            } else if pairs.iter().any(|(before, _)| *before == name) {
                faults.add(&at.key(&name), "is given twice");
            } else if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        Self { pairs, faults }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// A parameter that `read` understands; what it doesn't is a fault.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &str,
        must: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.text(name)?;
        let read = read(value);
        if read.is_none() {
            self.faults.add(&At::Root.key(name), must);
        }
        read
    }

    pub(crate) fn date(&mut self, name: &str) -> Option<String> {
        let read = |text: &str| text.parse::<jiff::civil::Date>().ok();
        let date = self.parsed(name, "must be a date such as 2026-11-20", read);
        date.map(|date| date.to_string())
    }

    pub(crate) fn limit(&mut self) -> usize {
        let read = |text: &str| {
            let number: i64 = text.parse().ok()?;
            usize::try_from(number)
                .ok()
                .filter(|_| (1..=PAGE_MOST).contains(&number))
        };
        let must = format!("must be a whole number between 1 and {PAGE_MOST}");
        self.parsed("limit", &must, read).unwrap_or(PAGE)
    }

    /// Where the page before ended: as many texts as `parts`.
    pub(crate) fn cursor(&mut self, parts: usize) -> Option<Vec<String>> {
        let read = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let texts: Vec<String> = text.split('|').map(str::to_owned).collect();
            (texts.len() == parts).then_some(texts)
        };
        self.parsed(
            "after",
            "is not a cursor that this list gave as `next`",
            read,
        )
    }

    /// Ends reading: every fault at once.
    pub(crate) fn end(self) -> Result<(), Problem> {
        let faults: Vec<Fault> = self.faults.into_vec();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(faults))
        }
    }
}

/// The cursor of a page that ended with these.
pub(crate) fn cursor(parts: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(parts.join("|"))
}

/// The pairs of a form that a browser sent.
pub(crate) fn form(body: &str) -> Vec<(String, String)> {
    decode(body).collect()
}

/// `application/x-www-form-urlencoded` pairs.
fn decode(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescape(name), unescape(value))
    })
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let escaped = after.first_chunk::<2>().and_then(|hex| {
            let digit = |b: u8| {
                char::from(b)
                    .to_digit(16)
                    .and_then(|d| u8::try_from(d).ok())
            };
            Some(digit(hex[0])? << 4 | digit(hex[1])?)
        });
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_every_fault_told() {
        let mut query = Query::read(
            Some("store=a%20b+c&limit=0&odd=1&store=x"),
            &["store", "limit"],
        );
        assert_eq!(query.text("store"), Some("a b c"));
        query.limit();
        assert_eq!(query.faults.into_vec().len(), 3);
    }

    #[test]
    fn a_cursor_is_read_back_and_nonsense_is_a_fault() {
        let cursor = cursor(&["2026-11-20", "id"]);
        let query = format!("after={cursor}");
        let mut query = Query::read(Some(&query), &["after"]);
        assert_eq!(query.cursor(2).unwrap(), ["2026-11-20", "id"]);
        assert_eq!(query.cursor(3), None);
        assert!(query.end().is_err());
    }
}
