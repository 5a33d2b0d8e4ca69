//! What staff do with an order.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use kiosk_core::cart::{LINES_LIMIT, QUANTITY_LIMIT};
use kiosk_core::combo::PARTS_LIMIT;
use kiosk_core::document::{At, Faults, Object, list, text, whole};
use kiosk_core::ids::OrderId;
use kiosk_core::order::{Action, Tender};
use kiosk_core::refund::Wanted;
use serde_json::Value;

use super::access::{Kitchen, Request};
use super::orders::view;
use crate::journal::{ActRequest, LinesRefund, StaffRole, Stamp};
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::{AppState, body};

/// Longest reason, in characters.
const REASON_LIMIT: usize = 200;

/// What a body says of an action.
#[derive(Default)]
struct Said {
    reason: Option<String>,
    tender: Option<Tender>,
    refund: Option<LinesRefund>,
}

/// `POST /api/v1/orders/{id}/…` for one action.
pub(super) fn action(action: Action) -> MethodRouter<AppState> {
    post(
        move |state: State<AppState>, who: Kitchen, request: Request, id: Name, body: Body| {
            act(action, state, who, request, id, body)
        },
    )
}

async fn act(
    action: Action,
    State(state): State<AppState>,
    Kitchen(who): Kitchen,
    Request(request): Request,
    Name(id): Name,
    body: Body,
) -> Result<Response, Problem> {
    let manager_only = matches!(action, Action::Pay | Action::Void | Action::Refund);
    if manager_only && who.role != StaffRole::Manager {
        return Err(Problem::forbidden("This needs the manager's PIN."));
    }
    let bytes = body::read(body).await?;
    let said = said(action, &body::json_or_empty(&bytes)?)?;
    if matches!(action, Action::Void | Action::Refund) && said.reason.is_none() {
        return Err(Problem::invalid_field("/reason", "is missing: say why"));
    }
    let order: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let wish = ActRequest {
        stamp: Stamp::now(request),
        order,
        action: match said.refund {
            Some(_) => Action::RefundLines,
            None => action,
        },
        reason: said.reason,
        by: Some(who.by()),
        tender: said.tender,
        reference: None,
        refund: said.refund,
    };
    let order = state.journal.act(wish).await?;
    let stored = state
        .journal
        .read(move |reader| reader.order(order.id))
        .await?;
    let stored = stored.ok_or_else(|| Problem::not_found("order"))?;
    Ok(Json(view(&state, &stored.order, &stored.seqs)).into_response())
}

/// The body of an action: `{"reason"?}`, of a payment `tender` as well, and of a refund `lines` with
/// the `version` of the order that they were chosen from.
fn said(action: Action, body: &Value) -> Result<Said, Problem> {
    let known: &[&str] = match action {
        Action::Pay => &["reason", "tender"],
        Action::Refund => &["reason", "lines", "version"],
        _ => &["reason"],
    };
    let mut faults = Faults::default();
    let at = At::Root;
    let mut said = Said::default();
    if let Some(object) = Object::read(body, &at, &mut faults) {
        object.refuse_unknown(known, &at, &mut faults);
        said.reason = object.optional("reason", &at, &mut faults, one_line);
        if action == Action::Pay {
            said.tender = object.optional("tender", &at, &mut faults, tender);
        }
        if action == Action::Refund {
            said.refund = refund(&object, &at, &mut faults);
        }
    }
    if faults.is_empty() {
        Ok(said)
    } else {
        Err(Problem::invalid(&faults.into_vec()))
    }
}

fn refund(object: &Object<'_>, at: &At<'_>, faults: &mut Faults) -> Option<LinesRefund> {
    let most = LINES_LIMIT * PARTS_LIMIT;
    let lines = object.optional("lines", at, faults, |value, at, faults| {
        let lines = list(value, at, faults, refund_line)?;
        if lines.is_empty() || lines.len() > most {
            faults.add(at, format!("must name 1 to {most} lines"));
        }
        Some(lines)
    });
    let version = object.optional("version", at, faults, |value, at, faults| {
        whole(value, at, faults, 1, i64::from(u32::MAX))
    });
    let lines = lines?;
    let Some(version) = version.and_then(|version| u32::try_from(version).ok()) else {
        faults.add(
            &at.key("version"),
            "is missing: a refund of lines must name the version of the order it was chosen from",
        );
        return None;
    };
    Some(LinesRefund { version, lines })
}

fn refund_line(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Wanted> {
    let object = Object::read(value, at, faults)?;
    object.refuse_unknown(&["line", "quantity"], at, faults);
    let line = object.required("line", at, faults, |v, at, f| whole(v, at, f, 0, 999));
    let quantity = object.optional("quantity", at, faults, |v, at, f| {
        whole(v, at, f, 1, QUANTITY_LIMIT)
    });
    Some(Wanted {
        line: usize::try_from(line?).ok()?,
        quantity: u32::try_from(quantity.unwrap_or(1)).ok()?,
    })
}

fn tender(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Tender> {
    match text(value, at, faults)? {
        "cash" => Some(Tender::Cash),
        "card" => Some(Tender::Card),
        "other" => Some(Tender::Other),
        _ => {
            faults.add(at, "must be cash, card or other");
            None
        }
    }
}

/// Why something is done: a line of text; blank is the same as absent.
pub(super) fn one_line(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    let reason = text(value, at, faults)?;
    if reason.chars().count() > REASON_LIMIT || reason.chars().any(char::is_control) {
        faults.add(at, "must have at most 200 characters on one line");
    }
    let reason = reason.trim();
    (!reason.is_empty()).then(|| reason.to_owned())
}

/// A body that may say why and nothing else: `{"reason"?}`.
pub(super) fn reason(body: &Value) -> Result<Option<String>, Problem> {
    said(Action::Start, body).map(|said| said.reason)
}
