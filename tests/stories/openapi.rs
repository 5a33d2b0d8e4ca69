//! Each binary's OpenAPI document held against what the binary does: schemathesis makes requests from
//! the document, right and wrong ones, and no answer may be one that the document does not tell, nor
//! a fault of the server's.
//!
//! `LAB_EXAMPLES` says how many requests are made up for each call, beside those at every limit.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use cloud_sync_wire::credential::Credential;
use firmware_hal_linux::SimulatedPrinter;
use lab::api::Api;
use lab::dice::Dice;
use lab::store::{Folder, Kiosk, Store};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{Told, lab, serially};

const EXAMPLES: u32 = 6;
/// Far above what a busy machine needs for one document.
const PATIENCE: Duration = Duration::from_secs(300);
/// What a menu or a history allows is not in a document: that a wish was right by the document does
/// not mean that it can be granted. Everything else is held against it.
const NOT_TOLD: &str = "positive_data_acceptance";
const PIN: &str = "135790";

/// Who asks, for what, and which names of real things take turns with made-up ones.
#[derive(Default, Clone, Copy)]
struct Round<'a> {
    what: &'a str,
    base: &'a str,
    token: Option<&'a str>,
    /// Patterns of the paths asked for; all if there are none.
    only: &'a [&'a str],
    /// Patterns of paths that are not asked for.
    but: &'a [&'a str],
    /// For a parameter such as `path.id`.
    names: &'a [(&'a str, Vec<String>)],
}

fn schemathesis() -> anyhow::Result<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let program = target
        .context("a target folder")?
        .join("python/bin/schemathesis");
    ensure!(
        program.exists(),
        "schemathesis is not there; tests/run installs it"
    );
    Ok(program)
}

impl Round<'_> {
    /// Half of the time a real thing is asked for, half of the time any.
    fn settings(&self) -> String {
        let lists = self.names.iter().enumerate();
        let lists = lists.map(|(n, (_, values))| {
            format!("[dictionaries.names-{n}]\nvalues = {}\n", json!(values))
        });
        let bound = self.names.iter().enumerate();
        let bound = bound.map(|(n, (parameter, _))| {
            format!("\"{parameter}\" = {{ dictionary = \"names-{n}\", probability = 0.5 }}\n")
        });
        format!(
            "{}[parameters]\n{}",
            lists.collect::<String>(),
            bound.collect::<String>()
        )
    }

    fn arguments(&self, settings: &Path) -> Vec<String> {
        let examples = std::env::var("LAB_EXAMPLES").ok();
        let examples = examples.and_then(|text| text.parse().ok());
        let mut args = vec![
            "--config-file".to_owned(),
            settings.display().to_string(),
            "run".to_owned(),
            format!("{}/api/openapi.json", self.base),
            format!("--max-examples={}", examples.unwrap_or(EXAMPLES)),
            format!("--exclude-checks={NOT_TOLD}"),
            "--request-timeout=30".to_owned(),
            "--suppress-health-check=all".to_owned(),
            "--warnings=off".to_owned(),
            "--no-shrink".to_owned(),
        ];
        if let Some(token) = self.token {
            args.push(format!("--header=Authorization: Bearer {token}"));
        }
        // One pattern: of several only what all of them match would be meant.
        for (flag, paths) in [("include", self.only), ("exclude", self.but)] {
            if !paths.is_empty() {
                args.push(format!("--{flag}-path-regex={}", paths.join("|")));
            }
        }
        args
    }

    async fn hold(&self, folder: &Path) -> anyhow::Result<()> {
        let settings = folder.join(format!("{}.toml", self.what.replace(' ', "-")));
        std::fs::write(&settings, self.settings())?;
        let running = Command::new(schemathesis()?)
            .args(self.arguments(&settings))
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ended = tokio::time::timeout(PATIENCE, running).await;
        let ended = ended.with_context(|| format!("{}: no end", self.what))??;
        let said = String::from_utf8_lossy(&ended.stdout);
        ensure!(
            ended.status.success(),
            "{}: {said}{}",
            self.what,
            String::from_utf8_lossy(&ended.stderr)
        );
        let tested = said.lines().find(|line| line.contains("generated"));
        println!("{}: {}", self.what, tested.context("nothing was tested")?);
        Ok(())
    }
}

async fn signed_in(api: &Api, body: Value) -> anyhow::Result<String> {
    let session = api.post("/api/v1/sessions", &body).await?.expect(201)?;
    Ok(session["token"].as_str().context("a token")?.to_owned())
}

/// A kiosk with a printer and a few orders, and a manager who is signed in.
struct Furnished {
    kiosk: Kiosk,
    base: String,
    token: String,
    manager: Api,
    orders: Vec<String>,
    folder: Folder,
    _printer: SimulatedPrinter,
}

impl Furnished {
    async fn open() -> anyhow::Result<Self> {
        let folder = Folder::temporary()?;
        let mut kiosk = crate::lone_kiosk(folder.path()).await?;
        let printer = SimulatedPrinter::start()?;
        let config = folder.path().join("kiosk.toml");
        let (name, port) = ("counter", printer.address());
        let printers = format!(
            "[[printer]]\nname = \"{name}\"\nport = \"tcp://{port}\"\nreceipt = true\nstations = [\"*\"]\n"
        );
        std::fs::write(&config, printers)?;
        kiosk.more = vec!["--config".to_owned(), config.display().to_string()];
        kiosk.start().await?;
        let set_pin = ["staff", "set-pin", "--role", "manager"];
        kiosk.command(&set_pin, PIN).await?;
        let mut orders = Vec::new();
        let mut diner = kiosk.diner(Dice::printed("openapi"))?;
        for _ in 0..6 {
            orders.push(diner.order().await?.id);
        }
        let api = kiosk.api()?;
        let token = signed_in(&api, json!({ "pin": PIN })).await?;
        Ok(Self {
            base: kiosk.base().context("an address")?,
            manager: api.with_token(&token),
            kiosk,
            token,
            orders,
            folder,
            _printer: printer,
        })
    }

    /// What the rows of a list are called.
    async fn names(&self, path: &str, rows: &str, key: &str) -> anyhow::Result<Vec<String>> {
        let list = self.manager.get(path).await?.expect(200)?;
        let rows = list[rows].as_array().context("a list")?;
        let names = rows.iter().filter_map(|row| match &row[key] {
            Value::String(name) => Some(name.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let names: Vec<_> = names.collect();
        ensure!(!names.is_empty(), "{path} lists nothing");
        Ok(names)
    }

    async fn hold(&self, round: Round<'_>) -> anyhow::Result<()> {
        let base = &self.base;
        Round { base, ..round }.hold(self.folder.path()).await
    }
}

/// Never ends by itself; what comes there is a story of its own.
const ENDLESS: &str = "/api/v1/events";
/// Whoever takes the PIN away from themselves is signed out: these calls come last.
const ONESELF: &str = "/api/v1/staff/\\{id\\}|/api/v1/sessions$";

#[tokio::test]
async fn a_kiosk_answers_as_its_document_says_and_never_with_a_fault_of_its_own() -> Told {
    let _alone = serially().await?;
    let store = Furnished::open().await?;
    let jobs = store.names("/api/v1/print-jobs", "print_jobs", "id");
    let jobs = [("path.id", jobs.await?)];
    let orders = [("path.id", store.orders.clone())];
    let items = store.names("/api/v1/menu", "items", "id").await?;
    let switches = store.names("/api/v1/status", "switches", "name").await?;
    let named = [("path.item", items), ("path.name", switches)];
    let manager = Round {
        token: Some(&store.token),
        ..Round::default()
    };
    let round = |what, only, names| Round {
        what,
        only,
        names,
        ..manager
    };
    store
        .hold(round("the manager and orders", &["/orders/"], &orders))
        .await?;
    store
        .hold(round("the manager and jobs", &["/print-jobs/"], &jobs))
        .await?;
    let but: &[&str] = &[ENDLESS, "/orders/", "/print-jobs/", ONESELF];
    let everything_else = round("the manager", &[], &named);
    store
        .hold(Round {
            but,
            ..everything_else
        })
        .await?;
    store
        .hold(Round {
            what: "anybody",
            but: &[ENDLESS],
            names: &orders,
            ..Round::default()
        })
        .await?;
    let staff = [(
        "path.id",
        store.names("/api/v1/staff", "staff", "id").await?,
    )];
    store
        .hold(round("the manager and the staff", &[ONESELF], &staff))
        .await?;
    store.kiosk.check().await?;
    Ok(())
}

#[tokio::test]
async fn the_cloud_answers_as_its_document_says_and_never_with_a_fault_of_its_own() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let mut diner = kiosk.diner(Dice::printed("openapi"))?;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(diner.order().await?.id);
    }
    lab::checker::drain(kiosk, PATIENCE).await?;
    let base = store.cloud.base().context("an address")?;
    let (name, password) = lab::store::USER;
    let api = Api::at(&base)?;
    let token = signed_in(&api, json!({ "name": name, "password": password })).await?;
    let credential = store.folder().join("front-left.credential.json");
    let credential: Credential = serde_json::from_slice(&std::fs::read(credential)?)?;
    let device = credential.device_secret.access_token();

    let names = [
        ("path.store", vec!["canal-street".to_owned()]),
        ("path.kiosk", vec!["front-left".to_owned()]),
        ("path.id", ids),
    ];
    let everybody = Round {
        base: &base,
        names: &names,
        ..Round::default()
    };
    Round {
        what: "headquarters",
        token: Some(&token),
        but: &["/api/v1/sessions$"],
        ..everybody
    }
    .hold(store.folder())
    .await?;
    Round {
        what: "a kiosk",
        token: Some(&device),
        only: &["/api/v1/kiosks/", "/menu$"],
        ..everybody
    }
    .hold(store.folder())
    .await?;
    Round {
        what: "nobody",
        ..everybody
    }
    .hold(store.folder())
    .await?;
    store.stop().await?;
    Ok(())
}
