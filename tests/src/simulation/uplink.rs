//! What the uplink's driver does in the product: feeding the link and doing what it says.

use std::time::Duration;

use kiosk::journal::Outbox;
use kiosk::uplink::UplinkSettings;
use kiosk::uplink::link::{Action, Batch, Event, Id, Reply, Transport};
use kiosk_core::ids::JournalId;
use resilience::Moment;
use resilience::breaker::Outcome;

use super::checks::{Checked, Invariant, harness};
use super::kiosk::Call;
use super::network::Way;
use super::sabotage::Sabotage;
use super::world::{Due, World};

/// What a kiosk sends.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Hello(Vec<u8>),
    Frame(Vec<u8>),
    Ack,
}

/// What a call brings back.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Ack(Vec<u8>),
    HelloFirst,
    BadFrame,
    Refused,
    Failing,
}

/// Something on its way to the cloud.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// The kiosk, and its run.
    pub(super) from: (usize, u64),
    /// Under whose name it comes.
    pub(super) name: usize,
    pub(super) journal: JournalId,
    pub(super) ask: Ask,
    /// The call it is; none by the broker.
    pub(super) call: Option<Id>,
}

impl World {
    /// Feeds a kiosk's link and does what it says.
    pub(super) fn feed(&mut self, at: usize, event: Event) -> Checked {
        let mut inbox = std::collections::VecDeque::from([event]);
        while let Some(event) = inbox.pop_front() {
            let now = self.now;
            let Some(on) = self.nodes.get_mut(at).and_then(|node| node.on.as_mut()) else {
                return Ok(());
            };
            on.looked = now;
            let actions = on.link.handle(now, event);
            let flying = on.link.in_flight();
            let settings = UplinkSettings::default();
            let most = usize::from(settings.window) + settings.live_calls;
            Invariant::Bounded.holds(flying <= most, || {
                format!("kiosk {at}: {flying} batches on their way")
            })?;
            for action in actions {
                inbox.extend(self.perform(at, action)?);
            }
        }
        self.look_for_fence(at);
        Ok(())
    }

    /// Tells a link what its journal holds.
    pub(super) fn feed_outbox(&mut self, at: usize) -> Checked {
        let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
            return Ok(());
        };
        let Outbox {
            next_seq,
            retained_from,
            confirmed,
        } = on.outbox.borrow().clone();
        let event = Event::Outbox {
            next_seq,
            retained_from,
            watermark: confirmed.watermark(),
            beyond: confirmed.beyond().to_vec(),
        };
        self.feed(at, event)
    }

    fn perform(&mut self, at: usize, action: Action) -> Checked<Vec<Event>> {
        let settings = UplinkSettings::default();
        match action {
            Action::HelloByHttp(id) => match self.hello(at)? {
                Some(ask) => {
                    let called = self.call(at, (id, true), ask, settings.probe_timeout);
                    Ok(called.into_iter().collect())
                }
                None => Ok(vec![not_sent(id)]),
            },
            Action::Heartbeat(id) => {
                let called = self.call(at, (id, true), Ask::Ack, settings.call_timeout);
                Ok(called.into_iter().collect())
            }
            Action::HelloByMqtt => {
                if let Some(ask) = self.hello(at)? {
                    self.publish(at, at, ask);
                }
                Ok(Vec::new())
            }
            Action::Send(batch) => self.send(at, batch),
            Action::ReconnectMqtt => {
                self.try_broker(at, Duration::from_millis(100));
                Ok(Vec::new())
            }
            Action::SetHeartbeat(_) => Ok(Vec::new()),
        }
    }

    fn hello(&mut self, at: usize) -> Checked<Option<Ask>> {
        let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
            return Ok(None);
        };
        let Some(hello) = self.runtime.block_on(on.clerk.hello()) else {
            return Ok(None);
        };
        let hello = match self.setup.sabotage {
            Some(Sabotage::NoProof) => super::sabotage::without_proof(&hello, on.journal.key())?,
            _ => hello,
        };
        Ok(Some(Ask::Hello(hello)))
    }

    fn send(&mut self, at: usize, batch: Batch) -> Checked<Vec<Event>> {
        let Some(node) = self.nodes.get(at) else {
            return Ok(Vec::new());
        };
        let Some(on) = node.on.as_ref() else {
            return Ok(Vec::new());
        };
        let Some(frame) = self.runtime.block_on(on.clerk.frame(batch)) else {
            return Ok(vec![Event::Unsendable { flight: batch.id }]);
        };
        self.report.frames += 1;
        let mut bytes = frame.bytes;
        if self.setup.sabotage == Some(Sabotage::Reserialise) && self.dice.below(4) == 0 {
            let read = on
                .journal
                .events(batch.first, frame.last, usize::MAX, usize::MAX);
            let entries = self.runtime.block_on(read).map_err(harness)?;
            bytes = super::sabotage::written_anew(entries, node, &on.journal);
        }
        self.remember_frame(at, &bytes);
        let sent = Event::Sent {
            flight: batch.id,
            last: frame.last,
        };
        self.says(|| {
            format!(
                "kiosk {at}: {}..={} by {}",
                batch.first,
                frame.last,
                batch.via.name()
            )
        });
        let settings = UplinkSettings::default();
        match batch.via {
            Transport::Http => {
                let limit = if batch.live {
                    settings.call_timeout
                } else {
                    settings.batch_timeout
                };
                let mut events = vec![sent];
                events.extend(self.call(at, (batch.id, batch.live), Ask::Frame(bytes), limit));
                Ok(events)
            }
            Transport::Mqtt => {
                let taken = self.publish(at, at, Ask::Frame(bytes));
                if taken && self.setup.sabotage == Some(Sabotage::ReleaseOnPuback) {
                    self.release(at, frame.last)?;
                }
                Ok(vec![sent])
            }
        }
    }

    /// Begins a call; `Called` at once if the breaker doesn't let it out.
    fn call(
        &mut self,
        at: usize,
        (id, timed): (Id, bool),
        ask: Ask,
        limit: Duration,
    ) -> Option<Event> {
        let now = self.now;
        let node = self.nodes.get_mut(at)?;
        let (run, line) = (node.run, node.line);
        let on = node.on.as_mut()?;
        let permit = match on.breaker.try_acquire_owned(now) {
            Ok(permit) => permit,
            Err(refused) => {
                let reply = Reply::NotSent(refused.retry_in);
                return Some(Event::Called { id, reply });
            }
        };
        on.calls.insert(id, Call { permit, timed });
        let letter = Letter {
            from: (at, run),
            name: at,
            journal: on.journal.id(),
            ask,
            call: Some(id),
        };
        let failed = Due::Answers((at, run), id, Answer::Failing);
        if line.refuses {
            self.after(Duration::from_millis(1), failed);
            return None;
        }
        self.after(limit, failed);
        if let Some(trip) = line.carry(Way::Up, &mut self.dice).first() {
            self.after(*trip, Due::Arrives(letter));
        }
        None
    }

    /// A call ends, if it has not ended already.
    pub(super) fn answers(&mut self, (at, run): (usize, u64), id: Id, answer: Answer) -> Checked {
        let now = self.now;
        let node = self.nodes.get_mut(at).filter(|node| node.run == run);
        let Some(on) = node.and_then(|node| node.on.as_mut()) else {
            return Ok(());
        };
        let Some(Call { permit, timed }) = on.calls.remove(&id) else {
            return Ok(());
        };
        let (outcome, reply) = match answer {
            Answer::Ack(bytes) => match self.take_in(at, bytes)? {
                None => return Ok(()),
                Some(Reply::Failed) => (Outcome::Fail, Reply::Failed),
                Some(reply) => (Outcome::Ok, reply),
            },
            Answer::HelloFirst => (Outcome::Ok, Reply::HelloFirst),
            Answer::BadFrame => (Outcome::Ok, Reply::BadFrame),
            Answer::Refused => (Outcome::Ignored, Reply::Refused),
            Answer::Failing => (Outcome::Fail, Reply::Failed),
        };
        let _ = match timed {
            true => permit.finish(now, outcome),
            false => permit.record(now, outcome),
        };
        self.feed(at, Event::Called { id, reply })
    }

    fn look_for_fence(&mut self, at: usize) {
        if self.setup.sabotage == Some(Sabotage::NoFence) {
            return;
        }
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        let Some(on) = node
            .on
            .as_mut()
            .filter(|on| on.link.is_fenced() && !on.ending)
        else {
            return;
        };
        on.ending = true;
        // As the product does: not again at once.
        let pause = Duration::from_secs(600);
        let earliest = node
            .last_anew
            .map_or(Moment::START, |last| last.plus(pause));
        let wait = earliest.since(self.now) + Duration::from_millis(20);
        node.last_anew = Some(self.now.plus(wait));
        let due = Due::Anew((at, node.run));
        self.after(wait, due);
    }
}

fn not_sent(id: Id) -> Event {
    Event::Called {
        id,
        reply: Reply::NotSent(None),
    }
}
