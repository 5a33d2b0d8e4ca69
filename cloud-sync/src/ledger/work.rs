//! Pieces of work that wait for a transaction to run in, and their answers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::LedgerError;
use super::connection::Connection;

/// A piece of work. What it wrote is kept unless it failed.
pub(super) trait Work: Send {
    /// Runs it in a savepoint; whether to keep what it wrote.
    fn run(&mut self, connection: &dyn Connection) -> bool;
    /// What it wrote can't be kept after all.
    fn fail(&mut self, error: LedgerError);
    /// Says how it ended, once the group's commit has.
    fn tell(self: Box<Self>, group: Result<(), LedgerError>);
}

struct Piece<T, F> {
    work: Option<F>,
    result: Option<Result<T, LedgerError>>,
    answer: oneshot::Sender<Result<T, LedgerError>>,
}

impl<T, F> Work for Piece<T, F>
where
    T: Send,
    F: FnOnce(&dyn Connection) -> Result<T, LedgerError> + Send,
{
    fn run(&mut self, connection: &dyn Connection) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        let result = catch_unwind(AssertUnwindSafe(|| work(connection)))
            .unwrap_or_else(|panic| Err(LedgerError::Storage(panic_text(panic.as_ref()))));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn fail(&mut self, error: LedgerError) {
        self.result = Some(Err(error));
    }

    fn tell(self: Box<Self>, group: Result<(), LedgerError>) {
        let told = match (self.result, group) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(group)) => Err(group),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(LedgerError::Closed),
        };
        // Nobody may wait for the answer any more; the work is done all the same.
        let _ = self.answer.send(told);
    }
}

/// The answer to a piece of work that was submitted.
pub(super) struct Answer<T>(oneshot::Receiver<Result<T, LedgerError>>);

/// A piece of work and where its answer comes.
pub(super) fn piece<T: Send + 'static>(
    work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError> + Send + 'static,
) -> (Box<dyn Work>, Answer<T>) {
    let (answer, receiver) = oneshot::channel();
    let piece = Piece {
        work: Some(work),
        result: None,
        answer,
    };
    (Box::new(piece), Answer(receiver))
}

impl<T> Answer<T> {
    pub(super) fn wait(self) -> Result<T, LedgerError> {
        self.0.blocking_recv().unwrap_or(Err(LedgerError::Closed))
    }
}

impl<T> IntoFuture for Answer<T>
where
    T: Send + 'static,
{
    type Output = Result<T, LedgerError>;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.0.await.unwrap_or(Err(LedgerError::Closed)) })
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a defect: {}", text.unwrap_or_default())
}
