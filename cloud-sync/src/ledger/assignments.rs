//! Which broker the kiosks of each store are to use.

use cloud_sync_wire::notice::BrokerNotice;
use kiosk_core::ids::StoreId;
use kiosk_core::wall::WallTime;

use super::connection::{Connection, Row, values};
use super::{LedgerError, devices, lineage};

/// What somebody said about a store's broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) store: StoreId,
    pub(crate) number: u64,
    /// None for the one that each kiosk's credential names.
    pub(crate) url: Option<String>,
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) at: WallTime,
}

const COLUMNS: &str = "s.name, a.id, a.url, a.assigned_by, a.reason, a.assigned_at";

fn assignment(row: &Row<'_>) -> Result<Assignment, LedgerError> {
    Ok(Assignment {
        store: row.parsed(0)?,
        number: row.get(1)?,
        url: row.get(2)?,
        by: row.get(3)?,
        reason: row.get(4)?,
        at: row.get(5)?,
    })
}

/// Assigns a broker to a store that there is; none if there is not. The same again changes nothing.
pub(crate) fn assign(
    connection: &dyn Connection,
    store: &StoreId,
    url: Option<&str>,
    (by, reason): (&str, &str),
    now: WallTime,
) -> Result<Option<Assignment>, LedgerError> {
    let Some(id) = devices::store_id(connection, store.as_str())? else {
        return Ok(None);
    };
    if let Some(before) = current(connection, store)?
        && before.url.as_deref() == url
    {
        return Ok(Some(before));
    }
    connection.execute(
        "INSERT INTO assignments (store, url, assigned_by, reason, assigned_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        values![id, url, by, reason, now],
    )?;
    current(connection, store)
}

/// The assignment in force, if anything was ever said.
pub(crate) fn current(
    connection: &dyn Connection,
    store: &StoreId,
) -> Result<Option<Assignment>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM assignments a JOIN stores s ON s.id = a.store
         WHERE s.name = ?1 ORDER BY a.id DESC LIMIT 1"
    );
    connection.find(&sql, values![store.as_str()], assignment)
}

/// All assignments in force, in order of store.
pub(crate) fn all(connection: &dyn Connection) -> Result<Vec<Assignment>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM assignments a JOIN stores s ON s.id = a.store
         WHERE a.id = (SELECT max(id) FROM assignments WHERE store = a.store) ORDER BY s.name"
    );
    connection.rows(&sql, &[], assignment)
}

/// What was ever assigned, the newest first, of what stands before that number.
pub(crate) fn record(
    connection: &dyn Connection,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Assignment>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM assignments a JOIN stores s ON s.id = a.store
         WHERE a.id < ?1 ORDER BY a.id DESC LIMIT ?2"
    );
    let values = values![before.unwrap_or(u64::MAX), limit];
    connection.rows(&sql, values, assignment)
}

/// The latest assignment of all.
pub(crate) fn latest(connection: &dyn Connection) -> Result<i64, LedgerError> {
    let sql = "SELECT coalesce(max(id), 0) FROM assignments";
    connection.one(sql, &[], |row| row.get(0))
}

/// Assigns to a store, unless it has a broker, the one of `served` that the fewest stores have.
/// Without a choice nothing is assigned: the credential says it.
pub(crate) fn settle(
    connection: &dyn Connection,
    store: &StoreId,
    served: &[String],
    now: WallTime,
) -> Result<Option<String>, LedgerError> {
    if let Some(known) = current(connection, store)? {
        return Ok(known.url);
    }
    if served.len() < 2 {
        return Ok(None);
    }
    let all = all(connection)?;
    let load = |url: &&String| {
        let of = |known: &&Assignment| known.url.as_ref() == Some(*url);
        all.iter().filter(of).count()
    };
    let Some(url) = served.iter().min_by_key(load) else {
        return Ok(None);
    };
    let why = ("cloud-sync enroll", "the broker with the fewest stores");
    let made = assign(connection, store, Some(url), why, now)?;
    Ok(made.and_then(|made| made.url))
}

/// What the kiosks of a store are told; number 0 and no URL if nothing was ever said.
pub(crate) fn notice(
    connection: &dyn Connection,
    store: &StoreId,
) -> Result<BrokerNotice, LedgerError> {
    let generation = lineage::standing(connection)?.generation;
    let said = current(connection, store)?;
    let said = said.unwrap_or_else(|| Assignment {
        store: store.clone(),
        number: 0,
        url: None,
        by: String::new(),
        reason: String::new(),
        at: WallTime::from_millis(0),
    });
    Ok(BrokerNotice {
        store: said.store,
        generation,
        number: said.number,
        url: said.url,
        by: said.by,
        reason: said.reason,
        at: said.at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sqlite::{open, schema};

    #[test]
    fn stores_are_spread_evenly_and_keep_the_broker_that_they_have() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = open::writing(&dir.path().join("l")).unwrap();
        schema::migrate(&mut connection).unwrap();
        let served = ["one", "two", "three"].map(str::to_owned).to_vec();
        let now = WallTime::from_millis(0);
        let enrol = |name: &str, served: &[String]| {
            let store = StoreId::try_new(name).unwrap();
            devices::store_made(&connection, &store).unwrap();
            settle(&connection, &store, served, now).unwrap()
        };
        let names: Vec<String> = (0..9).map(|n| format!("s{n}")).collect();
        let mut given: Vec<_> = names
            .iter()
            .map(|name| enrol(name, &served).unwrap())
            .collect();
        assert_eq!(enrol("s0", &served[1..]).unwrap(), given[0]);
        given.sort();
        assert_eq!(
            given,
            [
                "one", "one", "one", "three", "three", "three", "two", "two", "two"
            ]
        );
        assert_eq!(enrol("alone", &served[..1]), None);
        let (store, why) = (StoreId::try_new("s0").unwrap(), ("ada", "full"));
        let moved = assign(&connection, &store, Some("four"), why, now).unwrap();
        let again = assign(&connection, &store, Some("four"), ("bob", "so"), now).unwrap();
        assert_eq!(moved, again);
        let nobody = StoreId::try_new("nobody").unwrap();
        assert_eq!(assign(&connection, &nobody, None, why, now).unwrap(), None);
    }
}
