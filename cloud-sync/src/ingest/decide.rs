//! The decision over a frame: pure, from what is known of its stream, its events and its orders to
//! everything that is to be written.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cloud_sync_wire::chain::{Hash, chain_hash};
use kiosk_core::event::Event;
use kiosk_core::fold::{Folded, fold};
use kiosk_core::ids::OrderId;
use kiosk_core::wall::WallTime;

use super::coverage::Unplaced;
use super::decision::{
    Decision, Known, KnownOrder, Member, NewEvent, OrderChange, Outcome, Quarantined,
};
use super::reading::{Fault, Incoming, Reason};
use crate::ledger::events::State;
use crate::ledger::orders::OrderRow;

/// Decides over the events of a frame whose signature has been verified.
pub(crate) fn decide(known: Known, frame: &mut [Incoming], now: WallTime) -> Decision {
    let mut deciding = Deciding {
        decision: Decision {
            stream: known.stream.clone(),
            events: Vec::with_capacity(frame.len()),
            moved: Vec::new(),
            orders: Vec::new(),
            quarantined: Vec::new(),
            released: Vec::new(),
            outcomes: Vec::with_capacity(frame.len()),
        },
        touched: BTreeMap::new(),
        known,
        now,
    };
    for (index, incoming) in frame.iter_mut().enumerate() {
        let outcome = deciding.place(index, incoming);
        deciding.decision.outcomes.push(outcome);
    }
    deciding.fold_touched();
    let stream = &mut deciding.decision.stream;
    stream.forked |= stream.coverage.is_forked();
    deciding.decision
}

/// Decides over an order anew, with an event that is stored and was withheld, or with none.
pub(crate) fn decide_again(
    mut known: Known,
    member: Option<(Member, Event)>,
    order: OrderId,
    now: WallTime,
) -> Decision {
    if let Some((member, event)) = member {
        let known = known.orders.entry(order).or_default();
        known.members.push(member);
        known.events.push(event);
    }
    let mut deciding = Deciding {
        decision: Decision {
            stream: known.stream.clone(),
            events: Vec::new(),
            moved: Vec::new(),
            orders: Vec::new(),
            quarantined: Vec::new(),
            released: Vec::new(),
            outcomes: Vec::new(),
        },
        touched: BTreeMap::from([(order, Vec::new())]),
        known,
        now,
    };
    deciding.fold_touched();
    deciding.decision
}

struct Deciding {
    known: Known,
    decision: Decision,
    /// Per order the members that this frame brings: index of the outcome and of the new event.
    touched: BTreeMap<OrderId, Vec<(usize, usize)>>,
    now: WallTime,
}

impl Deciding {
    fn place(&mut self, index: usize, incoming: &mut Incoming) -> Outcome {
        if self.decision.stream.coverage.covers(incoming.seq) {
            return self.compare(index, incoming);
        }
        if self.decision.stream.fenced {
            // Its kiosk holds it, and sends it in the journal that carries on.
            return Outcome::Refused;
        }
        if self.follows_one_kept_out(incoming) {
            return self.keep_out(index, incoming, "it follows an event that was kept out");
        }
        let stream = &mut self.decision.stream;
        let (seq, content, chain) = (incoming.seq, incoming.content, incoming.chain);
        match stream.coverage.take(seq, content, chain, stream.forked) {
            Ok(()) => self.store(index, incoming),
            Err(Unplaced::Scattered | Unplaced::Unsure) => Outcome::Refused,
            Err(unlinked @ Unplaced::Unlinked) => {
                self.keep_out(index, incoming, &unlinked.to_string())
            }
        }
    }

    /// Whether its predecessor is known and not part of the history.
    fn follows_one_kept_out(&self, incoming: &Incoming) -> bool {
        let before = incoming.seq.checked_sub(1);
        let chains = before.and_then(|before| self.known.kept_out.get(&before));
        let follows =
            |chain: &Hash| chain_hash(*chain, incoming.seq, incoming.content) == incoming.chain;
        chains.is_some_and(|chains| chains.iter().any(follows))
    }

    fn keep_out(&mut self, index: usize, incoming: &Incoming, detail: &str) -> Outcome {
        self.note_fork(incoming);
        self.keep_raw(index, Fault::new(Reason::Unlinked, detail))
    }

    /// What contradicts the history is kept as it came, or refused: its kiosk keeps it then.
    fn keep_raw(&mut self, index: usize, fault: Fault) -> Outcome {
        if self.known.room == 0 {
            return Outcome::Refused;
        }
        self.known.room -= 1;
        self.quarantine(None, index, fault)
    }

    fn note_fork(&mut self, incoming: &Incoming) {
        self.decision.stream.forked = true;
        let chains = self.known.kept_out.entry(incoming.seq).or_default();
        chains.push(incoming.chain);
    }

    fn compare(&mut self, index: usize, incoming: &Incoming) -> Outcome {
        let same = |at: &(Hash, Hash)| *at == (incoming.content, incoming.chain);
        let stored = self.known.by_seq.get(&incoming.seq).copied();
        let new = self
            .decision
            .events
            .iter()
            .find(|new| new.seq == incoming.seq);
        let stored = stored.or_else(|| new.map(|new| (new.content, new.chain)));
        if stored.as_ref().is_some_and(same) {
            return Outcome::Duplicate;
        }
        self.note_fork(incoming);
        let detail = format!(
            "event {} of this journal is stored with other content",
            incoming.seq
        );
        self.keep_raw(index, Fault::new(Reason::Equivocation, detail))
    }

    fn quarantine(&mut self, row: Option<i64>, index: usize, fault: Fault) -> Outcome {
        self.decision.quarantined.push(Quarantined {
            row,
            incoming: Some(index),
            fault,
        });
        Outcome::Quarantined
    }

    /// Stores an event that is new at its place.
    fn store(&mut self, index: usize, incoming: &mut Incoming) -> Outcome {
        let mut new = NewEvent {
            row: self.known.next_row,
            seq: incoming.seq,
            id: incoming.id,
            content: incoming.content,
            chain: incoming.chain,
            order: None,
            state: State::Applied,
            alias_of: None,
            incoming: index,
        };
        self.known.next_row += 1;
        let known = incoming
            .id
            .and_then(|id| self.known.by_id.get(&id).copied());
        let outcome = match known {
            Some((row, content)) if content == incoming.content => {
                (new.id, new.state, new.alias_of) = (None, State::Alias, Some(row));
                Outcome::Alias
            }
            Some((_, _)) => {
                new.id = None;
                let detail = "an event of the same identity is stored with other content";
                self.withhold(&mut new, Fault::new(Reason::Equivocation, detail))
            }
            None => self.store_first(&mut new, incoming),
        };
        self.decision.events.push(new);
        outcome
    }

    /// Stores an event whose identity is new too.
    fn store_first(&mut self, new: &mut NewEvent, incoming: &mut Incoming) -> Outcome {
        if let Some(id) = incoming.id {
            self.known.by_id.insert(id, (new.row, incoming.content));
        }
        new.order = incoming.order;
        let event = match &mut incoming.read {
            Err(fault) => return self.withhold(new, fault.clone()),
            Ok(_) if self.known.stream.revoked => {
                let detail = "the device's access was taken away before it was received";
                return self.withhold(new, Fault::new(Reason::Revoked, detail));
            }
            Ok(event) => event.take(),
        };
        if let (Some(order), Some(event)) = (new.order, event) {
            let known = self.known.orders.entry(order).or_default();
            known.members.push(Member {
                row: new.row,
                device: self.known.stream.device,
                state: State::Applied,
                version: event.order_version,
            });
            known.events.push(event);
            let places = (self.decision.outcomes.len(), self.decision.events.len());
            self.touched.entry(order).or_default().push(places);
        }
        Outcome::Applied
    }

    fn withhold(&mut self, new: &mut NewEvent, fault: Fault) -> Outcome {
        new.state = State::Withheld;
        self.quarantine(Some(new.row), new.incoming, fault)
    }

    fn fold_touched(&mut self) {
        for (order, places) in std::mem::take(&mut self.touched) {
            let known = self.known.orders.remove(&order).unwrap_or_default();
            let Some(folded) = folded(&known) else {
                self.withhold_all(&places);
                continue;
            };
            self.note_states(&known, &folded, &places);
            if let Some(after) = self.row_after(&known, &folded)
                && known.row.as_ref() != Some(&after)
            {
                self.decision.orders.push(OrderChange {
                    before: known.row,
                    after,
                });
            }
        }
    }

    /// The fold itself failed: what the frame brought for the order is kept out of it.
    fn withhold_all(&mut self, places: &[(usize, usize)]) {
        for (outcome, event) in places {
            let Some(new) = self.decision.events.get_mut(*event) else {
                continue;
            };
            new.state = State::Withheld;
            let (row, incoming) = (new.row, new.incoming);
            let fault = Fault::new(Reason::Defect, "folding its order failed");
            self.quarantine(Some(row), incoming, fault);
            if let Some(outcome) = self.decision.outcomes.get_mut(*outcome) {
                *outcome = Outcome::Quarantined;
            }
        }
    }

    fn note_states(&mut self, known: &KnownOrder, folded: &Folded, places: &[(usize, usize)]) {
        let reached = folded.order.as_ref().map_or(0, |order| order.version);
        for (index, member) in known.members.iter().enumerate() {
            let refused = folded.refused.iter().find(|(at, _)| *at == index);
            let state = match refused {
                Some(_) => State::Refused,
                None if member.version > reached => State::Parked,
                None => State::Applied,
            };
            let detail = refused.map(|(_, error)| error.to_string());
            let is_new = |place: &&(usize, usize)| {
                let new = self.decision.events.get(place.1);
                new.is_some_and(|new| new.row == member.row)
            };
            match places.iter().find(is_new).copied() {
                Some(place) => self.note_new(place, state, detail),
                None => self.note_moved(member, state, detail),
            }
        }
    }

    fn note_new(&mut self, place: (usize, usize), state: State, detail: Option<String>) {
        let Some(new) = self.decision.events.get_mut(place.1) else {
            return;
        };
        new.state = state;
        let (row, incoming) = (new.row, new.incoming);
        if let Some(detail) = detail {
            self.quarantine(Some(row), incoming, Fault::new(Reason::Illegal, detail));
        }
        if let Some(outcome) = self.decision.outcomes.get_mut(place.0) {
            *outcome = match state {
                State::Parked => Outcome::Parked,
                State::Refused | State::Withheld => Outcome::Quarantined,
                State::Applied | State::Alias => Outcome::Applied,
            };
        }
    }

    fn note_moved(&mut self, member: &Member, state: State, detail: Option<String>) {
        if member.state == state {
            return;
        }
        self.decision.moved.push((member.row, state));
        if matches!(member.state, State::Refused | State::Withheld) && state != State::Refused {
            self.decision.released.push(member.row);
        }
        if let Some(detail) = detail {
            self.decision.quarantined.push(Quarantined {
                row: Some(member.row),
                incoming: None,
                fault: Fault::new(Reason::Illegal, detail),
            });
        }
    }

    fn row_after(&self, known: &KnownOrder, folded: &Folded) -> Option<OrderRow> {
        let order = folded.order.as_ref()?;
        let placed_by = |(index, member): (usize, &Member)| {
            let first = member.version == 1;
            let applied = !folded.refused.iter().any(|(at, _)| *at == index);
            (first && applied).then_some(member.device)
        };
        let device = known.members.iter().enumerate().find_map(placed_by)?;
        let received_at = known.row.as_ref().map_or(self.now, |row| row.received_at);
        Some(OrderRow {
            store: self.known.stream.store,
            device,
            order: order.id,
            business_date: order.business_date.to_string(),
            number: order.number.clone(),
            placed_at: order.placed_at,
            received_at,
            status: order.status.as_str().to_owned(),
            payment_status: order.payment.status.as_str().to_owned(),
            version: order.version,
            currency: order.currency.code().to_owned(),
            total: order.total,
            tax: order.tax,
            parked: folded.parked,
            refused: folded.refused.len(),
        })
    }
}

/// Folds an order; none if the fold itself fails.
fn folded(known: &KnownOrder) -> Option<Folded> {
    catch_unwind(AssertUnwindSafe(|| fold(&known.events))).ok()
}
