//! Chance that can be repeated: the same seed gives the same waits.

use std::time::Duration;

/// A stream of random numbers (SplitMix64), good for spreading waits and for nothing secret.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The stream of that seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A wait from zero up to `most`, each as likely as any other.
    pub fn below(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let drawn = (u128::from(self.next()) * u128::from(most)) >> 64;
        Duration::from_nanos(u64::try_from(drawn).unwrap_or(most))
    }

    /// Exponential back-off with full jitter: zero up to `first`, doubled with every further
    /// attempt, at most `most`.
    pub fn backoff(&mut self, first: Duration, attempt: u32, most: Duration) -> Duration {
        let whole = first.saturating_mul(1 << attempt.min(20)).min(most);
        self.below(whole)
    }

    /// A number for seeding something else.
    pub fn seed(&mut self) -> u64 {
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_fill_their_range_and_never_leave_it() {
        let mut dice = Dice::new(7);
        let most = Duration::from_secs(1);
        let drawn: Vec<Duration> = (0..1000).map(|_| dice.below(most)).collect();
        assert!(drawn.iter().all(|wait| *wait < most));
        assert!(drawn.iter().any(|wait| *wait < most / 10));
        assert!(drawn.iter().any(|wait| *wait > most * 9 / 10));
        assert_eq!(dice.below(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn backing_off_grows_to_its_limit() {
        let mut dice = Dice::new(7);
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(300));
        let mut longest = |attempt| {
            (0..200)
                .map(|_| dice.backoff(first, attempt, most))
                .max()
                .unwrap()
        };
        assert!(longest(0) < first);
        assert!(longest(3) > first * 6 && longest(3) < first * 8);
        assert!(longest(200) > most * 9 / 10 && longest(200) < most);
    }
}
