//! One TLS set-up for both transports: rustls with ring, and the authorities that the credential names
//! or else the machine's own.

use std::sync::Arc;

use cloud_sync_wire::credential::Credential;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The client's set-up. Roots are only read if something will be encrypted: they take a while and
/// some megabytes.
pub(super) fn client(needed: bool, credential: &Credential) -> Result<ClientConfig, rustls::Error> {
    let roots = match &credential.ca {
        _ if !needed => RootCertStore::empty(),
        Some(pem) => pinned(pem)?,
        None => trusted(),
    };
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Nobody else is believed, whatever the machine trusts.
fn pinned(pem: &str) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| {
            rustls::Error::General(format!("the credential's ca can't be read: {error}"))
        })?;
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn trusted() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(
            "this machine trusts no certificate authority; install ca-certificates or set SSL_CERT_FILE"
        );
    }
    roots
}
