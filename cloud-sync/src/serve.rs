//! `serve`: brings the parts up, and down again in order.

use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::Failure;
use crate::cloud::Cloud;
use crate::commands::CLOUD_URL;
use crate::config::Config;
use crate::http;
use crate::http::server::Server;
use crate::ledger::folder::FolderLock;
use crate::ledger::{Ledger, lineage};

/// How long what is in hand may take to finish; the promise is 10 s for all.
const FINISH: Duration = Duration::from_secs(7);
/// How often what kiosks said is written behind.
const WRITE_BEHIND: Duration = Duration::from_secs(3);

/// Serves until the process is told to stop.
pub(crate) async fn serve(config: Config) -> Result<(), Failure> {
    let _lock = FolderLock::take(&config.data_dir)?;
    let ledger = Ledger::open(&config.data_dir)?;
    let (close, closing) = watch::channel(false);
    let metrics = recorder()?;
    let building = ledger.clone();
    let cloud = tokio::task::spawn_blocking(move || Cloud::new(building, metrics, closing))
        .await
        .map_err(|error| error.to_string())??;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        format!(
            "can't serve HTTP on {}: {error}; stop what uses the port or choose another with --listen",
            config.listen
        )
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let url = format!("http://{address}");
    ledger
        .write(move |connection| lineage::set(connection, CLOUD_URL, &url))
        .await?;
    let server = Server::start(listener, http::router(cloud.clone()));
    told(&format!("listening on http://{address}"));
    tracing::info!(%address, data_dir = %config.data_dir.display(), "serving");
    until_told_to_stop(&cloud).await?;
    tracing::info!("stopping: no new connections, finishing what is in hand");
    let _ = close.send(true);
    server.stop(FINISH).await;
    if let Err(error) = cloud.presence.write_behind(&ledger).await {
        tracing::warn!(%error, "what kiosks last said could not be written");
    }
    tracing::info!("stopped");
    Ok(())
}

/// A plain line on standard output, for whoever started the process.
fn told(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may read standard output any more; serving goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The process's recorder of metrics, installed once.
pub(crate) fn recorder() -> Result<PrometheusHandle, Failure> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    const SECONDS: [f64; 13] = [
        0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0, 300.0,
    ];
    let builder = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .map_err(|error| error.to_string())?;
    let handle = builder
        .install_recorder()
        .map_err(|error| error.to_string())?;
    Ok(RECORDER.get_or_init(|| handle).clone())
}

async fn until_told_to_stop(cloud: &Cloud) -> Result<(), Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::Failed(error.to_string()));
    let (mut term, mut int) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    let mut write_behind = tokio::time::interval(WRITE_BEHIND);
    loop {
        tokio::select! {
            _ = term.recv() => return Ok(()),
            _ = int.recv() => return Ok(()),
            _ = write_behind.tick() => {
                if let Err(error) = cloud.presence.write_behind(&cloud.ledger).await {
                    tracing::warn!(%error, "what kiosks last said could not be written");
                }
            }
        }
    }
}
