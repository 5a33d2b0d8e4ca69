//! A kiosk in this process: the real router over a real journal in a folder of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use kiosk::devices::Devices;
use kiosk::devices::settings::Sections;
use kiosk::habits::Habits;
use kiosk::help::Help;
use kiosk::journal::{Journal, JournalSettings, Levels, StaffRole, Stamp};
use kiosk::reach::Reach;
use kiosk::settings::Settings;
use kiosk::status::LinkSource;
use kiosk::wallclock::WallClock;
use kiosk::web::feed::Feed;
use kiosk::web::pictures::Pictures;
use kiosk::web::sessions::Sessions;
use kiosk::web::{AppState, Inner, Place};
use kiosk::{clock, follow, web};
use kiosk_core::day::Schedule;
use kiosk_core::ids::{BootId, EventId};
use kiosk_core::menu::Menu;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, watch};
use uuid::Uuid;

use super::{Ask, menu};

/// What the manager types in these tests, and its hash at a cost that a debug build can bear.
pub(crate) const PIN: &str = "135790";
/// What the kitchen types.
pub(crate) const KITCHEN_PIN: &str = "246800";

/// The recorder is the process's own; whichever kiosk comes first installs it.
static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// What differs from a usual kiosk.
pub(crate) struct Options {
    pub(crate) admitted: usize,
    pub(crate) reserve_bytes: u64,
    /// The sections of the configuration that tell of devices.
    pub(crate) devices: String,
    /// Where phones reach it.
    pub(crate) public_url: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            admitted: 512,
            reserve_bytes: 1_000,
            devices: String::new(),
            public_url: None,
        }
    }
}

impl Options {
    fn reach(&self) -> Reach {
        Reach {
            public_url: self.public_url.clone(),
            listen: None,
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) struct Kiosk {
    pub(crate) address: SocketAddr,
    pub(crate) state: AppState,
    pub(crate) runtime: Runtime,
    menus: watch::Sender<Arc<Menu>>,
    free: Arc<AtomicU64>,
    stopping: watch::Sender<bool>,
    pub(crate) folder: TempDir,
}

impl Kiosk {
    pub(crate) fn open() -> Self {
        Self::with(&Options::default())
    }

    pub(crate) fn with(options: &Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = Arc::new(AtomicU64::new(u64::MAX / 4));
        let boot = BootId(Uuid::now_v7());
        let mut settings = JournalSettings::new(folder.path().to_owned(), boot, [7; 64]);
        settings.reserve_bytes = options.reserve_bytes;
        let told = Arc::clone(&free);
        settings.free_bytes = Arc::new(move || Some(told.load(Ordering::SeqCst)));
        let document = menu::parsed(&menu::document());
        let sections: Sections = toml::from_str(&options.devices).unwrap();
        let mut faults = Vec::new();
        let devices = sections.read(Some(&document), &mut faults);
        assert_eq!(faults, [""; 0]);
        settings.routing = Arc::new(devices.routing());
        let (feed_in, changes) = mpsc::unbounded_channel();
        let journal = Journal::open(settings, feed_in).unwrap();
        let (menus, menu) = watch::channel(document);
        let (stopping, told_to_stop) = watch::channel(false);
        let metrics = METRICS.get_or_init(kiosk::metrics::install).clone();
        let runtime = runtime();
        let inside = runtime.enter();
        let devices = Devices::start(devices, &journal, &menu, boot);
        drop(inside);
        let state = AppState::new(Inner {
            feed: Arc::new(Feed::new(journal.boots())),
            journal,
            menu,
            link: LinkSource::standalone(),
            devices,
            sessions: Sessions::default(),
            settings: Settings::new(Schedule::default()),
            configured: Vec::new(),
            place: Place {
                store: "local".to_owned(),
                kiosk: "local".to_owned(),
            },
            metrics,
            wall: WallClock::default(),
            https_port: None,
            pictures: Pictures::beside(Some(&folder.path().join("menu.json"))),
            admission: Semaphore::new(options.admitted),
            habits: Habits::default(),
            help: Help::default(),
            reach: options.reach(),
            stopping: told_to_stop,
        });
        runtime.spawn(follow::run(state.clone(), changes));
        let app = web::router(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(axum::serve(listener, app).into_future());
        Self {
            address,
            state,
            runtime,
            menus,
            free,
            stopping,
            folder,
        }
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.address, method, path)
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        self.ask("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Ask {
        self.ask("POST", path).json(body)
    }

    /// An order under a key of its own.
    pub(crate) fn order(&self, body: &Value) -> Ask {
        self.order_with(&Uuid::new_v4().to_string(), body)
    }

    pub(crate) fn order_with(&self, key: &str, body: &Value) -> Ask {
        self.post("/api/v1/orders", body)
            .header("Idempotency-Key", key)
    }

    /// Places an order that must be taken.
    pub(crate) fn placed(&self, body: &Value) -> Value {
        self.order(body).send().expect(201)
    }

    /// The token of a session, without typing a PIN.
    pub(crate) fn token(&self, role: StaffRole) -> String {
        let mut random = [0; 32];
        random[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        let nobody = IpAddr::from([10, 0, 0, 1]);
        self.state
            .sessions
            .open(
                role,
                None,
                nobody,
                &random,
                (clock::monotonic(), clock::wall()),
            )
            .token
    }

    pub(crate) fn manager(&self) -> String {
        self.token(StaffRole::Manager)
    }

    pub(crate) fn kitchen(&self) -> String {
        self.token(StaffRole::Kitchen)
    }

    /// Does something with an order as the manager.
    pub(crate) fn act(&self, order: &Value, action: &str, body: &Value) -> Ask {
        let path = format!("/api/v1/orders/{}/{action}", order["id"].as_str().unwrap());
        self.post(&path, body).bearer(&self.manager())
    }

    pub(crate) fn set_menu(&self, document: &Value) {
        self.menus.send_replace(menu::parsed(document));
    }

    pub(crate) fn set_free_bytes(&self, free: u64) {
        self.free.store(free, Ordering::SeqCst);
    }

    pub(crate) fn levels(&self) -> Arc<Levels> {
        Arc::clone(&self.state.journal.levels().borrow())
    }

    pub(crate) fn events(&self) -> u64 {
        self.state.journal.outbox().borrow().next_seq - 1
    }

    pub(crate) fn stamp() -> Stamp {
        let at = clock::wall();
        Stamp {
            at,
            mono_ms: 0,
            event: EventId(clock::uuid7(at)),
            request: None,
        }
    }

    /// Sets both PINs, hashed at the least cost there is.
    pub(crate) fn set_pins(&self) {
        use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
        let cheap = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8, 1, 1, None).unwrap(),
        );
        for (role, pin) in [(StaffRole::Manager, PIN), (StaffRole::Kitchen, KITCHEN_PIN)] {
            let hash = cheap.hash_password(pin.as_bytes()).unwrap().to_string();
            let journal = self.state.journal.clone();
            self.runtime
                .block_on(journal.set_pin(Self::stamp(), role, hash))
                .unwrap();
        }
    }
}

impl Drop for Kiosk {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
    }
}
