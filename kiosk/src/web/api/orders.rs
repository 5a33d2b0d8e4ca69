//! Quotes and orders.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use cloud_sync_wire::chain::{Hash, content_hash};
use kiosk_core::cart::{Cart, Method};
use kiosk_core::document::Fault;
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::menu::Menu;
use kiosk_core::order::{Action, Order, Status};
use kiosk_core::pricing::{Quote, price};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Kitchen, Request};
use super::views::{OrderView, sync_of};
use crate::clock;
use crate::journal::{ActRequest, ListFilter, PlaceRequest, Placed, StaffRole, Stamp};
use crate::web::error::Problem;
use crate::web::{AppState, body};

/// Payment methods that can be had now.
const AVAILABLE: &[Method] = &[Method::Counter];
/// Orders on one page of a list, if nobody asks for another number.
const PAGE: u32 = 50;
/// The most on one page.
const LONGEST_PAGE: u32 = 500;

pub(super) async fn quote(
    State(state): State<AppState>,
    body: Body,
) -> Result<Json<Quote>, Problem> {
    let bytes = body::read(body).await?;
    let cart = Cart::quote(&body::json(&bytes)?).map_err(|faults| Problem::invalid(&faults))?;
    Ok(Json(price(&state.menu(), &cart)?))
}

pub(super) async fn place(
    State(state): State<AppState>,
    Request(request): Request,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let started = clock::monotonic();
    let key = idempotency_key(&headers)?;
    let bytes = body::read(body).await?;
    let Ok(_admitted) = state.admission.try_acquire() else {
        return Err(Problem::too_many_requests(
            1,
            "The kiosk has its hands full.",
        ));
    };
    let parsed = serde_json::from_slice::<Value>(&bytes);
    let cart = parsed.as_ref().ok().map(Cart::order);
    // The same choice is the same content, however it was written down.
    let content = match &cart {
        Some(Ok(cart)) => {
            content_hash(&serde_json::to_vec(cart).map_err(|e| Problem::malformed(&e.to_string()))?)
        }
        _ => content_hash(&bytes),
    };
    let refused = match (parsed, cart) {
        (Ok(_), Some(Ok(cart))) => {
            let menu = state.menu();
            match priced(&menu, &cart) {
                Ok(quote) => {
                    let method = cart.payment.unwrap_or(Method::Counter);
                    let order = request_for(&state, &menu, cart, quote, key, content, request);
                    let placed = state.journal.place(order).await?;
                    return Ok(answer(&state, &placed, method, started));
                }
                Err(problem) => problem,
            }
        }
        (Ok(_), Some(Err(faults))) => Problem::invalid(&faults),
        (Err(error), _) => Problem::malformed(&error.to_string()),
        (Ok(_), None) => Problem::malformed("it can't be read"),
    };
    // Whatever is wrong with it, a key that is known is answered first.
    match state
        .journal
        .read(move |reader| reader.key(key, content))
        .await??
    {
        Some(placed) => Ok(answer(&state, &placed, Method::Counter, started)),
        None => Err(refused),
    }
}

/// The price, if it is what the diner expects and can be paid as wished.
fn priced(menu: &Menu, cart: &Cart) -> Result<Quote, Problem> {
    let quote = price(menu, cart)?;
    let menu_moved = cart
        .menu_version
        .as_deref()
        .is_some_and(|seen| seen != menu.version());
    let as_expected = match cart.expected_total {
        Some(expected) => expected == quote.total,
        // Nothing to compare with: a price that may have changed is told, not charged.
        None => !menu_moved,
    };
    if !as_expected {
        return Err(Problem::price_changed(&quote));
    }
    if !cart
        .payment
        .is_some_and(|method| AVAILABLE.contains(&method))
    {
        let available: Vec<&str> = AVAILABLE.iter().map(|method| method.as_str()).collect();
        return Err(Problem::payment_unavailable(&available));
    }
    Ok(quote)
}

fn request_for(
    state: &AppState,
    menu: &Menu,
    cart: Cart,
    quote: Quote,
    key: Uuid,
    content: Hash,
    request: Option<String>,
) -> PlaceRequest {
    let mut wanted: BTreeMap<String, (u32, Option<u32>)> = BTreeMap::new();
    for line in &cart.lines {
        let start = menu.item(&line.item).and_then(|item| item.stock);
        let entry = wanted.entry(line.item.clone()).or_insert((0, start));
        entry.0 = entry.0.saturating_add(line.quantity);
    }
    let language = menu.language_or_own(cart.language.as_deref()).to_owned();
    let stamp = stamp(request);
    PlaceRequest {
        key,
        content,
        id: OrderId(clock::uuid7(stamp.at)),
        day_event: EventId(clock::uuid7(stamp.at)),
        stamp,
        quote,
        service: cart.service,
        table: cart.table,
        language,
        terminal: cart.terminal,
        method: cart.payment.unwrap_or(Method::Counter),
        wanted,
        schedule: state.schedule,
        zone: menu.time_zone.clone(),
    }
}

/// The stamp of a write that happens now.
pub(super) fn stamp(request: Option<String>) -> Stamp {
    let at = clock::wall();
    let mono_ms = u64::try_from(clock::monotonic().as_millis()).unwrap_or(u64::MAX);
    Stamp {
        at,
        mono_ms,
        event: EventId(clock::uuid7(at)),
        request,
    }
}

fn answer(
    state: &AppState,
    placed: &Placed,
    method: Method,
    started: std::time::Duration,
) -> Response {
    let order = &placed.order;
    let body = Json(view(state, order, &placed.seqs)).into_response();
    if placed.repeated {
        return body;
    }
    let elapsed = clock::monotonic().saturating_sub(started);
    metrics::histogram!("kiosk_order_accept_seconds").record(elapsed.as_secs_f64());
    metrics::counter!(
        "kiosk_orders_total",
        "service" => order.service.as_str(),
        "method" => method.as_str()
    )
    .increment(1);
    tracing::info!(
        order = %order.id,
        number = %order.number,
        total = order.total,
        currency = %order.currency,
        lines = order.lines.len(),
        "order placed"
    );
    let location = format!("/api/v1/orders/{}", order.id);
    (StatusCode::CREATED, [("location", location)], body).into_response()
}

fn view<'a>(state: &AppState, order: &'a Order, seqs: &[u64]) -> OrderView<'a> {
    let outbox = state.journal.outbox();
    let sync = sync_of(seqs, &outbox.borrow(), &state.link);
    OrderView::new(order, sync)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Uuid, Problem> {
    headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| Uuid::parse_str(text.trim()).ok())
        .ok_or_else(Problem::idempotency_key)
}

pub(super) async fn one(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let stored = state.journal.read(move |reader| reader.order(id)).await?;
    let stored = stored.ok_or_else(|| Problem::not_found("order"))?;
    Ok(Json(view(&state, &stored.order, &stored.seqs)).into_response())
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    business_date: Option<String>,
    status: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

impl ListQuery {
    fn filter(&self) -> Result<ListFilter, Problem> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, detail: &str| {
            faults.push(Fault {
                pointer: format!("/{field}"),
                detail: detail.to_owned(),
            });
        };
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let business_date = filled(&self.business_date).and_then(|text| {
            text.parse()
                .map_err(|_| fault("business_date", "must be a date such as 2026-11-20"))
                .ok()
        });
        let status = filled(&self.status).and_then(|text| {
            let status = Status::from_name(&text);
            if status.is_none() {
                fault(
                    "status",
                    "must be placed, preparing, ready, collected or voided",
                );
            }
            status
        });
        let before = filled(&self.after).and_then(|text| {
            text.parse()
                .map_err(|_| fault("after", "must be a cursor from next"))
                .ok()
        });
        let limit = filled(&self.limit).map_or(Some(PAGE), |text| {
            let limit = text
                .parse()
                .ok()
                .filter(|limit| (1..=LONGEST_PAGE).contains(limit));
            if limit.is_none() {
                fault("limit", "must be between 1 and 500");
            }
            limit
        });
        match limit {
            Some(limit) if faults.is_empty() => Ok(ListFilter {
                business_date,
                status,
                before,
                limit,
            }),
            _ => Err(Problem::invalid(&faults)),
        }
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    _: Kitchen,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let filter = query.filter()?;
    let limit = filter.limit;
    let wanted = ListFilter {
        limit: limit + 1,
        ..filter
    };
    let mut orders = state
        .journal
        .read(move |reader| reader.list(&wanted))
        .await?;
    let more = orders.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        orders.pop();
    }
    let next = orders
        .last()
        .filter(|_| more)
        .map(|last| last.place.to_string());
    let views: Vec<_> = orders
        .iter()
        .map(|stored| view(&state, &stored.order, &stored.seqs))
        .collect();
    Ok(Json(json!({ "orders": views, "next": next })))
}

pub(super) async fn act(
    State(state): State<AppState>,
    Kitchen(role): Kitchen,
    Request(request): Request,
    Path((id, action)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Problem> {
    let action = match action.as_str() {
        "start" => Action::Start,
        "ready" => Action::Ready,
        "collect" => Action::Collect,
        "pay" => Action::Pay,
        "void" => Action::Void,
        "refund" => Action::Refund,
        _ => return Err(Problem::not_found("action")),
    };
    let manager_only = matches!(action, Action::Pay | Action::Void | Action::Refund);
    if manager_only && role != StaffRole::Manager {
        return Err(Problem::forbidden("This needs the manager's PIN."));
    }
    let bytes = body::read(body).await?;
    let reason = reason(&body::json_or_empty(&bytes)?)?;
    if matches!(action, Action::Void | Action::Refund) && reason.is_none() {
        return Err(Problem::invalid_field("/reason", "is missing: say why"));
    }
    let order: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let by = Some(role.as_str().to_owned());
    let wish = ActRequest {
        stamp: stamp(request),
        order,
        action,
        reason,
        by,
    };
    let order = state.journal.act(wish).await?;
    let stored = state
        .journal
        .read(move |reader| reader.order(order.id))
        .await?;
    let stored = stored.ok_or_else(|| Problem::not_found("order"))?;
    Ok(Json(view(&state, &stored.order, &stored.seqs)).into_response())
}

/// The body of an action: `{"reason"?}`.
pub(super) fn reason(body: &Value) -> Result<Option<String>, Problem> {
    use kiosk_core::document::{At, Faults, Object, text};
    let mut faults = Faults::default();
    let at = At::Root;
    let reason = Object::read(body, &at, &mut faults).and_then(|object| {
        object.refuse_unknown(&["reason"], &at, &mut faults);
        object.optional("reason", &at, &mut faults, |value, at, faults| {
            let reason = text(value, at, faults)?.trim();
            if reason.chars().count() > 200 || reason.chars().any(char::is_control) {
                faults.add(at, "must have at most 200 characters on one line");
            }
            (!reason.is_empty()).then(|| reason.to_owned())
        })
    });
    if faults.is_empty() {
        Ok(reason)
    } else {
        Err(Problem::invalid(&faults.into_vec()))
    }
}
