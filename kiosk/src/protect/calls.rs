//! The way of one call, and of its retries.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::FutureExt;
use resilience::Budget;
use resilience::breaker::Outcome;
use resilience::bulkhead::{Full, Place};

use super::guards::{Paid, Token, UnderWay};
use super::{Dependency, Limits, NotDone, Refused, Verdict, now};

/// One attempt: the first or one that is paid for, and how many may have to share the time.
struct Attempt<'a> {
    budget: Budget,
    limits: Limits,
    tries: u32,
    paid: Option<Paid<'a>>,
}

impl Dependency {
    /// Makes one call, once.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn once<T, E>(
        &self,
        limit: Duration,
        judge: impl Fn(&Result<T, E>) -> Verdict,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, NotDone<E>> {
        let attempt = Attempt {
            budget: Budget::new(now(), limit),
            limits: Limits::within(limit),
            tries: 1,
            paid: None,
        };
        let (result, _) = self.attempt(attempt, &judge, call).await;
        result
    }

    /// Makes one call, and again where its failure may pass and a retry is affordable. The judge sees
    /// the whole result: an answer that arrived can be a failure, and an error none.
    ///
    /// # Errors
    /// [`NotDone`] as the last attempt that was made gave it.
    pub async fn call<T, E, C: Future<Output = Result<T, E>>>(
        &self,
        limits: Limits,
        judge: impl Fn(&Result<T, E>) -> Verdict,
        mut make: impl FnMut() -> C,
    ) -> Result<T, NotDone<E>> {
        let budget = Budget::new(now(), limits.total);
        let mut retry = 0;
        let mut before = None;
        let mut paid = None;
        loop {
            // A panic while the call is made up is a panic of the call.
            let call = async { make().await };
            let attempt = Attempt {
                budget,
                limits,
                tries: 1 + self.retries_left(retry),
                paid: paid.take(),
            };
            let (result, again) = self.attempt(attempt, &judge, call).await;
            let result = match (result, before.take()) {
                // A retry that no rule lets out changes nothing of what the attempt before brought.
                (Err(NotDone::Refused(_)), Some(made)) => return made,
                (result, _) => result,
            };
            let affordable = if again { self.pay(retry, budget) } else { None };
            let Some((delay, payment)) = affordable else {
                return result;
            };
            before = Some(result);
            paid = Some(payment);
            tokio::time::sleep(delay).await;
            retry += 1;
        }
    }

    /// How many retries may still follow, as far as they are affordable now.
    fn retries_left(&self, retry: u32) -> u32 {
        let most = self
            .retries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .most;
        let left = most.saturating_sub(retry);
        if left == 0 {
            return 0;
        }
        let (affordable, _) = self.affordable.snapshot(now());
        left.min(u32::try_from(affordable).unwrap_or(u32::MAX))
    }

    /// How long to wait before this retry, paid for; none if it may not be.
    fn pay(&self, retry: u32, budget: Budget) -> Option<(Duration, Paid<'_>)> {
        let retries = *self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        if retry >= retries.most {
            return None;
        }
        let random = self
            .dice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .seed();
        let delay = retries.backoff.delay(retry, random);
        let fits = budget.allows_retry(now(), delay, retries.least);
        (fits && self.affordable.try_retry(now())).then(|| (delay, Paid::from(&self.affordable)))
    }

    /// Makes an attempt, and says whether another one may help.
    async fn attempt<T, E>(
        &self,
        attempt: Attempt<'_>,
        judge: &impl Fn(&Result<T, E>) -> Verdict,
        call: impl Future<Output = Result<T, E>>,
    ) -> (Result<T, NotDone<E>>, bool) {
        let (under_way, limit) = match self.enter(&attempt).await {
            Ok(entered) => entered,
            Err(refused) => return (Err(NotDone::Refused(refused)), false),
        };
        // Only a call that is made earns its share of a retry or costs one.
        match attempt.paid {
            Some(paid) => paid.spend(),
            None => self.affordable.call(),
        }
        // A panic of the judge says as little as one of the call that it judges.
        let judged = async {
            let result = call.await;
            (judge(&result), result)
        };
        let judged = AssertUnwindSafe(judged).catch_unwind();
        match tokio::time::timeout(limit, judged).await {
            Ok(Ok((verdict, result))) => {
                let again = match verdict {
                    Verdict::Is(outcome) => under_way.ended(outcome),
                    Verdict::Overloaded(wait) => {
                        under_way.paused(wait);
                        false
                    }
                };
                (result.map_err(NotDone::Failed), again)
            }
            Ok(Err(panic)) => {
                under_way.ended(Outcome::Fail);
                resume_unwind(panic)
            }
            Err(_) => {
                let again = under_way.ended(Outcome::Fail);
                (Err(NotDone::TimedOut(limit)), again)
            }
        }
    }

    /// Past all rules, and how long the call may take then.
    async fn enter(&self, attempt: &Attempt<'_>) -> Result<(UnderWay<'_>, Duration), Refused> {
        let (budget, limits) = (attempt.budget, attempt.limits);
        let token = match self.rate.reserve(now(), Duration::ZERO) {
            Ok(reservation) => Token::reserved(&self.rate, reservation),
            Err(limited) => return Err(self.refused(limited.into())),
        };
        let place = match self.place(budget).await {
            Ok(place) => place,
            Err(full) => return Err(self.refused(full.into())),
        };
        // An attempt that takes all the time leaves none for the retry that was asked for.
        let share = budget.left(now()) / attempt.tries.max(1);
        let Some(limit) = budget.attempt(now(), limits.attempt.min(share)) else {
            let settings = self.places.snapshot().settings;
            return Err(self.refused(Full { settings }.into()));
        };
        let permit = match self.breaker.try_acquire(now()) {
            Ok(permit) => permit,
            Err(rejected) => return Err(self.refused(rejected.into())),
        };
        token.spend();
        let under_way = UnderWay::begun(self, permit, limits, place);
        Ok((under_way, limit))
    }

    /// A place in the bulkhead, waited for as long as the budget lasts.
    async fn place(&self, budget: Budget) -> Result<Place, Full> {
        let waiting = match self.places.acquire()?.try_now() {
            Ok(place) => return Ok(place),
            Err(waiting) => waiting,
        };
        let settings = self.places.snapshot().settings;
        tokio::time::timeout(budget.left(now()), waiting)
            .await
            .map_err(|_| Full { settings })
    }
}
