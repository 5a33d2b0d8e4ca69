//! The cash drawer: floats, counts, and what is put in or taken out besides orders.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use kiosk_core::cash::{CashKind, Drawer};
use kiosk_core::document::{At, Faults, Object, text, whole};
use kiosk_core::money::TOTAL_LIMIT;
use serde_json::{Value, json};

use super::access::{Manager, Request};
use super::actions::{one_line, reason};
use crate::devices::drawer::Unopened;
use crate::journal::{CashRequest, Stamp};
use crate::web::error::Problem;
use crate::web::{AppState, body};

pub(super) async fn count(
    State(state): State<AppState>,
    Manager(who): Manager,
    Request(request): Request,
    body: Body,
) -> Result<Json<Drawer>, Problem> {
    let (kind, amount, reason) = said(&body::json(&body::read(body).await?)?)?;
    let wish = CashRequest {
        stamp: Stamp::now(request),
        kind,
        amount,
        reason,
        by: Some(who.by()),
    };
    let drawer = state.journal.count_cash(wish).await?;
    // Whoever counts or moves money has it open.
    let opened = state.devices.open_drawer().await.is_ok();
    tracing::info!(
        ?kind,
        amount,
        expected = drawer.expected,
        opened,
        "cash drawer"
    );
    Ok(Json(drawer))
}

/// `POST /api/v1/drawer/open`: opened by hand, and why, which the log keeps.
pub(super) async fn open_drawer(
    State(state): State<AppState>,
    Manager(who): Manager,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let reason = reason(&body::json(&body::read(body).await?)?)?;
    let reason = reason.ok_or_else(|| Problem::invalid_field("/reason", "is missing: say why"))?;
    match state.devices.open_drawer().await {
        Ok(()) => {}
        Err(Unopened::NoDrawer) => return Err(Problem::not_found("cash drawer")),
        Err(why) => {
            let (by, told) = (who.by(), why.as_str());
            tracing::warn!(reason, by, why = told, "the cash drawer did not open");
            return Err(Problem::drawer_unopened(why));
        }
    }
    tracing::warn!(reason, by = who.by(), "the cash drawer was opened by hand");
    Ok(Json(json!({ "opened": true })))
}

/// `{"kind","amount","reason"?}`; money that moves besides orders needs a reason.
fn said(body: &Value) -> Result<(CashKind, i64, Option<String>), Problem> {
    let mut faults = Faults::default();
    let at = At::Root;
    let read = Object::read(body, &at, &mut faults).and_then(|object| {
        let faults = &mut faults;
        object.refuse_unknown(&["kind", "amount", "reason"], &at, faults);
        let kind = object.required("kind", &at, faults, kind);
        let amount = object.required("amount", &at, faults, |v, at, f| {
            whole(v, at, f, 0, TOTAL_LIMIT)
        });
        let reason = object.optional("reason", &at, faults, one_line);
        if matches!(kind, Some(CashKind::In | CashKind::Out)) && reason.is_none() {
            faults.add(&at.key("reason"), "is missing: say why");
        }
        Some((kind?, amount?, reason))
    });
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ => Err(Problem::invalid(&faults.into_vec())),
    }
}

fn kind(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<CashKind> {
    match text(value, at, faults)? {
        "float" => Some(CashKind::Float),
        "in" => Some(CashKind::In),
        "out" => Some(CashKind::Out),
        "count" => Some(CashKind::Count),
        _ => {
            faults.add(at, "must be float, in, out or count");
            None
        }
    }
}
