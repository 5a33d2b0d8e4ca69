//! Menus: published whole or not at all, fetched by version.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cloud_sync_wire::credential::token_digest;
use kiosk_core::document::Fault;
use kiosk_core::ids::StoreId;
use kiosk_core::menu::{DOCUMENT_LIMIT, Menu};
use serde_json::json;

use super::access::{Hq, bearer, user};
use super::input;
use super::problem::Problem;
use crate::clock;
use crate::cloud::Cloud;
use crate::ledger::{LedgerError, devices, menus};

pub(crate) async fn publish(
    hq: Hq,
    State(cloud): State<Cloud>,
    Path(store): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    hq.may_edit()?;
    let store = StoreId::try_new(&store).map_err(|error| {
        Problem::invalid(vec![Fault {
            pointer: "/path/store".to_owned(),
            detail: error.to_string(),
        }])
    })?;
    let document = input::body(body, DOCUMENT_LIMIT).await?;
    let checking = tokio::task::spawn_blocking(move || (Menu::parse(&document), document));
    let (parsed, document) = checking.await.map_err(|_| LedgerError::Closed)?;
    let parsed = parsed.map_err(|faults| match faults.as_slice() {
        [Fault { pointer, detail }] if pointer.is_empty() && detail.starts_with("is not JSON") => {
            Problem::malformed(format!("the menu {detail}"))
        }
        _ => Problem::invalid(faults),
    })?;
    let version = parsed.menu.version().to_owned();
    let (of, to, by) = (store.clone(), version.clone(), hq.0.name.clone());
    let new = cloud.ledger.write(move |connection| {
        menus::publish(connection, &of, &to, &document, &by, clock::wall())
    });
    if new.await? {
        tracing::info!(%store, version, user = hq.0.name, "menu published");
        cloud.menus_changed.send_modify(|count| *count += 1);
    }
    let answer = json!({ "version": version, "warnings": parsed.warnings });
    Ok(([(header::ETAG, etag(&version))], Json(answer)).into_response())
}

/// For kiosks of the store and for headquarters.
pub(crate) async fn fetch(
    State(cloud): State<Cloud>,
    Path(store): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    may_fetch(&cloud, &store, &headers).await?;
    let found = cloud
        .ledger
        .read(move |connection| menus::current(connection, &store))
        .await?;
    let missing = || Problem::not_found("no menu was published for this store yet");
    let (version, document) = found.ok_or_else(missing)?;
    let etag = etag(&version);
    let same = is_known(&headers, &etag);
    let told = [
        (header::ETAG, etag),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    if same {
        return Ok((StatusCode::NOT_MODIFIED, told).into_response());
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((told, kind, document).into_response())
}

/// Whether the request names this tag as one that it knows.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let wanted = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = wanted
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    known.any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag)
}

async fn may_fetch(cloud: &Cloud, store: &str, headers: &HeaderMap) -> Result<(), Problem> {
    if user(cloud, headers).await?.is_some() {
        return Ok(());
    }
    let own = match bearer(headers) {
        None => false,
        Some(token) => {
            let (store, digest) = (store.to_owned(), token_digest(token.as_bytes()));
            let find = cloud
                .ledger
                .read(move |connection| devices::store_has_token(connection, &store, &digest));
            find.await?
        }
    };
    if own {
        return Ok(());
    }
    Err(Problem::unauthorized(
        "show the token of a kiosk of this store, or sign in",
    ))
}

fn etag(version: &str) -> String {
    format!("\"{version}\"")
}
