//! The contract's metrics: the process's recorder, and every series from the first look on.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::cli::Failure;
use crate::ingest::decision::Outcome;
use crate::ingest::turns::Lane;

/// Upper bounds in seconds, from a fast disk's commit to a kiosk that was long away.
const SECONDS: [f64; 13] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0, 300.0,
];

/// The process's recorder of metrics, installed once.
pub(crate) fn recorder() -> Result<PrometheusHandle, Failure> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let builder = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .map_err(|error| error.to_string())?;
    let handle = builder
        .install_recorder()
        .map_err(|error| error.to_string())?;
    register();
    Ok(RECORDER.get_or_init(|| handle).clone())
}

/// Series exist from the start, at zero: a rate over one that appears with its first event misses
/// that event.
fn register() {
    for outcome in Outcome::ALL {
        metrics::counter!("cloud_ingest_events_total", "result" => outcome.as_str()).increment(0);
    }
    for transport in ["http", "mqtt"] {
        metrics::counter!("cloud_acks_total", "transport" => transport).increment(0);
    }
    for lane in Lane::ALL {
        metrics::gauge!("cloud_intake_waiting", "lane" => lane.as_str()).set(0);
        let _ = metrics::histogram!("cloud_intake_wait_seconds", "lane" => lane.as_str());
    }
    metrics::counter!("cloud_orders_total").increment(0);
    let _ = metrics::histogram!("cloud_ingest_commit_seconds");
    let _ = metrics::histogram!("cloud_kiosk_lag_seconds");
}
