//! What the kiosk knows of its link, as screens and operators see it.

use std::sync::Arc;
use std::time::Duration;

use resilience::Moment;
use resilience::breaker::{Counts, Outage, Snapshot};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::connect::Origin;
use crate::level::{LevelStatus, Levels};
use crate::protect::{Held, Mode, Seen, now};
use crate::switches::Switchboard;
use crate::uplink::Why;

/// How the kiosk stands to the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkMode {
    /// No credential: there is no cloud.
    Standalone,
    /// Every new event goes out at once.
    Online,
    /// The ordering breaker is not closed.
    Offline,
    /// The breaker is closed and a backlog drains.
    CatchingUp,
}

/// A breaker, as the status page tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakerStatus {
    /// The dependency.
    pub name: String,
    /// `closed`, `open`, `half_open`, `forced_open` or `disabled`; a dry run is closed, in its mode.
    pub state: String,
    /// Calls in its window.
    pub calls: u64,
    /// Failed ones among them.
    pub failures: u64,
    /// Slow ones among them.
    pub slow: u64,
    /// When it will let a probe pass.
    pub retry_in_seconds: Option<f64>,
    /// Why it is as it is, in plain words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is set about its calls and does nothing beside all else that is set, in words.
    pub idle_settings: Vec<String>,
    /// What stands before its calls besides, and how far that is taken.
    #[serde(flatten)]
    pub rules: Option<RulesStatus>,
}

/// The rules before a dependency at one moment, as the status page tells them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RulesStatus {
    /// Whether the breaker decides by itself: `auto`, or the state that it is held in.
    pub mode: &'static str,
    /// Who holds it in a state: a `switch` that is off, or its `settings`.
    pub held_by: Option<&'static str>,
    /// What a dry run finds, of thresholds beside those in force or else of these; none without one.
    pub dry_run: Option<DryRunStatus>,
    /// Calls that do not pass: since when and why, whatever probes found meanwhile.
    pub outage: Option<OutageStatus>,
    /// Calls in the time window, if there is one.
    pub window: Option<CountsStatus>,
    /// The last calls, if they are judged.
    pub last_calls: Option<CountsStatus>,
    /// Failures in a row.
    pub consecutive_failures: u64,
    /// Goes up whenever the breaker changes its state.
    pub generation: u64,
    /// How long an answer is waited for.
    pub timeout_ms: u64,
    /// A call is slow if it took longer.
    pub slow_after_ms: Option<u64>,
    /// The bulkhead.
    pub bulkhead: BulkheadStatus,
    /// The limiter.
    pub limiter: LimiterStatus,
    /// Retries and their budget.
    pub retries: RetriesStatus,
    /// Calls coming back after an outage; none when all pass.
    pub ramp: Option<RampStatus>,
}

/// What a dry run finds: thresholds that are told of instead of acted upon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DryRunStatus {
    /// The outage that it would see now.
    pub outage: Option<OutageStatus>,
    /// How many it has seen.
    pub outages: u64,
    /// Calls in its time window, if it has one.
    pub window: Option<CountsStatus>,
    /// The last calls, if it judges them.
    pub last_calls: Option<CountsStatus>,
}

impl DryRunStatus {
    fn of(breaker: &Snapshot, now: Moment) -> Self {
        Self {
            outage: breaker
                .would_be
                .map(|outage| OutageStatus::of(outage, 0, now)),
            outages: breaker.would_have_opened,
            window: breaker.time.map(CountsStatus::from),
            last_calls: breaker.last_calls.map(CountsStatus::from),
        }
    }
}

/// An outage, as people are told of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutageStatus {
    /// What opened the breaker.
    pub causes: Vec<&'static str>,
    /// For how long now.
    pub seconds: f64,
    /// Rounds of probes that failed since.
    pub rounds: u32,
}

impl OutageStatus {
    fn of(outage: Outage, rounds: u32, now: Moment) -> Self {
        Self {
            causes: outage.causes.names().collect(),
            seconds: now.since(outage.since).as_secs_f64(),
            rounds,
        }
    }
}

/// Calls and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CountsStatus {
    /// All of them.
    pub calls: u64,
    /// The failed ones.
    pub failures: u64,
    /// The slow ones, failed or not.
    pub slow: u64,
}

impl From<Counts> for CountsStatus {
    fn from(counts: Counts) -> Self {
        let Counts {
            calls,
            failures,
            slow,
        } = counts;
        Self {
            calls,
            failures,
            slow,
        }
    }
}

/// One rule before a dependency, under the key that sets it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// What holds: a number or a word.
    pub value: Value,
    /// Who says so.
    pub from: Origin,
}

/// How full a bulkhead is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BulkheadStatus {
    /// Calls under way.
    pub in_use: u32,
    /// Calls that may be under way.
    pub calls: u32,
    /// Callers in the queue.
    pub waiting: u32,
    /// Callers that may be in the queue.
    pub queue: u32,
    /// Callers ever refused.
    pub refused: u64,
}

/// What a limiter would let out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LimiterStatus {
    /// Calls that may go out now.
    pub available: u32,
    /// Calls a second, in whole numbers.
    pub calls_per_second: u64,
    /// Calls in that period.
    pub calls: u32,
    /// The period.
    pub per_ms: u64,
    /// The most calls saved up.
    pub burst: u32,
}

/// Retries and their budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RetriesStatus {
    /// How often a failed call is made again.
    pub most: u32,
    /// Retries that are affordable now.
    pub affordable: u64,
    /// Retries that ever were not.
    pub refused: u64,
}

/// Calls coming back after an outage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RampStatus {
    /// The share of calls that pass.
    pub share: f64,
    /// When all of them do.
    pub over_in_seconds: f64,
}

impl RulesStatus {
    /// As people see it.
    #[must_use]
    pub fn of(seen: &Seen, now: Moment) -> Self {
        let Seen {
            rules,
            breaker,
            places,
            tokens,
            retries,
            retries_refused,
            held,
            beside,
        } = seen;
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let slope = rules.breaker.ramp;
        let over = slope.map_or(Duration::ZERO, |slope| {
            breaker.since.plus(slope.over).since(now)
        });
        let period = rules.rate.period.as_millis().max(1);
        let rate = u128::from(rules.rate.calls) * 1_000 / period;
        let rounds = breaker.failed_rounds;
        let outage = breaker.outage;
        let outage = outage.map(|outage| OutageStatus::of(outage, rounds, now));
        let dry_run = rules.mode == Mode::MetricsOnly;
        let dry_run = beside.as_ref().or_else(|| dry_run.then_some(breaker));
        Self {
            mode: rules.mode.name(),
            held_by: held.map(Held::name),
            dry_run: dry_run.map(|watching| DryRunStatus::of(watching, now)),
            outage,
            window: breaker.time.map(CountsStatus::from),
            last_calls: breaker.last_calls.map(CountsStatus::from),
            consecutive_failures: breaker.consecutive_failures,
            generation: breaker.generation,
            timeout_ms: millis(rules.timeout),
            slow_after_ms: rules.breaker.slow_after.map(millis),
            bulkhead: BulkheadStatus {
                in_use: places.in_use,
                calls: places.settings.calls,
                waiting: places.waiting,
                queue: places.settings.waiting,
                refused: places.refused,
            },
            limiter: LimiterStatus {
                available: *tokens,
                calls_per_second: u64::try_from(rate).unwrap_or(u64::MAX),
                calls: rules.rate.calls,
                per_ms: millis(rules.rate.period),
                burst: rules.rate.burst,
            },
            retries: RetriesStatus {
                most: rules.retries.most,
                affordable: *retries,
                refused: *retries_refused,
            },
            ramp: breaker.ramp.map(|share| RampStatus {
                share,
                over_in_seconds: over.as_secs_f64(),
            }),
        }
    }
}

/// The link at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkStatus {
    /// The mode.
    pub mode: LinkMode,
    /// Why.
    #[serde(serialize_with = "in_words")]
    pub reason: Option<Why>,
    /// All breakers.
    pub breakers: Vec<BreakerStatus>,
}

fn in_words<S: Serializer>(reason: &Option<Why>, to: S) -> Result<S::Ok, S::Error> {
    reason.map(Why::words).serialize(to)
}

type Look = dyn Fn() -> LinkStatus + Send + Sync;
type Settings = dyn Fn() -> Vec<(String, Vec<Setting>)> + Send + Sync;
type IsSent = dyn Fn(u64) -> bool + Send + Sync;

/// Where the link's state is read.
#[derive(Clone)]
pub struct LinkSource {
    look: Arc<Look>,
    is_sent: Arc<IsSent>,
    settings: Arc<Settings>,
    switches: Switchboard,
    levels: Levels,
}

impl LinkSource {
    /// From two looks at the uplink, and the switches that it obeys.
    pub fn new(
        look: impl Fn() -> LinkStatus + Send + Sync + 'static,
        is_sent: impl Fn(u64) -> bool + Send + Sync + 'static,
        switches: Switchboard,
    ) -> Self {
        Self {
            look: Arc::new(look),
            is_sent: Arc::new(is_sent),
            settings: Arc::new(Vec::new),
            switches,
            levels: Levels::new(now()),
        }
    }

    /// With a look at every rule before every dependency.
    #[must_use]
    pub fn telling(
        self,
        settings: impl Fn() -> Vec<(String, Vec<Setting>)> + Send + Sync + 'static,
    ) -> Self {
        Self {
            settings: Arc::new(settings),
            ..self
        }
    }

    /// Every rule before every dependency, and who says so.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, Vec<Setting>)> {
        (self.settings)()
    }

    /// The source of a kiosk without a cloud, on which no switch was ever turned.
    #[must_use]
    pub fn standalone() -> Self {
        Self::alone(Switchboard::new("local"))
    }

    /// The source of a kiosk without a cloud.
    #[must_use]
    pub fn alone(switches: Switchboard) -> Self {
        let status = LinkStatus {
            mode: LinkMode::Standalone,
            reason: None,
            breakers: Vec::new(),
        };
        Self::new(move || status.clone(), |_| false, switches)
    }

    /// What people have turned on and off.
    #[must_use]
    pub fn switches(&self) -> &Switchboard {
        &self.switches
    }

    /// The link now.
    #[must_use]
    pub fn status(&self) -> LinkStatus {
        (self.look)()
    }

    /// What the kiosk does without, the link being as told and so many orders still fitting in.
    #[must_use]
    pub fn level(&self, link: &LinkStatus, free: usize) -> LevelStatus {
        let forced = self.switches.forced_level();
        let forced = forced.as_ref().map(|(level, by)| (*level, by.as_str()));
        self.levels.look(now(), link, free, forced)
    }

    /// The mode now.
    #[must_use]
    pub fn mode(&self) -> LinkMode {
        self.status().mode
    }

    /// Whether the event is on the wire.
    #[must_use]
    pub fn is_sent(&self, seq: u64) -> bool {
        (self.is_sent)(seq)
    }
}
