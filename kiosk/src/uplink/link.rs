//! The uplink's decisions, without any IO: what to send, how, when, and what to wait for.
//!
//! One [`Event`] goes in, one synchronous transition, [`Action`]s come out. Whoever performs them
//! feeds what becomes of them back in. Time is an argument and chance is seeded, so the same code
//! runs in the store and in a simulation of thousands of faults.
//!
//! ```text
//!            breaker closes, something old is unconfirmed
//!   offline ─────────────────────────────────────────────► catching_up
//!     ▲  │                                                  │     ▲
//!     │  └── breaker closes, nothing is ──► online ◄────────┘     │ more new events than
//!     │                                       │   all old events  │ calls can carry
//!     └── breaker opens, or the cloud ◄───────┴── confirmed ──────┘
//!         refuses this kiosk
//! ```
//!
//! The journal is the queue. The link only remembers which of its numbers are on their way, and
//! forgets that as soon as a transport fails, so nothing can get lost in a transport.

mod control;
mod flights;
mod lanes;
mod pace;
mod terms;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::sync::Arc;
use std::time::Duration;

use resilience::{Breaker, Moment};

use self::control::{HttpPath, MqttPath};
use self::flights::{Flight, Flights, Parked};
use self::pace::Pace;

pub use self::terms::{Action, Batch, Deadline, Event, Grant, Id, Mode, Reply, Transport, Why};

use super::dice::Dice;
use super::seqs::SeqSet;
use super::settings::UplinkSettings;

/// Why the link refrains from sending although the cloud can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    CredentialRefused,
    HelloRefused,
    Withdrawn,
    Fenced,
}

/// The state machine of the uplink.
#[derive(Debug)]
pub struct Link {
    settings: UplinkSettings,
    breaker: Arc<Breaker>,
    dice: Dice,
    next_seq: u64,
    confirmed: SeqSet,
    /// Events from this one on are new; what is unconfirmed below it is a backlog.
    live_from: u64,
    /// Nothing up to this one is sent for the first time, so its ack can't be timed.
    sent_before: u64,
    flights: Flights,
    pace: Pace,
    http: HttpPath,
    mqtt: MqttPath,
    /// Acks on this transport stayed away too often.
    suspect: Option<Transport>,
    /// The next batch of a backlog goes this way, if it can; an ack for it renews the detour.
    detour: Option<Transport>,
    obstacle: Option<(Obstacle, Moment)>,
    was_up: bool,
    mode: Mode,
    since: Moment,
    stopping: bool,
    tally: Tally,
}

/// What became of batches since somebody last asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// An ack named all of it.
    pub acked: PerTransport,
    /// No ack came in time; it is sent again.
    pub overdue: PerTransport,
}

/// A count for each transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerTransport {
    /// Calls.
    pub http: u64,
    /// Messages.
    pub mqtt: u64,
}

impl PerTransport {
    fn count(&mut self, flights: &[Flight]) {
        for flight in flights {
            match flight.via {
                Transport::Http => self.http += 1,
                Transport::Mqtt => self.mqtt += 1,
            }
        }
    }
}

impl Link {
    /// A link that knows of no events yet. Feed it the journal's outbox first.
    #[must_use]
    pub fn new(settings: UplinkSettings, breaker: Arc<Breaker>, seed: u64, now: Moment) -> Self {
        Self {
            settings,
            breaker,
            dice: Dice::new(seed),
            next_seq: 1,
            confirmed: SeqSet::default(),
            live_from: 1,
            sent_before: 0,
            flights: Flights::default(),
            pace: Pace::new(),
            http: HttpPath::new(settings.heartbeat, now),
            mqtt: MqttPath::Down,
            suspect: None,
            detour: None,
            obstacle: None,
            was_up: false,
            mode: Mode::Offline,
            since: now,
            stopping: false,
            tally: Tally::default(),
        }
    }

    /// Takes in one event and says what is to be done about it.
    pub fn handle(&mut self, now: Moment, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.apply(now, event, &mut actions);
        self.expire(now);
        self.observe(now, &mut actions);
        if !self.stopping {
            self.control(now, &mut actions);
            self.send(now, &mut actions);
        }
        actions
    }

    /// New settings from now on.
    pub fn retune(&mut self, settings: UplinkSettings) {
        if settings.heartbeat != self.settings.heartbeat {
            self.http.heartbeat = settings.heartbeat;
        }
        self.settings = settings;
    }

    /// The mode, and since when.
    #[must_use]
    pub fn mode(&self) -> (Mode, Moment) {
        (self.mode, self.since)
    }

    /// Whether the broker has taken the kiosk in.
    #[must_use]
    pub fn mqtt_up(&self) -> bool {
        !matches!(self.mqtt, MqttPath::Down)
    }

    /// Whether the cloud knows other events under this journal's numbers.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        matches!(self.obstacle, Some((Obstacle::Fenced, _)))
    }

    /// How many frames the cloud wants on their way at most; unknown before its first ack.
    #[must_use]
    pub fn credit(&self) -> Option<u16> {
        self.pace.credit()
    }

    /// How many batches are on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flights.places(true) + self.flights.places(false)
    }

    /// What became of batches since this was last asked.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Whether a batch of that name is on its way.
    #[must_use]
    pub fn carries_batch(&self, id: Id) -> bool {
        self.flights.iter().any(|flight| flight.id == id)
    }

    /// Whether HTTP calls are under way.
    #[must_use]
    pub fn calls_under_way(&self) -> bool {
        let by_http = |flight: &Flight| flight.via == Transport::Http && !flight.answered;
        self.http.is_calling() || self.flights.iter().any(by_http)
    }

    /// How many events of a backlog are unconfirmed.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.confirmed.missing(1, self.live_from - 1)
    }

    /// What is on the wire and unconfirmed.
    pub(crate) fn on_wire(&self) -> SeqSet {
        self.flights.on_wire()
    }

    fn apply(&mut self, now: Moment, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Outbox {
                next_seq,
                retained_from,
                watermark,
                beyond,
            } => {
                let sendable = watermark.max(retained_from.saturating_sub(1));
                self.outbox(now, next_seq, SeqSet::new(sendable, beyond));
            }
            Event::Sent { flight, last } => self.sent(flight, last),
            Event::Unsendable { flight } => self.unsendable(now, flight),
            Event::Called { id, reply } => self.called(now, id, reply, actions),
            Event::MqttUp => {
                self.suspect = None;
                self.mqtt = MqttPath::arrived(now);
                self.pace.restart();
                self.live_from = if self.is_up() {
                    self.live_from
                } else {
                    self.next_seq
                };
            }
            Event::MqttDown => {
                self.mqtt = MqttPath::Down;
                let gone = self.flights.extract(|flight| flight.via == Transport::Mqtt);
                self.not_first_time(&gone);
            }
            Event::MqttAcked(grant) => {
                self.mqtt.heard();
                self.granted(grant, actions);
            }
            Event::MqttAsksHello => {
                self.mqtt.greet_again(now);
                // What was sent since moved nothing.
                let moot = self.flights.extract(|flight| flight.via == Transport::Mqtt);
                self.not_first_time(&moot);
            }
            Event::Fenced => self.block(now, Obstacle::Fenced),
            Event::Wake => {}
            Event::Stop => self.stopping = true,
        }
    }

    fn outbox(&mut self, now: Moment, next_seq: u64, confirmed: SeqSet) {
        self.next_seq = next_seq;
        let before = std::mem::replace(&mut self.confirmed, confirmed);
        if !before.is_within(&self.confirmed) {
            // The cloud lost what it had: that is a backlog, however new it was.
            self.live_from = next_seq;
        }
        self.flights.forget_confirmed(&self.confirmed);
        let confirmed = &self.confirmed;
        let done = self
            .flights
            .extract(|flight| confirmed.covers(flight.first, flight.last));
        self.tally.acked.count(&done);
        for via in [Transport::Http, Transport::Mqtt] {
            let of_this = || done.iter().filter(|flight| flight.via == via);
            let fresh =
                of_this().filter(|flight| flight.on_wire && flight.first > self.sent_before);
            let sample = fresh.map(|flight| now.since(flight.sent_at)).max();
            if of_this().next().is_some() {
                self.pace.acked(via, sample, self.settings.window);
                self.suspect = self.suspect.filter(|suspect| *suspect != via);
                self.detour = self.suspect.map(|_| via);
            }
        }
    }

    fn sent(&mut self, id: Id, last: u64) {
        let Some(flight) = self.flights.get_mut(id) else {
            return;
        };
        if last < flight.first {
            self.flights.remove(id);
        } else {
            flight.last = flight.last.min(last);
            flight.on_wire = true;
        }
    }

    fn unsendable(&mut self, now: Moment, id: Id) {
        if let Some(flight) = self.flights.remove(id) {
            let wait = self.dice.below(Duration::from_secs(4));
            self.flights.park(Parked {
                first: flight.first,
                last: flight.last,
                until: now.plus(Duration::from_secs(1)).plus(wait),
                tries: 0,
            });
        }
    }

    /// Gives up waiting for acks that are overdue; what they should have named is sent again.
    fn expire(&mut self, now: Moment) {
        let overdue = self.flights.extract(|flight| flight.expires <= now);
        self.not_first_time(&overdue);
        self.tally.overdue.count(&overdue);
        for via in [Transport::Http, Transport::Mqtt] {
            // However many are overdue at once, it is one sign of trouble.
            if overdue.iter().any(|flight| flight.via == via) && self.pace.expired(via) {
                self.suspect = Some(via);
                self.detour = Some(via.other());
            }
        }
    }

    fn not_first_time(&mut self, lost: &[Flight]) {
        let last = lost.iter().map(|flight| flight.last).max();
        self.sent_before = self.sent_before.max(last.unwrap_or(0));
    }

    fn is_up(&self) -> bool {
        self.breaker.state().passes() && self.obstacle.is_none()
    }

    /// Draws the conclusions from where the breaker stands.
    fn observe(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let up = self.is_up();
        if up != self.was_up {
            self.was_up = up;
            self.live_from = self.next_seq;
            self.pace.restart();
            if up && !self.mqtt_up() {
                actions.push(Action::ReconnectMqtt);
            }
            if !up {
                self.http.greeted = false;
            }
        }
        if self.new_events_pile_up(now) {
            self.live_from = self.next_seq;
        }
        let mode = match (up, self.backlog()) {
            (false, _) => Mode::Offline,
            (true, 0) => Mode::Online,
            (true, _) => Mode::CatchingUp,
        };
        if mode != self.mode {
            (self.mode, self.since) = (mode, now);
        }
    }
}
