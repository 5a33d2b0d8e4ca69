//! Switches and rules, turned and set on screens: at headquarters' desk and at the manager's.

use anyhow::Context;
use fantoccini::Locator;
use lab::store::{Kiosk, Store, USER};
use lab::wait::{Look, until};
use serde_json::{Value, json};

use crate::screen::{Browser, SOON};
use crate::{Told, lab, link_becomes, serially};

const PIN: &str = "240613";

fn named<'a>(status: &'a Value, list: &str, name: &str) -> &'a Value {
    let mut all = status[list].as_array().into_iter().flatten();
    all.find(|each| each["name"] == name)
        .unwrap_or(&Value::Null)
}

/// Waits until the kiosk tells that of its ordering calls or switch.
async fn tells(
    kiosk: &Kiosk,
    what: &str,
    seen: impl Fn(&Value, &Value) -> bool,
) -> anyhow::Result<()> {
    until(what, SOON, async || {
        let status = kiosk.status().await?;
        let switch = named(&status, "switches", "ordering_cloud");
        let breaker = named(&status, "breakers", "ordering");
        Ok(match seen(switch, breaker) {
            true => Look::Done(()),
            false => Look::NotYet(format!("{switch} {breaker}")),
        })
    })
    .await?;
    Ok(())
}

async fn write(browser: &Browser, field: &str, text: &str) -> anyhow::Result<()> {
    browser.ready(field).await?;
    let field = browser.client.find(Locator::Css(field)).await?;
    field.clear().await?;
    field.send_keys(text).await?;
    Ok(())
}

/// Signs in with a session that the page can't read.
async fn sign_in(browser: &Browser, base: &str, who: &Value) -> anyhow::Result<()> {
    browser.client.goto(&format!("{base}/healthz")).await?;
    let script = format!(
        "return (async () => (await fetch('/api/v1/sessions', {{ method: 'POST', \
         headers: {{ 'Content-Type': 'application/json' }}, body: '{who}' }})).status)()"
    );
    let status = browser.script(&script).await?;
    anyhow::ensure!(status == 201, "{status}");
    Ok(())
}

/// A switch at the kiosk: asked why, turned, and let go of again.
async fn at_the_kiosk(browser: &Browser, kiosk: &Kiosk, lang: &str) -> anyhow::Result<()> {
    let base = kiosk.base().context("a kiosk")?;
    sign_in(browser, &base, &json!({ "pin": PIN })).await?;
    let page = format!("{base}/manager/link?lang={lang}");
    browser.client.goto(&page).await?;
    let turn = |to: &str| format!("[data-switch=ordering_cloud][data-turn={to}]");
    browser.touch(&turn("off")).await?;
    browser.ready("#switch[open]").await?;
    // Closed without a word it turns nothing.
    browser.touch("#switch [data-close]").await?;
    browser.touch(&turn("off")).await?;
    browser.touch("#switch [data-reason]").await?;
    browser.touch("#switch-yes").await?;
    tells(kiosk, "the manager has turned it off", |switch, breaker| {
        switch["set_by"] == "manager" && breaker["held_by"] == "switch"
    })
    .await?;
    let pressed = format!(
        "return document.querySelector('{}').ariaPressed === 'true'",
        turn("off")
    );
    browser.holds("the page shows it off", &pressed).await?;
    // No word of English but what somebody wrote, on a page of another language.
    let words = "return document.querySelector('[data-part=cloud]').innerText";
    let told = browser.script(words).await?;
    let english = told
        .as_str()
        .is_some_and(|told| told.contains("Calls to head office"));
    anyhow::ensure!(english == (lang == "en"), "{told}");
    browser.touch(&turn("auto")).await?;
    write(browser, "#switch-reason", "it is over").await?;
    browser.touch("#switch-yes").await?;
    tells(kiosk, "nobody holds it", |switch, breaker| {
        switch["effective"] == "on" && breaker["held_by"].is_null()
    })
    .await
}

/// Rules at headquarters: what does nothing is refused in words, what is right reaches the kiosk.
async fn at_headquarters(browser: &Browser, base: &str, kiosk: &Kiosk) -> anyhow::Result<()> {
    let who = json!({"name": USER.0, "password": USER.1});
    sign_in(browser, base, &who).await?;
    browser.client.goto(&format!("{base}/control")).await?;
    let form = "form[data-kind=settings]";
    let rules = format!("{form} textarea[name=ordering]");
    write(browser, &rules, "slow_after_ms = off\nslow_percent = 80").await?;
    write(
        browser,
        &format!("{form} input[name=reason]"),
        "slow provider",
    )
    .await?;
    browser.touch(&format!("{form} button.do")).await?;
    let refused = format!(
        "return document.querySelector('{form} .fault').textContent.includes('slow_after_ms is off')"
    );
    browser
        .holds("what does nothing is refused in words", &refused)
        .await?;
    write(
        browser,
        &rules,
        "slow_after_ms = 700\ndry_run.consecutive_failures = 4",
    )
    .await?;
    browser.touch(&format!("{form} button.do")).await?;
    tells(kiosk, "the rules are in force", |_, breaker| {
        breaker["slow_after_ms"] == 700 && breaker["dry_run"]["outages"] == 0
    })
    .await?;
    let undo = ".undo[data-path='/api/v1/settings/breakers']";
    browser.touch(undo).await?;
    write(browser, "#undo input[name=reason]", "it is over").await?;
    browser.touch("#undo button.do").await?;
    tells(kiosk, "they are gone again", |_, breaker| {
        breaker["slow_after_ms"] == 1_200 && breaker["dry_run"].is_null()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switches_and_rules_are_turned_and_set_on_screens_and_kiosks_obey() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    kiosk
        .command(&["staff", "set-pin", "--role", "manager"], PIN)
        .await?;
    let browser = Browser::open(store.folder()).await?;
    let hq = store.cloud.base().context("a cloud")?;
    let told = async {
        browser.size(1024, 768).await?;
        for lang in ["en", "zh-Hans"] {
            at_the_kiosk(&browser, kiosk, lang).await?;
        }
        at_headquarters(&browser, &hq, kiosk).await
    };
    let told = told.await;
    browser.close_after(told).await?;
    link_becomes(kiosk, &["online", "catching_up"], SOON).await?;
    store.stop().await?;
    Ok(())
}
