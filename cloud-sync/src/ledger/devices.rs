//! Stores and their kiosks: keys, access, order-number prefixes, and what each last said of itself.

use std::collections::HashSet;

use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::keys::PublicKey;
use kiosk_core::ids::{KioskId, StoreId};
use kiosk_core::number::store_prefix;
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{LedgerError, values};
use crate::ingest::coverage::Coverage;

/// Prefixes of one letter there are.
const SINGLE_LETTERS: usize = 24;
/// The most stretches of lost events that are told of a kiosk.
const LOST_TOLD: usize = 8;
/// Spare prefixes of a kiosk, for the journals that follow its first.
const SPARES: usize = 3;

#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) id: i64,
    pub(crate) key: PublicKey,
    pub(crate) revoked: bool,
    token_digest: [u8; 32],
}

impl Device {
    /// Whether a token's digest is the one of this device, in constant time.
    pub(crate) fn has_token(&self, digest: &[u8; 32]) -> bool {
        same_digest(&self.token_digest, digest)
    }
}

/// Compares without telling by its duration where the first difference is.
pub(crate) fn same_digest(left: &[u8; 32], right: &[u8; 32]) -> bool {
    let differ = left
        .iter()
        .zip(right)
        .fold(0, |differ, (a, b)| differ | (a ^ b));
    differ == 0
}

pub(crate) fn find(
    connection: &Connection,
    store: &str,
    kiosk: &str,
) -> Result<Option<Device>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.id, d.key, d.revoked_at IS NOT NULL, d.token_digest FROM devices d
         JOIN stores s ON s.id = d.store WHERE s.name = ?1 AND d.kiosk = ?2",
    )?;
    let device = statement.query_row((store, kiosk), |row| {
        Ok(Device {
            id: row.get(0)?,
            key: values::key(row, 1)?,
            revoked: row.get(2)?,
            token_digest: row.get(3)?,
        })
    });
    Ok(device.optional()?)
}

/// Whether some kiosk of the store, not revoked, has a token of that digest.
pub(crate) fn store_has_token(
    connection: &Connection,
    store: &str,
    digest: &[u8; 32],
) -> Result<bool, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.token_digest FROM devices d JOIN stores s ON s.id = d.store
         WHERE s.name = ?1 AND d.revoked_at IS NULL",
    )?;
    let rows = statement.query_map([store], |row| row.get::<_, [u8; 32]>(0))?;
    let digests = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(digests.iter().any(|known| same_digest(known, digest)))
}

pub(crate) fn store_id(connection: &Connection, name: &str) -> Result<Option<i64>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT id FROM stores WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

pub(crate) fn store_name(connection: &Connection, id: i64) -> Result<String, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT name FROM stores WHERE id = ?1")?;
    Ok(statement.query_row([id], |row| row.get(0))?)
}

/// The store's row, made if need be.
pub(crate) fn store_made(connection: &Connection, name: &StoreId) -> Result<i64, LedgerError> {
    connection.execute(
        "INSERT INTO stores (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
        [name.as_str()],
    )?;
    store_id(connection, name.as_str())?
        .ok_or_else(|| LedgerError::Storage("the store was not made".to_owned()))
}

/// Enrols a kiosk, or enrols it anew with another key; gives its order-number prefixes, which no
/// kiosk of the store ever had before.
pub(crate) fn enroll(
    connection: &Connection,
    store: &StoreId,
    kiosk: &KioskId,
    key: PublicKey,
    token_digest: [u8; 32],
    now: WallTime,
) -> Result<Vec<String>, LedgerError> {
    let store = store_made(connection, store)?;
    connection.execute(
        "INSERT INTO former_keys (device, key, enrolled_at, ended_at)
         SELECT id, key, enrolled_at, ?3 FROM devices
         WHERE store = ?1 AND kiosk = ?2 AND key <> ?4
         ON CONFLICT (device, key) DO UPDATE SET ended_at = excluded.ended_at",
        (store, kiosk.as_str(), now.as_millis(), key.to_bytes()),
    )?;
    connection.execute(
        "INSERT INTO devices (store, kiosk, key, token_digest, enrolled_at)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (store, kiosk) DO UPDATE SET
         key = excluded.key, token_digest = excluded.token_digest,
         enrolled_at = excluded.enrolled_at, revoked_at = NULL, twins_at = NULL",
        (
            store,
            kiosk.as_str(),
            key.to_bytes(),
            token_digest,
            now.as_millis(),
        ),
    )?;
    let device: i64 = connection.query_row(
        "SELECT id FROM devices WHERE store = ?1 AND kiosk = ?2",
        (store, kiosk.as_str()),
        |row| row.get(0),
    )?;
    give_prefixes(connection, store, device)
}

/// Two kiosks speak with one credential.
pub(crate) fn note_twins(
    connection: &Connection,
    device: i64,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE devices SET twins_at = coalesce(twins_at, ?2) WHERE id = ?1",
        (device, now.as_millis()),
    )?;
    Ok(())
}

/// Keys that a device had before it was enrolled anew, the latest first.
pub(crate) fn former_keys(
    connection: &Connection,
    device: i64,
) -> Result<Vec<PublicKey>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT key FROM former_keys WHERE device = ?1 ORDER BY ended_at DESC")?;
    let rows = statement.query_map([device], |row| values::key(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn give_prefixes(
    connection: &Connection,
    store: i64,
    device: i64,
) -> Result<Vec<String>, LedgerError> {
    let mut statement = connection.prepare("SELECT prefix FROM prefixes WHERE store = ?1")?;
    let rows = statement.query_map([store], |row| row.get::<_, String>(0))?;
    let mut used = rows.collect::<Result<HashSet<_>, _>>()?;
    // There are more prefixes of two letters than rows, so each search ends.
    let mut free = |from: usize| {
        let prefix = (from..)
            .map(store_prefix)
            .find(|prefix| !used.contains(prefix));
        let prefix = prefix.unwrap_or_default();
        used.insert(prefix.clone());
        prefix
    };
    let mut given = vec![free(0)];
    given.extend((0..SPARES).map(|_| free(SINGLE_LETTERS)));
    for prefix in &given {
        connection.execute(
            "INSERT INTO prefixes (store, prefix, device) VALUES (?1, ?2, ?3)",
            (store, prefix, device),
        )?;
    }
    Ok(given)
}

/// Takes a kiosk's access away; false if there is no such kiosk.
pub(crate) fn revoke(
    connection: &Connection,
    store: &StoreId,
    kiosk: &KioskId,
    now: WallTime,
) -> Result<bool, LedgerError> {
    let changed = connection.execute(
        "UPDATE devices SET revoked_at = coalesce(revoked_at, ?3)
         WHERE kiosk = ?2 AND store = (SELECT id FROM stores WHERE name = ?1)",
        (store.as_str(), kiosk.as_str(), now.as_millis()),
    )?;
    Ok(changed > 0)
}

/// What a kiosk said of itself, to be shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) at: WallTime,
    pub(crate) link: Option<String>,
    pub(crate) depth: Option<u64>,
    pub(crate) oldest_ms: Option<u64>,
    pub(crate) version: Option<String>,
}

/// Notes what a kiosk said; what it didn't say stays.
pub(crate) fn note_said(
    connection: &Connection,
    device: i64,
    said: &Said,
) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached(
        "UPDATE devices SET last_seen = max(coalesce(last_seen, 0), ?2), link = coalesce(?3, link),
         depth = coalesce(?4, depth), oldest_ms = coalesce(?5, oldest_ms),
         version = coalesce(?6, version) WHERE id = ?1",
    )?;
    statement.execute((
        device,
        said.at.as_millis(),
        said.link.as_deref(),
        said.depth.map(values::signed),
        said.oldest_ms.map(values::signed),
        said.version.as_deref(),
    ))?;
    Ok(())
}

/// A kiosk as it is listed.
#[derive(Debug)]
pub(crate) struct Kiosk {
    pub(crate) id: i64,
    pub(crate) store: String,
    pub(crate) kiosk: String,
    pub(crate) revoked: bool,
    pub(crate) last_seen: Option<WallTime>,
    pub(crate) link: Option<String>,
    pub(crate) depth: Option<u64>,
    pub(crate) version: Option<String>,
    pub(crate) journal: Option<uuid::Uuid>,
    pub(crate) epoch: Option<u32>,
    pub(crate) watermark: Option<u64>,
    pub(crate) forked: bool,
    /// Another one speaks with the same credential.
    pub(crate) twins: bool,
    pub(crate) groups: Vec<String>,
    /// Events that are missing here and that the kiosk no longer holds, as first and last.
    pub(crate) lost: Vec<(u64, u64)>,
}

fn kiosk(row: &Row<'_>) -> rusqlite::Result<Kiosk> {
    let unsigned = |index| {
        let number: Option<i64> = row.get(index)?;
        Ok::<_, rusqlite::Error>(number.and_then(|number| u64::try_from(number).ok()))
    };
    Ok(Kiosk {
        id: row.get(0)?,
        store: row.get(1)?,
        kiosk: row.get(2)?,
        revoked: row.get(3)?,
        last_seen: row.get::<_, Option<i64>>(4)?.map(WallTime::from_millis),
        link: row.get(5)?,
        depth: unsigned(6)?,
        version: row.get(7)?,
        journal: values::uuid_or_null(row, 8)?,
        epoch: row.get(9)?,
        watermark: unsigned(10)?,
        forked: row.get(11)?,
        twins: row.get(15)?,
        groups: row
            .get::<_, Option<String>>(12)?
            .map(|names| names.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        lost: lost(row)?,
    })
}

/// What is missing of the events that the kiosk said it no longer holds.
fn lost(row: &Row<'_>) -> rusqlite::Result<Vec<(u64, u64)>> {
    let Some(spans) = row.get::<_, Option<Vec<u8>>>(13)? else {
        return Ok(Vec::new());
    };
    let (watermark, retained_from) = (values::unsigned(row, 10)?, values::unsigned(row, 14)?);
    // The chain hash at the watermark says nothing of what is missing.
    let coverage = Coverage::unpack(watermark, Hash::START, &spans);
    Ok(coverage.gaps_until(retained_from.saturating_sub(1), LOST_TOLD))
}

/// Kiosks in order of store and kiosk, behind the one given; each with its latest journal.
pub(crate) fn list(
    connection: &Connection,
    after: (&str, &str),
    limit: usize,
) -> Result<Vec<Kiosk>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.id, st.name, d.kiosk, d.revoked_at IS NOT NULL, d.last_seen, d.link, d.depth,
         d.version, s.journal, s.epoch, s.watermark, coalesce(s.forked_at IS NOT NULL, 0),
         (SELECT group_concat(group_name) FROM memberships WHERE device = d.id),
         s.spans, s.retained_from, d.twins_at IS NOT NULL FROM devices d JOIN stores st ON st.id = d.store
         LEFT JOIN streams s ON s.device = d.id
            AND s.epoch = (SELECT max(epoch) FROM streams WHERE device = d.id)
         WHERE (st.name, d.kiosk) > (?1, ?2) ORDER BY st.name, d.kiosk LIMIT ?3",
    )?;
    let rows = statement.query_map((after.0, after.1, limit), kiosk)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{open, schema};
    use cloud_sync_wire::keys::SecretKey;

    #[test]
    fn no_prefix_is_given_twice_in_a_store_also_when_a_kiosk_is_enrolled_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = open::writing(&dir.path().join("l")).unwrap();
        schema::migrate(&mut connection).unwrap();
        let store = StoreId::try_new("s").unwrap();
        let enroll = |kiosk: usize| {
            let kiosk = KioskId::try_new(&format!("k{kiosk}")).unwrap();
            let key = SecretKey::from_seed(&[1; 32]).public();
            enroll(
                &connection,
                &store,
                &kiosk,
                key,
                [0; 32],
                WallTime::from_millis(0),
            )
            .unwrap()
        };
        assert_eq!(enroll(0), ["A", "AA", "AB", "AC"]);
        assert_eq!(enroll(0)[0], "B");
        let mut all = HashSet::new();
        for prefix in (1..40).flat_map(enroll) {
            assert!(all.insert(prefix.clone()), "{prefix}");
        }
        assert!(!all.contains("A") && !all.contains("AA"));
    }
}
