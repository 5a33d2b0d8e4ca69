//! What screens and operators see of the side that faces the cloud.

use std::sync::Arc;

use resilience::Moment;
use resilience::breaker::{Causes, Snapshot, State};

use super::Tuner;
use crate::protect::{Dependency, Seen, now};
use crate::status::{BreakerStatus, LinkMode, LinkSource, LinkStatus, RulesStatus, Setting};
use crate::switches::Switchboard;
use crate::uplink::{Mode, UplinkHandle};

/// Where the link's state is read.
pub(super) fn source(
    uplink: &UplinkHandle,
    others: [&Arc<Dependency>; 2],
    switches: Switchboard,
    tuner: Tuner,
) -> LinkSource {
    let dependencies = uplink.dependency().into_iter().chain(others);
    let dependencies: Vec<Arc<Dependency>> = dependencies.map(Arc::clone).collect();
    let (view, sent) = (uplink.view(), uplink.clone());
    let all = dependencies.clone();
    let sense = tuner.clone();
    let settings = move || all.iter().map(|it| settings(it, &tuner)).collect();
    let look = move || {
        let now = now();
        let view = view.borrow();
        LinkStatus {
            mode: match view.mode {
                Mode::Standalone => LinkMode::Standalone,
                Mode::Online => LinkMode::Online,
                Mode::Offline => LinkMode::Offline,
                Mode::CatchingUp => LinkMode::CatchingUp,
            },
            reason: Some(view.reason),
            breakers: dependencies
                .iter()
                .map(|dependency| BreakerStatus {
                    idle_settings: sense.idle(dependency.name()),
                    ..breaker_status(dependency.name(), &dependency.look(now), now)
                })
                .collect(),
        }
    };
    LinkSource::new(look, move |seq| sent.is_sent(seq), switches).telling(settings)
}

/// Every rule before a dependency, and who says so.
fn settings(dependency: &Dependency, tuner: &Tuner) -> (String, Vec<Setting>) {
    let name = dependency.name();
    let told = dependency.rules().told().into_iter();
    let told = told.map(|(key, value)| Setting {
        key,
        value,
        from: tuner.origin(name, key),
    });
    (name.to_owned(), told.collect())
}

fn breaker_status(name: &str, seen: &Seen, now: Moment) -> BreakerStatus {
    let snapshot = &seen.breaker;
    BreakerStatus {
        name: name.to_owned(),
        state: state(snapshot.state).name().to_owned(),
        calls: snapshot.calls,
        failures: snapshot.failures,
        slow: snapshot.slow,
        retry_in_seconds: snapshot.retry_in.map(|wait| wait.as_secs_f64()),
        reason: why(snapshot),
        idle_settings: Vec::new(),
        rules: Some(RulesStatus::of(seen, now)),
    }
}

/// One of the five states of the contract. A dry run is a mode beside them: calls pass as through a
/// closed breaker.
const fn state(state: State) -> State {
    match state {
        State::MetricsOnly => State::Closed,
        other => other,
    }
}

/// Why a breaker is as it is: the words of whoever put it there, or what opened it first. That its
/// probes found it no better since is no other reason.
fn why(snapshot: &Snapshot) -> Option<String> {
    let opened = matches!(snapshot.state, State::Open | State::HalfOpen);
    let causes = snapshot.outage.map(|outage| outage.causes);
    let causes = causes.or(opened.then_some(snapshot.causes));
    let causes = causes.filter(|causes| !causes.is_empty()).map(|causes| {
        if causes == Causes::INITIAL {
            "not reached since the start".to_owned()
        } else {
            causes.to_string()
        }
    });
    let ramping = snapshot
        .ramp
        .map(|share| format!("calls come back gradually: {:.0} % pass now", share * 100.0));
    let note = snapshot.note.as_deref().map(str::to_owned);
    note.or(causes).or(ramping)
}
