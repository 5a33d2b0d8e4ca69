//! The kiosk's clocks, read here and nowhere else.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kiosk_core::wall::WallTime;
use rustix::time::{ClockId, clock_gettime};
use uuid::{NoContext, Timestamp, Uuid};

#[expect(
    clippy::disallowed_methods,
    reason = "this is the file that reads clocks"
)]
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Time since this process began; never goes back, also when the wall clock is set.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the file that reads clocks"
)]
pub fn monotonic() -> Duration {
    let start = *START;
    Instant::now().saturating_duration_since(start)
}

/// For how long this machine has slept since it was started, while [`monotonic`] stood still.
#[must_use]
pub fn slept() -> Duration {
    // In this order, what passes between the two readings is never taken for sleep.
    let whole = reading(ClockId::Boottime);
    whole.saturating_sub(reading(ClockId::Monotonic))
}

fn reading(clock: ClockId) -> Duration {
    let read = clock_gettime(clock);
    let seconds = u64::try_from(read.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(read.tv_nsec).unwrap_or(0))
}

/// Wall time, for people.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the file that reads clocks"
)]
pub fn wall() -> WallTime {
    let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    WallTime::from_millis(millis)
}

/// A new UUIDv7 at `at`; before 1970 its time part is zero.
#[must_use]
pub fn uuid7(at: WallTime) -> Uuid {
    let millis = at.as_millis().max(0).unsigned_abs();
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(NoContext, millis / 1000, nanos))
}
