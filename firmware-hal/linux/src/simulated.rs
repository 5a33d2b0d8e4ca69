//! A simulated printer behind a TCP port of this machine: what stands on a shelf in tests and
//! demonstrations.

mod line;
mod terminal;

pub use line::SimulatedLine;
pub use terminal::SimulatedTerminal;

use firmware_hal::simulator::Simulator;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How soon the printer notices what was done to it.
const TICK: Duration = Duration::from_millis(5);

/// A printer that takes connections, one at a time, as network printers do. It is switched off and gone
/// when this is dropped.
#[derive(Debug)]
pub struct SimulatedPrinter {
    shared: Arc<Shared>,
    address: SocketAddr,
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
    on: bool,
    /// Bytes until it dies.
    fuse: Option<usize>,
    stop: bool,
}

impl SimulatedPrinter {
    /// A printer that is on, closed and full of paper.
    ///
    /// # Errors
    ///
    /// The system's, if there is no free port or no thread.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = State {
            simulator: Simulator::new(),
            on: true,
            fuse: None,
            stop: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let serving = std::thread::Builder::new()
            .name("simulated printer".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || serve(&listener, &shared)
            })?;
        Ok(Self {
            shared,
            address,
            serving: Some(serving),
        })
    }

    /// Where it takes connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does something to the printer, or looks at what is on paper.
    pub fn with<T>(&self, what: impl FnOnce(&mut Simulator) -> T) -> T {
        let done = what(&mut lock(&self.shared.state).simulator);
        self.shared.changed.notify_all();
        done
    }

    /// Switches it off, which ends its connection and loses what is not on paper, or on again.
    pub fn set_power(&self, on: bool) {
        let mut shared = lock(&self.shared.state);
        shared.on = on;
        shared.fuse = None;
        shared.simulator.set_power(on);
    }

    /// Lets it lose its power after it has taken so many bytes more.
    pub fn die_after(&self, bytes: usize) {
        lock(&self.shared.state).fuse = Some(bytes);
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        lock(&self.shared.state).on
    }
}

impl Drop for SimulatedPrinter {
    fn drop(&mut self) {
        lock(&self.shared.state).stop = true;
        // Wakes whoever waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(listener: &TcpListener, shared: &Shared) {
    while let Ok((stream, _)) = listener.accept() {
        if lock(&shared.state).stop {
            return;
        }
        // A connection that breaks is the other side's business.
        let _ = attend(&stream, shared);
    }
}

fn attend(mut stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(TICK))?;
    stream.set_nodelay(true)?;
    let mut bytes = [0; 1024];
    let mut held: Vec<u8> = Vec::new();
    loop {
        let replies = {
            let mut state = lock(&shared.state);
            if state.stop || !state.on {
                return Ok(());
            }
            let taken = state.take(&held);
            held.drain(..taken);
            if !state.on {
                return Ok(());
            }
            state.simulator.take_replies()
        };
        stream.write_all(&replies)?;
        if let Some(reset) = stream.take_error()? {
            // Whoever sent this has ended the connection and wants none of it.
            return Err(reset);
        }
        if !held.is_empty() {
            // A full buffer stops the sender: nothing more is read until something is done to it.
            let waiting = lock(&shared.state);
            drop(shared.changed.wait_timeout(waiting, TICK));
            continue;
        }
        match stream.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => held.extend(bytes.get(..count).unwrap_or_default()),
            Err(error) if is_silence(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

impl State {
    /// Gives bytes to the printer, until it dies of them; says how many it took.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let until = self.fuse.map_or(bytes.len(), |fuse| fuse.min(bytes.len()));
        let taken = self
            .simulator
            .receive(bytes.get(..until).unwrap_or_default());
        if let Some(fuse) = &mut self.fuse {
            *fuse -= taken;
            if *fuse == 0 {
                self.fuse = None;
                self.on = false;
                self.simulator.set_power(false);
            }
        }
        taken
    }
}
