//! Quotes: what a cart costs now, what of it is sold out, and one thing that goes well with it.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use kiosk_core::cart::Cart;
use kiosk_core::menu::Menu;
use kiosk_core::pricing::{Quote, price, taken};
use kiosk_core::stock::{Shortage, reserve};
use serde::Serialize;

use crate::clock;
use crate::offer::Offer;
use crate::switches::RECOMMENDATIONS;
use crate::web::error::Problem;
use crate::web::{AppState, body};

/// The ladder's top: all features.
const ALL_FEATURES: &str = "L0";

/// A priced cart and what the screen should say of it.
#[derive(Serialize)]
struct QuoteView<'q> {
    #[serde(flatten)]
    quote: &'q Quote,
    to_pay: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_sold: Vec<Shortage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<Suggestion>,
}

/// One item that goes well with the cart.
#[derive(Serialize)]
struct Suggestion {
    item: String,
    why: &'static str,
}

/// A quote as every answer shows it.
pub(in crate::web) fn shown(quote: &Quote) -> serde_json::Value {
    let view = QuoteView {
        quote,
        to_pay: quote.to_pay(),
        not_sold: Vec::new(),
        suggestion: None,
    };
    serde_json::json!(view)
}

pub(super) async fn quote(
    State(state): State<AppState>,
    body: Body,
) -> Result<Json<serde_json::Value>, Problem> {
    let bytes = body::read(body).await?;
    let cart = Cart::quote(&body::json(&bytes)?).map_err(|faults| Problem::invalid(&faults))?;
    let menu = state.menu();
    let now = clock::wall();
    let quote = price(&menu, &cart, now)?;
    let levels = std::sync::Arc::clone(&state.journal.levels().borrow());
    let offer = Offer {
        menu: &menu,
        levels: &levels,
        running: menu.running(now),
    };
    let view = QuoteView {
        to_pay: quote.to_pay(),
        not_sold: short(&state, &offer, &quote),
        suggestion: suggestion(&state, &menu, &offer, &quote),
        quote: &quote,
    };
    Ok(Json(serde_json::json!(view)))
}

/// Items of which less is left than the cart holds; told, so that the rest can be ordered.
pub(super) fn short(state: &AppState, offer: &Offer<'_>, quote: &Quote) -> Vec<Shortage> {
    // Once the day is closed its levels say nothing of the next one.
    let day = *state.journal.day().borrow();
    if day.is_some_and(|day| day.closed_at.is_some()) {
        return Vec::new();
    }
    reserve(&taken(&quote.lines), |id| offer.level_of(id))
        .err()
        .unwrap_or_default()
}

/// At most one: what the menu says goes with an item, else what is often taken with it.
fn suggestion(
    state: &AppState,
    menu: &Menu,
    offer: &Offer<'_>,
    quote: &Quote,
) -> Option<Suggestion> {
    if !state.link.switches().is_on(RECOMMENDATIONS) || level(state) != ALL_FEATURES {
        return None;
    }
    let cart: BTreeSet<&str> = quote.lines.iter().map(|line| line.item.as_str()).collect();
    let fits = |id: &str| {
        let sold = menu.item(id).is_some_and(|item| offer.sells(item));
        sold && !cart.contains(id)
    };
    let told = quote
        .lines
        .iter()
        .filter_map(|line| menu.item(&line.item)?.goes_with.as_deref())
        .find(|id| fits(id));
    if let Some(item) = told {
        return Some(Suggestion {
            item: item.to_owned(),
            why: "menu",
        });
    }
    let habits = state.habits.known();
    let item = habits.suggest(&cart, fits)?.to_owned();
    Some(Suggestion {
        item,
        why: "together",
    })
}

fn level(state: &AppState) -> &'static str {
    let link = state.link.status();
    let free = state.admission.available_permits();
    state.link.level(&link, free).level
}
