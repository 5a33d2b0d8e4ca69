//! Orders and their sums.

use crate::ledger::connection::Connection;
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use kiosk_core::ids::OrderId;
use serde_json::{Map, Value, json};

use super::access::Hq;
use super::input::{self, Query};
use super::problem::Problem;
use crate::cloud::Cloud;
use crate::ledger::events::Shown;
use crate::ledger::orders::{Listed, Wanted};
use crate::ledger::{LedgerError, devices, events, orders};

pub(crate) async fn list(
    _: Hq,
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::read(
        query.as_deref(),
        &["store", "business_date", "after", "limit"],
    );
    let after = query.cursor(2).and_then(|parts| match parts.as_slice() {
        [date, id] => Some((date.clone(), id.parse::<OrderId>().ok()?)),
        _ => None,
    });
    let limit = query.limit();
    let wanted = Wanted {
        store: query.text("store").map(str::to_owned),
        business_date: query.date("business_date"),
        after,
        limit: limit + 1,
    };
    query.end()?;
    let page = cloud.ledger.read(move |connection| {
        let mut listed = orders::list(connection, &wanted)?;
        let more = listed.len() > limit;
        listed.truncate(limit);
        let next = listed
            .last()
            .filter(|_| more)
            .map(|last| input::cursor(&[&last.row.business_date, &last.row.order.to_string()]));
        let each = listed.iter().map(|listed| whole(connection, listed));
        let orders = each.collect::<Result<Vec<_>, _>>()?;
        Ok(json!({ "orders": orders, "next": next }))
    });
    Ok(Json(page.await?))
}

/// An order as its kiosk shows it, with what the cloud adds.
pub(crate) fn whole(connection: &dyn Connection, listed: &Listed) -> Result<Value, LedgerError> {
    let broken =
        |detail: &str| LedgerError::Storage(format!("order {}: {detail}", listed.row.order));
    let order = events::folded(connection, listed.row.store, listed.row.order)?
        .ok_or_else(|| broken("its events give no order"))?;
    let value = serde_json::to_value(&order).map_err(|error| broken(&error.to_string()))?;
    let Value::Object(mut fields) = value else {
        return Err(broken("not an object"));
    };
    add_cloud_fields(&mut fields, listed);
    Ok(Value::Object(fields))
}

fn add_cloud_fields(fields: &mut Map<String, Value>, listed: &Listed) {
    let mut flags = Vec::new();
    if listed.row.parked > 0 {
        flags.push("parked");
    }
    if listed.row.refused > 0 {
        flags.push("conflict");
    }
    fields.insert("sync".to_owned(), json!("confirmed"));
    fields.insert("store".to_owned(), json!(listed.store));
    fields.insert("kiosk".to_owned(), json!(listed.kiosk));
    fields.insert("received_at".to_owned(), json!(listed.row.received_at));
    fields.insert("flags".to_owned(), json!(flags));
}

pub(crate) async fn one(
    _: Hq,
    State(cloud): State<Cloud>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let unknown =
        || Problem::not_found("there is no order of this id; it may not have arrived yet");
    let id: OrderId = id.parse().map_err(|_| unknown())?;
    let order = cloud
        .ledger
        .read(move |connection| with_events(connection, id))
        .await?;
    order.map(Json).ok_or_else(unknown)
}

fn with_events(connection: &dyn Connection, id: OrderId) -> Result<Option<Value>, LedgerError> {
    let Some(store) = events::store_of_order(connection, id)? else {
        return Ok(None);
    };
    let shown = events::of_order(connection, store, id)?;
    let mut order = match orders::named(connection, store, id)? {
        Some(listed) => whole(connection, &listed)?,
        None => unfinished(connection, store, id, &shown)?,
    };
    order["events"] = shown.iter().map(event).collect();
    Ok(Some(order))
}

/// An order whose first event has not arrived: all that can be said of it.
fn unfinished(
    connection: &dyn Connection,
    store: i64,
    id: OrderId,
    shown: &[Shown],
) -> Result<Value, LedgerError> {
    Ok(json!({
        "id": id,
        "store": devices::store_name(connection, store)?,
        "kiosk": shown.first().map(|event| &event.kiosk),
        "received_at": shown.first().map(|event| event.received_at),
        "flags": ["incomplete"],
    }))
}

fn event(shown: &Shown) -> Value {
    // The envelope is shown as it came; only the data of a placed order, the order itself, is not
    // repeated.
    let mut envelope: Value = serde_json::from_slice(&shown.bytes).unwrap_or(Value::Null);
    if let Some(fields) = envelope.as_object_mut()
        && fields.get("type") == Some(&json!("order.placed"))
    {
        fields.remove("data");
    }
    json!({
        "kiosk": shown.kiosk,
        "journal": shown.journal,
        "seq": shown.seq,
        "state": shown.state.as_str(),
        "received_at": shown.received_at,
        "event": envelope,
    })
}

pub(crate) async fn summary(
    _: Hq,
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::read(query.as_deref(), &["business_date"]);
    let date = query.date("business_date");
    query.end()?;
    let sums = cloud
        .ledger
        .read(move |connection| orders::summary(connection, date.as_deref()));
    Ok(Json(json!({ "stores": sums.await? })))
}
