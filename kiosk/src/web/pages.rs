//! The pages: what a browser gets. Their content is made in the file of each screen.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use kiosk_core::stock::Level;
use serde::Deserialize;
use tower_http::compression::CompressionLayer;

use super::diner::Diner;
use super::error::Problem;
use super::name::Name;
use super::{AppState, assets};
use crate::clock;
use crate::status::LinkMode;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(diner))
        .route("/items/{id}", get(sheet))
        .route("/about", get(about))
        .route("/board", get(super::board::page))
        .route("/kitchen", get(super::kitchen::page))
        .merge(super::manager::routes())
        .layer(CompressionLayer::new())
}

#[derive(Deserialize)]
struct Look {
    lang: Option<String>,
}

async fn diner(
    State(state): State<AppState>,
    Query(look): Query<Look>,
) -> Result<Response, Problem> {
    render(&state, |diner| Some(diner.page(look.lang.as_deref())))
}

async fn sheet(
    State(state): State<AppState>,
    Name(id): Name,
    Query(look): Query<Look>,
) -> Result<Response, Problem> {
    render(&state, |diner| diner.sheet(&id, look.lang.as_deref()))
}

async fn about(
    State(state): State<AppState>,
    Query(look): Query<Look>,
) -> Result<Response, Problem> {
    render(&state, |diner| Some(diner.about(look.lang.as_deref())))
}

fn render(
    state: &AppState,
    page: impl FnOnce(&Diner<'_>) -> Option<Result<String, askama::Error>>,
) -> Result<Response, Problem> {
    let menu = state.menu();
    let levels = state.journal.levels();
    let levels = levels.borrow().clone();
    let stock = |id: &str| {
        let start = menu.item(id).and_then(|item| item.stock);
        levels
            .get(id)
            .copied()
            .unwrap_or(Level::starting_with(start))
    };
    let offline = matches!(state.link.mode(), LinkMode::Offline);
    let diner = Diner {
        menu: &menu,
        stock: &stock,
        pictures: &state.pictures,
        running: menu.running(clock::wall()),
        offline,
        reached: state.reach.base().is_some(),
    };
    let html = page(&diner)
        .ok_or_else(|| Problem::not_found("dish"))?
        .map_err(|error| {
            tracing::error!(%error, "a page could not be made");
            Problem::unavailable("This page could not be made; the kiosk's log says why.")
        })?;
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, assets::PAGE_POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, Html(html)).into_response())
}
