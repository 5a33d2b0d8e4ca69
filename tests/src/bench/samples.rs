//! Measurements, and what several of the same kind say together.

use std::time::Duration;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Orders per second.
    pub(super) rate: f64,
    /// Half took no longer.
    pub(super) p50: Duration,
    /// 99 in 100 took no longer.
    pub(super) p99: Duration,
}

impl Sample {
    /// So many orders in so much time, each of which took so long.
    pub(super) fn new(orders: usize, elapsed: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let orders = u32::try_from(orders).unwrap_or(u32::MAX);
        Self {
            rate: f64::from(orders) / elapsed.as_secs_f64(),
            p50: at(&latencies, 50),
            p99: at(&latencies, 99),
        }
    }
}

/// A percentile of sorted values.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

/// The same measurement, taken several times.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    samples: Vec<Sample>,
}

/// The middle of some values, and how far they reach.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(super) struct Spread {
    /// The median.
    pub(super) median: f64,
    /// The least.
    pub(super) min: f64,
    /// The most.
    pub(super) max: f64,
}

impl Spread {
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let value = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        // Of an even number the lower middle: a value that was measured.
        Self {
            median: value(last / 2),
            min: value(0),
            max: value(last),
        }
    }
}

impl Series {
    pub(super) fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    pub(super) fn rates(&self) -> Spread {
        Spread::of(self.samples.iter().map(|sample| sample.rate).collect())
    }

    pub(super) fn p50_millis(&self) -> Spread {
        Spread::of(
            self.samples
                .iter()
                .map(|sample| sample.p50.as_secs_f64() * 1e3)
                .collect(),
        )
    }

    pub(super) fn p99_millis(&self) -> Spread {
        Spread::of(
            self.samples
                .iter()
                .map(|sample| sample.p99.as_secs_f64() * 1e3)
                .collect(),
        )
    }

    /// Rates by those of the same turn.
    pub(super) fn rates_by(&self, floor: &Self) -> Spread {
        let pairs = self.samples.iter().zip(&floor.samples);
        Spread::of(pairs.map(|(mine, floor)| mine.rate / floor.rate).collect())
    }

    /// p99 by those of the same turn.
    pub(super) fn p99_by(&self, peer: &Self) -> Spread {
        let pairs = self.samples.iter().zip(&peer.samples);
        Spread::of(
            pairs
                .map(|(mine, peer)| mine.p99.as_secs_f64() / peer.p99.as_secs_f64())
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let latencies: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        let sample = Sample::new(200, Duration::from_secs(2), latencies);
        assert!((sample.rate - 100.0).abs() < 1e-9);
        assert_eq!((sample.p50.as_millis(), sample.p99.as_millis()), (101, 199));
        assert_eq!(
            Sample::new(0, Duration::from_secs(1), Vec::new()).p99,
            Duration::ZERO
        );
    }

    #[test]
    fn ratios_are_taken_turn_by_turn() {
        let sample = |rate| Sample {
            rate,
            p50: Duration::ZERO,
            p99: Duration::from_secs(1),
        };
        let series = |rates: &[f64]| Series {
            samples: rates.iter().copied().map(sample).collect(),
        };
        let by = series(&[2.0, 30.0, 8.0]).rates_by(&series(&[1.0, 10.0, 2.0]));
        assert_eq!(
            by,
            Spread {
                median: 3.0,
                min: 2.0,
                max: 4.0
            }
        );
    }
}
