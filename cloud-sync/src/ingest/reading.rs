//! Reading events before they reach the ledger's thread: hashes, decoding, and what makes an event
//! unfit for the fold whatever else there is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cloud_sync_wire::chain::{Hash, content_hash};
use cloud_sync_wire::frame::Entry;
use kiosk_core::event::{BadEvent, Event, Fact};
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::money::TOTAL_LIMIT;
use kiosk_core::order::Order;
use kiosk_core::wall::WallTime;

/// Why an event is kept without being applied. The names are told to people and stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Not an event at all.
    Undecodable,
    /// Written by a newer major schema.
    SchemaUnsupported,
    /// A type that this version doesn't know.
    UnknownType,
    /// An event that contradicts itself.
    Malformed,
    /// From a device whose access was taken away.
    Revoked,
    /// Contradicts what is stored at its place or under its identity.
    Equivocation,
    /// Its chain hash doesn't follow from its predecessor.
    Unlinked,
    /// The history of its order forbids it.
    Illegal,
    /// A defect of this software showed itself.
    Defect,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::SchemaUnsupported => "schema_unsupported",
            Self::UnknownType => "unknown_type",
            Self::Malformed => "malformed",
            Self::Revoked => "revoked",
            Self::Equivocation => "equivocation",
            Self::Unlinked => "unlinked",
            Self::Illegal => "illegal",
            Self::Defect => "defect",
        }
    }
}

/// A reason with its particulars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

/// An event as it came, and what could be made of it.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) seq: u64,
    pub(crate) chain: Hash,
    pub(crate) content: Hash,
    pub(crate) bytes: Vec<u8>,
    /// The identity, also of an event that can't be applied, where it can be told.
    pub(crate) id: Option<EventId>,
    /// The order that an applicable event is about.
    pub(crate) order: Option<OrderId>,
    /// What is told of it in the log.
    pub(crate) told: Option<Told>,
    /// The event, until the decision takes it.
    pub(crate) read: Result<Option<Event>, Fault>,
}

#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) kind: String,
    pub(crate) at: WallTime,
    pub(crate) request: Option<String>,
}

impl Incoming {
    pub(crate) fn new(entry: Entry) -> Self {
        let (read, id) = match read(&entry.bytes) {
            Ok(event) => {
                let id = event.id;
                (check(event), Some(id))
            }
            Err(fault) => (Err(fault), None),
        };
        let told = read.as_ref().ok().map(|event| Told {
            kind: event.fact.kind().to_owned(),
            at: event.at,
            request: event.request.clone(),
        });
        Self {
            seq: entry.seq,
            chain: entry.chain,
            content: content_hash(&entry.bytes),
            bytes: entry.bytes,
            id,
            order: read.as_ref().ok().and_then(about),
            told,
            read: read.map(Some),
        }
    }
}

/// The order that an event changes.
fn about(event: &Event) -> Option<OrderId> {
    match event.fact {
        Fact::Placed(_) | Fact::Acted(..) => event.order,
        _ => None,
    }
}

fn read(bytes: &[u8]) -> Result<Event, Fault> {
    let decoded = catch_unwind(AssertUnwindSafe(|| Event::decode(bytes)));
    let decoded = decoded.map_err(|_| Fault::new(Reason::Defect, "reading it failed"))?;
    decoded.map_err(|error| {
        let reason = match error {
            BadEvent::Schema(_) => Reason::SchemaUnsupported,
            BadEvent::NoOrder(_) => Reason::Malformed,
            BadEvent::Undecodable(_) => Reason::Undecodable,
        };
        Fault::new(reason, error.to_string())
    })
}

fn check(event: Event) -> Result<Event, Fault> {
    match &event.fact {
        Fact::Unknown(kind) => Err(Fault::new(
            Reason::UnknownType,
            format!("events of type {kind:?} are not known to this version"),
        )),
        Fact::Placed(order) => match contradiction(&event, order) {
            Some(detail) => Err(Fault::new(Reason::Malformed, detail)),
            None => Ok(event),
        },
        _ => Ok(event),
    }
}

fn contradiction(event: &Event, order: &Order) -> Option<String> {
    if event.order != Some(order.id) {
        return Some(format!(
            "it places the order {} under another's identity",
            order.id
        ));
    }
    if order.version != 1 {
        return Some(format!("a new order has version 1, not {}", order.version));
    }
    let in_range = |amount: i64| amount.unsigned_abs() < TOTAL_LIMIT.unsigned_abs();
    if ![order.total, order.tax, order.subtotal]
        .into_iter()
        .all(in_range)
    {
        return Some(format!("its total {} is impossible", order.total));
    }
    (order.subtotal + order.tax != order.total).then(|| {
        format!(
            "subtotal {} and tax {} don't make the total {}",
            order.subtotal, order.tax, order.total
        )
    })
}
