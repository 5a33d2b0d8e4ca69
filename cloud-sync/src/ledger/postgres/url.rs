//! The database's URL: where it is, and whether the way to it is encrypted.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// A server that doesn't answer is as good as away.
const CONNECT: Duration = Duration::from_secs(5);
/// A silent connection is probed after this long, and given up when nothing is heard for so long.
const SILENT: Duration = Duration::from_secs(10);

/// A database, and how to get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl {
    pub(super) config: tokio_postgres::Config,
    /// Certificates of who may vouch for the server; without it the system's.
    pub(super) roots: Option<PathBuf>,
}

impl DatabaseUrl {
    /// Reads a URL. What it says about encryption holds, except that nothing goes to other machines
    /// in the clear unless `plain` says that it may.
    pub(crate) fn parse(text: &str, plain: bool) -> Result<Self, String> {
        let shown = || text.split_once('@').map_or(text, |(_, behind)| behind);
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(format!(
                "{:?} is not a database's URL, such as postgres://cloud:password@127.0.0.1/stillopen",
                shown()
            ));
        }
        let (url, mode, roots) = apart(text);
        let mut config: tokio_postgres::Config = url.parse().map_err(|error| {
            format!("{}: {}", shown(), crate::ledger::error::with_causes(&error))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(format!("{} names no host", shown()));
        }
        let local = is_local(&config);
        config.ssl_mode(match mode.as_deref() {
            None if local || plain => SslMode::Disable,
            None | Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
            Some("disable" | "prefer" | "allow") if !local && !plain => {
                return Err(format!(
                    "{} would be reached without encryption over a network; say sslmode=require, or --allow-plaintext if the network is yours alone",
                    shown()
                ));
            }
            Some("disable" | "allow") => SslMode::Disable,
            Some("prefer") => SslMode::Prefer,
            Some(other) => {
                return Err(format!(
                    "sslmode={other} is not known; disable, prefer, require and verify-full are"
                ));
            }
        });
        config
            .connect_timeout(CONNECT)
            .keepalives_idle(SILENT)
            .tcp_user_timeout(SILENT)
            // Also of one host: a standby would take nothing.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("cloud-sync");
        }
        Ok(Self { config, roots })
    }
}

/// Takes out of the query what the driver leaves to its caller.
fn apart(text: &str) -> (String, Option<String>, Option<PathBuf>) {
    let Some((base, query)) = text.split_once('?') else {
        return (text.to_owned(), None, None);
    };
    let (mut mode, mut roots) = (None, None);
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| match pair.split_once('=') {
            Some(("sslmode", value)) => {
                mode = Some(value.to_owned());
                false
            }
            Some(("sslrootcert", value)) => {
                roots = Some(PathBuf::from(value.replace("%2F", "/").replace("%2f", "/")));
                false
            }
            _ => true,
        })
        .collect();
    let url = match rest.as_slice() {
        [] => base.to_owned(),
        rest => format!("{base}?{}", rest.join("&")),
    };
    (url, mode, roots)
}

fn is_local(config: &tokio_postgres::Config) -> bool {
    let host = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    };
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(host),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(text: &str, plain: bool) -> Result<SslMode, String> {
        DatabaseUrl::parse(text, plain).map(|url| url.config.get_ssl_mode())
    }

    #[test]
    fn nothing_goes_to_other_machines_in_the_clear_unless_told_to() {
        assert_eq!(mode("postgres://db.example/x", false), Ok(SslMode::Require));
        assert_eq!(mode("postgres://db.example/x", true), Ok(SslMode::Disable));
        let refused = mode("postgres://db.example/x?sslmode=prefer", false).unwrap_err();
        assert!(refused.contains("--allow-plaintext"), "{refused}");
        assert!(mode("postgres://127.0.0.1,db.example/x?sslmode=disable", false).is_err());
        let spoof = "postgres://localhost/x?hostaddr=192.0.2.1&sslmode=disable";
        assert!(mode(spoof, false).is_err());
    }

    #[test]
    fn what_the_url_says_about_encryption_is_obeyed() {
        assert_eq!(mode("postgres://127.0.0.1/x", false), Ok(SslMode::Disable));
        assert_eq!(
            mode("postgres://[::1]/x?sslmode=require", false),
            Ok(SslMode::Require)
        );
        assert_eq!(
            mode("postgres:///x?host=/run/pg", false),
            Ok(SslMode::Disable)
        );
        let url = "postgres://db/x?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=3";
        let parsed = DatabaseUrl::parse(url, false).unwrap();
        assert_eq!(parsed.roots.as_deref(), Some("/etc/ca.pem".as_ref()));
        assert_eq!(parsed.config.get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn a_bad_url_is_told_without_its_password() {
        for bad in [
            "mysql://u:secret@h/x",
            "postgres://u:secret@h/x?nonsense=1",
            "postgres:///x",
        ] {
            let told = DatabaseUrl::parse(bad, false).unwrap_err();
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
