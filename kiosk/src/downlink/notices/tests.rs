use std::path::Path;

use cloud_sync_wire::keys::SecretKey;
use cloud_sync_wire::notice::scope::Scope;
use cloud_sync_wire::notice::{CallSetting, SettingsNotice, SwitchNotice, SwitchSetting};
use cloud_sync_wire::signed;
use kiosk_core::event::{Event, Fact, SwitchChanged};
use kiosk_core::ids::BootId;
use kiosk_core::wall::WallTime;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::journal::JournalSettings;
use crate::sleep::tests::Bed;
use crate::switches::{MENU_UPDATES, ORDERING_CLOUD};
use crate::uplink::UplinkHandle;
use crate::uplink::UplinkSettings;
use crate::uplink::stub::{Manner, Stub};

const PATIENCE: Duration = Duration::from_secs(30);

fn switches(number: u64, state: &str) -> SwitchNotice {
    SwitchNotice {
        store: "s".parse().unwrap(),
        generation: Generation(Uuid::from_u128(7)),
        number,
        groups: [].into(),
        switches: vec![SwitchSetting {
            name: ORDERING_CLOUD.to_owned(),
            scope: Scope::All,
            state: state.to_owned(),
            by: "mei".to_owned(),
            reason: "a line is repaired".to_owned(),
            at: WallTime::from_millis(0),
            number,
        }],
    }
}

fn settings(number: u64, percent: u32) -> SettingsNotice {
    let settings = json!({"menu": {"slow_percent": percent}});
    SettingsNotice {
        store: "s".parse().unwrap(),
        generation: Generation(Uuid::from_u128(7)),
        number,
        groups: [].into(),
        settings: vec![CallSetting {
            scope: Scope::All,
            settings: settings.as_object().unwrap().clone(),
            by: "mei".to_owned(),
            reason: "a slow provider".to_owned(),
            at: WallTime::from_millis(0),
            number,
        }],
    }
}

/// A kiosk's side of it, without the loop.
struct Rig {
    stub: Stub,
    folder: tempfile::TempDir,
    journal: Journal,
    switches: Switchboard,
    menu: Arc<Dependency>,
    notices: mpsc::Sender<Notice>,
    bed: Bed,
    task: Task,
}

fn journal(folder: &Path) -> Journal {
    let boot = BootId(Uuid::now_v7());
    let (feed, _) = mpsc::unbounded_channel();
    Journal::open(JournalSettings::new(folder.to_owned(), boot, [3; 64]), feed).unwrap()
}

impl Rig {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        Self::with(Stub::start().await, folder, journal).await
    }

    async fn with(stub: Stub, folder: tempfile::TempDir, journal: Journal) -> Self {
        let credential = &stub.credential;
        let me = Me {
            store: credential.store.clone(),
            kiosk: credential.kiosk.clone(),
        };
        let known = Known::restored(&journal, &credential.cloud_key, &me.store);
        let known = known.await.unwrap();
        let switches = Switchboard::new("s/k");
        known.switch(&me, &switches);
        let menu = Dependency::new("menu", &Rules::menu(1), 1, now()).unwrap();
        let menu = Arc::new(menu);
        let uplink = UplinkHandle::standalone();
        let link = uplink.view();
        let tuner = Tuner::new(uplink, UplinkSettings::default(), Some(Arc::clone(&menu)));
        known.tune(&me, &tuner);
        let (notices, heard) = mpsc::channel(4);
        let bed = Bed::default();
        let task = Task::new(FollowStart {
            me,
            cloud: Cloud::new(credential, false).unwrap(),
            journal: journal.clone(),
            switches: switches.clone(),
            tuner,
            known,
            notices: heard,
            link,
            slept: bed.watched(),
            seed: 1,
        })
        .unwrap();
        Self {
            stub,
            folder,
            journal,
            switches,
            menu,
            notices,
            bed,
            task,
        }
    }

    async fn restarted(self) -> Self {
        self.journal.close().await;
        drop(self.task);
        let journal = journal(self.folder.path());
        Self::with(self.stub, self.folder, journal).await
    }

    async fn hear(&mut self, notice: &SwitchNotice) -> &'static str {
        self.task.judge(Kind::Switches, Stub::signed(notice)).await
    }

    fn slow_percent(&self) -> Option<f64> {
        let rule = self.menu.rules().breaker.time?;
        rule.thresholds.slow_ratio.map(|ratio| ratio.as_f64())
    }

    async fn facts(&self) -> Vec<(String, String, String)> {
        let events = self.journal.events(1, 9, 9, 100_000).await.unwrap();
        let facts = events
            .iter()
            .map(|entry| Event::decode(&entry.bytes).unwrap().fact);
        facts
            .map(|fact| match fact {
                Fact::SwitchChanged(SwitchChanged {
                    state, by, reason, ..
                }) => (state, by, reason),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

#[tokio::test]
async fn what_is_not_genuine_not_for_this_store_or_not_news_changes_nothing() {
    let mut rig = Rig::open().await;
    assert_eq!(rig.hear(&switches(5, "off")).await, "taken");
    assert!(!rig.switches.is_on(ORDERING_CLOUD));
    let on = switches(6, "on");
    let mut forged = Stub::signed(&on);
    *forged.last_mut().unwrap() ^= 1;
    let stranger = signed::sign(&on, &SecretKey::from_seed(&[66; 32])).unwrap();
    let elsewhere = SwitchNotice {
        store: "t".parse().unwrap(),
        ..on.clone()
    };
    let other_ledger = SwitchNotice {
        generation: Generation(Uuid::from_u128(8)),
        ..switches(99, "on")
    };
    let mut later_version = Stub::signed(&on);
    later_version[2] = 9;
    for (bytes, why) in [
        (forged, "forged"),
        (stranger, "forged"),
        (b"nonsense".to_vec(), "forged"),
        (Vec::new(), "forged"),
        (Stub::signed(&settings(6, 50)), "forged"),
        (Stub::signed(&elsewhere), "foreign"),
        (vec![b'S'; NOTICE_LIMIT + 1], "too_large"),
        (later_version, "unreadable"),
        (Stub::signed(&switches(4, "on")), "older"),
        (Stub::signed(&switches(5, "off")), "known"),
        (Stub::signed(&other_ledger), "other_ledger"),
    ] {
        assert_eq!(rig.task.judge(Kind::Switches, bytes).await, why);
        assert!(!rig.switches.is_on(ORDERING_CLOUD), "{why}");
    }
    assert_eq!(rig.facts().await.len(), 1);
    assert_eq!(rig.hear(&on).await, "taken");
    assert!(rig.switches.is_on(ORDERING_CLOUD));
}

#[tokio::test]
async fn what_headquarters_turns_is_an_event_and_holds_after_a_restart_without_any_cloud() {
    let mut rig = Rig::open().await;
    assert_eq!(rig.hear(&switches(5, "off")).await, "taken");
    let judged = rig
        .task
        .judge(Kind::Settings, Stub::signed(&settings(6, 40)));
    assert_eq!(judged.await, "taken");
    let mut rig = rig.restarted().await;
    assert!(!rig.switches.is_on(ORDERING_CLOUD) && rig.switches.is_on(MENU_UPDATES));
    assert_eq!(rig.slow_percent(), Some(0.4));
    // Only what it came after is older still.
    assert_eq!(rig.hear(&switches(5, "off")).await, "known");
    assert_eq!(rig.hear(&switches(4, "on")).await, "older");
    assert_eq!(rig.hear(&switches(7, "auto")).await, "taken");
    let fact = |state: &str| {
        let (by, reason) = ("hq/mei".to_owned(), "a line is repaired".to_owned());
        (state.to_owned(), by, reason)
    };
    assert_eq!(rig.facts().await, [fact("off"), fact("auto")]);
    assert_eq!(rig.stub.ledger().notice_calls, 0);
}

#[tokio::test]
async fn what_another_cloud_or_store_said_before_counts_no_more() {
    let mut rig = Rig::open().await;
    assert_eq!(rig.hear(&switches(5, "off")).await, "taken");
    let (own, other) = ("s".parse().unwrap(), "t".parse().unwrap());
    let key = rig.stub.credential.cloud_key;
    let stranger = SecretKey::from_seed(&[66; 32]).public();
    for (key, store, counts) in [
        (key, &own, true),
        (stranger, &own, false),
        (key, &other, false),
    ] {
        let known = Known::restored(&rig.journal, &key, store).await.unwrap();
        assert_eq!(known.switches.is_some(), counts);
    }
}

#[tokio::test]
async fn settings_come_into_force_and_go_again_while_counts_stay() {
    let mut rig = Rig::open().await;
    let before = rig.slow_percent();
    rig.menu.breaker().force_open(now(), "stocktaking");
    let was = rig.menu.breaker().snapshot(now());
    let judged = rig
        .task
        .judge(Kind::Settings, Stub::signed(&settings(1, 30)));
    assert_eq!(judged.await, "taken");
    assert_eq!(rig.slow_percent(), Some(0.3));
    let is = rig.menu.breaker().snapshot(now());
    assert_eq!(
        (is.state, is.generation, is.since),
        (was.state, was.generation, was.since)
    );
    let nothing = SettingsNotice {
        settings: Vec::new(),
        ..settings(2, 30)
    };
    let judged = rig.task.judge(Kind::Settings, Stub::signed(&nothing));
    assert_eq!(judged.await, "taken");
    assert_eq!(rig.slow_percent(), before);
}

#[tokio::test]
async fn a_kiosk_that_no_broker_tells_learns_by_http_and_one_that_is_told_by_that() {
    let rig = Rig::open().await;
    let Rig {
        stub,
        journal: _journal,
        switches: board,
        notices,
        mut task,
        folder: _folder,
        ..
    } = rig;
    let first = Stub::signed(&switches(5, "off"));
    stub.ledger().notices.insert("switches", first);
    task.fetching.soon(now());
    let following = tokio::spawn(task.run());
    becomes(&board, false).await;
    let wrong_topic = Notice {
        topic: "so1/t/config/switches".to_owned(),
        payload: Stub::signed(&switches(7, "off")),
    };
    notices.send(wrong_topic).await.unwrap();
    let told = Notice {
        topic: "so1/s/config/switches".to_owned(),
        payload: Stub::signed(&switches(6, "on")),
    };
    notices.send(told).await.unwrap();
    becomes(&board, true).await;
    following.abort();
}

/// A kiosk whose calls for notices never end while the cloud is silent.
async fn patient() -> Rig {
    let rig = Rig::open().await;
    let rules = Rules {
        timeout: Duration::from_secs(600),
        ..Rules::notices(1)
    };
    let done = rig.task.dependency.retune(&rules, "a test", now());
    done.unwrap();
    rig.stub.behave(Manner::Silent);
    rig
}

async fn becomes(board: &Switchboard, on: bool) {
    let wanted = async {
        while board.is_on(ORDERING_CLOUD) != on {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wanted).await;
    waited.expect("in time");
}

fn by_mqtt(payload: Vec<u8>) -> Notice {
    let topic = "so1/s/config/switches".to_owned();
    Notice { topic, payload }
}

/// Waits until the cloud was asked so often.
async fn asked(stub: &Stub, times: usize) {
    let asked = async {
        while stub.ledger().notice_calls < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, asked).await;
    waited.expect("in time");
}

#[tokio::test]
async fn what_the_broker_brings_holds_while_the_cloud_hangs_over_http() {
    let rig = patient().await;
    let (stub, board, notices) = (rig.stub, rig.switches, rig.notices);
    let mut task = rig.task;
    task.fetching.soon(now());
    let following = tokio::spawn(task.run());
    asked(&stub, 1).await;
    let told = by_mqtt(Stub::signed(&switches(5, "off")));
    notices.send(told).await.unwrap();
    becomes(&board, false).await;
    following.abort();
}

#[tokio::test]
async fn a_notice_by_an_unknown_key_holds_up_none_by_a_known_one_while_the_cloud_hangs() {
    let rig = patient().await;
    let (stub, board, notices) = (rig.stub, rig.switches, rig.notices);
    let mut task = rig.task;
    task.under_way.notices = true;
    let following = tokio::spawn(task.run());
    let stranger = SecretKey::from_seed(&[66; 32]);
    let early = signed::sign(&switches(9, "on"), &stranger).unwrap();
    notices.send(by_mqtt(early.clone())).await.unwrap();
    asked(&stub, 1).await;
    notices.send(by_mqtt(early)).await.unwrap();
    let told = by_mqtt(Stub::signed(&switches(5, "off")));
    notices.send(told).await.unwrap();
    becomes(&board, false).await;
    assert_eq!(stub.ledger().notice_calls, 1, "asked for the keys once");
    following.abort();
}

#[tokio::test]
async fn a_notice_by_a_key_that_its_predecessor_vouches_for_is_taken_up_when_that_is_known() {
    let rig = Rig::open().await;
    let (stub, board, notices) = (rig.stub, rig.switches, rig.notices);
    let next = SecretKey::from_seed(&[67; 32]);
    let links = Stub::followed_by(&next);
    let links = serde_json::to_vec(&links).unwrap();
    stub.ledger().notices.insert("keys", links);
    let following = tokio::spawn(rig.task.run());
    let early = signed::sign(&switches(5, "off"), &next).unwrap();
    notices.send(by_mqtt(early)).await.unwrap();
    becomes(&board, false).await;
    following.abort();
}

#[tokio::test]
async fn on_resume_a_wait_that_is_over_is_over() {
    let mut rig = Rig::open().await;
    // Told by the broker, so that it would be asked again in some minutes only; and then put off.
    rig.task.fetching.link_changed(now(), true, false);
    rig.task.fetching.fetched(now(), Fetched::Answered);
    let breaker = Arc::clone(rig.task.dependency.breaker());
    breaker.trip(now(), Duration::from_secs(300));
    let stub = rig.stub.clone();
    let following = tokio::spawn(rig.task.run());
    assert_eq!(stub.ledger().notice_calls, 0);
    rig.bed.sleep(Duration::from_secs(8 * 3_600));
    asked(&stub, 1).await;
    assert!(
        breaker
            .snapshot(now())
            .retry_in
            .is_none_or(|wait| wait.is_zero())
    );
    following.abort();
}
