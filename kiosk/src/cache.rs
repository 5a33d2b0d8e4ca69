//! Last-known-good data of the cloud: in memory, below that in sled.
//!
//! Losing it costs a download and never an order, so it is treated without ceremony: a folder that
//! can't be opened is deleted and made anew, and if that fails too, memory has to do. Nothing is
//! opened before it is asked for, and never on an async thread.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Menus are small and rarely read: no more memory than needed.
const PAGES_IN_MEMORY: u64 = 256 * 1024;

/// A lock is waited for so often, and so long each time.
const LOCK_TRIES: u32 = 60;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The cache. Cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    memory: Mutex<HashMap<String, Arc<Cached>>>,
    disk: Mutex<Disk>,
}

#[derive(Default)]
enum Disk {
    #[default]
    Unopened,
    Open(sled::Db),
    Unusable,
}

/// Something the cloud once said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// The entity tag it came with.
    pub etag: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    etag: Option<String>,
}

impl Cache {
    /// The cache of a data folder. Touches nothing yet.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self(Arc::new(Inner {
            folder: data_dir.join("cache"),
            memory: Mutex::default(),
            disk: Mutex::default(),
        }))
    }

    /// What was last kept under `key`.
    pub async fn get(&self, key: &str) -> Option<Arc<Cached>> {
        if let Some(found) = self.0.memory().get(key) {
            return Some(Arc::clone(found));
        }
        let wanted = key.to_owned();
        let read = move |db: &sled::Db| db.get(wanted).map(|found| found.map(|v| v.to_vec()));
        let stored = self.on_disk(read).await??;
        let found = Arc::new(Cached::read(&stored)?);
        self.0.memory().insert(key.to_owned(), Arc::clone(&found));
        Some(found)
    }

    /// Keeps something under `key`, instead of what was there.
    pub async fn put(&self, key: &str, cached: Cached) {
        let (name, stored) = (key.to_owned(), cached.written());
        self.0.memory().insert(key.to_owned(), Arc::new(cached));
        let write = move |db: &sled::Db| {
            db.insert(name.as_str(), stored)?;
            db.flush()
        };
        self.on_disk(write).await;
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sled::Db) -> sled::Result<T> + Send + 'static,
    ) -> Option<T> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || inner.with_disk(work)).await;
        // A damaged file can make sled panic rather than give an error.
        done.unwrap_or_else(|panic| {
            tracing::warn!(%panic, "the cache folder is damaged; it is kept in memory only");
            *self.0.disk() = Disk::Unusable;
            None
        })
    }
}

impl Inner {
    fn memory(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Cached>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> std::sync::MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_disk<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Option<T> {
        let mut disk = self.disk();
        if matches!(*disk, Disk::Unopened) {
            *disk = match self.open() {
                Some(db) => Disk::Open(db),
                None => Disk::Unusable,
            };
        }
        let Disk::Open(db) = &*disk else {
            return None;
        };
        match work(db) {
            Ok(result) => Some(result),
            Err(error) => {
                tracing::warn!(%error, "the cache can't be used; it is kept in memory only");
                *disk = Disk::Unusable;
                None
            }
        }
    }

    fn open(&self) -> Option<sled::Db> {
        let folder = self.folder.display();
        let mut opened = self.try_open();
        // A run that has just ended holds its lock a little longer.
        for _ in 0..LOCK_TRIES {
            if !opened.as_ref().is_err_and(|trouble| is_held(trouble)) {
                break;
            }
            std::thread::park_timeout(LOCK_PAUSE);
            opened = self.try_open();
        }
        let trouble = match opened {
            Ok(db) => return Some(db),
            Err(trouble) if is_held(&trouble) => {
                tracing::warn!(%folder, trouble, "somebody else has the cache; memory has to do");
                return None;
            }
            Err(trouble) => trouble,
        };
        let removed = std::fs::remove_dir_all(&self.folder);
        match self.try_open() {
            Ok(db) => {
                tracing::warn!(%folder, trouble, "the cache was damaged and has been made anew");
                Some(db)
            }
            Err(still) => {
                let removed = removed.err().map(|error| error.to_string());
                tracing::warn!(%folder, still, removed, "no cache on disk; memory has to do");
                None
            }
        }
    }

    fn try_open(&self) -> Result<sled::Db, String> {
        let config = sled::Config::new()
            .path(&self.folder)
            .cache_capacity(PAGES_IN_MEMORY)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(None);
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Ok(opened) => opened.map_err(|error| error.to_string()),
            Err(_) => Err("sled panicked".to_owned()),
        }
    }
}

/// Whether it can't be opened only because somebody has it open.
fn is_held(trouble: &str) -> bool {
    trouble.contains("could not acquire lock")
}

impl Cached {
    /// A line of JSON, then the bytes as they came.
    fn written(&self) -> Vec<u8> {
        let header = Header {
            etag: self.etag.clone(),
        };
        let mut out = serde_json::to_vec(&header).unwrap_or_default();
        out.push(b'\n');
        out.extend(&self.bytes);
        out
    }

    fn read(stored: &[u8]) -> Option<Self> {
        let end = stored.iter().position(|byte| *byte == b'\n')?;
        let (header, rest) = stored.split_at_checked(end)?;
        let Header { etag } = serde_json::from_slice(header).ok()?;
        let (_, bytes) = rest.split_first()?;
        Some(Self {
            etag,
            bytes: bytes.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu(text: &str) -> Cached {
        Cached {
            etag: Some("\"v1\"".to_owned()),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[tokio::test]
    async fn what_was_kept_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        assert_eq!(cache.get("menu").await, None);
        cache.put("menu", menu("one\ntwo")).await;
        assert_eq!(*cache.get("menu").await.unwrap(), menu("one\ntwo"));
        drop(cache);
        let cache = Cache::new(folder.path());
        assert_eq!(*cache.get("menu").await.unwrap(), menu("one\ntwo"));
    }

    #[tokio::test]
    async fn nothing_is_opened_before_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        assert!(!folder.path().join("cache").exists());
        cache.put("menu", menu("one")).await;
        assert!(folder.path().join("cache").exists());
    }

    #[tokio::test]
    async fn a_folder_that_will_not_open_is_made_anew() {
        for damage in ["cache", "cache/db", "cache/conf"] {
            let folder = tempfile::tempdir().unwrap();
            if damage != "cache" {
                std::fs::create_dir(folder.path().join("cache")).unwrap();
            }
            std::fs::write(folder.path().join(damage), b"neither sled nor anything").unwrap();
            let cache = Cache::new(folder.path());
            assert_eq!(cache.get("menu").await, None, "{damage}");
            cache.put("menu", menu("one")).await;
            assert_eq!(*cache.get("menu").await.unwrap(), menu("one"), "{damage}");
            drop(cache);
            let cache = Cache::new(folder.path());
            let kept = cache.get("menu").await.is_some();
            assert_eq!(
                kept,
                damage != "cache",
                "{damage}: a file in its place is not removed"
            );
        }
    }

    #[tokio::test]
    async fn a_folder_that_somebody_has_open_is_not_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cache::new(folder.path());
        first.put("menu", menu("one")).await;
        let second = Cache::new(folder.path());
        assert_eq!(second.get("menu").await, None);
        drop((first, second));
        let third = Cache::new(folder.path());
        assert_eq!(*third.get("menu").await.unwrap(), menu("one"));
    }
}
