use axum::extract::ConnectInfo;
use std::net::SocketAddr;

use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::menu::Menu;
use kiosk_core::order::Order;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::frame::PROBLEMS;
use super::*;
use crate::journal::{Journal, StaffRole, Stamp};
use crate::status::LinkSource;
use crate::wallclock::WallClock;
use crate::web::feed::Feed;
use crate::web::pictures::Pictures;
use crate::web::sessions::{Sessions, hash_pin};
use crate::web::{Inner, Place, router};

pub(in crate::web) const PAGES: &[&str] = &[
    "/manager",
    "/manager/orders",
    "/manager/stock",
    "/manager/link",
    "/manager/report",
    "/manager/report.csv",
    "/manager/staff",
    "/manager/records",
    "/manager/records?show=staff&before=3",
    "/manager/records.csv",
    "/manager/outbox",
    "/manager/menu",
    "/manager/menu?as=zh-Hans&part=breakfast",
];

pub(in crate::web) fn sample() -> Menu {
    Menu::parse(crate::menus::SAMPLE).unwrap().menu
}

pub(in crate::web) fn at(minute: i64) -> WallTime {
    let noon: WallTime = "2026-11-20T17:00:00Z".parse().unwrap();
    WallTime::from_millis(noon.as_millis() + minute * 60_000)
}

/// A busy day: orders of every state and payment, placed a minute apart from noon.
pub(in crate::web) fn busy(menu: &Menu) -> Vec<Order> {
    let states = ["placed", "preparing", "ready", "collected", "voided"];
    let notes = [
        None,
        Some("Peanut allergy!"),
        Some("<b>no</b> \"scallion\""),
        None,
    ];
    (0..60_i64)
        .map(|n| {
            let item = &menu.items()[usize::try_from(n).unwrap() % menu.items().len()];
            let quantity = n % 3 + 1;
            let total = item.price * quantity;
            let note = notes[usize::try_from(n).unwrap() % notes.len()];
            let status = states[usize::try_from(n).unwrap() % states.len()];
            let document = json!({
                "id": Uuid::from_u128(u128::try_from(n).unwrap() + 1),
                "number": format!("A{n:03}"), "business_date": "2026-11-20",
                "placed_at": at(n), "changed_at": at(n + 1), "status": status, "version": 2,
                "service": if n % 2 == 0 { "eat_in" } else { "take_away" },
                "table": (n % 2 == 0).then(|| n.to_string()), "terminal": "Window",
                "language": "en", "currency": "USD", "menu_version": menu.version(),
                "lines": [{
                    "item": item.id, "name": item.name, "quantity": quantity,
                    "unit_price": item.price, "total": total, "tax_rate": "0.0825", "tax": 0,
                    "note": note, "station": item.station,
                    "options": [{"group": "spice", "option": "hot", "name": {"en": "Hot", "zh-Hans": "中辣"}, "quantity": 1, "price": 0}],
                }],
                "subtotal": total, "tax": 0, "total": total, "reason": "said <why>",
                "payment": {"method": "counter", "status": if n % 4 == 0 { "due" } else { "paid" }},
            });
            serde_json::from_value(document).unwrap()
        })
        .collect()
}

pub(in crate::web) fn packed(page: &str) -> usize {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, page.as_bytes()).unwrap();
    packer.finish().unwrap().len()
}

/// What holds for every page of the staff.
pub(in crate::web) fn check(page: &str, language: &str) {
    assert!(page.contains(&format!(r#"lang="{language}""#)));
    assert!(
        !page.contains(" style=") && !page.contains("<style"),
        "inline style"
    );
    assert!(
        !page.contains(" onclick") && !page.contains("javascript:"),
        "inline script"
    );
    assert!(!page.contains("/assets/missing"), "a file is missing");
    assert!(
        !page.contains("<b>no</b>") && !page.contains("said <why>"),
        "not escaped"
    );
    let size = packed(page);
    assert!(size <= 30 * 1024, "{size} bytes packed");
}

struct Kiosk {
    _folder: tempfile::TempDir,
    journal: Journal,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Kiosk {
    async fn start() -> Self {
        Self::start_for(None).await
    }

    /// As if every request came from this client.
    async fn start_for(client: Option<SocketAddr>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (feed, _changes) = mpsc::unbounded_channel();
        let settings = crate::serve::base_settings(folder.path()).unwrap();
        let journal = Journal::open(settings, feed).unwrap();
        let (_, menu) = watch::channel(std::sync::Arc::new(sample()));
        let (_, stopping) = watch::channel(false);
        let state = AppState::new(Inner {
            journal: journal.clone(),
            menu,
            link: LinkSource::standalone(),
            feed: std::sync::Arc::new(Feed::new(1)),
            devices: crate::devices::Devices::none(),
            sessions: Sessions::default(),
            settings: crate::settings::Settings::new(kiosk_core::day::Schedule::default()),
            configured: Vec::new(),
            place: Place {
                store: "local".to_owned(),
                kiosk: "local".to_owned(),
            },
            metrics: None,
            wall: WallClock::default(),
            https_port: None,
            pictures: Pictures::default(),
            habits: crate::habits::Habits::default(),
            help: crate::help::Help::default(),
            reach: crate::reach::Reach::default(),
            admission: tokio::sync::Semaphore::new(8),
            stopping,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = match client {
            Some(client) => router(state).layer(axum::Extension(ConnectInfo(client))),
            None => router(state),
        };
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            _folder: folder,
            journal,
            address,
            client: reqwest::Client::new(),
        }
    }

    async fn set_pin(&self, role: StaffRole, pin: &str) {
        let stamp = Stamp {
            at: at(0),
            mono_ms: 0,
            event: EventId(Uuid::new_v4()),
            request: None,
        };
        let hash = hash_pin(pin).unwrap();
        self.journal.set_pin(stamp, role, hash).await.unwrap();
    }

    /// Signs in as a browser does, and gives the cookie.
    async fn cookie(&self, pin: &str) -> String {
        let url = format!("http://{}/api/v1/sessions", self.address);
        let body = json!({ "pin": pin }).to_string();
        let response = self.client.post(url).body(body).send().await.unwrap();
        assert_eq!(response.status(), 201);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn get(&self, path: &str, cookie: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let request = self.client.get(url).header("cookie", cookie);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_or_shows_a_session_over_the_network_in_the_clear() {
    let kiosk = Kiosk::start_for(Some("10.0.0.7:50000".parse().unwrap())).await;
    kiosk.set_pin(StaffRole::Manager, "246810").await;
    let url = |path: &str| format!("http://{}{path}", kiosk.address);
    let body = json!({ "pin": "246810" }).to_string();
    let sign_in = kiosk.client.post(url("/api/v1/sessions")).body(body);
    let refused = sign_in.send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().contains("HTTPS"));
    let (status, page) = kiosk.get("/manager", "").await;
    assert!(status == 403 && !page.contains("id=\"pin\""), "{page}");
    assert!(page.contains("--listen-https"), "{page}");
    let list = kiosk.client.get(url("/api/v1/orders")).bearer_auth("token");
    assert_eq!(list.send().await.unwrap().status(), 403);
    // Diners and the board need no session.
    assert_eq!(kiosk.get("/", "").await.0, 200);
    assert_eq!(kiosk.get("/board", "").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_shows_itself_to_its_role_and_the_pin_pad_to_others() {
    let kiosk = Kiosk::start().await;
    let (status, first) = kiosk.get("/kitchen", "").await;
    assert!(
        status == 401 && first.contains("kiosk staff set-pin"),
        "{first}"
    );
    kiosk.set_pin(StaffRole::Kitchen, "135790").await;
    kiosk.set_pin(StaffRole::Manager, "246810").await;
    let kitchen = kiosk.cookie("135790").await;
    let manager = kiosk.cookie("246810").await;
    let (status, page) = kiosk.get("/kitchen", "stillopen_session=guess").await;
    assert!(status == 401 && page.contains("id=\"pin\"") && !page.contains("id=\"tickets\""));
    for cookie in [&kitchen, &manager] {
        let (status, page) = kiosk.get("/kitchen", &format!("other=1; {cookie}")).await;
        assert!(status == 200 && page.contains("id=\"tickets\""));
    }
    for path in PAGES {
        assert_eq!(kiosk.get(path, "").await.0, 401, "{path}");
        assert_eq!(kiosk.get(path, &kitchen).await.0, 403, "{path}");
        assert_eq!(kiosk.get(path, &manager).await.0, 200, "{path}");
    }
    let order = format!("/manager/orders/{}", OrderId(Uuid::nil()));
    assert_eq!(kiosk.get(&order, &kitchen).await.0, 403);
    assert_eq!(kiosk.get(&order, &manager).await.0, 404);
    assert_eq!(kiosk.get("/board", "").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_and_styles_stay_within_their_budgets() {
    let kiosk = Kiosk::start().await;
    let mut sizes = std::collections::BTreeMap::new();
    for name in [
        "base.css",
        "staff.css",
        "kitchen.css",
        "board.css",
        "manager.css",
    ]
    .into_iter()
    .chain(["staff.js", "kitchen.js", "board.js", "manager.js"])
    {
        let (status, text) = kiosk.get(assets::url(name), "").await;
        assert_eq!(status, 200, "{name}");
        sizes.insert(name, packed(&text));
    }
    for screen in ["kitchen", "board", "manager"] {
        let script = sizes["staff.js"] + sizes[format!("{screen}.js").as_str()];
        assert!(script <= 25 * 1024, "{screen}: {script} bytes of script");
        let style = sizes[format!("{screen}.css").as_str()];
        let style = sizes["base.css"] + sizes["staff.css"] + style;
        assert!(style <= 12 * 1024, "{screen}: {style} bytes of style");
    }
}

#[test]
fn scripts_say_only_what_their_pages_carry() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web");
    let files = |folder: &str| -> String {
        let entries = std::fs::read_dir(format!("{root}/{folder}")).unwrap();
        let paths = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file());
        paths
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect()
    };
    let quoted = |text: &str, before: &str| -> Vec<String> {
        let rest = text.split(before).skip(1);
        rest.filter_map(|rest| rest.split_once('"').map(|(key, _)| key.to_owned()))
            .collect()
    };
    for screen in ["staff", "kitchen", "manager", "board"] {
        let script = files(&format!("assets/{screen}"));
        let frame = std::fs::read_to_string(format!("{root}/staff/frame.rs")).unwrap();
        let own = match screen {
            "kitchen" => std::fs::read_to_string(format!("{root}/kitchen.rs")).unwrap(),
            "manager" => std::fs::read_to_string(format!("{root}/manager/shell.rs")).unwrap(),
            _ => String::new(),
        };
        for key in quoted(&script, "word(\"") {
            let literal = format!("\"{key}\"");
            assert!(
                frame.contains(&literal) || own.contains(&literal),
                "{screen} lacks {key}"
            );
            for language in crate::web::text::languages() {
                assert!(language.say_if_known(&key).is_some(), "{key}");
            }
        }
    }
}

#[test]
fn words_named_by_code_exist_in_every_language() {
    let mut keys: Vec<String> = (1..=12).map(|month| format!("month-{month}")).collect();
    keys.extend((1..=7).map(|day| format!("weekday-{day}")));
    keys.extend(
        ["placed", "preparing", "ready", "collected", "voided"].map(|s| format!("status-{s}")),
    );
    keys.extend(["due", "pending", "paid", "failed", "refunded"].map(|s| format!("payment-{s}")));
    keys.extend(["counter", "card", "qr"].map(|s| format!("method-{s}")));
    keys.extend(["saved", "sent", "confirmed"].map(|s| format!("sync-{s}")));
    keys.extend(
        ["start", "ready", "collect", "pay", "void", "refund"].map(|s| format!("action-{s}")),
    );
    keys.extend(
        ["closed", "open", "half_open", "forced_open", "disabled"]
            .map(|s| format!("breaker-state-{s}")),
    );
    keys.extend(PROBLEMS.iter().map(|problem| format!("problem-{problem}")));
    for language in crate::web::text::languages() {
        for key in &keys {
            assert!(
                language.say_if_known(key).is_some(),
                "{key} in {}",
                language.tag()
            );
        }
    }
}

/// A refusal is told in the page's language, never as the API words it.
#[test]
fn every_kind_of_refusal_has_words_in_every_language() {
    let source = include_str!("../error.rs");
    let kinds = source.split("\"/problems/").skip(1);
    let kinds = kinds.filter_map(|rest| rest.split_once('"').map(|(kind, _)| kind));
    let kinds: std::collections::BTreeSet<&str> = kinds.collect();
    assert!(kinds.len() > 15, "{kinds:?}");
    for kind in kinds {
        let told =
            |problem: &&'static str| *problem == kind || problem.starts_with(&format!("{kind}-"));
        assert!(PROBLEMS.iter().any(told), "{kind}");
    }
}

#[test]
fn times_are_told_in_the_unit_that_fits() {
    let t = crate::web::text::language("en");
    let told = [5, 61, 3_700, 86_400, 200_000].map(|seconds| span(t, seconds));
    assert_eq!(told, ["5 s", "1 min", "1 h 1 min", "1 day", "2 days"]);
    assert_eq!(
        long_date(t, "2026-11-20".parse().unwrap()),
        "Friday, November 20"
    );
    assert_eq!(age(at(5), at(0)), 0);
}

#[test]
fn a_station_nobody_knows_keeps_its_own_name() {
    let t = crate::web::text::language("zh-Hans");
    assert_eq!(station_name(t, "wok"), "炒锅");
    assert_eq!(station_name(t, "tandoor"), "Tandoor");
    assert_eq!(station_name(t, ""), "");
}
