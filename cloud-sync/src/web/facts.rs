//! What the dashboard is made from, as the ledger has it and as kiosks were heard.

use kiosk_core::event::Event;
use kiosk_core::fold::fold;
use kiosk_core::order::Order;
use kiosk_core::wall::WallTime;
use rusqlite::Connection;

use crate::ledger::devices::Kiosk;
use crate::ledger::orders::{Listed, StoreSum};
use crate::ledger::{LedgerError, devices, events, orders, quarantine};
use crate::presence::{Presence, shown_link};

/// Orders in the live list.
const ROWS: usize = 9;
/// Kiosks that are looked at.
const KIOSKS: usize = 500;

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
    pub(crate) fn read(connection: &Connection, date: Option<&str>) -> Result<Self, LedgerError> {
        let date = match date {
            Some(date) => Some(date.to_owned()),
            None => orders::latest_date(connection)?,
        };
        let (sums, neighbours, hours) = match &date {
            None => Default::default(),
            Some(date) => (
                orders::summary(connection, Some(date))?,
                orders::neighbours(connection, date)?,
                orders::per_hour(connection, date)?,
            ),
        };
        let latest = orders::latest(connection, ROWS)?.into_iter().map(|listed| {
            let members = events::members(connection, listed.row.store, listed.row.order)?;
            let events: Vec<Event> = members.into_iter().map(|member| member.event).collect();
            Ok((listed, fold(&events).order))
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

/// A kiosk as the page sees it.
#[derive(Debug)]
pub(crate) struct KioskState {
    pub(crate) store: String,
    pub(crate) kiosk: String,
    pub(crate) link: &'static str,
    pub(crate) last_seen: Option<WallTime>,
    pub(crate) depth: u64,
    pub(crate) version: String,
}

/// The kiosks, those that need care first.
pub(crate) fn kiosk_states(facts: &Facts, presence: &Presence, now: WallTime) -> Vec<KioskState> {
    let state = |kiosk: &Kiosk| {
        let said = presence.of(kiosk.id);
        let said = said.as_ref();
        let last_seen = said.map(|said| said.at).max(kiosk.last_seen);
        let link = said
            .and_then(|said| said.link.as_deref())
            .or(kiosk.link.as_deref());
        let version = said
            .and_then(|said| said.version.as_deref())
            .or(kiosk.version.as_deref());
        KioskState {
            store: kiosk.store.clone(),
            kiosk: kiosk.kiosk.clone(),
            link: match shown_link(link, last_seen, now) {
                _ if kiosk.revoked => "revoked",
                _ if kiosk.forked => "forked",
                link => link,
            },
            last_seen,
            depth: said
                .and_then(|said| said.depth)
                .or(kiosk.depth)
                .unwrap_or(0),
            version: version.unwrap_or_default().to_owned(),
        }
    };
    let mut states: Vec<KioskState> = facts.kiosks.iter().map(state).collect();
    let order = ["forked", "offline", "catching_up", "online", "revoked"];
    let place = |state: &KioskState| order.iter().position(|link| *link == state.link);
    states.sort_by_key(|state| (place(state), std::cmp::Reverse(state.depth)));
    states
}
