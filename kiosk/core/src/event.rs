//! Events: immutable facts. Their bytes are written once and never change.
//!
//! An event is JSON: an envelope that every version can read, and the data of its type. Readers
//! keep what they don't know: the bytes are what is stored, hashed and sent on.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::cash::CashCounted;
use crate::ids::{BootId, EventId, OrderId};
use crate::order::{Action, Order, Tender};
use crate::pricing::is_zero;
use crate::refund::RefundedLine;
use crate::stock::Level;
use crate::wall::WallTime;

/// The newest major version of event data that this software reads and writes. An event is written
/// with the oldest that every reader of it understands rightly, so most are of version 1.
///
/// * 1: first. Added since, and passed over by older readers without harm, because the amounts that
///   they read stay whole: discounts, tips, combos and allergens of orders; what money came in as.
///   `payment.pending`, `payment.failed`, `payment.due` and `setting.changed` came later too: a type
///   that a reader does not know is put aside, and read again once it does.
/// * 2: `payment.refunded` of some lines. A reader of version 1 would take it for a refund of the
///   whole order, so it must not read it at all.
pub const SCHEMA: u16 = 2;

/// The version of everything that a reader of version 1 takes for what it is.
const FIRST: u16 = 1;

/// The largest event, in bytes; an order that would make a larger one is refused.
pub const EVENT_LIMIT: usize = 64 * 1024;

/// One immutable fact about an order, a business day or stock.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its identity, kept for ever.
    pub id: EventId,
    /// The order it is about.
    pub order: Option<OrderId>,
    /// Its place among the events of that order: 1, 2, 3 …; 0 when it is about no order.
    pub order_version: u32,
    /// Wall time, for people.
    pub at: WallTime,
    /// The run of the process that wrote it, so that a clock set late can be explained later.
    pub boot: BootId,
    /// Monotonic milliseconds since that run began.
    pub mono_ms: u64,
    /// The request that caused it, from the tap to the ledger.
    pub request: Option<String>,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// `order.placed`: the whole order, as it was accepted.
    Placed(Box<Order>),
    /// `order.started`, `order.ready`, `order.collected`, `order.voided`, `payment.pending`,
    /// `payment.failed`, `payment.due`, `payment.captured`, `payment.refunded`.
    Acted(Action, Acted),
    /// `stock.adjusted`.
    StockAdjusted(StockAdjusted),
    /// `day.opened`.
    DayOpened(DayChanged),
    /// `day.closed`.
    DayClosed(DayChanged),
    /// `cash.counted`.
    CashCounted(CashCounted),
    /// `clock.jumped`.
    ClockJumped(ClockJumped),
    /// `switch.changed`.
    SwitchChanged(SwitchChanged),
    /// `staff.changed`.
    StaffChanged(StaffChanged),
    /// `setting.changed`.
    SettingChanged(SettingChanged),
    /// A type that this software doesn't know. Kept, not applied.
    Unknown(String),
}

/// Data of an action on an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// Why; always there for a void and a refund, and for a provider's no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The role that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What a payment came in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tender: Option<Tender>,
    /// The number by which the card terminal knows a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Of a refund of lines: which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<RefundedLine>,
    /// Of a refund of lines: how much was given back in all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub amount: i64,
}

/// Data of a change of stock by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAdjusted {
    /// The item's identity.
    pub item: String,
    /// What holds from now on.
    #[serde(flatten)]
    pub level: Level,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Data of a day's opening or closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayChanged {
    /// The business day.
    pub date: jiff::civil::Date,
    /// How many orders it had when it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<u64>,
    /// Their sum in minor units when it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross: Option<i64>,
    /// Their tips when it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tips: Option<i64>,
    /// The number of its Z report, when it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z: Option<u64>,
    /// Who did it; none if the first order opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Data of a wall clock that was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJumped {
    /// By how much it differs from what the monotonic clock says, in milliseconds.
    pub by_ms: i64,
}

/// Data of a turned switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchChanged {
    /// Which.
    pub name: String,
    /// `on`, `off` or `auto`.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// For which kiosks, if it was not for this one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Data of a change among the staff.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffChanged {
    /// Whose PIN was set, or the role that somebody has.
    pub role: String,
    /// Who it is about; none if it is the PIN that a whole role shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `added`, `role` or `revoked`; none if a PIN was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// Who did it; none on the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Data of a setting that was changed at this kiosk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChanged {
    /// Which.
    pub name: String,
    /// What it is from now on; none: what the configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Who did it.
    pub by: String,
}

/// What can't be read as an event.
#[derive(Debug, thiserror::Error)]
pub enum BadEvent {
    /// Not an event at all, or data that its type doesn't allow.
    #[error("not an event: {0}")]
    Undecodable(#[from] serde_json::Error),
    /// Written by a newer major version.
    #[error("event schema {0} is not supported; this software reads {SCHEMA}")]
    Schema(u16),
    /// An event of an order without the order, or the reverse.
    #[error("a {0} event must name its order and its version")]
    NoOrder(String),
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a, D> {
    v: u16,
    id: EventId,
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
    #[serde(default, skip_serializing_if = "is_none")]
    order_version: u32,
    at: WallTime,
    boot: BootId,
    mono_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    data: D,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_none(number: &u32) -> bool {
    *number == 0
}

/// The part of an event that every schema has.
#[derive(Deserialize)]
struct SchemaOnly {
    v: u16,
}

impl Fact {
    /// The name of its type on the wire.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Placed(_) => "order.placed",
            Self::Acted(action, _) => action_kind(*action),
            Self::StockAdjusted(_) => "stock.adjusted",
            Self::DayOpened(_) => "day.opened",
            Self::DayClosed(_) => "day.closed",
            Self::CashCounted(_) => "cash.counted",
            Self::ClockJumped(_) => "clock.jumped",
            Self::SwitchChanged(_) => "switch.changed",
            Self::StaffChanged(_) => "staff.changed",
            Self::SettingChanged(_) => "setting.changed",
            Self::Unknown(kind) => kind,
        }
    }

    fn schema(&self) -> u16 {
        match self {
            Self::Acted(Action::RefundLines, _) => SCHEMA,
            _ => FIRST,
        }
    }
}

fn action_kind(action: Action) -> &'static str {
    match action {
        Action::Start => "order.started",
        Action::Ready => "order.ready",
        Action::Collect => "order.collected",
        Action::Void => "order.voided",
        Action::Pay => "payment.captured",
        Action::Ask => "payment.pending",
        Action::Fail => "payment.failed",
        Action::Owe => "payment.due",
        Action::Refund | Action::RefundLines => "payment.refunded",
    }
}

impl Event {
    /// The bytes to be stored, hashed and sent; written once.
    ///
    /// # Errors
    /// If the fact is of an unknown type, which can be read but not written.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        match &self.fact {
            Fact::Placed(order) => self.with(order),
            Fact::Acted(_, data) => self.with(data),
            Fact::StockAdjusted(data) => self.with(data),
            Fact::DayOpened(data) | Fact::DayClosed(data) => self.with(data),
            Fact::CashCounted(data) => self.with(data),
            Fact::ClockJumped(data) => self.with(data),
            Fact::SwitchChanged(data) => self.with(data),
            Fact::StaffChanged(data) => self.with(data),
            Fact::SettingChanged(data) => self.with(data),
            Fact::Unknown(kind) => Err(serde::ser::Error::custom(format!(
                "an event of the unknown type {kind:?} can't be written"
            ))),
        }
    }

    fn with<D: Serialize>(&self, data: &D) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = Vec::with_capacity(1536);
        let envelope = Envelope {
            v: self.fact.schema(),
            id: self.id,
            kind: self.fact.kind().into(),
            order: self.order,
            order_version: self.order_version,
            at: self.at,
            boot: self.boot,
            mono_ms: self.mono_ms,
            request: self.request.clone(),
            data,
        };
        serde_json::to_writer(&mut bytes, &envelope)?;
        Ok(bytes)
    }

    /// Reads stored bytes. Unknown fields are passed over, an unknown type becomes
    /// [`Fact::Unknown`].
    ///
    /// # Errors
    /// [`BadEvent`]; none of them panics, whatever the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadEvent> {
        let SchemaOnly { v } = serde_json::from_slice(bytes)?;
        if !(FIRST..=SCHEMA).contains(&v) {
            return Err(BadEvent::Schema(v));
        }
        let envelope: Envelope<'_, &RawValue> = serde_json::from_slice(bytes)?;
        let fact = fact(&envelope.kind, envelope.data.get())?;
        let about_order = matches!(fact, Fact::Placed(_) | Fact::Acted(..));
        if about_order && (envelope.order.is_none() || envelope.order_version == 0) {
            return Err(BadEvent::NoOrder(envelope.kind.into_owned()));
        }
        Ok(Self {
            id: envelope.id,
            order: envelope.order,
            order_version: envelope.order_version,
            at: envelope.at,
            boot: envelope.boot,
            mono_ms: envelope.mono_ms,
            request: envelope.request,
            fact,
        })
    }
}

fn fact(kind: &str, data: &str) -> Result<Fact, serde_json::Error> {
    let acted = |action| serde_json::from_str(data).map(|acted| Fact::Acted(action, acted));
    match kind {
        "order.placed" => serde_json::from_str(data).map(Fact::Placed),
        "order.started" => acted(Action::Start),
        "order.ready" => acted(Action::Ready),
        "order.collected" => acted(Action::Collect),
        "order.voided" => acted(Action::Void),
        "payment.captured" => acted(Action::Pay),
        "payment.pending" => acted(Action::Ask),
        "payment.failed" => acted(Action::Fail),
        "payment.due" => acted(Action::Owe),
        "payment.refunded" => serde_json::from_str(data).map(|acted: Acted| {
            let whole = acted.lines.is_empty();
            let action = if whole {
                Action::Refund
            } else {
                Action::RefundLines
            };
            Fact::Acted(action, acted)
        }),
        "stock.adjusted" => serde_json::from_str(data).map(Fact::StockAdjusted),
        "day.opened" => serde_json::from_str(data).map(Fact::DayOpened),
        "day.closed" => serde_json::from_str(data).map(Fact::DayClosed),
        "cash.counted" => serde_json::from_str(data).map(Fact::CashCounted),
        "clock.jumped" => serde_json::from_str(data).map(Fact::ClockJumped),
        "switch.changed" => serde_json::from_str(data).map(Fact::SwitchChanged),
        "staff.changed" => serde_json::from_str(data).map(Fact::StaffChanged),
        "setting.changed" => serde_json::from_str(data).map(Fact::SettingChanged),
        other => Ok(Fact::Unknown(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cash::CashKind;
    use uuid::Uuid;

    fn event(fact: Fact, order_version: u32) -> Event {
        Event {
            id: EventId(Uuid::from_u128(1)),
            order: (order_version > 0).then_some(OrderId(Uuid::from_u128(2))),
            order_version,
            at: WallTime::from_millis(1_795_168_200_000),
            boot: BootId(Uuid::from_u128(3)),
            mono_ms: 42,
            request: Some("r-1".to_owned()),
            fact,
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one of each type")]
    fn every_type_survives_its_own_encoding() {
        let acted = Acted {
            reason: Some("cold".to_owned()),
            by: Some("manager".to_owned()),
            ..Acted::default()
        };
        let lines = Acted {
            lines: vec![RefundedLine {
                line: 0,
                quantity: 1,
                amount: 645,
                tax: 49,
            }],
            amount: 645,
            ..acted.clone()
        };
        let card = Acted {
            tender: Some(Tender::Card),
            ..Acted::default()
        };
        let date = "2026-11-20".parse().unwrap();
        let day = DayChanged {
            date,
            orders: Some(3),
            gross: Some(900),
            tips: Some(40),
            z: Some(7),
            by: Some("manager".to_owned()),
        };
        let counted = CashCounted {
            date,
            kind: CashKind::Count,
            amount: 900,
            expected: Some(940),
            reason: None,
            by: Some("manager".to_owned()),
        };
        let level = Level {
            available: true,
            left: Some(4),
        };
        let events = [
            event(Fact::Acted(Action::Void, acted.clone()), 2),
            event(Fact::Acted(Action::Refund, acted), 3),
            event(Fact::Acted(Action::RefundLines, lines), 4),
            event(Fact::Acted(Action::Pay, card), 2),
            event(Fact::Acted(Action::Ask, Acted::default()), 2),
            event(Fact::Acted(Action::Fail, Acted::default()), 3),
            event(Fact::Acted(Action::Owe, Acted::default()), 4),
            event(Fact::CashCounted(counted), 0),
            event(
                Fact::StockAdjusted(StockAdjusted {
                    item: "egg".to_owned(),
                    level,
                    by: None,
                }),
                0,
            ),
            event(
                Fact::DayOpened(DayChanged {
                    date,
                    orders: None,
                    gross: None,
                    tips: None,
                    z: None,
                    by: None,
                }),
                0,
            ),
            event(Fact::DayClosed(day), 0),
            event(Fact::ClockJumped(ClockJumped { by_ms: -5 }), 0),
            event(
                Fact::StaffChanged(StaffChanged {
                    role: "manager".to_owned(),
                    ..StaffChanged::default()
                }),
                0,
            ),
            event(
                Fact::SettingChanged(SettingChanged {
                    name: "day_starts".to_owned(),
                    value: Some("05:00".to_owned()),
                    by: "manager/Mei".to_owned(),
                }),
                0,
            ),
        ];
        for event in events {
            assert_eq!(Event::decode(&event.encode().unwrap()).unwrap(), event);
        }
    }

    #[test]
    fn a_newer_schema_is_told_by_its_number() {
        for (v, text) in [
            (3, r#"{"v":3,"id":"whatever","new":"shape"}"#),
            (0, r#"{"v":0,"id":"whatever"}"#),
        ] {
            let told = Event::decode(text.as_bytes());
            assert!(matches!(told, Err(BadEvent::Schema(found)) if found == v));
        }
    }

    #[test]
    fn an_unknown_type_and_unknown_fields_are_read() {
        let known = event(Fact::ClockJumped(ClockJumped { by_ms: 1 }), 0)
            .encode()
            .unwrap();
        let text = String::from_utf8(known).unwrap();
        let odd = text
            .replace("clock.jumped", "robot.waved")
            .replace("{\"v\"", "{\"x\":[1],\"v\"");
        let event = Event::decode(odd.as_bytes()).unwrap();
        assert_eq!(event.fact, Fact::Unknown("robot.waved".to_owned()));
        assert!(event.encode().is_err());
    }

    #[test]
    fn truncated_bytes_are_refused_and_never_panic() {
        let bytes = event(Fact::Acted(Action::Start, Acted::default()), 2)
            .encode()
            .unwrap();
        for end in 0..bytes.len() {
            assert!(Event::decode(&bytes[..end]).is_err());
        }
    }
}
