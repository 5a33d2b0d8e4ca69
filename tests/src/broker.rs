//! A broker that is not ours: mosquitto, with nothing on disk.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpStream;

use crate::process::{Child, Lab};
use crate::wait::{Look, until};

/// A running mosquitto. It is killed when this is dropped.
#[derive(Debug)]
pub struct Mosquitto {
    lab: Lab,
    config: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Mosquitto {
    /// Starts one on a free port that lets everybody in, with its files in `folder`.
    ///
    /// # Errors
    /// If it is not installed or does not come up.
    pub async fn start(lab: &Lab, folder: &Path) -> anyhow::Result<Self> {
        Self::set_up(lab, folder, "allow_anonymous true\npersistence false\n", "").await
    }

    /// Starts one on a free port with these settings, and those below its listener.
    ///
    /// # Errors
    /// If it is not installed or does not come up.
    pub async fn set_up(
        lab: &Lab,
        folder: &Path,
        settings: &str,
        of_listener: &str,
    ) -> anyhow::Result<Self> {
        // It can't pick a port by itself; nobody else takes this one in the moment between.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = folder.join("mosquitto.conf");
        let port = address.port();
        // Started by root it would go on as somebody who may not read this folder.
        let settings = format!(
            "user root\n{settings}\nlog_dest stderr\nlog_type error\nlog_type warning\n\
             listener {port} 127.0.0.1\n{of_listener}\n"
        );
        std::fs::write(&config, settings)?;
        let mut broker = Self {
            lab: lab.clone(),
            config,
            log: folder.join("mosquitto.log"),
            address,
            child: None,
        };
        broker.restart().await?;
        Ok(broker)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.child.take().map_or(Ok(()), |mut child| child.kill9())
    }

    /// Has it read its files anew: SIGHUP.
    ///
    /// # Errors
    /// If it does not run.
    pub fn reload(&self) -> anyhow::Result<()> {
        let child = self.child.as_ref().context("mosquitto does not run")?;
        child.hang_up()
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9` if it runs, and starts it with nothing in its memory.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9()?;
        let config = self.config.to_string_lossy();
        let mut child = self
            .lab
            .start_foreign(MOSQUITTO, ["-c", &config], &self.log)?;
        let address = self.address;
        until("mosquitto listens", Duration::from_secs(10), async || {
            child
                .is_running()?
                .then_some(())
                .context("mosquitto ended; is it installed?")?;
            Ok(match TcpStream::connect(address).await {
                Ok(_) => Look::Done(()),
                Err(error) => Look::NotYet(error.to_string()),
            })
        })
        .await?;
        self.child = Some(child);
        Ok(())
    }
}

/// Debian keeps it where only root looks.
const MOSQUITTO: &str = "/usr/sbin/mosquitto";
