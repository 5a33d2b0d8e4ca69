//! Drafts: an order written as an event by whoever asks for it, so that the one writer has only to
//! fill in what it alone knows: the number and the business day.

use std::collections::BTreeMap;
use std::ops::Range;

use cloud_sync_wire::chain::Hash;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kiosk_core::cart::Method;
use kiosk_core::day::Schedule;
use kiosk_core::event::Fact;
use kiosk_core::ids::{BootId, EventId};
use kiosk_core::order::{Order, Payment, PaymentStatus, Status};
use uuid::Uuid;

use super::append::{check_size, encode};
use super::{JournalError, PlaceRequest, Stamp};

/// Stands for the business day until it is known.
const NO_DATE: Date = Date::constant(1970, 1, 1);
/// What is replaced. Quotes are escaped inside of text, so it is found where it is meant.
const HOLE: &[u8] = br#""number":"","business_date":"1970-01-01""#;

/// An order that waits for its number.
pub(super) struct Draft {
    pub(super) key: Uuid,
    pub(super) content: Hash,
    pub(super) stamp: Stamp,
    pub(super) day_event: EventId,
    pub(super) wanted: BTreeMap<String, (u32, Option<u32>)>,
    pub(super) schedule: Schedule,
    pub(super) zone: TimeZone,
    order: Box<Order>,
    event: Vec<u8>,
    hole: Range<usize>,
}

impl Draft {
    pub(super) fn new(request: PlaceRequest, boot: BootId) -> Result<Self, JournalError> {
        let quote = request.quote;
        let order = Box::new(Order {
            id: request.id,
            number: String::new(),
            business_date: NO_DATE,
            placed_at: request.stamp.at,
            status: Status::Placed,
            version: 1,
            service: request.service,
            table: request.table,
            language: request.language,
            terminal: request.terminal,
            currency: quote.currency,
            menu_version: quote.menu_version,
            lines: quote.lines,
            subtotal: quote.subtotal,
            tax: quote.tax,
            total: quote.total,
            discounts: quote.discounts,
            tip: quote.tip,
            payment: Payment {
                method: request.method,
                status: match request.method {
                    Method::Card => PaymentStatus::Pending,
                    Method::Counter | Method::Qr => PaymentStatus::Due,
                },
                tender: None,
                reason: None,
                reference: None,
            },
            changed_at: None,
            reason: None,
            refunds: Vec::new(),
        });
        let about = Some((order.id, 1));
        let (event, fact) = encode(boot, request.stamp.clone(), about, Fact::Placed(order))?;
        let at = event.windows(HOLE.len()).position(|part| part == HOLE);
        let (Some(at), Fact::Placed(order)) = (at, fact) else {
            let text = "the event of an order has no place for its number";
            return Err(JournalError::Damaged(text.to_owned()));
        };
        Ok(Self {
            key: request.key,
            content: request.content,
            stamp: request.stamp,
            day_event: request.day_event,
            wanted: request.wanted,
            schedule: request.schedule,
            zone: request.zone,
            order,
            event,
            hole: at..at + HOLE.len(),
        })
    }

    /// The order with its number and day, and the bytes of the event that places it.
    pub(super) fn finish(
        mut self,
        number: String,
        date: Date,
    ) -> Result<(Order, Vec<u8>), JournalError> {
        let told = serde_json::to_string(&number)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        let told = format!("\"number\":{told},\"business_date\":\"{date}\"");
        self.event.splice(self.hole, told.into_bytes());
        check_size(&self.event)?;
        self.order.number = number;
        self.order.business_date = date;
        Ok((*self.order, self.event))
    }
}
