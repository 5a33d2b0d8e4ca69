//! Confirming: what a verified ack releases.
//!
//! An ack is a state. The kiosk ignores an older one of the same generation, and believes one only
//! where the chain hashes agree with its own. In one generation what is durable only grows: an ack that
//! leaves out what an earlier one named comes from a ledger that went back in time without knowing it.
//! Such an ack changes nothing, least of all the earlier one that is kept as proof; the kiosk says
//! hello with that proof, and the ledger begins a new generation, in which its word alone counts.

use cloud_sync_wire::ack::{Ack, Range};
use cloud_sync_wire::chain::Hash;
use kiosk_core::ids::{Generation, JournalId};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::fence::succeeds;
use super::group::{Group, Head, from_sql, hash_column, run_sql, to_sql};
use super::read::Reader;
use super::records::{QUARANTINE_REASONS, QUARANTINED};
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
    /// It leaves out what this generation has confirmed before: the ledger went back in time. Nothing
    /// was taken; a hello shows the cloud the proof.
    Withdrawn {
        /// The first seq that it leaves out.
        seq: u64,
    },
    /// It was taken, and says that the journal's history has forked.
    Forked,
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
    /// The journal that this one carries on.
    pub replaces: Option<JournalId>,
}

struct Known {
    generation: Generation,
    ack_no: u64,
}

/// The setting that holds the number of the latest generation.
const LINEAGE: &str = "lineage";

impl Group<'_> {
    pub(super) fn confirm(&mut self, ack: &Ack, signed: &[u8]) -> Result<Confirmed, JournalError> {
        if ack.journal != self.journal {
            return Ok(Confirmed::Stale);
        }
        let known = known(self.conn)?;
        let same = known
            .as_ref()
            .is_none_or(|known| known.generation == ack.generation);
        let older = match &known {
            Some(known) if same => ack.ack_no <= known.ack_no,
            Some(_) => self.is_past(ack)?,
            None => false,
        };
        if older {
            return Ok(Confirmed::Stale);
        }
        if let Some(seq) = self.disagreement(ack)? {
            return Ok(Confirmed::Disagrees { seq });
        }
        let before = self.head.confirmed.clone();
        let told = ack.ranges.iter().map(|range| (range.first, range.last));
        let mut confirmed = Ranges::new(ack.watermark, told);
        if same {
            if let Some(seq) = before.first_not_in(&confirmed, ack.horizon()) {
                return Ok(Confirmed::Withdrawn { seq });
            }
            // What the ack had no room for.
            for (first, last) in before.beyond() {
                confirmed.insert(*first, *last);
            }
        }
        let chain = if confirmed.watermark() == ack.watermark {
            ack.chain
        } else {
            self.chain_at(confirmed.watermark())?
        };
        self.head.confirmed = confirmed;
        self.store_cloud(ack, signed, chain)?;
        self.store_lineage(ack.lineage)?;
        self.take_prefix(ack.epoch);
        if same {
            self.store_hour(ack)?;
            if ack.forked {
                return Ok(Confirmed::Forked);
            }
            let newly = self.head.confirmed.count() - before.count();
            return Ok(Confirmed::Taken { newly });
        }
        if let Some(known) = &known {
            self.retire(known.generation)?;
        }
        self.store_hour(ack)?;
        if ack.forked {
            return Ok(Confirmed::Forked);
        }
        let confirmed = &self.head.confirmed;
        Ok(Confirmed::NewGeneration {
            again: before.count() - before.count_common(confirmed),
            lost_window: confirmed.missing_until(self.head.anchor_seq),
        })
    }

    /// The journal's own chain hash at a seq that it has confirmed.
    fn chain_at(&self, seq: u64) -> Result<Hash, JournalError> {
        if let Some(hash) = chain_at(self.conn, &self.head, seq)? {
            return Ok(hash);
        }
        confirmed_chain(self.conn)?
            .filter(|(watermark, _)| *watermark == seq)
            .map(|(_, chain)| chain)
            .ok_or_else(|| JournalError::Damaged(format!("event {seq} is missing")))
    }

    /// What the new lineage has not seen confirmed has to wait for its whole retention again.
    fn retire(&self, generation: Generation) -> Result<(), JournalError> {
        self.conn
            .prepare_cached("INSERT OR IGNORE INTO retired_generations VALUES (?1)")?
            .execute([generation.0.as_bytes()])?;
        run_sql(self.conn, "DELETE FROM confirmed_at")?;
        Ok(())
    }

    /// Each journal of a kiosk numbers its orders under a prefix of its own.
    fn take_prefix(&mut self, epoch: Option<u32>) {
        let prefixes = &self.settings.prefixes;
        let Some(index) = epoch.and_then(|epoch| usize::try_from(epoch.checked_sub(1)?).ok())
        else {
            return;
        };
        if index >= prefixes.len() && !prefixes.is_empty() {
            tracing::warn!(
                journals = index + 1,
                prefixes = prefixes.len(),
                "the credential has too few prefixes; order numbers may repeat those of an earlier journal"
            );
        }
        if let Some(prefix) = prefixes.get(index % prefixes.len().max(1))
            && *prefix != self.head.prefix
        {
            tracing::info!(
                from = self.head.prefix,
                to = prefix,
                "order numbers change prefix"
            );
            self.head.prefix.clone_from(prefix);
        }
    }

    /// Whether an ack is of a generation that a later one has taken the place of.
    fn is_past(&self, ack: &Ack) -> Result<bool, JournalError> {
        let latest = self.setting(LINEAGE)?.and_then(|text| text.parse().ok());
        let earlier = latest.is_some_and(|latest: u64| (1..=latest).contains(&ack.lineage));
        Ok(earlier || self.is_retired(ack.generation)?)
    }

    fn store_lineage(&self, lineage: u64) -> Result<(), JournalError> {
        let known = self.setting(LINEAGE)?;
        if lineage == 0 || known == Some(lineage.to_string()) {
            return Ok(());
        }
        self.set_setting(LINEAGE, &lineage.to_string())
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

    fn store_cloud(&self, ack: &Ack, signed: &[u8], chain: Hash) -> Result<(), JournalError> {
        let confirmed = &self.head.confirmed;
        let ranges = serde_json::to_string(confirmed.beyond())
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.conn
            .prepare_cached(
                "INSERT INTO cloud (one, generation, ack_no, watermark, chain, ranges, quarantined, at, ack)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (one) DO UPDATE SET generation = ?1, ack_no = ?2, watermark = ?3,
                     chain = ?4, ranges = ?5, quarantined = ?6, at = ?7, ack = ?8",
            )?
            .execute((
                ack.generation.0.as_bytes(),
                to_sql(ack.ack_no),
                to_sql(confirmed.watermark()),
                &chain.0[..],
                ranges,
                to_sql(ack.quarantined_total),
                ack.at.as_millis(),
                signed,
            ))?;
        self.store_quarantined(ack)
    }

    /// What the cloud put aside, for people; written when it changes, which is hardly ever.
    fn store_quarantined(&self, ack: &Ack) -> Result<(), JournalError> {
        let seqs = as_list(&ack.quarantined)?;
        let reasons = as_list(&ack.quarantine_reasons)?;
        for (name, told) in [(QUARANTINED, seqs), (QUARANTINE_REASONS, reasons)] {
            if self.setting(name)? != told {
                self.keep(name, told.as_deref())?;
            }
        }
        Ok(())
    }

    fn store_hour(&self, ack: &Ack) -> Result<(), JournalError> {
        self.conn
            .prepare_cached(
                "INSERT INTO confirmed_at (hour, watermark) VALUES (?1, ?2)
                 ON CONFLICT (hour) DO UPDATE SET watermark = ?2",
            )?
            .execute((hour(ack.at.as_millis()), to_sql(self.head.settled())))?;
        Ok(())
    }
}

/// As it is kept; nothing if there is nothing in it.
fn as_list<T: Serialize>(list: &[T]) -> Result<Option<String>, JournalError> {
    let told = (!list.is_empty()).then(|| serde_json::to_string(list));
    told.transpose()
        .map_err(|error| JournalError::Damaged(error.to_string()))
}

/// The hour of the cloud's clock.
pub(super) fn hour(millis: i64) -> i64 {
    millis.div_euclid(3_600_000)
}

/// The watermark and the chain hash at it.
fn confirmed_chain(conn: &Connection) -> Result<Option<(u64, Hash)>, JournalError> {
    let row = conn
        .prepare_cached("SELECT watermark, chain FROM cloud WHERE one = 1")?
        .query_row([], |row| Ok((from_sql(row.get(0)?), hash_column(row, 1)?)))
        .optional()?;
    Ok(row)
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

/// Reads what a hello says, all of it as of one moment.
pub(super) fn hello_state(reader: &Reader) -> Result<HelloState, JournalError> {
    let moment = reader.conn().unchecked_transaction()?;
    let conn: &Connection = &moment;
    let head = Head::load(conn)?;
    let known = known(conn)?;
    let last_ack: Option<Vec<u8>> = conn
        .prepare_cached("SELECT ack FROM cloud WHERE one = 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let mut ranges = Vec::new();
    for (first, last) in head.confirmed.beyond() {
        // An end that is not held any more can't be proven; what is not named is sent again.
        if let Some(chain) = chain_at(conn, &head, *last)? {
            ranges.push(Range {
                first: *first,
                last: *last,
                chain,
            });
        }
    }
    let (watermark, chain) = confirmed_chain(conn)?.unwrap_or((0, Hash::START));
    Ok(HelloState {
        next_seq: head.next_seq,
        retained_from: head.anchor_seq + 1,
        generation: known.as_ref().map(|known| known.generation),
        ack_no: known.map_or(0, |known| known.ack_no),
        watermark,
        chain,
        ranges,
        last_ack,
        replaces: succeeds(conn)?.map(|succeeds| succeeds.journal),
    })
}
