//! What goes into the link and what comes out of it.

use std::fmt;
use std::time::Duration;

use resilience::Moment;

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

    pub(super) const fn other(self) -> Self {
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
    HelloFirst,
    /// With a genuine ack that leaves out what an earlier one confirmed.
    Withdrawn,
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
    /// By MQTT the cloud asks for a hello, or an ack leaves out what an earlier one confirmed.
    MqttAsksHello,
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

/// Why the mode of the link is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The cloud does not accept this kiosk.
    CredentialRefused,
    /// It can't use what this kiosk says of its journal.
    HelloRefused,
    /// It knows other events under this journal.
    Forked,
    /// It lost what it had confirmed.
    Withdrawn,
    /// Somebody or something that was set holds its calls back.
    SwitchedOff,
    /// Probes are under way.
    Trying,
    /// It asks to be left alone for a while.
    AsksToWait,
    /// It was not called yet: the kiosk has just begun, or calls were let go again.
    Untried,
    /// It does not answer.
    NoAnswer,
    /// What was kept while offline is being sent.
    Backlog,
    /// It answers.
    Answers,
    /// There is none.
    NoCredential,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CredentialRefused,
        Self::HelloRefused,
        Self::Forked,
        Self::Withdrawn,
        Self::SwitchedOff,
        Self::Trying,
        Self::AsksToWait,
        Self::Untried,
        Self::NoAnswer,
        Self::Backlog,
        Self::Answers,
        Self::NoCredential,
    ];

    /// The stable name, which screens have words for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CredentialRefused => "credential_refused",
            Self::HelloRefused => "hello_refused",
            Self::Forked => "forked",
            Self::Withdrawn => "withdrawn",
            Self::SwitchedOff => "switched_off",
            Self::Trying => "trying",
            Self::AsksToWait => "asks_to_wait",
            Self::Untried => "untried",
            Self::NoAnswer => "no_answer",
            Self::Backlog => "backlog",
            Self::Answers => "answers",
            Self::NoCredential => "no_credential",
        }
    }

    /// In words for the operator: in the status and in the log.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::CredentialRefused => {
                "credential refused: the cloud does not accept this kiosk; enrol it again"
            }
            Self::HelloRefused => {
                "the cloud can't use what this kiosk says of its journal; see the cloud's log"
            }
            Self::Forked => {
                "the cloud knows other events under this journal: its disk was rolled back or copied"
            }
            Self::Withdrawn => {
                "the cloud lost what it had confirmed and does not ask for it again; \
                 run `cloud-sync new-generation` there"
            }
            Self::SwitchedOff => "switched off",
            Self::Trying => "trying the cloud",
            Self::AsksToWait => "the cloud asks to wait",
            Self::Untried => "the cloud was not tried yet",
            Self::NoAnswer => "the cloud does not answer",
            Self::Backlog => "sending what was kept while offline",
            Self::Answers => "the cloud answers",
            Self::NoCredential => "no credential",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
