//! The JSON API of the contract, one file per part.

mod access;
mod actions;
mod cash;
mod days;
mod events;
mod health;
mod help;
mod items;
mod menu;
mod orders;
mod payments;
mod place;
mod prints;
mod query;
pub(super) mod quotes;
mod receipts;
mod sessions;
mod settings;
mod staff;
mod status;
mod switches;
pub(super) mod views;

use axum::Router;
use axum::routing::{MethodRouter, get, post, put};
use kiosk_core::order::Action;

use super::AppState;

/// Every path of the API and what serves it; `openapi.json` describes exactly these.
pub(super) fn table() -> Vec<(&'static str, MethodRouter<AppState>)> {
    let mut table = vec![
        ("/healthz", get(health::alive)),
        ("/readyz", get(health::ready)),
        ("/metrics", get(health::metrics)),
        ("/api/openapi.json", get(super::openapi::document)),
        ("/api/v1/menu", get(menu::menu)),
        ("/api/v1/quotes", post(quotes::quote)),
        ("/api/v1/orders", get(orders::list).post(place::place)),
        ("/api/v1/orders/{id}", get(orders::one)),
        ("/api/v1/orders/{id}/receipt.html", get(receipts::page)),
        ("/api/v1/orders/{id}/receipt.png", get(receipts::picture)),
        ("/api/v1/orders/{id}/receipt-qr.svg", get(receipts::code)),
        ("/api/v1/orders/{id}/start", actions::action(Action::Start)),
        ("/api/v1/orders/{id}/ready", actions::action(Action::Ready)),
        (
            "/api/v1/orders/{id}/collect",
            actions::action(Action::Collect),
        ),
        ("/api/v1/orders/{id}/pay", actions::action(Action::Pay)),
        ("/api/v1/orders/{id}/void", actions::action(Action::Void)),
        (
            "/api/v1/orders/{id}/refund",
            actions::action(Action::Refund),
        ),
        ("/api/v1/orders/{id}/cancel-payment", post(payments::cancel)),
        (
            "/api/v1/orders/{id}/payment-returned",
            post(payments::returned),
        ),
        (
            "/api/v1/items/{item}/availability",
            put(items::availability),
        ),
        ("/api/v1/switches/{name}", put(switches::turn)),
        ("/api/v1/devices", get(prints::devices)),
        ("/api/v1/devices/{name}/test", post(prints::test)),
        ("/api/v1/print-jobs", get(prints::list)),
        ("/api/v1/print-jobs/{id}/retry", post(prints::retry)),
        ("/api/v1/print-jobs/{id}/reprint", post(prints::reprint)),
        ("/api/v1/print-jobs/{id}/discard", post(prints::discard)),
        ("/api/v1/status", get(status::status)),
        ("/api/v1/events", get(events::stream)),
        ("/api/v1/reports/day", get(days::report)),
        ("/api/v1/reports/day/print", post(prints::report)),
        ("/api/v1/drawer/open", post(cash::open_drawer)),
        ("/api/v1/days/open", post(days::open)),
        ("/api/v1/days/close", post(days::close)),
        ("/api/v1/days/cash", post(cash::count)),
        (
            "/api/v1/sessions",
            post(sessions::open).delete(sessions::close),
        ),
    ];
    table.extend(help::table());
    table.extend(settings::table());
    table.extend(staff::table());
    table
}

pub(super) fn routes() -> Router<AppState> {
    table()
        .into_iter()
        .fold(Router::new(), |router, (path, served)| {
            router.route(path, served)
        })
}
