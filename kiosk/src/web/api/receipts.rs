//! Receipts for screens: what paper shows, as a page and as a picture.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::Uri;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kiosk_core::ids::OrderId;
use kiosk_paper::{Paper, STYLE, Sheet};
use qrcode::QrCode;
use qrcode::render::svg;
use sha2::{Digest, Sha256};

use super::query::Params;
use crate::devices::layout::{self, GLYPHS, Slip};
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::text;
use crate::web::{AppState, assets};

/// The page holds its own look, so that it can be kept; it may load nothing, and use no other look.
static PAGE_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// What is wanted of a receipt.
struct Wanted {
    paper: Paper,
    language: Option<&'static str>,
}

impl Wanted {
    fn read(uri: &Uri) -> Result<Self, Problem> {
        let mut params = Params::read(uri, &["width", "lang"]);
        let paper = params.get("width", "must be 58 or 80", |width| match width {
            "58" => Some(Paper::MM58),
            "80" => Some(Paper::MM80),
            _ => None,
        });
        let language = params.get(
            "lang",
            "must be a language of this kiosk's screens, such as en or zh-Hans",
            |tag| text::find(tag).map(text::Language::tag),
        );
        params.finish()?;
        Ok(Self {
            paper: paper.unwrap_or(Paper::MM80),
            language,
        })
    }
}

async fn receipt(state: &AppState, id: &str, wanted: &Wanted) -> Result<Sheet, Problem> {
    let id: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let stored = state.journal.read(move |reader| reader.order(id)).await?;
    let order = stored.ok_or_else(|| Problem::not_found("order"))?.order;
    let menu = state.menu();
    Ok(layout::receipt(&Slip {
        order: &order,
        menu: &menu,
        language: wanted.language.unwrap_or(&order.language),
        copy: false,
    }))
}

pub(super) async fn page(
    State(state): State<AppState>,
    Name(id): Name,
    uri: Uri,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(&uri)?;
    let sheet = receipt(&state, &id, &wanted).await?;
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY.as_str()),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, Html(sheet.to_html_document(wanted.paper))).into_response())
}

/// The page above as a code for a phone: only where a phone gets to it.
pub(super) async fn code(
    State(state): State<AppState>,
    Name(id): Name,
) -> Result<Response, Problem> {
    let base = state.reach.base();
    let base = base.ok_or_else(|| Problem::not_found("way for a phone to this kiosk"))?;
    let id: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let stored = state.journal.read(move |reader| reader.order(id)).await?;
    stored.ok_or_else(|| Problem::not_found("order"))?;
    let url = format!("{base}/api/v1/orders/{id}/receipt.html");
    let code =
        QrCode::new(url).map_err(|_| Problem::not_found("code that holds so long an address"))?;
    let svg = code.render::<svg::Color<'_>>().build();
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, assets::FILE_POLICY),
        (CONTENT_TYPE, "image/svg+xml"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, svg).into_response())
}

pub(super) async fn picture(
    State(state): State<AppState>,
    Name(id): Name,
    uri: Uri,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(&uri)?;
    let sheet = receipt(&state, &id, &wanted).await?;
    // Letters that were not drawn before are read from a font file.
    let drawn = tokio::task::spawn_blocking(move || sheet.to_png(wanted.paper, &GLYPHS)).await;
    let png = drawn
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(|error| {
            tracing::error!(%error, "a receipt could not be drawn");
            Problem::unavailable("This picture could not be drawn; the kiosk's log says why.")
        })?;
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_TYPE, "image/png"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, png).into_response())
}
