//! The groups that headquarters puts kiosks into.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use kiosk_core::document::{At, Faults, Object};
use kiosk_core::ids::{KioskId, StoreId};
use serde_json::{Value, json};

use super::access::Hq;
use super::changes;
use super::input;
use super::problem::Problem;
use crate::clock;
use crate::cloud::Cloud;
use crate::ledger::changes::{self as kept, GROUPS_MOST, Made};

/// Puts a kiosk into exactly these groups.
pub(crate) async fn put(
    hq: Hq,
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    hq.may_edit()?;
    let value = input::json(body).await?;
    let mut faults = Faults::default();
    let at = At::Root;
    let Some(object) = Object::read(&value, &at, &mut faults) else {
        return Err(Problem::invalid(faults.into_vec()));
    };
    object.refuse_unknown(&["groups", "reason"], &at, &mut faults);
    let groups = object.required("groups", &at, &mut faults, groups);
    let reason = object.required("reason", &at, &mut faults, changes::reason);
    let (Some(groups), Some(reason), true) = (groups, reason, faults.is_empty()) else {
        return Err(Problem::invalid(faults.into_vec()));
    };
    let unknown = || Problem::not_found("there is no such kiosk; GET /api/v1/kiosks lists them");
    let store: StoreId = store.parse().map_err(|_| unknown())?;
    let kiosk: KioskId = kiosk.parse().map_err(|_| unknown())?;
    let (of, by) = ((store.clone(), kiosk.clone()), hq.0.name.clone());
    let put = groups.clone();
    let made = cloud.ledger.write(move |connection| {
        let (who, why) = ((&of.0, &of.1), (by.as_str(), reason.as_str()));
        kept::put_into_groups(connection, who, &put, why, clock::wall())
    });
    match made.await? {
        Made::NoKiosk => return Err(unknown()),
        made => changes::in_force(&cloud, Ok(made))?,
    };
    Ok(Json(
        json!({ "store": store, "kiosk": kiosk, "groups": groups }),
    ))
}

fn groups(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    let Some(list) = value.as_array() else {
        faults.add(at, "must be a list of names");
        return None;
    };
    if list.len() > GROUPS_MOST {
        faults.add(at, format!("must name at most {GROUPS_MOST} groups"));
        return None;
    }
    let mut groups = Vec::new();
    for (index, value) in list.iter().enumerate() {
        groups.extend(changes::group_name(value, &at.index(index), faults));
    }
    groups.sort();
    groups.dedup();
    Some(groups)
}
