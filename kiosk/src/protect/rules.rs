//! The rules that stand before a dependency, and what is wrong with senseless ones.

use std::time::Duration;

use resilience::Ratio;
use resilience::backoff::{Allowance, Backoff, InvalidBackoff};
use resilience::breaker::{self, SettingsError};
use resilience::bulkhead::{self, NoPlaces};
use resilience::limiter::{InvalidRate, Rate};

use crate::downlink::notices::NOTICE_TIMEOUT;
use crate::downlink::{FETCH_TIMEOUT, menu_breaker};
use crate::uplink::{UplinkSettings, ordering_breaker};

/// The rules that stand before a dependency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// When to stop calling it.
    pub breaker: breaker::Settings,
    /// How many calls at a time.
    pub places: bulkhead::Settings,
    /// How many calls in a time.
    pub rate: Rate,
    /// How calls are tried again.
    pub retries: Retries,
    /// How long an attempt may take.
    pub timeout: Duration,
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
            breaker,
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

    pub(crate) fn validate(&self) -> Result<(), BadRules> {
        self.breaker.validate()?;
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
