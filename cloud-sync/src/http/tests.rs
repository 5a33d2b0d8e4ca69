use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::frame::FRAME_LIMIT;
use cloud_sync_wire::notice::UNCONFIRMED_HEADER;
use cloud_sync_wire::signed;
use http_body_util::BodyExt as _;
use kiosk_core::order::Action;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{router, routes};
use crate::clock;
use crate::ledger::users::{self, Role};
use crate::testing::{Kiosk, Rig};
use crate::users::hash_password;

const PASSWORD: &str = "a long password";

struct Site {
    rig: Rig,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Checks that it is a problem of that type, told as RFC 9457 says.
    fn is_problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.json();
        let told = String::from_utf8_lossy(&self.body);
        assert_eq!(
            (self.status.as_u16(), problem["type"].as_str()),
            (status, Some(kind)),
            "{told}"
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }
}

impl Site {
    fn new() -> Self {
        let rig = Rig::new();
        let router = router(rig.cloud.clone());
        Self { rig, router }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, Some(token), ()).await
    }

    async fn post(&self, path: &str, token: &str, body: impl Into<Body>) -> Answer {
        self.call(Method::POST, path, Some(token), body).await
    }

    async fn add_user(&self, name: &'static str, role: Role) {
        let hash = hash_password(PASSWORD).unwrap();
        let add = self
            .rig
            .cloud
            .ledger
            .write(move |connection| users::put(connection, name, role, &hash, clock::wall()));
        add.await.unwrap();
    }

    async fn sign_in(&self, name: &'static str, role: Role) -> String {
        self.add_user(name, role).await;
        let body = json!({ "name": name, "password": PASSWORD }).to_string();
        let answer = self
            .call(Method::POST, "/api/v1/sessions", None, body)
            .await;
        assert_eq!(answer.status, StatusCode::CREATED);
        assert!(
            answer.headers["set-cookie"]
                .to_str()
                .unwrap()
                .contains("HttpOnly; SameSite=Strict")
        );
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    fn ack(&self, answer: &Answer) -> Ack {
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        signed::open(&answer.body, &self.rig.cloud.key.public()).unwrap()
    }
}

fn token(kiosk: &Kiosk) -> String {
    kiosk.secret.access_token()
}

#[tokio::test]
async fn a_kiosk_says_hello_sends_events_and_asks_for_its_ack() {
    let site = Site::new();
    let mut kiosk = site.rig.kiosk("k").await;
    kiosk.place(1290);
    let token = token(&kiosk);
    let frame = kiosk.frame(&kiosk.entries);
    let early = site
        .post("/api/v1/kiosks/s/k/events", &token, frame.clone())
        .await;
    early.is_problem(409, "/problems/unknown-journal");
    let hello = site
        .post("/api/v1/kiosks/s/k/hello", &token, kiosk.hello())
        .await;
    assert_eq!(site.ack(&hello).watermark, 0);
    let sent = site.post("/api/v1/kiosks/s/k/events", &token, frame).await;
    assert_eq!(sent.headers["content-type"], "application/octet-stream");
    assert_eq!(site.ack(&sent).chain, kiosk.entries[0].chain);
    let path = format!("/api/v1/kiosks/s/k/ack?journal={}", kiosk.journal);
    assert_eq!(site.ack(&site.get(&path, &token).await).watermark, 1);
}

#[tokio::test]
async fn a_kiosk_that_asks_for_its_ack_says_how_much_is_unconfirmed() {
    let site = Site::new();
    let kiosk = site.rig.greeted("k").await;
    let path = format!("/api/v1/kiosks/s/k/ack?journal={}", kiosk.journal);
    let admin = site.sign_in("admin", Role::Admin).await;
    for (said, shown) in [("7", 7), ("many", 7), ("-1", 7), ("0", 0)] {
        let request = Request::builder()
            .uri(&path)
            .header("authorization", format!("Bearer {}", token(&kiosk)))
            .header(UNCONFIRMED_HEADER, said);
        let answer = site.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{said}");
        let list = site.get("/api/v1/kiosks", &admin).await.json();
        assert_eq!(list["kiosks"][0]["depth"], shown, "{said}: {list}");
    }
}

#[tokio::test]
async fn a_device_that_is_not_who_it_says_gets_in_nowhere() {
    let site = Site::new();
    let (one, two) = (site.rig.greeted("one").await, site.rig.greeted("two").await);
    let path = format!("/api/v1/kiosks/s/one/ack?journal={}", one.journal);
    for (path, token) in [
        (path.as_str(), token(&two)),
        (path.as_str(), String::new()),
        ("/api/v1/kiosks/s/nobody/ack", token(&one)),
        ("/api/v1/kiosks/s/%2e%2e/ack", token(&one)),
    ] {
        site.get(path, &token)
            .await
            .is_problem(401, "/problems/unauthorized");
    }
    site.call(Method::POST, "/api/v1/kiosks/s/one/events", None, "x")
        .await
        .is_problem(401, "/problems/unauthorized");
}

#[tokio::test]
async fn what_a_device_sends_wrong_is_told_and_moves_nothing() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    let other = site.rig.greeted("other").await;
    kiosk.place(1);
    let token = token(&kiosk);
    let events = "/api/v1/kiosks/s/k/events";
    let bad = |body: Vec<u8>| site.post(events, &token, body);
    bad(b"not a frame".to_vec())
        .await
        .is_problem(422, "/problems/bad-frame");
    bad(other.frame(&kiosk.entries))
        .await
        .is_problem(422, "/problems/bad-frame");
    bad(vec![0; FRAME_LIMIT + 1])
        .await
        .is_problem(413, "/problems/too-large");
    let hello = "/api/v1/kiosks/s/k/hello";
    site.post(hello, &token, other.hello())
        .await
        .is_problem(422, "/problems/bad-frame");
    let ack = "/api/v1/kiosks/s/k/ack";
    site.get(ack, &token)
        .await
        .is_problem(400, "/problems/malformed");
    site.get(&format!("{ack}?journal=x"), &token)
        .await
        .is_problem(422, "/problems/invalid");
    let unknown = format!("{ack}?journal={}", other.journal);
    site.get(&unknown, &token)
        .await
        .is_problem(409, "/problems/unknown-journal");
    let own = format!("{ack}?journal={}", kiosk.journal);
    assert_eq!(site.ack(&site.get(&own, &token).await).watermark, 0);
}

#[tokio::test]
async fn a_revoked_kiosk_may_hand_in_its_events_and_nothing_else() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    site.rig.revoke(&kiosk).await;
    kiosk.place(1);
    let frame = kiosk.frame(&kiosk.entries);
    let sent = site
        .post("/api/v1/kiosks/s/k/events", &token(&kiosk), frame)
        .await;
    assert_eq!(site.ack(&sent).quarantined, [1]);
    let menu = site.get("/api/v1/stores/s/menu", &token(&kiosk)).await;
    menu.is_problem(401, "/problems/unauthorized");
}

#[tokio::test]
async fn headquarters_needs_a_session_that_holds() {
    let site = Site::new();
    let calls = [
        "/api/v1/orders",
        "/api/v1/orders/x",
        "/api/v1/summary",
        "/api/v1/kiosks",
        "/api/v1/quarantine",
        "/live",
    ];
    for path in calls {
        let refused = site.call(Method::GET, path, None, ()).await;
        refused.is_problem(401, "/problems/unauthorized");
        site.get(path, "forged")
            .await
            .is_problem(401, "/problems/unauthorized");
    }
    let session = site.sign_in("ada", Role::Admin).await;
    assert_eq!(
        site.get("/api/v1/orders", &session).await.status,
        StatusCode::OK
    );
    let ended = site
        .call(Method::DELETE, "/api/v1/sessions", Some(&session), ())
        .await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    site.get("/api/v1/orders", &session)
        .await
        .is_problem(401, "/problems/unauthorized");
    // A new password ends the sessions of the old one.
    let session = site.sign_in("ada", Role::Admin).await;
    site.add_user("ada", Role::Admin).await;
    site.get("/api/v1/orders", &session)
        .await
        .is_problem(401, "/problems/unauthorized");
}

#[tokio::test]
async fn signing_in_tells_what_is_wrong_and_slows_down_who_guesses() {
    let site = Site::new();
    site.add_user("ada", Role::Viewer).await;
    let sign_in = |body: &'static str| site.call(Method::POST, "/api/v1/sessions", None, body);
    sign_in("{").await.is_problem(400, "/problems/malformed");
    let told = sign_in(r#"{"name":"ada","pin":1}"#)
        .await
        .is_problem(422, "/problems/invalid");
    let pointers: Vec<_> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].clone())
        .collect();
    assert_eq!(pointers, ["/pin", "/password"]);
    let wrong = r#"{"name":"ada","password":"wrong"}"#;
    // Checking a password takes a while here, so that the first short waits may be over in time.
    for tries in 1..=12 {
        let answer = sign_in(wrong).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            continue;
        }
        answer.is_problem(429, "/problems/too-many-requests");
        assert!(tries > 5 && answer.headers.contains_key("retry-after"));
        return;
    }
    panic!("twelve wrong passwords and no wait");
}

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    let ids: Vec<_> = (1..=5)
        .map(|total| kiosk.place(total * 110).to_string())
        .collect();
    site.rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let session = site.sign_in("ada", Role::Viewer).await;
    let mut seen = Vec::new();
    let mut path = "/api/v1/orders?limit=2".to_owned();
    loop {
        let page = site.get(&path, &session).await.json();
        for order in page["orders"].as_array().unwrap() {
            assert_eq!(
                (order["store"].as_str(), order["kiosk"].as_str()),
                (Some("s"), Some("k"))
            );
            assert_eq!(order["flags"], json!([]));
            assert_eq!(order["sync"], "confirmed");
            seen.push(order["id"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/orders?limit=2&after={next}"),
            None => break,
        }
    }
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.reverse();
    assert_eq!(seen, sorted);
    let count = async |filter: &str| {
        let page = site
            .get(&format!("/api/v1/orders?{filter}"), &session)
            .await
            .json();
        page["orders"].as_array().unwrap().len()
    };
    assert_eq!(count("store=s&business_date=2026-11-20").await, 5);
    assert_eq!(count("business_date=2026-11-21").await, 0);
    assert_eq!(count("store=elsewhere").await, 0);
}

#[tokio::test]
async fn an_order_is_shown_with_its_events_and_an_unfinished_one_as_such() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    let id = kiosk.place(1100);
    kiosk.act(id, 2, Action::Start);
    site.rig.send(&kiosk, &kiosk.entries[1..]).await.unwrap();
    let session = site.sign_in("ada", Role::Viewer).await;
    let path = format!("/api/v1/orders/{id}");
    let early = site.get(&path, &session).await.json();
    assert_eq!(early["flags"], json!(["incomplete"]));
    assert_eq!(early["events"][0]["state"], "parked");
    site.rig.send(&kiosk, &kiosk.entries[..1]).await.unwrap();
    let order = site.get(&path, &session).await.json();
    assert_eq!(
        (&order["status"], &order["total"]),
        (&json!("preparing"), &json!(1100))
    );
    assert_eq!(order["events"].as_array().unwrap().len(), 2);
    assert_eq!(order["events"][0]["event"]["request"], "tap-1");
    let sums = site
        .get("/api/v1/summary?business_date=2026-11-20", &session)
        .await
        .json();
    let want = json!({ "store": "s", "currency": "USD", "orders": 1, "voided": 0, "gross": 1100, "tax": 100 });
    assert_eq!(sums["stores"], json!([want]));
    for missing in ["x", "00000000-0000-7000-8000-000000000000"] {
        let path = format!("/api/v1/orders/{missing}");
        site.get(&path, &session)
            .await
            .is_problem(404, "/problems/not-found");
    }
}

#[tokio::test]
async fn a_query_with_faults_is_refused_with_all_of_them() {
    let site = Site::new();
    let session = site.sign_in("ada", Role::Viewer).await;
    let path = "/api/v1/orders?limit=999&business_date=today&after=x&colour=red";
    let told = site
        .get(path, &session)
        .await
        .is_problem(422, "/problems/invalid");
    assert_eq!(told["errors"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn kiosks_are_listed_with_what_they_said() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    kiosk.place(1);
    site.rig.send(&kiosk, &kiosk.entries).await.unwrap();
    site.rig.kiosk("silent").await;
    let session = site.sign_in("ada", Role::Viewer).await;
    let first = site.get("/api/v1/kiosks?limit=1", &session).await.json();
    let shown = &first["kiosks"][0];
    assert_eq!(
        (&shown["link"], &shown["watermark"]),
        (&json!("online"), &json!(1))
    );
    assert_eq!(shown["journal"], json!(kiosk.journal));
    let path = format!("/api/v1/kiosks?after={}", first["next"].as_str().unwrap());
    let second = site.get(&path, &session).await.json();
    assert_eq!(second["kiosks"][0]["link"], "offline");
    assert_eq!(second["next"], Value::Null);
}

#[tokio::test]
async fn a_menu_is_published_whole_and_fetched_by_version() {
    let site = Site::new();
    let kiosk = site.rig.kiosk("k").await;
    let (admin, viewer) = (
        site.sign_in("ada", Role::Editor).await,
        site.sign_in("bob", Role::Viewer).await,
    );
    let menu = "/api/v1/stores/s/menu";
    let sample = include_bytes!("../../../kiosk/menus/lantern-noodles.json");
    let put = |token: &str, body: &'static [u8]| {
        let token = token.to_owned();
        let site = &site;
        async move { site.call(Method::PUT, menu, Some(&token), body).await }
    };
    site.get(menu, &token(&kiosk))
        .await
        .is_problem(404, "/problems/not-found");
    put(&viewer, sample)
        .await
        .is_problem(403, "/problems/forbidden");
    put(&admin, b"{")
        .await
        .is_problem(400, "/problems/malformed");
    let faulty = br#"{"name":{"en":"x"},"currency":"XXX","languages":["en"],"taxes":[]}"#;
    let told = put(&admin, faulty)
        .await
        .is_problem(422, "/problems/invalid");
    assert!(told["errors"].as_array().unwrap().len() > 2, "{told}");
    let published = put(&admin, sample).await;
    let version = published.json()["version"].as_str().unwrap().to_owned();
    let fetched = site.get(menu, &token(&kiosk)).await;
    assert_eq!(fetched.headers["etag"], format!("\"{version}\""));
    assert_eq!(fetched.body, sample);
    let again = Request::get(menu)
        .header("authorization", format!("Bearer {}", token(&kiosk)))
        .header("if-none-match", format!("\"old\", \"{version}\""));
    let again = site.send(again.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (again.status, again.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    let elsewhere = site.rig.kiosk_of("elsewhere", "k").await;
    site.get(menu, &token(&elsewhere))
        .await
        .is_problem(401, "/problems/unauthorized");
}

#[tokio::test]
async fn a_quarantined_event_is_listed_and_tried_again() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    site.rig.revoke(&kiosk).await;
    kiosk.place(1100);
    kiosk.raw(b"{}".to_vec());
    site.rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let viewer = site.sign_in("bob", Role::Viewer).await;
    let editor = site.sign_in("ada", Role::Editor).await;
    let listed = site.get("/api/v1/quarantine?limit=1", &viewer).await.json();
    let entry = &listed["events"][0];
    assert_eq!(
        (&entry["reason"], &entry["seq"]),
        (&json!("revoked"), &json!(1))
    );
    let path = format!(
        "/api/v1/quarantine/{}/replay",
        entry["id"].as_str().unwrap()
    );
    site.post(&path, &viewer, ())
        .await
        .is_problem(403, "/problems/forbidden");
    let replayed = site.post(&path, &editor, ()).await.json();
    assert_eq!(replayed["state"], "applied");
    site.post(&path, &editor, ())
        .await
        .is_problem(404, "/problems/not-found");
    let orders = site.get("/api/v1/orders", &viewer).await.json();
    assert_eq!(orders["orders"][0]["total"], 1100);
    let next = format!(
        "/api/v1/quarantine?after={}",
        listed["next"].as_str().unwrap()
    );
    let second = site.get(&next, &viewer).await.json()["events"][0].clone();
    let path = format!(
        "/api/v1/quarantine/{}/replay",
        second["id"].as_str().unwrap()
    );
    assert_eq!(
        site.post(&path, &editor, ()).await.json()["state"],
        "quarantined"
    );
    let tries = site.get(&next, &viewer).await.json()["events"][0]["tries"].clone();
    assert_eq!(tries, 2);
}

#[tokio::test]
async fn another_sites_page_cannot_act_with_the_cookie() {
    let site = Site::new();
    let session = site.sign_in("ada", Role::Admin).await;
    let replay = |site_header: &'static str| {
        let request = Request::post("/api/v1/quarantine/x/replay")
            .header("cookie", format!("stillopen_hq={session}"))
            .header("sec-fetch-site", site_header);
        site.send(request.body(Body::empty()).unwrap())
    };
    replay("cross-site")
        .await
        .is_problem(403, "/problems/forbidden");
    replay("same-origin")
        .await
        .is_problem(404, "/problems/not-found");
}

#[tokio::test]
async fn every_answer_carries_the_request_id_and_the_guards() {
    let site = Site::new();
    let request = Request::get("/healthz").header("x-request-id", "tap-9");
    let answer = site.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.headers["x-request-id"], "tap-9");
    assert!(
        answer.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let request = Request::get("/nowhere").header("x-request-id", "a b;c");
    let answer = site.send(request.body(Body::empty()).unwrap()).await;
    answer.is_problem(404, "/problems/not-found");
    assert_eq!(answer.headers["x-request-id"].len(), 36);
    let other = site.call(Method::DELETE, "/api/v1/orders", None, ()).await;
    other.is_problem(405, "/problems/method-not-allowed");
}

#[tokio::test]
async fn health_readiness_and_metrics_are_open() {
    let site = Site::new();
    let mut kiosk = site.rig.greeted("k").await;
    kiosk.place(1);
    let frame = kiosk.frame(&kiosk.entries);
    let sent = site
        .post("/api/v1/kiosks/s/k/events", &token(&kiosk), frame)
        .await;
    site.ack(&sent);
    let open = |path: &'static str| site.call(Method::GET, path, None, ());
    assert_eq!(open("/healthz").await.status, StatusCode::OK);
    assert_eq!(
        open("/readyz").await.json(),
        json!({ "ready": true, "reasons": [] })
    );
}

#[tokio::test]
async fn every_metric_of_the_contract_is_there_before_the_first_event() {
    let site = Site::new();
    let metrics = site.call(Method::GET, "/metrics", None, ()).await.body;
    let metrics = String::from_utf8(metrics).unwrap();
    for result in [
        "applied",
        "parked",
        "duplicate",
        "alias",
        "quarantined",
        "refused",
    ] {
        let name = format!("cloud_ingest_events_total{{result=\"{result}\"}}");
        assert!(metrics.contains(&name), "{name} in\n{metrics}");
    }
    for name in [
        "cloud_ingest_commit_seconds_bucket",
        "cloud_acks_total{transport=\"http\"}",
        "cloud_acks_total{transport=\"mqtt\"}",
        "cloud_kiosk_lag_seconds_bucket",
        "cloud_orders_total ",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
}

#[tokio::test]
async fn the_door_opens_to_a_form_and_the_page_shows_the_order() {
    let site = Site::new();
    let door = site.call(Method::GET, "/", None, ()).await;
    assert!(String::from_utf8_lossy(&door.body).contains("cloud-sync user add"));
    site.add_user("ada", Role::Viewer).await;
    let mut kiosk = site.rig.greeted("front-left").await;
    kiosk.place(1_234_500);
    site.rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let form = |password: &str| format!("name=ada&password={}", password.replace(' ', "+"));
    let wrong = site
        .call(Method::POST, "/sign-in", None, form("wrong"))
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let right = site
        .call(Method::POST, "/sign-in", None, form(PASSWORD))
        .await;
    assert_eq!(
        (right.status, right.headers["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/")
    );
    let cookie = right.headers["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let page = |language: &'static str| {
        let request =
            Request::get("/").header("cookie", format!("{cookie}; stillopen_lang={language}"));
        site.send(request.body(Body::empty()).unwrap())
    };
    let english = String::from_utf8(page("en").await.body).unwrap();
    for text in [
        "$12,345.00",
        "front-left",
        "A001",
        "Friday 20 November 2026",
    ] {
        assert!(english.contains(text), "{text}");
    }
    assert!(
        !english.contains("style="),
        "the guards let no inline style through"
    );
    let chinese = String::from_utf8(page("zh-Hans").await.body).unwrap();
    assert!(chinese.contains("最新到达的订单") && chinese.contains("2026年11月20日"));
}

#[test]
fn the_openapi_document_describes_every_call_and_no_other() {
    let document = super::openapi::document();
    let described: std::collections::BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let served: std::collections::BTreeSet<String> = routes()
        .into_iter()
        .map(|(path, _)| path.to_owned())
        .collect();
    assert_eq!(described, served);
}

#[tokio::test]
async fn the_openapi_document_names_the_methods_that_are_answered() {
    let site = Site::new();
    let document = super::openapi::document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let concrete = path.replace(['{', '}'], "");
        for method in ["get", "put", "post", "delete", "patch"] {
            let call = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answered = site.call(call, &concrete, None, ()).await.status;
            let described = methods.get(method).is_some();
            assert_eq!(
                answered != StatusCode::METHOD_NOT_ALLOWED,
                described,
                "{method} {path}"
            );
        }
    }
}

mod brokers;
mod changes;
