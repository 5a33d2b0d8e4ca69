//! A real browser in front of a kiosk whose cloud is silent: by touch and by keyboard, in both
//! languages, a number is shown; when the plug is back, headquarters has every order.

use std::time::Duration;

use anyhow::Context;
use fantoccini::key::Key;
use lab::checker::{Shown, settle};
use lab::diner::{Accepted, accepted};
use lab::proxy::Mode;
use lab::store::Store;
use serde_json::Value;

use crate::screen::{Browser, SOON};
use crate::{Told, lab, link_becomes, serially};

/// The questions of an open dish that need an answer and have none.
async fn questions(browser: &Browser) -> anyhow::Result<Vec<String>> {
    browser.ready("#put").await?;
    let open = browser
            .script(
                "return [...document.querySelectorAll('#item fieldset')] \
                 .filter((set) => !set.hidden && set.dataset.min !== '0' && !set.querySelector(':checked')) \
                 .map((set) => `#item fieldset[data-group='${set.dataset.group}'] `)",
            )
            .await?;
    Ok(serde_json::from_value(open)?)
}

/// A dish that asks nothing, and one that is looked at first.
const PLAIN: &str = ".card:not([data-asks], .out) .add";
const ASKING: &str = ".card[data-asks]:not(.out) .open";

async fn order_by_touch(browser: &Browser) -> anyhow::Result<()> {
    browser.touch("#start").await?;
    browser.touch("[data-service=take_away]").await?;
    browser.stage("menu").await?;
    browser.touch(PLAIN).await?;
    browser.touch(ASKING).await?;
    for question in questions(browser).await? {
        browser.touch(&format!("{question} .choice")).await?;
    }
    browser.touch("#put").await?;
    browser.touch("#review").await?;
    browser.touch("#place").await
}

async fn order_by_keyboard(browser: &Browser) -> anyhow::Result<()> {
    browser.press(Key::Enter).await?;
    browser.stage("service").await?;
    browser
        .enter("[data-service=take_away]", Key::Right)
        .await?;
    browser.stage("menu").await?;
    browser.enter(PLAIN, Key::Tab).await?;
    browser.enter(ASKING, Key::Down).await?;
    for question in questions(browser).await? {
        browser
            .reach(&format!("{question} input"), Key::Tab)
            .await?;
        browser.press_char(' ').await?;
    }
    browser.enter("#put", Key::Tab).await?;
    browser.enter("#review", Key::Tab).await?;
    browser.enter("#place", Key::Tab).await
}

/// How many things were chosen: a combo is one, though it has a line for each of its parts.
fn chosen(order: &Value) -> usize {
    let lines = order["lines"].as_array().into_iter().flatten();
    let mut sets = std::collections::BTreeSet::new();
    lines
        .filter(|line| line["combo"].is_null() || sets.insert(line["combo"]["set"].as_u64()))
        .count()
}

/// Orders in a language and gives what was shown.
async fn visit(
    browser: &Browser,
    base: &str,
    language: &str,
    touch: bool,
) -> anyhow::Result<Accepted> {
    browser
        .client
        .goto(&format!("{base}/?lang={language}"))
        .await?;
    browser.script("sessionStorage.clear()").await?;
    browser
        .client
        .goto(&format!("{base}/?lang={language}"))
        .await?;
    assert!(
        browser
            .script("return document.documentElement.lang")
            .await?
            == language
    );
    browser.stage("attract").await?;
    browser
        .holds(
            "the screen knows that it is offline",
            "return !document.getElementById('offline').hidden",
        )
        .await?;
    if touch {
        order_by_touch(browser).await?;
    } else {
        order_by_keyboard(browser).await?;
    }
    browser.stage("done").await?;
    let placed = browser
        .script("return sessionStorage.getItem('placed')")
        .await?;
    let order: Value = serde_json::from_str(placed.as_str().context("no order is kept")?)?;
    let number = browser
        .script("return document.getElementById('number').textContent")
        .await?;
    assert!(number == order["number"], "shown {number}, ordered {order}");
    assert!(chosen(&order) == 2, "{order}");
    assert!(
        order["language"] == language && order["service"] == "take_away",
        "{order}"
    );
    accepted("front-left", &order)
}

async fn four_visits(browser: &Browser, base: &str) -> anyhow::Result<Vec<Accepted>> {
    let mut shown = Vec::new();
    for language in ["en", "zh-Hans"] {
        for touch in [true, false] {
            let by = if touch { "touch" } else { "keyboard" };
            let visit = visit(browser, base, language, touch).await;
            shown.push(visit.with_context(|| format!("in {language} by {by}"))?);
        }
    }
    Ok(shown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_orders_by_touch_and_by_keyboard_in_both_languages_while_the_cloud_is_silent()
-> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    kiosk.http.set(Mode::BlackHole);
    kiosk.mqtt.set(Mode::BlackHole);
    link_becomes(kiosk, &["offline"], SOON).await?;
    let base = kiosk.base().context("it runs")?;
    let browser = Browser::open(store.folder()).await?;
    let visits = four_visits(&browser, &base).await;
    // Whatever came of it: a browser that is not closed outlives its driver.
    browser.client.clone().close().await?;
    let mut shown = Shown::default();
    shown.extend(visits?);
    store.heal();
    let verdict = settle(&store, shown, Duration::from_secs(60)).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}
