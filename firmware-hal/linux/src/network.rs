use crate::descriptor::{Descriptor, embedded_io_port};
use crate::{Error, Operation, Timeouts};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A printer on the network that takes raw bytes, by custom on TCP port 9100.
///
/// Most of them serve one connection at a time: hold it no longer than a job takes.
#[derive(Debug)]
pub struct Network(Descriptor<TcpStream>);

impl Network {
    /// Connects.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `TimedOut`, or `Gone` if nobody listens there.
    pub fn connect(address: SocketAddr, timeouts: Timeouts) -> Result<Self, Error> {
        let name = address.to_string();
        let failed = |cause| Error::new(&name, Operation::Open, cause);
        let stream = TcpStream::connect_timeout(&address, timeouts.open).map_err(failed)?;
        // A status request is three bytes that must not wait for more.
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_nonblocking(true).map_err(failed)?;
        Ok(Self(Descriptor::new(stream, name, timeouts)))
    }

    /// Ends the connection at once (RST): what was not delivered yet never is.
    pub(crate) fn abandon(self) {
        let _ = rustix::net::sockopt::set_socket_linger(self.0.file(), Some(Duration::ZERO));
    }
}

embedded_io_port!(Network);
