//! What the manager sets at this kiosk: a few habits of the store, in force at once and over a restart.
//!
//! The journal keeps each change with its event. What was never set here is as the configuration, or
//! else the kiosk, has it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use kiosk_core::day::Schedule;
use kiosk_core::event::SettingChanged;
use kiosk_core::wall::WallTime;
use serde::Serialize;
use tokio::sync::Mutex;

use crate::journal::{Journal, JournalError, KeptSetting, Reader, SettingRequest, Stamp};

/// Whether the first order of a day opens it.
pub const OPENS_BY_ITSELF: &str = "opens_by_itself";
/// How long the board shows a number that is ready.
pub const BOARD_READY: &str = "board_ready_minutes";
/// From when on a ticket needs care.
pub const KITCHEN_CARE: &str = "kitchen_care_minutes";
/// From when on a ticket is late.
pub const KITCHEN_LATE: &str = "kitchen_late_minutes";

/// What a setting can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// `on` or `off`.
    Switch,
    /// A whole number of minutes.
    Minutes {
        /// No fewer.
        least: u16,
        /// No more.
        most: u16,
    },
}

impl Kind {
    fn minutes(least: u16, most: u16) -> Self {
        Self::Minutes { least, most }
    }

    /// What is wrong with a value of this kind, if anything is.
    fn fault(self, value: &str) -> Option<String> {
        match self {
            Self::Switch if matches!(value, "on" | "off") => None,
            Self::Switch => Some("must be on or off".to_owned()),
            Self::Minutes { least, most } => {
                let number: Option<u16> = value.parse().ok();
                let plain = number.filter(|number| number.to_string() == value);
                let fits = plain.is_some_and(|number| (least..=most).contains(&number));
                (!fits).then(|| format!("must be a whole number from {least} to {most}"))
            }
        }
    }
}

/// A setting, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingStatus {
    /// Which.
    pub name: &'static str,
    /// What it can be.
    #[serde(flatten)]
    pub kind: Kind,
    /// What it is now.
    pub value: String,
    /// What it is while nobody sets it here.
    pub default: String,
    /// Who set it here, if somebody did.
    pub set_by: Option<String>,
    /// When.
    pub at: Option<WallTime>,
}

/// Why something can't be set so.
#[derive(Debug, PartialEq, Eq)]
pub enum SettingRefusal {
    /// There is no such setting.
    Unknown,
    /// That value it can't have, and why.
    Value(String),
    /// It could not be kept.
    Journal(JournalError),
}

/// What the kiosk has while nobody sets it.
#[derive(Debug, Clone)]
struct Known {
    name: &'static str,
    kind: Kind,
    default: String,
}

/// How long the kitchen may take, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From then on a ticket needs care.
    pub care: i64,
    /// From then on it is late.
    pub late: i64,
}

impl Patience {
    /// How a ticket of this age, in seconds, stands: `fresh`, `care` or `late`.
    #[must_use]
    pub fn heat(self, age: i64) -> &'static str {
        if age >= self.late {
            "late"
        } else if age >= self.care {
            "care"
        } else {
            "fresh"
        }
    }
}

/// The settings of this kiosk. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Settings {
    known: Arc<[Known]>,
    schedule: Schedule,
    here: Arc<RwLock<BTreeMap<String, KeptSetting>>>,
    /// Held by whoever sets something: two settings that fit one by one may not fit together.
    turn: Arc<Mutex<()>>,
    changes: Arc<AtomicU64>,
}

impl Settings {
    /// Those of a kiosk whose configuration says this of its days; nothing is set here yet.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        let opens = if schedule.opens_by_itself {
            "on"
        } else {
            "off"
        };
        let known = [
            (OPENS_BY_ITSELF, Kind::Switch, opens),
            (KITCHEN_CARE, Kind::minutes(1, 60), "4"),
            (KITCHEN_LATE, Kind::minutes(2, 120), "7"),
            (BOARD_READY, Kind::minutes(1, 120), "5"),
        ];
        let known = known.map(|(name, kind, default)| Known {
            name,
            kind,
            default: default.to_owned(),
        });
        Self {
            known: Arc::new(known),
            schedule,
            here: Arc::default(),
            turn: Arc::default(),
            changes: Arc::default(),
        }
    }

    /// Takes up what was set before the kiosk stopped. What this software can't have is left out, with
    /// a warning: it stays in the journal for the software that can.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn take_up(&self, journal: &Journal) -> Result<(), JournalError> {
        let kept = journal.read(Reader::set_here).await?;
        let mut here = self.here.write().unwrap_or_else(PoisonError::into_inner);
        for (name, kept) in kept {
            match self.fault(&name, &kept.value) {
                None => drop(here.insert(name, kept)),
                Some(_) => {
                    tracing::warn!(name, value = kept.value, "a setting is not understood");
                }
            }
        }
        Ok(())
    }

    /// Sets something, or puts it back with no value; it is in force once it is kept.
    ///
    /// # Errors
    /// [`SettingRefusal`], and everything stays as it was.
    pub async fn set(
        &self,
        journal: &Journal,
        stamp: Stamp,
        change: SettingChanged,
    ) -> Result<SettingStatus, SettingRefusal> {
        let known = self.known(&change.name).ok_or(SettingRefusal::Unknown)?;
        let value = change.value.as_ref().unwrap_or(&known.default);
        let fault = known.kind.fault(value);
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if let Some(fault) = fault.or_else(|| self.contradiction(known.name, value)) {
            return Err(SettingRefusal::Value(fault));
        }
        let (settings, journal, name) = (self.clone(), journal.clone(), known.name);
        // Whoever asked may go; what is kept must also be in force.
        let setting = tokio::spawn(async move {
            let _turn = turn;
            let kept = journal
                .change_setting(SettingRequest { stamp, change })
                .await?;
            settings.take(name, kept);
            Ok(())
        });
        let set = setting.await.unwrap_or(Err(JournalError::Stopping));
        set.map_err(SettingRefusal::Journal)?;
        Ok(self.status_of(known))
    }

    /// All settings, for people.
    #[must_use]
    pub fn status(&self) -> Vec<SettingStatus> {
        let known = self.known.iter();
        known.map(|known| self.status_of(known)).collect()
    }

    /// How days begin, by what is set.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule {
            opens_by_itself: self.value(OPENS_BY_ITSELF) == "on",
            ..self.schedule
        }
    }

    /// How long the kitchen may take.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience {
            care: self.seconds(KITCHEN_CARE),
            late: self.seconds(KITCHEN_LATE),
        }
    }

    /// How long the board shows a number that is ready, in seconds.
    #[must_use]
    pub fn board_ready(&self) -> i64 {
        self.seconds(BOARD_READY)
    }

    /// How often something was set.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// A setting in minutes, in seconds.
    fn seconds(&self, name: &str) -> i64 {
        self.value(name)
            .parse()
            .map_or(0, |minutes: i64| minutes * 60)
    }

    fn take(&self, name: &str, kept: Option<KeptSetting>) {
        let mut here = self.here.write().unwrap_or_else(PoisonError::into_inner);
        match kept {
            Some(kept) => drop(here.insert(name.to_owned(), kept)),
            None => drop(here.remove(name)),
        }
        drop(here);
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn known(&self, name: &str) -> Option<&Known> {
        self.known.iter().find(|known| known.name == name)
    }

    fn fault(&self, name: &str, value: &str) -> Option<String> {
        match self.known(name) {
            Some(known) => known.kind.fault(value),
            None => Some("is not known".to_owned()),
        }
    }

    /// What speaks against a value that is fine by itself.
    fn contradiction(&self, name: &str, value: &str) -> Option<String> {
        let with = |other: &str| {
            let value = if other == name {
                value.to_owned()
            } else {
                self.value(other)
            };
            value.parse::<u16>().unwrap_or_default()
        };
        let (care, late) = (with(KITCHEN_CARE), with(KITCHEN_LATE));
        let kitchen = [KITCHEN_CARE, KITCHEN_LATE].contains(&name);
        (kitchen && care >= late).then(|| {
            format!(
                "a ticket needs care ({care}) before it is late ({late}): one of them must change"
            )
        })
    }

    fn value(&self, name: &str) -> String {
        let here = self.here.read().unwrap_or_else(PoisonError::into_inner);
        let set = here.get(name).map(|kept| kept.value.clone());
        set.or_else(|| self.known(name).map(|known| known.default.clone()))
            .unwrap_or_default()
    }

    fn status_of(&self, known: &Known) -> SettingStatus {
        let here = self.here.read().unwrap_or_else(PoisonError::into_inner);
        let kept = here.get(known.name);
        SettingStatus {
            name: known.name,
            kind: known.kind,
            value: kept.map_or(&known.default, |kept| &kept.value).clone(),
            default: known.default.clone(),
            set_by: kept.map(|kept| kept.by.clone()),
            at: kept.map(|kept| kept.at),
        }
    }
}
