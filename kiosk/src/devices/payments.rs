//! Payments by card: an order that waits for its card, the terminal that asks for it, and the event that
//! says how it ended.
//!
//! ```text
//!  order placed, pending ─► attempt kept ─► terminal ─┬─ paid ──────► payment.captured
//!                                                     ├─ declined ──► payment.failed
//!                                                     ├─ not begun ─► payment.due
//!                                                     └─ unknown ───► ask for its last payment …
//! ```
//!
//! Before the terminal is asked for money, the journal holds which payment it had made last. So whoever
//! comes back after a cut line or a power cut asks once more and knows: the same one still, and nothing
//! was charged; another one of this very amount, and it was. Nothing is ever charged a second time, and
//! what can't be told apart is left to a human, who is told so.

mod attempt;
mod kept;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use firmware_hal::card::{Amount, Failure, Outcome, Receipt};
use kiosk_core::ids::OrderId;
use kiosk_core::order::{Action, PaymentStatus, Status, Tender};
use tokio::sync::{mpsc, watch};

use self::attempt::{Attempt, Known};
pub(crate) use self::kept::given_back;
pub use self::kept::{Look, Twice, look, twice_count};
use super::at_terminal::AtTerminal;
use super::card::{CardReader, Paid};
use crate::journal::{ActRefusal, ActRequest, Journal, JournalError, Stamp};

/// How long the journal, or a terminal that is not there, is left alone.
const REST: Duration = Duration::from_secs(1);
/// A terminal that is busy refuses to tell of its last payment, and so does one that has made none.
const MOST_REFUSALS: u32 = 240;
/// Who writes the events.
const BY: &str = "terminal";

/// The journal is closed.
struct Closed;

/// Whatever has payments made.
pub(super) struct Payments {
    journal: Journal,
    reader: Option<CardReader>,
    orders: mpsc::UnboundedReceiver<OrderId>,
    place: Arc<AtTerminal>,
}

impl Payments {
    /// Payments of the orders that are told; `place` is taken while one is under way, from the very
    /// beginning on.
    pub(super) fn new(
        journal: Journal,
        reader: Option<CardReader>,
        orders: mpsc::UnboundedReceiver<OrderId>,
        place: Arc<AtTerminal>,
    ) -> Self {
        place.occupy();
        Self {
            journal,
            reader,
            orders,
            place,
        }
    }

    /// Runs until it is told to stop. A payment under way then is asked for after the next start.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = self.attend() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn attend(&mut self) -> Result<(), Closed> {
        self.recover().await?;
        loop {
            self.place.leave();
            let Some(order) = self.orders.recv().await else {
                return Ok(());
            };
            self.place.occupy();
            self.charge(order).await?;
        }
    }

    /// What a run that ended in the middle has left: the attempt is asked for, and everybody else who
    /// was to pay by card has gone and pays at the counter.
    async fn recover(&self) -> Result<(), Closed> {
        let attempt = self.patiently(|| self.kept_attempt()).await?;
        if let Some(attempt) = &attempt {
            tracing::warn!(order = %attempt.order, "a card payment was under way when the kiosk went down");
            self.resolve(attempt).await?;
        }
        let unclear = self.patiently(|| self.kept_unclear()).await?;
        for order in self.patiently(|| self.pending()).await? {
            if !unclear.contains(&order.id) {
                let why = "the kiosk was restarted before the card terminal was asked";
                self.settle(order.id, Action::Owe, Some(why), None).await?;
            }
        }
        Ok(())
    }

    async fn charge(&self, id: OrderId) -> Result<(), Closed> {
        let stored = self.patiently(|| self.journal.read(move |reader| reader.order(id)));
        let order = stored.await?.map(|stored| stored.order);
        let Some(order) = order.filter(|order| order.payment.status == PaymentStatus::Pending)
        else {
            return Ok(());
        };
        if order.status == Status::Voided {
            let why = "the order was voided before the card terminal was asked";
            return self.settle(id, Action::Owe, Some(why), None).await;
        }
        let number = &order.number;
        let minor = u64::try_from(order.to_pay()).unwrap_or(0);
        let (Some(reader), Some(amount)) = (
            &self.reader,
            Amount::try_new(minor, order.currency.number()),
        ) else {
            return self
                .settle(
                    id,
                    Action::Owe,
                    Some("no card terminal takes this amount"),
                    None,
                )
                .await;
        };
        let before = match reader.last().await {
            Ok(last) => last.and_then(|receipt| receipt.trace),
            // It has made none yet, or does not tell.
            Err(Failure::Refused(_)) => None,
            Err(failure) => {
                tracing::warn!(number, %failure, "the card terminal can't be asked");
                return self.settle(id, Action::Owe, Some(UNREACHABLE), None).await;
            }
        };
        let attempt = Attempt {
            order: id,
            minor,
            before,
        };
        if let Err(error) = self.keep(Some(&attempt)).await {
            tracing::error!(number, %error, "a card payment can't be begun: the journal does not take it");
            return self
                .settle(id, Action::Owe, Some("the kiosk could not begin"), None)
                .await;
        }
        let cancelled = self.place.begin(id);
        let paid = reader.pay(amount, Arc::clone(&cancelled)).await;
        self.place.end();
        self.ended(&attempt, number, paid, &cancelled).await
    }

    /// What the terminal said in the end becomes the order's event.
    async fn ended(
        &self,
        attempt: &Attempt,
        number: &str,
        paid: Paid,
        cancelled: &AtomicBool,
    ) -> Result<(), Closed> {
        let id = attempt.order;
        match paid {
            Ok(Outcome::Paid(receipt))
                if receipt.minor.is_none_or(|paid| paid == attempt.minor) =>
            {
                self.captured(attempt, receipt).await?;
            }
            Ok(Outcome::Declined(_)) if cancelled.load(Ordering::Acquire) => {
                self.owe(id, "cancelled at the kiosk").await?;
            }
            Ok(Outcome::Paid(receipt)) => self.unclear(attempt, Some(receipt)).await?,
            Ok(Outcome::Declined(code)) => {
                let why = format!("the card terminal declined ({code})");
                self.settle(id, Action::Fail, Some(&why), None).await?;
            }
            Err(failure) if failure.is_harmless() => {
                tracing::warn!(number, %failure, "the card terminal did not begin");
                self.settle(id, Action::Owe, Some(UNREACHABLE), None)
                    .await?;
            }
            Err(failure) => {
                tracing::error!(number, %failure, "nobody knows how a card payment ended");
                return self.resolve(attempt).await;
            }
        }
        self.forget().await
    }

    /// Asks the terminal, for as long as it takes, what became of an attempt.
    async fn resolve(&self, attempt: &Attempt) -> Result<(), Closed> {
        let Some(reader) = &self.reader else {
            self.unclear(attempt, None).await?;
            return self.forget().await;
        };
        // Also when somebody has taken the money otherwise meanwhile: a card that was charged is told.
        let mut refusals = 0;
        let last = loop {
            match reader.last().await {
                Ok(last) => break last,
                // Longer than any payment takes: it is not busy with it, it knows of none.
                Err(Failure::Refused(_)) if refusals >= MOST_REFUSALS => break None,
                Err(failure) => {
                    tracing::debug!(%failure, "the card terminal does not say what became of a payment");
                    refusals += u32::from(matches!(failure, Failure::Refused(_)));
                    tokio::time::sleep(REST).await;
                }
            }
        };
        let claimed = self.patiently(|| self.claimed(attempt.order)).await?;
        match attempt.judge(last, &claimed) {
            Known::Paid(receipt) => self.captured(attempt, receipt).await?,
            Known::NotCharged => {
                let why = "the card terminal was cut off before it charged";
                self.owe(attempt.order, why).await?;
            }
            Known::Unclear => self.unclear(attempt, last).await?,
        }
        self.forget().await
    }

    /// The diner pays at the counter, unless somebody has said otherwise meanwhile.
    async fn owe(&self, id: OrderId, why: &str) -> Result<(), Closed> {
        let stored = self.patiently(|| self.journal.read(move |reader| reader.order(id)));
        let status = stored.await?.map(|stored| stored.order.payment.status);
        match status {
            Some(PaymentStatus::Pending) => self.settle(id, Action::Owe, Some(why), None).await,
            _ => Ok(()),
        }
    }

    /// The card was charged. Where somebody took the money otherwise meanwhile, it is to be given back.
    async fn captured(&self, attempt: &Attempt, receipt: Receipt) -> Result<(), Closed> {
        let (id, reference) = (attempt.order, receipt.trace.map(|trace| trace.to_string()));
        self.settle(id, Action::Pay, None, reference.clone())
            .await?;
        let stored = self.patiently(|| self.journal.read(move |reader| reader.order(id)));
        let Some(payment) = stored.await?.map(|stored| stored.order.payment) else {
            return Ok(());
        };
        let this = payment.status == PaymentStatus::Paid
            && payment.tender == Some(Tender::Card)
            && payment.reference == reference;
        if this {
            return Ok(());
        }
        let minor = i64::try_from(receipt.minor.unwrap_or(attempt.minor)).unwrap_or(i64::MAX);
        self.twice(id, minor, reference).await
    }

    /// Writes how it ended, for as long as it takes: money that was charged is on record.
    async fn settle(
        &self,
        order: OrderId,
        action: Action,
        reason: Option<&str>,
        reference: Option<String>,
    ) -> Result<(), Closed> {
        let paid = action == Action::Pay;
        let request = ActRequest {
            stamp: Stamp::now(None),
            order,
            action,
            reason: reason.map(str::to_owned),
            by: Some(BY.to_owned()),
            tender: paid.then_some(Tender::Card),
            reference,
            refund: None,
        };
        loop {
            match self.journal.act(request.clone()).await {
                Ok(order) => {
                    let (number, status) = (&order.number, order.payment.status.as_str());
                    tracing::info!(number, status, reason, "a card payment has ended");
                    return Ok(());
                }
                Err(ActRefusal::Journal(JournalError::Stopping)) => return Err(Closed),
                Err(ActRefusal::Journal(error)) => {
                    tracing::error!(%order, %error, "the end of a card payment can't be written yet");
                    tokio::time::sleep(REST).await;
                }
                Err(refusal) => {
                    // Somebody has said otherwise meanwhile; what the terminal says is told at least.
                    tracing::error!(%order, %refusal, paid, "the end of a card payment fits no more");
                    return Ok(());
                }
            }
        }
    }

    /// Asks the journal until it answers.
    async fn patiently<T, F: Future<Output = Result<T, JournalError>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Result<T, Closed> {
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(JournalError::Stopping) => return Err(Closed),
                Err(error) => {
                    tracing::error!(%error, "card payments wait for the journal");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

/// What is told of a terminal that was not asked for money.
const UNREACHABLE: &str = "the card terminal could not be reached";
