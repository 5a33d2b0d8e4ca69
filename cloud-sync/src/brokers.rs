//! The brokers that there are, and their URLs.

use std::net::IpAddr;

use crate::ledger::connection::Connection;
use crate::ledger::{Ledger, LedgerError, lineage};

/// Where a serving process notes them, as a JSON list.
const URLS: &str = "mqtt_urls";

/// Notes the brokers that are served from now on, for enrolment.
pub(crate) async fn note(ledger: &Ledger, urls: Vec<String>) -> Result<(), LedgerError> {
    let text = serde_json::to_string(&urls).map_err(|e| LedgerError::Storage(e.to_string()))?;
    ledger
        .write(move |connection| lineage::set(connection, URLS, &text))
        .await
}

/// The brokers that are served, or were last.
pub(crate) fn served(connection: &dyn Connection) -> Result<Vec<String>, LedgerError> {
    let text = lineage::get(connection, URLS)?;
    Ok(text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}

/// `mqtt://[user[:password]@]host[:1883]`, or `mqtts://` and port 8883 for an encrypted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MqttUrl {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<(String, String)>,
    pub(crate) encrypted: bool,
}

impl MqttUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (encrypted, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => {
                return Err(format!(
                    "{text:?} is not a broker's URL, such as mqtts://broker.example.com"
                ));
            }
        };
        let rest = rest.trim_end_matches('/');
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(login.split_once(':').unwrap_or((login, ""))), address),
            None => (None, rest),
        };
        let bad_port = || format!("{address:?}: the port is not a number up to 65535");
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| bad_port())?)
            }
            _ => (address, if encrypted { 8883 } else { 1883 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', ' ']) {
            return Err(format!("{address:?} names no host"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
            encrypted,
        })
    }

    pub(crate) fn is_local(&self) -> bool {
        let ip = self.host.parse::<IpAddr>();
        self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// Without the login, to be shown and handed to kiosks.
    pub(crate) fn public(&self) -> String {
        let scheme = if self.encrypted { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{}", self.host, self.port)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brokers_url_is_read_and_shown_without_its_login() {
        let url = MqttUrl::parse("mqtt://u:p@[::1]:18830/").unwrap();
        assert_eq!((url.host.as_str(), url.port), ("::1", 18830));
        assert_eq!(url.public(), "mqtt://[::1]:18830");
        assert_eq!(MqttUrl::parse("mqtt://broker").unwrap().port, 1883);
        let encrypted = MqttUrl::parse("mqtts://u@broker").unwrap();
        assert_eq!((encrypted.port, encrypted.encrypted), (8883, true));
        assert_eq!(encrypted.public(), "mqtts://broker:8883");
        for bad in ["broker:1883", "mqtt://", "mqtt://h:99999", "http://h"] {
            assert!(MqttUrl::parse(bad).is_err(), "{bad}");
        }
        let secret = MqttUrl::parse("mqtt://u:hidden@h:99999").unwrap_err();
        assert!(!secret.contains("hidden"), "{secret}");
    }
}
