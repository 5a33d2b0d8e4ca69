//! What the dashboard is made from, as the ledger has it and as kiosks were heard.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ledger::connection::Connection;
use kiosk_core::order::Order;
use kiosk_core::wall::WallTime;

use crate::ledger::devices::Kiosk;
use crate::ledger::orders::{Listed, StoreSum};
use crate::ledger::{LedgerError, devices, events, orders, quarantine};
use crate::presence::Presence;

/// Orders in the live list.
const ROWS: usize = 9;
/// Kiosks that are looked at.
const KIOSKS: usize = 500;
/// How long a count of orders per hour is shown.
const COUNT_LASTS: Duration = Duration::from_secs(2);

/// What the page shows, as the ledger has it.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) date: Option<String>,
    pub(crate) neighbours: (Option<String>, Option<String>),
    pub(crate) sums: Vec<StoreSum>,
    pub(crate) latest: Vec<(Listed, Option<Order>)>,
    pub(crate) kiosks: Vec<Kiosk>,
    pub(crate) quarantined: u64,
    pub(crate) reasons: Vec<(String, u64)>,
    pub(crate) parked: u64,
    pub(crate) hours: Vec<(i64, u64)>,
}

impl Facts {
    /// Reads all of it. Without a date the latest that has orders.
    pub(crate) fn read(
        connection: &dyn Connection,
        date: Option<&str>,
        hours: &HourCache,
        now: Instant,
    ) -> Result<Self, LedgerError> {
        let date = match date {
            Some(date) => Some(date.to_owned()),
            None => orders::latest_date(connection)?,
        };
        let (sums, neighbours) = match &date {
            None => Default::default(),
            Some(date) => (
                orders::summary(connection, Some(date))?,
                orders::neighbours(connection, date)?,
            ),
        };
        let hours = match &date {
            None => Vec::new(),
            Some(date) => hours.of(connection, date, now)?,
        };
        let latest = orders::latest(connection, ROWS)?.into_iter().map(|listed| {
            let order = events::folded(connection, listed.row.store, listed.row.order)?;
            Ok((listed, order))
        });
        Ok(Self {
            latest: latest.collect::<Result<_, LedgerError>>()?,
            kiosks: devices::list(connection, ("", ""), KIOSKS)?,
            quarantined: quarantine::count(connection)?,
            reasons: quarantine::reasons(connection)?,
            parked: events::parked(connection)?,
            date,
            neighbours,
            sums,
            hours,
        })
    }
}

/// Orders per hour of the day that was last asked for: counting a busy day takes a while, and all
/// viewers may share one count for a few seconds.
#[derive(Debug, Default)]
pub(crate) struct HourCache(Mutex<Option<Counted>>);

#[derive(Debug)]
struct Counted {
    date: String,
    at: Instant,
    hours: Vec<(i64, u64)>,
}

impl HourCache {
    fn of(
        &self,
        connection: &dyn Connection,
        date: &str,
        now: Instant,
    ) -> Result<Vec<(i64, u64)>, LedgerError> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = &*cached
            && counted.date == date
            && now.saturating_duration_since(counted.at) < COUNT_LASTS
        {
            return Ok(counted.hours.clone());
        }
        let hours = orders::per_hour(connection, date)?;
        *cached = Some(Counted {
            date: date.to_owned(),
            at: now,
            hours: hours.clone(),
        });
        Ok(hours)
    }
}

/// A kiosk as the page sees it.
#[derive(Debug)]
pub(crate) struct KioskState {
    pub(crate) store: String,
    pub(crate) kiosk: String,
    pub(crate) link: &'static str,
    pub(crate) last_seen: Option<WallTime>,
    pub(crate) depth: u64,
    pub(crate) version: String,
    /// Events that are missing here and nowhere else to be had.
    pub(crate) lost: u64,
    /// Its credential's day has passed. Nothing else follows from that.
    pub(crate) expired: bool,
}

/// The kiosks, those that need care first.
pub(crate) fn kiosk_states(facts: &Facts, presence: &Presence, now: WallTime) -> Vec<KioskState> {
    let state = |kiosk: &Kiosk| {
        let shown = presence.shown(kiosk, now);
        KioskState {
            store: kiosk.store.clone(),
            kiosk: kiosk.kiosk.clone(),
            link: match shown.link {
                _ if kiosk.revoked => "revoked",
                _ if kiosk.forked || kiosk.twins => "forked",
                link => link,
            },
            last_seen: shown.last_seen,
            depth: shown.depth.unwrap_or(0),
            version: shown.version.unwrap_or_default(),
            expired: !kiosk.revoked && kiosk.expires.is_some_and(|at| at <= now),
            lost: kiosk
                .lost
                .iter()
                .map(|(first, last)| last - first + 1)
                .sum(),
        }
    };
    let mut states: Vec<KioskState> = facts.kiosks.iter().map(state).collect();
    let order = ["forked", "offline", "catching_up", "online", "revoked"];
    let place = |state: &KioskState| order.iter().position(|link| *link == state.link);
    states.sort_by_key(|state| (place(state), std::cmp::Reverse(state.depth)));
    states
}
