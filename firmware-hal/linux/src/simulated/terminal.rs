//! A simulated card terminal behind a TCP port of this machine, as behind a serial device server.

use firmware_hal::simulator::card::{CardTerminal, Plan};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::{TICK, is_silence};

/// A simulated card terminal on loopback: takes connections one at a time. It is switched off and gone
/// when this is dropped.
#[derive(Debug)]
pub struct SimulatedTerminal {
    shared: Arc<Mutex<State>>,
    address: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    terminal: CardTerminal,
    plugged: bool,
    /// The connection that is there ends, whether or not another one may come.
    cut: bool,
    /// Bytes it still says before its line is cut.
    fuse: Option<usize>,
    stop: bool,
}

impl SimulatedTerminal {
    /// A terminal that is plugged in.
    ///
    /// # Errors
    ///
    /// The system's, if there is no free port or no thread.
    pub fn start(plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(State {
            terminal: CardTerminal::new(plan),
            plugged: true,
            cut: false,
            fuse: None,
            stop: false,
        }));
        let serving = std::thread::Builder::new()
            .name("simulated terminal".to_owned())
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

    /// Does something to the terminal, or looks at what it has charged.
    pub fn with<T>(&self, what: impl FnOnce(&mut CardTerminal) -> T) -> T {
        what(&mut lock(&self.shared).terminal)
    }

    /// Unplugs its line or plugs it in again; it keeps its power, and what it is at goes on.
    pub fn plug(&self, plugged: bool) {
        let mut state = lock(&self.shared);
        state.plugged = plugged;
        state.cut |= !plugged;
    }

    /// Unplugs its line after it has said so many bytes more.
    pub fn unplug_after(&self, bytes: usize) {
        lock(&self.shared).fuse = Some(bytes);
    }

    /// Whether its line is plugged in.
    #[must_use]
    pub fn is_plugged(&self) -> bool {
        lock(&self.shared).plugged
    }
}

impl Drop for SimulatedTerminal {
    fn drop(&mut self) {
        lock(&self.shared).stop = true;
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

fn serve(listener: &TcpListener, shared: &Mutex<State>) {
    while let Ok((stream, _)) = listener.accept() {
        if lock(shared).stop {
            return;
        }
        {
            let mut state = lock(shared);
            state.cut = false;
            state.terminal.replug();
        }
        // A connection that breaks is the other side's business.
        let _ = attend(&stream, shared);
    }
}

fn attend(mut stream: &TcpStream, shared: &Mutex<State>) -> io::Result<()> {
    stream.set_read_timeout(Some(TICK))?;
    stream.set_nodelay(true)?;
    let mut bytes = [0; 256];
    let mut heard = 0;
    loop {
        let said = {
            let mut state = lock(shared);
            if state.stop || state.cut || !state.plugged {
                return Ok(());
            }
            state.converse(bytes.get(..heard).unwrap_or_default())
        };
        stream.write_all(&said)?;
        heard = match stream.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if is_silence(&error) => 0,
            Err(error) => return Err(error),
        };
    }
}

impl State {
    /// Gives the terminal what was said to it, and gives what it says, until its line is cut.
    fn converse(&mut self, heard: &[u8]) -> Vec<u8> {
        use embedded_io::{Read as _, ReadReady as _, Write as _};
        let _ = self.terminal.write(heard);
        let mut said = Vec::new();
        let mut byte = [0];
        while self.terminal.read_ready() == Ok(true) && self.terminal.read(&mut byte) == Ok(1) {
            if self.fuse == Some(0) {
                self.fuse = None;
                self.plugged = false;
                self.cut = true;
                break;
            }
            self.fuse = self.fuse.map(|left| left - 1);
            said.extend(byte);
        }
        said
    }
}
