//! What the journal keeps of card payments beside the orders' events: the attempt under way, and what
//! somebody has to look at.

use firmware_hal::card::Receipt;
use kiosk_core::ids::OrderId;
use kiosk_core::order::{Order, PaymentStatus};
use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::{Closed, Payments};
use crate::journal::{Journal, JournalError, ListFilter, Reader};

/// The attempt under way, among the journal's settings, when there is one.
const ATTEMPT: &str = "card_attempt";
/// Orders of which nobody knows whether they were paid, among the journal's settings: the latest ones.
const UNCLEAR: &str = "card_unclear";
const MOST_UNCLEAR: usize = 100;
/// What cards were charged for orders that were paid otherwise, one setting for each order.
const TWICE: &str = "card_twice/";
/// Days before the latest one of which an order may still wait for its card.
const DAYS: usize = 3;
/// So many orders are read at a time.
const PAGE: u32 = 100;

/// What a card was charged for an order that was paid otherwise meanwhile: to be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twice {
    /// In minor units.
    pub minor: i64,
    /// The number by which the card terminal knows it.
    pub reference: Option<String>,
}

/// What somebody has to look at the card terminal for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Nobody knows whether the order was paid.
    Unclear,
    /// It was paid by card and otherwise.
    Twice(Twice),
}

/// What somebody has to look at the card terminal for because of an order.
///
/// # Errors
/// [`JournalError`].
pub fn look(reader: &Reader, order: &Order) -> Result<Option<Look>, JournalError> {
    let all = reader.settings_below(TWICE)?;
    let id = order.id.to_string();
    let found = all.iter().find(|(of, _)| *of == id);
    if let Some(twice) = found.and_then(|(_, text)| serde_json::from_str(text).ok()) {
        return Ok(Some(Look::Twice(twice)));
    }
    if order.payment.status != PaymentStatus::Pending {
        return Ok(None);
    }
    let unclear = reader.settings_below(UNCLEAR)?;
    let unclear = unclear.iter().any(|(_, text)| text.contains(&id));
    Ok(unclear.then_some(Look::Unclear))
}

/// How many orders were paid by card and otherwise, with nobody having seen to it.
///
/// # Errors
/// [`JournalError`].
pub fn twice_count(reader: &Reader) -> Result<u64, JournalError> {
    let all = reader.settings_below(TWICE)?;
    Ok(u64::try_from(all.len()).unwrap_or(u64::MAX))
}

/// Somebody has given back what was paid twice.
///
/// # Errors
/// [`JournalError`].
pub(crate) async fn given_back(journal: &Journal, order: OrderId) -> Result<(), JournalError> {
    journal.keep(format!("{TWICE}{order}"), None).await
}

impl Payments {
    pub(super) async fn kept_attempt(&self) -> Result<Option<Attempt>, JournalError> {
        let kept = self.journal.kept(ATTEMPT).await?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(super) async fn keep(&self, attempt: Option<&Attempt>) -> Result<(), JournalError> {
        let text = attempt.map(serde_json::to_string).transpose();
        let text = text.map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.journal.keep(ATTEMPT, text).await
    }

    pub(super) async fn forget(&self) -> Result<(), Closed> {
        self.patiently(|| self.keep(None)).await
    }

    pub(super) async fn kept_unclear(&self) -> Result<Vec<OrderId>, JournalError> {
        let kept = self.journal.kept(UNCLEAR).await?;
        Ok(kept
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    /// It stays pending, over restarts too: a manager who has looked at the terminal says what was paid.
    pub(super) async fn unclear(
        &self,
        attempt: &Attempt,
        last: Option<Receipt>,
    ) -> Result<(), Closed> {
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

    /// The order was paid otherwise meanwhile: what the card was charged is to be given back.
    pub(super) async fn twice(
        &self,
        order: OrderId,
        minor: i64,
        reference: Option<String>,
    ) -> Result<(), Closed> {
        tracing::error!(
            %order,
            minor,
            reference,
            "the card was charged for an order that was paid otherwise: give it back at the card terminal"
        );
        let twice = serde_json::json!(Twice { minor, reference }).to_string();
        let name = format!("{TWICE}{order}");
        self.patiently(|| self.journal.keep(name.clone(), Some(twice.clone())))
            .await
    }

    /// Orders of the latest days that still wait for a card.
    pub(super) async fn pending(&self) -> Result<Vec<Order>, JournalError> {
        self.of_latest(|order| (order.payment.status == PaymentStatus::Pending).then_some(order))
            .await
    }

    /// The numbers of the payments that other orders of the latest days have.
    pub(super) async fn claimed(&self, but: OrderId) -> Result<Vec<u32>, JournalError> {
        let of_another = |order: Order| (order.id != but).then_some(order.payment.reference);
        self.of_latest(|order| of_another(order)??.parse().ok())
            .await
    }

    /// What is picked of the orders of the latest days. Never all of them at once: a day may have
    /// more than fit.
    async fn of_latest<T>(
        &self,
        pick: impl Fn(Order) -> Option<T>,
    ) -> Result<Vec<T>, JournalError> {
        let mut date = self.journal.day().borrow().map(|day| day.date);
        let mut picked = Vec::new();
        for _ in 0..=DAYS {
            let Some(business_date) = date else { break };
            let mut before = None;
            loop {
                let filter = ListFilter {
                    business_date: Some(business_date),
                    before,
                    limit: PAGE,
                    ..ListFilter::default()
                };
                let page = self
                    .journal
                    .read(move |reader| reader.list(&filter))
                    .await?;
                let Some(last) = page.last() else { break };
                before = Some(last.place);
                picked.extend(page.into_iter().filter_map(|stored| pick(stored.order)));
            }
            date = business_date.yesterday().ok();
        }
        Ok(picked)
    }
}
