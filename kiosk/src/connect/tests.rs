use std::time::Duration;

use kiosk_core::day::Schedule;
use kiosk_core::event::SwitchChanged;
use kiosk_core::ids::EventId;
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;
use crate::clock;
use crate::journal::{JournalSettings, Stamp};
use crate::menus;
use crate::protect::{Tuning, now};
use crate::status::{BreakerStatus, LinkMode, LinkStatus};
use crate::uplink::stub::Stub;

/// Long enough for a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

struct Kiosk {
    connection: Connection,
    journal: Journal,
}

impl Kiosk {
    async fn start(stub: &Stub, folder: &std::path::Path) -> Self {
        let config = Config {
            devices: crate::devices::settings::Settings::default(),
            data_dir: folder.to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            menu: menus::load(None).ok().unwrap(),
            https: None,
            public_url: None,
            pictures: crate::web::pictures::Pictures::default(),
            credential: Some(stub.credential.clone()),
            allow_plaintext: false,
            keeps_broker: false,
            schedule: Schedule::default(),
            reserve_bytes: None,
            retention_ms: None,
            retention_bytes: None,
            tuning: Tuning::default(),
            file: None,
            told: Vec::new(),
        };
        let boot = BootId(Uuid::now_v7());
        let settings = JournalSettings::new(folder.to_owned(), boot, [3; 64]);
        let (feed, _) = mpsc::unbounded_channel();
        let journal = Journal::open(settings, feed).unwrap();
        let connection = Connection::start(&config, &journal, boot).await.unwrap();
        Self {
            connection,
            journal,
        }
    }

    async fn turn(&self, name: &str, state: &str) {
        let at = clock::wall();
        let stamp = Stamp {
            at,
            mono_ms: 0,
            event: EventId(clock::uuid7(at)),
            request: None,
        };
        let change = SwitchChanged {
            name: name.to_owned(),
            state: state.to_owned(),
            reason: "stocktaking".to_owned(),
            by: "manager".to_owned(),
            scope: None,
        };
        let switches = self.connection.link.switches();
        switches.turn(&self.journal, stamp, change).await.unwrap();
    }

    fn breaker(&self, name: &str) -> BreakerStatus {
        let mut breakers = self.connection.link.status().breakers;
        breakers.retain(|breaker| breaker.name == name);
        breakers.remove(0)
    }

    async fn until(&self, what: impl Fn(&LinkStatus) -> bool) {
        let wanted = async {
            while !what(&self.connection.link.status()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wanted)
            .await
            .expect("in time");
    }

    async fn stop(self) {
        self.connection.stop().await;
        self.journal.close().await;
    }
}

#[tokio::test]
async fn an_ordering_breaker_that_the_manager_holds_open_stays_so_over_a_restart() {
    let stub = Stub::start().await;
    let folder = tempfile::tempdir().unwrap();
    let kiosk = Kiosk::start(&stub, folder.path()).await;
    kiosk.until(|link| link.mode == LinkMode::Online).await;
    kiosk.turn(ORDERING_CLOUD, "off").await;
    kiosk.until(|link| link.mode == LinkMode::Offline).await;
    kiosk.stop().await;
    let asked = stub.ledger().requests.len();
    let kiosk = Kiosk::start(&stub, folder.path()).await;
    let breaker = kiosk.breaker("ordering");
    assert_eq!(breaker.state, "forced_open");
    assert_eq!(breaker.reason.as_deref(), Some("manager: stocktaking"));
    let link = kiosk.connection.link.status();
    assert_eq!(link.mode, LinkMode::Offline);
    let level = kiosk.connection.link.level(&link, 1);
    assert_eq!(level.reasons, ["ordering is switched off"]);
    assert_eq!(level.level, "L2");
    assert_eq!(stub.ledger().requests.len(), asked);
    kiosk.turn(ORDERING_CLOUD, "auto").await;
    kiosk.until(|link| link.mode == LinkMode::Online).await;
    kiosk.stop().await;
}

#[tokio::test]
async fn menus_are_not_fetched_while_that_is_switched_off() {
    let stub = Stub::start().await;
    let folder = tempfile::tempdir().unwrap();
    let kiosk = Kiosk::start(&stub, folder.path()).await;
    kiosk.turn(MENU_UPDATES, "off").await;
    kiosk.stop().await;
    let kiosk = Kiosk::start(&stub, folder.path()).await;
    assert_eq!(kiosk.breaker("menu").state, "forced_open");
    kiosk.until(|link| link.mode == LinkMode::Online).await;
    assert_eq!(kiosk.breaker("menu").state, "forced_open");
    kiosk.stop().await;
}

#[tokio::test]
async fn new_thresholds_come_into_force_while_a_breaker_is_open_and_leave_it_so() {
    let stub = Stub::start().await;
    let folder = tempfile::tempdir().unwrap();
    let kiosk = Kiosk::start(&stub, folder.path()).await;
    kiosk.turn(ORDERING_CLOUD, "off").await;
    let ordering = Arc::clone(kiosk.connection.uplink.ordering().unwrap());
    let before = ordering.snapshot(now());
    let tuning = |failures: u32| {
        let set = json!({ "ordering": { "consecutive_failures": failures } });
        Tuning::known(set.as_object().unwrap())
    };
    kiosk.connection.tuner().file(&tuning(7)).unwrap();
    let after = ordering.snapshot(now());
    assert_eq!(ordering.settings().consecutive_failures, Some(7));
    assert_eq!(
        (after.state, after.generation, after.since),
        (before.state, before.generation, before.since)
    );
    // Headquarters holds over the file, and the file again where headquarters says nothing.
    kiosk.connection.tuner().headquarters(&tuning(8)).unwrap();
    kiosk.connection.tuner().file(&tuning(9)).unwrap();
    assert_eq!(ordering.settings().consecutive_failures, Some(8));
    let nothing = Tuning::default();
    kiosk.connection.tuner().headquarters(&nothing).unwrap();
    assert_eq!(ordering.settings().consecutive_failures, Some(9));
    kiosk.stop().await;
}
