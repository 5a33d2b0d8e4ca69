//! The record of all that headquarters and operators have changed about kiosks: switches, settings, groups
//! and brokers.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use super::access::Hq;
use super::changes::shown;
use super::input::{self, Query};
use super::problem::Problem;
use crate::cloud::Cloud;
use crate::ledger::assignments::{self, Assignment};
use crate::ledger::changes::{self, Change};

/// One line of the record.
#[derive(Debug)]
pub(crate) enum Entry {
    Changed(Change),
    Assigned(Assignment),
}

/// Both kinds are kept apart and numbered apart; people read them as one, the newest first.
pub(crate) fn merged(changes: Vec<Change>, assignments: Vec<Assignment>) -> Vec<Entry> {
    let (mut changes, mut assignments) = (
        changes.into_iter().peekable(),
        assignments.into_iter().peekable(),
    );
    let mut all = Vec::new();
    loop {
        let first = match (changes.peek(), assignments.peek()) {
            (Some(change), Some(assignment)) => change.at >= assignment.at,
            (change, _) => change.is_some(),
        };
        let next = match first {
            true => changes.next().map(Entry::Changed),
            false => assignments.next().map(Entry::Assigned),
        };
        match next {
            Some(next) => all.push(next),
            None => return all,
        }
    }
}

/// Where the page before ended in each of the two.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    change: Option<u64>,
    assignment: Option<u64>,
}

impl Before {
    fn read(parts: &[String]) -> Self {
        let part = |index: usize| parts.get(index).and_then(|part| part.parse().ok());
        Self {
            change: part(0),
            assignment: part(1),
        }
    }

    fn and(self, entry: &Entry) -> Self {
        match entry {
            Entry::Changed(change) => Self {
                change: Some(change.id),
                ..self
            },
            Entry::Assigned(said) => Self {
                assignment: Some(said.number),
                ..self
            },
        }
    }

    fn cursor(self) -> String {
        let part = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        input::cursor(&[&part(self.change), &part(self.assignment)])
    }
}

/// The record of every change, the newest first.
pub(crate) async fn list(
    _: Hq,
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::read(query.as_deref(), &["after", "limit"]);
    let before = query.cursor(2).as_deref().map(Before::read);
    let before = before.unwrap_or_default();
    let limit = query.limit();
    query.end()?;
    let read = cloud.ledger.read(move |connection| {
        Ok(merged(
            changes::all(connection, before.change, limit + 1)?,
            assignments::record(connection, before.assignment, limit + 1)?,
        ))
    });
    let mut all = read.await?;
    let more = all.len() > limit;
    all.truncate(limit);
    let next = more.then(|| all.iter().fold(before, Before::and).cursor());
    let all: Vec<Value> = all.iter().map(told).collect();
    Ok(Json(json!({ "changes": all, "next": next })))
}

fn told(entry: &Entry) -> Value {
    match entry {
        Entry::Changed(change) => {
            let mut shown = shown(change);
            shown["kind"] = json!(change.kind.as_str());
            shown
        }
        Entry::Assigned(said) => json!({
            "kind": "broker",
            "number": said.number,
            "scope": {"store": said.store},
            "url": said.url,
            "by": said.by,
            "reason": said.reason,
            "at": said.at,
        }),
    }
}
