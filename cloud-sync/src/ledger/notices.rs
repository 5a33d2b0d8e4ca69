//! What the kiosks of a store are told of switches and settings, as the ledger has it.

use std::collections::BTreeMap;

use cloud_sync_wire::notice::{CallSetting, SettingsNotice, SwitchNotice, SwitchSetting};
use kiosk_core::ids::{Generation, KioskId, StoreId};

use super::changes::{COLUMNS, Change, FROM, Kind, change};
use super::connection::{Connection, values};
use super::{LedgerError, lineage};
use cloud_sync_wire::notice::scope::Scope;

/// What a notice says, whichever it is.
struct Told {
    generation: Generation,
    number: u64,
    groups: BTreeMap<KioskId, Vec<String>>,
    changes: Vec<Change>,
}

/// Where switches stand for the kiosks of a store.
pub(crate) fn switches(
    connection: &dyn Connection,
    store: &StoreId,
) -> Result<SwitchNotice, LedgerError> {
    let told = told(connection, Kind::Switch, store)?;
    let setting = |change: Change| SwitchSetting {
        name: change.name,
        scope: change.scope,
        state: change.value.as_str().unwrap_or("auto").to_owned(),
        by: change.by,
        reason: change.reason,
        at: change.at,
        number: change.id,
    };
    Ok(SwitchNotice {
        store: store.clone(),
        generation: told.generation,
        number: told.number,
        groups: told.groups,
        switches: told.changes.into_iter().map(setting).collect(),
    })
}

/// What is set about the remote calls of a store's kiosks.
pub(crate) fn settings(
    connection: &dyn Connection,
    store: &StoreId,
) -> Result<SettingsNotice, LedgerError> {
    let told = told(connection, Kind::Settings, store)?;
    let setting = |change: Change| CallSetting {
        scope: change.scope,
        settings: change.value.as_object().cloned().unwrap_or_default(),
        by: change.by,
        reason: change.reason,
        at: change.at,
        number: change.id,
    };
    Ok(SettingsNotice {
        store: store.clone(),
        generation: told.generation,
        number: told.number,
        groups: told.groups,
        settings: told.changes.into_iter().map(setting).collect(),
    })
}

/// Every store with the number of what its kiosks are told now of a kind; zero if nothing ever was.
pub(crate) fn numbers(
    connection: &dyn Connection,
    kind: Kind,
) -> Result<Vec<(StoreId, u64)>, LedgerError> {
    let sql = "SELECT name FROM stores ORDER BY name";
    let stores: Vec<StoreId> = connection.rows(sql, &[], |row| row.parsed(0))?;
    let numbered = stores.into_iter().map(|store| {
        let number = number(connection, kind, &store)?;
        Ok((store, number))
    });
    numbered.collect()
}

/// The latest change of all.
pub(crate) fn latest(connection: &dyn Connection) -> Result<i64, LedgerError> {
    connection.one("SELECT coalesce(max(id), 0) FROM changes", &[], |row| {
        row.get(0)
    })
}

/// The latest change that matters to a store's kiosks. It never goes down: a kiosk that leaves a
/// group does so by a change of its own, which is later than all that it leaves behind.
pub(crate) fn number(
    connection: &dyn Connection,
    kind: Kind,
    store: &StoreId,
) -> Result<u64, LedgerError> {
    connection.one(
        "SELECT coalesce(max(c.id), 0) FROM changes c WHERE c.kind IN (?1, 'groups')
         AND (c.reach IN ('all', 'percent')
              OR c.device IN (SELECT d.id FROM devices d JOIN stores s ON s.id = d.store
                              WHERE s.name = ?2)
              OR c.group_name IN (SELECT m.group_name FROM memberships m
                                  JOIN devices d ON d.id = m.device
                                  JOIN stores s ON s.id = d.store WHERE s.name = ?2))",
        values![kind.as_str(), store.as_str()],
        |row| row.get(0),
    )
}

fn told(connection: &dyn Connection, kind: Kind, store: &StoreId) -> Result<Told, LedgerError> {
    let groups = groups(connection, store)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} JOIN in_force f ON f.change = c.id WHERE f.kind = ?1
         AND (c.device IS NULL OR st.name = ?2) ORDER BY c.id"
    );
    let mut changes = connection.rows(&sql, values![kind.as_str(), store.as_str()], change)?;
    changes.retain(|change| match &change.scope {
        Scope::Group(group) => groups.values().any(|of| of.contains(group)),
        _ => true,
    });
    Ok(Told {
        generation: lineage::standing(connection)?.generation,
        number: number(connection, kind, store)?,
        groups,
        changes,
    })
}

fn groups(
    connection: &dyn Connection,
    store: &StoreId,
) -> Result<BTreeMap<KioskId, Vec<String>>, LedgerError> {
    let rows: Vec<(KioskId, String)> = connection.rows(
        "SELECT d.kiosk, m.group_name FROM memberships m JOIN devices d ON d.id = m.device
         JOIN stores s ON s.id = d.store WHERE s.name = ?1 ORDER BY d.kiosk, m.group_name",
        values![store.as_str()],
        |row| Ok((row.parsed(0)?, row.get(1)?)),
    )?;
    let mut groups: BTreeMap<KioskId, Vec<String>> = BTreeMap::new();
    for (kiosk, group) in rows {
        groups.entry(kiosk).or_default().push(group);
    }
    Ok(groups)
}
