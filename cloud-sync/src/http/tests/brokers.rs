//! Brokers of stores, keys that follow one another, and credentials that grow old.

use axum::http::{Method, StatusCode};
use cloud_sync_wire::credential::DeviceSecret;
use cloud_sync_wire::notice::BrokerNotice;
use cloud_sync_wire::signed;
use cloud_sync_wire::succession::{DeviceSuccession, Links, Trust};
use kiosk_core::wall::WallTime;
use serde_json::json;

use super::{Site, token};
use crate::brokers;
use crate::clock;
use crate::ledger::connection::Connection;
use crate::ledger::users::Role;
use crate::ledger::{devices, logins, succession};
use crate::mosquitto;
use crate::testing::Kiosk;

#[tokio::test]
async fn a_store_is_assigned_to_a_served_broker_by_an_editor_and_its_kiosks_are_told() {
    let site = Site::new();
    let kiosk = site.rig.kiosk("k").await;
    let urls = ["mqtts://b1:8883", "mqtts://b2:8883"].map(str::to_owned);
    brokers::note(&site.rig.cloud.ledger, urls.to_vec())
        .await
        .unwrap();
    let (editor, viewer) = (
        site.sign_in("mei", Role::Editor).await,
        site.sign_in("ada", Role::Viewer).await,
    );
    let path = "/api/v1/stores/s/broker";
    let put = async |path: &str, session: &str, url: &str| {
        let body = json!({"url": url, "reason": "b1 is full"}).to_string();
        site.call(Method::PUT, path, Some(session), body)
            .await
            .status
    };
    assert_eq!(
        put(path, &viewer, "mqtts://b2").await,
        StatusCode::FORBIDDEN
    );
    let invalid = StatusCode::UNPROCESSABLE_ENTITY;
    for bad in ["mqtts://elsewhere", "http://b2", "b2", ""] {
        assert_eq!(put(path, &editor, bad).await, invalid, "{bad}");
    }
    let nowhere = "/api/v1/stores/nobody/broker";
    assert_eq!(
        put(nowhere, &editor, "mqtts://b2").await,
        StatusCode::NOT_FOUND
    );
    let told = async || {
        let answer = site.get("/api/v1/kiosks/s/k/broker", &token(&kiosk)).await;
        let key = site.rig.cloud.key.public();
        signed::open::<BrokerNotice>(&answer.body, &key).unwrap()
    };
    assert_eq!((told().await.number, told().await.url), (0, None));
    // A login in the URL stays here.
    assert_eq!(
        put(path, &editor, "mqtts://me:secret@b2").await,
        StatusCode::OK
    );
    let notice = told().await;
    assert_eq!(notice.url.as_deref(), Some("mqtts://b2:8883"));
    assert_eq!((notice.by.as_str(), notice.number), ("mei", 1));
    let listed = site.get("/api/v1/brokers", &viewer).await.json();
    assert_eq!(
        listed["brokers"][1],
        json!({"url": urls[1], "served": true, "stores": 1})
    );
}

/// A kiosk's word for its next key.
fn word(kiosk: &Kiosk, next: &DeviceSecret) -> Vec<u8> {
    let said = DeviceSuccession {
        store: kiosk.speaker.store.clone(),
        kiosk: kiosk.speaker.kiosk.clone(),
        key: next.key().public(),
        token: next.access_token(),
    };
    signed::sign(&said, &kiosk.secret.key()).unwrap()
}

#[tokio::test]
async fn a_kiosk_changes_its_key_and_frames_under_both_count_until_the_new_one_is_shown() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    let other = site.rig.kiosk("other").await;
    let next = DeviceSecret::from_seed([44; 32]);
    let path = "/api/v1/kiosks/s/k/key";
    // Nobody else's word counts, and nobody's without the token.
    let mut thief = kiosk.clone();
    thief.secret = other.secret.clone();
    let forged = site.post(path, &token(&kiosk), word(&thief, &next)).await;
    assert_eq!(forged.status, StatusCode::UNPROCESSABLE_ENTITY);
    let without = site.post(path, &token(&other), word(&kiosk, &next)).await;
    assert_eq!(without.status, StatusCode::UNAUTHORIZED);
    for _ in 0..2 {
        let told = site.post(path, &token(&kiosk), word(&kiosk, &next)).await;
        assert_eq!(told.status, StatusCode::OK, "also when said again");
    }
    // Its running process goes on: hello, frames, acks.
    site.rig.hello(&kiosk).await.unwrap();
    kiosk.place(100);
    site.rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let keys = "/api/v1/kiosks/s/k/keys";
    assert_eq!(site.get(keys, &token(&kiosk)).await.status, StatusCode::OK);
    let before = kiosk.clone();
    kiosk.secret = next;
    assert_eq!(site.get(keys, &token(&kiosk)).await.status, StatusCode::OK);
    site.rig.hello(&kiosk).await.unwrap();
    kiosk.place(200);
    assert_eq!(
        site.rig
            .send(&kiosk, &kiosk.entries)
            .await
            .unwrap()
            .ack
            .watermark,
        2
    );
    // From then on the old one is nobody's.
    let old = site.get(keys, &token(&before)).await;
    assert_eq!(old.status, StatusCode::UNAUTHORIZED);
    assert!(site.rig.hello(&before).await.is_err());
    let back = site
        .post(path, &token(&kiosk), word(&kiosk, &before.secret))
        .await;
    assert_eq!(
        back.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a key comes back"
    );
}

#[tokio::test]
async fn the_clouds_keys_lead_from_the_first_to_the_one_that_signs() {
    let site = Site::new();
    let kiosk = site.rig.kiosk("k").await;
    let cloud = &site.rig.cloud;
    let mut trust = Trust::new(cloud.key.public());
    let seen = cloud.look(None).await;
    for seed in [7, 8] {
        // As `cloud-sync rotate-key` does, in a process of its own.
        let rotate = move |connection: &dyn Connection| {
            succession::rotate(connection, [seed; 32], clock::wall())
        };
        cloud.ledger.write(rotate).await.unwrap();
    }
    cloud.look(seen).await;
    let answer = site.get("/api/v1/kiosks/s/k/keys", &token(&kiosk)).await;
    let links: Links = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(trust.follow(&links), 2);
    assert_eq!(trust.key(), cloud.key.public());
    let ack = site.rig.hello(&kiosk).await.unwrap();
    let bytes = cloud.door.sign(&ack).unwrap();
    assert_eq!(signed::open(&bytes, &trust.key()), Ok(ack));
}

#[tokio::test]
async fn an_ack_of_a_former_key_still_proves_that_the_ledger_went_back() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    kiosk.place(100);
    let before = site.rig.cloud.door.clone();
    let ack = site.rig.send(&kiosk, &kiosk.entries).await.unwrap().ack;
    let ahead = cloud_sync_wire::ack::Ack {
        ack_no: ack.ack_no + 5,
        watermark: 9,
        ..ack.clone()
    };
    kiosk.last_ack = Some(before.sign(&ahead).unwrap());
    let cloud = &site.rig.cloud;
    let rotate =
        |connection: &dyn Connection| succession::rotate(connection, [7; 32], clock::wall());
    cloud.ledger.write(rotate).await.unwrap();
    cloud.look(None).await;
    let again = site.rig.hello(&kiosk).await.unwrap();
    assert!(
        again.generation != ack.generation,
        "a new lineage has begun"
    );
}

#[tokio::test]
async fn an_old_credential_is_told_to_headquarters_and_stops_nothing() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    let of = kiosk.speaker.clone();
    let expire = site.rig.cloud.ledger.write(move |connection| {
        devices::expire(connection, &of.store, &of.kiosk, WallTime::from_millis(1))
    });
    expire.await.unwrap();
    kiosk.place(100);
    let taken = site.rig.send(&kiosk, &kiosk.entries).await.unwrap();
    assert_eq!(taken.ack.watermark, 1);
    let path = format!("/api/v1/kiosks/s/k/ack?journal={}", kiosk.journal);
    assert_eq!(site.get(&path, &token(&kiosk)).await.status, StatusCode::OK);
    let session = site.sign_in("ada", Role::Viewer).await;
    let listed = site.get("/api/v1/kiosks", &session).await.json();
    assert_eq!(listed["kiosks"][0]["credential_expired"], json!(true));
    let page = site.get("/", &session).await;
    let page = String::from_utf8(page.body).unwrap();
    assert!(
        page.contains("The credential of one kiosk has expired"),
        "{page}"
    );
}

#[tokio::test]
async fn the_record_tells_brokers_and_switches_as_one_page_by_page() {
    let site = Site::new();
    site.rig.kiosk("k").await;
    let urls = ["mqtts://b1:8883", "mqtts://b2:8883"].map(str::to_owned);
    brokers::note(&site.rig.cloud.ledger, urls.to_vec())
        .await
        .unwrap();
    let editor = site.sign_in("mei", Role::Editor).await;
    for round in 0..3 {
        let url = urls[round % 2].as_str();
        let body = json!({"url": url, "reason": format!("move {round}")}).to_string();
        let path = "/api/v1/stores/s/broker";
        let put = site.call(Method::PUT, path, Some(&editor), body).await;
        assert_eq!(put.status, StatusCode::OK);
        let reason = format!("turn {round}");
        let body = json!({"state": "off", "scope": {"all": true}, "reason": reason}).to_string();
        let path = "/api/v1/switches/menu_updates";
        let put = site.call(Method::PUT, path, Some(&editor), body).await;
        assert_eq!(put.status, StatusCode::OK);
    }
    let mut path = "/api/v1/changes?limit=2".to_owned();
    let mut all = Vec::new();
    loop {
        let page = site.get(&path, &editor).await.json();
        let listed = page["changes"].as_array().unwrap().clone();
        all.extend(listed);
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/changes?limit=2&after={next}");
    }
    let count = |kind: &str| all.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((count("broker"), count("switch"), all.len()), (3, 3, 6));
    let of = |kind: &str| {
        let of = all.iter().filter(|entry| entry["kind"] == kind);
        of.map(|entry| entry["reason"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("broker"), ["move 2", "move 1", "move 0"]);
    assert_eq!(of("switch"), ["turn 2", "turn 1", "turn 0"]);
    let broker = all.iter().find(|entry| entry["kind"] == "broker").unwrap();
    assert_eq!(broker["scope"], json!({"store": "s"}));
    let page = site.get("/control", &editor).await;
    let page = String::from_utf8(page.body).unwrap();
    assert!(
        page.contains("move 2") && page.contains("store s"),
        "{page}"
    );
}

#[tokio::test]
async fn a_brokers_files_name_the_kiosks_of_its_own_stores_and_follow_when_one_is_moved() {
    let site = Site::new();
    let urls = ["mqtts://b1:8883", "mqtts://b2:8883"].map(str::to_owned);
    brokers::note(&site.rig.cloud.ledger, urls.to_vec())
        .await
        .unwrap();
    for store in ["first", "second", "unsaid"] {
        let kiosk = site.rig.kiosk_of(store, "k").await;
        let keep = site.rig.cloud.ledger.write(move |connection| {
            let of = kiosk.speaker;
            logins::keep(connection, &of.store, &of.kiosk, "$7$x")
        });
        keep.await.unwrap();
    }
    let editor = site.sign_in("mei", Role::Editor).await;
    let move_to = async |store: &str, url: &str| {
        let body = json!({"url": url, "reason": "so"}).to_string();
        let path = format!("/api/v1/stores/{store}/broker");
        let put = site.call(Method::PUT, &path, Some(&editor), body).await;
        assert_eq!(put.status, StatusCode::OK);
    };
    move_to("first", &urls[0]).await;
    move_to("second", &urls[1]).await;
    let folder = tempfile::tempdir().unwrap();
    let at = |url: &str| folder.path().join(url.trim_start_matches("mqtts://"));
    for url in urls.clone() {
        let files = mosquitto::Files {
            folder: at(&url),
            services: Vec::new(),
            broker: Some(url),
        };
        let ledger = site.rig.cloud.ledger.clone();
        let begun = tokio::task::spawn_blocking(move || files.begin(&ledger).is_ok());
        assert!(begun.await.unwrap());
    }
    let named = |url: &str| {
        let text = std::fs::read_to_string(at(url).join("passwords")).unwrap();
        let names = text.lines().filter_map(|line| line.split_once(':'));
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(named(&urls[0]), ["first/k", "unsaid/k"]);
    assert_eq!(named(&urls[1]), ["second/k", "unsaid/k"]);
    move_to("first", &urls[1]).await;
    assert_eq!(named(&urls[0]), ["unsaid/k"]);
    assert_eq!(named(&urls[1]), ["first/k", "second/k", "unsaid/k"]);
}
