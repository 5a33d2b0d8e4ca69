//! Encryption at the cloud: the certificate by which HTTPS and MQTT are served, and whom this process
//! trusts when it calls a broker itself.
//!
//! The certificate is the operator's, or cloud-sync vouches for itself: it makes an authority at first
//! use, keeps it in its ledger, and has it sign a new certificate at every start. Credentials
//! carry that authority, so that names and addresses may change and kiosks go on trusting.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::ledger::{Ledger, lineage};

/// What an authority of cloud-sync's own and its key are called in the ledger.
const CERTIFICATE: &str = "authority_certificate";
const KEY: &str = "authority_key";

/// By which certificate to serve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Without them cloud-sync makes its own.
    pub(crate) given: Option<Files>,
    /// Names and addresses by which kiosks and people reach it, beside this machine's own.
    pub(crate) names: Vec<String>,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What a server shows, and whom a kiosk has to trust for it.
pub(crate) struct Shown {
    pub(crate) config: Arc<ServerConfig>,
    /// PEM; none if the machine's trusted authorities are enough.
    pub(crate) authority: Option<String>,
}

impl Settings {
    /// Reads the certificate or makes one. `listens` are the addresses that it is served on.
    pub(crate) async fn open(&self, ledger: &Ledger, listens: &[IpAddr]) -> Result<Shown, String> {
        match &self.given {
            Some(files) => Ok(Shown {
                config: given(files)?,
                authority: None,
            }),
            None => {
                let authority = authority(ledger).await?;
                own(authority, listens, &self.names)
            }
        }
    }
}

fn trouble(file: &Path, error: &dyn std::fmt::Display, advice: &str) -> String {
    format!("https: {} can't be used: {error}; {advice}", file.display())
}

fn given(files: &Files) -> Result<Arc<ServerConfig>, String> {
    let advice = "name a PEM file that this user may read";
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| trouble(&files.certificate, &error, advice))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| trouble(&files.key, &error, advice))?;
    server(chain, key).map_err(|error| trouble(&files.certificate, &error, advice))
}

fn server(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

fn own(
    (authority, key): (String, KeyPair),
    listens: &[IpAddr],
    names: &[String],
) -> Result<Shown, String> {
    let told = |error: &dyn std::fmt::Display| {
        format!("https: no certificate can be made: {error}; correct https.names")
    };
    let made = signed(key, names_of(listens, names));
    let (certificate, key) = made.map_err(|error| told(&error))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| told(&error))?;
    let config = server(vec![certificate], key).map_err(|error| told(&error))?;
    Ok(Shown {
        config,
        authority: Some(authority),
    })
}

/// The authority in the ledger, made now if there is none: its certificate and its key. It stands
/// beside the key that acks are signed with, so that all processes on one ledger vouch alike.
async fn authority(ledger: &Ledger) -> Result<(String, KeyPair), String> {
    let told = |error: &dyn std::fmt::Display| {
        format!("https: cloud-sync's own authority can't be used: {error}")
    };
    let made = KeyPair::generate().and_then(|pair| {
        let certificate = authority_params().self_signed(&pair)?;
        Ok((certificate.pem(), pair.serialize_pem()))
    });
    let made = made.map_err(|error| told(&error))?;
    let kept = ledger.write(move |connection| {
        let certificate = lineage::get(connection, CERTIFICATE)?;
        if let (Some(certificate), Some(key)) = (certificate, lineage::get(connection, KEY)?) {
            return Ok((certificate, key));
        }
        lineage::set(connection, CERTIFICATE, &made.0)?;
        lineage::set(connection, KEY, &made.1)?;
        Ok(made.clone())
    });
    let (certificate, key) = kept.await.map_err(|error| told(&error))?;
    let pair = KeyPair::from_pem(&key).map_err(|error| told(&error))?;
    Ok((certificate, pair))
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Stillopen cloud-sync authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn named(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// A certificate for those names and its key. It does not end: it lives as long as the process, and a
/// date would only make kiosks with wrong clocks deaf.
fn signed(
    authority: KeyPair,
    names: Vec<String>,
) -> Result<(CertificateDer<'static>, String), rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = named("Stillopen cloud-sync");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(authority_params(), authority);
    let certificate = params.signed_by(&key, &issuer)?;
    Ok((certificate.der().clone(), key.serialize_pem()))
}

fn names_of(listens: &[IpAddr], more: &[String]) -> Vec<String> {
    let own = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let addresses = own.iter().chain(listens);
    let addresses = addresses.filter(|address| !address.is_unspecified());
    let mut names: Vec<String> = addresses.map(ToString::to_string).collect();
    names.push("localhost".to_owned());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    {
        names.push(host.to_owned());
    }
    names.extend(more.iter().cloned());
    names.sort();
    names.dedup();
    names
}

/// Whom this process trusts when it calls: what the machine trusts, and what stands in `more`.
pub(crate) fn client(more: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = more {
        let told = |error: &dyn std::fmt::Display| {
            let file = file.display();
            format!("mqtt-ca: {file} can't be used: {error}; name a PEM file with certificates")
        };
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| told(&error))? {
            let certificate = certificate.map_err(|error| told(&error))?;
            roots.add(certificate).map_err(|error| told(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
