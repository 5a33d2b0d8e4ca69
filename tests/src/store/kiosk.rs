//! A kiosk of a store in a box, with its two links.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::api::Api;
use crate::dice::Dice;
use crate::diner::Diner;
use crate::process::{Child, Lab, Role};
use crate::proxy::Proxy;

/// One kiosk.
#[derive(Debug)]
pub struct Kiosk {
    /// Its name.
    pub id: String,
    /// Its link to the cloud's HTTP.
    pub http: Proxy,
    /// Its link to the broker.
    pub mqtt: Proxy,
    /// More arguments of `kiosk serve`, from its next start on.
    pub more: Vec<String>,
    /// What its environment holds beside ours, from its next start on.
    pub environment: Vec<(String, String)>,
    /// The address of this machine that it listens on.
    pub host: IpAddr,
    lab: Lab,
    data: PathBuf,
    credential: PathBuf,
    log: PathBuf,
    urls: Option<(String, String)>,
    child: Option<Child>,
    address: Option<SocketAddr>,
}

impl Kiosk {
    /// A kiosk that stands alone until it is enrolled, with its data below `folder`.
    ///
    /// # Errors
    /// If there is no free port for its links.
    pub async fn new(lab: &Lab, folder: &Path, id: &str) -> anyhow::Result<Self> {
        Ok(Self {
            id: id.to_owned(),
            http: Proxy::open().await?,
            mqtt: Proxy::open().await?,
            more: Vec::new(),
            environment: Vec::new(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            lab: lab.clone(),
            data: folder.join(id),
            credential: folder.join(format!("{id}.credential.json")),
            log: folder.join(format!("{id}.log")),
            urls: None,
            child: None,
            address: None,
        })
    }

    pub(super) fn credential_file(&self) -> PathBuf {
        self.credential.clone()
    }

    /// From its next start on it shows its credential and uses these links.
    pub(super) fn enrolled(&mut self, urls: (String, String)) {
        self.urls = Some(urls);
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Runs a `kiosk` command on its data folder.
    ///
    /// # Errors
    /// If it does not go well.
    pub async fn command(&self, args: &[&str], input: &str) -> anyhow::Result<String> {
        let data = self.data.to_string_lossy();
        let all = args.iter().copied().chain(["--data-dir", &data]);
        let ended = self.lab.run(Role::Kiosk, all, input).await?;
        ended.fine(&format!("kiosk {}, {}", args.join(" "), self.id))
    }

    /// The arguments it is started with.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let free_port = SocketAddr::new(self.host, 0);
        let listen = self.address.unwrap_or(free_port).to_string();
        let data = self.data.to_string_lossy().into_owned();
        let mut args: Vec<String> = ["serve", "--data-dir"].map(str::to_owned).to_vec();
        args.extend([data, "--listen".to_owned(), listen]);
        if let Some((cloud, mqtt)) = &self.urls {
            let credential = self.credential.to_string_lossy();
            for (flag, value) in [
                ("credential", &*credential),
                ("cloud", cloud),
                ("mqtt", mqtt),
            ] {
                args.extend([format!("--{flag}"), value.to_owned()]);
            }
        }
        args.extend(self.more.iter().cloned());
        args
    }

    /// Starts it, again on the port that it had.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let child =
            self.lab
                .start_in(Role::Kiosk, self.arguments(), &self.environment, &self.log)?;
        self.address = Some(child.listening().await?);
        self.child = Some(child);
        Ok(())
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.child.take().map_or(Ok(()), |mut child| child.kill9())
    }

    /// SIGTERM; says how it ended and how long that took.
    ///
    /// # Errors
    /// If it does not stop in time.
    pub async fn terminate(&mut self) -> anyhow::Result<Option<(ExitStatus, Duration)>> {
        match self.child.take() {
            Some(mut child) => child.terminate().await.map(Some),
            None => Ok(None),
        }
    }

    /// Where its screens are, once it has been started.
    #[must_use]
    pub fn base(&self) -> Option<String> {
        self.address.map(|at| format!("http://{at}"))
    }

    /// Where it serves HTTPS, if it was told to.
    ///
    /// # Errors
    /// If it does not say.
    pub async fn https(&self) -> anyhow::Result<String> {
        let child = self.child.as_ref().context("the kiosk does not run")?;
        let start = "listening on https://";
        Ok(format!("https://{}", child.line(start).await?))
    }

    /// Its API.
    ///
    /// # Errors
    /// If it was never started.
    pub fn api(&self) -> anyhow::Result<Api> {
        Api::at(self.base().context("the kiosk was never started")?)
    }

    /// Its status now.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn status(&self) -> anyhow::Result<Value> {
        self.api()?.get("/api/v1/status").await?.expect(200)
    }

    /// What `kiosk check` says, whether it runs or not.
    ///
    /// # Errors
    /// If anything is wrong.
    pub async fn check(&self) -> anyhow::Result<Value> {
        let out = self.command(&["check", "--json"], "").await?;
        serde_json::from_str(&out).with_context(|| format!("not JSON: {out}"))
    }

    /// Someone who orders here.
    ///
    /// # Errors
    /// If it was never started.
    pub fn diner(&self, dice: Dice) -> anyhow::Result<Diner> {
        let base = self.base().context("the kiosk was never started")?;
        Diner::at(&self.id, &base, dice)
    }
}
