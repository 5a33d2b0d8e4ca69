//! A diner at a screen: orders, and keeps asking with the same key until there is a number.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Api};
use crate::carts;
use crate::clock::Start;
use crate::dice::Dice;

/// A diner gives up after this time; nothing here may keep an order waiting that long.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause before the same request is sent again.
const AGAIN: Duration = Duration::from_millis(100);

/// An order whose number was shown: from here on it must never be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The order.
    pub id: String,
    /// What the diner was told.
    pub number: String,
    /// The business day the number belongs to.
    pub date: String,
    /// What the diner was told to pay, in minor units.
    pub total: u64,
    /// The kiosk that took it.
    pub kiosk: String,
}

/// Someone who orders at one kiosk.
#[derive(Debug)]
pub struct Diner {
    kiosk: String,
    api: Api,
    dice: Dice,
    menu: Option<Value>,
    /// Attempts that had to be repeated.
    pub retries: u64,
    /// The slowest answer that came at the first attempt.
    pub slowest: Duration,
}

impl Diner {
    /// A diner at the kiosk of this name and address.
    ///
    /// # Errors
    /// If the HTTP client can't be made.
    pub fn at(kiosk: &str, base: &str, dice: Dice) -> anyhow::Result<Self> {
        Ok(Self {
            kiosk: kiosk.to_owned(),
            api: Api::patient(base, Duration::from_secs(5))?,
            dice,
            menu: None,
            retries: 0,
            slowest: Duration::ZERO,
        })
    }

    /// Fills a cart, has it priced, orders, and insists until a number is shown.
    ///
    /// # Errors
    /// If the kiosk refuses the order for good, or gives no answer at all for a minute.
    pub async fn order(&mut self) -> anyhow::Result<Accepted> {
        let key = Uuid::new_v4().to_string();
        let start = Start::now();
        let mut refusals = 0;
        loop {
            let body = self.cart().await?.to_string();
            let answer = self.insist("/api/v1/orders", &key, &body, start).await?;
            match answer.status {
                200 | 201 => return accepted(&self.kiosk, &answer.body),
                // What diners do when the menu moves under them: look again.
                409 if refusals < 3 => {
                    refusals += 1;
                    self.menu = None;
                }
                status => bail!("{}: refused with {status}: {}", self.kiosk, answer.body),
            }
        }
    }

    /// Orders a cart, asking only once.
    ///
    /// # Errors
    /// If there was no answer.
    pub async fn try_once(&self, key: &str, cart: &Value) -> anyhow::Result<Answer> {
        let headers = [("Idempotency-Key", key)];
        self.api
            .send(
                Method::POST,
                "/api/v1/orders",
                &headers,
                Some(cart.to_string()),
            )
            .await
    }

    /// A priced cart, ready to be ordered.
    ///
    /// # Errors
    /// If the kiosk does not answer.
    pub async fn cart(&mut self) -> anyhow::Result<Value> {
        let start = Start::now();
        if self.menu.is_none() {
            self.menu = Some(self.asked("/api/v1/menu", start).await?);
        }
        let menu = self.menu.as_ref().context("no menu")?;
        let mut cart = carts::random(menu, &mut self.dice).context("nothing can be sold")?;
        let text = cart.to_string();
        let quote = self.insist("/api/v1/quotes", "", &text, start).await?;
        cart["expected_total"] = quote.expect(200)?["total"].clone();
        cart["payment"] = json!({ "method": "counter" });
        Ok(cart)
    }

    async fn asked(&mut self, path: &str, start: Start) -> anyhow::Result<Value> {
        loop {
            match self.api.get(path).await {
                Ok(answer) if answer.status == 200 => return Ok(answer.body),
                _ if start.elapsed() < PATIENCE => tokio::time::sleep(AGAIN).await,
                Ok(answer) => bail!("{}: {path}: status {}", self.kiosk, answer.status),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends the same bytes with the same key until the kiosk has said yes or no.
    async fn insist(
        &mut self,
        path: &str,
        key: &str,
        body: &str,
        start: Start,
    ) -> anyhow::Result<Answer> {
        let headers = [("Idempotency-Key", key)];
        let headers = if key.is_empty() {
            &[][..]
        } else {
            &headers[..]
        };
        let mut first = true;
        loop {
            let asked = Start::now();
            let answer = self
                .api
                .send(Method::POST, path, headers, Some(body.to_owned()))
                .await;
            match answer {
                Ok(answer) if answer.status < 500 && answer.status != 429 => {
                    if first {
                        self.slowest = self.slowest.max(asked.elapsed());
                    }
                    return Ok(answer);
                }
                _ if start.elapsed() < PATIENCE => {
                    first = false;
                    self.retries += 1;
                    tokio::time::sleep(AGAIN).await;
                }
                Ok(answer) => bail!("{}: status {}: {}", self.kiosk, answer.status, answer.body),
                Err(error) => return Err(error.context("no answer for a minute")),
            }
        }
    }
}

/// Reads what was shown.
///
/// # Errors
/// If the order lacks what a diner is told.
pub fn accepted(kiosk: &str, order: &Value) -> anyhow::Result<Accepted> {
    let text = |key: &str| {
        order[key]
            .as_str()
            .map(str::to_owned)
            .context("an order without a text")
    };
    Ok(Accepted {
        id: text("id")?,
        number: text("number")?,
        date: text("business_date")?,
        total: order["total"]
            .as_u64()
            .context("an order without a total")?,
        kiosk: kiosk.to_owned(),
    })
}
