//! The menu in force, with what can be sold of it now.
//!
//! Its ETag is made of all that is told, so it changes with a level, and when a daypart begins or
//! ends. Codes of coupons are told to nobody.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cloud_sync_wire::chain::content_hash;
use kiosk_core::daypart::Dayparts;
use kiosk_core::menu::Menu;
use serde_json::{Value, json};

use crate::clock;
use crate::journal::Levels;
use crate::offer::Offer;
use crate::web::AppState;

/// The latest answer, good until the menu or a level changes, or a daypart begins or ends.
static LATEST: Mutex<Option<Latest>> = Mutex::new(None);

struct Latest {
    menu: Arc<Menu>,
    levels: Arc<Levels>,
    running: Dayparts,
    etag: String,
    body: Bytes,
}

pub(super) async fn menu(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let menu = state.menu();
    let levels = Arc::clone(&state.journal.levels().borrow());
    let running = menu.running(clock::wall());
    let (etag, body) = {
        let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = latest.as_ref().is_some_and(|latest| {
            Arc::ptr_eq(&latest.menu, &menu)
                && Arc::ptr_eq(&latest.levels, &levels)
                && latest.running == running
        });
        if !fresh {
            *latest = Some(rendered(menu, levels, running));
        }
        match latest.as_ref() {
            Some(latest) => (latest.etag.clone(), latest.body.clone()),
            None => (String::new(), Bytes::new()),
        }
    };
    let caching = [(ETAG, etag.clone()), (CACHE_CONTROL, "no-cache".to_owned())];
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| matches(known, &etag)) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// Whether an If-None-Match names this ETag; weak comparison, as RFC 9110 says.
fn matches(known: &str, etag: &str) -> bool {
    known.trim() == "*"
        || known
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == etag)
}

fn rendered(menu: Arc<Menu>, levels: Arc<Levels>, running: Dayparts) -> Latest {
    let mut document = menu.document().clone();
    let offer = Offer {
        menu: &menu,
        levels: &levels,
        running,
    };
    for (value, item) in list(&mut document, "items").zip(menu.items()) {
        value["available"] = json!(offer.sells(item));
        value["served"] = json!(item.hours.allow(running));
        if let Some(left) = offer.level(item).left {
            value["left"] = json!(left);
        }
    }
    for (value, combo) in list(&mut document, "combos").zip(menu.combos()) {
        value["available"] = json!(offer.sells_combo(combo));
        value["served"] = json!(menu.serves(&combo.id, running));
    }
    for (value, category) in list(&mut document, "categories").zip(&menu.categories) {
        value["served"] = json!(offer.serves_shelf(category));
    }
    if let Some(promotions) = document.get_mut("promotions").and_then(Value::as_array_mut) {
        promotions.retain(|promotion| promotion.get("coupon").is_none_or(Value::is_null));
    }
    document["version"] = json!(menu.version());
    let body = Bytes::from(document.to_string());
    let etag = format!("\"{}\"", content_hash(&body));
    Latest {
        menu,
        levels,
        running,
        etag,
        body,
    }
}

fn list<'d>(document: &'d mut Value, key: &str) -> impl Iterator<Item = &'d mut Value> {
    let list = document.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_found_in_a_list_and_behind_a_weak_mark() {
        assert!(matches("\"a\", W/\"b\"", "\"b\""));
        assert!(matches("*", "\"b\""));
        assert!(!matches("\"a\"", "\"b\""));
    }

    #[test]
    fn the_same_menu_has_another_etag_in_other_hours() {
        let menu = Arc::new(crate::menus::load(None).unwrap().menu);
        let etag = |running| rendered(Arc::clone(&menu), Arc::default(), running).etag;
        let (noon, morning) = (Dayparts::default(), Dayparts::at([0]));
        assert_eq!(etag(noon), etag(noon));
        assert_ne!(etag(noon), etag(morning));
    }
}
