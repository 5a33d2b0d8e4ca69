//! Pictures of dishes: bundled art of an emoji, or a file beside the menu that the kiosk was
//! started with. A file can be replaced at any time; its URL changes with it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kiosk_core::menu::Menu;
use serde::Deserialize;

use super::error::Problem;
use super::name::Name;
use super::{AppState, assets};

/// Where a picture is.
pub type Url = Cow<'static, str>;

/// A picture for a screen is far smaller; a larger file was not meant for one.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Endings of picture files that every browser draws, and what they hold.
const KINDS: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("gif", "image/gif"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("webp", "image/webp"),
];

/// Where pictures that a menu names are found. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Pictures {
    folder: Option<Arc<Path>>,
}

/// A file beside the menu.
struct Found {
    path: PathBuf,
    kind: &'static str,
    /// Changes when the file does.
    version: String,
}

impl Pictures {
    /// Those beside this menu file; without one, bundled art alone.
    #[must_use]
    pub fn beside(menu: Option<&Path>) -> Self {
        let folder = menu.map(|file| match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        });
        Self {
            folder: folder.map(Arc::from),
        }
    }

    /// Where a browser finds what a menu calls `name`.
    #[must_use]
    pub fn url(&self, name: &str) -> Option<Url> {
        if let Some(art) = assets::picture(name) {
            return Some(Cow::Borrowed(art));
        }
        let version = self.find(name)?.version;
        let name = escaped(name);
        Some(Cow::Owned(format!("/pictures/{name}?v={version}")))
    }

    /// What a menu names and nobody can show, a line each.
    #[must_use]
    pub fn missing(&self, menu: &Menu) -> Vec<String> {
        let gone = named(menu).filter(|(_, name)| self.url(name).is_none());
        let line = |(id, name): (&str, &str)| {
            format!(
                "the picture {name:?} of {id} is neither bundled art nor a picture file beside \
                 the menu; it is shown without"
            )
        };
        gone.map(line).collect()
    }

    fn find(&self, name: &str) -> Option<Found> {
        let (stem, ending) = name.rsplit_once('.')?;
        let (_, kind) = KINDS
            .iter()
            .find(|(known, _)| ending.eq_ignore_ascii_case(known))?;
        if stem.is_empty() || stem.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return None;
        }
        let path = self.folder.as_ref()?.join(name);
        let about = std::fs::metadata(&path).ok()?;
        if !about.is_file() || about.len() > LARGEST {
            return None;
        }
        let changed = about.modified().ok()?;
        let since = changed
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Some(Found {
            path,
            kind,
            version: format!("{:x}-{:x}", since.as_nanos(), about.len()),
        })
    }
}

/// Every picture of a menu, with the id of what it shows.
fn named(menu: &Menu) -> impl Iterator<Item = (&str, &str)> {
    let categories = menu.categories.iter();
    let categories = categories.map(|category| (category.id.as_str(), &category.picture));
    let items = menu.items().iter();
    let items = items.map(|item| (item.id.as_str(), &item.picture));
    let all = categories.chain(items);
    all.filter_map(|(id, picture)| Some((id, picture.as_deref()?)))
}

/// A file name as a part of a URL.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[derive(Deserialize)]
struct Version {
    v: Option<String>,
}

/// `GET /pictures/{file}`: only what the menu in force names is shown.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/pictures/{file}", get(picture))
}

async fn picture(
    State(state): State<AppState>,
    Name(name): Name,
    Query(asked): Query<Version>,
) -> Result<Response, Problem> {
    let menu = state.menu();
    let found = named(&menu)
        .any(|(_, known)| known == name)
        .then(|| state.pictures.find(&name))
        .flatten()
        .ok_or_else(|| Problem::not_found("picture"))?;
    let path = found.path;
    let bytes = tokio::task::spawn_blocking(move || {
        std::fs::read(&path).map_err(|error| {
            tracing::warn!(picture = %path.display(), %error, "a picture can't be read");
        })
    });
    let bytes = bytes.await.unwrap_or(Err(()));
    let bytes = bytes.map_err(|()| Problem::not_found("picture"))?;
    let kept = if asked.v.as_deref() == Some(&found.version) {
        assets::FOR_EVER
    } else {
        "no-cache"
    };
    let headers = [
        (CACHE_CONTROL, kept),
        (CONTENT_TYPE, found.kind),
        (CONTENT_SECURITY_POLICY, assets::FILE_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_the_menu_is_found_and_its_url_changes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let menu = folder.path().join("menu.json");
        let pictures = Pictures::beside(Some(&menu));
        assert_eq!(pictures.url("ramen.jpg"), None);
        std::fs::write(folder.path().join("ramen.jpg"), b"1").unwrap();
        let first = pictures.url("ramen.jpg").unwrap();
        assert!(first.starts_with("/pictures/ramen.jpg?v="), "{first}");
        std::fs::write(folder.path().join("ramen.jpg"), b"22").unwrap();
        assert_ne!(pictures.url("ramen.jpg").unwrap(), first);
        std::fs::write(folder.path().join("面 1.png"), b"1").unwrap();
        let url = pictures.url("面 1.png").unwrap();
        assert!(url.starts_with("/pictures/%E9%9D%A2%201.png?"), "{url}");
    }

    #[test]
    fn nothing_but_a_picture_file_in_that_very_folder_is_found() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("menus");
        std::fs::create_dir_all(folder.join("dir.png")).unwrap();
        for file in [
            "menus/secret.txt",
            "menus/.png",
            "menus/.hidden.png",
            "out.png",
        ] {
            std::fs::write(outer.path().join(file), b"1").unwrap();
        }
        let huge = std::fs::File::create(folder.join("huge.png")).unwrap();
        huge.set_len(LARGEST + 1).unwrap();
        let pictures = Pictures::beside(Some(&folder.join("menu.json")));
        let absolute = outer.path().join("out.png");
        for name in [
            "secret.txt",
            ".png",
            ".hidden.png",
            "../out.png",
            "dir.png",
            "huge.png",
            "gone.png",
            "",
            absolute.to_str().unwrap(),
        ] {
            assert_eq!(pictures.url(name), None, "{name}");
        }
    }

    #[test]
    fn an_emoji_is_drawn_wherever_the_menu_is() {
        assert!(Pictures::default().url("🍜").is_some());
        assert_eq!(Pictures::default().url("ramen.jpg"), None);
    }
}
