//! Reading a JSON document by hand, so that *every* fault is told with its JSON pointer.
//!
//! A derive would stop at the first fault; whoever edits a menu wants all of them at once.

mod whole;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::whole::parse;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where it is: a JSON pointer (RFC 6901), empty for the whole document.
    pub pointer: String,
    /// What is wrong, in plain words that say what to do.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() {
            "the document"
        } else {
            &self.pointer
        };
        write!(f, "{pointer}: {}", self.detail)
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault and goes on.
    pub fn add(&mut self, at: &At<'_>, detail: impl Into<String>) {
        self.0.push(Fault {
            pointer: at.to_string(),
            detail: detail.into(),
        });
    }

    /// Whether none was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of the document.
    #[must_use]
    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

/// A place in a document. Lives on the stack and is written out only when a fault is found there.
#[derive(Clone, Copy)]
pub enum At<'a> {
    /// The document itself.
    Root,
    /// A field of an object.
    Key(&'a At<'a>, &'a str),
    /// An element of an array.
    Index(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    /// The field `key` of the object here.
    #[must_use]
    pub fn key(&'a self, key: &'a str) -> Self {
        At::Key(self, key)
    }

    /// The element `index` of the array here.
    #[must_use]
    pub fn index(&'a self, index: usize) -> Self {
        At::Index(self, index)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root => Ok(()),
            At::Key(parent, key) => {
                write!(f, "{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            At::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// An object being read.
pub struct Object<'a> {
    fields: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// Takes `value` as an object.
    pub fn read(value: &'a Value, at: &At<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self { fields }),
            other => {
                faults.add(at, format!("must be an object, not {}", kind(other)));
                None
            }
        }
    }

    /// A field that must be there.
    pub fn required<T>(
        &self,
        key: &str,
        at: &At<'_>,
        faults: &mut Faults,
        read: impl FnOnce(&'a Value, &At<'_>, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        match self.fields.get(key) {
            None | Some(Value::Null) => {
                faults.add(&at.key(key), "is missing");
                None
            }
            Some(value) => read(value, &at.key(key), faults),
        }
    }

    /// A field that may be absent or null, which is the same.
    pub fn optional<T>(
        &self,
        key: &str,
        at: &At<'_>,
        faults: &mut Faults,
        read: impl FnOnce(&'a Value, &At<'_>, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        match self.fields.get(key) {
            None | Some(Value::Null) => None,
            Some(value) => read(value, &at.key(key), faults),
        }
    }

    /// The names of the fields that `known` does not hold.
    pub fn unknown<'s>(&'s self, known: &'s [&str]) -> impl Iterator<Item = &'a str> + 's {
        self.fields
            .keys()
            .map(String::as_str)
            .filter(|key| !known.contains(key))
    }

    /// Faults every field that `known` does not hold.
    pub fn refuse_unknown(&self, known: &[&str], at: &At<'_>, faults: &mut Faults) {
        for key in self.unknown(known) {
            faults.add(
                &at.key(key),
                format!(
                    "is not a field of this request; known are {}",
                    known.join(", ")
                ),
            );
        }
    }
}

/// A text.
pub fn text<'a>(value: &'a Value, at: &At<'_>, faults: &mut Faults) -> Option<&'a str> {
    match value {
        Value::String(text) => Some(text),
        other => {
            faults.add(at, format!("must be a text, not {}", kind(other)));
            None
        }
    }
}

/// A text with at least one character that is not a blank.
pub fn filled_text<'a>(value: &'a Value, at: &At<'_>, faults: &mut Faults) -> Option<&'a str> {
    let text = text(value, at, faults)?;
    if text.trim().is_empty() {
        faults.add(at, "must not be empty");
        return None;
    }
    Some(text)
}

/// A whole number between `least` and `most`.
pub fn whole(
    value: &Value,
    at: &At<'_>,
    faults: &mut Faults,
    least: i64,
    most: i64,
) -> Option<i64> {
    match value.as_i64() {
        Some(number) if (least..=most).contains(&number) => Some(number),
        Some(number) => {
            faults.add(
                at,
                format!("must be between {least} and {most}, not {number}"),
            );
            None
        }
        None => {
            let found = match value {
                Value::Number(number) => number.to_string(),
                other => kind(other).to_owned(),
            };
            faults.add(
                at,
                format!("must be a whole number between {least} and {most}, not {found}"),
            );
            None
        }
    }
}

/// A yes or no.
pub fn boolean(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        other => {
            faults.add(at, format!("must be true or false, not {}", kind(other)));
            None
        }
    }
}

/// An array, each element read by `each`; elements with faults are left out.
pub fn list<'a, T>(
    value: &'a Value,
    at: &At<'_>,
    faults: &mut Faults,
    mut each: impl FnMut(&'a Value, &At<'_>, &mut Faults) -> Option<T>,
) -> Option<Vec<T>> {
    match value {
        Value::Array(values) => Some(
            values
                .iter()
                .enumerate()
                .filter_map(|(index, value)| each(value, &at.index(index), faults))
                .collect(),
        ),
        other => {
            faults.add(at, format!("must be a list, not {}", kind(other)));
            None
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_escapes_what_rfc_6901_says() {
        let root = At::Root;
        let key = root.key("a/b~c");
        assert_eq!(key.index(3).to_string(), "/a~1b~0c/3");
    }

    #[test]
    fn absent_and_null_are_the_same() {
        let mut faults = Faults::default();
        for value in [json!({}), json!({ "note": null })] {
            let object = Object::read(&value, &At::Root, &mut faults).unwrap();
            assert_eq!(object.optional("note", &At::Root, &mut faults, text), None);
        }
        assert!(faults.is_empty());
    }

    #[test]
    fn a_number_with_a_fraction_is_not_whole() {
        let mut faults = Faults::default();
        assert_eq!(whole(&json!(1.5), &At::Root, &mut faults, 0, 9), None);
        assert_eq!(
            faults.into_vec()[0].detail,
            "must be a whole number between 0 and 9, not 1.5"
        );
    }
}
