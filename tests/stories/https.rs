//! HTTPS in the store's network: where staff sign in from other screens.

use std::time::Duration;

use anyhow::Context;
use lab::store::Folder;
use reqwest::{Certificate, Client};
use serde_json::json;

use crate::{Told, lone_kiosk};

const PIN: &str = "135790";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_sign_in_over_https_with_the_kiosks_own_certificate() -> Told {
    // The second to install one is refused, which is fine: they are the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = Folder::temporary()?;
    let mut kiosk = lone_kiosk(folder.path()).await?;
    kiosk.more = ["--listen-https", "127.0.0.1:0"]
        .map(str::to_owned)
        .to_vec();
    kiosk.start().await?;
    let pin = ["staff", "set-pin", "--role", "manager"];
    kiosk.command(&pin, PIN).await?;
    let base = kiosk.https().await?;
    let certificate = std::fs::read(kiosk.data().join("https.crt"))?;
    let trusting = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .tls_certs_only([Certificate::from_pem(&certificate)?])
        .build()?;
    let signed_in = trusting
        .post(format!("{base}/api/v1/sessions"))
        .body(json!({ "pin": PIN }).to_string())
        .send()
        .await?;
    assert!(signed_in.status() == 201, "{signed_in:?}");
    let cookie = signed_in.headers()["set-cookie"].to_str().context("text")?;
    assert!(cookie.contains("; Secure"), "{cookie}");
    let session = cookie.split(';').next().context("a cookie")?.to_owned();
    let manager = trusting
        .get(format!("{base}/manager"))
        .header("cookie", &session)
        .send()
        .await?;
    assert!(manager.status() == 200, "{manager:?}");
    // Who does not know the certificate does not believe it.
    let stranger = Client::builder().no_proxy().tls_certs_only([]).build()?;
    let refused = stranger.get(format!("{base}/healthz")).send().await;
    assert!(refused.is_err(), "{refused:?}");
    // The certificate is the same after a restart, and a listening screen holds nobody up.
    let listening = trusting.get(format!("{base}/api/v1/events")).send().await?;
    assert!(listening.status() == 200, "{listening:?}");
    let (ended, took) = kiosk.terminate().await?.context("it ran")?;
    assert!(
        ended.success() && took < Duration::from_secs(10),
        "{ended} {took:?}"
    );
    drop(listening);
    kiosk.start().await?;
    let again = std::fs::read(kiosk.data().join("https.crt"))?;
    assert!(again == certificate, "another certificate");
    let alive = trusting.get(format!("{}/healthz", kiosk.https().await?));
    assert!(alive.send().await?.status() == 200);
    Ok(())
}
