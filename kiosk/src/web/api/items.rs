//! Availability: what the manager says of an item's stock.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use kiosk_core::document::{At, Faults, Object, boolean, whole};
use serde_json::{Value, json};

use super::access::{Manager, Request};
use crate::clock;
use crate::journal::{Stamp, StockRequest};
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::{AppState, body};

pub(super) async fn availability(
    State(state): State<AppState>,
    Manager(who): Manager,
    Request(request): Request,
    Name(id): Name,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let bytes = body::read(body).await?;
    let value = body::json(&bytes)?;
    let menu = state.menu();
    let start = match (menu.item(&id), menu.combo(&id)) {
        (Some(item), _) => item.stock,
        (None, Some(_)) => None,
        (None, None) => return Err(Problem::not_found("item")),
    };
    let mut faults = Faults::default();
    let at = At::Root;
    let object = Object::read(&value, &at, &mut faults);
    let (mut available, mut left) = (None, None);
    if let Some(object) = object {
        object.refuse_unknown(&["available", "left"], &at, &mut faults);
        available = object.optional("available", &at, &mut faults, boolean);
        left = object.optional("left", &at, &mut faults, |v, at, f| {
            whole(v, at, f, 0, 1_000_000)
        });
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(&faults.into_vec()));
    }
    // Said as null, not left out: no longer counted.
    let uncounted = value.get("left").is_some_and(Value::is_null);
    let left = match left {
        Some(left) => Some(u32::try_from(left).ok()),
        None => uncounted.then_some(None),
    };
    let stamp = Stamp::now(request);
    let today = state
        .settings
        .schedule()
        .date(clock::wall(), &menu.time_zone);
    let wish = StockRequest {
        stamp,
        item: id.clone(),
        available,
        left,
        start,
        today,
        by: Some(who.by()),
    };
    let level = state.journal.adjust_stock(wish).await?;
    tracing::info!(item = %id, available = level.available, left = level.left, "stock adjusted");
    Ok(Json(
        json!({ "item": id, "available": level.sells(), "left": level.left }),
    ))
}
