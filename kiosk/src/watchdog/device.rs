//! The kernel's watchdog: kept open, opened again when that fails, and fed while the journal recovers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use firmware_hal::watchdog::Watchdog as _;
use firmware_hal_linux::{Error, Watchdog as Device};
use sd_notify::NotifyState;

use super::TIMES;

/// How long the kernel's watchdog waits if it does not say.
const USUAL: Duration = Duration::from_secs(60);
/// A start that makes progress is given so much more time by systemd each time.
const MORE: Duration = Duration::from_secs(60);

/// The device of the configuration, open or not.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    device: Option<Device>,
}

impl Kept {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, device: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.device.is_some()
    }

    /// Opens it, which arms it.
    pub(super) fn open(&mut self) -> Result<(), Error> {
        self.device = Some(Device::open(&self.path)?);
        Ok(())
    }

    /// Feeds it; one that fails is let go of, to be opened again.
    pub(super) fn feed(&mut self) -> Result<(), Error> {
        let fed = self.device.as_mut().map_or(Ok(()), Device::feed);
        if fed.is_err() {
            self.device = None;
        }
        fed
    }

    /// A kiosk that stops in order resets nothing.
    pub(super) fn disarm(self) {
        if let Some(Err(error)) = self.device.map(Device::disarm) {
            tracing::warn!(%error, "the kernel's watchdog could not be disarmed; the machine will restart");
        }
    }

    /// How long it waits, by its attributes in sysfs.
    pub(super) fn timeout(&self) -> Duration {
        let name = self.path.file_name().and_then(|name| name.to_str());
        // `/dev/watchdog` is the first of them.
        let name = match name.unwrap_or_default() {
            "watchdog" => "watchdog0",
            name => name,
        };
        let file = Path::new("/sys/class/watchdog").join(name).join("timeout");
        let told = std::fs::read_to_string(file).ok();
        let seconds = told.and_then(|text| text.trim().parse().ok());
        seconds.map_or(USUAL, Duration::from_secs)
    }
}

/// Feeds while the journal is opened, as long as that makes progress: after a power cut it may take longer
/// than the timer that the run before has armed. A start that hangs starves.
pub struct Recovering {
    done: Arc<AtomicBool>,
    feeding: Option<JoinHandle<Option<Kept>>>,
}

impl Recovering {
    /// Feeds the device of the configuration from now on, if there is one.
    #[must_use]
    pub fn begin(path: Option<&Path>) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let kept = path.map(|path| Kept::new(path.to_owned()));
        let told = Arc::clone(&done);
        let feeding = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || feed_while_it_goes_on(kept, &told));
        let feeding = feeding
            .inspect_err(
                |error| tracing::error!(%error, "nothing feeds while the journal recovers"),
            )
            .ok();
        Self { done, feeding }
    }

    /// The journal is open; gives the device to whoever feeds it from now on.
    pub(super) fn end(mut self) -> Option<Kept> {
        self.finish()
    }

    fn finish(&mut self) -> Option<Kept> {
        self.done.store(true, Ordering::Release);
        let feeding = self.feeding.take()?;
        feeding.thread().unpark();
        feeding.join().ok().flatten()
    }
}

impl Drop for Recovering {
    /// A start that fails in order resets nothing.
    fn drop(&mut self) {
        if let Some(kept) = self.finish() {
            kept.disarm();
        }
    }
}

fn feed_while_it_goes_on(mut kept: Option<Kept>, done: &AtomicBool) -> Option<Kept> {
    let every = kept.as_ref().map_or(USUAL, Kept::timeout) / TIMES;
    if let Some(kept) = &mut kept {
        // Told by whoever keeps it later.
        let _ = kept.open();
    }
    let mut progress = Progress::default();
    while !done.load(Ordering::Acquire) {
        if progress.goes_on(worked()) {
            let _ = kept.as_mut().map(Kept::feed);
            let more = u32::try_from(MORE.as_micros()).unwrap_or(u32::MAX);
            let _ = sd_notify::notify(&[NotifyState::ExtendTimeoutUsec(more)]);
        }
        std::thread::park_timeout(every);
    }
    kept
}

/// Whether a start goes on: the process reads, writes or calculates more than it had.
#[derive(Debug, Default)]
struct Progress(Option<u64>);

impl Progress {
    fn goes_on(&mut self, worked: Option<u64>) -> bool {
        let before = self.0;
        self.0 = worked;
        before != worked || before.is_none()
    }
}

/// Bytes that this process has read and written in all; none where the kernel does not say.
fn worked() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    let number = |line: &str| line.split(':').nth(1)?.trim().parse::<u64>().ok();
    let moved = |line: &&str| line.starts_with("read_bytes") || line.starts_with("write_bytes");
    Some(text.lines().filter(moved).filter_map(number).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_moves_bytes_is_fed_and_one_that_hangs_starves() {
        let mut progress = Progress::default();
        assert!(progress.goes_on(Some(10)), "it has only begun");
        assert!(progress.goes_on(Some(11)));
        assert!(!progress.goes_on(Some(11)));
        assert!(progress.goes_on(Some(12)));
    }

    #[test]
    fn what_this_process_reads_and_writes_is_told() {
        let Some(before) = worked() else { return };
        let file = tempfile::tempfile().unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[7; 1 << 16], 0).unwrap();
        file.sync_all().unwrap();
        assert!(worked().unwrap() >= before);
    }

    #[test]
    fn a_device_that_is_not_there_is_opened_when_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watchdog0");
        let mut kept = Kept::new(path.clone());
        assert!(kept.open().is_err() && !kept.is_open());
        assert!(kept.feed().is_ok(), "there is nothing to feed");
        // A character device that takes what is written to it.
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        kept.open().unwrap();
        assert!(kept.is_open());
        kept.feed().unwrap();
        // And one that fails is let go of.
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        kept.open().unwrap();
        assert!(kept.feed().is_err() && !kept.is_open());
    }
}
