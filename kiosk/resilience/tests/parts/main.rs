//! What stands beside the breaker.

mod backoff;
mod bulkhead;
mod ladder;
mod limiter;
mod ramp;
mod switches;

use std::time::Duration;

use resilience::Moment;

const fn s(secs: u64) -> Moment {
    Moment::from_secs(secs)
}

const fn ms(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
