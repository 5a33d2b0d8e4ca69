//! Remote calls for the manager: what stops them, why and until when, and every rule before them
//! with who says so.

use fluent_bundle::FluentArgs;

use super::rules::{Row, origin, rows};
use crate::connect::Origin;
use crate::status::{BreakerStatus, DryRunStatus, OutageStatus, RulesStatus, Setting};
use crate::web::staff::span;
use crate::web::text::Language;

/// A dependency of this kiosk.
pub(super) struct Calls<'a> {
    pub(super) key: &'a str,
    pub(super) name: String,
    pub(super) tone: &'static str,
    pub(super) state: String,
    /// Why it is as it is and until when, in words.
    pub(super) lines: Vec<String>,
    /// The words of whoever put it there, as they were written.
    pub(super) word: Option<&'a str>,
    pub(super) rows: Vec<Row>,
    /// Somebody has set something.
    pub(super) tuned: bool,
}

impl<'a> Calls<'a> {
    pub(super) fn of(status: &'a BreakerStatus, settings: &[Setting], t: &Language) -> Self {
        let name = t.say_if_known(&format!("breaker-{}", status.name));
        let state = t.say_if_known(&format!("breaker-state-{}", status.state));
        let rules = status.rules.as_ref();
        let by_switch = rules.is_some_and(|rules| rules.held_by == Some("switch"));
        let dry_run = rules.is_some_and(|rules| rules.mode == "metrics_only");
        let dry_run = dry_run && status.state == "closed";
        let state = if dry_run {
            Some(t.say("breaker-dry-run"))
        } else {
            state
        };
        Self {
            key: &status.name,
            name: name.unwrap_or_else(|| status.name.clone()),
            tone: match status.state.as_str() {
                "closed" if !dry_run => "good",
                "closed" | "half_open" => "care",
                "disabled" => "plain",
                _ => "bad",
            },
            state: state.unwrap_or_else(|| status.state.clone()),
            lines: held_by(rules, settings, t)
                .into_iter()
                .chain(lines(status, rules, t))
                .collect(),
            word: status
                .reason
                .as_deref()
                .filter(|_| by_switch || rules.is_none()),
            rows: rules.map_or_else(Vec::new, |rules| rows(rules, settings, t)),
            tuned: settings
                .iter()
                .any(|setting| setting.from != Origin::Software),
        }
    }
}

/// Who has set the state that it is held in, unless a switch holds it, which has its own words.
fn held_by(rules: Option<&RulesStatus>, settings: &[Setting], t: &Language) -> Option<String> {
    rules.filter(|rules| rules.held_by == Some("settings"))?;
    let mode = settings.iter().find(|setting| setting.key == "mode")?;
    let who = t.say(origin(mode.from));
    Some(t.say_one("breaker-held-by", "who", &who))
}

fn lines(status: &BreakerStatus, rules: Option<&RulesStatus>, t: &Language) -> Vec<String> {
    let outage = rules.and_then(|rules| rules.outage.as_ref()).map(|outage| {
        let since = since("breaker-since", outage, t);
        let rounds = (outage.rounds > 0).then(|| t.count("breaker-rounds", outage.rounds));
        [since]
            .into_iter()
            .chain(rounds)
            .collect::<Vec<_>>()
            .join(" ")
    });
    // While probes are under way nothing is left to wait for.
    let retry = status.retry_in_seconds.filter(|rest| *rest > 0.0);
    let retry = retry.map(|seconds| t.say_one("breaker-retry", "span", &span(t, whole(seconds))));
    let mut args = FluentArgs::new();
    args.set("calls", status.calls);
    args.set("failures", status.failures);
    args.set("slow", status.slow);
    let calls = (status.calls > 0).then(|| t.say_with("breaker-calls", &args));
    let ramp = rules.and_then(|rules| rules.ramp).map(|ramp| {
        let mut args = FluentArgs::new();
        args.set("percent", (ramp.share * 100.0).round());
        args.set("span", span(t, whole(ramp.over_in_seconds)));
        t.say_with("breaker-ramp", &args)
    });
    let would_be = rules.and_then(|rules| rules.dry_run.as_ref());
    let would_be = would_be.map(|dry_run| would_be_line(dry_run, t));
    outage
        .into_iter()
        .chain(would_be)
        .chain(retry)
        .chain(ramp)
        .chain(calls)
        .collect()
}

/// For how long, and why.
fn since(key: &str, outage: &OutageStatus, t: &Language) -> String {
    let causes = outage.causes.iter().map(|cause| {
        let key = format!("cause-{}", cause.replace(' ', "-"));
        t.say_if_known(&key).unwrap_or_else(|| (*cause).to_owned())
    });
    let causes: Vec<_> = causes.collect();
    let mut args = FluentArgs::new();
    args.set("span", span(t, whole(outage.seconds)));
    args.set("causes", causes.join(&t.say("list-and")));
    t.say_with(key, &args)
}

/// What a dry run has found.
fn would_be_line(dry_run: &DryRunStatus, t: &Language) -> String {
    match &dry_run.outage {
        Some(outage) => since("breaker-would-be", outage, t),
        None => t.count(
            "breaker-would-have",
            u32::try_from(dry_run.outages).unwrap_or(u32::MAX),
        ),
    }
}

/// Seconds for people, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a wait for people; beyond the range it saturates"
)]
pub(super) fn whole(seconds: f64) -> i64 {
    seconds.max(0.0).ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_and_never_negative() {
        assert_eq!((whole(0.2), whole(-3.0), whole(f64::NAN)), (1, 0, 0));
    }

    #[test]
    fn every_reason_of_the_link_has_its_words() {
        use crate::uplink::Why;
        for language in crate::web::text::languages() {
            for why in Why::ALL {
                let key = format!("link-why-{}", why.name());
                assert!(language.say_if_known(&key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn every_cause_of_an_outage_has_its_words() {
        use resilience::breaker::Causes;
        let all = [
            Causes::CONSECUTIVE_FAILURES,
            Causes::FAILURE_RATIO,
            Causes::SLOW_RATIO,
            Causes::FAILURE_COUNT,
            Causes::LAST_CALLS_FAILURE_RATIO,
            Causes::LAST_CALLS_SLOW_RATIO,
            Causes::LAST_CALLS_FAILURE_COUNT,
            Causes::ASKED_TO_WAIT,
            Causes::PROBES_FAILED,
            Causes::BY_HAND,
            Causes::INITIAL,
            Causes::UNTRIED,
        ];
        for language in crate::web::text::languages() {
            for cause in all.iter().flat_map(|causes| causes.names()) {
                let key = format!("cause-{}", cause.replace(' ', "-"));
                assert!(language.say_if_known(&key).is_some(), "{key}");
            }
        }
    }
}
