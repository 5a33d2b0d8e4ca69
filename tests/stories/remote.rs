//! What people turn and set from afar or in the store, and what a bad link makes of a kiosk.

use std::time::Duration;

use anyhow::Context;
use lab::api::{Api, metric};
use lab::checker::{Shown, settle};
use lab::dice::Dice;
use lab::diner::Diner;
use lab::proxy::Mode;
use lab::store::{Kiosk, Store};
use lab::wait::{Look, until};
use serde_json::{Value, json};

use crate::{Told, lab, link_becomes, serially};

const SOON: Duration = Duration::from_secs(20);
/// A kiosk that no broker tells asks every 20 s.
const UNTOLD: Duration = Duration::from_secs(45);
const PIN: &str = "240613";

fn breaker(status: &Value) -> &Value {
    let breakers = status["breakers"].as_array();
    let mut all = breakers.into_iter().flatten();
    all.find(|breaker| breaker["name"] == "ordering")
        .unwrap_or(&Value::Null)
}

fn switch(status: &Value) -> &Value {
    let switches = status["switches"].as_array();
    let mut all = switches.into_iter().flatten();
    all.find(|switch| switch["name"] == "ordering_cloud")
        .unwrap_or(&Value::Null)
}

/// Waits until a kiosk's status shows that; gives the status.
async fn shows(
    kiosk: &Kiosk,
    what: &str,
    limit: Duration,
    seen: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let (status, took) = until(&format!("{}: {what}", kiosk.id), limit, async || {
        let status = kiosk.status().await?;
        Ok(match seen(&status) {
            true => Look::Done(status),
            false => Look::NotYet(format!("{} {}", breaker(&status), switch(&status))),
        })
    })
    .await?;
    println!("{}: {what} after {took:?}", kiosk.id);
    Ok(status)
}

/// Sets the rules before ordering calls of all kiosks.
async fn set(hq: &Api, ordering: Value) -> anyhow::Result<()> {
    let body = json!({
        "settings": {"ordering": ordering}, "scope": {"all": true}, "reason": "a story",
    });
    hq.put("/api/v1/settings/breakers", &body)
        .await?
        .expect(200)?;
    Ok(())
}

async fn turn(hq: &Api, state: &str, scope: Value) -> anyhow::Result<()> {
    let body = json!({"state": state, "scope": scope, "reason": "a line is repaired"});
    hq.put("/api/v1/switches/ordering_cloud", &body)
        .await?
        .expect(200)?;
    Ok(())
}

async fn manager(kiosk: &Kiosk) -> anyhow::Result<Api> {
    kiosk
        .command(&["staff", "set-pin", "--role", "manager"], PIN)
        .await?;
    let api = kiosk.api()?;
    let session = api.post("/api/v1/sessions", &json!({ "pin": PIN })).await?;
    let session = session.expect(201)?;
    let token = session["token"].as_str().context("a token")?;
    Ok(api.with_token(token))
}

/// How often the kiosk went from one level to another since it was started.
async fn level_changes(kiosk: &Kiosk, from: &str, to: &str) -> anyhow::Result<f64> {
    let text = kiosk.api()?.get("/metrics").await?.expect(200)?;
    let labels = format!("from=\"{from}\",to=\"{to}\"");
    let text = text.as_str().unwrap_or_default();
    Ok(metric(text, "kiosk_level_changes_total", &labels))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thresholds_from_headquarters_reach_an_open_breaker_and_leave_it_open() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let hq = store.hq().await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    // A wait that outlasts the story: whatever moves the breaker is the settings.
    let long = json!({"open_ms": 600_000, "open_jitter_percent": 0, "timeout_ms": 1_400});
    set(hq.api(), long).await?;
    shows(kiosk, "the long wait is in force", SOON, |status| {
        breaker(status)["timeout_ms"] == 1_400
    })
    .await?;
    kiosk.http.set(Mode::Cut);
    let before = shows(kiosk, "the breaker is open", SOON, |status| {
        breaker(status)["state"] == "open"
    })
    .await?;
    // HTTP is away; the broker tells.
    let wish = json!({
        "open_ms": 600_000, "open_jitter_percent": 0, "timeout_ms": 900, "calls_at_once": 5,
        "consecutive_failures": 9, "slow_after_ms": 700,
    });
    set(hq.api(), wish).await?;
    let after = shows(kiosk, "the settings are in force", SOON, |status| {
        breaker(status)["timeout_ms"] == 900
    })
    .await?;
    let seen = breaker(&after);
    assert!(seen["bulkhead"]["calls"] == 5, "{seen}");
    assert!(seen["slow_after_ms"] == 700, "{seen}");
    let was = breaker(&before);
    for kept in ["state", "generation", "reason"] {
        assert!(seen[kept] == was[kept], "{kept}: {was} and then {seen}");
    }
    let wait = |of: &Value| of["retry_in_seconds"].as_f64().unwrap_or_default();
    let since = |of: &Value| of["outage"]["seconds"].as_f64().unwrap_or_default();
    let opened = |of: &Value| wait(of) + since(of);
    assert!(
        (opened(was) - opened(seen)).abs() < 0.1,
        "{was} and then {seen}"
    );
    assert!(wait(seen) > 300.0, "{seen}");
    assert!(after["link"] == "offline", "{after}");
    kiosk.http.set(Mode::Pass);
    // Without the long wait the heartbeat's holds again, and is over long since.
    set(hq.api(), json!({})).await?;
    link_becomes(kiosk, &["online", "catching_up"], SOON).await?;
    shows(kiosk, "what was set is gone again", SOON, |status| {
        breaker(status)["timeout_ms"] == 1_500
    })
    .await?;
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_manager_holds_open_is_open_after_kill_9_and_over_headquarters_word() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let hq = store.hq().await?;
    let kiosk = store.kiosks.first_mut().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    let desk = manager(kiosk).await?;
    let off = json!({"state": "off", "reason": "stocktaking"});
    desk.put("/api/v1/switches/ordering_cloud", &off)
        .await?
        .expect(200)?;
    link_becomes(kiosk, &["offline"], SOON).await?;
    kiosk.kill9()?;
    kiosk.start().await?;
    let status = kiosk.status().await?;
    let seen = breaker(&status);
    assert!(seen["state"] == "forced_open", "{seen}");
    assert!(seen["reason"] == "manager: stocktaking", "{seen}");
    turn(hq.api(), "on", json!({"all": true})).await?;
    let status = shows(kiosk, "both words stand", SOON, |status| {
        switch(status)["settings"].as_array().map(Vec::len) == Some(2)
    })
    .await?;
    assert!(switch(&status)["set_by"] == "manager", "{status}");
    assert!(breaker(&status)["state"] == "forced_open", "{status}");
    let desk = manager(kiosk).await?;
    let auto = json!({"state": "auto", "reason": "done"});
    desk.put("/api/v1/switches/ordering_cloud", &auto)
        .await?
        .expect(200)?;
    link_becomes(kiosk, &["online", "catching_up"], SOON).await?;
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_that_hangs_and_yet_answers_opens_the_breaker_by_slow_calls() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let hq = store.hq().await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    let wish = json!({
        "slow_after_ms": 300, "slow_percent": 60, "minimum_calls": 4, "window_seconds": 20,
        "timeout_ms": 5_000,
    });
    set(hq.api(), wish).await?;
    shows(kiosk, "the settings are in force", SOON, |status| {
        breaker(status)["slow_after_ms"] == 300
    })
    .await?;
    kiosk.http.set(Mode::Slow {
        latency: Duration::from_millis(300),
        bytes_per_second: 1_000_000,
    });
    let mut shown = Shown::default();
    let mut diner = kiosk.diner(Dice::printed("a cloud that hangs"))?;
    let window = Duration::from_secs(20);
    let (status, took) = until("the breaker opens by slow calls", window, async || {
        shown.add(diner.order().await?);
        let status = kiosk.status().await?;
        Ok(match breaker(&status)["state"] == "open" {
            true => Look::Done(status),
            false => Look::NotYet(breaker(&status).to_string()),
        })
    })
    .await?;
    let reason = breaker(&status)["reason"].as_str().unwrap_or_default();
    println!("opened after {took:?}: {reason}");
    assert!(
        reason.contains("slow") && !reason.contains("fail"),
        "{reason}"
    );
    kiosk.http.set(Mode::Pass);
    link_becomes(kiosk, &["online", "catching_up"], SOON).await?;
    settle(&store, shown, Duration::from_secs(60)).await?;
    store.stop().await?;
    Ok(())
}

/// Cuts nothing and answers nothing: a cloud that takes every call and never ends one.
async fn hangs(kiosk: &Kiosk, diner: &mut Diner, shown: &mut Shown) -> anyhow::Result<Value> {
    kiosk.http.set(Mode::BlackHole);
    let window = Duration::from_secs(30);
    let (status, took) = until("the breaker opens", window, async || {
        shown.add(diner.order().await?);
        let status = kiosk.status().await?;
        Ok(match breaker(&status)["state"] == "open" {
            true => Look::Done(status),
            false => Look::NotYet(breaker(&status).to_string()),
        })
    })
    .await?;
    println!("opened after {took:?}: {}", breaker(&status)["reason"]);
    Ok(status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_that_never_answers_opens_the_breaker_by_the_rule_that_the_status_names() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let hq = store.hq().await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    let mut shown = Shown::default();
    let mut diner = kiosk.diner(Dice::printed("a cloud that never answers"))?;
    // As the software has it, two calls without an answer come before five slow ones.
    let status = hangs(kiosk, &mut diner, &mut shown).await?;
    let reason = &breaker(&status)["reason"];
    assert!(reason == "consecutive failures", "{reason}");
    assert!(
        breaker(&status)["outage"]["causes"][0] == *reason,
        "{status}"
    );
    kiosk.http.set(Mode::Pass);
    link_becomes(kiosk, &["online", "catching_up"], SOON).await?;
    // By slow calls alone, with other thresholds tried beside.
    let wish = json!({
        "consecutive_failures": "off", "failure_percent": "off", "slow_percent": 60,
        "minimum_calls": 4, "window_seconds": 30, "timeout_ms": 900, "slow_after_ms": 400,
        "dry_run": {"consecutive_failures": 2},
    });
    set(hq.api(), wish).await?;
    let fresh = |status: &Value| {
        let seen = breaker(status);
        seen["slow_after_ms"] == 400 && seen["dry_run"]["outages"] == 0 && seen["state"] == "closed"
    };
    shows(kiosk, "the settings are in force", SOON, fresh).await?;
    let status = hangs(kiosk, &mut diner, &mut shown).await?;
    let seen = breaker(&status);
    assert!(seen["reason"] == "slow-call ratio", "{seen}");
    let tried = &seen["dry_run"];
    assert!(tried["outages"] == 1, "{seen}");
    assert!(
        tried["outage"]["causes"][0] == "consecutive failures",
        "{seen}"
    );
    let text = kiosk.api()?.get("/metrics").await?.expect(200)?;
    let labels = "name=\"ordering\",rules=\"dry_run\"";
    let counted = metric(
        text.as_str().unwrap_or_default(),
        "kiosk_breaker_would_have_opened_total",
        labels,
    );
    assert!((counted - 1.0).abs() < f64::EPSILON, "{counted}");
    kiosk.http.set(Mode::Pass);
    link_becomes(kiosk, &["online", "catching_up"], SOON).await?;
    settle(&store, shown, Duration::from_secs(60)).await?;
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_manager_lets_go_of_while_the_cloud_is_down_is_told_by_what_was_found() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    let desk = manager(kiosk).await?;
    let turn = async |state: &str| {
        let wish = json!({"state": state, "reason": "stocktaking"});
        let turned = desk.put("/api/v1/switches/ordering_cloud", &wish).await?;
        turned.expect(200)
    };
    turn("off").await?;
    link_becomes(kiosk, &["offline"], SOON).await?;
    store.cloud.kill9()?;
    turn("auto").await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let found = |status: &Value| breaker(status)["reason"] == "probes failed";
    let status = shows(kiosk, "the probe is the reason", SOON, found).await?;
    assert!(
        status["link_reason"] == "the cloud does not answer",
        "{status}"
    );
    store.start_cloud().await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online", "catching_up"], SOON).await?;
    store.stop().await?;
    Ok(())
}

/// A link that is cut and put back once a second, so many times.
async fn flap(kiosk: &Kiosk, times: u32) {
    let mut half_seconds = tokio::time::interval(Duration::from_millis(500));
    for turn in 0..times * 2 {
        half_seconds.tick().await;
        let mode = if turn % 2 == 0 { Mode::Cut } else { Mode::Pass };
        kiosk.http.set(mode);
        kiosk.mqtt.set(mode);
    }
    half_seconds.tick().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_flaps_every_second_costs_one_step_down_and_one_up() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    shows(kiosk, "it is at L0", SOON, |status| status["level"] == "L0").await?;
    let down = level_changes(kiosk, "L0", "L2").await?;
    let up = level_changes(kiosk, "L2", "L0").await?;

    let mut shown = Shown::default();
    let mut diner = kiosk.diner(Dice::printed("a flapping link"))?;
    let mut pace = tokio::time::interval(Duration::from_millis(60));
    {
        let mut flapping = std::pin::pin!(flap(kiosk, 25));
        // Somebody orders all the while: what is not asked can't be seen to fail.
        loop {
            tokio::select! {
                () = &mut flapping => break,
                _ = pace.tick() => shown.add(diner.order().await?),
            }
        }
    }
    kiosk.http.set(Mode::Pass);
    kiosk.mqtt.set(Mode::Pass);
    let status = kiosk.status().await?;
    assert!(status["level"] == "L2", "{status}");
    shows(
        kiosk,
        "it is back at L0",
        Duration::from_secs(40),
        |status| status["level"] == "L0",
    )
    .await?;
    settle(&store, shown, Duration::from_secs(60)).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let changes = (
        level_changes(kiosk, "L0", "L2").await? - down,
        level_changes(kiosk, "L2", "L0").await? - up,
    );
    println!("down and up: {changes:?}");
    assert!(changes == (1.0, 1.0), "{changes:?}");
    store.stop().await?;
    Ok(())
}

/// What stood before kill -9 of everything stands without any cloud, and goes when one is back.
async fn without_any_cloud(store: &mut Store) -> anyhow::Result<()> {
    store.cloud.kill9()?;
    for kiosk in &mut store.kiosks {
        kiosk.kill9()?;
        kiosk.start().await?;
    }
    let [told, untold] = &store.kiosks[..] else {
        anyhow::bail!("two kiosks");
    };
    let status = untold.status().await?;
    assert!(breaker(&status)["state"] == "forced_open", "{status}");
    let reason = &breaker(&status)["reason"];
    assert!(reason == "hq/hq: a line is repaired", "{reason}");
    let status = told.status().await?;
    assert!(switch(&status)["state"] == "on", "{status}");
    store.start_cloud().await?;
    let hq = store.hq().await?;
    turn(hq.api(), "auto", json!({"percent": 100})).await?;
    turn(
        hq.api(),
        "auto",
        json!({"kiosk": "canal-street/front-right"}),
    )
    .await?;
    store.heal();
    for kiosk in &store.kiosks {
        link_becomes(kiosk, &["online"], UNTOLD).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_from_headquarters_reaches_kiosks_live_and_holds_without_any_cloud() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left", "front-right"]).await?;
    let hq = store.hq().await?;
    let [told, untold] = &store.kiosks[..] else {
        return Err(anyhow::anyhow!("two kiosks").into());
    };
    for kiosk in [told, untold] {
        link_becomes(kiosk, &["online"], SOON).await?;
    }
    // One has no broker from now on, and learns all the same.
    untold.mqtt.set(Mode::Cut);
    turn(hq.api(), "off", json!({"percent": 0})).await?;
    turn(
        hq.api(),
        "off",
        json!({"kiosk": "canal-street/front-right"}),
    )
    .await?;
    let off = |status: &Value| switch(status)["effective"] == "off";
    shows(untold, "it is off, told by HTTP", UNTOLD, off).await?;
    let status = told.status().await?;
    assert!(
        !off(&status),
        "none of 0 %, and not the other kiosk: {status}"
    );
    turn(hq.api(), "off", json!({"percent": 100})).await?;
    let status = shows(told, "it is off, told by the broker", SOON, off).await?;
    let seen = switch(&status);
    assert!(
        seen["set_by"] == "hq/hq" && seen["scope"] == "100 % of kiosks",
        "{seen}"
    );
    link_becomes(told, &["offline"], SOON).await?;
    turn(hq.api(), "on", json!({"kiosk": "front-left"})).await?;
    shows(
        told,
        "it is on: one kiosk is narrower than a share",
        SOON,
        |status| !off(status),
    )
    .await?;
    link_becomes(told, &["online", "catching_up"], SOON).await?;

    without_any_cloud(&mut store).await?;
    settle(&store, Shown::default(), Duration::from_secs(60)).await?;
    store.stop().await?;
    Ok(())
}
