//! A small JSON client: one answer with its status, whatever the status is.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method};
use serde_json::Value;

/// A request that nobody answers is given up after this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; text that is not JSON is a JSON string.
    pub body: Value,
}

impl Answer {
    /// The body of an answer with this status.
    ///
    /// # Errors
    /// If the status is another.
    pub fn expect(self, status: u16) -> anyhow::Result<Value> {
        if self.status == status {
            Ok(self.body)
        } else {
            bail!(
                "status {} where {status} was expected: {}",
                self.status,
                self.body
            )
        }
    }

    /// The last part of a problem's type.
    #[must_use]
    pub fn problem(&self) -> &str {
        let kind = self.body.get("type").and_then(Value::as_str);
        kind.and_then(|kind| kind.rsplit('/').next())
            .unwrap_or_default()
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// A client of the server at `base`, such as `http://127.0.0.1:9080`.
    ///
    /// # Errors
    /// If the HTTP client can't be made.
    pub fn at(base: impl Into<String>) -> anyhow::Result<Self> {
        Self::patient(base, PATIENCE)
    }

    /// As [`Api::at`], with its own limit.
    ///
    /// # Errors
    /// If the HTTP client can't be made.
    pub fn patient(base: impl Into<String>, patience: Duration) -> anyhow::Result<Self> {
        // The second to install one is refused, which is fine: they are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(patience).no_proxy().build()?;
        Ok(Self {
            client,
            base: base.into(),
            token: None,
        })
    }

    /// The same client with a token to show.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(format!("Bearer {token}"));
        self
    }

    /// Where the server is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks.
    ///
    /// # Errors
    /// If there was no whole answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// If there was no whole answer.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, &[], Some(body.to_string()))
            .await
    }

    /// Puts JSON.
    ///
    /// # Errors
    /// If there was no whole answer.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::PUT, path, &[], Some(body.to_string()))
            .await
    }

    /// Sends what is given, with more headers.
    ///
    /// # Errors
    /// If there was no whole answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Answer> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("{}{path}", self.base))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

/// The sum of a metric over all its labels that contain `labels`.
#[must_use]
pub fn metric(text: &str, name: &str, labels: &str) -> f64 {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let of_name = lines.filter(|rest| rest.starts_with(['{', ' ']) && rest.contains(labels));
    let values = of_name.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok());
    // Not a sum: that of nothing is a negative zero.
    values.fold(0.0, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_alone() {
        let text = "a_total{r=\"x\",t=\"1\"} 2\na_total{r=\"y\"} 3\na_total_more 9\n# a_total 7\n";
        assert!((metric(text, "a_total", "") - 5.0).abs() < 1e-9);
        assert!((metric(text, "a_total", "r=\"x\"") - 2.0).abs() < 1e-9);
    }
}
