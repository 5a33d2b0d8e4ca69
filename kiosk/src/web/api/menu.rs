//! The menu in force, with what can be sold of it now.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cloud_sync_wire::chain::content_hash;
use kiosk_core::menu::Menu;
use kiosk_core::stock::Level;
use serde_json::{Value, json};

use crate::journal::Levels;
use crate::web::AppState;

/// The latest answer, good until the menu or a level changes.
static LATEST: Mutex<Option<Latest>> = Mutex::new(None);

struct Latest {
    menu: Arc<Menu>,
    levels: Arc<Levels>,
    etag: String,
    body: Bytes,
}

pub(super) async fn menu(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let menu = state.menu();
    let levels = Arc::clone(&state.journal.levels().borrow());
    let (etag, body) = {
        let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = latest.as_ref().is_some_and(|latest| {
            Arc::ptr_eq(&latest.menu, &menu) && Arc::ptr_eq(&latest.levels, &levels)
        });
        if !fresh {
            *latest = Some(rendered(menu, levels));
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

fn rendered(menu: Arc<Menu>, levels: Arc<Levels>) -> Latest {
    let mut document = menu.document().clone();
    if let Some(items) = document.get_mut("items").and_then(Value::as_array_mut) {
        for (value, item) in items.iter_mut().zip(menu.items()) {
            let start = Level::starting_with(item.stock);
            let level = levels.get(&item.id).copied().unwrap_or(start);
            value["available"] = json!(level.sells());
            if let Some(left) = level.left {
                value["left"] = json!(left);
            }
        }
    }
    document["version"] = json!(menu.version());
    let body = Bytes::from(document.to_string());
    let etag = format!("\"{}\"", content_hash(&body));
    Latest {
        menu,
        levels,
        etag,
        body,
    }
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
}
