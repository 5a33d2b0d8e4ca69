//! A simulated printer at the far end of a pseudo-terminal: a serial line that keeps its power and its
//! place in a command whatever becomes of whoever writes to it.

use firmware_hal::simulator::Simulator;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::{TICK, is_silence};

/// A printer on a serial line. Gone when this is dropped.
#[derive(Debug)]
pub struct SimulatedLine {
    shared: Arc<Shared>,
    path: PathBuf,
    serving: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    simulator: Simulator,
    /// Bytes it has taken.
    taken: usize,
    /// Bytes that still pass before the line carries nothing more.
    fuse: Option<usize>,
    frozen: bool,
    stop: bool,
}

impl SimulatedLine {
    /// A printer that is on, closed and full of paper.
    ///
    /// # Errors
    ///
    /// The system's, if it gives no pseudo-terminal or no thread.
    pub fn start() -> io::Result<Self> {
        let far = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&far)?;
        unlockpt(&far)?;
        let path = ptsname(&far, Vec::new())?;
        fcntl_setfl(&far, fcntl_getfl(&far)? | OFlags::NONBLOCK)?;
        let path = path.to_str().map_err(io::Error::other)?.into();
        let state = State {
            simulator: Simulator::new(),
            taken: 0,
            fuse: None,
            frozen: false,
            stop: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let serving = std::thread::Builder::new()
            .name("simulated line".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || serve(&File::from(far), &shared)
            })?;
        Ok(Self {
            shared,
            path,
            serving: Some(serving),
        })
    }

    /// The near end's device node.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does something to the printer, or looks at what is on paper.
    pub fn with<T>(&self, what: impl FnOnce(&mut Simulator) -> T) -> T {
        let done = what(&mut lock(&self.shared.state).simulator);
        self.shared.changed.notify_all();
        done
    }

    /// How many bytes it has taken in all.
    #[must_use]
    pub fn taken(&self) -> usize {
        lock(&self.shared.state).taken
    }

    /// Lets so many bytes more pass and none after them, as if whoever writes had stopped there.
    pub fn stall_after(&self, bytes: usize) {
        lock(&self.shared.state).fuse = Some(bytes);
    }

    /// Stops the sender and says nothing, as a printer does whose firmware hangs, or lets it go on. What was
    /// sent is kept.
    pub fn freeze(&self, frozen: bool) {
        lock(&self.shared.state).frozen = frozen;
        self.shared.changed.notify_all();
    }

    /// Whether nothing passes any more.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        lock(&self.shared.state).fuse == Some(0)
    }

    /// Forgets what did not pass, and lets everything pass again.
    pub fn mend(&self) {
        lock(&self.shared.state).fuse = None;
        self.shared.changed.notify_all();
    }
}

impl Drop for SimulatedLine {
    fn drop(&mut self) {
        lock(&self.shared.state).stop = true;
        self.shared.changed.notify_all();
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut far: &File, shared: &Shared) {
    let mut bytes = [0; 512];
    let mut held: Vec<u8> = Vec::new();
    loop {
        let replies = {
            let mut state = lock(&shared.state);
            if state.stop {
                return;
            }
            if state.frozen {
                drop(state);
                shared.rest();
                continue;
            }
            let taken = state.take(&held);
            held.drain(..taken);
            if state.fuse == Some(0) {
                // What was written beyond never left.
                held.clear();
            }
            state.simulator.take_replies()
        };
        // Nobody may listen.
        let _ = far.write_all(&replies);
        if !held.is_empty() {
            // A full buffer stops the sender: nothing more is read until something is done to it.
            shared.rest();
            continue;
        }
        match far.read(&mut bytes) {
            Ok(count) if count > 0 => held.extend(bytes.get(..count).unwrap_or_default()),
            Ok(_) => shared.rest(),
            // Nobody holds the near end, or nobody writes.
            Err(error) if is_silence(&error) || error.raw_os_error() == Some(EIO) => shared.rest(),
            Err(_) => return,
        }
    }
}

/// Linux, errno: what a pseudo-terminal's far end says while nobody holds the near end.
const EIO: i32 = 5;

impl Shared {
    fn rest(&self) {
        let waiting = lock(&self.state);
        drop(self.changed.wait_timeout(waiting, TICK));
    }
}

impl State {
    /// Gives bytes to the printer as far as they pass; says how many it took.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let most = self.fuse.unwrap_or(usize::MAX).min(bytes.len());
        let taken = self
            .simulator
            .receive(bytes.get(..most).unwrap_or_default());
        self.taken += taken;
        self.fuse = self.fuse.map(|left| left - taken);
        taken
    }
}
