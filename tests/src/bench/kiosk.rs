//! A kiosk process under measurement.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::load;
use crate::clock::Start;
use crate::process::{Child, Lab, Role};

/// What is measured: the appliance's own binary if it was built beside this one, else this one.
pub(super) struct Binary {
    lab: Lab,
    own: Option<PathBuf>,
}

/// A running kiosk.
pub(super) struct Kiosk {
    child: Child,
    folder: PathBuf,
    pub(super) address: SocketAddr,
    /// From its start until a page was answered whole.
    pub(super) first_page: Duration,
}

impl Binary {
    pub(super) fn find(lab: &Lab) -> anyhow::Result<Self> {
        let beside = std::env::current_exe()?.with_file_name("kiosk");
        Ok(Self {
            lab: lab.clone(),
            own: beside.is_file().then_some(beside),
        })
    }

    /// How it is called in the report.
    pub(super) fn name(&self) -> &'static str {
        match self.own {
            Some(_) => "kiosk",
            None => "lab as a kiosk (the kiosk's own binary is not built beside it)",
        }
    }

    /// Its size, if it is the appliance's own and built as for the appliance.
    pub(super) fn stripped_mebibytes(&self) -> Option<f64> {
        let size = std::fs::metadata(self.own.as_ref()?).ok()?.len();
        (!cfg!(debug_assertions)).then(|| mebibytes(size))
    }

    /// Starts it on a folder, which is made if it is not there.
    pub(super) async fn start(&self, folder: &Path) -> anyhow::Result<Kiosk> {
        std::fs::create_dir_all(folder)?;
        let log = folder.join("log.txt");
        let data = folder.join("data");
        let data = data.to_str().context("the folder's name is not UTF-8")?;
        let args = ["serve", "--data-dir", data, "--listen", "127.0.0.1:0"];
        let began = Start::now();
        let child = match self.own.as_deref().and_then(Path::to_str) {
            Some(program) => self.lab.start_foreign(program, args, &log)?,
            None => self.lab.start(Role::Kiosk, args, &log)?,
        };
        let address = child.listening().await?;
        load::get(address, "/").await?;
        Ok(Kiosk {
            child,
            folder: folder.to_owned(),
            address,
            first_page: began.elapsed(),
        })
    }
}

impl Kiosk {
    /// What it holds in memory.
    pub(super) fn resident_mebibytes(&self) -> anyhow::Result<f64> {
        resident_mebibytes(self.child.id())
    }

    /// How many events its journal holds.
    pub(super) async fn events(&self) -> anyhow::Result<u64> {
        let status = load::get(self.address, "/api/v1/status").await?;
        let status: serde_json::Value = serde_json::from_str(&status)?;
        let next = status["journal"]["next_seq"]
            .as_u64()
            .context("no next_seq")?;
        Ok(next - 1)
    }

    /// Kills it as a power cut would and says how long it took to answer again.
    pub(super) async fn kill_and_start(mut self, binary: &Binary) -> anyhow::Result<Duration> {
        self.child.kill9()?;
        let again = binary.start(&self.folder).await?;
        Ok(again.first_page)
    }
}

/// What a process holds in memory.
pub(super) fn resident_mebibytes(process: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("no VmRSS")?;
    Ok(mebibytes(kibibytes.trim().parse::<u64>()? * 1024))
}

#[expect(clippy::cast_precision_loss, reason = "for people, with two digits")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
