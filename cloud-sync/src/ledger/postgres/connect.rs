//! Connecting: encryption, and the settings that durability rests on, checked on every connection.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::DatabaseUrl;
use crate::ledger::LedgerError;
use crate::ledger::error::with_causes;

/// How long to wait for a connection, new or given back.
const WAIT: Duration = Duration::from_secs(5);

/// For every connection: nobody who was stopped in the middle of a transaction holds up the others
/// for longer than this, and nobody waits for ever.
const SETTINGS: &str = "SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '10s';
    SET statement_timeout = '15s'; SET timezone = 'UTC'";

/// Everything is looked up by an index. The server plans by how large a table is, and a plan that it
/// keeps from the days when the ledger was empty would read all of it ever after.
/// Without compiling: of a table of one row a scan is all there is, and what it is then said to cost
/// would have it compiled each time.
const BY_INDEX: &str = "SET enable_seqscan = off; SET enable_hashjoin = off;
    SET enable_mergejoin = off; SET jit = off";

/// How a pool's statements are planned.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plans {
    /// Once: what a frame asks is always the same.
    Kept,
    /// Each time: how long a list is, and of what, changes how it is best read.
    Fresh,
}

impl Plans {
    fn setting(self) -> &'static str {
        match self {
            Self::Kept => "SET plan_cache_mode = force_generic_plan",
            Self::Fresh => "SET plan_cache_mode = force_custom_plan",
        }
    }
}

/// The run of the server that answers: another one may have lost what was stored last, whether it was
/// put back from a backup, a standby took over, or the table was loaded anew.
pub(super) const RECOGNIZE: &str = "UPDATE ledger SET opening = opening + 1, server = run.id FROM (
    SELECT concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
        left(pg_walfile_name(pg_current_wal_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        pg_relation_filenode('ledger')) AS id) run
    WHERE server IS DISTINCT FROM run.id";

/// Makes connections.
pub(super) struct Connector {
    url: DatabaseUrl,
    tls: MakeRustlsConnect,
}

impl Connector {
    pub(super) fn new(url: DatabaseUrl) -> Result<Self, LedgerError> {
        let roots = roots(&url)?;
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .map_err(|error| LedgerError::Unusable(format!("no TLS: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            url,
            tls: MakeRustlsConnect::new(config),
        })
    }

    /// A connection beside the pools, checked.
    pub(super) async fn connect(&self) -> Result<Client, LedgerError> {
        let connecting = self.url.config.connect(self.tls.clone());
        let connected = tokio::time::timeout(WAIT, connecting).await;
        let nobody = || LedgerError::Away("no connection within 5 s".to_owned());
        let (client, connection) = connected.map_err(|_| nobody())??;
        // It ends with the client.
        tokio::spawn(connection);
        check(&client).await?;
        Ok(client)
    }

    /// A pool of connections, each of which has been checked and has recognized the server.
    pub(super) fn pool(&self, size: usize, plans: Plans) -> Result<Pool, LedgerError> {
        let fast = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(self.url.config.clone(), self.tls.clone(), fast);
        let timeouts = Timeouts {
            wait: Some(WAIT),
            create: Some(WAIT * 2),
            recycle: Some(WAIT),
        };
        let greet = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move {
                let greeted = async {
                    check(client).await?;
                    client.batch_execute(BY_INDEX).await?;
                    client.batch_execute(plans.setting()).await?;
                    client.execute(RECOGNIZE, &[]).await?;
                    Ok::<_, LedgerError>(())
                };
                let greeted = greeted.await;
                greeted.map_err(|error| HookError::message(error.to_string()))
            })
        });
        let pool = Pool::builder(manager)
            .max_size(size)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .post_create(greet)
            .build();
        pool.map_err(|error| LedgerError::Unusable(error.to_string()))
    }
}

/// Sets what every connection needs, and refuses a server that could forget what it has committed.
async fn check(client: &Client) -> Result<(), LedgerError> {
    client.batch_execute(SETTINGS).await?;
    let sql = "SELECT current_setting('synchronous_commit'), current_setting('fsync'),
        current_setting('full_page_writes')";
    let row = client.query_one(sql, &[]).await?;
    let (commit, fsync, pages): (String, String, String) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if commit == "off" || fsync != "on" || pages != "on" {
        return Err(LedgerError::Unusable(format!(
            "the database may forget what it has committed (synchronous_commit = {commit}, fsync = {fsync}, full_page_writes = {pages}); set all of them to on"
        )));
    }
    Ok(())
}

fn roots(url: &DatabaseUrl) -> Result<RootCertStore, LedgerError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = &url.roots else {
        // Without any, a connection that needs one says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unusable = |error: &dyn std::error::Error| {
        let (path, error) = (path.display(), with_causes(error));
        LedgerError::Unusable(format!("sslrootcert {path} can't be used: {error}"))
    };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?;
    for certificate in read {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    Ok(roots)
}

impl From<PoolError> for LedgerError {
    fn from(error: PoolError) -> Self {
        match error {
            // Also a password that no longer fits: to whoever waits, it is away.
            PoolError::Backend(error) => match error.into() {
                Self::Storage(told) => Self::Away(told),
                other => other,
            },
            PoolError::PostCreateHook(HookError::Message(told)) => Self::Away(told.into_owned()),
            PoolError::Timeout(_) => Self::Away("no connection within 5 s".to_owned()),
            other => Self::Away(other.to_string()),
        }
    }
}
