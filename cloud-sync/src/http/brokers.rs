//! Which broker the kiosks of each store use.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use kiosk_core::document::{At, Fault, Faults, Object, text};
use kiosk_core::ids::StoreId;
use serde_json::{Value, json};

use super::access::Hq;
use super::problem::Problem;
use super::{changes, input};
use crate::brokers::{self, MqttUrl};
use crate::clock;
use crate::cloud::Cloud;
use crate::ledger::assignments::{self, Assignment};
use crate::mosquitto;

/// The brokers that cloud-sync serves, with the number of stores that are assigned to each.
pub(crate) async fn list(_: Hq, State(cloud): State<Cloud>) -> Result<Json<Value>, Problem> {
    let read = cloud
        .ledger
        .read(|connection| Ok((brokers::served(connection)?, assignments::all(connection)?)));
    let (mut urls, all) = read.await?;
    let served = urls.clone();
    for url in all.iter().filter_map(|said| said.url.as_ref()) {
        if !urls.contains(url) {
            urls.push(url.clone());
        }
    }
    let shown = |url: &String| {
        let stores = all
            .iter()
            .filter(|said| said.url.as_ref() == Some(url))
            .count();
        json!({ "url": url, "served": served.contains(url), "stores": stores })
    };
    let shown: Vec<Value> = urls.iter().map(shown).collect();
    Ok(Json(json!({ "brokers": shown, "next": null })))
}

fn unknown() -> Problem {
    Problem::not_found("there is no such store; GET /api/v1/kiosks lists the kiosks of all")
}

fn shown(said: &Assignment) -> Value {
    json!({
        "store": said.store,
        "url": said.url,
        "by": said.by,
        "reason": said.reason,
        "at": said.at,
        "number": said.number,
    })
}

/// Assigns a broker to a store, or gives it back to what its credentials name.
pub(crate) async fn assign(
    hq: Hq,
    State(cloud): State<Cloud>,
    Path(store): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    hq.may_edit()?;
    let value = input::json(body).await?;
    let mut faults = Faults::default();
    let at = At::Root;
    let Some(object) = Object::read(&value, &at, &mut faults) else {
        return Err(Problem::invalid(faults.into_vec()));
    };
    object.refuse_unknown(&["url", "reason"], &at, &mut faults);
    let url = object.optional("url", &at, &mut faults, |value, at, faults| {
        let url = MqttUrl::parse(text(value, at, faults)?);
        url.map_err(|fault| faults.add(at, fault)).ok()
    });
    let reason = object.required("reason", &at, &mut faults, changes::reason);
    let (Some(reason), true) = (reason, faults.is_empty()) else {
        return Err(Problem::invalid(faults.into_vec()));
    };
    let store: StoreId = store.parse().map_err(|_| unknown())?;
    let (url, by) = (url.map(|url| url.public()), hq.0.name.clone());
    let made = cloud.ledger.write(move |connection| {
        let served = brokers::served(connection)?;
        if let Some(url) = url.as_ref().filter(|url| !served.contains(url)) {
            return Ok(Err(not_served(url, &served)));
        }
        let why = (by.as_str(), reason.as_str());
        assignments::assign(connection, &store, url.as_deref(), why, clock::wall()).map(Ok)
    });
    let said = made.await?.map_err(|detail| {
        let pointer = "/url".to_owned();
        Problem::invalid(vec![Fault { pointer, detail }])
    })?;
    let said = said.ok_or_else(unknown)?;
    tracing::info!(store = %said.store, url = said.url, user = said.by, "the store has another broker");
    // The new broker has to know its kiosks before they come.
    mosquitto::refresh_or_warn(cloud.ledger.clone()).await;
    cloud.changed.send_modify(|count| *count += 1);
    Ok(Json(shown(&said)))
}

pub(crate) fn not_served(url: &str, served: &[String]) -> String {
    format!(
        "{url} is none of the brokers that cloud-sync serves, so that nothing sent there would arrive: {}",
        served.join(", ")
    )
}
