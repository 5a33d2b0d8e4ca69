//! Keeping in touch: hellos, heartbeats, probes, and what the answers to calls mean.

use std::time::Duration;

use resilience::Moment;
use resilience::breaker::{Causes, State};

use super::flights::Parked;
use super::{Action, Deadline, Grant, Id, Link, Mode, Obstacle, Reply, Transport, Why};

/// After the second failure in a row with the breaker still closed.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How long to wait when the breaker let a call not out and can't say until when.
const ASK_BREAKER_AGAIN: Duration = Duration::from_secs(1);
/// While only a share of calls passes: at a quarter of them, about one gets through in a second.
const NEXT_TRY: Duration = Duration::from_millis(250);
/// How often to ask whether a hold is over when nothing but MQTT is left to ask by.
const HOLD_FIRST: Duration = Duration::from_secs(5);
const HOLD_MAX: Duration = Duration::from_secs(300);
/// A frame that the cloud can't use is tried again, ever more seldom.
const PARK_FIRST: Duration = Duration::from_secs(2);
const PARK_MAX: Duration = Duration::from_secs(300);

/// The way by HTTP.
#[derive(Debug)]
pub(super) struct HttpPath {
    /// The cloud knows the journal: it answered a hello since the last outage.
    pub(super) greeted: bool,
    /// The hello or heartbeat under way.
    call: Option<Id>,
    /// Nothing goes out before.
    pub(super) not_before: Moment,
    /// Calls that failed since the last that did not.
    failures: u32,
    next_heartbeat: Moment,
    pub(super) heartbeat: Duration,
}

impl HttpPath {
    pub(super) fn new(heartbeat: Duration, now: Moment) -> Self {
        Self {
            greeted: false,
            call: None,
            not_before: now,
            failures: 0,
            next_heartbeat: now,
            heartbeat,
        }
    }

    pub(super) fn is_calling(&self) -> bool {
        self.call.is_some()
    }
}

/// The way by MQTT.
#[derive(Debug, Clone, Copy)]
pub(super) enum MqttPath {
    Down,
    /// A hello is due or waits for its ack; batches would not be understood yet.
    Greeting {
        tries: u32,
        due: Moment,
    },
    Ready {
        /// While on hold: how often it was asked, and when to ask again.
        asked: Option<(u32, Moment)>,
    },
}

impl MqttPath {
    pub(super) fn arrived(now: Moment) -> Self {
        Self::Greeting { tries: 0, due: now }
    }

    pub(super) fn heard(&mut self) {
        if let Self::Greeting { .. } = self {
            *self = Self::Ready { asked: None };
        }
    }

    /// The cloud wants a hello again; one that is due already stays due when it is.
    pub(super) fn greet_again(&mut self, now: Moment) {
        if let Self::Ready { .. } = self {
            *self = Self::arrived(now);
        }
    }

    pub(super) fn carries(self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

impl Link {
    pub(super) fn http_carries(&self, now: Moment) -> bool {
        self.is_up() && self.http.greeted && now >= self.http.not_before
    }

    pub(super) fn granted(&mut self, grant: Option<Grant>, actions: &mut Vec<Action>) {
        let Some(grant) = grant else {
            return;
        };
        self.pace.grant(grant.credit);
        let told = grant
            .heartbeat
            .unwrap_or(self.settings.heartbeat)
            .clamp(Duration::from_secs(1), Duration::from_secs(600));
        if told != self.http.heartbeat {
            self.http.heartbeat = told;
            actions.push(Action::SetHeartbeat(told));
        }
    }

    pub(super) fn called(&mut self, now: Moment, id: Id, reply: Reply, actions: &mut Vec<Action>) {
        let was_control = self.http.call == Some(id);
        if was_control {
            self.http.call = None;
        }
        match reply {
            Reply::Acked(grant) => self.answered(now, id, was_control, grant, actions),
            Reply::BadFrame => self.bad_frame(now, id),
            Reply::Failed | Reply::NotSent(_) | Reply::Overloaded(_) => {
                self.went_wrong(now, id, reply)
            }
            Reply::Refused => {
                self.flights.remove(id);
                self.block(now, Obstacle::CredentialRefused);
            }
            Reply::Fenced => {
                self.flights.remove(id);
                self.block(now, Obstacle::Fenced);
            }
            Reply::HelloFirst => {
                self.flights.remove(id);
                // In answer to the hello itself this makes no sense: not again without a pause.
                if was_control && !std::mem::take(&mut self.http.greeted) {
                    self.pause_http(now.plus(ASK_BREAKER_AGAIN));
                }
                self.http.greeted = false;
            }
            Reply::Withdrawn => {
                self.flights.remove(id);
                // A hello shows the cloud the proof. If that does not help, nothing here will.
                if was_control && !self.http.greeted {
                    self.block(now, Obstacle::Withdrawn);
                }
                self.http.greeted = false;
            }
        }
    }

    fn went_wrong(&mut self, now: Moment, id: Id, reply: Reply) {
        let wait = match reply {
            // The call's permit has told the breaker.
            Reply::Overloaded(wait) => wait,
            // Calls come back gradually, or too many are under way: this was not among those that pass.
            Reply::NotSent(None) if self.breaker.state().passes() => NEXT_TRY,
            Reply::NotSent(wait) => wait.unwrap_or(ASK_BREAKER_AGAIN),
            _ => {
                self.http.failures = self.http.failures.saturating_add(1);
                match self.http.failures {
                    1 => Duration::ZERO,
                    // It waits by itself.
                    _ if !self.breaker.state().passes() => Duration::ZERO,
                    more => self.dice.backoff(RETRY_FIRST, more - 1, RETRY_MAX),
                }
            }
        };
        let lost = self.flights.remove(id);
        self.not_first_time(lost.as_slice());
        self.pause_http(now.plus(wait));
    }

    fn answered(
        &mut self,
        now: Moment,
        id: Id,
        was_control: bool,
        grant: Option<Grant>,
        actions: &mut Vec<Action>,
    ) {
        self.http.failures = 0;
        self.http.not_before = now;
        if was_control {
            self.http.greeted = true;
            self.obstacle = None;
        }
        let every = self.http.heartbeat;
        self.http.next_heartbeat = now.plus(every - self.dice.below(every / 10));
        self.granted(grant, actions);
        // The ack that named it has removed it already. If it is still here, its ack comes later.
        let wait = self
            .pace
            .ack_wait(Transport::Http, &self.settings, &mut self.dice);
        if let Some(flight) = self.flights.get_mut(id) {
            flight.answered = true;
            flight.on_wire = true;
            flight.expires = now.plus(wait);
        }
    }

    fn pause_http(&mut self, until: Moment) {
        self.http.not_before = self.http.not_before.max(until);
        self.http.next_heartbeat = self.http.not_before;
    }

    pub(super) fn block(&mut self, now: Moment, obstacle: Obstacle) {
        let wait = self.settings.refused_wait;
        let until = now.plus(wait).plus(self.dice.below(wait / 2));
        self.obstacle = Some((obstacle, until));
    }

    fn bad_frame(&mut self, now: Moment, id: Id) {
        let Some(flight) = self.flights.remove(id) else {
            self.block(now, Obstacle::HelloRefused);
            return;
        };
        let tries = self.flights.trouble_at(flight.first).map_or(0, |t| t.tries) + 1;
        let small = flight.first == flight.last;
        let wait = if small {
            PARK_FIRST + self.dice.backoff(PARK_FIRST, tries, PARK_MAX)
        } else {
            self.dice.below(PARK_FIRST)
        };
        self.flights.park(Parked {
            first: flight.first,
            last: flight.last,
            until: now.plus(wait),
            tries,
        });
    }

    /// Says hello, asks, and probes, where one of these is due.
    pub(super) fn control(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.greet_by_mqtt(now, actions);
        if self.http.call.is_some() || now < self.http.not_before {
            return;
        }
        if let Some((_, until)) = self.obstacle
            && now < until
        {
            return;
        }
        let state = self.breaker.state();
        let hello = match state {
            State::Closed | State::Disabled | State::MetricsOnly => {
                !self.http.greeted || self.obstacle.is_some()
            }
            State::Open => self.breaker.snapshot(now).probe_due,
            State::HalfOpen => true,
            State::ForcedOpen => false,
        };
        let heartbeat = state.passes() && now >= self.http.next_heartbeat;
        if !hello && !heartbeat {
            return;
        }
        let id = self.flights.next_id();
        self.http.call = Some(id);
        actions.push(if hello {
            Action::HelloByHttp(id)
        } else {
            Action::Heartbeat(id)
        });
    }

    fn greet_by_mqtt(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let hold = self.pace.on_hold() && !self.is_up();
        match &mut self.mqtt {
            MqttPath::Greeting { tries, due } if now >= *due => {
                let wait = self.settings.ack_wait.0;
                let extra = self.dice.backoff(wait, *tries, self.settings.ack_wait_max);
                *tries = tries.saturating_add(1);
                *due = now.plus(wait).plus(extra);
                actions.push(Action::HelloByMqtt);
            }
            MqttPath::Ready { asked } if hold => {
                let (tries, due) = asked.get_or_insert((0, now.plus(HOLD_FIRST)));
                if now >= *due {
                    let extra = self.dice.backoff(HOLD_FIRST, *tries, HOLD_MAX);
                    *asked = Some((*tries + 1, now.plus(HOLD_FIRST).plus(extra)));
                    actions.push(Action::HelloByMqtt);
                }
            }
            MqttPath::Ready { asked } => *asked = None,
            MqttPath::Down | MqttPath::Greeting { .. } => {}
        }
    }

    /// The next moment at which [`Event::Wake`](super::Event::Wake) has something to do, and what.
    #[must_use]
    pub fn next_deadline(&self, now: Moment) -> Option<Deadline> {
        let deadline = |at, reason| Deadline { at, reason };
        let overdue = self.flights.iter().map(|flight| flight.expires).min();
        let greeting = match self.mqtt {
            MqttPath::Greeting { due, .. } => Some((due, "hello by MQTT")),
            MqttPath::Ready {
                asked: Some((_, due)),
            } => Some((due, "asking whether the hold is over")),
            _ => None,
        };
        let all = [
            overdue.map(|at| (at, "ack overdue")),
            greeting,
            self.next_call(now),
            self.flights
                .next_unparking(now)
                .map(|at| (at, "refused batch again")),
            Some((self.http.not_before, "HTTP again")).filter(|(at, _)| *at > now),
        ];
        let coming = all
            .into_iter()
            .flatten()
            .filter(|(at, _)| *at < Moment::MAX);
        coming
            .min_by_key(|(at, _)| *at)
            .map(|(at, reason)| deadline(at, reason))
    }

    fn next_call(&self, now: Moment) -> Option<(Moment, &'static str)> {
        if self.http.call.is_some() || self.stopping {
            return None;
        }
        if let Some((_, until)) = self.obstacle
            && until > now
        {
            return Some((until, "asking whether the refusal stands"));
        }
        match self.breaker.state() {
            State::Open => {
                let due = self.breaker.snapshot(now).until?;
                Some((due.max(self.http.not_before), "probe"))
            }
            State::HalfOpen => Some((self.http.not_before, "probe")),
            State::Closed | State::Disabled | State::MetricsOnly => {
                Some((self.http.next_heartbeat, "heartbeat"))
            }
            State::ForcedOpen => None,
        }
    }

    /// Why the mode is what it is.
    #[must_use]
    pub fn reason(&self) -> Why {
        let obstacle = self.obstacle.map(|(obstacle, _)| obstacle);
        match (self.mode, obstacle, self.breaker.state()) {
            (Mode::Offline, Some(Obstacle::CredentialRefused), _) => Why::CredentialRefused,
            (Mode::Offline, Some(Obstacle::HelloRefused), _) => Why::HelloRefused,
            (Mode::Offline, Some(Obstacle::Fenced), _) => Why::Forked,
            (Mode::Offline, Some(Obstacle::Withdrawn), _) => Why::Withdrawn,
            (Mode::Offline, None, State::ForcedOpen) => Why::SwitchedOff,
            (Mode::Offline, None, State::HalfOpen) => Why::Trying,
            (Mode::Offline, None, _) => self.why_open(),
            (Mode::CatchingUp, ..) if self.pace.on_hold() => Why::AsksToWait,
            (Mode::CatchingUp, ..) => Why::Backlog,
            (Mode::Online, ..) => Why::Answers,
            (Mode::Standalone, ..) => Why::NoCredential,
        }
    }

    fn why_open(&self) -> Why {
        let causes = self.breaker.snapshot(Moment::START).causes;
        if causes.contains(Causes::ASKED_TO_WAIT) {
            Why::AsksToWait
        } else if causes == Causes::UNTRIED || causes == Causes::INITIAL {
            Why::Untried
        } else {
            Why::NoAnswer
        }
    }

    /// The machine slept so long while the clock of waits stood still: each is shorter by that.
    pub fn slept(&mut self, now: Moment, slept: Duration) {
        self.breaker.slept(now, slept);
        self.http.not_before = self.http.not_before.minus(slept);
        self.http.next_heartbeat = self.http.next_heartbeat.minus(slept);
        if let Some((_, until)) = &mut self.obstacle {
            *until = until.minus(slept);
        }
    }

    /// Makes the next step earlier: somebody wants to know now.
    pub fn ask_now(&mut self, now: Moment) {
        self.breaker.expire_wait(now);
        self.http.not_before = now;
        self.http.next_heartbeat = now;
    }
}
