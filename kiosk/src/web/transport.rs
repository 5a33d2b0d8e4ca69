//! How a request came. Staff functions work over HTTPS and from this machine itself: a PIN or a
//! session that crosses the store's network in the clear is anybody's.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, header};

use super::error::Problem;

/// Marks a request that came over TLS.
#[derive(Debug, Clone, Copy)]
pub struct Encrypted;

/// Whether the request came over TLS to the kiosk itself.
pub(super) fn is_encrypted(request: &Extensions) -> bool {
    request.get::<Encrypted>().is_some()
}

/// Whether nobody in between could have read it.
pub(super) fn is_private(request: &Extensions) -> bool {
    let client = request.get::<ConnectInfo<SocketAddr>>();
    let here = client.is_some_and(|client| client.0.ip().to_canonical().is_loopback());
    here || is_encrypted(request)
}

/// What somebody hears whose request could have been read on its way.
pub(super) fn in_the_clear() -> Problem {
    Problem::forbidden(
        "Staff functions work over HTTPS, or at the kiosk itself: in this network a PIN or a \
         session could be read by others. Use the kiosk's https:// address (--listen-https).",
    )
}

/// Where the same path is served over HTTPS on `port`, as the browser calls this machine.
pub(super) fn elsewhere(headers: &HeaderMap, port: u16, path: &str) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    (!name.is_empty() && name.bytes().all(plain)).then(|| format!("https://{name}:{port}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(client: &str) -> Extensions {
        let mut request = Extensions::new();
        request.insert(ConnectInfo(client.parse::<SocketAddr>().unwrap()));
        request
    }

    #[test]
    fn this_machine_and_tls_are_private_and_nothing_else_is() {
        for here in [
            "127.0.0.1:9",
            "127.9.9.9:9",
            "[::1]:9",
            "[::ffff:127.0.0.1]:9",
        ] {
            assert!(is_private(&from(here)), "{here}");
        }
        for there in ["10.0.0.7:9", "[fe80::1]:9", "[::ffff:10.0.0.7]:9"] {
            assert!(!is_private(&from(there)), "{there}");
            let mut over_tls = from(there);
            over_tls.insert(Encrypted);
            assert!(is_private(&over_tls), "{there}");
        }
        assert!(!is_private(&Extensions::new()));
    }

    #[test]
    fn the_way_out_is_named_as_the_browser_calls_this_machine() {
        let to = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            elsewhere(&headers, 8443, "/manager")
        };
        let name = Some("https://kiosk.local:8443/manager".to_owned());
        assert_eq!(to("kiosk.local:8080"), name);
        assert_eq!(to("kiosk.local"), name);
        assert_eq!(
            to("[fe80::1]:8080").unwrap(),
            "https://[fe80::1]:8443/manager"
        );
        assert_eq!(to("[fe80::1]").unwrap(), "https://[fe80::1]:8443/manager");
        assert_eq!(to("a\"b"), None);
    }
}
