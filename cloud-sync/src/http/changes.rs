//! What headquarters changes about kiosks: reading a wish, making it so, and the record of who
//! changed what, when and why.

use crate::ledger::connection::Connection;
use axum::Json;
use cloud_sync_wire::notice::scope::Scope;
use kiosk_core::document::{At, Fault, Faults, Object, filled_text, text, whole};
use kiosk_core::ids::{KioskId, StoreId};
use serde_json::{Value, json};

use super::access::Hq;
use super::input::{self, Query};
use super::problem::Problem;
use crate::clock;
use crate::cloud::Cloud;
use crate::ledger::LedgerError;
use crate::ledger::changes::{self, Change, Kind, MOST, Made, Wish};

/// A sentence or two.
const REASON_MOST: usize = 200;

/// For whom, as somebody wrote it.
#[derive(Debug, Clone)]
pub(super) enum Whom {
    Scope(Scope),
    /// A kiosk without its store, which is enough where the name is used once.
    Somewhere(KioskId),
}

/// Who wants a change, for whom and why; what it is comes besides.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) whom: Option<Whom>,
    pub(super) reason: Option<String>,
}

impl Asked {
    pub(super) fn read(object: &Object<'_>, at: &At<'_>, faults: &mut Faults) -> Self {
        Self {
            whom: object.required("scope", at, faults, whom),
            reason: object.required("reason", at, faults, reason),
        }
    }
}

pub(super) fn reason(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    let reason = filled_text(value, at, faults)?.trim();
    if reason.chars().count() > REASON_MOST {
        faults.add(at, format!("must have at most {REASON_MOST} characters"));
        return None;
    }
    Some(reason.to_owned())
}

fn whom(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Whom> {
    const KEYS: [&str; 4] = ["all", "group", "kiosk", "percent"];
    let object = Object::read(value, at, faults)?;
    object.refuse_unknown(&KEYS, at, faults);
    let all = object.optional("all", at, faults, |value, at, faults| {
        if *value == Value::Bool(true) {
            return Some(Whom::Scope(Scope::All));
        }
        faults.add(at, "must be true; leave it out to mean somebody else");
        None
    });
    let percent = object.optional("percent", at, faults, |value, at, faults| {
        let percent = u8::try_from(whole(value, at, faults, 0, 100)?).ok()?;
        Some(Whom::Scope(Scope::Percent(percent)))
    });
    let group = object.optional("group", at, faults, |value, at, faults| {
        Some(Whom::Scope(Scope::Group(group_name(value, at, faults)?)))
    });
    let kiosk = object.optional("kiosk", at, faults, kiosk);
    let given = value.as_object().map_or(0, |fields| {
        fields.values().filter(|field| !field.is_null()).count()
    });
    if given != 1 {
        let must = "must say for whom, once: all, group, kiosk or percent";
        faults.add(at, must);
    }
    all.or(percent).or(group).or(kiosk)
}

/// The name of a group; it follows the rule of other names.
pub(super) fn group_name(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    let name = text(value, at, faults)?;
    if StoreId::try_new(name).is_err() {
        let must = "must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit";
        faults.add(at, must);
        return None;
    }
    Some(name.to_owned())
}

fn kiosk(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Whom> {
    let name = text(value, at, faults)?;
    let whom = match name.split_once('/') {
        Some((store, kiosk)) => match (store.parse(), kiosk.parse()) {
            (Ok(store), Ok(kiosk)) => Some(Whom::Scope(Scope::Kiosk(store, kiosk))),
            _ => None,
        },
        None => name.parse().ok().map(Whom::Somewhere),
    };
    if whom.is_none() {
        faults.add(at, "must name a kiosk as store/kiosk");
    }
    whom
}

/// A change that may be wanted: its kind, name and value, and whether it takes something away.
pub(super) struct What {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) idle: bool,
    /// What speaks against it there, where that can't be told of it alone.
    pub(super) against: Option<Against>,
}

/// Looks at what is in force for what speaks against a change; a fault is told at its pointer.
pub(super) type Against =
    fn(&dyn Connection, &Scope, &Value) -> Result<Option<(&'static str, String)>, LedgerError>;

/// Makes it so, and tells kiosks.
pub(super) async fn make(
    cloud: &Cloud,
    hq: &Hq,
    whom: Whom,
    reason: String,
    what: What,
) -> Result<Change, Problem> {
    hq.may_edit()?;
    let by = hq.0.name.clone();
    let made = cloud.ledger.write(move |connection| {
        let scope = match scope(connection, whom)? {
            Ok(scope) => scope,
            Err(refused) => return Ok(Err(("/scope/kiosk", refused))),
        };
        let against = what
            .against
            .map(|look| look(connection, &scope, &what.value));
        if let Some(fault) = against.transpose()?.flatten() {
            return Ok(Err(fault));
        }
        let wish = Wish {
            kind: what.kind,
            name: what.name,
            scope,
            value: what.value,
            idle: what.idle,
            by,
            reason,
        };
        Ok(Ok(changes::make(connection, &wish, clock::wall())?))
    });
    in_force(cloud, made.await?)
}

/// What became of a wish, for whoever had it.
pub(super) fn in_force(
    cloud: &Cloud,
    made: Result<Made, (&'static str, String)>,
) -> Result<Change, Problem> {
    let fault = |pointer: &str, detail: String| {
        Problem::invalid(vec![Fault {
            pointer: pointer.to_owned(),
            detail,
        }])
    };
    match made {
        Ok(Made::InForce(change)) => {
            tracing::info!(
                number = change.id, kind = change.kind.as_str(), name = change.name,
                scope = %change.scope, value = %change.value, user = change.by,
                reason = change.reason, "kiosks are told otherwise"
            );
            cloud.changed.send_modify(|count| *count += 1);
            Ok(*change)
        }
        Ok(Made::NoKiosk) => Err(fault("/scope/kiosk", "there is no such kiosk".to_owned())),
        Ok(Made::TooMany) => {
            let detail = format!(
                "with this, more would be in force than kiosks can be told ({MOST}, fewer where \
                 much is set or said); take one away first"
            );
            Err(fault("/scope", detail))
        }
        Err((pointer, refused)) => Err(fault(pointer, refused)),
    }
}

/// The scope that is meant, or why none is.
fn scope(connection: &dyn Connection, whom: Whom) -> Result<Result<Scope, String>, LedgerError> {
    let kiosk = match whom {
        Whom::Scope(scope) => return Ok(Ok(scope)),
        Whom::Somewhere(kiosk) => kiosk,
    };
    let stores = changes::stores_with(connection, &kiosk)?;
    Ok(match stores.as_slice() {
        [] => Err(format!("there is no kiosk {kiosk} in any store")),
        [store] => Ok(Scope::Kiosk(store.clone(), kiosk)),
        [one, two, ..] => Err(format!(
            "several stores have a kiosk {kiosk}; say {one}/{kiosk} or {two}/{kiosk}, for instance"
        )),
    })
}

/// A change as headquarters sees it.
pub(super) fn shown(change: &Change) -> Value {
    let mut shown = json!({
        "number": change.id,
        "scope": change.scope,
        "by": change.by,
        "reason": change.reason,
        "at": change.at,
    });
    let (key, named) = match change.kind {
        Kind::Switch => ("state", true),
        Kind::Settings => ("settings", false),
        Kind::Groups => ("groups", false),
    };
    shown[key] = change.value.clone();
    if named {
        shown["name"] = json!(change.name);
    }
    shown
}

/// A page of what is in force of a kind.
pub(super) async fn page(
    cloud: &Cloud,
    query: Option<&str>,
    kind: Kind,
    list: &'static str,
) -> Result<Json<Value>, Problem> {
    let (after, limit) = cursor(query)?;
    let read = cloud
        .ledger
        .read(move |connection| changes::in_force(connection, kind, after.unwrap_or(0), limit + 1));
    Ok(Json(listed(read.await?, limit, list, shown)))
}

fn cursor(query: Option<&str>) -> Result<(Option<u64>, usize), Problem> {
    let mut query = Query::read(query, &["after", "limit"]);
    let after = query.cursor(1);
    let after = after.and_then(|parts| parts.first()?.parse().ok());
    let limit = query.limit();
    query.end()?;
    Ok((after, limit))
}

fn listed(
    mut changes: Vec<Change>,
    limit: usize,
    list: &str,
    shown: impl Fn(&Change) -> Value,
) -> Value {
    let more = changes.len() > limit;
    changes.truncate(limit);
    let next = changes.last().filter(|_| more);
    let next = next.map(|last| input::cursor(&[&last.id.to_string()]));
    let all: Vec<Value> = changes.iter().map(shown).collect();
    json!({ list: all, "next": next })
}
