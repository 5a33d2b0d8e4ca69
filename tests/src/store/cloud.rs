//! The backend of a store in a box.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context;

use super::Kiosk;
use crate::hq::Hq;
use crate::process::{Child, Lab, Role, address};

/// Who is signed in at headquarters, and how.
pub const USER: (&str, &str) = ("hq", "lanterns-stay-lit");

const FREE_PORT: &str = "127.0.0.1:0";

/// cloud-sync with its embedded broker.
#[derive(Debug)]
pub struct Cloud {
    lab: Lab,
    data: PathBuf,
    log: PathBuf,
    child: Option<Child>,
    http: Option<SocketAddr>,
    mqtt: Option<SocketAddr>,
    /// Brokers outside, instead of the embedded one.
    brokers: Vec<SocketAddr>,
    /// A database, instead of a file in the data folder.
    database: Option<String>,
    /// More arguments of `cloud-sync serve`, from its next start on.
    pub more: Vec<String>,
}

impl Cloud {
    pub(super) async fn new(
        lab: &Lab,
        folder: &Path,
        database: Option<String>,
    ) -> anyhow::Result<Self> {
        let cloud = Self {
            lab: lab.clone(),
            data: folder.join("cloud"),
            log: folder.join("cloud.log"),
            child: None,
            http: None,
            mqtt: None,
            brokers: Vec::new(),
            database,
            more: Vec::new(),
        };
        // A named folder may have been used before: its user and its password are there already.
        if !cloud.data.exists() {
            let (name, password) = USER;
            let add = ["user", "add", "--name", name, "--role", "admin"];
            cloud.command(&add, password).await?;
        }
        Ok(cloud)
    }

    /// Another process on the same database and broker, that does not run yet.
    #[must_use]
    pub fn replica(&self, name: &str) -> Self {
        Self {
            lab: self.lab.clone(),
            data: self.data.with_file_name(name),
            log: self.log.with_file_name(format!("{name}.log")),
            child: None,
            http: None,
            mqtt: None,
            brokers: self.brokers.clone(),
            more: self.more.clone(),
            database: self.database.clone(),
        }
    }

    /// Where the ledger is, as commands are told.
    fn ledger(&self) -> [String; 2] {
        match &self.database {
            Some(url) => ["--database".to_owned(), url.clone()],
            None => {
                let data = self.data.to_string_lossy();
                ["--data-dir".to_owned(), data.into_owned()]
            }
        }
    }

    /// Runs a `cloud-sync` command on the data folder, whether the server runs or not.
    ///
    /// # Errors
    /// If it does not go well.
    pub async fn command(&self, args: &[&str], input: &str) -> anyhow::Result<String> {
        let ledger = self.ledger();
        let ledger = ledger.iter().map(String::as_str);
        let all = args.iter().copied().chain(ledger);
        let ended = self.lab.run(Role::CloudSync, all, input).await?;
        ended.fine(&format!("cloud-sync {}", args.join(" ")))
    }

    /// Gives a kiosk its credential, unless it has one.
    ///
    /// # Errors
    /// If enrolment fails.
    pub async fn enrol(&self, store: &str, kiosk: &mut Kiosk) -> anyhow::Result<()> {
        let file = kiosk.credential_file();
        let urls = (
            format!("http://{}", kiosk.http.address()),
            format!("mqtt://{}", kiosk.mqtt.address()),
        );
        if !file.exists() {
            let out = file.to_string_lossy();
            let who = ["enroll", "--store", store, "--kiosk", &kiosk.id];
            let what = ["--cloud", &urls.0, "--mqtt", &urls.1, "--out", &out];
            self.command(&[who.as_slice(), what.as_slice()].concat(), "")
                .await?;
        }
        kiosk.enrolled(urls);
        Ok(())
    }

    /// From its next start on it uses this broker instead of its own, beside those that it was told before.
    pub fn use_broker(&mut self, broker: SocketAddr) {
        self.brokers.push(broker);
    }

    /// The arguments it is started with.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let port = |had: Option<SocketAddr>| had.map_or(FREE_PORT.to_owned(), |at| at.to_string());
        let outside = self.brokers.iter();
        let outside = outside.flat_map(|at| ["--mqtt".to_owned(), format!("mqtt://{at}")]);
        let mqtt = match self.brokers.is_empty() {
            false => outside.collect(),
            true => vec!["--mqtt-listen".to_owned(), port(self.mqtt)],
        };
        let listen = ["--listen".to_owned(), port(self.http)];
        std::iter::once("serve".to_owned())
            .chain(self.ledger())
            .chain(listen)
            .chain(mqtt)
            .chain(self.more.iter().cloned())
            .collect()
    }

    /// Starts it, again on the ports that it had.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let child = self
            .lab
            .start(Role::CloudSync, self.arguments(), &self.log)?;
        self.http = Some(child.listening().await?);
        self.mqtt = match self.brokers.first() {
            Some(broker) => Some(*broker),
            None => Some(address(&child.line("mqtt listening on mqtt://").await?)?),
        };
        self.child = Some(child);
        Ok(())
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where its broker is, or the first of those that it uses, once it has been started.
    #[must_use]
    pub fn broker(&self) -> Option<SocketAddr> {
        self.mqtt
    }

    /// Lets a kiosk's links lead here.
    pub fn connect(&self, kiosk: &Kiosk) {
        kiosk.http.lead_to(self.http);
        kiosk.mqtt.lead_to(self.mqtt);
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.child.is_some()
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

    /// Where it is, once it has been started.
    #[must_use]
    pub fn base(&self) -> Option<String> {
        self.http.map(|at| format!("http://{at}"))
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Signs in at headquarters.
    ///
    /// # Errors
    /// If it does not run or refuses.
    pub async fn hq(&self) -> anyhow::Result<Hq> {
        let base = self.base().context("the cloud was never started")?;
        Hq::sign_in(&base, USER.0, USER.1).await
    }
}
