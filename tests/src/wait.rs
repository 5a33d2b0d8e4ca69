//! Waiting for a condition, never for time; always with an end.

use std::time::Duration;

use anyhow::bail;

use crate::clock::Start;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What a look at a condition found.
pub enum Look<T> {
    /// It holds.
    Done(T),
    /// Not yet, and what is there instead.
    NotYet(String),
}

/// Looks until the condition holds; says how long that took.
///
/// # Errors
/// When it does not hold within `limit`, with what was seen last; or what a look says is hopeless.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Look<T>>,
) -> anyhow::Result<(T, Duration)> {
    let start = Start::now();
    loop {
        match look().await? {
            Look::Done(found) => return Ok((found, start.elapsed())),
            Look::NotYet(seen) if start.elapsed() >= limit => {
                bail!("{what}: not within {limit:?}; last seen: {seen}")
            }
            Look::NotYet(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
