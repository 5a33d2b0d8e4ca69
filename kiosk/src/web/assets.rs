//! Styles, scripts and pictures, served from the binary at URLs that name their content.
//!
//! A URL carries a hash of what it serves, so browsers keep it for ever and an upgrade is seen at
//! once. Every folder under `assets/` is a bundle: its `.css` files, in the order of their names, are
//! served as one `<folder>.css`, its `.js` files as one `<folder>.js`; other files stand for
//! themselves. Dish art comes from a dependency and is served beside them, which is why this is not
//! left to a static-file crate: none of those takes files from elsewhere.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode, response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::art;

/// What pages may load: only what this binary serves, no inline script or style, no framing.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// A file may run nothing when it is opened by itself.
pub(super) const FILE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// A year, the longest that browsers honour.
pub(super) const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Digits of the hash in a URL: 40 bits tell a few hundred files apart beyond doubt.
const HASH_DIGITS: usize = 10;

/// Where browsers fetch the script that keeps the last page.
const WORKER: &str = "/worker.js";

/// In a style sheet, `url(asset:NAME)` becomes the URL of that file.
const REFERENCE: &str = "asset:";

#[derive(rust_embed::Embed)]
#[folder = "src/web/assets"]
struct Files;

static STORE: LazyLock<Store> = LazyLock::new(Store::build);

struct Asset {
    body: Cow<'static, [u8]>,
    content_type: &'static str,
    hash: String,
    gzip: OnceLock<Option<Vec<u8>>>,
}

#[derive(Default)]
struct Store {
    /// URL by name.
    urls: BTreeMap<String, String>,
    /// Content by the last part of its URL.
    files: BTreeMap<String, Asset>,
}

/// The URL of an embedded file, such as `diner.css`; an unknown name gives a URL that is not found.
pub fn url(name: &str) -> &'static str {
    STORE
        .urls
        .get(name)
        .map_or("/assets/missing", String::as_str)
}

/// The URL of the picture for an emoji, if there is bundled art of it.
pub fn picture(emoji: &str) -> Option<&'static str> {
    let name = art::file_name(emoji);
    STORE.urls.get(&name).map(String::as_str)
}

/// `GET /assets/{file}`, and `GET /worker.js`, which must have a lasting URL at the root to serve
/// every page.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/{file}", get(file))
        .route(WORKER, get(worker))
}

async fn worker() -> Response {
    let name = url("worker.js")
        .strip_prefix("/assets/")
        .unwrap_or_default();
    let Some(asset) = STORE.files.get(name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let head = Response::builder()
        .header(CACHE_CONTROL, "no-cache")
        .header(CONTENT_TYPE, asset.content_type)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff");
    finish(head, Body::from(asset.body.as_ref()))
}

async fn file(Path(file): Path<String>, headers: HeaderMap) -> Response {
    match STORE.files.get(&file) {
        Some(asset) => asset.respond(&headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Store {
    fn build() -> Self {
        let mut store = Self::default();
        for asset in art::ALL {
            let body = Cow::Borrowed(asset.data.0.as_bytes());
            store.add(&art::file_name(asset.emoji), body);
        }
        let mut bundles: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut names: Vec<_> = Files::iter().collect();
        names.sort();
        for name in names {
            let Some(file) = Files::get(&name) else {
                continue;
            };
            match bundle_of(&name) {
                Some(bundle) => {
                    let slim = slim(&String::from_utf8_lossy(&file.data));
                    let bundle = bundles.entry(bundle).or_default();
                    bundle.extend_from_slice(slim.as_bytes());
                }
                None => store.add(&name, file.data),
            }
        }
        for (name, body) in bundles {
            let body = if name.ends_with(".css") {
                store.resolve(&body)
            } else {
                body
            };
            store.add(&name, Cow::Owned(body));
        }
        store
    }

    fn add(&mut self, name: &str, body: Cow<'static, [u8]>) {
        let mut hash = String::with_capacity(2 * HASH_DIGITS);
        for byte in Sha256::digest(&body).iter().take(HASH_DIGITS / 2) {
            hash.push_str(&format!("{byte:02x}"));
        }
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let file = format!("{}.{hash}.{extension}", stem.replace('/', "-"));
        self.urls.insert(name.to_owned(), format!("/assets/{file}"));
        let content_type = content_type(extension);
        self.files.insert(
            file,
            Asset {
                body,
                content_type,
                hash,
                gzip: OnceLock::new(),
            },
        );
    }

    /// A style sheet whose references name URLs.
    fn resolve(&self, css: &[u8]) -> Vec<u8> {
        let css = String::from_utf8_lossy(css);
        let mut parts = css.split(REFERENCE);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once(')').unwrap_or((part, ""));
            let url = self
                .urls
                .get(name)
                .map_or("/assets/missing", String::as_str);
            out.push_str(url);
            out.push(')');
            out.push_str(rest);
        }
        out.into_bytes()
    }
}

/// A script or style sheet without indentation and without the comments that have lines to
/// themselves: a fifth of what would travel. Lines are kept, so strings may not run over several.
fn slim(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        let begins = line.starts_with("/*");
        if inside || begins {
            inside = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The bundle that a file is a part of.
fn bundle_of(name: &str) -> Option<String> {
    let (folder, file) = name.split_once('/')?;
    let extension = file.rsplit_once('.').map(|(_, extension)| extension)?;
    matches!(extension, "css" | "js").then(|| format!("{folder}.{extension}"))
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

impl Asset {
    fn respond(&'static self, request: &HeaderMap) -> Response {
        let tag = format!("\"{}\"", self.hash);
        let head = Response::builder()
            .header(CACHE_CONTROL, FOR_EVER)
            .header(ETAG, &tag)
            .header(VARY, ACCEPT_ENCODING.as_str());
        if lists(request, IF_NONE_MATCH.as_str(), &tag) {
            return finish(head.status(StatusCode::NOT_MODIFIED), Body::empty());
        }
        let head = head
            .header(CONTENT_TYPE, self.content_type)
            .header(CONTENT_SECURITY_POLICY, FILE_POLICY)
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff");
        match self
            .gzipped()
            .filter(|_| lists(request, ACCEPT_ENCODING.as_str(), "gzip"))
        {
            Some(packed) => finish(head.header(CONTENT_ENCODING, "gzip"), Body::from(packed)),
            None => finish(head, Body::from(self.body.as_ref())),
        }
    }

    /// Packed at first use, where packing helps.
    fn gzipped(&self) -> Option<&[u8]> {
        let packed = self.gzip.get_or_init(|| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&self.body).ok()?;
            encoder
                .finish()
                .ok()
                .filter(|packed| packed.len() < self.body.len())
        });
        packed.as_deref()
    }
}

fn finish(head: response::Builder, body: Body) -> Response {
    head.body(body)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Whether a comma-separated header names `wanted`, parameters aside.
fn lists(headers: &HeaderMap, name: &str, wanted: &str) -> bool {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut entries = values.flat_map(|value| value.split(','));
    entries.any(|entry| {
        let (word, quality) = entry.split_once(';').unwrap_or((entry, ""));
        word.trim() == wanted && !matches!(quality.trim(), "q=0" | "q=0.0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(url: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.insert(name, value.parse().unwrap());
        }
        STORE.files[url.strip_prefix("/assets/").unwrap()].respond(&request)
    }

    #[test]
    fn a_url_names_its_content_and_is_kept_for_ever() {
        let response = served(url("diner.css"), &[]);
        assert_eq!(response.headers()[CACHE_CONTROL], FOR_EVER);
        let hash = response.headers()[ETAG]
            .to_str()
            .unwrap()
            .trim_matches('"')
            .to_owned();
        assert!(url("diner.css").contains(&hash));
    }

    #[tokio::test]
    async fn the_worker_has_a_lasting_url_and_is_asked_for_anew() {
        assert_eq!(worker().await.headers()[CACHE_CONTROL], "no-cache");
    }

    #[test]
    fn a_browser_that_has_it_gets_304() {
        let tag = served(url("diner.js"), &[]).headers()[ETAG].clone();
        let tag = tag.to_str().unwrap().to_owned();
        let response = served(
            url("diner.js"),
            &[("if-none-match", &format!("W/\"x\", {tag}"))],
        );
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn it_is_packed_for_those_who_can_read_it() {
        let packed = served(url("diner.js"), &[("accept-encoding", "br, gzip;q=0.8")]);
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
        for unable in ["identity", "gzip;q=0", ""] {
            let plain = served(url("diner.js"), &[("accept-encoding", unable)]);
            assert!(!plain.headers().contains_key(CONTENT_ENCODING), "{unable}");
        }
    }

    #[test]
    fn style_sheets_refer_to_files_that_exist() {
        for (name, asset) in &STORE.files {
            let text = String::from_utf8_lossy(&asset.body);
            assert!(
                !text.contains("/assets/missing") && !text.contains("url(asset:"),
                "{name}"
            );
        }
    }

    #[test]
    fn scripts_and_styles_stay_within_their_budgets() {
        for (name, budget) in [("diner.css", 12 * 1024), ("diner.js", 20 * 1024)] {
            let asset = &STORE.files[url(name).strip_prefix("/assets/").unwrap()];
            let size = asset.gzipped().unwrap().len();
            assert!(
                size <= budget,
                "{name} is {size} bytes packed, budget {budget}"
            );
        }
    }

    #[test]
    fn comments_with_lines_to_themselves_do_not_travel() {
        let text = "/* a\n * b\n */\n* {\n  a: b; /* c */\n}\n\n// d\nlet e = \"//f\"; // g\n/** h */\ni\n";
        let slim = slim(text);
        assert_eq!(slim, "* {\na: b; /* c */\n}\nlet e = \"//f\"; // g\ni\n");
    }

    #[test]
    fn an_emoji_is_found_with_and_without_its_variation_selector() {
        assert!(picture("🌶").is_some());
        assert_eq!(picture("🌶"), picture("🌶\u{fe0f}"));
        assert_eq!(picture("no emoji"), None);
    }
}
