//! Confirming: what a verified ack releases.
//!
//! An ack is a state. The kiosk takes the union of what it knew and what the ack says, ignores an
//! older ack of the same lineage, and believes it only where the chain hashes agree with its own.

use cloud_sync_wire::ack::{Ack, Range};
use cloud_sync_wire::chain::Hash;
use kiosk_core::ids::Generation;
use rusqlite::{Connection, OptionalExtension};

use super::group::{Group, Head, from_sql, hash_column, to_sql};
use super::read::Reader;
use super::{JournalError, Ranges};

/// What an ack did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It was taken; so many events became confirmed.
    Taken {
        /// How many.
        newly: u64,
    },
    /// Older than what is known, or of another journal.
    Stale,
    /// The ledger has a new lineage, such as after a restore; so many events are unconfirmed again.
    NewGeneration {
        /// How many.
        again: u64,
        /// Events that the new lineage misses and this journal no longer holds, as `first..=last`.
        lost_window: Option<(u64, u64)>,
    },
    /// The cloud knows another history of this journal: a rolled-back or cloned disk.
    Disagrees {
        /// The seq at which the chain hashes differ.
        seq: u64,
    },
}

/// What a hello says of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloState {
    /// The number that the next event gets.
    pub next_seq: u64,
    /// The first event that is still there.
    pub retained_from: u64,
    /// The lineage of the latest ack.
    pub generation: Option<Generation>,
    /// The number of the latest ack.
    pub ack_no: u64,
    /// All events up to this one are confirmed.
    pub watermark: u64,
    /// The chain hash at it.
    pub chain: Hash,
    /// What is confirmed beyond it.
    pub ranges: Vec<Range>,
    /// The latest signed ack.
    pub last_ack: Option<Vec<u8>>,
}

struct Known {
    generation: Generation,
    ack_no: u64,
}

impl Group<'_> {
    pub(super) fn confirm(&mut self, ack: &Ack, signed: &[u8]) -> Result<Confirmed, JournalError> {
        let known = known(self.conn)?;
        let same_lineage = known
            .as_ref()
            .is_none_or(|k| k.generation == ack.generation);
        let older = known
            .as_ref()
            .is_some_and(|k| same_lineage && ack.ack_no <= k.ack_no);
        if older || self.is_retired(ack.generation)? {
            return Ok(Confirmed::Stale);
        }
        if let Some(seq) = self.disagreement(ack)? {
            return Ok(Confirmed::Disagrees { seq });
        }
        let before = self.head.confirmed.clone();
        let told = ack.ranges.iter().map(|range| (range.first, range.last));
        let mut confirmed = Ranges::new(ack.watermark, told);
        if same_lineage {
            confirmed.advance(before.watermark());
            before
                .beyond()
                .iter()
                .for_each(|(first, last)| confirmed.insert(*first, *last));
        }
        self.store_cloud(ack, signed, &confirmed)?;
        let outcome = if same_lineage {
            Confirmed::Taken {
                newly: confirmed.count().saturating_sub(before.count()),
            }
        } else {
            if let Some(known) = &known {
                self.conn
                    .prepare_cached("INSERT OR IGNORE INTO retired_generations VALUES (?1)")?
                    .execute([known.generation.0.as_bytes()])?;
            }
            let first = confirmed.first_missing(1);
            let lost = (first <= self.head.anchor_seq).then_some((first, self.head.anchor_seq));
            Confirmed::NewGeneration {
                again: before.count().saturating_sub(confirmed.count()),
                lost_window: lost,
            }
        };
        self.head.confirmed = confirmed;
        Ok(outcome)
    }

    fn is_retired(&self, generation: Generation) -> Result<bool, JournalError> {
        let mut query = self
            .conn
            .prepare_cached("SELECT 1 FROM retired_generations WHERE generation = ?1")?;
        Ok(query.exists([generation.0.as_bytes()])?)
    }

    /// The first seq at which the ack's chain hashes differ from the journal's own. What lies
    /// before the anchor can't be compared any more; it was compared when it was confirmed.
    fn disagreement(&self, ack: &Ack) -> Result<Option<u64>, JournalError> {
        let ends = ack.ranges.iter().map(|range| (range.last, range.chain));
        for (seq, chain) in std::iter::once((ack.watermark, ack.chain)).chain(ends) {
            if seq < self.head.anchor_seq {
                continue;
            }
            if chain_at(self.conn, &self.head, seq)? != Some(chain) {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    fn store_cloud(
        &self,
        ack: &Ack,
        signed: &[u8],
        confirmed: &Ranges,
    ) -> Result<(), JournalError> {
        let ranges = serde_json::to_string(confirmed.beyond())
            .map_err(|error| JournalError::Storage(error.to_string()))?;
        self.conn
            .prepare_cached(
                "INSERT INTO cloud (one, generation, ack_no, watermark, ranges, quarantined, at, ack)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (one) DO UPDATE SET generation = ?1, ack_no = ?2, watermark = ?3,
                     ranges = ?4, quarantined = ?5, at = ?6, ack = ?7",
            )?
            .execute((
                ack.generation.0.as_bytes(),
                to_sql(ack.ack_no),
                to_sql(confirmed.watermark()),
                ranges,
                to_sql(ack.quarantined_total),
                ack.at.as_millis(),
                signed,
            ))?;
        self.conn
            .prepare_cached(
                "INSERT INTO confirmed_at (hour, watermark) VALUES (?1, ?2)
                 ON CONFLICT (hour) DO UPDATE SET watermark = ?2",
            )?
            .execute((
                ack.at.as_millis() / 3_600_000,
                to_sql(confirmed.watermark()),
            ))?;
        Ok(())
    }
}

fn known(conn: &Connection) -> Result<Option<Known>, JournalError> {
    let row = conn
        .prepare_cached("SELECT generation, ack_no FROM cloud WHERE one = 1")?
        .query_row([], |row| {
            let generation: [u8; 16] = row.get(0)?;
            Ok(Known {
                generation: Generation(uuid::Uuid::from_bytes(generation)),
                ack_no: from_sql(row.get(1)?),
            })
        })
        .optional()?;
    Ok(row)
}

/// The journal's own chain hash at `seq`; none if it never had that event or has it no more.
fn chain_at(conn: &Connection, head: &Head, seq: u64) -> Result<Option<Hash>, JournalError> {
    if seq == 0 {
        return Ok(Some(Hash::START));
    }
    if seq == head.anchor_seq {
        let anchor = conn
            .prepare_cached("SELECT anchor_chain FROM head WHERE one = 1")?
            .query_row([], |row| hash_column(row, 0))?;
        return Ok(Some(anchor));
    }
    let chain = conn
        .prepare_cached("SELECT chain FROM events WHERE seq = ?1")?
        .query_row([to_sql(seq)], |row| hash_column(row, 0))
        .optional()?;
    Ok(chain)
}

/// Reads what a hello says.
pub(super) fn hello_state(reader: &Reader) -> Result<HelloState, JournalError> {
    let conn = reader.conn();
    let head = Head::load(conn)?;
    let known = known(conn)?;
    let last_ack: Option<Vec<u8>> = conn
        .prepare_cached("SELECT ack FROM cloud WHERE one = 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let mut ranges = Vec::new();
    for (first, last) in head.confirmed.beyond() {
        if let Some(chain) = chain_at(conn, &head, *last)? {
            ranges.push(Range {
                first: *first,
                last: *last,
                chain,
            });
        }
    }
    let watermark = head.confirmed.watermark();
    Ok(HelloState {
        next_seq: head.next_seq,
        retained_from: head.anchor_seq + 1,
        generation: known.as_ref().map(|known| known.generation),
        ack_no: known.map_or(0, |known| known.ack_no),
        watermark,
        chain: chain_at(conn, &head, watermark)?.unwrap_or_default(),
        ranges,
        last_ack,
    })
}
