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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use firmware_hal::card::{Amount, Failure, Outcome, Receipt};
use kiosk_core::ids::OrderId;
use kiosk_core::order::{Action, Order, PaymentStatus, Status, Tender};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use super::card::{CardReader, Paid};
use crate::journal::{ActRefusal, ActRequest, Journal, JournalError, Stamp};

/// The attempt under way, among the journal's settings, when there is one.
const ATTEMPT: &str = "card_attempt";
/// Orders of which nobody knows whether they were paid, among the journal's settings: the latest ones.
const UNCLEAR: &str = "card_unclear";
const MOST_UNCLEAR: usize = 100;
/// How long the journal, or a terminal that is not there, is left alone.
const REST: Duration = Duration::from_secs(1);
/// Who writes the events.
const BY: &str = "terminal";

/// A payment that the terminal may have been asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    order: OrderId,
    /// What is to be paid, in minor units.
    minor: u64,
    /// The number of the payment that the terminal had made last.
    before: Option<u32>,
}

/// What is known of an attempt whose end was not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Paid(Receipt),
    NotCharged,
    /// Somebody has to look at the terminal.
    Unclear,
}

impl Attempt {
    /// What the terminal's last payment says of this one.
    fn judge(&self, last: Option<Receipt>) -> Known {
        let now = last.and_then(|receipt| receipt.trace);
        match (self.before, now, last) {
            (Some(before), Some(now), _) if before == now => Known::NotCharged,
            (Some(_), Some(_), Some(receipt)) if receipt.minor == Some(self.minor) => {
                Known::Paid(receipt)
            }
            _ => Known::Unclear,
        }
    }
}

/// The journal is closed.
struct Closed;

/// Whatever has payments made.
pub(super) struct Payments {
    journal: Journal,
    reader: Option<CardReader>,
    orders: mpsc::UnboundedReceiver<OrderId>,
    engaged: Arc<AtomicBool>,
}

impl Payments {
    /// Payments of the orders that are told; `engaged` is true while one is under way, from the very
    /// beginning on.
    pub(super) fn new(
        journal: Journal,
        reader: Option<CardReader>,
        orders: mpsc::UnboundedReceiver<OrderId>,
        engaged: Arc<AtomicBool>,
    ) -> Self {
        engaged.store(true, Ordering::Release);
        Self {
            journal,
            reader,
            orders,
            engaged,
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
            self.engaged.store(false, Ordering::Release);
            let Some(order) = self.orders.recv().await else {
                return Ok(());
            };
            self.engaged.store(true, Ordering::Release);
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

    async fn kept_attempt(&self) -> Result<Option<Attempt>, JournalError> {
        let kept = self.journal.kept(ATTEMPT).await?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Orders of the latest day that still wait for a card.
    async fn pending(&self) -> Result<Vec<Order>, JournalError> {
        let Some(day) = *self.journal.day().borrow() else {
            return Ok(Vec::new());
        };
        let orders = self
            .journal
            .read(move |reader| reader.orders_of_day(day.date));
        let mut orders = orders.await?;
        orders.retain(|order| order.payment.status == PaymentStatus::Pending);
        Ok(orders)
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
        self.ended(&attempt, number, reader.pay(amount).await).await
    }

    /// What the terminal said in the end becomes the order's event.
    async fn ended(&self, attempt: &Attempt, number: &str, paid: Paid) -> Result<(), Closed> {
        let id = attempt.order;
        match paid {
            Ok(Outcome::Paid(receipt))
                if receipt.minor.is_none_or(|paid| paid == attempt.minor) =>
            {
                self.captured(id, receipt).await?;
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
        let last = loop {
            match reader.last().await {
                Ok(last) => break last,
                Err(failure) => {
                    tracing::debug!(%failure, "the card terminal does not say what became of a payment");
                    if self.is_settled(attempt.order).await? {
                        return self.forget().await;
                    }
                    tokio::time::sleep(REST).await;
                }
            }
        };
        match attempt.judge(last) {
            Known::Paid(receipt) => self.captured(attempt.order, receipt).await?,
            Known::NotCharged => {
                let why = "the card terminal was cut off before it charged";
                self.settle(attempt.order, Action::Owe, Some(why), None)
                    .await?;
            }
            Known::Unclear => self.unclear(attempt, last).await?,
        }
        self.forget().await
    }

    /// Whether somebody has seen to the order meanwhile.
    async fn is_settled(&self, id: OrderId) -> Result<bool, Closed> {
        let stored = self.patiently(|| self.journal.read(move |reader| reader.order(id)));
        let status = stored.await?.map(|stored| stored.order.payment.status);
        Ok(status != Some(PaymentStatus::Pending))
    }

    /// It stays pending, over restarts too: a manager who has looked at the terminal says what was paid.
    async fn unclear(&self, attempt: &Attempt, last: Option<Receipt>) -> Result<(), Closed> {
        tracing::error!(
            order = %attempt.order,
            minor = attempt.minor,
            before = attempt.before,
            last = last.and_then(|receipt| receipt.trace),
            "look at the card terminal whether this order was paid, and say so on the manager's page"
        );
        let mut unclear = self.patiently(|| self.kept_unclear()).await?;
        unclear.retain(|order| *order != attempt.order);
        let beyond = unclear.len().saturating_sub(MOST_UNCLEAR - 1);
        unclear.drain(..beyond);
        unclear.push(attempt.order);
        let text = serde_json::json!(unclear).to_string();
        self.patiently(|| self.journal.keep(UNCLEAR, Some(text.clone())))
            .await
    }

    async fn kept_unclear(&self) -> Result<Vec<OrderId>, JournalError> {
        let kept = self.journal.kept(UNCLEAR).await?;
        Ok(kept
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    async fn captured(&self, id: OrderId, receipt: Receipt) -> Result<(), Closed> {
        let reference = receipt.trace.map(|trace| trace.to_string());
        self.settle(id, Action::Pay, None, reference).await
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

    async fn forget(&self) -> Result<(), Closed> {
        self.patiently(|| self.keep(None)).await
    }

    async fn keep(&self, attempt: Option<&Attempt>) -> Result<(), JournalError> {
        let text = attempt.map(serde_json::to_string).transpose();
        let text = text.map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.journal.keep(ATTEMPT, text).await
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

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(trace: u32, minor: u64) -> Receipt {
        Receipt {
            minor: Some(minor),
            trace: Some(trace),
        }
    }

    fn attempt(before: Option<u32>) -> Attempt {
        Attempt {
            order: OrderId(uuid::Uuid::nil()),
            minor: 1340,
            before,
        }
    }

    #[test]
    fn the_same_last_payment_means_that_nothing_was_charged() {
        let known = attempt(Some(41)).judge(Some(receipt(41, 1340)));
        assert_eq!(known, Known::NotCharged, "though it was of the same amount");
    }

    #[test]
    fn another_last_payment_of_this_amount_is_this_one() {
        let last = receipt(42, 1340);
        assert_eq!(attempt(Some(41)).judge(Some(last)), Known::Paid(last));
    }

    #[test]
    fn what_can_not_be_told_apart_is_left_to_a_human() {
        for (before, last) in [
            (Some(41), Some(receipt(42, 990))),
            (Some(41), None),
            (None, Some(receipt(1, 1340))),
            (None, None),
        ] {
            assert_eq!(
                attempt(before).judge(last),
                Known::Unclear,
                "{before:?} {last:?}"
            );
        }
        let nameless = Some(Receipt {
            minor: Some(1340),
            trace: None,
        });
        assert_eq!(attempt(Some(41)).judge(nameless), Known::Unclear);
    }

    #[test]
    fn an_attempt_survives_the_journal() {
        let kept = serde_json::to_string(&attempt(Some(41))).unwrap();
        let read: Attempt = serde_json::from_str(&kept).unwrap();
        assert_eq!(read, attempt(Some(41)));
    }
}
