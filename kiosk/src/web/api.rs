//! The JSON API of the contract, one file per part.

mod access;
mod days;
mod events;
mod health;
mod items;
mod menu;
mod orders;
mod sessions;
mod status;
mod views;

use axum::Router;
use axum::routing::{get, post, put};

use super::AppState;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/openapi.json", get(super::openapi::document))
        .route("/api/v1/menu", get(menu::menu))
        .route("/api/v1/quotes", post(orders::quote))
        .route("/api/v1/orders", get(orders::list).post(orders::place))
        .route("/api/v1/orders/{id}", get(orders::one))
        .route("/api/v1/orders/{id}/{action}", post(orders::act))
        .route(
            "/api/v1/items/{item}/availability",
            put(items::availability),
        )
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/events", get(events::stream))
        .route("/api/v1/reports/day", get(days::report))
        .route("/api/v1/days/open", post(days::open))
        .route("/api/v1/days/close", post(days::close))
        .route(
            "/api/v1/sessions",
            post(sessions::open).delete(sessions::close),
        )
}
