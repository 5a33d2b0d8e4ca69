//! Style, script and mark, served by the binary itself under addresses that change with them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::http::problem::Problem;

const ASSETS: [(&str, &str, &str); 5] = [
    (
        "hq.css",
        "text/css; charset=utf-8",
        include_str!("assets/hq.css"),
    ),
    (
        "hq.js",
        "text/javascript; charset=utf-8",
        include_str!("assets/hq.js"),
    ),
    (
        "control.css",
        "text/css; charset=utf-8",
        include_str!("assets/control.css"),
    ),
    (
        "control.js",
        "text/javascript; charset=utf-8",
        include_str!("assets/control.js"),
    ),
    ("mark.svg", "image/svg+xml", include_str!("assets/mark.svg")),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = Sha256::new();
    for (_, _, content) in ASSETS {
        hasher.update(content);
    }
    hasher
        .finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

/// Changes whenever one of them does.
pub(crate) fn version() -> &'static str {
    &VERSION
}

pub(crate) async fn serve(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|(known, _, _)| *known == name);
    let (_, kind, content) = found.ok_or_else(|| Problem::not_found("there is no such file"))?;
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, *content).into_response())
}
