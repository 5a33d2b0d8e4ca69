use std::fmt;

use super::Outcome;

/// Decides what a result means, by rules with a fixed precedence: what is *ignored* is ignored even
/// if it also counts as a failure; what *fails* fails even if it arrived as a success; everything
/// else is what [`new`](Self::new) was told.
///
/// The rules see the whole result, so that an answer that arrived (HTTP 503) can be a failure and
/// an error (a business refusal) can be none.
///
/// ```
/// use resilience::breaker::{Classifier, Outcome};
///
/// let classifier = Classifier::<Result<u16, String>>::errors_fail()
///     .fail_if(|result| matches!(result, Ok(500..)))
///     .ignore_if(|result| matches!(result, Ok(501)));
///
/// assert_eq!(classifier.classify(&Ok(200)), Outcome::Ok);
/// assert_eq!(classifier.classify(&Ok(503)), Outcome::Fail);
/// assert_eq!(classifier.classify(&Ok(501)), Outcome::Ignored);
/// assert_eq!(classifier.classify(&Err("reset by peer".into())), Outcome::Fail);
/// ```
pub struct Classifier<R> {
    ignores: Vec<Rule<R>>,
    fails: Vec<Rule<R>>,
    otherwise: fn(&R) -> Outcome,
}

type Rule<R> = Box<dyn Fn(&R) -> bool + Send + Sync>;

impl<R> Classifier<R> {
    /// Starts with a verdict for what no rule matches.
    #[must_use]
    pub const fn new(otherwise: fn(&R) -> Outcome) -> Self {
        Self {
            ignores: Vec::new(),
            fails: Vec::new(),
            otherwise,
        }
    }

    /// Adds what says nothing about the called side.
    #[must_use]
    pub fn ignore_if(mut self, rule: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.ignores.push(Box::new(rule));
        self
    }

    /// Adds what is a failure.
    #[must_use]
    pub fn fail_if(mut self, rule: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.fails.push(Box::new(rule));
        self
    }

    /// What a result means.
    #[must_use]
    pub fn classify(&self, result: &R) -> Outcome {
        if self.ignores.iter().any(|rule| rule(result)) {
            Outcome::Ignored
        } else if self.fails.iter().any(|rule| rule(result)) {
            Outcome::Fail
        } else {
            (self.otherwise)(result)
        }
    }
}

impl<T, E> Classifier<Result<T, E>> {
    /// Starts with: an error is a failure, the rest is fine.
    #[must_use]
    pub const fn errors_fail() -> Self {
        Self::new(|result| {
            if result.is_ok() {
                Outcome::Ok
            } else {
                Outcome::Fail
            }
        })
    }
}

impl<R> fmt::Debug for Classifier<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("ignores", &self.ignores.len())
            .field("fails", &self.fails.len())
            .finish_non_exhaustive()
    }
}
