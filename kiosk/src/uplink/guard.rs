//! One way to make a remote call: under its breaker and its time limit.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use resilience::breaker::{Outcome, Rejected};
use resilience::{Breaker, Moment};

use super::http::CallError;
use crate::clock;

/// Now, on the clock of breakers and deadlines.
pub(crate) fn now() -> Moment {
    Moment::from_duration(clock::monotonic())
}

/// How a guarded call went wrong.
#[derive(Debug)]
pub(crate) enum Guarded {
    /// It was not made.
    NotSent(Rejected),
    /// It was made.
    Failed(CallError),
}

/// Makes one call: asks the breaker, limits the time, reports the outcome.
pub(crate) async fn guarded<T>(
    breaker: &Arc<Breaker>,
    limit: Duration,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, Guarded> {
    let permit = breaker.try_acquire_owned(now()).map_err(|rejected| {
        count(breaker, "rejected");
        Guarded::NotSent(rejected)
    })?;
    let result = tokio::time::timeout(limit, call)
        .await
        .unwrap_or(Err(CallError::Timeout(limit)));
    let outcome = result
        .as_ref()
        .map_or_else(CallError::outcome, |_| Outcome::Ok);
    let _ = permit.finish(now(), outcome);
    count(
        breaker,
        match outcome {
            Outcome::Ok => "success",
            Outcome::Fail => "failure",
            _ => "ignored",
        },
    );
    result.map_err(Guarded::Failed)
}

fn count(breaker: &Breaker, outcome: &'static str) {
    let name = breaker.name().to_owned();
    counter!("kiosk_breaker_calls_total", "name" => name, "outcome" => outcome).increment(1);
}
