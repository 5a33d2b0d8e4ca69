//! HTTPS in the store's network, so that no PIN and no session travels in the clear.
//!
//! The certificate is the operator's, or one that the kiosk makes for itself at first use and keeps
//! in its data folder: browsers warn of it once, and show its fingerprint, which the log tells too.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

/// What a self-made certificate and its key are called in the data folder.
const CERTIFICATE: &str = "https.crt";
const KEY: &str = "https.key";

/// Where HTTPS is served, and by which certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Certificate chain and key, both PEM; without them the kiosk makes its own.
    pub given: Option<Files>,
}

/// A certificate chain and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// PEM, the kiosk's own certificate first.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// Why HTTPS can't be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// A file can't be read, written or used.
    #[error("https: {file} can't be used: {detail}; {advice}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        detail: String,
        /// What to do.
        advice: &'static str,
    },
    /// The address can't be listened on.
    #[error(
        "can't listen on {address}: {error}; stop what uses it or choose another --listen-https"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
}

/// A server that is ready to begin.
pub(crate) struct Https {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    listener: std::net::TcpListener,
    config: RustlsConfig,
    handle: Handle<SocketAddr>,
}

impl Https {
    /// Reads or makes the certificate, and listens.
    ///
    /// # Errors
    /// [`HttpsError`] if either can't be done.
    pub(crate) fn open(settings: &Settings, data: &Path) -> Result<Self, HttpsError> {
        let (files, advice) = match &settings.given {
            Some(given) => (given.clone(), "name a PEM file that this user may read"),
            None => (
                own(data, settings.listen.ip())?,
                "delete it and a new one is made",
            ),
        };
        let (config, fingerprint) = read(&files, advice)?;
        tracing::info!(
            certificate = %files.certificate.display(),
            fingerprint,
            "HTTPS shows this certificate"
        );
        let trouble = |error| HttpsError::Listen {
            address: settings.listen,
            error,
        };
        let listener = std::net::TcpListener::bind(settings.listen).map_err(trouble)?;
        listener.set_nonblocking(true).map_err(trouble)?;
        let address = listener.local_addr().map_err(trouble)?;
        Ok(Self {
            address,
            listener,
            config: RustlsConfig::from_config(Arc::new(config)),
            handle: Handle::new(),
        })
    }

    /// What stops it.
    pub(crate) fn handle(&self) -> Handle<SocketAddr> {
        self.handle.clone()
    }

    /// Serves until it is stopped.
    pub(crate) async fn serve(self, app: Router) -> std::io::Result<()> {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        axum_server::from_tcp_rustls(self.listener, self.config)?
            .http1_only()
            .handle(self.handle)
            .serve(app)
            .await
    }
}

/// Lets what is in hand finish for so long.
pub(crate) fn stop(handle: &Handle<SocketAddr>, grace: Duration) {
    handle.graceful_shutdown(Some(grace));
}

fn file_trouble(file: &Path, detail: &dyn std::fmt::Display, advice: &'static str) -> HttpsError {
    HttpsError::File {
        file: file.display().to_string(),
        detail: detail.to_string(),
        advice,
    }
}

/// The server's settings, and the certificate's fingerprint as browsers show it.
fn read(files: &Files, advice: &'static str) -> Result<(ServerConfig, String), HttpsError> {
    let trouble = |file: &Path, detail: &dyn std::fmt::Display| file_trouble(file, detail, advice);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| trouble(&files.certificate, &error))?;
    let Some(first) = chain.first() else {
        return Err(trouble(&files.certificate, &"it holds no certificate"));
    };
    let fingerprint = fingerprint(first);
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| trouble(&files.key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| trouble(&files.certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| trouble(&files.certificate, &error))?;
    Ok((config, fingerprint))
}

/// SHA-256 of the certificate: `3A:F0:…`.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate.as_ref());
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// The self-made certificate in the data folder, made now if it is not there.
fn own(data: &Path, listen: IpAddr) -> Result<Files, HttpsError> {
    let files = Files {
        certificate: data.join(CERTIFICATE),
        key: data.join(KEY),
    };
    if files.certificate.exists() && files.key.exists() {
        return Ok(files);
    }
    let advice = "make the data folder writable";
    let (certificate, key) = make(listen).map_err(|error| {
        let detail = format!("no certificate can be made: {error}");
        file_trouble(&files.certificate, &detail, advice)
    })?;
    for (file, pem) in [(&files.key, key), (&files.certificate, certificate)] {
        write(file, &pem).map_err(|error| file_trouble(file, &error, advice))?;
    }
    Ok(files)
}

/// A certificate for every name by which this machine may be asked for, and its key, both PEM. It
/// does not end: who trusted it once trusts this key, and a date would only close a store.
fn make(listen: IpAddr) -> Result<(String, String), rcgen::Error> {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy().into_owned();
    let mut names = vec!["localhost".to_owned()];
    for address in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
        listen,
    ] {
        if !address.is_unspecified() && !names.contains(&address.to_string()) {
            names.push(address.to_string());
        }
    }
    if is_host_name(&host) && host != "localhost" {
        names.extend([format!("{host}.local"), host.clone()]);
    }
    let mut params = CertificateParams::new(names)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, format!("Stillopen kiosk {host}"));
    params.distinguished_name = name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn is_host_name(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !text.is_empty() && text.len() <= 250 && text.bytes().all(fine)
}

/// Written whole or not at all, for this user alone.
fn write(file: &Path, pem: &str) -> std::io::Result<()> {
    let next = file.with_extension("next");
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)?;
    out.write_all(pem.as_bytes())?;
    out.sync_all()?;
    std::fs::rename(&next, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(given: Option<Files>) -> Settings {
        Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            given,
        }
    }

    #[test]
    fn a_self_made_certificate_stays_the_same_and_its_key_is_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        let first = own(data.path(), "10.1.2.3".parse().unwrap()).unwrap();
        let (_, before) = read(&first, "").unwrap();
        let again = own(data.path(), "10.1.2.3".parse().unwrap()).unwrap();
        assert_eq!(read(&again, "").unwrap().1, before);
        let mode = std::fs::metadata(&first.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(before.len(), 32 * 3 - 1);
    }

    #[test]
    fn files_that_are_no_certificate_are_told_by_name() {
        let data = tempfile::tempdir().unwrap();
        let made = own(data.path(), "127.0.0.1".parse().unwrap()).unwrap();
        let empty = data.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        for (certificate, key, told) in [
            (empty.clone(), made.key.clone(), "empty.pem"),
            (made.certificate.clone(), empty.clone(), "empty.pem"),
            (data.path().join("gone.pem"), made.key.clone(), "gone.pem"),
        ] {
            let given = settings(Some(Files { certificate, key }));
            let refused = Https::open(&given, data.path()).err().unwrap();
            assert!(refused.to_string().contains(told), "{refused}");
        }
    }

    #[tokio::test]
    async fn an_address_in_use_is_told_with_the_way_out() {
        let data = tempfile::tempdir().unwrap();
        let held = Https::open(&settings(None), data.path()).unwrap();
        let taken = Settings {
            listen: held.address,
            given: None,
        };
        let refused = Https::open(&taken, data.path()).err().unwrap();
        assert!(refused.to_string().contains("--listen-https"), "{refused}");
    }
}
