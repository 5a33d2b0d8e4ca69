//! The lab's clock, read here and nowhere else.

use std::time::{Duration, Instant};

/// When something began.
#[derive(Debug, Clone, Copy)]
pub struct Start(Instant);

impl Start {
    /// Now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the file that reads clocks"
    )]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// How long ago that was.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
