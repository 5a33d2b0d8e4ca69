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
mod pace;

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
use super::dice::Dice;
use super::seqs::SeqSet;
use super::settings::UplinkSettings;

/// Names a batch or a call.
pub type Id = u64;

/// A way to the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Calls behind the ordering breaker.
    Http,
    /// Messages through a broker.
    Mqtt,
}

impl Transport {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Mqtt => "mqtt",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Http => Self::Mqtt,
            Self::Mqtt => Self::Http,
        }
    }
}

/// How the kiosk stands to the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It has no credential: there is no cloud for it.
    Standalone,
    /// New events go out at once and nothing old waits.
    Online,
    /// The cloud does not answer, or not this kiosk.
    Offline,
    /// The cloud answers, and old events are on their way to it.
    CatchingUp,
}

impl Mode {
    /// All modes, in the order in which a metric lists them.
    pub const ALL: [Self; 4] = [
        Self::Standalone,
        Self::Online,
        Self::Offline,
        Self::CatchingUp,
    ];

    /// The name of the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::CatchingUp => "catching_up",
        }
    }
}

/// What a genuine and current ack allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// How many frames may be on their way; 0 means hold.
    pub credit: u16,
    /// How often to ask when idle, if the cloud says.
    pub heartbeat: Option<Duration>,
}

/// How an HTTP call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// With a genuine ack; an outdated one grants nothing.
    Acked(Option<Grant>),
    /// With anything that counts as a failure: nothing, an error, nonsense.
    Failed,
    /// The breaker did not let it out; `None` when only a person can change that.
    NotSent(Option<Duration>),
    /// The cloud asks to be left alone for so long.
    Overloaded(Duration),
    /// The cloud does not accept the credential.
    Refused,
    /// The cloud wants a hello first.
    UnknownJournal,
    /// The cloud can't use the frame as it is.
    BadFrame,
    /// The cloud knows other events under this journal's numbers.
    Fenced,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The journal grew or confirmed: what stands in it now.
    Outbox {
        /// The number that the next event gets.
        next_seq: u64,
        /// The first event that is still there to be sent.
        retained_from: u64,
        /// Everything up to it is confirmed.
        watermark: u64,
        /// What is confirmed beyond.
        beyond: Vec<(u64, u64)>,
    },
    /// A transport has a batch, up to this event; the rest did not fit.
    Sent {
        /// Which batch.
        flight: Id,
        /// The last event in it.
        last: u64,
    },
    /// A batch could not be read or handed over.
    Unsendable {
        /// Which batch.
        flight: Id,
    },
    /// An HTTP call ended.
    Called {
        /// Which call.
        id: Id,
        /// How.
        reply: Reply,
    },
    /// The broker took the kiosk in.
    MqttUp,
    /// The broker is gone, and whatever it was given with it.
    MqttDown,
    /// A genuine ack came by MQTT; an outdated one grants nothing.
    MqttAcked(Option<Grant>),
    /// The cloud knows other events under this journal's numbers.
    Fenced,
    /// A deadline has passed, or somebody moved the breaker.
    Wake,
    /// The kiosk stops: nothing new is sent.
    Stop,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Call the cloud with a hello; the first call after an outage.
    HelloByHttp(Id),
    /// Ask the cloud for its ack.
    Heartbeat(Id),
    /// Publish a hello.
    HelloByMqtt,
    /// Send these events.
    Send(Batch),
    /// The cloud is back: try the broker soon, whatever its back-off says.
    ReconnectMqtt,
    /// Wait this long between heartbeats, and in proportion between probes.
    SetHeartbeat(Duration),
}

/// Events to be sent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Names the batch, and its call if it goes by HTTP.
    pub id: Id,
    /// The first event.
    pub first: u64,
    /// The last event, if all fit.
    pub last: u64,
    /// By which way.
    pub via: Transport,
    /// Whether these are new events rather than a backlog.
    pub live: bool,
}

/// When something is to be done, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Moment,
    /// What for, in words for the status page.
    pub reason: &'static str,
}

/// Why the link refrains from sending although the cloud can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    CredentialRefused,
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
        self.settings = settings;
        self.http.heartbeat = settings.heartbeat;
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
        for via in [Transport::Http, Transport::Mqtt] {
            let of_this = || done.iter().filter(|flight| flight.via == via);
            let fresh = of_this().filter(|flight| flight.on_wire && flight.first > self.sent_before);
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

    fn new_events_pile_up(&self, now: Moment) -> bool {
        let batch = u64::try_from(self.settings.batch_events).unwrap_or(u64::MAX);
        let waiting = self.flights.taken(&self.confirmed, now);
        waiting.missing(self.live_from, self.next_seq - 1) > batch.saturating_mul(2)
    }

    /// Fills the free places: new events first, so that they are never behind a backlog.
    fn send(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if matches!(self.obstacle, Some((Obstacle::Fenced, _))) {
            return;
        }
        let backlog = self.backlog() > 0;
        let most = if backlog { 1 } else { self.settings.live_calls };
        // With a backlog this place is reserved: it comes on top of what the backlog may take.
        let places = most.min(self.pace.total());
        while let Some(via) = self.live_way(now) {
            if self.flights.places(true) >= places || !self.launch(now, via, true, actions) {
                break;
            }
        }
        let places = self.pace.window().min(self.pace.total());
        while let Some(via) = self.backlog_way(now) {
            if self.flights.places(false) >= places || !self.launch(now, via, false, actions) {
                break;
            }
            self.detour = None;
        }
    }

    fn live_way(&self, now: Moment) -> Option<Transport> {
        if self.http_carries(now) {
            return Some(Transport::Http);
        }
        let http_is_away = !self.is_up() || now < self.http.not_before;
        (self.mqtt.carries() && http_is_away).then_some(Transport::Mqtt)
    }

    fn backlog_way(&self, now: Moment) -> Option<Transport> {
        let open = |via: &Transport| match via {
            Transport::Http => self.http_carries(now),
            Transport::Mqtt => self.mqtt.carries(),
        };
        let ways = [
            self.detour,
            Some(Transport::Mqtt),
            Some(Transport::Http),
        ];
        ways.into_iter().flatten().find(open)
    }

    /// Sends the first events of a lane that wait; whether there were any.
    fn launch(
        &mut self,
        now: Moment,
        via: Transport,
        live: bool,
        actions: &mut Vec<Action>,
    ) -> bool {
        let (from, to) = if live {
            (self.live_from, self.next_seq - 1)
        } else {
            (1, self.live_from - 1)
        };
        let taken = self.flights.taken(&self.confirmed, now);
        let Some((first, end)) = taken.gaps(from, to).next() else {
            return false;
        };
        let last = self.cut(first, end);
        let id = self.flights.next_id();
        let expires = match via {
            Transport::Http => Moment::MAX,
            Transport::Mqtt => now.plus(self.pace.ack_wait(via, &self.settings, &mut self.dice)),
        };
        self.flights.add(Flight {
            id,
            first,
            last,
            via,
            live,
            sent_at: now,
            expires,
            answered: false,
            on_wire: false,
        });
        let batch = Batch {
            id,
            first,
            last,
            via,
            live,
        };
        actions.push(Action::Send(batch));
        true
    }

    /// Where a batch that begins with `first` ends: a stretch that went wrong is sent by itself
    /// and in ever smaller parts, so that what is wrong with it never holds up its neighbours.
    fn cut(&self, first: u64, end: u64) -> u64 {
        let (end, tries) = match self.flights.trouble_at(first) {
            Some(trouble) => (end.min(trouble.last), trouble.tries),
            None => {
                let next = self.flights.trouble_after(first);
                (next.map_or(end, |next| end.min(next - 1)), 0)
            }
        };
        let most = (self.settings.batch_events >> tries.min(16)).max(1);
        end.min(first.saturating_add(u64::try_from(most).unwrap_or(1) - 1))
    }
}
