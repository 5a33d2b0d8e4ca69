//! Diners and staff: orders are placed and acted upon, and what they are told is remembered.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloud_sync_wire::chain::content_hash;
use kiosk::journal::{ActRefusal, ActRequest, PlaceRefusal, PlaceRequest, Stamp};
use kiosk_core::cart::{Method, Service};
use kiosk_core::day::Schedule;
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::order::Action;
use kiosk_core::pricing::Quote;
use kiosk_core::wall::WallTime;
use uuid::Uuid;

use super::checks::{Checked, Invariant, Told, harness};
use super::world::{Due, World};

/// 2026-11-20, noon in New York.
const NOON: i64 = 1_795_194_000_000;
/// Between two orders at one kiosk, and two actions of its staff.
const ORDERS: Duration = Duration::from_secs(16);
const ACTIONS: Duration = Duration::from_secs(11);
const DONE: [Action; 6] = [
    Action::Start,
    Action::Pay,
    Action::Ready,
    Action::Collect,
    Action::Void,
    Action::Refund,
];

impl World {
    /// The time of day at a kiosk.
    pub(super) fn wall(&self, node: usize) -> WallTime {
        let off = self.nodes.get(node).map_or(0, |node| node.clock_off);
        let passed = i64::try_from(self.now.as_nanos() / 1_000_000).unwrap_or(0);
        WallTime::from_millis(NOON + passed + off)
    }

    /// The cloud's machines look at their clocks.
    pub(super) fn cloud_ticks(&self) {
        let passed = i64::try_from(self.now.as_nanos() / 1_000_000).unwrap_or(0);
        let now = NOON + passed + self.cloud_off;
        self.cloud.clock.store(now, Ordering::Relaxed);
    }

    fn stamp(&mut self, node: usize) -> Stamp {
        Stamp {
            at: self.wall(node),
            mono_ms: self.now.as_nanos() / 1_000_000,
            event: EventId(self.new_id()),
            request: None,
        }
    }

    fn new_order(&mut self, node: usize) -> Checked<PlaceRequest> {
        let total = 100 + i64::try_from(self.dice.below(9_000)).map_err(harness)?;
        let key = self.new_id();
        Ok(PlaceRequest {
            key,
            content: content_hash(key.as_bytes()),
            id: OrderId(self.new_id()),
            stamp: self.stamp(node),
            day_event: EventId(self.new_id()),
            quote: quote(total)?,
            service: Service::TakeAway,
            table: None,
            language: "en".to_owned(),
            terminal: None,
            method: Method::Counter,
            wanted: BTreeMap::new(),
            schedule: Schedule::default(),
            zone: jiff::tz::TimeZone::UTC,
        })
    }

    /// A diner orders, or asks again for what nobody knew the outcome of.
    pub(super) fn place(&mut self, at: usize) -> Checked {
        let wait = self.some(ORDERS);
        if !self.healing {
            self.after(wait, Due::Orders(at));
        }
        let Some(node) = self.nodes.get_mut(at).filter(|node| node.on.is_some()) else {
            return Ok(());
        };
        let request = match node.retry.take() {
            Some(request) => request,
            None => self.new_order(at)?,
        };
        let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
            return Ok(());
        };
        let (id, total) = (request.id, request.quote.total);
        match self.runtime.block_on(on.journal.place(request.clone())) {
            Ok(placed) => {
                let told = Told {
                    node: at,
                    total,
                    version: placed.order.version,
                    unsure: false,
                };
                self.report.orders += 1;
                self.memory.told.insert(id, told);
                self.says(|| format!("kiosk {at}: order {id} at events {:?}", placed.seqs));
            }
            Err(PlaceRefusal::Journal(error)) => {
                self.says(|| format!("kiosk {at}: order {id}: {error}"));
                self.memory.maybe.insert(id, total);
                if let Some(node) = self.nodes.get_mut(at) {
                    node.retry = Some(request);
                }
            }
            Err(refusal) => return Err(harness(refusal)),
        }
        self.written(at)
    }

    /// Staff do something with one of their orders.
    pub(super) fn act(&mut self, at: usize) -> Checked {
        let wait = self.some(ACTIONS);
        if !self.healing {
            self.after(wait, Due::Acts(at));
        }
        let own = self
            .memory
            .told
            .iter()
            .filter(|(_, told)| told.node == at && !told.unsure);
        let own: Vec<OrderId> = own.map(|(id, _)| *id).collect();
        let (Some(order), Some(action)) = (
            self.dice.pick(&own).copied(),
            self.dice.pick(&DONE).copied(),
        ) else {
            return Ok(());
        };
        let request = ActRequest {
            stamp: self.stamp(at),
            order,
            action,
            reason: Some("asked for".to_owned()),
            by: None,
            tender: None,
            reference: None,
            refund: None,
        };
        let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
            return Ok(());
        };
        match self.runtime.block_on(on.journal.act(request)) {
            Ok(done) => {
                if let Some(told) = self.memory.told.get_mut(&order) {
                    told.version = done.version;
                }
                self.says(|| {
                    format!(
                        "kiosk {at}: {action:?} of {order}, version {}",
                        done.version
                    )
                });
            }
            Err(ActRefusal::NotFound) => {
                return Invariant::DurableAccept.broken(format!("kiosk {at} forgot order {order}"));
            }
            Err(refusal) => self.says(|| format!("kiosk {at}: {action:?} of {order}: {refusal}")),
        }
        self.written(at)
    }

    /// After a kiosk came up: whatever anybody was told is there.
    pub(super) fn check_told(&mut self, at: usize) -> Checked {
        let told = self.memory.told.iter();
        let own = told.filter(|(_, told)| told.node == at && !told.unsure);
        let own: Vec<(OrderId, Told)> = own.map(|(id, told)| (*id, *told)).collect();
        let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
            return Ok(());
        };
        let ids: Vec<OrderId> = own.iter().map(|(id, _)| *id).collect();
        let read = on.journal.read(move |reader| {
            let stored = ids.iter().map(|id| reader.order(*id));
            stored.collect::<Result<Vec<_>, _>>()
        });
        let stored = match self.runtime.block_on(read) {
            Err(_) if self.nodes.get(at).is_some_and(|node| node.disk.is_off()) => return Ok(()),
            read => read.map_err(harness)?,
        };
        for ((id, told), stored) in own.iter().zip(stored) {
            let version = stored.as_ref().map(|stored| stored.order.version);
            Invariant::DurableAccept.holds(
                version.is_some_and(|has| has >= told.version),
                || {
                    format!(
                        "kiosk {at}: order {id} was told in version {}, the disk has {version:?}",
                        told.version
                    )
                },
            )?;
        }
        Ok(())
    }

    /// An identity that no other gets.
    pub(super) fn new_id(&mut self) -> Uuid {
        self.ids += 1;
        let seed = u128::from(self.setup.seed);
        Uuid::from_u128((seed << 64) | self.ids)
    }
}

fn quote(total: i64) -> Checked<Quote> {
    let document = serde_json::json!({
        "menu_version": "m1", "currency": "USD", "subtotal": total, "tax": 0, "total": total,
        "lines": [{
            "item": "ramen", "name": {"en": "Ramen"}, "quantity": 1, "unit_price": total,
            "total": total, "tax_rate": "0", "tax": 0,
        }],
    });
    serde_json::from_value(document).map_err(harness)
}
