//! What headquarters has turned and set at kiosks, and the record of it: shown, and changed through
//! the API by those who may.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use cloud_sync_wire::notice::SWITCHES;
use cloud_sync_wire::notice::scope::Scope;
use cloud_sync_wire::notice::tuning::{DEPENDENCIES, KEYS, Range};
use serde_json::Value;

use super::board::Reader;
use super::words::Words;
use super::{ZONE_COOKIE, assets, cookie, door, reader, rendered};
use crate::cloud::Cloud;
use crate::http::access;
use crate::http::problem::Problem;
use crate::http::record::{self, Entry};
use crate::ledger::assignments::{self, Assignment};
use crate::ledger::changes::{self, Change, Kind};
use crate::ledger::users::{self, Role, User};

/// What is in force is bounded; the record is not.
const IN_FORCE: usize = 500;
const RECORDED: usize = 30;

#[derive(Template)]
#[template(path = "control.html")]
struct Page<'a> {
    words: &'static Words,
    languages: &'static [Words],
    assets: &'static str,
    name: &'a str,
    initial: String,
    role: String,
    may_edit: bool,
    switches: Vec<Line>,
    settings: Vec<Line>,
    record: Vec<Line>,
    names: Vec<(&'static str, String)>,
    dependencies: Vec<(&'static str, String)>,
    keys: Vec<(&'static str, String)>,
}

/// A change in words.
struct Line {
    title: String,
    /// What is set, a line each.
    values: Vec<String>,
    tone: &'static str,
    scope: String,
    by: String,
    at: String,
    reason: String,
    /// What the API is told to take it away.
    name: String,
    scope_json: String,
}

/// The page, or the door to it.
pub(crate) async fn page(
    State(cloud): State<Cloud>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let words = Words::for_request(&headers);
    let Some(user) = access::user(&cloud, &headers).await? else {
        let anybody = cloud.ledger.read(users::any).await?;
        return Ok(door::closed(words, anybody, "", None, StatusCode::OK));
    };
    let zone = cookie(&headers, ZONE_COOKIE)
        .unwrap_or_default()
        .replace("%2F", "/");
    let read = cloud.ledger.read(|connection| {
        Ok([
            changes::in_force(connection, Kind::Switch, 0, IN_FORCE)?,
            changes::in_force(connection, Kind::Settings, 0, IN_FORCE)?,
        ])
    });
    let in_force = read.await?;
    let read = cloud.ledger.read(|connection| {
        Ok(record::merged(
            changes::all(connection, None, RECORDED)?,
            assignments::record(connection, None, RECORDED)?,
        ))
    });
    let recorded = read.await?;
    rendered(&put(&reader(words, &zone), &user, in_force, &recorded))
}

fn put<'a>(
    reader: &Reader,
    user: &'a User,
    in_force: [Vec<Change>; 2],
    recorded: &[Entry],
) -> Page<'a> {
    let words = reader.words;
    let lines = |changes: Vec<Change>| changes.iter().map(|change| line(reader, change)).collect();
    let [switches, settings] = in_force.map(lines);
    let recorded = recorded.iter().take(RECORDED);
    let record = recorded.map(|entry| match entry {
        Entry::Changed(change) => line(reader, change),
        Entry::Assigned(said) => assigned(reader, said),
    });
    let record = record.collect();
    let initial = user.name.chars().next();
    Page {
        words,
        languages: Words::all(),
        assets: assets::version(),
        name: &user.name,
        initial: initial.map_or(String::new(), |c| c.to_uppercase().collect()),
        role: words.t(&format!("role-{}", user.role.as_str())),
        may_edit: user.role >= Role::Editor,
        switches,
        settings,
        record,
        names: SWITCHES
            .map(|name| (name, words.t(&format!("switch-{name}"))))
            .into(),
        dependencies: DEPENDENCIES
            .map(|name| (name, words.t(&format!("calls-{name}"))))
            .into(),
        keys: KEYS
            .map(|(key, range)| (key, told(range)))
            .into_iter()
            .chain([("dry_run.…", words.t("control-dry-run"))])
            .collect(),
    }
}

fn line(reader: &Reader, change: &Change) -> Line {
    let words = reader.words;
    let (title, values, tone) = match change.kind {
        Kind::Switch => {
            let known = SWITCHES.contains(&change.name.as_str());
            let title = if known {
                words.t(&format!("switch-{}", change.name))
            } else {
                change.name.clone()
            };
            let (state, tone) = match change.value.as_str() {
                Some("on") => (words.t("state-on"), "ready"),
                Some("off") => (words.t("state-off"), "offline"),
                _ => (words.t("state-auto"), ""),
            };
            (title, vec![state], tone)
        }
        Kind::Settings => (words.t("control-rules"), set(&change.value), ""),
        Kind::Groups => {
            let groups = change.value.as_array().into_iter().flatten();
            let groups = groups.filter_map(Value::as_str).map(str::to_owned);
            (words.t("control-groups"), groups.collect(), "")
        }
    };
    let none = values.is_empty().then(|| words.t("control-nothing"));
    Line {
        title,
        values: values.into_iter().chain(none).collect(),
        tone,
        scope: scope(words, &change.scope),
        by: change.by.clone(),
        at: reader.stamp(change.at),
        reason: change.reason.clone(),
        name: change.name.clone(),
        scope_json: serde_json::to_string(&change.scope).unwrap_or_default(),
    }
}

/// Which broker a store was given.
fn assigned(reader: &Reader, said: &Assignment) -> Line {
    let words = reader.words;
    let url = said.url.clone();
    Line {
        title: words.t("control-broker"),
        values: vec![url.unwrap_or_else(|| words.t("control-broker-own"))],
        tone: "",
        scope: words.t1("scope-store", "store", said.store.as_str()),
        by: said.by.clone(),
        at: reader.stamp(said.at),
        reason: said.reason.clone(),
        name: String::new(),
        scope_json: String::new(),
    }
}

/// Settings as they stand in a configuration file.
fn set(value: &Value) -> Vec<String> {
    let mut told = Vec::new();
    tell(value, "", &mut told);
    told.sort_unstable();
    told
}

fn tell(value: &Value, place: &str, told: &mut Vec<String>) {
    let Some(fields) = value.as_object() else {
        let plain = value.as_str().map(str::to_owned);
        let plain = plain.unwrap_or_else(|| value.to_string());
        return told.push(format!("{place} = {plain}"));
    };
    for (key, value) in fields {
        let inner = if place.is_empty() {
            key.clone()
        } else {
            format!("{place}.{key}")
        };
        tell(value, &inner, told);
    }
}

fn scope(words: &Words, scope: &Scope) -> String {
    match scope {
        Scope::All => words.t("scope-all"),
        Scope::Percent(percent) => words.t1("scope-percent", "percent", u64::from(*percent)),
        Scope::Group(group) => words.t1("scope-group", "group", group.as_str()),
        Scope::Kiosk(store, kiosk) => words.t1(
            "scope-kiosk",
            "kiosk",
            Scope::name_of(store, kiosk).as_str(),
        ),
        Scope::Unknown(_) => words.t("scope-unknown"),
    }
}

/// What can stand under a key.
fn told(range: Range) -> String {
    match range {
        Range::Whole(least, most) => format!("{least} – {most}"),
        Range::OrOff(least, most) => format!("{least} – {most} | off"),
        Range::Words(words) => words.join(" | "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_told_as_they_stand_in_a_file() {
        let value = json!({"ordering": {"slow_after_ms": 800, "mode": "disabled"}, "menu": {"probes": 2, "dry_run": {"failures": 3}}});
        let want = [
            "menu.dry_run.failures = 3",
            "menu.probes = 2",
            "ordering.mode = disabled",
            "ordering.slow_after_ms = 800",
        ];
        assert_eq!(set(&value), want);
        assert!(set(&json!({})).is_empty());
    }

    #[test]
    fn every_switch_and_dependency_has_its_words() {
        for words in Words::all() {
            let switches = SWITCHES.map(|name| format!("switch-{name}"));
            let calls = DEPENDENCIES.map(|name| format!("calls-{name}"));
            for key in switches.iter().chain(&calls) {
                assert_ne!(&words.t(key), key, "{}", words.tag);
            }
        }
    }
}
