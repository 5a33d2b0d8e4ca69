use std::time::Duration;

use kiosk_core::event::{ClockJumped, Fact};
use kiosk_core::ids::{BootId, EventId};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::link::{Mode, Why};
use super::stub::{Broker, Manner, Stub};
use super::{LinkView, Notice, Uplink, UplinkHandle, UplinkSettings, UplinkStart};
use crate::clock;
use crate::journal::{Change, Journal, JournalSettings, Stamp};
use crate::protect::{Rules, now};

/// Long enough for a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

struct Kiosk {
    journal: Journal,
    uplink: UplinkHandle,
    notices: mpsc::Receiver<Notice>,
    _folder: tempfile::TempDir,
    _feed: mpsc::UnboundedReceiver<Change>,
}

impl Kiosk {
    fn open(stub: &Stub, settings: UplinkSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let boot = BootId(Uuid::from_u128(5));
        let (feed, changes) = mpsc::unbounded_channel();
        let opening = JournalSettings::new(folder.path().to_owned(), boot, [3; 64]);
        let journal = Journal::open(opening, feed).unwrap();
        let start = UplinkStart {
            journal: journal.clone(),
            credential: stub.credential.clone(),
            settings,
            rules: Rules::ordering(1),
            boot,
            seed: 1,
        };
        let (uplink, notices) = Uplink::spawn(start).unwrap();
        Self {
            journal,
            uplink,
            notices,
            _folder: folder,
            _feed: changes,
        }
    }

    async fn note(&self, request: &str) {
        let at = clock::wall();
        let stamp = Stamp {
            at,
            mono_ms: 0,
            event: EventId(clock::uuid7(at)),
            request: Some(request.to_owned()),
        };
        self.journal
            .note(stamp, Fact::ClockJumped(ClockJumped { by_ms: 1 }))
            .await
            .unwrap();
    }

    async fn notes(&self, count: usize) {
        for index in 0..count {
            self.note(&format!("r-{index}")).await;
        }
    }

    async fn until(&self, holds: impl Fn(&LinkView) -> bool) -> LinkView {
        let mut view = self.uplink.view();
        let waited = tokio::time::timeout(PATIENCE, view.wait_for(|view| holds(view))).await;
        waited.expect("in time").unwrap().clone()
    }

    async fn all_confirmed(&self) {
        let mut outbox = self.journal.outbox();
        let done = outbox.wait_for(|outbox| outbox.unconfirmed() == 0);
        tokio::time::timeout(PATIENCE, done)
            .await
            .expect("in time")
            .unwrap();
    }
}

fn is(mode: Mode) -> impl Fn(&LinkView) -> bool {
    move |view| view.mode == mode
}

#[tokio::test]
async fn an_event_reaches_the_cloud_with_the_request_that_caused_it() {
    let stub = Stub::start().await;
    let kiosk = Kiosk::open(&stub, UplinkSettings::default());
    kiosk.until(is(Mode::Online)).await;
    kiosk.note("tap-1").await;
    kiosk.all_confirmed().await;
    assert_eq!(stub.ledger().requests, ["tap-1"]);
    assert_eq!(stub.ledger().events.len(), 1);
    assert!(kiosk.uplink.view().borrow().last_ack_at.is_some());
}

#[tokio::test]
async fn what_was_kept_before_goes_out_when_the_cloud_is_there() {
    let stub = Stub::start().await;
    stub.behave(Manner::Status(500));
    stub.broker(Broker::Gone);
    let kiosk = Kiosk::open(&stub, UplinkSettings::default());
    kiosk.notes(300).await;
    assert_eq!(kiosk.uplink.view().borrow().mode, Mode::Offline);
    stub.behave(Manner::Well);
    kiosk.all_confirmed().await;
    kiosk.until(is(Mode::Online)).await;
    let ledger = stub.ledger();
    assert_eq!((ledger.events.len(), ledger.by_mqtt), (300, 0));
}

#[tokio::test]
async fn a_silent_cloud_makes_the_kiosk_offline_and_the_broker_carries_on() {
    let stub = Stub::start().await;
    let kiosk = Kiosk::open(&stub, UplinkSettings::default());
    kiosk
        .until(|view| view.mode == Mode::Online && view.mqtt_up)
        .await;
    stub.behave(Manner::Silent);
    let silent = clock::monotonic();
    kiosk.note("a").await;
    kiosk.note("b").await;
    let view = kiosk.until(is(Mode::Offline)).await;
    let seen = clock::monotonic().saturating_sub(silent);
    assert!(seen < Duration::from_secs(5), "{seen:?}");
    assert_eq!(view.reason, Why::NoAnswer);
    kiosk.all_confirmed().await;
    assert!(stub.ledger().by_mqtt > 0);
    stub.behave(Manner::Well);
    kiosk.until(is(Mode::Online)).await;
}

#[tokio::test]
async fn what_the_broker_loses_is_sent_again() {
    let stub = Stub::start().await;
    stub.behave(Manner::Silent);
    let kiosk = Kiosk::open(&stub, UplinkSettings::default());
    for _ in 0..3 {
        kiosk.until(|view| view.mqtt_up).await;
        kiosk.notes(100).await;
        stub.broker(Broker::Gone);
        kiosk.until(|view| !view.mqtt_up).await;
        kiosk.notes(50).await;
        stub.broker(Broker::Well);
    }
    kiosk.all_confirmed().await;
    assert_eq!(stub.ledger().events.len(), 450);
    assert_eq!(kiosk.uplink.view().borrow().mode, Mode::Offline);
}

#[tokio::test]
async fn a_batch_that_the_broker_refuses_is_sent_again_later() {
    let stub = Stub::start().await;
    stub.behave(Manner::Silent);
    stub.broker(Broker::Refusing);
    let kiosk = Kiosk::open(&stub, UplinkSettings::default());
    kiosk
        .until(|view| view.mqtt_up && view.credit.is_some())
        .await;
    kiosk.note("a").await;
    stub.broker(Broker::Well);
    kiosk.all_confirmed().await;
    assert_eq!(stub.ledger().events.len(), 1);
}

#[tokio::test]
async fn a_forged_ack_releases_nothing() {
    let stub = Stub::start().await;
    stub.behave(Manner::Forging);
    let kiosk = Kiosk::open(&stub, UplinkSettings::default());
    kiosk.until(|view| view.mqtt_up).await;
    kiosk.note("a").await;
    let breaker = kiosk.uplink.ordering().unwrap();
    let refused = async {
        while breaker.snapshot(now()).totals.fail < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("in time");
    assert_eq!(kiosk.journal.outbox().borrow().unconfirmed(), 1);
    assert_eq!(kiosk.uplink.view().borrow().mode, Mode::Offline);
    stub.behave(Manner::Well);
    kiosk.all_confirmed().await;
}

#[tokio::test]
async fn odd_answers_release_nothing_and_are_failures_and_what_waits_comes_later() {
    let odd: [Manner; 6] = [
        Manner::Odd(b""),
        Manner::Odd(b"{\"ok\":true}"),
        Manner::Odd(b"<html>sign in to the airport's network</html>"),
        Manner::Odd(&[0xff; 4096]),
        Manner::Dripping,
        Manner::Status(500),
    ];
    for manner in odd {
        let stub = Stub::start().await;
        stub.broker(Broker::Gone);
        stub.behave(manner);
        let kiosk = Kiosk::open(&stub, UplinkSettings::default());
        kiosk.note("a").await;
        let breaker = kiosk.uplink.ordering().unwrap();
        let failed = async {
            let failures = || {
                let totals = breaker.snapshot(now()).totals;
                totals.fail + totals.slow_fail
            };
            while failures() == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let failed = tokio::time::timeout(PATIENCE, failed).await;
        failed.unwrap_or_else(|_| panic!("{manner:?} is no failure"));
        assert_eq!(
            kiosk.journal.outbox().borrow().unconfirmed(),
            1,
            "{manner:?}"
        );
        stub.behave(Manner::Well);
        kiosk.all_confirmed().await;
    }
}

#[tokio::test]
async fn a_refused_credential_is_told() {
    let stub = Stub::start().await;
    stub.behave(Manner::Status(401));
    let settings = UplinkSettings {
        refused_wait: Duration::from_millis(200),
        ..UplinkSettings::default()
    };
    let kiosk = Kiosk::open(&stub, settings);
    let view = kiosk
        .until(|view| view.reason == Why::CredentialRefused)
        .await;
    assert_eq!(view.mode, Mode::Offline);
    stub.behave(Manner::Well);
    kiosk.until(is(Mode::Online)).await;
}

#[tokio::test]
async fn an_overloaded_cloud_is_no_failed_cloud() {
    let stub = Stub::start().await;
    let kiosk = Kiosk::open(&stub, UplinkSettings::default());
    kiosk.until(is(Mode::Online)).await;
    stub.behave(Manner::Status(503));
    stub.broker(Broker::Gone);
    kiosk.note("a").await;
    kiosk.until(is(Mode::Offline)).await;
    let snapshot = kiosk.uplink.ordering().unwrap().snapshot(now());
    assert_eq!((snapshot.totals.fail, snapshot.totals.ignored), (0, 1));
    stub.behave(Manner::Well);
    kiosk.all_confirmed().await;
}

#[tokio::test]
async fn notices_are_handed_on_and_a_stopped_kiosk_says_that_it_is_gone() {
    let stub = Stub::start().await;
    stub.ledger().retained = Some(Stub::notice("v2", 5));
    let mut kiosk = Kiosk::open(&stub, UplinkSettings::default());
    let notice = tokio::time::timeout(PATIENCE, kiosk.notices.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(notice.topic, "so1/s/config/menu");
    kiosk.until(is(Mode::Online)).await;
    let began = clock::monotonic();
    kiosk.uplink.stop().await;
    assert!(clock::monotonic().saturating_sub(began) < Duration::from_secs(4));
    let last = stub.ledger().presence.last().cloned().unwrap();
    assert!(last.contains("\"gone\""), "{last}");
}

#[tokio::test]
async fn a_breaker_moved_by_hand_moves_the_link() {
    let stub = Stub::start().await;
    let kiosk = Kiosk::open(&stub, UplinkSettings::default());
    kiosk.until(is(Mode::Online)).await;
    let breaker = kiosk.uplink.ordering().unwrap();
    breaker.force_open(now(), "stocktaking");
    kiosk.uplink.wake();
    let view = kiosk.until(is(Mode::Offline)).await;
    assert_eq!(view.reason, Why::SwitchedOff);
    breaker.auto(now());
    kiosk.uplink.wake();
    kiosk.until(is(Mode::Online)).await;
}

#[tokio::test]
async fn endpoints_that_cannot_be_used_are_told_before_anything_begins() {
    let mut stub = Stub::start().await;
    stub.credential.cloud = "http://cloud.example".to_owned();
    let error = super::Cloud::new(&stub.credential, false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("not encrypted"), "{error}");
}
