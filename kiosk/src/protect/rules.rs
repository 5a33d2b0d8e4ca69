//! The rules that stand before a dependency, and what is wrong with senseless ones.

use std::time::Duration;

use resilience::Ratio;
use resilience::backoff::{Allowance, Backoff, InvalidBackoff};
use resilience::breaker::{self, OpenWait, SettingsError};
use resilience::bulkhead::{self, NoPlaces};
use resilience::limiter::{InvalidRate, Rate};

use crate::downlink::notices::NOTICE_TIMEOUT;
use crate::downlink::{FETCH_TIMEOUT, menu_breaker};
use crate::uplink::{UplinkSettings, ordering_breaker};

/// The rules that stand before a dependency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Whether the breaker decides by itself.
    pub mode: Mode,
    /// When to stop calling it.
    pub breaker: breaker::Settings,
    /// What is set of the waits of an open breaker; the rest of them follows the heartbeat.
    pub waits: Waits,
    /// How many calls at a time.
    pub places: bulkhead::Settings,
    /// How many calls in a time.
    pub rate: Rate,
    /// How calls are tried again.
    pub retries: Retries,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// When a breaker would open that only watches beside the one in force.
    pub dry_run: Option<breaker::Settings>,
}

/// Whether a breaker decides by itself. A switch that is off holds it open over any of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// By its rules.
    #[default]
    Auto,
    /// Every call passes and is counted; thresholds that are met are told: a dry run.
    MetricsOnly,
    /// Every call passes, and nothing is counted.
    Disabled,
    /// No call passes.
    ForcedOpen,
}

impl Mode {
    const ALL: [Self; 4] = [
        Self::Auto,
        Self::MetricsOnly,
        Self::Disabled,
        Self::ForcedOpen,
    ];

    /// As it is set and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.state() {
            Some(state) => state.name(),
            None => "auto",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// The state that it holds the breaker in.
    #[must_use]
    pub const fn state(self) -> Option<breaker::State> {
        match self {
            Self::Auto => None,
            Self::MetricsOnly => Some(breaker::State::MetricsOnly),
            Self::Disabled => Some(breaker::State::Disabled),
            Self::ForcedOpen => Some(breaker::State::ForcedOpen),
        }
    }
}

/// What somebody has set of the waits of an open breaker.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Waits {
    /// The first.
    pub initial: Option<Duration>,
    /// The factor from one to the next.
    pub growth: Option<f64>,
    /// The longest.
    pub max: Option<Duration>,
    /// The share that is left to chance.
    pub jitter: Option<f64>,
}

impl Waits {
    /// These waits where they are set, over others. The longest gives way to a first one that alone
    /// is set; otherwise none is longer.
    #[must_use]
    pub fn over(self, open: OpenWait) -> OpenWait {
        let initial = self.initial.unwrap_or(open.initial);
        let max = self.max.unwrap_or(open.max.max(initial));
        OpenWait {
            initial: initial.min(max),
            growth: self.growth.unwrap_or(open.growth),
            max,
            jitter: self.jitter.unwrap_or(open.jitter),
        }
    }
}

/// How calls are tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retries {
    /// How often at most.
    pub most: u32,
    /// After what waits.
    pub backoff: Backoff,
    /// What retries may cost altogether.
    pub allowance: Allowance,
    /// An attempt with less time than this is not begun.
    pub least: Duration,
}

/// Rules that nothing can work under.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// The breaker's.
    #[error(transparent)]
    Breaker(#[from] SettingsError),
    /// The bulkhead's.
    #[error(transparent)]
    Places(#[from] NoPlaces),
    /// The limiter's.
    #[error(transparent)]
    Rate(#[from] InvalidRate),
    /// The retries'.
    #[error(transparent)]
    Backoff(#[from] InvalidBackoff),
}

impl Rules {
    /// Rules with this breaker for a dependency whose callers pace and repeat themselves: the
    /// other rules only keep a caller gone wild from taking the machine with it.
    #[must_use]
    pub fn around(breaker: breaker::Settings, timeout: Duration) -> Self {
        Self {
            mode: Mode::Auto,
            breaker,
            waits: Waits::default(),
            places: bulkhead::Settings {
                calls: 16,
                waiting: 0,
            },
            // Three live calls at a time that take a millisecond each stay far below.
            rate: Rate {
                calls: 10_000,
                period: Duration::from_secs(1),
                burst: 10_000,
            },
            retries: Retries::NONE,
            timeout,
            dry_run: None,
        }
    }

    /// The rules before ordering calls unless somebody says otherwise.
    #[must_use]
    pub fn ordering(seed: u64) -> Self {
        let timeout = UplinkSettings::default().call_timeout;
        Self::around(ordering_breaker(seed), timeout)
    }

    /// The rules before menu calls unless somebody says otherwise.
    #[must_use]
    pub fn menu(seed: u64) -> Self {
        Self::around(menu_breaker(seed), FETCH_TIMEOUT)
    }

    /// The rules before calls for what headquarters says; nobody says otherwise.
    #[must_use]
    pub fn notices(seed: u64) -> Self {
        let breaker = breaker::Settings {
            time: None,
            slow_after: None,
            half_open: breaker::HalfOpen {
                deadline: NOTICE_TIMEOUT * 2,
                ..breaker::HalfOpen::default()
            },
            ..menu_breaker(seed)
        };
        Self::around(breaker, NOTICE_TIMEOUT)
    }

    /// The breaker that only watches: its waits are those in force.
    pub(super) fn beside(&self) -> Option<breaker::Settings> {
        self.dry_run.map(|beside| breaker::Settings {
            open: self.waits.over(self.breaker.open),
            half_open: self.breaker.half_open,
            seed: self.breaker.seed,
            initial: breaker::State::MetricsOnly,
            ramp: None,
            ..beside
        })
    }

    pub(crate) fn validate(&self) -> Result<(), BadRules> {
        let breaker = breaker::Settings {
            open: self.waits.over(self.breaker.open),
            ..self.breaker
        };
        breaker.validate()?;
        if let Some(beside) = self.beside() {
            beside.validate()?;
        }
        self.places.validate()?;
        self.rate.validate()?;
        self.retries.backoff.validate()?;
        Ok(())
    }
}

impl Retries {
    /// Whoever calls repeats by itself.
    pub const NONE: Self = Self {
        most: 0,
        backoff: Backoff {
            initial: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(30),
            jitter: resilience::backoff::Jitter::Full,
        },
        allowance: Allowance {
            share: Ratio::ALL,
            per_second: 0,
            most: 0,
        },
        least: Duration::ZERO,
    };
}
