//! Holding answers to `openapi.json`: a validator of just what that document uses of JSON Schema.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::Answer;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../src/web/openapi.json")).unwrap());

pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// Path templates with their operations.
pub(crate) fn paths() -> &'static Map<String, Value> {
    DOCUMENT["paths"].as_object().unwrap()
}

/// Panics if this answer is not one that the document describes.
pub(crate) fn check(method: &str, target: &str, answer: &Answer) {
    let path = target.split('?').next().unwrap();
    let template = paths().keys().find(|template| fits(template, path));
    let Some(template) = template else {
        return;
    };
    let what = format!("{method} {path} {}", answer.status);
    let method = if method == "HEAD" {
        "get"
    } else {
        &method.to_ascii_lowercase()
    };
    let Some(operation) = paths()[template].get(method) else {
        assert!(matches!(answer.status, 400 | 405), "{what}");
        return;
    };
    // Refused by the HTTP layer before there was a request.
    if matches!(answer.status, 400 | 431) && answer.body.is_empty() {
        return;
    }
    let described = operation["responses"].get(answer.status.to_string());
    let described = described.unwrap_or_else(|| panic!("{what} is not described"));
    let described = resolved(described);
    for (name, header) in described["headers"].as_object().unwrap() {
        let value = answer.header(&name.to_ascii_lowercase());
        let required = resolved(header)["required"] == true;
        assert!(value.is_some() || !required, "{what}: {name} is missing");
    }
    if answer.body.is_empty() {
        return;
    }
    let media = answer
        .header("content-type")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let schema = &described["content"][media]["schema"];
    assert!(schema.is_object(), "{what}: {media} is not described");
    if media.ends_with("json")
        && let Err(fault) = validate(&answer.json(), schema)
    {
        panic!("{what}: {fault}\n{}", String::from_utf8_lossy(&answer.body));
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(want), Some(got)) if want == got => {}
            (Some(want), Some(got)) if want.starts_with('{') && !got.is_empty() => {}
            _ => return false,
        }
    }
}

fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => DOCUMENT
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap(),
        None => value,
    }
}

/// Whether a value is as the schema says; the pattern of texts is left to the parsers.
pub(crate) fn validate(value: &Value, schema: &'static Value) -> Result<(), String> {
    let schema = resolved(schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        validate(value, part)?;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices
            .iter()
            .filter(|choice| validate(value, choice).is_ok())
            .count();
        if fitting != 1 {
            return Err(format!(
                "{fitting} of {} choices fit {value}",
                choices.len()
            ));
        }
    }
    let told = |key: &str| schema.get(key);
    let types: Vec<&str> = match told("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(value, kind)) {
        return Err(format!("{value} is not {types:?}"));
    }
    if told("const").is_some_and(|only| only != value) {
        return Err(format!("{value} is not {}", schema["const"]));
    }
    if told("enum").is_some_and(|many| !many.as_array().unwrap().contains(value)) {
        return Err(format!("{value} is not one of {}", schema["enum"]));
    }
    bounds(value, schema)?;
    parts(value, schema)
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

fn bounds(value: &Value, schema: &Value) -> Result<(), String> {
    let number = value.as_f64();
    let length = value.as_array().map(Vec::len);
    let below = |key: &str, have: Option<f64>| matches!((schema[key].as_f64(), have), (Some(least), Some(have)) if have < least);
    let above = |key: &str, have: Option<f64>| matches!((schema[key].as_f64(), have), (Some(most), Some(have)) if have > most);
    let length = length
        .and_then(|length| u32::try_from(length).ok())
        .map(f64::from);
    if below("minimum", number) || above("maximum", number) {
        return Err(format!("{value} is out of bounds"));
    }
    if below("minItems", length) || above("maxItems", length) {
        return Err(format!("{value} has too few or too many items"));
    }
    Ok(())
}

fn parts(value: &Value, schema: &'static Value) -> Result<(), String> {
    for item in value.as_array().into_iter().flatten() {
        if let Some(items) = schema.get("items") {
            validate(item, items)?;
        }
    }
    let Some(fields) = value.as_object() else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if !fields.contains_key(name) {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, field) in fields {
        let known = schema.get("properties").and_then(|known| known.get(name));
        match (known, schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
                validate(field, schema).map_err(|fault| format!("{name}: {fault}"))?;
            }
            (None, Some(Value::Bool(false))) => return Err(format!("{name} is unknown")),
            _ => {}
        }
    }
    Ok(())
}
