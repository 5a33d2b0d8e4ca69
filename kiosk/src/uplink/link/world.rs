//! A cloud, a broker and a network that fail at will, on one virtual clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use resilience::breaker::{Outcome, Permit};
use resilience::{Breaker, Moment};

use super::{Action, Batch, Event, Grant, Id, Link, Mode, Reply, Transport};
use crate::uplink::dice::Dice;
use crate::uplink::seqs::SeqSet;
use crate::uplink::settings::{UplinkSettings, ordering_breaker};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Http {
    Up,
    /// Answers at once that nobody is there.
    Refusing,
    /// Swallows everything.
    BlackHole,
    /// Answers with this.
    Says(Reply),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    HttpArrives(Id),
    HttpEnds(Id),
    FrameArrives(Id),
    AskArrives,
    AckArrives(usize),
}

pub(super) struct World {
    pub(super) now: Moment,
    pub(super) link: Link,
    pub(super) breaker: Arc<Breaker>,
    pub(super) http: Http,
    pub(super) broker: bool,
    /// One of so many messages is lost, and one doubled; 0 for none.
    pub(super) one_lost_of: u64,
    pub(super) broker_is_deaf: bool,
    pub(super) latency: Duration,
    pub(super) next_seq: u64,
    pub(super) confirmed: SeqSet,
    pub(super) credit: u16,
    /// All that was done, with the time.
    pub(super) log: Vec<(Moment, Action)>,
    /// Every change of mode.
    pub(super) modes: Vec<(Moment, Mode)>,
    settings: UplinkSettings,
    durable: SeqSet,
    calls: HashMap<Id, Call>,
    frames: HashMap<Id, Batch>,
    acks: Vec<SeqSet>,
    due: BinaryHeap<Reverse<(Moment, u64, Due)>>,
    issued: u64,
    inbox: VecDeque<Event>,
    dice: Dice,
}

struct Call {
    permit: Permit<Arc<Breaker>>,
    batch: Option<Batch>,
    limit: Moment,
    reply: Reply,
    ack: SeqSet,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let settings = UplinkSettings::default();
        let now = Moment::from_secs(100);
        let breaker = Breaker::new("ordering", ordering_breaker(seed), now).unwrap();
        breaker.expire_wait(now);
        let breaker = Arc::new(breaker);
        Self {
            now,
            link: Link::new(settings, Arc::clone(&breaker), seed, now),
            breaker,
            http: Http::Up,
            broker: false,
            one_lost_of: 0,
            broker_is_deaf: false,
            latency: Duration::from_millis(20),
            next_seq: 1,
            confirmed: SeqSet::default(),
            credit: 8,
            log: Vec::new(),
            modes: Vec::new(),
            settings,
            durable: SeqSet::default(),
            calls: HashMap::new(),
            frames: HashMap::new(),
            acks: Vec::new(),
            due: BinaryHeap::new(),
            issued: 0,
            inbox: VecDeque::new(),
            dice: Dice::new(seed ^ 0xabcd),
        }
    }

    /// A world in which the kiosk is online, the broker has taken it in and all calls pass again.
    pub(super) fn online(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.rows(0);
        world.broker(true);
        world.run(Duration::from_secs(12));
        assert_eq!(world.link.mode().0, Mode::Online);
        assert_eq!(world.breaker.snapshot(world.now).ramp, None);
        world.log.clear();
        world
    }

    pub(super) fn rows(&mut self, count: u64) {
        self.next_seq += count;
        let outbox = self.outbox();
        self.feed(outbox);
    }

    pub(super) fn broker(&mut self, up: bool) {
        if up != self.broker {
            self.broker = up;
            self.feed(if up { Event::MqttUp } else { Event::MqttDown });
        }
    }

    pub(super) fn unconfirmed(&self) -> u64 {
        self.confirmed.missing(1, self.next_seq - 1)
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, span: Duration) {
        self.run_until(self.now.plus(span), |_| false);
    }

    /// Lets time pass until something holds; whether it did.
    pub(super) fn run_until(&mut self, end: Moment, holds: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..2_000_000 {
            if holds(self) {
                return true;
            }
            let deadline = self.link.next_deadline(self.now).map(|d| d.at);
            let due = self.due.peek().map(|Reverse((at, ..))| *at);
            let Some(at) = deadline
                .into_iter()
                .chain(due)
                .min()
                .filter(|at| *at <= end)
            else {
                self.now = end;
                return holds(self);
            };
            self.now = at.max(self.now);
            if due.is_some_and(|due| due <= self.now) {
                let Reverse((_, _, due)) = self.due.pop().unwrap();
                self.fall_due(due);
            } else {
                self.feed(Event::Wake);
            }
        }
        panic!(
            "the link never comes to rest: {:?}",
            self.link.next_deadline(self.now)
        );
    }

    pub(super) fn sends(&self) -> Vec<(Moment, Batch)> {
        let batch = |(at, action): &(Moment, Action)| match action {
            Action::Send(batch) => Some((*at, *batch)),
            _ => None,
        };
        self.log.iter().filter_map(batch).collect()
    }

    fn outbox(&self) -> Event {
        Event::Outbox {
            next_seq: self.next_seq,
            retained_from: 1,
            watermark: 0,
            beyond: self.confirmed_ranges(),
        }
    }

    fn confirmed_ranges(&self) -> Vec<(u64, u64)> {
        let mut missing = SeqSet::default();
        for (first, last) in self.confirmed.gaps(1, self.next_seq + 1) {
            missing.insert(first, last);
        }
        missing.gaps(1, self.next_seq + 1).collect()
    }

    pub(super) fn feed(&mut self, event: Event) {
        self.inbox.push_back(event);
        while let Some(event) = self.inbox.pop_front() {
            let before = self.link.mode();
            for action in self.link.handle(self.now, event) {
                self.log.push((self.now, action));
                self.perform(action);
            }
            if self.link.mode() != before {
                self.modes.push((self.now, self.link.mode().0));
            }
        }
        self.check();
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::HelloByHttp(id) => self.call(id, None, self.settings.probe_timeout),
            Action::Heartbeat(id) => self.call(id, None, self.settings.call_timeout),
            Action::Send(batch) if batch.via == Transport::Http => {
                let limit = if batch.live {
                    self.settings.call_timeout
                } else {
                    self.settings.batch_timeout
                };
                self.call(batch.id, Some(batch), limit);
            }
            Action::Send(batch) => {
                self.frames.insert(batch.id, batch);
                self.inbox.push_back(Event::Sent {
                    flight: batch.id,
                    last: batch.last,
                });
                self.deliver(Due::FrameArrives(batch.id));
            }
            Action::HelloByMqtt => self.deliver(Due::AskArrives),
            Action::ReconnectMqtt | Action::SetHeartbeat(_) => {}
        }
    }

    fn call(&mut self, id: Id, batch: Option<Batch>, limit: Duration) {
        let permit = match self.breaker.try_acquire_owned(self.now) {
            Ok(permit) => permit,
            Err(refused) => {
                let reply = Reply::NotSent(refused.retry_in);
                return self.inbox.push_back(Event::Called { id, reply });
            }
        };
        if let Some(batch) = batch {
            self.inbox.push_back(Event::Sent {
                flight: batch.id,
                last: batch.last,
            });
        }
        let call = Call {
            permit,
            batch,
            limit: self.now.plus(limit),
            reply: Reply::Failed,
            ack: SeqSet::default(),
        };
        self.calls.insert(id, call);
        match self.http {
            Http::Refusing => self.after(Duration::from_millis(1), Due::HttpEnds(id)),
            Http::BlackHole => self.after(limit, Due::HttpEnds(id)),
            Http::Up | Http::Says(_) => {
                let trip = self.trip();
                self.after(trip, Due::HttpArrives(id));
            }
        }
    }

    fn trip(&mut self) -> Duration {
        self.latency / 4 + self.dice.below(self.latency)
    }

    fn after(&mut self, wait: Duration, due: Due) {
        self.issued += 1;
        self.due
            .push(Reverse((self.now.plus(wait), self.issued, due)));
    }

    /// Through the broker: perhaps lost, perhaps twice, in any order.
    fn deliver(&mut self, due: Due) {
        let mut fate = || self.one_lost_of > 0 && self.dice.seed().is_multiple_of(self.one_lost_of);
        let copies = match (fate(), fate()) {
            _ if self.broker_is_deaf => 0,
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        };
        for _ in 0..copies {
            let trip = self.trip() + self.dice.below(Duration::from_millis(200));
            self.after(trip, due);
        }
    }

    fn fall_due(&mut self, due: Due) {
        match due {
            Due::HttpArrives(id) => self.http_arrives(id),
            Due::HttpEnds(id) => self.http_ends(id),
            Due::FrameArrives(id) => {
                let batch = self.frames[&id];
                self.durable.insert(batch.first, batch.last);
                self.answer();
            }
            Due::AskArrives => self.answer(),
            Due::AckArrives(index) if self.broker => {
                let ack = self.acks[index].clone();
                self.confirm(&ack);
                self.feed(Event::MqttAcked(Some(self.grant())));
            }
            Due::AckArrives(_) => {}
        }
    }

    fn answer(&mut self) {
        self.acks.push(self.durable.clone());
        self.deliver(Due::AckArrives(self.acks.len() - 1));
    }

    fn grant(&self) -> Grant {
        Grant {
            credit: self.credit,
            heartbeat: None,
        }
    }

    fn http_arrives(&mut self, id: Id) {
        let lost = self.one_lost_of > 0 && self.dice.seed().is_multiple_of(self.one_lost_of);
        let grant = self.grant();
        let trip = self.trip();
        let call = self.calls.get_mut(&id).unwrap();
        let rest = call.limit.since(self.now);
        let says = match self.http {
            Http::Up => Reply::Acked(Some(grant)),
            Http::Says(reply) => reply,
            Http::Refusing | Http::BlackHole => return self.after(rest, Due::HttpEnds(id)),
        };
        if let (Reply::Acked(_), Some(batch)) = (says, call.batch) {
            self.durable.insert(batch.first, batch.last);
        }
        if lost || trip > rest {
            return self.after(rest, Due::HttpEnds(id));
        }
        call.reply = says;
        call.ack = self.durable.clone();
        self.after(trip, Due::HttpEnds(id));
    }

    fn http_ends(&mut self, id: Id) {
        let call = self.calls.remove(&id).unwrap();
        let outcome = match call.reply {
            Reply::Acked(_) => Outcome::Ok,
            Reply::Failed => Outcome::Fail,
            _ => Outcome::Ignored,
        };
        let _ = match call.reply {
            Reply::Overloaded(wait) => call.permit.pause(self.now, wait),
            _ if call.batch.is_none_or(|batch| batch.live) => call.permit.finish(self.now, outcome),
            _ => call.permit.record(self.now, outcome),
        };
        if let Reply::Acked(_) = call.reply {
            self.confirm(&call.ack);
        }
        self.feed(Event::Called {
            id,
            reply: call.reply,
        });
    }

    fn confirm(&mut self, ack: &SeqSet) {
        let mut missing = SeqSet::default();
        for (first, last) in ack.gaps(1, self.next_seq - 1) {
            missing.insert(first, last);
        }
        for (first, last) in missing.gaps(1, self.next_seq - 1) {
            self.confirmed.insert(first, last);
        }
        let outbox = self.outbox();
        self.inbox.push_back(outbox);
    }

    /// What must hold after every step.
    fn check(&mut self) {
        let (live, backlog) = (
            self.link.flights.places(true),
            self.link.flights.places(false),
        );
        let window = usize::from(self.settings.window);
        assert!(backlog <= window, "{backlog} batches on their way");
        assert!(
            live <= self.settings.live_calls,
            "{live} calls on their way"
        );
        // The cloud gets nothing that is not in the journal, and confirms nothing else.
        assert!(self.durable.gaps(1, u64::MAX - 1).last().unwrap().0 <= self.next_seq);
        assert_eq!(
            self.confirmed.missing(1, self.next_seq - 1),
            self.unconfirmed()
        );
        let passes = self.breaker.state().passes();
        match self.link.mode().0 {
            Mode::Offline => assert!(!passes || self.link.obstacle.is_some()),
            Mode::Online => assert!(passes && self.link.backlog() == 0),
            Mode::CatchingUp => assert!(passes && self.link.backlog() > 0),
            Mode::Standalone => unreachable!(),
        }
        self.check_on_wire();
        if let Some(deadline) = self.link.next_deadline(self.now) {
            assert!(
                deadline.at > self.now,
                "overdue: {deadline:?} at {}",
                self.now
            );
        }
    }

    /// What the link says is on the wire is what transports hold, no less and no more.
    fn check_on_wire(&self) {
        let said = self.link.on_wire();
        let mut held = SeqSet::default();
        for batch in self.calls.values().filter_map(|call| call.batch) {
            held.insert(batch.first, batch.last);
            let mut known = self.confirmed.clone();
            for (first, last) in said.gaps(batch.first, batch.last) {
                assert!(known.covers(first, last), "{batch:?} is on the wire");
            }
            known.insert(batch.first, batch.last);
        }
        for flight in self.link.flights.iter().filter(|flight| flight.on_wire) {
            let by_http = held.covers(flight.first, flight.last);
            assert!(match flight.via {
                Transport::Http => by_http || flight.answered,
                Transport::Mqtt => self.broker,
            });
        }
    }
}
