//! The only place that reads clocks. Everything else takes time as an argument.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use kiosk_core::wall::WallTime;

/// Wall time, for people and for what is told to kiosks.
pub(crate) fn wall() -> WallTime {
    WallTime::from_millis(Timestamp::now().as_millisecond())
}

/// Whoever tells the wall time: the machine, or a simulation.
pub(crate) type Wall = Arc<dyn Fn() -> WallTime + Send + Sync>;

/// Monotonic time, for waits and durations.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one file that reads clocks"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
