//! Where a phone in the store reaches this kiosk, if it does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// An address of no machine (RFC 5737). Asking the way there sends nothing.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// What is known of the ways to this kiosk.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// What the configuration says.
    pub public_url: Option<String>,
    /// Where HTTP is served.
    pub listen: Option<SocketAddr>,
}

impl Reach {
    /// The address that pages have for a phone, without a slash at its end; none if the kiosk serves
    /// only this machine. Looked up each time, because a network may give another address any day.
    #[must_use]
    pub fn base(&self) -> Option<String> {
        if let Some(url) = &self.public_url {
            return Some(url.trim_end_matches('/').to_owned());
        }
        let listen = self.listen?;
        let ip = match listen.ip() {
            ip if ip.is_loopback() => return None,
            ip if ip.is_unspecified() => own_address()?,
            ip => ip,
        };
        Some(format!("http://{}", SocketAddr::new(ip, listen.port())))
    }
}

/// This machine's address in its network.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(listen: &str, public_url: Option<&str>) -> Option<String> {
        let reach = Reach {
            public_url: public_url.map(str::to_owned),
            listen: Some(listen.parse().unwrap()),
        };
        reach.base()
    }

    #[test]
    fn what_is_configured_wins_and_a_kiosk_for_itself_is_not_reached() {
        let url = Some("https://order.example/");
        assert_eq!(
            at("127.0.0.1:80", url).as_deref(),
            Some("https://order.example")
        );
        assert_eq!(at("127.0.0.1:8080", None), None);
        assert_eq!(at("[::1]:8080", None), None);
        assert_eq!(
            at("192.168.1.7:8080", None).as_deref(),
            Some("http://192.168.1.7:8080")
        );
        assert_eq!(
            at("[fd00::7]:8080", None).as_deref(),
            Some("http://[fd00::7]:8080")
        );
    }

    #[test]
    fn every_interface_means_the_one_that_leads_out_if_there_is_one() {
        let base = at("0.0.0.0:8080", None);
        assert!(base.is_none_or(|url| url.ends_with(":8080") && !url.contains("0.0.0.0")));
    }
}
