//! What the configuration says of breakers. What it leaves out stays as the software has it.

use std::time::Duration;

use resilience::Ratio;
use resilience::breaker::{Settings, Thresholds, TimeRule, Window};
use serde::Deserialize;

/// In how many steps a window of the configuration forgets.
const BUCKETS: u32 = 10;

/// The `[breaker]` part of the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Of ordering calls.
    #[serde(default)]
    pub ordering: BreakerTuning,
    /// Of menu calls.
    #[serde(default)]
    pub menu: BreakerTuning,
}

/// When a breaker opens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerTuning {
    /// At so many failures in a row.
    pub consecutive_failures: Option<u32>,
    /// How far back calls count for the shares below.
    pub window_seconds: Option<u32>,
    /// Fewer calls in the window are not judged.
    pub minimum_calls: Option<u32>,
    /// At this share of failures.
    pub failure_percent: Option<u32>,
    /// At this share of slow calls.
    pub slow_percent: Option<u32>,
    /// A call is slow if it took longer.
    pub slow_after_ms: Option<u64>,
}

impl Tuning {
    /// Whether breakers can work so, whatever else is set for them.
    pub(crate) fn check(&self, faults: &mut Vec<String>) {
        for (name, tuning) in [("ordering", self.ordering), ("menu", self.menu)] {
            if let Err(fault) = tuning.over(Settings::default()) {
                faults.push(format!("breaker.{name}: {fault}"));
            }
        }
    }
}

impl BreakerTuning {
    /// These settings with what is said here over them.
    ///
    /// # Errors
    /// What no breaker can work with, in words.
    pub fn over(&self, mut settings: Settings) -> Result<Settings, String> {
        settings.consecutive_failures = self.consecutive_failures.or(settings.consecutive_failures);
        let slow_after = self.slow_after_ms.map(Duration::from_millis);
        settings.slow_after = slow_after.or(settings.slow_after);
        if self.slow_percent.is_some() && settings.slow_after.is_none() {
            return Err("slow_percent needs slow_after_ms".to_owned());
        }
        let mut rule = settings.time.unwrap_or(TimeRule {
            window: window(10),
            thresholds: Thresholds {
                minimum_calls: 10,
                ..Thresholds::COUNT_ONLY
            },
        });
        if let Some(seconds) = self.window_seconds {
            rule.window = window(seconds);
        }
        let thresholds = &mut rule.thresholds;
        thresholds.minimum_calls = self.minimum_calls.unwrap_or(thresholds.minimum_calls);
        let share = |percent: Option<u32>, otherwise| {
            let ratio = percent.map(Ratio::percent).transpose();
            ratio.map(|ratio| ratio.or(otherwise))
        };
        thresholds.failure_ratio = share(self.failure_percent, thresholds.failure_ratio)
            .map_err(|_| "failure_percent must be 1 to 100")?;
        thresholds.slow_ratio = share(self.slow_percent, thresholds.slow_ratio)
            .map_err(|_| "slow_percent must be 1 to 100")?;
        settings.time = Some(rule);
        settings.validate().map_err(|error| error.to_string())?;
        Ok(settings)
    }
}

fn window(seconds: u32) -> Window {
    Window::Rolling {
        span: Duration::from_secs(seconds.into()),
        buckets: BUCKETS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays() {
        let base = crate::uplink::ordering_breaker(7);
        assert_eq!(BreakerTuning::default().over(base), Ok(base));
        let tuning = BreakerTuning {
            consecutive_failures: Some(9),
            ..BreakerTuning::default()
        };
        let tuned = tuning.over(base).unwrap();
        assert_eq!(tuned.consecutive_failures, Some(9));
        assert_eq!(
            (tuned.time, tuned.open, tuned.seed),
            (base.time, base.open, 7)
        );
    }

    #[test]
    fn a_dependency_that_hangs_can_be_told_by_slow_calls() {
        let text = "[ordering]\nwindow_seconds = 20\nminimum_calls = 5\nslow_percent = 80\n\
                    slow_after_ms = 500\n";
        let tuning: Tuning = toml::from_str(text).unwrap();
        let tuned = tuning.ordering.over(Settings::default()).unwrap();
        let rule = tuned.time.unwrap();
        assert_eq!(tuned.slow_after, Some(Duration::from_millis(500)));
        assert_eq!(rule.window, window(20));
        assert_eq!(rule.thresholds.slow_ratio, Ratio::percent(80).ok());
        assert_eq!(rule.thresholds.minimum_calls, 5);
    }

    #[test]
    fn senseless_settings_are_told_by_name() {
        for (text, said) in [
            ("[menu]\nfailure_percent = 0", "failure_percent"),
            (
                "[menu]\nslow_percent = 101\nslow_after_ms = 1",
                "slow_percent",
            ),
            ("[menu]\nslow_percent = 50", "slow_after_ms"),
            ("[menu]\nconsecutive_failures = 0", "consecutive failures"),
            ("[menu]\nwindow_seconds = 0", "window"),
        ] {
            let tuning: Tuning = toml::from_str(text).unwrap();
            let mut faults = Vec::new();
            tuning.check(&mut faults);
            assert_eq!(faults.len(), 1, "{text}");
            let fault = &faults[0];
            assert!(
                fault.starts_with("breaker.menu: ") && fault.contains(said),
                "{fault}"
            );
        }
        assert!(toml::from_str::<Tuning>("[payments]\nfailure_percent = 1").is_err());
    }
}
