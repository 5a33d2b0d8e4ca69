//! The HTTP side: devices, headquarters' calls and pages.

use axum::Router;
use axum::middleware;
use axum::routing::{MethodRouter, get, post, put};

use crate::cloud::Cloud;
use crate::web;

pub(crate) mod access;
pub(crate) mod brokers;
pub(crate) mod changes;
pub(crate) mod devices;
pub(crate) mod groups;
pub(crate) mod health;
pub(crate) mod input;
pub(crate) mod kiosks;
pub(crate) mod menus;
pub(crate) mod notices;
pub(crate) mod openapi;
pub(crate) mod orders;
pub(crate) mod problem;
pub(crate) mod quarantine;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod switches;

/// A path with what answers there.
type Route = (&'static str, MethodRouter<Cloud>);

/// Every path there is; the OpenAPI document is checked against this list.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        ("/healthz", get(health::alive)),
        ("/readyz", get(health::ready)),
        ("/metrics", get(health::metrics)),
        ("/api/openapi.json", get(openapi::serve)),
        (
            "/api/v1/sessions",
            post(sessions::begin).delete(sessions::end),
        ),
        ("/api/v1/kiosks", get(kiosks::list)),
        ("/api/v1/kiosks/{store}/{kiosk}/hello", post(devices::hello)),
        (
            "/api/v1/kiosks/{store}/{kiosk}/events",
            post(devices::events),
        ),
        ("/api/v1/kiosks/{store}/{kiosk}/ack", get(devices::ack)),
        (
            "/api/v1/kiosks/{store}/{kiosk}/switches",
            get(notices::switches),
        ),
        (
            "/api/v1/kiosks/{store}/{kiosk}/settings",
            get(notices::settings),
        ),
        (
            "/api/v1/kiosks/{store}/{kiosk}/broker",
            get(notices::broker),
        ),
        ("/api/v1/kiosks/{store}/{kiosk}/keys", get(notices::keys)),
        ("/api/v1/kiosks/{store}/{kiosk}/key", post(devices::rotate)),
        ("/api/v1/brokers", get(brokers::list)),
        ("/api/v1/stores/{store}/broker", put(brokers::assign)),
        ("/api/v1/kiosks/{store}/{kiosk}/groups", put(groups::put)),
        ("/api/v1/switches", get(switches::list)),
        ("/api/v1/switches/{name}", put(switches::turn)),
        (
            "/api/v1/settings/breakers",
            get(settings::list).put(settings::set),
        ),
        ("/api/v1/changes", get(record::list)),
        ("/api/v1/orders", get(orders::list)),
        ("/api/v1/orders/{id}", get(orders::one)),
        ("/api/v1/summary", get(orders::summary)),
        ("/api/v1/quarantine", get(quarantine::list)),
        ("/api/v1/quarantine/{id}/replay", post(quarantine::replay)),
        (
            "/api/v1/stores/{store}/menu",
            get(menus::fetch).put(menus::publish),
        ),
    ]
}

/// The pages and what they are made of.
fn pages() -> Vec<Route> {
    vec![
        ("/", get(web::page)),
        ("/control", get(web::control::page)),
        ("/sign-in", post(web::door::sign_in)),
        ("/sign-out", post(web::door::sign_out)),
        ("/language/{tag}", get(web::language)),
        ("/live", get(web::live::live)),
        ("/assets/{name}", get(web::assets::serve)),
    ]
}

/// Everything that answers over HTTP.
pub(crate) fn router(cloud: Cloud) -> Router {
    let each = routes().into_iter().chain(pages());
    each.fold(Router::new(), |router, (path, methods)| {
        router.route(path, methods)
    })
    .fallback(problem::nothing_here)
    .method_not_allowed_fallback(problem::other_method)
    .layer(middleware::from_fn(request::follow))
    .with_state(cloud)
}

#[cfg(test)]
mod tests;
