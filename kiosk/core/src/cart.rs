//! What a diner has chosen: the body of an order or a quote, read but not yet priced.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{At, Fault, Faults, Object, filled_text, list, text, whole};
use crate::money::TOTAL_LIMIT;
use crate::text::is_language_tag;

/// The most lines an order may have.
pub const LINES_LIMIT: usize = 50;
/// The most of one line, and of one option of it.
pub const QUANTITY_LIMIT: i64 = 99;
/// The longest note, in characters.
pub const NOTE_LIMIT: usize = 200;
/// The longest table name, in characters.
pub const TABLE_LIMIT: usize = 20;

const CART_FIELDS: &[&str] = &[
    "menu_version",
    "service",
    "table",
    "language",
    "lines",
    "payment",
    "expected_total",
    "terminal",
];
const LINE_FIELDS: &[&str] = &["item", "quantity", "options", "note"];
const OPTION_FIELDS: &[&str] = &["group", "option", "quantity"];

/// Where the food is eaten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// In the restaurant, perhaps at a named table.
    EatIn,
    /// Elsewhere.
    TakeAway,
}

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By a person at the counter.
    Counter,
    /// At a card terminal.
    Card,
    /// By a QR code through the cloud.
    Qr,
}

/// A cart as it came from a screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cart {
    /// The menu the diner saw.
    pub menu_version: Option<String>,
    /// Where the food is eaten.
    pub service: Service,
    /// At which table.
    pub table: Option<String>,
    /// The language the diner chose.
    pub language: Option<String>,
    /// What was chosen, at least one line.
    pub lines: Vec<CartLine>,
    /// How it will be paid; none in a quote.
    pub payment: Option<Method>,
    /// The total the diner saw, in minor units. Only compared, never charged.
    pub expected_total: Option<i64>,
    /// The terminal it was put together at.
    pub terminal: Option<String>,
}

/// So many of one item, with the same options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CartLine {
    /// The item's identity.
    pub item: String,
    /// How many, 1 to 99.
    pub quantity: u32,
    /// What was chosen for each one of them.
    pub options: Vec<CartOption>,
    /// What the kitchen should know.
    pub note: Option<String>,
}

/// One chosen option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CartOption {
    /// The group's identity.
    pub group: String,
    /// The option's identity inside the group.
    pub option: String,
    /// How many for one item, 1 to 99.
    pub quantity: u32,
}

impl Service {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EatIn => "eat_in",
            Self::TakeAway => "take_away",
        }
    }
}

impl Method {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Card => "card",
            Self::Qr => "qr",
        }
    }
}

impl Cart {
    /// Reads the body of an order, which names how it is paid.
    ///
    /// # Errors
    /// Every fault with its JSON pointer.
    pub fn order(body: &Value) -> Result<Self, Vec<Fault>> {
        Self::read(body, true)
    }

    /// Reads the body of a quote: an order whose payment may be missing.
    ///
    /// # Errors
    /// Every fault with its JSON pointer.
    pub fn quote(body: &Value) -> Result<Self, Vec<Fault>> {
        Self::read(body, false)
    }

    fn read(body: &Value, payment_required: bool) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        match cart(body, payment_required, &mut faults) {
            Some(cart) if faults.is_empty() => Ok(cart),
            _ => Err(faults.into_vec()),
        }
    }
}

fn cart(body: &Value, payment_required: bool, faults: &mut Faults) -> Option<Cart> {
    let at = At::Root;
    let object = Object::read(body, &at, faults)?;
    object.refuse_unknown(CART_FIELDS, &at, faults);
    let menu_version = object.optional("menu_version", &at, faults, |v, at, f| {
        short_text(v, at, f, 200)
    });
    let service = object.required("service", &at, faults, service);
    let table = object.optional("table", &at, faults, |v, at, f| {
        short_text(v, at, f, TABLE_LIMIT)
    });
    let language = object.optional("language", &at, faults, language);
    let terminal = object.optional("terminal", &at, faults, |v, at, f| short_text(v, at, f, 40));
    let lines = object.required("lines", &at, faults, lines);
    let payment = if payment_required {
        object.required("payment", &at, faults, payment)
    } else {
        object.optional("payment", &at, faults, payment)
    };
    let expected_total = object.optional("expected_total", &at, faults, |value, at, faults| {
        whole(value, at, faults, 0, TOTAL_LIMIT)
    });
    Some(Cart {
        menu_version,
        service: service?,
        table,
        language,
        lines: lines?,
        payment,
        expected_total,
        terminal,
    })
}

fn service(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Service> {
    match text(value, at, faults)? {
        "eat_in" => Some(Service::EatIn),
        "take_away" => Some(Service::TakeAway),
        other => {
            faults.add(
                at,
                format!("must be eat_in or take_away, not {:?}", clipped(other)),
            );
            None
        }
    }
}

fn payment(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Method> {
    let object = Object::read(value, at, faults)?;
    object.refuse_unknown(&["method"], at, faults);
    object.required("method", at, faults, |value, at, faults| {
        match text(value, at, faults)? {
            "counter" => Some(Method::Counter),
            "card" => Some(Method::Card),
            "qr" => Some(Method::Qr),
            other => {
                faults.add(
                    at,
                    format!("must be counter, card or qr, not {:?}", clipped(other)),
                );
                None
            }
        }
    })
}

fn language(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    let tag = text(value, at, faults)?;
    if !is_language_tag(tag) || tag.len() > 35 {
        faults.add(at, "must be a language tag such as en or zh-Hans");
        return None;
    }
    Some(tag.to_owned())
}

fn lines(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Vec<CartLine>> {
    if let Some(count) = value.as_array().map(Vec::len)
        && !(1..=LINES_LIMIT).contains(&count)
    {
        faults.add(
            at,
            format!("must hold 1 to {LINES_LIMIT} lines, not {count}"),
        );
        return None;
    }
    list(value, at, faults, line)
}

fn line(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<CartLine> {
    let object = Object::read(value, at, faults)?;
    object.refuse_unknown(LINE_FIELDS, at, faults);
    let item = object.required("item", at, faults, filled_text);
    let quantity = object.optional("quantity", at, faults, quantity);
    let options = object.optional("options", at, faults, options);
    let note = object.optional("note", at, faults, |v, at, f| {
        short_text(v, at, f, NOTE_LIMIT)
    });
    Some(CartLine {
        item: item?.to_owned(),
        quantity: quantity.unwrap_or(1),
        options: options.unwrap_or_default(),
        note,
    })
}

fn options(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Vec<CartOption>> {
    let limit = 200;
    if value
        .as_array()
        .is_some_and(|options| options.len() > limit)
    {
        faults.add(at, format!("must hold at most {limit} options"));
        return None;
    }
    list(value, at, faults, |value, at, faults| {
        let object = Object::read(value, at, faults)?;
        object.refuse_unknown(OPTION_FIELDS, at, faults);
        let group = object.required("group", at, faults, filled_text);
        let option = object.required("option", at, faults, filled_text);
        let quantity = object.optional("quantity", at, faults, quantity);
        Some(CartOption {
            group: group?.to_owned(),
            option: option?.to_owned(),
            quantity: quantity.unwrap_or(1),
        })
    })
}

fn quantity(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<u32> {
    whole(value, at, faults, 1, QUANTITY_LIMIT).and_then(|value| u32::try_from(value).ok())
}

/// A text of at most `limit` characters without control characters; blank is the same as absent.
fn short_text(value: &Value, at: &At<'_>, faults: &mut Faults, limit: usize) -> Option<String> {
    let text = text(value, at, faults)?;
    let length = text.chars().count();
    if length > limit {
        faults.add(
            at,
            format!("must have at most {limit} characters, not {length}"),
        );
        return None;
    }
    if text.chars().any(char::is_control) {
        faults.add(at, "must not hold line breaks or other control characters");
        return None;
    }
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn clipped(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body() -> Value {
        json!({
            "menu_version": "v", "service": "eat_in", "table": "7", "language": "en",
            "lines": [{"item": "ramen", "quantity": 2, "note": "no scallion",
                       "options": [{"group": "spice", "option": "hot"}]}],
            "payment": {"method": "counter"}, "expected_total": 2680
        })
    }

    fn pointers(body: &Value) -> Vec<String> {
        Cart::order(body)
            .unwrap_err()
            .into_iter()
            .map(|fault| fault.pointer)
            .collect()
    }

    #[test]
    fn the_contracts_order_is_read() {
        let cart = Cart::order(&body()).unwrap();
        assert_eq!(cart.lines[0].options[0].quantity, 1);
        assert_eq!(
            (cart.lines[0].quantity, cart.payment),
            (2, Some(Method::Counter))
        );
    }

    #[test]
    fn an_order_names_its_payment_and_a_quote_need_not() {
        let mut body = body();
        body.as_object_mut().unwrap().remove("payment");
        assert_eq!(pointers(&body), ["/payment"]);
        assert_eq!(Cart::quote(&body).unwrap().payment, None);
    }

    #[test]
    fn quantities_below_one_and_above_ninety_nine_are_refused() {
        for quantity in [
            json!(-1),
            json!(0),
            json!(100),
            json!(1.5),
            json!("2"),
            json!(1e300),
        ] {
            let mut body = body();
            body["lines"][0]["quantity"] = quantity.clone();
            assert_eq!(pointers(&body), ["/lines/0/quantity"], "{quantity}");
        }
    }

    #[test]
    fn unknown_fields_are_refused_wherever_they_stand() {
        let mut body = body();
        body["tip"] = json!(1);
        body["lines"][0]["price"] = json!(1);
        body["lines"][0]["options"][0]["price"] = json!(1);
        body["payment"]["token"] = json!("x");
        let want = [
            "/tip",
            "/lines/0/price",
            "/lines/0/options/0/price",
            "/payment/token",
        ];
        assert_eq!(pointers(&body), want);
    }

    #[test]
    fn limits_of_lines_notes_and_control_characters_hold() {
        let mut many = body();
        many["lines"] = Value::Array(vec![many["lines"][0].clone(); 51]);
        assert_eq!(pointers(&many), ["/lines"]);
        let mut none = body();
        none["lines"] = json!([]);
        assert_eq!(pointers(&none), ["/lines"]);
        let mut note = body();
        note["lines"][0]["note"] = json!("麻".repeat(201));
        assert_eq!(pointers(&note), ["/lines/0/note"]);
        note["lines"][0]["note"] = json!("麻".repeat(200));
        assert!(Cart::order(&note).is_ok());
        note["lines"][0]["note"] = json!("a\u{1b}@b");
        assert_eq!(pointers(&note), ["/lines/0/note"]);
    }
}
