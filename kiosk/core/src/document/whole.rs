//! Reading JSON so that nothing in it is passed over: a field that stands twice in one object is a
//! fault, where a plain parser would keep the last and drop the first without a word.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{At, Fault};

/// The document, and a fault for every field that stands twice in one object.
///
/// # Errors
/// What `serde_json` says of bytes that are not one JSON document in UTF-8.
pub fn parse(bytes: &[u8]) -> serde_json::Result<(Value, Vec<Fault>)> {
    let twice = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let node = Node {
        at: At::Root,
        twice: &twice,
    };
    let value = node.deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, twice.into_inner()))
}

/// A value being read, and where it stands.
#[derive(Clone, Copy)]
struct Node<'a> {
    at: At<'a>,
    twice: &'a RefCell<Vec<Fault>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let node = Node {
                at: self.at.index(values.len()),
                twice: self.twice,
            };
            match elements.next_element_seed(node)? {
                Some(value) => values.push(value),
                None => return Ok(values.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let at = self.at.key(&key);
            let node = Node {
                at,
                twice: self.twice,
            };
            let value = entries.next_value_seed(node)?;
            if fields.contains_key(&key) {
                self.twice.borrow_mut().push(Fault {
                    pointer: at.to_string(),
                    detail: "stands twice; keep one of them".to_owned(),
                });
            }
            fields.insert(key, value);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_twice_is_told_with_its_place_and_the_rest_is_read() {
        let text = br#"{"a": 1, "b": [{"x": 1, "x": 2, "y/z": 0}], "a": null, "b": 2.5}"#;
        let (value, twice) = parse(text).unwrap();
        let places: Vec<_> = twice.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["/b/0/x", "/a", "/b"]);
        assert_eq!(value, serde_json::json!({"a": null, "b": 2.5}));
    }

    #[test]
    fn a_document_without_that_is_what_a_plain_parser_reads() {
        for text in [
            r#"{"a":[1,-2,2.5,1e300,"\u00e9\n",true,null,{}],"b":{"c":[]}}"#,
            "18446744073709551615",
            "\"text\"",
        ] {
            let (value, twice) = parse(text.as_bytes()).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
            assert!(twice.is_empty());
        }
        let deep = "[".repeat(5_000);
        for bad in ["", "{", "{} {}", "nul", "{\"a\":}", deep.as_str()] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:.20}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }
}
