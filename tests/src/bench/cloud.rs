//! Whether the cloud can slow a diner down: the same orders with a healthy cloud and with one that
//! swallows every packet, in turns on the same kiosk.

use std::time::Duration;

use super::samples::Series;
use super::table::{Goal, Row, Table};
use super::{Options, load};
use crate::process::{Lab, address};
use crate::proxy::Mode;
use crate::store::Store;

/// Diners at once, and how often each orders: busy, but far from what the disk can do, because a
/// healthy cloud works on the same cores.
const CLIENTS: usize = 8;
const PACE: Duration = Duration::from_millis(50);
/// p99 with the cloud swallowed by that with it healthy.
const RATIO: f64 = 1.1;

pub(super) async fn measure(options: &Options, lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let length = Duration::from_secs(options.seconds);
    let mut store = Store::open(lab, "bench", &["k1"]).await?;
    let kiosk = store
        .kiosks
        .first()
        .ok_or_else(|| anyhow::anyhow!("no kiosk"))?;
    let base = kiosk.base().unwrap_or_default();
    let address = address(base.trim_start_matches("http://"))?;
    let (mut healthy, mut swallowed) = (Series::default(), Series::default());
    for _ in 0..options.repeats {
        store.heal();
        healthy.add(load::run(address, CLIENTS, length, Some(PACE)).await?);
        for kiosk in &store.kiosks {
            kiosk.http.set(Mode::BlackHole);
            kiosk.mqtt.set(Mode::BlackHole);
        }
        swallowed.add(load::run(address, CLIENTS, length, Some(PACE)).await?);
    }
    store.heal();
    store.stop().await?;
    table.add(Row::rate(
        "paced orders, cloud healthy",
        &healthy,
        None,
        Goal::None,
    ));
    table.add(Row::rate(
        "paced orders, cloud black-holed",
        &swallowed,
        None,
        Goal::None,
    ));
    let name = "accept p99, cloud black-holed";
    table.add(Row::p99_ratio(
        name,
        &swallowed,
        ("healthy", &healthy),
        RATIO,
    ));
    Ok(())
}
