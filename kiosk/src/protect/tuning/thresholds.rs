//! When a breaker opens, and what its probes amount to, as it is set.

use std::time::Duration;

use resilience::Ratio;
use resilience::breaker::{CallRule, HalfOpen, Thresholds, TimeRule, Verdict, Window};

use super::{For, share};
use crate::protect::Rules;

/// In how many steps a window forgets.
const BUCKETS: u32 = 10;
/// What a window that only settings bring holds, and judges by.
const SECONDS: u32 = 10;
const MINIMUM: u32 = 10;

impl Rules {
    pub(super) fn tune_thresholds(&mut self, set: For<'_>) {
        let breaker = &mut self.breaker;
        breaker.consecutive_failures =
            set.rule("consecutive_failures", breaker.consecutive_failures, Some);
        breaker.slow_after = set.rule("slow_after_ms", breaker.slow_after, |millis| {
            Some(Duration::from_millis(millis.into()))
        });
        breaker.time = time(set, breaker.time);
        breaker.last_calls = last_calls(set, breaker.last_calls);
        breaker.half_open = half_open(set, breaker.half_open, self.timeout);
    }
}

fn time(set: For<'_>, was: Option<TimeRule>) -> Option<TimeRule> {
    let kind = set.word("window");
    if kind == Some("off") {
        return None;
    }
    let was = was.unwrap_or(TimeRule {
        window: Window::Rolling {
            span: Duration::from_secs(SECONDS.into()),
            buckets: BUCKETS,
        },
        thresholds: Thresholds {
            minimum_calls: MINIMUM,
            ..Thresholds::COUNT_ONLY
        },
    });
    let (span, buckets, rolls) = match was.window {
        Window::Rolling { span, buckets } => (span, buckets, true),
        Window::Fixed { span } => (span, BUCKETS, false),
    };
    let seconds = set.number("window_seconds");
    let span = seconds.map_or(span, |seconds| Duration::from_secs(seconds.into()));
    let buckets = set.number("window_buckets").unwrap_or(buckets);
    let rolls = kind.map_or(rolls, |kind| kind == "rolling");
    let old = was.thresholds;
    Some(TimeRule {
        window: if rolls {
            Window::Rolling { span, buckets }
        } else {
            Window::Fixed { span }
        },
        thresholds: Thresholds {
            minimum_calls: set.number("minimum_calls").unwrap_or(old.minimum_calls),
            failure_ratio: set.rule("failure_percent", old.failure_ratio, share),
            slow_ratio: set.rule("slow_percent", old.slow_ratio, share),
            failures: set.rule("failures", old.failures, Some),
        },
    })
}

fn last_calls(set: For<'_>, was: Option<CallRule>) -> Option<CallRule> {
    let calls = set.rule("last_calls", was.map(|rule| rule.calls), Some)?;
    let old = was.map_or(Thresholds::COUNT_ONLY, |rule| rule.thresholds);
    let failures = set.rule("last_failures", old.failures, Some);
    Some(CallRule {
        calls,
        thresholds: Thresholds {
            minimum_calls: set.number("last_minimum_calls").unwrap_or(calls),
            failure_ratio: set.rule("last_failure_percent", old.failure_ratio, share),
            slow_ratio: set.rule("last_slow_percent", old.slow_ratio, share),
            // More than there are calls would never be met.
            failures: failures.map(|failures| failures.min(calls)),
        },
    })
}

fn half_open(set: For<'_>, was: HalfOpen, timeout: Duration) -> HalfOpen {
    let permits = set.number("probes").unwrap_or(was.permits);
    let successes = || {
        set.number("probe_successes")
            .unwrap_or(permits)
            .min(permits)
    };
    let verdict = match set.word("probe_verdict") {
        Some("failure_ratio") => {
            let ratio = set.share("probe_failure_percent");
            Verdict::FailureRatio(ratio.unwrap_or(Ratio::HALF))
        }
        Some("successes") => Verdict::Successes(successes()),
        Some(_) => Verdict::FirstFailure,
        None if set.number("probes").is_some() => Verdict::FirstFailure,
        None => was.verdict,
    };
    // A probe that may still be answered is not replaced by another. Twice as long where nobody says
    // otherwise, for a probe may also have to connect.
    let set_timeout = set.number("timeout_ms").is_some();
    let usual = if set_timeout {
        was.deadline.max(timeout * 2)
    } else {
        was.deadline
    };
    HalfOpen {
        permits,
        verdict,
        deadline: set
            .millis("probe_deadline_ms")
            .map_or(usual, |deadline| deadline.max(timeout)),
    }
}
