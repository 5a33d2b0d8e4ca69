//! Stores and their kiosks: keys, access, order-number prefixes, and what each last said of itself.

use std::collections::HashSet;

use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::keys::PublicKey;
use kiosk_core::ids::{KioskId, StoreId};
use kiosk_core::number::store_prefix;
use kiosk_core::wall::WallTime;

use super::LedgerError;
use super::connection::{Batch, Connection, Each, Row, values};
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
    /// The unconfirmed events that it last spoke of.
    pub(crate) depth: Option<u64>,
    pub(crate) revoked: bool,
    /// Whether brokers of the operator's can be told of its token.
    pub(crate) has_login: bool,
    token_digest: [u8; 32],
    former_token: Option<[u8; 32]>,
}

/// Which of a device's tokens was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// The present one.
    Present,
    /// The one before it, which counts until the present one is shown for the first time.
    Former,
}

impl Device {
    /// Whether a token's digest is one of this device, and which, in constant time.
    pub(crate) fn token(&self, digest: &[u8; 32]) -> Option<Token> {
        if same_digest(&self.token_digest, digest) {
            return Some(Token::Present);
        }
        let former = self.former_token.as_ref()?;
        same_digest(former, digest).then_some(Token::Former)
    }

    /// Whether a key was given up of which the device has not shown yet that it has the next.
    pub(crate) fn is_changing(&self) -> bool {
        self.former_token.is_some()
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
    connection: &dyn Connection,
    store: &str,
    kiosk: &str,
) -> Result<Option<Device>, LedgerError> {
    connection.find(
        "SELECT d.id, d.depth, d.key, d.revoked_at IS NOT NULL, d.token_digest,
         d.broker_login IS NOT NULL, d.former_token FROM devices d
         JOIN stores s ON s.id = d.store WHERE s.name = ?1 AND d.kiosk = ?2",
        values![store, kiosk],
        |row| {
            Ok(Device {
                id: row.get(0)?,
                depth: row.get(1)?,
                key: row.get(2)?,
                revoked: row.get(3)?,
                token_digest: row.get(4)?,
                has_login: row.get(5)?,
                former_token: row.get(6)?,
            })
        },
    )
}

/// Whether some kiosk of the store, not revoked, has a token of that digest.
pub(crate) fn store_has_token(
    connection: &dyn Connection,
    store: &str,
    digest: &[u8; 32],
) -> Result<bool, LedgerError> {
    let digests: Vec<[u8; 32]> = connection.rows(
        "SELECT d.token_digest FROM devices d JOIN stores s ON s.id = d.store
         WHERE s.name = ?1 AND d.revoked_at IS NULL
         UNION ALL SELECT d.former_token FROM devices d JOIN stores s ON s.id = d.store
         WHERE s.name = ?1 AND d.revoked_at IS NULL AND d.former_token IS NOT NULL",
        values![store],
        |row| row.get(0),
    )?;
    Ok(digests.iter().any(|known| same_digest(known, digest)))
}

pub(crate) fn store_id(
    connection: &dyn Connection,
    name: &str,
) -> Result<Option<i64>, LedgerError> {
    let sql = "SELECT id FROM stores WHERE name = ?1";
    connection.find(sql, values![name], |row| row.get(0))
}

pub(crate) fn store_name(connection: &dyn Connection, id: i64) -> Result<String, LedgerError> {
    let sql = "SELECT name FROM stores WHERE id = ?1";
    connection.one(sql, values![id], |row| row.get(0))
}

/// The store's row, made if need be.
pub(crate) fn store_made(connection: &dyn Connection, name: &StoreId) -> Result<i64, LedgerError> {
    connection.execute(
        "INSERT INTO stores (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
        values![name.as_str()],
    )?;
    store_id(connection, name.as_str())?
        .ok_or_else(|| LedgerError::Storage("the store was not made".to_owned()))
}

/// Enrols a kiosk, or enrols it anew with another key; gives its order-number prefixes, which no
/// kiosk of the store ever had before.
pub(crate) fn enroll(
    connection: &dyn Connection,
    store: &StoreId,
    kiosk: &KioskId,
    key: PublicKey,
    token_digest: [u8; 32],
    now: WallTime,
) -> Result<Vec<String>, LedgerError> {
    let store = store_made(connection, store)?;
    let key = key.to_bytes();
    connection.execute(
        "INSERT INTO former_keys (device, key, enrolled_at, ended_at)
         SELECT id, key, enrolled_at, CAST(?3 AS BIGINT) FROM devices
         WHERE store = ?1 AND kiosk = ?2 AND key <> ?4
         ON CONFLICT (device, key) DO UPDATE SET ended_at = excluded.ended_at",
        values![store, kiosk.as_str(), now, &key],
    )?;
    connection.execute(
        "INSERT INTO devices (store, kiosk, key, token_digest, enrolled_at)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (store, kiosk) DO UPDATE SET
         key = excluded.key, token_digest = excluded.token_digest,
         enrolled_at = excluded.enrolled_at, revoked_at = NULL, twins_at = NULL,
         former_token = NULL, expires_at = NULL",
        values![store, kiosk.as_str(), &key, &token_digest, now],
    )?;
    let sql = "SELECT id FROM devices WHERE store = ?1 AND kiosk = ?2";
    let device = connection.one(sql, values![store, kiosk.as_str()], |row| row.get(0))?;
    give_prefixes(connection, store, device)
}

/// The device has another key and token from now on. The token before counts until the new one is
/// first shown: the kiosk may be cut off before it has put the new one in its place.
pub(crate) fn succeed(
    connection: &dyn Connection,
    device: &Device,
    key: PublicKey,
    token: [u8; 32],
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO former_keys (device, key, enrolled_at, ended_at)
         SELECT id, key, enrolled_at, ?2 FROM devices WHERE id = ?1
         ON CONFLICT (device, key) DO UPDATE SET ended_at = excluded.ended_at",
        values![device.id, now],
    )?;
    connection.execute(
        "UPDATE devices SET key = ?2, former_token = token_digest, token_digest = ?3,
         enrolled_at = ?4, expires_at = NULL WHERE id = ?1",
        values![device.id, &key.to_bytes(), &token, now],
    )?;
    Ok(())
}

/// The present token was shown: the one before it counts no more.
pub(crate) fn end_former_token(
    connection: &dyn Connection,
    device: i64,
) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE devices SET former_token = NULL WHERE id = ?1",
        values![device],
    )?;
    Ok(())
}

/// From when on headquarters is warned that a credential is old.
pub(crate) fn expire(
    connection: &dyn Connection,
    store: &StoreId,
    kiosk: &KioskId,
    at: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE devices SET expires_at = ?3
         WHERE kiosk = ?2 AND store = (SELECT id FROM stores WHERE name = ?1)",
        values![store.as_str(), kiosk.as_str(), at],
    )?;
    Ok(())
}

/// Two kiosks speak with one credential.
pub(crate) fn note_twins(
    connection: &dyn Connection,
    device: i64,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE devices SET twins_at = coalesce(twins_at, ?2) WHERE id = ?1",
        values![device, now],
    )?;
    Ok(())
}

/// Keys that a device had before it was enrolled anew, the latest first.
pub(crate) fn former_keys(
    connection: &dyn Connection,
    device: i64,
) -> Result<Vec<PublicKey>, LedgerError> {
    let sql = "SELECT key FROM former_keys WHERE device = ?1 ORDER BY ended_at DESC";
    connection.rows(sql, values![device], |row| row.get(0))
}

fn give_prefixes(
    connection: &dyn Connection,
    store: i64,
    device: i64,
) -> Result<Vec<String>, LedgerError> {
    let sql = "SELECT prefix FROM prefixes WHERE store = ?1";
    let used: Vec<String> = connection.rows(sql, values![store], |row| row.get(0))?;
    let mut used = HashSet::<String>::from_iter(used);
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
            values![store, prefix, device],
        )?;
    }
    Ok(given)
}

/// Takes a kiosk's access away; false if there is no such kiosk.
pub(crate) fn revoke(
    connection: &dyn Connection,
    store: &StoreId,
    kiosk: &KioskId,
    now: WallTime,
) -> Result<bool, LedgerError> {
    let changed = connection.execute(
        "UPDATE devices SET revoked_at = coalesce(revoked_at, ?3)
         WHERE kiosk = ?2 AND store = (SELECT id FROM stores WHERE name = ?1)",
        values![store.as_str(), kiosk.as_str(), now],
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

/// Notes what kiosks said; what they didn't say stays.
pub(crate) fn note_said(
    connection: &dyn Connection,
    said: &[(i64, Said)],
) -> Result<(), LedgerError> {
    const NOTE: Each = Each {
        one: "UPDATE devices SET last_seen = max(coalesce(last_seen, 0), ?2),
             link = coalesce(?3, link), depth = coalesce(?4, depth),
             oldest_ms = coalesce(?5, oldest_ms), version = coalesce(?6, version) WHERE id = ?1",
        all: "UPDATE devices d SET last_seen = greatest(d.last_seen, n.at),
             link = coalesce(n.link, d.link), depth = coalesce(n.depth, d.depth),
             oldest_ms = coalesce(n.oldest_ms, d.oldest_ms), version = coalesce(n.version, d.version)
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[],
                         $6::text[]) AS n (id, at, link, depth, oldest_ms, version)
             WHERE d.id = n.id",
    };
    let rows = said.iter().map(|(device, said)| {
        [
            (*device).into(),
            said.at.into(),
            said.link.as_deref().into(),
            said.depth.into(),
            said.oldest_ms.into(),
            said.version.as_deref().into(),
        ]
    });
    connection.execute_each(&NOTE, &Batch::new(rows))
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
    /// From when on its credential is old; sync goes on regardless.
    pub(crate) expires: Option<WallTime>,
    pub(crate) groups: Vec<String>,
    /// Events that are missing here and that the kiosk no longer holds, as first and last.
    pub(crate) lost: Vec<(u64, u64)>,
}

fn kiosk(row: &Row<'_>) -> Result<Kiosk, LedgerError> {
    Ok(Kiosk {
        id: row.get(0)?,
        store: row.get(1)?,
        kiosk: row.get(2)?,
        revoked: row.get(3)?,
        last_seen: row.get(4)?,
        link: row.get(5)?,
        depth: row.get(6)?,
        version: row.get(7)?,
        journal: row.get(8)?,
        epoch: row.get(9)?,
        watermark: row.get(10)?,
        forked: row.get(11)?,
        twins: row.get(15)?,
        expires: row.get(16)?,
        groups: row
            .get::<Option<String>>(12)?
            .map(|names| names.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        lost: lost(row)?,
    })
}

/// What is missing of the events that the kiosk said it no longer holds.
fn lost(row: &Row<'_>) -> Result<Vec<(u64, u64)>, LedgerError> {
    let Some(spans) = row.get::<Option<Vec<u8>>>(13)? else {
        return Ok(Vec::new());
    };
    let (watermark, retained_from): (u64, u64) = (row.get(10)?, row.get(14)?);
    // The chain hash at the watermark says nothing of what is missing.
    let coverage = Coverage::unpack(watermark, Hash::START, &spans);
    Ok(coverage.gaps_until(retained_from.saturating_sub(1), LOST_TOLD))
}

/// Kiosks in order of store and kiosk, behind the one given; each with its latest journal.
pub(crate) fn list(
    connection: &dyn Connection,
    after: (&str, &str),
    limit: usize,
) -> Result<Vec<Kiosk>, LedgerError> {
    connection.rows(
        "SELECT d.id, st.name, d.kiosk, d.revoked_at IS NOT NULL, d.last_seen, d.link, d.depth,
         d.version, s.journal, s.epoch, s.watermark, s.forked_at IS NOT NULL,
         (SELECT string_agg(group_name, ',' ORDER BY group_name) FROM memberships
          WHERE device = d.id),
         s.spans, s.retained_from, d.twins_at IS NOT NULL, d.expires_at FROM devices d
         JOIN stores st ON st.id = d.store
         LEFT JOIN streams s ON s.device = d.id
            AND s.epoch = (SELECT max(epoch) FROM streams WHERE device = d.id)
         WHERE (st.name, d.kiosk) > (?1, ?2) ORDER BY st.name, d.kiosk LIMIT ?3",
        values![after.0, after.1, limit],
        kiosk,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sqlite::{open, schema};
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
