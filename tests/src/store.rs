//! One store in a box: cloud-sync with its embedded broker, and the kiosks of one store.
//!
//! Everything is a real process with its own data folder. Every kiosk reaches the cloud through two
//! links of its own, one for HTTP and one for MQTT. Credentials are made by `cloud-sync enroll`.

mod cloud;
mod kiosk;

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

pub use self::cloud::{Cloud, USER};
pub use self::kiosk::Kiosk;
use crate::hq::Hq;
use crate::process::Lab;
use crate::proxy::Mode;

/// Where everything of a run is kept.
#[derive(Debug)]
pub enum Folder {
    /// A named folder stays.
    Named(PathBuf),
    /// A temporary one goes, unless a test failed in it.
    Temporary(Option<TempDir>),
}

impl Folder {
    /// A folder that goes with the run.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn temporary() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("stillopen-").tempdir()?;
        Ok(Self::Temporary(Some(folder)))
    }

    /// A folder that stays; made if it is not there.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn named(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("{} can't be made", path.display()))?;
        Ok(Self::Named(path.to_owned()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.as_ref().map_or(Path::new("."), TempDir::path),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Self::Temporary(folder) = self
            && std::thread::panicking()
            && let Some(folder) = folder.take()
        {
            println!("data and logs are kept in {}", folder.keep().display());
        }
    }
}

/// The whole store. What runs is killed when this is dropped.
#[derive(Debug)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// The kiosks.
    pub kiosks: Vec<Kiosk>,
    /// The backend.
    pub cloud: Cloud,
    // Last: it must outlive what writes into it.
    folder: Folder,
}

impl Store {
    /// Enrols the kiosks; nothing runs yet, not even the cloud.
    ///
    /// # Errors
    /// If the folder can't be used or enrolment fails.
    pub async fn enrolled(
        lab: &Lab,
        folder: Folder,
        name: &str,
        kiosks: &[&str],
    ) -> anyhow::Result<Self> {
        Self::enrolled_on(lab, folder, None, name, kiosks).await
    }

    /// The same, with the ledger in a database.
    ///
    /// # Errors
    /// If the folder or the database can't be used or enrolment fails.
    pub async fn enrolled_on(
        lab: &Lab,
        folder: Folder,
        database: Option<String>,
        name: &str,
        kiosks: &[&str],
    ) -> anyhow::Result<Self> {
        let cloud = Cloud::new(lab, folder.path(), database).await?;
        let mut store = Self {
            name: name.to_owned(),
            kiosks: Vec::new(),
            cloud,
            folder,
        };
        for kiosk in kiosks {
            store.enrol(lab, kiosk).await?;
        }
        Ok(store)
    }

    /// One more kiosk, to be started with the others.
    ///
    /// # Errors
    /// If enrolment fails.
    pub async fn enrol(&mut self, lab: &Lab, kiosk: &str) -> anyhow::Result<()> {
        let mut kiosk = Kiosk::new(lab, self.folder.path(), kiosk).await?;
        self.cloud.enrol(&self.name, &mut kiosk).await?;
        self.kiosks.push(kiosk);
        Ok(())
    }

    /// A store with everything running.
    ///
    /// # Errors
    /// If something can't be started.
    pub async fn open(lab: &Lab, name: &str, kiosks: &[&str]) -> anyhow::Result<Self> {
        let mut store = Self::enrolled(lab, Folder::temporary()?, name, kiosks).await?;
        store.start_cloud().await?;
        store.start_kiosks().await?;
        Ok(store)
    }

    /// Where everything is kept.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the cloud, again on the ports that it had, and lets all links lead to it.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_cloud(&mut self) -> anyhow::Result<()> {
        self.cloud.start().await?;
        for kiosk in &self.kiosks {
            self.cloud.connect(kiosk);
        }
        Ok(())
    }

    /// Starts the kiosks that do not run.
    ///
    /// # Errors
    /// If one does not start.
    pub async fn start_kiosks(&mut self) -> anyhow::Result<()> {
        for kiosk in &mut self.kiosks {
            if !kiosk.is_running() {
                kiosk.start().await?;
            }
        }
        Ok(())
    }

    /// Lets everything pass on all links.
    pub fn heal(&self) {
        for kiosk in &self.kiosks {
            kiosk.http.set(Mode::Pass);
            kiosk.mqtt.set(Mode::Pass);
        }
    }

    /// Signs in at headquarters.
    ///
    /// # Errors
    /// If the cloud does not run or refuses.
    pub async fn hq(&self) -> anyhow::Result<Hq> {
        self.cloud.hq().await
    }

    /// Stops everything in order: the kiosks first, so that they can say good-bye.
    ///
    /// # Errors
    /// If one does not stop.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for kiosk in &mut self.kiosks {
            kiosk.terminate().await?;
        }
        self.cloud.terminate().await?;
        Ok(())
    }
}
