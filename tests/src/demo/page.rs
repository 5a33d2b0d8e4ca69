//! The page, what it asks for every half second, and its buttons.

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use kiosk::web::{assets, text};
use kiosk_core::money::Currency;
use serde::Deserialize;
use serde_json::{Value, json};

use super::glance::{Glance, KioskSeen, LinkSeen};
use super::words::{self, Words};
use super::{Demo, PIN, acts};
use crate::store::USER;

/// A header that a page of another site can't send without asking first.
const OURS: &str = "x-lab";

pub(super) fn routes(demo: Demo) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/state", get(state))
        .route("/do/{act}", post(on_all))
        .route("/do/{kiosk}/{act}", post(on_kiosk))
        .route(
            "/demo.css",
            get(|| async { file("text/css", include_str!("assets/demo.css")) }),
        )
        .route(
            "/demo.js",
            get(|| async { file("text/javascript", include_str!("assets/demo.js")) }),
        )
        .with_state(demo)
        .merge(assets::routes())
        .layer(middleware::from_fn(only_this_machine))
}

fn file(kind: &'static str, body: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], body)
}

/// These buttons kill processes: nobody else's page may press them through a visitor's browser.
async fn only_this_machine(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let foreign = !["127.0.0.1", "localhost", "[::1]"].contains(&name);
    let pressed = request.method() == axum::http::Method::POST;
    if foreign || (pressed && !request.headers().contains_key(OURS)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

#[derive(Deserialize)]
struct Look {
    lang: Option<String>,
}

/// The language that was asked for, or else the browser's first.
fn words_of(look: &Look, headers: &HeaderMap) -> &'static Words {
    let accepted = headers
        .get("accept-language")
        .and_then(|value| value.to_str().ok());
    words::of(look.lang.as_deref().or(accepted).unwrap_or("en"))
}

#[derive(Template)]
#[template(path = "demo.html")]
struct Page<'a> {
    w: &'static Words,
    glance: &'a Glance,
    state: String,
    lantern: &'static str,
    user: &'static str,
    password: &'static str,
    pin: &'static str,
}

impl Page<'_> {
    /// A screen's address at a kiosk, in the language of this page where it takes one.
    fn screen(&self, kiosk: &KioskSeen, path: &str) -> String {
        match path {
            "/" => format!("{}/?lang={}", kiosk.base, self.w.tag),
            path => format!("{}{path}", kiosk.base),
        }
    }
}

async fn page(
    State(mut demo): State<Demo>,
    Query(look): Query<Look>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let w = words_of(&look, &headers);
    // The very first look at the store may still be under way.
    let glance = demo
        .glance
        .wait_for(|glance| !glance.kiosks.is_empty())
        .await;
    let glance = glance.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.clone();
    let (user, password) = USER;
    let page = Page {
        w,
        glance: &glance,
        state: document(&demo, &glance, w)
            .to_string()
            .replace('<', "\\u003c"),
        lantern: assets::url("lantern.svg"),
        user,
        password,
        pin: PIN,
    };
    let html = page
        .render()
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, assets::PAGE_POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, Html(html)).into_response())
}

async fn state(
    State(demo): State<Demo>,
    Query(look): Query<Look>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let glance = demo.glance.borrow().clone();
    let w = words_of(&look, &headers);
    (
        [(CACHE_CONTROL, "no-store")],
        Json(document(&demo, &glance, w)),
    )
}

async fn on_all(State(demo): State<Demo>, Path(act): Path<String>) -> Response {
    answer(acts::on_all(&demo, &act).await)
}

async fn on_kiosk(
    State(demo): State<Demo>,
    Path((kiosk, act)): Path<(String, String)>,
) -> Response {
    answer(acts::on_kiosk(&demo, &kiosk, &act).await)
}

fn answer(done: anyhow::Result<()>) -> Response {
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::CONFLICT, format!("{error:#}")).into_response(),
    }
}

/// Everything that moves on the page, in its language.
fn document(demo: &Demo, glance: &Glance, w: &Words) -> Value {
    let money = |minor: u64| money(w, &glance.currency, minor);
    let (promise, cloud) = (&glance.promise, &glance.cloud);
    let kept = match (promise.broken, promise.on_their_way, promise.shown) {
        (1.., ..) => "broken",
        (0, 1.., _) => "waiting",
        (0, 0, 0) => "empty",
        _ => "kept",
    };
    let happened = demo.journal.happenings();
    let happened: Vec<Value> = happened
        .iter()
        .map(|(id, at, what)| {
            json!({ "id": id, "at": at, "text": w.happening(what), "kind": words::kind(what) })
        })
        .collect();
    json!({
        "promise": {
            "state": kept, "text": w.promise(promise), "shown": promise.shown,
            "gross": money(promise.gross), "open": promise.on_their_way,
            "arrived": cloud.orders, "arrived_gross": money(cloud.gross),
        },
        "cloud": {
            "running": cloud.running, "orders": cloud.orders, "gross": money(cloud.gross),
            "duplicates": cloud.duplicates,
            "arrivals": cloud.arrivals.iter().map(|order| {
                json!({ "number": order.number, "kiosk": order.kiosk, "total": money(order.total) })
            }).collect::<Vec<_>>(),
            "state": if cloud.running { w.link(true, "online") } else { w.link(false, "") },
        },
        "kiosks": glance.kiosks.iter().map(|kiosk| of_kiosk(kiosk, w)).collect::<Vec<_>>(),
        "happened": happened,
    })
}

fn of_kiosk(kiosk: &KioskSeen, w: &Words) -> Value {
    let link = |link: LinkSeen| json!({ "mode": words::mode_key(link.mode), "bytes": link.bytes });
    json!({
        "id": kiosk.id,
        "running": kiosk.running,
        "link": if kiosk.running { kiosk.link.as_str() } else { "dead" },
        "link_text": w.link(kiosk.running, &kiosk.link),
        "breaker": if kiosk.running { w.breaker(kiosk.breaker.as_ref()) } else { "–".to_owned() },
        "breaker_state": kiosk.breaker.as_ref().map_or("", |breaker| breaker.state.as_str()),
        "orders": kiosk.orders,
        "unsent": kiosk.unsent,
        "last": kiosk.last.as_deref().unwrap_or("–"),
        "http": link(kiosk.http),
        "mqtt": link(kiosk.mqtt),
    })
}

fn money(w: &Words, currency: &str, minor: u64) -> String {
    match (currency.parse::<Currency>(), i64::try_from(minor)) {
        (Ok(currency), Ok(minor)) => text::language(w.tag).money(currency, minor),
        _ => "–".to_owned(),
    }
}
