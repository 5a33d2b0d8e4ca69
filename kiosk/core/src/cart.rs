//! What a diner has chosen: the body of an order or a quote, read but not yet priced.

mod read;

pub use self::read::terminal_name;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Fault, Faults};
use crate::tip::Tip;

/// The most lines an order may have.
pub const LINES_LIMIT: usize = 50;
/// The most of one line, and of one option of it.
pub const QUANTITY_LIMIT: i64 = 99;
/// The longest note, in characters.
pub const NOTE_LIMIT: usize = 200;
/// The longest table name, in characters.
pub const TABLE_LIMIT: usize = 20;

/// The longest name of a terminal, in characters.
pub const TERMINAL_LIMIT: usize = 40;
/// The longest coupon code, in characters.
pub const COUPON_LIMIT: usize = 40;

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
    /// The code of a promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// What is given on top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tip: Option<Tip>,
}

/// So many of one item with the same options, or of one combo with the same parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CartLine {
    /// The item's identity, or the combo's.
    pub item: String,
    /// How many, 1 to 99.
    pub quantity: u32,
    /// What was chosen for each one of them.
    pub options: Vec<CartOption>,
    /// What the kitchen should know.
    pub note: Option<String>,
    /// What a combo is made of; none for an item.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<CartPart>,
}

/// What fills one part of a combo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CartPart {
    /// The part's identity inside the combo.
    pub part: String,
    /// The item's identity.
    pub item: String,
    /// What was chosen for it.
    pub options: Vec<CartOption>,
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
        match read::cart(body, payment_required, &mut faults) {
            Some(cart) if faults.is_empty() => Ok(cart),
            _ => Err(faults.into_vec()),
        }
    }
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
        body["tax"] = json!(1);
        body["lines"][0]["price"] = json!(1);
        body["lines"][0]["options"][0]["price"] = json!(1);
        body["payment"]["token"] = json!("x");
        let want = [
            "/tax",
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

    #[test]
    fn a_combo_a_coupon_and_a_tip_are_read() {
        let mut body = body();
        body["coupon"] = json!(" lantern5 ");
        body["tip"] = json!({"percent": "0.15"});
        body["lines"][0]["parts"] = json!([{"part": "main", "item": "ramen"}]);
        let cart = Cart::order(&body).unwrap();
        assert_eq!(cart.coupon.as_deref(), Some("lantern5"));
        assert_eq!(cart.tip, Some(Tip::Percent("0.15".parse().unwrap())));
        assert_eq!(cart.lines[0].parts[0].item, "ramen");
        body["tip"] = json!({"percent": "0.15", "amount": 5});
        body["coupon"] = json!("x".repeat(41));
        body["lines"][0]["parts"][0]["price"] = json!(1);
        assert_eq!(
            pointers(&body),
            ["/lines/0/parts/0/price", "/coupon", "/tip"]
        );
    }

    /// A key is bound to this text; a retry across an upgrade must find it unchanged.
    #[test]
    fn a_cart_without_what_came_later_is_written_as_before() {
        let cart = Cart::order(&body()).unwrap();
        assert_eq!(
            serde_json::to_string(&cart).unwrap(),
            r#"{"menu_version":"v","service":"eat_in","table":"7","language":"en","lines":[{"item":"ramen","quantity":2,"options":[{"group":"spice","option":"hot","quantity":1}],"note":"no scallion"}],"payment":"counter","expected_total":2680,"terminal":null}"#
        );
    }
}
