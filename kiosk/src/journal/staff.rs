//! The staff: a PIN that each role shares, and people with names and PINs of their own. Each change is
//! rows and an event, in one transaction.

use kiosk_core::event::{Fact, StaffChanged};
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::group::Group;
use super::jobs::Job;
use super::read::Reader;
use super::settings::setting;
use super::{Journal, JournalError, Stamp};

/// What the names of people's rows among the settings begin with.
const PREFIX: &str = "person/";
/// So many people have PINs of their own at most: a wrong PIN is held against each of them.
pub const PEOPLE_LIMIT: usize = 24;

/// A role of staff.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// Works on orders.
    Kitchen,
    /// May do all.
    Manager,
}

impl StaffRole {
    /// The name in the file, on the wire and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kitchen => "kitchen",
            Self::Manager => "manager",
        }
    }

    /// Reads the name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Kitchen, Self::Manager]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// Somebody with a PIN of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their identity.
    pub id: Uuid,
    /// What they are called; no two are called the same.
    pub name: String,
    /// What they may do.
    pub role: StaffRole,
    /// Since when.
    pub since: WallTime,
    /// The argon2 hash of their PIN in PHC form.
    pub pin: String,
}

/// Whose PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinOf {
    /// Everybody's of a role.
    Role(StaffRole),
    /// One person's.
    Person(Uuid),
}

/// A change among the staff.
#[derive(Debug, Clone)]
pub struct StaffRequest {
    /// When and at whose request.
    pub stamp: Stamp,
    /// What.
    pub change: StaffChange,
    /// Who does it; none on the command line.
    pub by: Option<String>,
}

/// What is changed. PINs are argon2 hashes in PHC form.
#[derive(Debug, Clone)]
pub enum StaffChange {
    /// The PIN of a role, while the manager has none: the very first.
    First(String),
    /// Somebody is new.
    Add {
        /// Their identity.
        id: Uuid,
        /// What they are called.
        name: String,
        /// What they may do.
        role: StaffRole,
        /// Their PIN.
        pin: String,
    },
    /// Another PIN.
    Pin(PinOf, String),
    /// Another role.
    Role(Uuid, StaffRole),
    /// The PIN opens nothing any more.
    Revoke(PinOf),
}

/// Why the staff was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaffRefusal {
    /// There is no such person or PIN.
    #[error("there is no such person")]
    NotFound,
    /// Somebody is called that already.
    #[error("somebody has that name already")]
    NameTaken,
    /// There are as many people as can be.
    #[error("{PEOPLE_LIMIT} people have PINs already")]
    TooMany,
    /// Nobody would be left who may do all.
    #[error("nobody would be left who can sign in as manager")]
    LastManager,
    /// The first PIN was set already.
    #[error("the manager has a PIN already")]
    NotFirst,
    /// The disk is full or fails.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for StaffRefusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

impl Journal {
    /// Changes the staff.
    ///
    /// # Errors
    /// [`StaffRefusal`].
    pub async fn change_staff(&self, request: StaffRequest) -> Result<(), StaffRefusal> {
        self.ask(|reply| Job::Staff(Box::new(request), reply))
            .await?
    }

    /// Sets the PIN of a role; `hash` is an argon2 hash in PHC form.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn set_pin(
        &self,
        stamp: Stamp,
        role: StaffRole,
        hash: String,
    ) -> Result<(), JournalError> {
        let change = StaffChange::Pin(PinOf::Role(role), hash);
        let request = StaffRequest {
            stamp,
            change,
            by: None,
        };
        match self.change_staff(request).await {
            Ok(()) => Ok(()),
            Err(StaffRefusal::Journal(error)) => Err(error),
            Err(other) => Err(JournalError::Damaged(other.to_string())),
        }
    }
}

impl Group<'_> {
    pub(super) fn change_staff(&mut self, request: StaffRequest) -> Result<(), StaffRefusal> {
        let StaffRequest { stamp, change, by } = request;
        let mut fact = match change {
            StaffChange::First(pin) => {
                if has_manager(self.conn, None)? {
                    return Err(StaffRefusal::NotFirst);
                }
                self.set_role_pin(StaffRole::Manager, &pin)?
            }
            StaffChange::Add {
                id,
                name,
                role,
                pin,
            } => {
                let since = stamp.at;
                self.add_person(&Person {
                    id,
                    name,
                    role,
                    since,
                    pin,
                })?
            }
            StaffChange::Pin(PinOf::Role(role), pin) => self.set_role_pin(role, &pin)?,
            StaffChange::Pin(PinOf::Person(id), pin) => {
                let person = self.person(id)?;
                self.keep_person(&Person { pin, ..person }, None)?
            }
            StaffChange::Role(id, role) => {
                let person = self.person(id)?;
                if person.role == role {
                    return Ok(());
                }
                if role != StaffRole::Manager {
                    self.one_manager_stays(PinOf::Person(id))?;
                }
                self.keep_person(&Person { role, ..person }, Some("role"))?
            }
            StaffChange::Revoke(of) => self.revoke(of)?,
        };
        fact.by = by;
        self.append(stamp, None, Fact::StaffChanged(fact))?;
        Ok(())
    }

    fn set_role_pin(&self, role: StaffRole, hash: &str) -> Result<StaffChanged, JournalError> {
        self.conn
            .prepare_cached(
                "INSERT INTO staff (role, pin) VALUES (?1, ?2)
                 ON CONFLICT (role) DO UPDATE SET pin = ?2",
            )?
            .execute((role.as_str(), hash))?;
        Ok(StaffChanged {
            role: role.as_str().to_owned(),
            ..StaffChanged::default()
        })
    }

    fn add_person(&self, person: &Person) -> Result<StaffChanged, StaffRefusal> {
        let others = people(self.conn)?;
        if others.len() >= PEOPLE_LIMIT {
            return Err(StaffRefusal::TooMany);
        }
        let name = person.name.to_lowercase();
        if others.iter().any(|other| other.name.to_lowercase() == name) {
            return Err(StaffRefusal::NameTaken);
        }
        Ok(self.keep_person(person, Some("added"))?)
    }

    fn keep_person(
        &self,
        person: &Person,
        change: Option<&str>,
    ) -> Result<StaffChanged, JournalError> {
        let value = serde_json::to_string(person)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.set_setting(&format!("{PREFIX}{}", person.id), &value)?;
        Ok(changed(person, change))
    }

    fn person(&self, id: Uuid) -> Result<Person, StaffRefusal> {
        person(self.conn, id)?.ok_or(StaffRefusal::NotFound)
    }

    fn revoke(&self, of: PinOf) -> Result<StaffChanged, StaffRefusal> {
        self.one_manager_stays(of)?;
        match of {
            PinOf::Role(role) => {
                let gone = self
                    .conn
                    .prepare_cached("DELETE FROM staff WHERE role = ?1")?
                    .execute([role.as_str()])?;
                if gone == 0 {
                    return Err(StaffRefusal::NotFound);
                }
                Ok(StaffChanged {
                    role: role.as_str().to_owned(),
                    change: Some("revoked".to_owned()),
                    ..StaffChanged::default()
                })
            }
            PinOf::Person(id) => {
                let person = self.person(id)?;
                self.remove_setting(&format!("{PREFIX}{id}"))?;
                Ok(changed(&person, Some("revoked")))
            }
        }
    }

    /// Nobody locks the last manager out.
    fn one_manager_stays(&self, without: PinOf) -> Result<(), StaffRefusal> {
        if has_manager(self.conn, Some(without))? {
            Ok(())
        } else {
            Err(StaffRefusal::LastManager)
        }
    }
}

fn changed(person: &Person, change: Option<&str>) -> StaffChanged {
    StaffChanged {
        role: person.role.as_str().to_owned(),
        name: Some(person.name.clone()),
        change: change.map(str::to_owned),
        by: None,
    }
}

/// Whether somebody can sign in as manager, that one aside.
fn has_manager(conn: &Connection, without: Option<PinOf>) -> Result<bool, JournalError> {
    let manager = StaffRole::Manager;
    if without != Some(PinOf::Role(manager)) && role_pin(conn, manager)?.is_some() {
        return Ok(true);
    }
    let mut people = people(conn)?.into_iter();
    Ok(people.any(|one| one.role == manager && without != Some(PinOf::Person(one.id))))
}

fn role_pin(conn: &Connection, role: StaffRole) -> Result<Option<String>, JournalError> {
    let mut query = conn.prepare_cached("SELECT pin FROM staff WHERE role = ?1")?;
    Ok(query
        .query_row([role.as_str()], |row| row.get(0))
        .optional()?)
}

fn person(conn: &Connection, id: Uuid) -> Result<Option<Person>, JournalError> {
    let text = setting(conn, &format!("{PREFIX}{id}"))?;
    text.as_deref().map(read_person).transpose()
}

fn people(conn: &Connection) -> Result<Vec<Person>, JournalError> {
    let mut query = conn
        .prepare_cached("SELECT value FROM settings WHERE substr(name, 1, 7) = ?1 ORDER BY name")?;
    let values = query.query_map([PREFIX], |row| row.get::<_, String>(0))?;
    values.map(|value| read_person(&value?)).collect()
}

fn read_person(value: &str) -> Result<Person, JournalError> {
    serde_json::from_str(value)
        .map_err(|error| JournalError::Damaged(format!("somebody of the staff: {error}")))
}

impl Reader {
    /// The hash of a role's PIN.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn pin(&self, role: StaffRole) -> Result<Option<String>, JournalError> {
        role_pin(&self.conn, role)
    }

    /// The people with PINs of their own, in the order in which they came.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn people(&self) -> Result<Vec<Person>, JournalError> {
        people(&self.conn)
    }

    /// Whose PIN it is as it stands now: what they may do, and the hash.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn pin_of(&self, of: PinOf) -> Result<Option<(StaffRole, String)>, JournalError> {
        match of {
            PinOf::Role(role) => Ok(self.pin(role)?.map(|pin| (role, pin))),
            PinOf::Person(id) => {
                Ok(person(&self.conn, id)?.map(|person| (person.role, person.pin)))
            }
        }
    }

    /// Whether anybody can sign in as manager.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn has_manager(&self) -> Result<bool, JournalError> {
        has_manager(&self.conn, None)
    }
}
