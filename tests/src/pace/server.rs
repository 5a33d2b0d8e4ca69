//! The one cloud-sync, and what memory it takes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;

use crate::process::{Child, Lab, Role};

/// How often its memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub(super) struct Server {
    base: String,
    most: Arc<AtomicU64>,
    looking: JoinHandle<()>,
    _child: Child,
}

impl Server {
    pub(super) async fn start(lab: &Lab, data: &Path, log: &Path) -> anyhow::Result<Self> {
        let data = data.to_string_lossy().into_owned();
        let anywhere = "127.0.0.1:0".to_owned();
        let args = [
            "serve".to_owned(),
            "--data-dir".to_owned(),
            data,
            "--listen".to_owned(),
            anywhere.clone(),
            "--mqtt-listen".to_owned(),
            anywhere,
        ];
        let child = lab.start(Role::CloudSync, args, log)?;
        let base = format!("http://{}", child.listening().await?);
        let most = Arc::new(AtomicU64::new(0));
        let (seen, process) = (Arc::clone(&most), child.id());
        let looking = tokio::spawn(async move {
            loop {
                if let Ok(mib) = resident_mib(process) {
                    seen.fetch_max(mib, Ordering::Relaxed);
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Ok(Self {
            base,
            most,
            looking,
            _child: child,
        })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn most_mib(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn resident_mib(process: u32) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .and_then(|rest| rest.split_whitespace().next())
        .context("no VmRSS")?
        .parse()?;
    Ok(kib / 1024)
}
