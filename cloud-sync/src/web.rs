//! The pages of headquarters: rendered here, kept live by parts of themselves over one event
//! stream, and readable without any of it.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::tz::TimeZone;

use crate::clock;
use crate::cloud::Cloud;
use crate::http::access;
use crate::http::input::Query;
use crate::http::problem::Problem;
use crate::ledger::users::{self, User};

pub(crate) mod assets;
pub(crate) mod board;
pub(crate) mod control;
pub(crate) mod door;
pub(crate) mod facts;
pub(crate) mod lines;
pub(crate) mod live;
pub(crate) mod parts;
pub(crate) mod words;

use board::Reader;
use facts::Facts;
use parts::Parts;
use words::{LANGUAGE_COOKIE, Words};

/// The cookie in which the browser says its time zone.
const ZONE_COOKIE: &str = "stillopen_zone";
const YEAR: u32 = 31_536_000;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    words: &'static Words,
    languages: &'static [Words],
    assets: &'static str,
    chosen: &'a str,
    date: Option<String>,
    before: Option<String>,
    after: Option<String>,
    clock: String,
    name: &'a str,
    initial: String,
    role: String,
    figures: String,
    hours: String,
    orders: String,
    stores: String,
    kiosks: String,
    care: String,
}

/// A cookie's value.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// The dashboard, or the door to it.
pub(crate) async fn page(
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let words = Words::for_request(&headers);
    let Some(user) = access::user(&cloud, &headers).await? else {
        let anybody = cloud.ledger.read(users::any).await?;
        return Ok(door::closed(words, anybody, "", None, StatusCode::OK));
    };
    // A date that can't be read is none: people arrive here by old links.
    let date = Query::read(query.as_deref(), &["date"]).date("date");
    let zone = cookie(&headers, ZONE_COOKIE)
        .unwrap_or_default()
        .replace("%2F", "/");
    let facts = read_facts(&cloud, date.clone()).await?;
    let reader = reader(words, &zone);
    dashboard(
        &cloud,
        &user,
        &reader,
        &facts,
        date.as_deref().unwrap_or_default(),
    )
}

/// For whom to put things, by language and IANA time zone.
pub(crate) fn reader(words: &'static Words, zone: &str) -> Reader {
    let found = TimeZone::get(zone).ok();
    Reader {
        words,
        zone_name: if found.is_some() {
            zone.to_owned()
        } else {
            "UTC".to_owned()
        },
        zone: found.unwrap_or(TimeZone::UTC),
        now: clock::wall(),
    }
}

pub(crate) async fn read_facts(cloud: &Cloud, date: Option<String>) -> Result<Facts, Problem> {
    let (hours, now) = (std::sync::Arc::clone(&cloud.hours), clock::instant());
    let read = cloud
        .ledger
        .read(move |connection| Facts::read(connection, date.as_deref(), &hours, now));
    Ok(read.await?)
}

fn dashboard(
    cloud: &Cloud,
    user: &User,
    reader: &Reader,
    facts: &Facts,
    chosen: &str,
) -> Result<Response, Problem> {
    let parts = Parts::render(facts, reader, &cloud.presence)?;
    let words = reader.words;
    let page = Page {
        words,
        languages: Words::all(),
        assets: assets::version(),
        chosen,
        date: facts.date.as_deref().map(|date| reader.date(date)),
        before: facts.neighbours.0.clone(),
        after: facts.neighbours.1.clone(),
        clock: reader.clock(),
        name: &user.name,
        initial: user
            .name
            .chars()
            .next()
            .map_or(String::new(), |c| c.to_uppercase().collect()),
        role: words.t(&format!("role-{}", user.role.as_str())),
        figures: parts.figures,
        hours: parts.hours,
        orders: parts.orders,
        stores: parts.stores,
        kiosks: parts.kiosks,
        care: parts.care,
    };
    rendered(&page)
}

/// A page that is not to be kept anywhere.
pub(crate) fn rendered(page: &impl Template) -> Result<Response, Problem> {
    let html = page.render().map_err(parts::failed)?;
    let kept = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([kept], Html(html)).into_response())
}

/// Remembers a language and goes back.
pub(crate) async fn language(Path(tag): Path<String>) -> Response {
    let Some(words) = Words::of(&tag) else {
        return Redirect::to("/").into_response();
    };
    let cookie = format!(
        "{LANGUAGE_COOKIE}={}; Path=/; SameSite=Lax; Max-Age={YEAR}",
        words.tag
    );
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}
