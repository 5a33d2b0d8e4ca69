//! Where the cloud is, and whether it may be spoken to without encryption.

use std::net::IpAddr;

use reqwest::Url;

/// A URL that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// Not a URL at all; what was given is not shown, it may hold a password.
    #[error("it is no URL such as {example} ({detail})")]
    NoUrl {
        /// What one looks like.
        example: String,
        /// Why it can't be read.
        detail: String,
    },
    /// Not a URL, or one that lacks or holds what it must not.
    #[error("{url:?} can't be used: {detail}")]
    Unusable {
        /// What was given, without what may be secret.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// It would go over the wire for everybody to read.
    #[error(
        "{url:?} is not encrypted and not on this machine; use {instead}://, or say \
         --allow-plaintext if the network is yours alone"
    )]
    Plain {
        /// What was given.
        url: String,
        /// The scheme that is encrypted.
        instead: &'static str,
    },
}

/// A broker's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokerAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) encrypted: bool,
}

/// Reads the cloud's base URL.
pub(crate) fn cloud(text: &str, allow_plain: bool) -> Result<Url, BadEndpoint> {
    let mut url = checked(text, ["http", "https"], allow_plain)?;
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Reads the broker's URL: `mqtt://host[:1883]` or `mqtts://host[:8883]`.
pub(crate) fn broker(text: &str, allow_plain: bool) -> Result<BrokerAddress, BadEndpoint> {
    let url = checked(text, ["mqtt", "mqtts"], allow_plain)?;
    let encrypted = url.scheme() == "mqtts";
    let host = url.host_str().unwrap_or_default();
    Ok(BrokerAddress {
        // The client puts host and port together itself, so brackets around IPv6 stay.
        host: host.to_owned(),
        port: url.port().unwrap_or(if encrypted { 8883 } else { 1883 }),
        encrypted,
    })
}

/// `schemes`: the plain one, then the encrypted one.
fn checked(text: &str, schemes: [&'static str; 2], allow_plain: bool) -> Result<Url, BadEndpoint> {
    let [plain, encrypted] = schemes;
    let unusable = |shown: &str, detail: String| BadEndpoint::Unusable {
        url: shown.to_owned(),
        detail,
    };
    let mut url = Url::parse(text).map_err(|error| BadEndpoint::NoUrl {
        example: format!("{encrypted}://cloud.example"),
        detail: error.to_string(),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        let detail = "it holds a name or password; the credential has them".to_owned();
        return Err(unusable(url.host_str().unwrap_or_default(), detail));
    }
    url.set_query(None);
    url.set_fragment(None);
    if !schemes.contains(&url.scheme()) {
        let detail = format!("it must begin with {plain}:// or {encrypted}://");
        return Err(unusable(text, detail));
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err(unusable(text, "it names no host".to_owned()));
    };
    if url.scheme() == plain && !allow_plain && !is_loopback(host) {
        return Err(BadEndpoint::Plain {
            url: text.to_owned(),
            instead: encrypted,
        });
    }
    Ok(url)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_only_for_this_machine_unless_somebody_insists() {
        for here in [
            "http://127.0.0.1:9080",
            "http://localhost",
            "http://[::1]:1",
        ] {
            assert!(cloud(here, false).is_ok(), "{here}");
        }
        for there in [
            "http://10.0.0.1",
            "http://cloud.example",
            "http://localhost.example",
        ] {
            assert!(
                matches!(cloud(there, false), Err(BadEndpoint::Plain { .. })),
                "{there}"
            );
            assert!(cloud(there, true).is_ok());
        }
        assert!(cloud("https://cloud.example", false).is_ok());
        assert!(matches!(
            broker("mqtt://10.0.0.1", false),
            Err(BadEndpoint::Plain { .. })
        ));
    }

    #[test]
    fn a_broker_has_the_usual_ports() {
        let address = broker("mqtts://cloud.example", false).unwrap();
        assert_eq!((address.port, address.encrypted), (8883, true));
        assert_eq!(broker("mqtt://127.0.0.1", false).unwrap().port, 1883);
        assert_eq!(broker("mqtt://127.0.0.1:5", false).unwrap().port, 5);
    }

    #[test]
    fn a_path_before_the_api_is_kept() {
        let base = cloud("https://example.com/stillopen", false).unwrap();
        assert_eq!(base.join("api/v1").unwrap().path(), "/stillopen/api/v1");
    }

    #[test]
    fn what_is_no_endpoint_is_refused_without_showing_secrets() {
        for bad in ["", "cloud", "ftp://cloud", "mqtt://cloud", "http://"] {
            assert!(cloud(bad, true).is_err(), "{bad}");
        }
        let error = cloud("https://me:hunter2@cloud.example", false).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
