//! Opening the ledger at a start. A database that can't be reached yet is waited for: a server that is
//! started before its database, or while it is away, comes up with it, and says meanwhile what it waits for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use crate::cli::Failure;
use crate::http::health;
use crate::http::problem::Problem;
use crate::http::server::Server;
use crate::ledger::LedgerError;
use crate::watchdog;

/// The first and the longest pause between two tries.
const PAUSE_LEAST: Duration = Duration::from_millis(500);
const PAUSE_MOST: Duration = Duration::from_secs(10);
/// How long answers under way may take when the waiting is over.
const FINISH: Duration = Duration::from_secs(1);

/// What is open now, and whether it had to be waited for.
pub(crate) struct Opened<T> {
    pub(crate) what: T,
    pub(crate) waited: bool,
}

/// Opens until it works. `told` is called when it has to be waited for, and `listener` answers with that.
///
/// # Errors
/// If it can't work, however long one waits.
pub(crate) async fn open<T: Send + 'static>(
    listener: &TcpListener,
    open: impl Fn() -> Result<T, LedgerError> + Clone + Send + 'static,
    told: impl FnOnce(),
) -> Result<Opened<T>, Failure> {
    let mut why = match attempt(&open).await? {
        Ok(what) => {
            let waited = false;
            return Ok(Opened { what, waited });
        }
        Err(why) => why,
    };
    let reason = Arc::new(Mutex::new(why.clone()));
    let server = Server::start(again(listener)?, waiting(&reason), None);
    told();
    let mut pause = PAUSE_LEAST;
    loop {
        tracing::warn!(why, pause_ms = pause.as_millis(), "waiting for the ledger");
        *reason.lock().unwrap_or_else(PoisonError::into_inner) = why;
        watchdog::still_starting(PAUSE_MOST * 4);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
        why = match attempt(&open).await? {
            Ok(what) => {
                server.stop(FINISH).await;
                let waited = true;
                return Ok(Opened { what, waited });
            }
            Err(why) => why,
        };
    }
}

/// Tries once; the inner error says why to wait.
async fn attempt<T: Send + 'static>(
    open: &(impl Fn() -> Result<T, LedgerError> + Clone + Send + 'static),
) -> Result<Result<T, String>, Failure> {
    let open = open.clone();
    let opened = tokio::task::spawn_blocking(open).await;
    match opened.map_err(|error| error.to_string())? {
        Ok(what) => Ok(Ok(what)),
        Err(LedgerError::Away(why)) => Ok(Err(why)),
        Err(error) => Err(error.into()),
    }
}

/// The same socket once more.
fn again(listener: &TcpListener) -> Result<TcpListener, Failure> {
    use std::os::fd::AsFd as _;
    let copy = listener
        .as_fd()
        .try_clone_to_owned()
        .map(std::net::TcpListener::from);
    let copy = copy.and_then(TcpListener::from_std);
    Ok(copy.map_err(|error| error.to_string())?)
}

/// What is answered while the ledger is waited for.
fn waiting(reason: &Arc<Mutex<String>>) -> Router {
    let reason = Arc::clone(reason);
    let ready = move || {
        let why = reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        async move { not_ready(&why) }
    };
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(ready))
        .fallback(|| async { Problem::from(LedgerError::Away("not opened yet".to_owned())) })
}

fn not_ready(why: &str) -> Response {
    let reasons = [format!("the ledger's database can't be reached: {why}")];
    let body = axum::Json(json!({ "ready": false, "reasons": reasons }));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}
