//! The contract's metrics: names in one place, gauges set when somebody looks.
//!
//! Of remote calls, beyond the contract, each by `name` of the dependency:
//!
//! | metric | tells |
//! |---|---|
//! | `kiosk_breaker_transitions_total{from,to}` | changes of state |
//! | `kiosk_breaker_retunes_total` | other settings put in force |
//! | `kiosk_breaker_would_have_opened_total{rules}` | outages that a dry run found: of the rules in force, or of thresholds tried beside them |
//! | `kiosk_breaker_would_be_open` | 1 while one goes on |
//! | `kiosk_breaker_probes_replaced_total` | probes given up at their deadline |
//! | `kiosk_breaker_retry_seconds` | the rest of the wait until the next probe |
//! | `kiosk_breaker_window_calls{window,result}` | calls, failed and slow ones in the time window and among the last calls |
//! | `kiosk_breaker_consecutive_failures` | failures in a row |
//! | `kiosk_bulkhead_in_use`, `_waiting`, `_refused_total` | calls under way, in the queue, refused |
//! | `kiosk_limiter_available` | calls that may go out now |
//! | `kiosk_retries_affordable`, `kiosk_retries_refused_total` | the retry budget |
//! | `kiosk_ramp_share` | the share of calls that pass after an outage |
//!
//! Of the kiosk: `kiosk_level{level}`, `kiosk_level_reason{reason}` (forced, missing, busy,
//! recovering), `kiosk_level_changes_total{from,to}`, `kiosk_switch_on{name}`.

use metrics::{counter, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use resilience::breaker::State;
use resilience::ladder::{Level, Reason};

use crate::devices::job::{Job, Step};
use crate::level::LevelStatus;
use crate::protect::ending::Ending;
use crate::status::{CountsStatus, LinkMode, LinkStatus, RulesStatus};
use crate::switches::SwitchStatus;

/// Upper bounds in seconds, from a fast disk's commit to a stalled one's.
const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];
/// Upper bounds of a group's size.
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Installs the recorder of this process; none if there is one already.
#[must_use]
pub fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), SIZES)
        });
    builder.ok()?.install_recorder().ok()
}

/// Sets the gauges of what the kiosk does without and of what people have switched.
pub fn level(level: &LevelStatus, switches: &[SwitchStatus]) {
    for name in Level::ALL.map(Level::name) {
        let now = if name == level.level { 1.0 } else { 0.0 };
        gauge!("kiosk_level", "level" => name).set(now);
    }
    for reason in ["forced", "missing", "busy", "recovering"] {
        let holds = level.why.iter().any(|why| named(why) == reason);
        gauge!("kiosk_level_reason", "reason" => reason).set(if holds { 1.0 } else { 0.0 });
    }
    for switch in switches {
        let on = if switch.effective == "on" { 1.0 } else { 0.0 };
        gauge!("kiosk_switch_on", "name" => switch.name).set(on);
    }
}

fn named(reason: &Reason) -> &'static str {
    match reason {
        Reason::Forced { .. } => "forced",
        Reason::Missing { .. } => "missing",
        Reason::Busy { .. } => "busy",
        Reason::Recovering { .. } => "recovering",
        _ => "other",
    }
}

/// What can become of a print job.
const PRINT_RESULTS: [&str; 6] = [
    "printed",
    "not_taken",
    "interrupted",
    "failed",
    "held",
    "cancelled",
];

/// Shows a printer's counters from the beginning, at nothing.
pub fn print_jobs_of(device: &str) {
    for result in PRINT_RESULTS {
        counter!("kiosk_print_jobs_total", "device" => device.to_owned(), "result" => result)
            .increment(0);
    }
}

/// Counts what became of a print job.
pub fn print_step(job: &Job, step: &Step) {
    let [printed, not_taken, interrupted, failed, held, cancelled] = PRINT_RESULTS;
    let result = match step {
        Step::Printed => printed,
        Step::Untouched => not_taken,
        Step::Interrupted(_) => interrupted,
        Step::Unprintable => failed,
        Step::Hold(_) => held,
        Step::Discard(..) => cancelled,
        Step::Begin(_) | Step::Release(_) => return,
    };
    let device = job.sent_to.as_ref().unwrap_or(&job.device).clone();
    counter!("kiosk_print_jobs_total", "device" => device, "result" => result).increment(1);
}

/// The states of the contract; a dry run is closed.
const STATES: [State; 5] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
];

/// Shows the gauges of a breaker that does not exist: a kiosk without a cloud has none.
pub fn no_breaker(name: &'static str) {
    for state in STATES.map(State::name) {
        gauge!("kiosk_breaker_state", "name" => name, "state" => state).increment(0.0);
    }
}

/// Sets the gauges of the link.
pub fn link(status: &LinkStatus) {
    let modes = [
        (LinkMode::Standalone, "standalone"),
        (LinkMode::Online, "online"),
        (LinkMode::Offline, "offline"),
        (LinkMode::CatchingUp, "catching_up"),
    ];
    for (mode, name) in modes {
        let now = if mode == status.mode { 1.0 } else { 0.0 };
        gauge!("kiosk_link_state", "state" => name).set(now);
    }
    for breaker in &status.breakers {
        Ending::show(&breaker.name);
        for state in STATES.map(State::name) {
            let now = if state == breaker.state { 1.0 } else { 0.0 };
            gauge!("kiosk_breaker_state", "name" => breaker.name.clone(), "state" => state)
                .set(now);
        }
        // A wait that only a person ends is told by the state.
        let wait = breaker.retry_in_seconds.unwrap_or(0.0);
        gauge!("kiosk_breaker_retry_seconds", "name" => breaker.name.clone()).set(wait);
        if let Some(status) = &breaker.rules {
            rules(&breaker.name, status);
        }
    }
}

/// Sets the gauges of the rules before a dependency.
fn rules(name: &str, status: &RulesStatus) {
    let name = || name.to_owned();
    let RulesStatus {
        bulkhead, limiter, ..
    } = status;
    gauge!("kiosk_bulkhead_in_use", "name" => name()).set(f64::from(bulkhead.in_use));
    gauge!("kiosk_bulkhead_waiting", "name" => name()).set(f64::from(bulkhead.waiting));
    gauge!("kiosk_limiter_available", "name" => name()).set(f64::from(limiter.available));
    let share = status.ramp.map_or(1.0, |ramp| ramp.share);
    gauge!("kiosk_ramp_share", "name" => name()).set(share);
    counter!("kiosk_bulkhead_refused_total", "name" => name()).absolute(bulkhead.refused);
    let retries = status.retries;
    gauge!("kiosk_retries_affordable", "name" => name()).set(approximate(retries.affordable));
    counter!("kiosk_retries_refused_total", "name" => name()).absolute(retries.refused);
    gauge!("kiosk_breaker_consecutive_failures", "name" => name())
        .set(approximate(status.consecutive_failures));
    for (window, counts) in [("time", status.window), ("last_calls", status.last_calls)] {
        if let Some(counts) = counts {
            window_calls(name(), window, counts);
        }
    }
    // They exist from the start, at zero.
    counter!("kiosk_breaker_retunes_total", "name" => name()).increment(0);
    for rules in ["in_force", "dry_run"] {
        counter!("kiosk_breaker_would_have_opened_total", "name" => name(), "rules" => rules)
            .increment(0);
    }
    let would_be = status.dry_run.as_ref();
    let would_be = would_be.is_some_and(|dry_run| dry_run.outage.is_some());
    gauge!("kiosk_breaker_would_be_open", "name" => name()).set(f64::from(u8::from(would_be)));
    counter!("kiosk_breaker_probes_replaced_total", "name" => name()).increment(0);
}

fn window_calls(name: String, window: &'static str, counts: CountsStatus) {
    let results = [
        ("all", counts.calls),
        ("failed", counts.failures),
        ("slow", counts.slow),
    ];
    for (result, calls) in results {
        gauge!("kiosk_breaker_window_calls", "name" => name.clone(), "window" => window, "result" => result)
            .set(approximate(calls));
    }
}

/// A gauge is a float; counts of calls stay far below what it can't hold.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn approximate(number: u64) -> f64 {
    number as f64
}
