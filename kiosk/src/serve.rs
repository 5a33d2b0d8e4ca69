//! `kiosk serve`: everything wired together, started and stopped in order.

mod anew;
mod doors;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kiosk_core::ids::BootId;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use self::anew::{Anew, Closed};
use self::doors::Doors;
use crate::config::{self, Config};
use crate::connect::{Connection, Tuner};
use crate::devices::Devices;
use crate::habits::Habits;
use crate::help::Help;
use crate::https::HttpsError;
use crate::journal::{Change, FolderLock, Journal, JournalSettings, OpenError};
use crate::reach::Reach;
use crate::settings::Settings;
use crate::wallclock::WallClock;
use crate::web::feed::Feed;
use crate::web::sessions::Sessions;
use crate::web::{AppState, Inner, Place};
use crate::{clock, follow, metrics, watchdog, web};

/// Orders in hand at once; more are told to come back.
const ADMITTED: usize = 512;
/// How often retention is looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// Why the kiosk could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder or the journal can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// HTTPS can't be served.
    #[error(transparent)]
    Https(#[from] HttpsError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {error}; stop what uses it or choose another --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system refuses what every process needs.
    #[error("{0}")]
    System(String),
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`ServeError`] if it can't begin.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    let stop = told_to_stop()?;
    let _lock = FolderLock::take(&config.data_dir)?;
    let mut bound = None;
    let mut anew = Anew::default();
    while run(&config, &mut bound, stop.clone(), &anew).await? == Closed::Forked {
        anew.begin(&config).await?;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Serves one journal. The socket in `bound` outlives it, so that nobody is turned away while
/// another journal takes its place.
async fn run(
    config: &Config,
    bound: &mut Option<std::net::TcpListener>,
    mut stop: watch::Receiver<bool>,
    anew: &Anew,
) -> Result<Closed, ServeError> {
    let (feed_in, changes) = mpsc::unbounded_channel();
    let settings = journal_settings(config)?;
    let boot = settings.boot;
    let recovering = watchdog::Recovering::begin(config.devices.watchdog.as_deref());
    let journal = Journal::open(settings, feed_in)?;
    let doors = Doors::open(config, bound).await?;
    warn(config);
    let connection = Connection::start(config, &journal, boot).await?;
    let metrics = metrics::install();
    let devices = Devices::start(config.devices.clone(), &journal, &connection.menu, boot);
    let (stopping_out, stopping) = watch::channel(false);
    let told_to_stop = stopping.clone();
    let state = AppState::new(Inner {
        journal: journal.clone(),
        menu: connection.menu.clone(),
        link: connection.link.clone(),
        feed: Arc::new(Feed::new(journal.boots())),
        devices: devices.clone(),
        sessions: signed_in(&journal).await,
        settings: set_here(config, &journal).await,
        configured: config.told.clone(),
        https_port: doors.https_address().map(|address| address.port()),
        place: place(config),
        metrics,
        wall: WallClock::default(),
        pictures: config.pictures.clone(),
        admission: tokio::sync::Semaphore::new(ADMITTED),
        habits: Habits::default(),
        help: Help::default(),
        reach: reach(config, &doors),
        stopping,
    });
    let retuning = retuning(connection.tuner(), config.file.clone());
    let background = background(&state, changes, retuning);
    let way = watchdog::Way {
        door: doors.address(),
        menu: connection.menu.clone(),
        journal: journal.clone(),
    };
    let guarding = watchdog::start(way, &devices, recovering, &told_to_stop);
    announce(&doors, &state);
    let app = web::router(state);
    let mut closed = Closed::Told;
    let close = async {
        closed = close(&mut stop, anew, &connection).await;
        stopping_out.send_replace(true);
        std::future::pending::<()>().await;
    };
    let served = tokio::select! {
        served = doors.serve(app, told_to_stop) => served,
        () = close => Ok(()),
    };
    background.iter().for_each(tokio::task::JoinHandle::abort);
    let _ = guarding.await;
    devices.stop().await;
    connection.stop().await;
    journal.close().await;
    served.map(|()| closed)
}

/// What goes on beside serving.
fn background(
    state: &AppState,
    changes: mpsc::UnboundedReceiver<Change>,
    retuning: impl Future<Output = ()> + Send + 'static,
) -> [tokio::task::JoinHandle<()>; 5] {
    let journal = &state.journal;
    [
        tokio::spawn(retuning),
        tokio::spawn(follow::run(state.clone(), changes)),
        tokio::spawn(housekeeping(journal.clone())),
        tokio::spawn(state.wall.clone().watch(journal.clone())),
        tokio::spawn(state.habits.clone().run(journal.clone())),
    ]
}

/// What the manager has set.
async fn set_here(config: &Config, journal: &Journal) -> Settings {
    let settings = Settings::new(config.schedule);
    if let Err(error) = settings.take_up(journal).await {
        tracing::warn!(%error, "settings are as configured until they are set anew");
    }
    settings
}

/// Who was signed in when the kiosk stopped.
async fn signed_in(journal: &Journal) -> Sessions {
    let sessions = Sessions::default();
    let now = (clock::monotonic(), clock::wall());
    if let Err(error) = sessions.take_up(journal, now).await {
        tracing::warn!(%error, "staff have to sign in again");
    }
    sessions
}

/// Waits until the doors are to be closed, and says why.
async fn close(stop: &mut watch::Receiver<bool>, anew: &Anew, connection: &Connection) -> Closed {
    let closed = tokio::select! {
        _ = stop.wait_for(|told| *told) => Closed::Told,
        () = anew.is_due(connection) => Closed::Forked,
    };
    tracing::info!("closing: finishing what is in hand");
    if closed == Closed::Told {
        watchdog::stopping();
    }
    closed
}

fn warn(config: &Config) {
    for warning in &config.menu.warnings {
        tracing::warn!("menu: {warning}");
    }
    for missing in config.pictures.missing(&config.menu.menu) {
        tracing::warn!("menu: {missing}");
    }
    WallClock::warn(clock::wall());
}

/// At SIGHUP, puts in force what the configuration says of remote calls by then.
async fn retuning(tuner: Tuner, file: Option<PathBuf>) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => return tracing::warn!(%error, "SIGHUP will not be heard"),
    };
    while hangups.recv().await.is_some() {
        let Some(file) = file.clone() else {
            tracing::warn!("there is no configuration file to read again");
            continue;
        };
        let read = tokio::task::spawn_blocking(move || config::tuning(&file)).await;
        let read = read.unwrap_or_else(|error| Err(vec![error.to_string()]));
        let tuned = read.and_then(|tuning| tuner.file(&tuning).map_err(|fault| vec![fault]));
        match tuned {
            Ok(()) => tracing::info!("what the configuration says of remote calls is in force"),
            Err(faults) => {
                tracing::warn!(
                    "the rules before remote calls stay as they are: {}",
                    faults.join("; ")
                )
            }
        }
    }
}

fn reach(config: &Config, doors: &Doors) -> Reach {
    Reach {
        public_url: config.public_url.clone(),
        listen: Some(doors.address()),
    }
}

fn announce(doors: &Doors, state: &AppState) {
    let address = doors.address();
    // A closed standard output is nobody's fault.
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    if let Some(address) = doors.https_address() {
        let _ = writeln!(std::io::stdout(), "listening on https://{address}");
    }
    watchdog::ready();
    let outbox = state.journal.outbox().borrow().clone();
    tracing::info!(
        %address,
        store = %state.place.store,
        kiosk = %state.place.kiosk,
        journal = %state.journal.id(),
        events = outbox.next_seq - 1,
        unconfirmed = outbox.unconfirmed(),
        menu = state.menu().version(),
        "kiosk is open"
    );
}

fn place(config: &Config) -> Place {
    match &config.credential {
        Some(credential) => Place {
            store: credential.store.to_string(),
            kiosk: credential.kiosk.to_string(),
        },
        None => Place {
            store: "local".to_owned(),
            kiosk: "local".to_owned(),
        },
    }
}

/// The journal's settings for this run.
///
/// # Errors
/// If the system gives no randomness.
pub fn journal_settings(config: &Config) -> Result<JournalSettings, ServeError> {
    let mut settings = base_settings(&config.data_dir)?;
    settings.routing = Arc::new(config.devices.routing());
    if let Some(credential) = &config.credential {
        settings.prefixes.clone_from(&credential.prefixes);
    }
    settings.reserve_bytes = config.reserve_bytes.unwrap_or(settings.reserve_bytes);
    settings.retention_ms = config.retention_ms.unwrap_or(settings.retention_ms);
    settings.retention_bytes = config.retention_bytes.unwrap_or(settings.retention_bytes);
    Ok(settings)
}

/// The settings of a journal in this folder, without a configuration.
///
/// # Errors
/// If the system gives no randomness.
pub fn base_settings(folder: &std::path::Path) -> Result<JournalSettings, ServeError> {
    let mut seed = [0; 64];
    getrandom::fill(&mut seed)
        .map_err(|error| ServeError::System(format!("no random numbers: {error}")))?;
    let boot = BootId(clock::uuid7(clock::wall()));
    Ok(JournalSettings::new(folder.to_owned(), boot, seed))
}

/// Prunes what is beyond retention.
async fn housekeeping(journal: Journal) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        while let Ok(pruned @ 1..) = journal.prune().await {
            tracing::debug!(pruned, "confirmed events beyond retention were pruned");
        }
    }
}

/// Turns true when the process is told to stop.
fn told_to_stop() -> Result<watch::Receiver<bool>, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let trouble = |error: std::io::Error| ServeError::System(format!("no signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(trouble)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(trouble)?;
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tell.send_replace(true);
    });
    Ok(told)
}
