//! Who may connect to the embedded broker: enrolled kiosks with their token, and this process
//! itself with a password that it keeps in memory alone.

use cloud_sync_wire::credential::token_digest;
use cloud_sync_wire::hello::to_hex;

use crate::broker::{Gatekeeper, Identity};
use crate::cloud::random;
use crate::ledger::connection::Connection;
use crate::ledger::devices::{self, Token};
use crate::ledger::{Ledger, LedgerError};

/// The name under which this process connects.
pub(crate) const SERVICE: &str = "cloud-sync";

pub(crate) struct Gate {
    ledger: Ledger,
    service: [u8; 32],
}

impl Gate {
    /// A gate, and the password that it knows this process by.
    pub(crate) fn new(ledger: Ledger) -> Result<(Self, String), LedgerError> {
        let mut secret = [0; 32];
        random(&mut secret)?;
        let password = to_hex(&secret);
        let service = token_digest(password.as_bytes());
        Ok((Self { ledger, service }, password))
    }
}

impl Gatekeeper for Gate {
    fn identify(&self, client_id: &str, username: &str, password: &[u8]) -> Option<Identity> {
        let digest = token_digest(password);
        if username == SERVICE {
            return devices::same_digest(&digest, &self.service).then_some(Identity::Service);
        }
        if client_id != username {
            return None;
        }
        let (store, kiosk) = username.split_once('/')?;
        let found = self
            .ledger
            .read_blocking(|connection| devices::find(connection, store, kiosk));
        let device = found.ok().flatten()?;
        // A revoked kiosk may still hand in its events over HTTP; it gets nothing from here.
        let shown = device.token(&digest).filter(|_| !device.revoked)?;
        if shown == Token::Present && device.is_changing() {
            let id = device.id;
            let end = move |connection: &dyn Connection| devices::end_former_token(connection, id);
            self.ledger.write_blocking(end).ok()?;
        }
        Some(Identity::Kiosk {
            store: store.to_owned(),
            kiosk: kiosk.to_owned(),
        })
    }
}
