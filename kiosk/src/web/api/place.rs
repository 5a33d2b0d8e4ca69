//! Placing an order.
//!
//! The key is looked at first: whatever is wrong with a request, one whose key is bound gets the
//! order of that key, or is told that it belongs to another. So every check here only *remembers*
//! its refusal, and the journal is asked for the key before it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use cloud_sync_wire::chain::{Hash, content_hash};
use kiosk_core::cart::{Cart, Method};
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::menu::Menu;
use kiosk_core::pricing::{Quote, price, taken};
use uuid::Uuid;

use super::access::Request;
use super::orders::view;
use super::quotes::short;
use crate::clock;
use crate::devices::Claim;
use crate::journal::{PlaceRequest, Placed, Stamp};
use crate::offer::Offer;
use crate::web::error::Problem;
use crate::web::{AppState, body};

pub(super) async fn place(
    State(state): State<AppState>,
    Request(request): Request,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let started = clock::monotonic();
    let key = idempotency_key(&headers)?;
    let read = body::read(body).await;
    // No order was ever made of nothing, so what can't be read is no bound key's content.
    let bytes = read.as_deref().unwrap_or_default();
    let cart = body::json(bytes)
        .and_then(|value| Cart::order(&value).map_err(|faults| Problem::invalid(&faults)));
    let content = content_of(cart.as_ref().ok(), bytes);
    let admitted = state.admission.try_acquire();
    let tap = request.clone().unwrap_or_default();
    let wish = match &admitted {
        Ok(_) => read.and(cart).and_then(|cart| {
            let menu = state.menu();
            let quote = priced(&state, &menu, &cart)?;
            let claim = claimed(&state, &cart)?;
            let wish = request_for(&state, &menu, cart, quote, key, content, request);
            Ok((wish, claim))
        }),
        Err(_) => Err(Problem::too_many_requests(
            1,
            "The kiosk has its hands full.",
        )),
    };
    let placed = match wish {
        Ok((wish, claim)) => {
            let placed = state.journal.place(wish).await?;
            // It leaves the terminal when its payment has ended.
            if let Some(claim) = claim.filter(|_| !placed.repeated) {
                claim.goes();
            }
            placed
        }
        Err(refused) => state
            .journal
            .read(move |reader| reader.key(key, content))
            .await??
            .ok_or(refused)?,
    };
    Ok(answer(&state, &placed, &tap, started))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Uuid, Problem> {
    headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| Uuid::parse_str(text.trim()).ok())
        .ok_or_else(Problem::idempotency_key)
}

/// What the key is bound to: the same choice is the same content, however it was written down.
fn content_of(cart: Option<&Cart>, bytes: &[u8]) -> Hash {
    match cart.map(serde_json::to_vec) {
        Some(Ok(canonical)) => content_hash(&canonical),
        _ => content_hash(bytes),
    }
}

/// The price, if all of it is there, it is what the diner expects and can be paid as wished.
fn priced(state: &AppState, menu: &Menu, cart: &Cart) -> Result<Quote, Problem> {
    let quote = price(menu, cart, clock::wall())?;
    in_stock(state, menu, &quote)?;
    let as_expected = match cart.expected_total {
        Some(expected) => expected == quote.total,
        // Nothing to compare with: a price that may have changed is told, not charged.
        None => cart
            .menu_version
            .as_deref()
            .is_none_or(|seen| seen == menu.version()),
    };
    if !as_expected {
        return Err(Problem::price_changed(&quote));
    }
    let available = state.payment_methods();
    if !cart
        .payment
        .is_some_and(|method| available.contains(&method))
    {
        if cart.payment == Some(Method::Card) && state.devices.is_terminal_busy() {
            return Err(busy(state));
        }
        let available: Vec<&str> = available.iter().map(|method| method.as_str()).collect();
        return Err(Problem::payment_unavailable(&available));
    }
    Ok(quote)
}

/// The card terminal, held for whoever pays by card: of two who tap at once, one has it and the other
/// is told so.
fn claimed(state: &AppState, cart: &Cart) -> Result<Option<Claim>, Problem> {
    if cart.payment != Some(Method::Card) {
        return Ok(None);
    }
    let claim = state.devices.claim_terminal();
    claim.map(Some).ok_or_else(|| busy(state))
}

fn busy(state: &AppState) -> Problem {
    let available = state.payment_methods().iter();
    let available: Vec<&str> = available.map(|method| method.as_str()).collect();
    Problem::terminal_busy(&available)
}

/// Refuses what can be seen to be sold out before a new price is told. The journal decides: it
/// alone knows what the orders ahead of this one take.
fn in_stock(state: &AppState, menu: &Menu, quote: &Quote) -> Result<(), Problem> {
    let levels = Arc::clone(&state.journal.levels().borrow());
    let offer = Offer {
        menu,
        levels: &levels,
        running: menu.running(clock::wall()),
    };
    let short = short(state, &offer, quote);
    if short.is_empty() {
        Ok(())
    } else {
        Err(Problem::sold_out(&short))
    }
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
    let wanted: BTreeMap<String, (u32, Option<u32>)> = taken(&quote.lines)
        .into_iter()
        .map(|(item, quantity)| {
            let start = menu.item(item).and_then(|item| item.stock);
            (item.to_owned(), (quantity, start))
        })
        .collect();
    let language = menu.language_or_own(cart.language.as_deref()).to_owned();
    let stamp = Stamp::now(request);
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
        schedule: state.settings.schedule(),
        zone: menu.time_zone.clone(),
    }
}

fn answer(state: &AppState, placed: &Placed, tap: &str, started: Duration) -> Response {
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
        "method" => order.payment.method.as_str()
    )
    .increment(1);
    tracing::info!(
        order = %order.id,
        number = %order.number,
        total = order.total,
        currency = %order.currency,
        lines = order.lines.len(),
        request = tap,
        "order placed"
    );
    let location = format!("/api/v1/orders/{}", order.id);
    (StatusCode::CREATED, [("location", location)], body).into_response()
}
