//! What headquarters has changed about kiosks: switches, settings of remote calls, groups. Every
//! change is a row that stays; the latest of each switch and scope is in force.

use cloud_sync_wire::notice::scope::Scope;
use kiosk_core::ids::{KioskId, StoreId};
use kiosk_core::wall::WallTime;
use serde_json::Value;

use super::LedgerError;
use super::connection::{Connection, Row, values};

/// What wider scopes, and what the kiosks of one store, may hold of a kind. A notice holds both and
/// must fit into one signed message.
pub(crate) const MOST: usize = 32;
/// How long each of the two may be, so that it does: half of a message, less what the kiosks and
/// their groups take.
const BYTES_MOST: usize = 28 * 1024;
/// What stands beside the value and the reason of each.
const BYTES_BESIDE: usize = 260;
/// The groups that one kiosk may be in.
pub(crate) const GROUPS_MOST: usize = 8;

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Switch,
    Settings,
    Groups,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Switch, Self::Settings, Self::Groups];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Settings => "settings",
            Self::Groups => "groups",
        }
    }
}

/// Somebody changing something.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) kind: Kind,
    /// The switch's; empty for the other kinds.
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) value: Value,
    /// Whether it takes away what was set for that scope before.
    pub(crate) idle: bool,
    pub(crate) by: String,
    pub(crate) reason: String,
}

/// A change as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) value: Value,
    pub(crate) idle: bool,
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) at: WallTime,
}

/// What became of a wish.
#[derive(Debug)]
pub(crate) enum Made {
    /// It is in force, now or already before.
    InForce(Box<Change>),
    /// There is no such kiosk.
    NoKiosk,
    /// So many settings are in force already.
    TooMany,
}

/// Makes a change. The same again changes nothing.
pub(crate) fn make(
    connection: &dyn Connection,
    wish: &Wish,
    now: WallTime,
) -> Result<Made, LedgerError> {
    let place = match place(connection, wish)? {
        Some(place) => place,
        None => return Ok(Made::NoKiosk),
    };
    let before = at(connection, wish, &place)?;
    if let Some(before) = &before {
        let same = (&before.value, &before.by, &before.reason, &before.scope);
        if same == (&wish.value, &wish.by, &wish.reason, &wish.scope) {
            return Ok(Made::InForce(Box::new(before.clone())));
        }
    }
    if !has_room(connection, wish, &place, before.map(|change| change.id))? {
        return Ok(Made::TooMany);
    }
    let value = wish.value.to_string();
    let number: i64 = connection.one(
        "INSERT INTO changes (kind, name, reach, percent, group_name, device, value, idle,
         changed_by, reason, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         RETURNING id",
        values![
            wish.kind.as_str(),
            &wish.name,
            place.reach,
            place.percent,
            place.group,
            place.device,
            &value,
            wish.idle,
            &wish.by,
            &wish.reason,
            now,
        ],
        |row| row.get(0),
    )?;
    connection.execute(
        "INSERT INTO in_force (kind, name, reach, whose, change) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (kind, name, reach, whose) DO UPDATE SET change = excluded.change",
        values![
            wish.kind.as_str(),
            &wish.name,
            place.reach,
            &place.whose(),
            number
        ],
    )?;
    let made = at(connection, wish, &place)?;
    let made = made.ok_or_else(|| LedgerError::Storage("the change was not kept".to_owned()))?;
    Ok(Made::InForce(Box::new(made)))
}

/// Where a change stands.
struct Place<'a> {
    reach: &'static str,
    percent: Option<u8>,
    group: Option<&'a str>,
    device: Option<i64>,
    store: Option<i64>,
}

impl Place<'_> {
    fn whose(&self) -> String {
        let device = self.device.map(|id| id.to_string());
        let group = self.group.map(str::to_owned);
        group.or(device).unwrap_or_default()
    }
}

/// None if it names a kiosk that there is not.
fn place<'a>(
    connection: &dyn Connection,
    wish: &'a Wish,
) -> Result<Option<Place<'a>>, LedgerError> {
    let wide = |reach| Place {
        reach,
        percent: None,
        group: None,
        device: None,
        store: None,
    };
    Ok(Some(match &wish.scope {
        Scope::All => wide("all"),
        Scope::Percent(percent) => Place {
            percent: Some(*percent),
            ..wide("percent")
        },
        Scope::Group(group) => Place {
            group: Some(group),
            ..wide("group")
        },
        Scope::Kiosk(store, kiosk) => {
            let Some((device, store)) = device(connection, store, kiosk)? else {
                return Ok(None);
            };
            Place {
                device: Some(device),
                store: Some(store),
                ..wide("kiosk")
            }
        }
        Scope::Unknown(_) => return Ok(None),
    }))
}

fn device(
    connection: &dyn Connection,
    store: &StoreId,
    kiosk: &KioskId,
) -> Result<Option<(i64, i64)>, LedgerError> {
    connection.find(
        "SELECT d.id, d.store FROM devices d JOIN stores s ON s.id = d.store
         WHERE s.name = ?1 AND d.kiosk = ?2",
        values![store.as_str(), kiosk.as_str()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Which stores have a kiosk of that name.
pub(crate) fn stores_with(
    connection: &dyn Connection,
    kiosk: &KioskId,
) -> Result<Vec<StoreId>, LedgerError> {
    connection.rows(
        "SELECT s.name FROM devices d JOIN stores s ON s.id = d.store
         WHERE d.kiosk = ?1 ORDER BY s.name LIMIT 5",
        values![kiosk.as_str()],
        |row| row.parsed(0),
    )
}

/// Makes room for a wish where it is short: what was taken away longest ago need not be told any
/// longer. False if there is none. What the wish replaces needs no room beside it.
fn has_room(
    connection: &dyn Connection,
    wish: &Wish,
    place: &Place<'_>,
    replaced: Option<u64>,
) -> Result<bool, LedgerError> {
    if wish.kind == Kind::Groups {
        return Ok(true);
    }
    let replaced = replaced.and_then(|id| i64::try_from(id).ok());
    let there: Vec<(i64, bool, i64)> = connection.rows(
        "SELECT c.id, c.idle, CAST(octet_length(c.value) + octet_length(c.reason) AS BIGINT)
         FROM in_force f JOIN changes c ON c.id = f.change
         LEFT JOIN devices d ON d.id = c.device
         WHERE f.kind = ?1 AND d.store IS NOT DISTINCT FROM ?2 AND c.id IS DISTINCT FROM ?3
         ORDER BY c.idle DESC, c.id",
        values![wish.kind.as_str(), place.store, replaced],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let length = |bytes: i64| BYTES_BESIDE + usize::try_from(bytes).unwrap_or(BYTES_MOST);
    let mut count = there.len() + 1;
    let mut bytes = BYTES_BESIDE + wish.value.to_string().len() + wish.reason.len();
    bytes += there
        .iter()
        .map(|(.., bytes)| length(*bytes))
        .sum::<usize>();
    let mut idle = there.iter().filter(|(_, idle, _)| *idle);
    let mut untold = Vec::new();
    while count > MOST || bytes > BYTES_MOST {
        let Some((oldest, _, of)) = idle.next() else {
            return Ok(false);
        };
        untold.push(*oldest);
        count -= 1;
        bytes -= length(*of);
    }
    for change in untold {
        connection.execute("DELETE FROM in_force WHERE change = ?1", values![change])?;
    }
    Ok(true)
}

/// The columns of [`change`].
pub(super) const COLUMNS: &str = "c.id, c.kind, c.name, c.reach, c.percent, c.group_name, st.name,
     d.kiosk, c.value, c.idle, c.changed_by, c.reason, c.changed_at";
/// Where they come from.
pub(super) const FROM: &str =
    "changes c LEFT JOIN devices d ON d.id = c.device LEFT JOIN stores st ON st.id = d.store";

pub(super) fn change(row: &Row<'_>) -> Result<Change, LedgerError> {
    let (kind, reach): (String, String) = (row.get(1)?, row.get(3)?);
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind);
    let scope = match reach.as_str() {
        "percent" => Scope::Percent(row.get(4)?),
        "group" => Scope::Group(row.get(5)?),
        "kiosk" => Scope::Kiosk(row.parsed(6)?, row.parsed(7)?),
        _ => Scope::All,
    };
    Ok(Change {
        id: row.get(0)?,
        kind: kind.ok_or_else(|| Row::bad(1, "a kind that this version doesn't know"))?,
        name: row.get(2)?,
        scope,
        value: row.parsed(8)?,
        idle: row.get(9)?,
        by: row.get(10)?,
        reason: row.get(11)?,
        at: row.get(12)?,
    })
}

fn at(
    connection: &dyn Connection,
    wish: &Wish,
    place: &Place<'_>,
) -> Result<Option<Change>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} JOIN in_force f ON f.change = c.id
         WHERE f.kind = ?1 AND f.name = ?2 AND f.reach = ?3 AND f.whose = ?4"
    );
    let whose = place.whose();
    let values = values![wish.kind.as_str(), &wish.name, place.reach, &whose];
    connection.find(&sql, values, change)
}

/// What is in force of a kind, what was taken away excepted; behind the change given.
pub(crate) fn in_force(
    connection: &dyn Connection,
    kind: Kind,
    after: u64,
    limit: usize,
) -> Result<Vec<Change>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} JOIN in_force f ON f.change = c.id
         WHERE f.kind = ?1 AND c.id > ?2 AND NOT c.idle ORDER BY c.id LIMIT ?3"
    );
    connection.rows(&sql, values![kind.as_str(), after, limit], change)
}

/// Everything that was ever changed, the newest first, before the change given.
pub(crate) fn all(
    connection: &dyn Connection,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Change>, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE c.id < ?1 ORDER BY c.id DESC LIMIT ?2");
    let values = values![before.unwrap_or(u64::MAX), limit];
    connection.rows(&sql, values, change)
}

/// Puts a kiosk into exactly these groups.
pub(crate) fn put_into_groups(
    connection: &dyn Connection,
    (store, kiosk): (&StoreId, &KioskId),
    groups: &[String],
    (by, reason): (&str, &str),
    now: WallTime,
) -> Result<Made, LedgerError> {
    let wish = Wish {
        kind: Kind::Groups,
        name: String::new(),
        scope: Scope::Kiosk(store.clone(), kiosk.clone()),
        value: groups.into(),
        idle: groups.is_empty(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    };
    let made = make(connection, &wish, now)?;
    if let (Made::InForce(_), Some((device, _))) = (&made, device(connection, store, kiosk)?) {
        let sql = "DELETE FROM memberships WHERE device = ?1";
        connection.execute(sql, values![device])?;
        for group in groups {
            connection.execute(
                "INSERT INTO memberships (device, group_name) VALUES (?1, ?2)
                 ON CONFLICT (device, group_name) DO NOTHING",
                values![device, group],
            )?;
        }
    }
    Ok(made)
}
