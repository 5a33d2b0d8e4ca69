//! Stock levels: what differs today from what the menu says.

use kiosk_core::day::Day;
use kiosk_core::event::{Fact, StockAdjusted};
use kiosk_core::stock::Level;
use rusqlite::Connection;

use super::group::Group;
use super::{Change, JournalError, Levels, Stamp};

/// A person's change of what is known of an item's stock.
#[derive(Debug, Clone)]
pub struct StockRequest {
    /// When and at whose request.
    pub stamp: Stamp,
    /// The item's identity.
    pub item: String,
    /// Whether it may be sold; none leaves it as it is.
    pub available: Option<bool>,
    /// How many are left: none leaves it, `Some(None)` stops counting.
    pub left: Option<Option<u32>>,
    /// The count with which the menu starts the day.
    pub start: Option<u32>,
    /// Which day it is, should none be open.
    pub today: jiff::civil::Date,
    /// Who changes it.
    pub by: Option<String>,
}

/// The levels of the latest business day, and what a manager has set for the next since.
pub(super) fn load(conn: &Connection, day: Option<Day>) -> rusqlite::Result<Levels> {
    let from = day.map_or_else(String::new, |day| day.date.to_string());
    conn.prepare_cached("SELECT item, available, remaining FROM stock WHERE date >= ?1")?
        .query_map([from], |row| {
            Ok((
                row.get(0)?,
                Level {
                    available: row.get(1)?,
                    left: row.get(2)?,
                },
            ))
        })?
        .collect()
}

impl Group<'_> {
    pub(super) fn adjust(&mut self, request: StockRequest) -> Result<Level, JournalError> {
        let StockRequest {
            stamp,
            item,
            available,
            left,
            start,
            today,
            by,
        } = request;
        let before = self
            .levels
            .get(&item)
            .copied()
            .unwrap_or(Level::starting_with(start));
        let level = Level {
            available: available.unwrap_or(before.available),
            left: left.unwrap_or(before.left),
        };
        if level == before {
            return Ok(level);
        }
        let date = match self.head.day {
            Some(day) if day.closed_at.is_none() => day.date,
            Some(day) => day.date.max(today),
            None => today,
        };
        let fact = StockAdjusted {
            item: item.clone(),
            level,
            by,
        };
        self.append(stamp, None, Fact::StockAdjusted(fact))?;
        self.store_level(date, &item, level)?;
        Ok(level)
    }

    /// Keeps a level, in the file and for the requests that follow in this group.
    pub(super) fn store_level(
        &mut self,
        date: jiff::civil::Date,
        item: &str,
        level: Level,
    ) -> Result<(), JournalError> {
        self.conn
            .prepare_cached(
                "INSERT INTO stock (item, date, available, remaining) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (item) DO UPDATE SET date = ?2, available = ?3, remaining = ?4",
            )?
            .execute((item, date.to_string(), level.available, level.left))?;
        self.levels.insert(item.to_owned(), level);
        self.levels_changed = true;
        self.changes.push(Change::Stock);
        Ok(())
    }
}
