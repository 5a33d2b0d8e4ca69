//! Headquarters, as somebody signed in there sees it.

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api, metric};

/// More pages than any test fills; a cursor that runs in circles ends here.
const PAGES: usize = 10_000;

/// A session at headquarters.
#[derive(Debug, Clone)]
pub struct Hq {
    api: Api,
}

impl Hq {
    /// Signs in.
    ///
    /// # Errors
    /// If cloud-sync does not take name and password, or does not answer.
    pub async fn sign_in(base: &str, name: &str, password: &str) -> anyhow::Result<Self> {
        let api = Api::at(base)?;
        let who = json!({ "name": name, "password": password });
        let session = api.post("/api/v1/sessions", &who).await?.expect(201)?;
        let token = session["token"]
            .as_str()
            .context("a session without a token")?;
        Ok(Self {
            api: api.with_token(token),
        })
    }

    /// The client with its session.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Everything of a list, page by page.
    ///
    /// # Errors
    /// If a page can't be had.
    pub async fn all(&self, path: &str, name: &str) -> anyhow::Result<Vec<Value>> {
        let mut found = Vec::new();
        let mut after = String::new();
        for _ in 0..PAGES {
            let mark = if path.contains('?') { '&' } else { '?' };
            let page = self
                .api
                .get(&format!("{path}{mark}limit=100{after}"))
                .await?
                .expect(200)?;
            found.extend(
                page[name]
                    .as_array()
                    .context("a page without its list")?
                    .iter()
                    .cloned(),
            );
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(found),
            }
        }
        anyhow::bail!("{path}: more than {PAGES} pages")
    }

    /// All orders of a store.
    ///
    /// # Errors
    /// If they can't be had.
    pub async fn orders(&self, store: &str) -> anyhow::Result<Vec<Value>> {
        self.all(&format!("/api/v1/orders?store={store}"), "orders")
            .await
    }

    /// The orders of a store by count and sum, all days together.
    ///
    /// # Errors
    /// If they can't be had.
    pub async fn sums(&self, store: &str) -> anyhow::Result<(u64, u64)> {
        let summary = self.api.get("/api/v1/summary").await?.expect(200)?;
        let stores = summary["stores"]
            .as_array()
            .context("a summary without stores")?;
        let of_store = stores.iter().filter(|row| row["store"] == store);
        Ok(of_store.fold((0, 0), |(orders, gross), row| {
            let number = |key: &str| row[key].as_u64().unwrap_or(0);
            (orders + number("orders"), gross + number("gross"))
        }))
    }

    /// A kiosk as headquarters sees it.
    ///
    /// # Errors
    /// If it is not there.
    pub async fn kiosk(&self, store: &str, kiosk: &str) -> anyhow::Result<Value> {
        let kiosks = self.all("/api/v1/kiosks", "kiosks").await?;
        let found = kiosks
            .into_iter()
            .find(|row| row["store"] == store && row["kiosk"] == kiosk);
        found.with_context(|| format!("headquarters does not know {store}/{kiosk}"))
    }

    /// Publishes a menu.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn publish(&self, store: &str, menu: &Value) -> anyhow::Result<Answer> {
        let path = format!("/api/v1/stores/{store}/menu");
        self.api
            .send(Method::PUT, &path, &[], Some(menu.to_string()))
            .await
    }

    /// The value of a counter.
    ///
    /// # Errors
    /// If the metrics can't be had.
    pub async fn metric(&self, name: &str, labels: &str) -> anyhow::Result<f64> {
        let text = self.api.get("/metrics").await?.expect(200)?;
        Ok(metric(text.as_str().unwrap_or_default(), name, labels))
    }
}
