use super::{Breaker, Outcome, Permit, Rejected};
use crate::moment::Moment;

impl Breaker {
    /// Makes one synchronous call under the breaker: asks, runs `work`, classifies its result and
    /// reports it. A panic in `work` or `classify` counts as a failure and goes on.
    ///
    /// `clock` is read once before and once after. The classifier sees the whole result, so that
    /// an answer that arrived (HTTP 503) can be a failure and an error (a business refusal) none.
    ///
    /// ```
    /// use resilience::Moment;
    /// use resilience::breaker::{Breaker, Outcome, Settings};
    ///
    /// let breaker = Breaker::new("menu", Settings::default(), Moment::START)?;
    /// let clock = || Moment::START;
    /// let status = breaker.call(
    ///     clock,
    ///     |status: &u16| if *status >= 500 { Outcome::Fail } else { Outcome::Ok },
    ///     || 503,
    /// )?;
    /// assert_eq!(status, 503);
    /// assert_eq!(breaker.snapshot(clock()).failures, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the breaker refuses; `work` did not run.
    pub fn call<R>(
        &self,
        clock: impl Fn() -> Moment,
        classify: impl FnOnce(&R) -> Outcome,
        work: impl FnOnce() -> R,
    ) -> Result<R, Rejected> {
        let permit = self.try_acquire(clock())?;
        let mut under_way = UnderWay {
            permit: Some(permit),
            clock: &clock,
        };
        let result = work();
        let outcome = classify(&result);
        if let Some(permit) = under_way.permit.take() {
            let _ = permit.finish(clock(), outcome);
        }
        Ok(result)
    }
}

/// Still holds its permit when it is dropped only if the work unwound.
struct UnderWay<'a, C: Fn() -> Moment> {
    permit: Option<Permit<&'a Breaker>>,
    clock: &'a C,
}

impl<C: Fn() -> Moment> Drop for UnderWay<'_, C> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            let _ = permit.failure((self.clock)());
        }
    }
}
