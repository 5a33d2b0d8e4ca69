//! Reading the body of an order: every field, every fault.

use serde_json::Value;

use super::{
    COUPON_LIMIT, Cart, CartLine, CartOption, CartPart, LINES_LIMIT, Method, NOTE_LIMIT,
    QUANTITY_LIMIT, Service, TABLE_LIMIT, TERMINAL_LIMIT,
};
use crate::combo::PARTS_LIMIT;
use crate::document::{At, Faults, Object, filled_text, list, text, whole};
use crate::money::TOTAL_LIMIT;
use crate::text::is_language_tag;
use crate::tip::Tip;

const CART_FIELDS: &[&str] = &[
    "menu_version",
    "service",
    "table",
    "language",
    "lines",
    "payment",
    "expected_total",
    "terminal",
    "coupon",
    "tip",
];
const LINE_FIELDS: &[&str] = &["item", "quantity", "options", "note", "parts"];
const PART_FIELDS: &[&str] = &["part", "item", "options"];
const OPTION_FIELDS: &[&str] = &["group", "option", "quantity"];

pub(super) fn cart(body: &Value, payment_required: bool, faults: &mut Faults) -> Option<Cart> {
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
    let terminal = object.optional("terminal", &at, faults, terminal_name);
    let lines = object.required("lines", &at, faults, lines);
    let payment = if payment_required {
        object.required("payment", &at, faults, payment)
    } else {
        object.optional("payment", &at, faults, payment)
    };
    let expected_total = object.optional("expected_total", &at, faults, |value, at, faults| {
        whole(value, at, faults, 0, TOTAL_LIMIT)
    });
    let coupon = object.optional("coupon", &at, faults, |v, at, f| {
        short_text(v, at, f, COUPON_LIMIT)
    });
    let tip = object.optional("tip", &at, faults, tip);
    Some(Cart {
        menu_version,
        service: service?,
        table,
        language,
        lines: lines?,
        payment,
        expected_total,
        terminal,
        coupon,
        tip,
    })
}

fn tip(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Tip> {
    let object = Object::read(value, at, faults)?;
    object.refuse_unknown(&["percent", "amount"], at, faults);
    let percent = object.optional("percent", at, faults, |value, at, faults| {
        let rate = filled_text(value, at, faults)?.parse();
        rate.map_err(|error| faults.add(at, format!("{error}")))
            .ok()
    });
    let amount = object.optional("amount", at, faults, |value, at, faults| {
        whole(value, at, faults, 0, TOTAL_LIMIT)
    });
    match (percent, amount) {
        (Some(rate), None) => Some(Tip::Percent(rate)),
        (None, Some(amount)) => Some(Tip::Amount(amount)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            faults.add(at, "must name a percent or an amount, not both");
            None
        }
    }
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
    let parts = object.optional("parts", at, faults, parts);
    Some(CartLine {
        item: item?.to_owned(),
        quantity: quantity.unwrap_or(1),
        options: options.unwrap_or_default(),
        note,
        parts: parts.unwrap_or_default(),
    })
}

fn parts(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Vec<CartPart>> {
    if value
        .as_array()
        .is_some_and(|parts| parts.len() > PARTS_LIMIT)
    {
        faults.add(at, format!("must hold at most {PARTS_LIMIT} parts"));
        return None;
    }
    list(value, at, faults, |value, at, faults| {
        let object = Object::read(value, at, faults)?;
        object.refuse_unknown(PART_FIELDS, at, faults);
        let part = object.required("part", at, faults, filled_text);
        let item = object.required("item", at, faults, filled_text);
        let options = object.optional("options", at, faults, options);
        Some(CartPart {
            part: part?.to_owned(),
            item: item?.to_owned(),
            options: options.unwrap_or_default(),
        })
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
/// The name of a terminal, as an order and a call for staff carry it: one line, 40 characters at most.
pub fn terminal_name(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    short_text(value, at, faults, TERMINAL_LIMIT)
}

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
