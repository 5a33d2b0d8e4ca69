use std::sync::Arc;
use std::time::Duration;

use kiosk_core::menu::Menu;
use tokio::sync::{mpsc, watch};

use super::{Downlink, DownlinkStart, LastKnown, last_known};
use crate::cache::Cache;
use crate::protect::Rules;
use crate::uplink::stub::{Manner, Stub};
use crate::uplink::{Cloud, Notice, UplinkHandle};

const PATIENCE: Duration = Duration::from_secs(30);
const SAMPLE: &str = include_str!("../../menus/lantern-noodles.json");

fn menu(currency: &str) -> (Vec<u8>, Menu) {
    let text = SAMPLE.replacen("\"USD\"", &format!("\"{currency}\""), 1);
    let menu = Menu::parse(text.as_bytes()).unwrap().menu;
    (text.into_bytes(), menu)
}

struct Store {
    stub: Stub,
    cache: Cache,
    menus: watch::Receiver<Arc<Menu>>,
    notices: mpsc::Sender<Notice>,
    downlink: Downlink,
    _folder: tempfile::TempDir,
}

impl Store {
    fn open(stub: Stub, etag: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let (menus_in, menus) = watch::channel(Arc::new(menu("USD").1));
        let (notices_in, notices) = mpsc::channel(4);
        let downlink = Downlink::spawn(DownlinkStart {
            slept: watch::channel(Duration::ZERO).1,
            store: stub.credential.store.clone(),
            cloud: Cloud::new(&stub.credential, false).unwrap(),
            cache: cache.clone(),
            menus: menus_in,
            etag,
            notices,
            link: UplinkHandle::standalone().view(),
            rules: Rules::menu(1),
            seed: 1,
        })
        .unwrap();
        Self {
            stub,
            cache,
            menus,
            notices: notices_in,
            downlink,
            _folder: folder,
        }
    }

    async fn until(&mut self, version: &str) {
        let wanted = self.menus.wait_for(|menu| menu.version() == version);
        tokio::time::timeout(PATIENCE, wanted)
            .await
            .expect("in time")
            .unwrap();
    }

    async fn calls(&self, count: usize) {
        let wanted = async {
            while self.stub.ledger().menu_calls < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wanted)
            .await
            .expect("in time");
    }

    async fn announce(&self, payload: Vec<u8>) {
        let topic = "so1/s/config/menu".to_owned();
        self.notices.send(Notice { topic, payload }).await.unwrap();
    }

    async fn cached(&self) -> Option<LastKnown> {
        last_known(&self.cache, &self.stub.credential.store).await
    }
}

#[tokio::test]
async fn the_clouds_menu_comes_into_force_and_is_kept() {
    let stub = Stub::start().await;
    let (bytes, euro) = menu("EUR");
    stub.ledger().menu = Some((bytes, "\"v2\"".to_owned()));
    let mut store = Store::open(stub, None);
    store.until(euro.version()).await;
    let kept = store.cached().await.unwrap();
    assert_eq!(
        (kept.parsed.menu.version(), kept.etag.as_deref()),
        (euro.version(), Some("\"v2\""))
    );
    assert_eq!(store.downlink.breaker().name(), "menu");
}

#[tokio::test]
async fn a_notice_brings_a_new_menu_and_one_that_is_not_genuine_nothing() {
    let stub = Stub::start().await;
    let mut store = Store::open(stub, None);
    store.calls(1).await;
    let (bytes, euro) = menu("EUR");
    store.stub.ledger().menu = Some((bytes, "\"v2\"".to_owned()));
    let mut forged = Stub::notice(euro.version(), 9);
    *forged.last_mut().unwrap() ^= 1;
    store.announce(forged).await;
    store.announce(b"nonsense".to_vec()).await;
    assert_eq!(store.stub.ledger().menu_calls, 1);
    store.announce(Stub::notice(euro.version(), 5)).await;
    store.until(euro.version()).await;
    store.announce(Stub::notice("older", 4)).await;
    assert_eq!(store.stub.ledger().menu_calls, 2);
}

#[tokio::test]
async fn a_faulty_menu_is_refused_and_not_fetched_again() {
    let stub = Stub::start().await;
    stub.ledger().menu = Some((b"{\"name\":1}".to_vec(), "\"bad\"".to_owned()));
    let mut store = Store::open(stub, None);
    store.calls(1).await;
    let before = store.menus.borrow_and_update().version().to_owned();
    store.announce(Stub::notice("bad", 5)).await;
    store.calls(2).await;
    assert!(!store.menus.has_changed().unwrap());
    assert_eq!(store.menus.borrow().version(), before);
    assert!(store.cached().await.is_none());
    let (bytes, euro) = menu("EUR");
    store.stub.ledger().menu = Some((bytes, "\"good\"".to_owned()));
    store.announce(Stub::notice(euro.version(), 6)).await;
    store.until(euro.version()).await;
}

#[tokio::test]
async fn a_cloud_that_fails_is_not_asked_again_at_once() {
    let stub = Stub::start().await;
    stub.behave(Manner::Status(500));
    let store = Store::open(stub, None);
    store.calls(1).await;
    for at in 0..5 {
        store.announce(Stub::notice("new", at)).await;
    }
    let heard = async {
        while store.notices.capacity() < store.notices.max_capacity() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, heard)
        .await
        .expect("in time");
    assert_eq!(store.stub.ledger().menu_calls, 1);
}
