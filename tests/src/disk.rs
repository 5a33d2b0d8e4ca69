//! A small disk of its own, to be filled or made read-only.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use tempfile::TempDir;

/// A tmpfs of a few megabytes. It is unmounted when this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one; none where somebody has said by `LAB_WITHOUT_MOUNTS=1` that nothing can be
    /// mounted here.
    ///
    /// # Errors
    /// If it can't be mounted.
    pub fn mount(mebibytes: u32) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::Builder::new()
            .prefix("stillopen-disk-")
            .tempdir()?;
        let size = format!("size={mebibytes}m");
        match mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], folder.path()) {
            Ok(()) => Ok(Some(Self { folder })),
            Err(error) if std::env::var_os("LAB_WITHOUT_MOUNTS").is_some() => {
                println!("skipped: mounting a small disk is not possible here: {error:#}");
                Ok(None)
            }
            Err(error) => Err(error.context(
                "a small disk can't be mounted; run as root, or leave these stories out with \
                 LAB_WITHOUT_MOUNTS=1",
            )),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes it read-only.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn make_read_only(&self) -> anyhow::Result<()> {
        mount(&["-o", "remount,ro"], self.path())
    }

    /// Writes until nothing more fits; the space is free again when the file is removed.
    ///
    /// # Errors
    /// If the file can't be made.
    pub fn fill(&self) -> anyhow::Result<PathBuf> {
        let path = self.path().join("ballast");
        let mut file = std::fs::File::create(&path)?;
        // Reads zeroes for ever: ends when the disk is full.
        let full = std::io::copy(&mut std::io::repeat(0), &mut file);
        let full = full.err().context("the disk never fills")?;
        ensure!(full.kind() == std::io::ErrorKind::StorageFull, "{full}");
        Ok(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is being killed may still stand in it.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn mount(args: &[&str], folder: &Path) -> anyhow::Result<()> {
    let output = Command::new("mount").args(args).arg(folder).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
