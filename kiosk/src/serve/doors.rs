//! Where the kiosk is reached: HTTP, and HTTPS where it is wanted.

use std::net::SocketAddr;
use std::time::Duration;

use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::ServeError;
use crate::config::Config;
use crate::https::{self, Https};
use crate::web::transport::Encrypted;

/// What is in hand when the kiosk is told to stop may take so long.
const GRACE: Duration = Duration::from_secs(8);

/// The sockets, listening.
pub(super) struct Doors {
    plain: TcpListener,
    address: SocketAddr,
    https: Option<Https>,
}

impl Doors {
    /// Listens where the configuration says; for HTTP on the socket in `bound`, once there is one.
    ///
    /// # Errors
    /// [`ServeError`] if an address or a certificate can't be used.
    pub(super) async fn open(
        config: &Config,
        bound: &mut Option<std::net::TcpListener>,
    ) -> Result<Self, ServeError> {
        let trouble = |error| ServeError::Listen {
            address: config.listen,
            error,
        };
        let kept = match bound.take() {
            Some(kept) => kept,
            None => {
                let plain = TcpListener::bind(config.listen).await.map_err(trouble)?;
                plain.into_std().map_err(trouble)?
            }
        };
        let plain = bound.insert(kept).try_clone();
        let plain = plain.and_then(TcpListener::from_std).map_err(trouble)?;
        let address = plain.local_addr().map_err(trouble)?;
        let https = config.https.as_ref();
        let https = https.map(|settings| Https::open(settings, &config.data_dir));
        Ok(Self {
            plain,
            address,
            https: https.transpose()?,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn https_address(&self) -> Option<SocketAddr> {
        self.https.as_ref().map(|https| https.address)
    }

    /// Serves until `told_to_stop` says true, and what is in hand then for a bounded time.
    ///
    /// # Errors
    /// [`ServeError::System`] if the system lets it serve no longer.
    pub(super) async fn serve(
        self,
        app: Router,
        told_to_stop: watch::Receiver<bool>,
    ) -> Result<(), ServeError> {
        let mut stopping = told_to_stop.clone();
        let encrypted = app.clone().layer(Extension(Encrypted));
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let plain = axum::serve(self.plain, app).with_graceful_shutdown(async move {
            // Gone only when the process is.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        });
        let Some(https) = self.https else {
            return bounded(plain.into_future(), told_to_stop).await;
        };
        let mut stopping = told_to_stop.clone();
        let handle = https.handle();
        let stop = tokio::spawn(async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
            https::stop(&handle, GRACE);
        });
        let served =
            async { tokio::try_join!(plain.into_future(), https.serve(encrypted)).map(|_| ()) };
        let served = bounded(served, told_to_stop).await;
        stop.abort();
        served
    }
}

/// Runs the server; once it is told to stop, what is in hand gets a bounded time.
async fn bounded(
    serving: impl Future<Output = std::io::Result<()>>,
    mut told_to_stop: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let patience = async {
        if told_to_stop.wait_for(|stopping| *stopping).await.is_ok() {
            tokio::time::sleep(GRACE).await;
        }
    };
    tokio::select! {
        served = serving => served.map_err(|error| ServeError::System(error.to_string())),
        () = patience => {
            tracing::warn!("some requests did not finish in time; stopping all the same");
            Ok(())
        }
    }
}
