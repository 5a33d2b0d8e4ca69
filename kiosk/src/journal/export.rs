//! `kiosk export`: events as signed frames in a file, to be carried by hand.

use std::io::{BufWriter, Write};
use std::path::Path;

use cloud_sync_wire::archive::{self, Record};
use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::frame::{self, BODY_LIMIT, EVENTS_LIMIT, Entry, Sender};
use cloud_sync_wire::hello::Registration;
use cloud_sync_wire::keys::SecretKey;
use kiosk_core::event::SCHEMA;
use kiosk_core::ids::{JournalId, KioskId, StoreId};

use super::enrolment::{self, Enrolment};
use super::group::Head;
use super::newfile::{CopyError, NewFile};
use super::open::identity;
use super::read::Reader;
use super::{JournalError, JournalSettings, Ranges};

/// Store and kiosk of a kiosk without a credential.
const LOCAL: &str = "local";

/// What an export holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many events.
    pub events: u64,
    /// In how many frames.
    pub frames: u64,
    /// The first of them; 0 if there are none.
    pub first: u64,
    /// The last of them; 0 if there are none.
    pub last: u64,
    /// Whether it carries the kiosk's registration, without which the cloud must know the journal.
    pub registered: bool,
}

/// Writes the unconfirmed events of the journal in `folder`, or `all` that it still holds, to the
/// new file `out`. A kiosk that has run with its credential left its registration in the journal;
/// `credential` gives one in its place. Without either the frames are those of a standalone kiosk, and
/// the cloud takes them once it has met the journal.
///
/// # Errors
/// [`CopyError`]; then there is no `out`.
pub fn export(
    folder: &Path,
    out: &Path,
    all: bool,
    credential: Option<&Credential>,
) -> Result<Exported, CopyError> {
    let reader = Reader::open(&JournalSettings::reading(folder))?;
    let (journal, key) = identity(reader.conn())?;
    let head = {
        let _moment = reader
            .conn()
            .unchecked_transaction()
            .map_err(JournalError::from)?;
        Head::load(reader.conn())?
    };
    let enrolment = match credential {
        Some(credential) => Some(registered(journal, &key, credential)?),
        None => enrolment::kept(reader.conn())?,
    };
    let mut new = NewFile::begin(out)?;
    let mut archive = Archive {
        sender: sender(journal, enrolment.as_ref())?,
        key,
        out: BufWriter::new(&mut new.file),
        done: Exported::default(),
    };
    let written = archive.fill(&reader, &head, all, enrolment.as_ref());
    let done = archive.done;
    drop(archive);
    written.map_err(|error| match error {
        Stopped::Writing(error) => new.trouble(&error),
        Stopped::Reading(error) => error.into(),
    })?;
    new.finish()?;
    Ok(done)
}

fn registered(
    journal: JournalId,
    key: &SecretKey,
    credential: &Credential,
) -> Result<Enrolment, JournalError> {
    let registration = Registration {
        store: credential.store.clone(),
        kiosk: credential.kiosk.clone(),
        journal,
        key: key.public(),
    };
    Enrolment::new(registration, credential)
        .map_err(|error| JournalError::Damaged(error.to_string()))
}

fn sender(journal: JournalId, enrolment: Option<&Enrolment>) -> Result<Sender, JournalError> {
    let local = |error: kiosk_core::ids::BadName| JournalError::Damaged(error.to_string());
    let (store, kiosk) = match enrolment {
        Some(enrolment) => (enrolment.store.clone(), enrolment.kiosk.clone()),
        None => (
            StoreId::try_new(LOCAL).map_err(local)?,
            KioskId::try_new(LOCAL).map_err(local)?,
        ),
    };
    Ok(Sender {
        store,
        kiosk,
        journal,
    })
}

struct Archive<W: Write> {
    sender: Sender,
    key: SecretKey,
    out: BufWriter<W>,
    done: Exported,
}

enum Stopped {
    Writing(std::io::Error),
    Reading(JournalError),
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        Self::Writing(error)
    }
}

impl From<JournalError> for Stopped {
    fn from(error: JournalError) -> Self {
        Self::Reading(error)
    }
}

impl<W: Write> Archive<W> {
    fn fill(
        &mut self,
        reader: &Reader,
        head: &Head,
        all: bool,
        enrolment: Option<&Enrolment>,
    ) -> Result<(), Stopped> {
        self.out.write_all(archive::MAGIC)?;
        if let Some(signed) = enrolment.and_then(Enrolment::signed) {
            self.done.registered = true;
            self.put(&Record::Registration(&signed))?;
        }
        let last = head.next_seq - 1;
        let skipped = if all {
            Ranges::default()
        } else {
            head.confirmed.clone()
        };
        let mut from = skipped.first_missing(head.anchor_seq + 1);
        while from <= last {
            let to = skipped.missing_from(from).min(last);
            let entries = reader.events(from, to, EVENTS_LIMIT, BODY_LIMIT)?;
            let Some(end) = entries.last() else {
                break;
            };
            from = skipped.first_missing(end.seq + 1);
            self.frame(&entries)?;
        }
        self.out.flush()?;
        Ok(())
    }

    fn frame(&mut self, entries: &[Entry]) -> Result<(), Stopped> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(());
        };
        let bytes = frame::encode(&self.sender, SCHEMA, entries, &self.key);
        self.put(&Record::Frame(&bytes))?;
        if self.done.frames == 0 {
            self.done.first = first.seq;
        }
        self.done.last = last.seq;
        self.done.frames += 1;
        self.done.events += u64::try_from(entries.len()).unwrap_or(0);
        Ok(())
    }

    fn put(&mut self, record: &Record<'_>) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        archive::put(&mut bytes, record);
        self.out.write_all(&bytes)
    }
}
