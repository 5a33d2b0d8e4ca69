//! The end of every story: heal, drain, and compare what was shown with what headquarters has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::diner::{Accepted, accepted};
use crate::hq::Hq;
use crate::store::{Kiosk, Store};
use crate::wait::{Look, until};

/// All orders whose number was shown. Whoever drops it without having settled or stranded them has
/// forgotten orders, which is what this software exists to prevent.
#[derive(Debug, Default)]
pub struct Shown {
    orders: Vec<Accepted>,
    settled: bool,
}

impl Shown {
    /// Notes an order.
    pub fn add(&mut self, order: Accepted) {
        self.settled = false;
        self.orders.push(order);
    }

    /// All of them.
    #[must_use]
    pub fn orders(&self) -> &[Accepted] {
        &self.orders
    }

    /// Their sum, in minor units.
    #[must_use]
    pub fn gross(&self) -> u64 {
        self.orders.iter().map(|order| order.total).sum()
    }

    /// Says that these orders will not reach headquarters, and why that is right.
    pub fn strand(mut self, why: &str) {
        println!("{} orders stay where they are: {why}", self.orders.len());
        self.settled = true;
    }
}

impl Extend<Accepted> for Shown {
    fn extend<T: IntoIterator<Item = Accepted>>(&mut self, orders: T) {
        for order in orders {
            self.add(order);
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let open = !self.settled && !self.orders.is_empty();
        assert!(
            !open || std::thread::panicking(),
            "{} orders were shown a number and are neither confirmed nor declared stranded",
            self.orders.len()
        );
    }
}

/// What a settled store looks like.
#[derive(Debug)]
pub struct Verdict {
    /// Orders at headquarters, which are exactly those that were shown.
    pub orders: usize,
    /// Their sum, in minor units.
    pub gross: u64,
    /// How long the backlog took to drain.
    pub drained_in: Duration,
    /// Events that came more than once and had no effect, since the cloud's last start.
    pub duplicates: f64,
}

/// Waits until nothing is left to send, then compares everything.
///
/// # Errors
/// If the backlog does not drain within `limit`, or anything is missing, doubled, invented or wrong.
pub async fn settle(store: &Store, shown: Shown, limit: Duration) -> anyhow::Result<Verdict> {
    let hq = store.hq().await?;
    let kiosks: Vec<&Kiosk> = store.kiosks.iter().collect();
    settle_at(&hq, &store.name, &kiosks, shown, limit).await
}

/// As [`settle`], for one of several stores of a cloud.
///
/// # Errors
/// As there.
pub async fn settle_at(
    hq: &Hq,
    store: &str,
    kiosks: &[&Kiosk],
    mut shown: Shown,
    limit: Duration,
) -> anyhow::Result<Verdict> {
    let verdict = compared(hq, store, kiosks, &shown, limit).await;
    // Right or wrong, it is told.
    shown.settled = true;
    verdict
}

async fn compared(
    hq: &Hq,
    store: &str,
    kiosks: &[&Kiosk],
    shown: &Shown,
    limit: Duration,
) -> anyhow::Result<Verdict> {
    let mut drained_in = Duration::ZERO;
    for kiosk in kiosks {
        drained_in += drain(kiosk, limit.saturating_sub(drained_in)).await?;
    }
    let found = hq.orders(store).await?;
    compare(shown.orders(), &found)?;
    let (orders, gross) = hq.sums(store).await?;
    // Headquarters' sums are of what was not voided.
    let voided: BTreeSet<_> = found
        .iter()
        .filter(|order| order["status"] == "voided")
        .filter_map(|order| order["id"].as_str())
        .collect();
    let sold = shown.orders().iter();
    let sold = sold.filter(|order| !voided.contains(order.id.as_str()));
    let told = sold.fold((0, 0), |(count, gross), order| {
        (count + 1, gross + order.total)
    });
    ensure!(
        (orders, gross) == told,
        "sums at headquarters {orders}, {gross}; shown {told:?}"
    );
    let mut in_journals = 0;
    for kiosk in kiosks {
        in_journals += journal(hq, store, kiosk).await?;
    }
    let all = shown.orders().len() as u64;
    ensure!(
        in_journals == all,
        "{in_journals} orders in the journals, {all} shown"
    );
    Ok(Verdict {
        orders: found.len(),
        gross,
        drained_in,
        duplicates: hq.metric("cloud_ingest_events_total", "duplicate").await?,
    })
}

/// Waits until a kiosk has nothing unconfirmed; says how long that took.
///
/// # Errors
/// If it takes longer than `limit`.
pub async fn drain(kiosk: &Kiosk, limit: Duration) -> anyhow::Result<Duration> {
    let what = format!("{} has sent everything", kiosk.id);
    let (_, took) = until(&what, limit, async || {
        let status = kiosk.status().await?;
        Ok(match status["journal"]["unconfirmed"].as_u64() {
            Some(0) => Look::Done(()),
            _ => Look::NotYet(format!(
                "{} {} {}",
                status["link"], status["journal"], status["breakers"]
            )),
        })
    })
    .await?;
    Ok(took)
}

/// Set equality of what was shown and what was found, by id, number, day, total and kiosk.
fn compare(shown: &[Accepted], found: &[Value]) -> anyhow::Result<()> {
    let mut at_hq: BTreeMap<String, Accepted> = BTreeMap::new();
    for order in found {
        let kiosk = order["kiosk"]
            .as_str()
            .context("an order without its kiosk")?;
        let order = accepted(kiosk, order)?;
        if let Some(twice) = at_hq.insert(order.id.clone(), order) {
            bail!("{} {} is at headquarters twice", twice.number, twice.id);
        }
    }
    let mut numbers = BTreeMap::new();
    for order in shown {
        match at_hq.remove(&order.id) {
            None => bail!(
                "{} {} of {} was shown and is not at headquarters",
                order.number,
                order.id,
                order.kiosk
            ),
            Some(found) => ensure!(
                found == *order,
                "shown {order:?}, at headquarters {found:?}"
            ),
        }
        if let Some(other) = numbers.insert((&order.date, &order.number), &order.id) {
            bail!("{} was given to {other} and to {}", order.number, order.id);
        }
    }
    match at_hq.values().next() {
        Some(order) => bail!(
            "{} orders at headquarters were never shown, such as {order:?}",
            at_hq.len()
        ),
        None => Ok(()),
    }
}

/// Checks one journal, alone and against headquarters; says how many orders it holds.
async fn journal(hq: &Hq, store: &str, kiosk: &Kiosk) -> anyhow::Result<u64> {
    let check = kiosk.check().await?;
    let number = |key: &str| {
        check[key]
            .as_u64()
            .with_context(|| format!("{key} in {check}"))
    };
    ensure!(check["ok"] == json!(true), "{}: {check}", kiosk.id);
    ensure!(number("unconfirmed")? == 0, "{}: {check}", kiosk.id);
    ensure!(
        number("watermark")? + 1 == number("next_seq")?,
        "{}: {check}",
        kiosk.id
    );
    let watermark = number("watermark")?;
    let what = format!("headquarters sees {} as it is", kiosk.id);
    until(&what, Duration::from_secs(20), async || {
        let seen = hq.kiosk(store, &kiosk.id).await?;
        let same = seen["watermark"] == json!(watermark)
            && seen["journal"] == check["journal"]
            && seen["depth"].as_u64().unwrap_or(0) == 0;
        Ok(if same {
            Look::Done(())
        } else {
            Look::NotYet(format!("{seen} and {check}"))
        })
    })
    .await?;
    number("orders")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: &str, number: &str, total: u64) -> Accepted {
        Accepted {
            id: id.to_owned(),
            number: number.to_owned(),
            date: "2026-11-20".to_owned(),
            total,
            kiosk: "k".to_owned(),
        }
    }

    fn found(order: &Accepted) -> Value {
        json!({"id": order.id, "number": order.number, "business_date": order.date,
               "total": order.total, "kiosk": order.kiosk})
    }

    #[test]
    fn only_equal_sets_pass() {
        let (one, two) = (order("1", "A001", 100), order("2", "A002", 200));
        let both = [one.clone(), two.clone()];
        assert!(compare(&both, &[found(&two), found(&one)]).is_ok());
        assert!(compare(&both, &[found(&one)]).is_err(), "lost");
        assert!(
            compare(&both[..1], &[found(&one), found(&two)]).is_err(),
            "invented"
        );
        assert!(
            compare(&both, &[found(&one), found(&two), found(&two)]).is_err(),
            "doubled"
        );
        assert!(
            compare(&both, &[found(&one), found(&order("2", "A002", 201))]).is_err(),
            "other total"
        );
        let same_number = [one.clone(), order("2", "A001", 200)];
        let at_hq = same_number.each_ref().map(found);
        assert!(
            compare(&same_number, &at_hq).is_err(),
            "a number given twice"
        );
    }

    #[test]
    #[should_panic(expected = "neither confirmed nor declared stranded")]
    fn forgotten_orders_are_an_error() {
        let mut shown = Shown::default();
        shown.add(order("1", "A001", 100));
    }

    #[test]
    fn stranded_orders_are_not() {
        let mut shown = Shown::default();
        shown.add(order("1", "A001", 100));
        shown.strand("a test");
    }
}
