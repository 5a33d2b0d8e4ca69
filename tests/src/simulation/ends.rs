//! The end of a run: everything heals, and what was told is compared with what headquarters has.

use std::collections::BTreeMap;
use std::time::Duration;

use kiosk_core::ids::OrderId;

use super::checks::{Checked, Invariant, harness};
use super::cloud::{Place, REPLICAS};
use super::ledger::Folded;
use super::network::Line;
use super::sabotage::Sabotage;
use super::world::{Due, World};

impl World {
    /// Faults end.
    pub(super) fn heal(&mut self) -> Checked {
        self.healing = true;
        self.says(|| "everything heals".to_owned());
        self.cloud.disk.heal();
        self.cloud.doom = None;
        self.broker.up = true;
        for at in 0..REPLICAS {
            self.thaws(at)?;
            self.start_replica(at);
        }
        for at in 0..self.nodes.len() {
            if let Some(node) = self.nodes.get_mut(at) {
                node.line = Line::default();
                node.disk.heal();
            }
            self.after(Duration::from_millis(10), Due::Boots(at));
            self.after(Duration::from_secs(20), Due::Boots(at));
            self.after(Duration::from_secs(1), Due::Orders(at));
        }
        Ok(())
    }

    /// Sets and sums are equal, nothing is twice, and nobody disagrees about what is left.
    pub(super) fn compare(&mut self) -> Checked {
        self.cloud.catch_up(&mut self.memory)?;
        let folded = self.cloud.reader.orders()?;
        let by_id: BTreeMap<OrderId, &Folded> =
            folded.iter().map(|order| (order.id, order)).collect();
        Invariant::ExactlyOnce.holds(by_id.len() == folded.len(), || {
            "an order is at headquarters twice".to_owned()
        })?;
        self.compare_sets(&by_id)?;
        self.compare_sums(&folded)?;
        self.compare_states(&by_id)?;
        let rewritten = self.cloud.reader.rewritten()?;
        Invariant::Immutability.holds(rewritten.is_empty(), || {
            format!("stored events {rewritten:?} are not what their hashes say")
        })?;
        self.compare_views()
    }

    fn compare_sets(&self, found: &BTreeMap<OrderId, &Folded>) -> Checked {
        for (id, told) in &self.memory.told {
            let lost = self.nodes.get(told.node).is_some_and(|node| node.lost);
            match found.get(id) {
                // Its disk is gone, or the loss is told by name.
                None if told.unsure || lost => {}
                None => {
                    return Invariant::NoLoss.broken(format!(
                        "order {id} of kiosk {} is not at headquarters",
                        told.node
                    ));
                }
                Some(order) => Invariant::ExactlyOnce.holds(order.total == told.total, || {
                    format!(
                        "order {id}: told {}, at headquarters {}",
                        told.total, order.total
                    )
                })?,
            }
        }
        for id in found.keys() {
            let known = self.memory.told.contains_key(id) || self.memory.maybe.contains_key(id);
            Invariant::NoPhantom.holds(known, || format!("nobody placed order {id}"))?;
        }
        Ok(())
    }

    fn compare_sums(&self, folded: &[Folded]) -> Checked {
        let shown = self.cloud.reader.sums()?;
        let voided = folded
            .iter()
            .filter(|order| order.status == "voided")
            .count();
        let gross: i64 = folded
            .iter()
            .filter(|order| order.status != "voided")
            .map(|order| order.total)
            .sum();
        let count = |count: usize| i64::try_from(count).map_err(harness);
        let (voided, all) = (count(voided)?, count(folded.len())?);
        let equal = (shown.orders, shown.voided, shown.gross) == (all - voided, voided, gross);
        Invariant::ExactlyOnce.holds(equal, || {
            format!("headquarters shows {shown:?}; its orders come to {all}, {voided}, {gross}")
        })
    }

    /// Each order is at headquarters what it is at its kiosk.
    fn compare_states(&self, found: &BTreeMap<OrderId, &Folded>) -> Checked {
        for (at, node) in self.nodes.iter().enumerate() {
            let Some(on) = node.on.as_ref().filter(|_| !node.forky && !node.lost) else {
                continue;
            };
            let told = self.memory.told.iter();
            let own = told.filter(|(_, told)| told.node == at && !told.unsure);
            let ids: Vec<OrderId> = own.map(|(id, _)| *id).collect();
            let read = on.journal.read(move |reader| {
                let stored = ids.iter().map(|id| reader.order(*id));
                stored.collect::<Result<Vec<_>, _>>()
            });
            for stored in self
                .runtime
                .block_on(read)
                .map_err(harness)?
                .into_iter()
                .flatten()
            {
                let here = &stored.order;
                let Some(there) = found.get(&here.id) else {
                    continue;
                };
                let ours = (
                    here.status.as_str(),
                    here.payment.status.as_str(),
                    here.version,
                );
                let theirs = (there.status.as_str(), there.payment.as_str(), there.version);
                Invariant::OrderIndependence.holds(ours == theirs && there.aside == 0, || {
                    let id = here.id;
                    format!("order {id} is {ours:?} at kiosk {at} and {theirs:?} at headquarters")
                })?;
            }
        }
        Ok(())
    }

    fn compare_views(&self) -> Checked {
        if self.setup.sabotage == Some(Sabotage::ViewsApart) {
            let apart = "UPDATE streams SET watermark = watermark - 1 WHERE watermark > 0";
            self.cloud.reader.sabotage(apart)?;
        }
        let streams = self.cloud.reader.streams()?;
        for node in &self.nodes {
            let Some(on) = &node.on else {
                return Err(harness("a kiosk is off at the end"));
            };
            let journal = on.journal.id();
            let held = on.outbox.borrow().next_seq - 1;
            let stream = streams.iter().find(|stream| stream.journal == journal);
            let seen = stream.map_or(0, |stream| stream.watermark);
            Invariant::Views.holds(seen == held || node.lost, || {
                format!("{} holds {held} events, headquarters {seen}", node.name())
            })?;
            let owner = stream.map(|stream| stream.kiosk.as_str());
            Invariant::Isolation.holds(owner.is_none_or(|owner| owner == node.name()), || {
                format!("the stream of {} stands under {owner:?}", node.name())
            })?;
        }
        let whole = self.nodes.iter().filter(|node| !node.lost);
        let whole: Vec<_> = whole
            .filter_map(|node| Some(node.on.as_ref()?.journal.id()))
            .collect();
        for stream in &streams {
            // A journal that is gone or was carried on may have taken events with it.
            let ended = stream.forked || stream.fenced || !whole.contains(&stream.journal);
            let few = stream.events < stream.watermark;
            let apart = !ended && stream.events > stream.watermark;
            Invariant::GapFree.holds(!few && !apart, || format!("{stream:?} has gaps"))?;
        }
        Ok(())
    }

    /// A replica runs again, if it did not.
    pub(super) fn start_replica(&mut self, at: usize) {
        if !self.cloud.start(at) {
            self.after(Duration::from_secs(1), Due::ReplicaStarts(at));
        }
    }

    /// A replica that hung goes on with what it was given.
    pub(super) fn thaws(&mut self, at: usize) -> Checked {
        let Some(place) = self.cloud.replicas.get_mut(at) else {
            return Ok(());
        };
        match std::mem::replace(place, Place::Dead) {
            Place::Frozen(replica, waiting) => {
                *place = Place::Up(replica);
                self.says(|| format!("replica {at} goes on"));
                for letter in waiting {
                    if let Some(Place::Up(_)) = self.cloud.replicas.get(at) {
                        self.served(at, letter)?;
                    }
                }
            }
            other => *place = other,
        }
        Ok(())
    }
}
