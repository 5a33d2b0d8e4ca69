//! Diners' screens in a real browser: finding a dish, what somebody does not eat, calling staff, a
//! voice, several terminals on one kiosk, a kiosk that goes away, and nothing left for the next diner.

use std::path::Path;

use anyhow::Context;
use lab::api::Api;
use lab::store::{Folder, Kiosk};
use lab::wait::{Look, until};
use serde_json::{Value, json};

use crate::screen::{Browser, SOON};
use crate::{Told, lone_kiosk, serially};

const PIN: &str = "135790";
/// Has nothing to choose.
const PLAIN: &str = "#i-sweet-potato-fries";
/// What nobody else would write.
const SECRET: &str = "zebra-allergy-4711";

/// A kiosk with a manager, in a folder of its own.
async fn kiosk(folder: &Path) -> anyhow::Result<Kiosk> {
    let mut kiosk = lone_kiosk(folder).await?;
    kiosk
        .command(&["staff", "set-pin", "--role", "manager"], PIN)
        .await?;
    kiosk.more = ["--public-url", "http://10.1.2.3:8080"]
        .map(str::to_owned)
        .to_vec();
    kiosk.start().await?;
    Ok(kiosk)
}

async fn manager(kiosk: &Kiosk) -> anyhow::Result<(Api, String)> {
    let api = kiosk.api()?;
    let session = api.post("/api/v1/sessions", &json!({ "pin": PIN })).await?;
    let session = session.expect(201)?;
    let token = session["token"].as_str().context("a token")?.to_owned();
    Ok((api.with_token(&token), token))
}

/// A page of this kiosk with its menu open.
async fn at_the_menu(browser: &Browser, kiosk: &Kiosk, query: &str) -> anyhow::Result<()> {
    let base = kiosk.base().context("it runs")?;
    browser.client.goto(&format!("{base}/{query}")).await?;
    browser.touch("#start").await?;
    browser.touch("[data-service=take_away]").await?;
    browser.stage("menu").await
}

/// As if this much time had gone by on the page since it was loaded.
async fn later(browser: &Browser, seconds: u32) -> anyhow::Result<()> {
    let script = format!(
        "window.realNow ??= performance.now.bind(performance); \
         performance.now = () => realNow() + {seconds}000"
    );
    browser.script(&script).await?;
    Ok(())
}

async fn text(browser: &Browser, selector: &str) -> anyhow::Result<String> {
    let script = format!("return document.querySelector(`{selector}`)?.textContent ?? ''");
    let text = browser.script(&script).await?;
    Ok(text.as_str().unwrap_or_default().to_owned())
}

async fn searching(browser: &Browser, kiosk: &Kiosk) -> anyhow::Result<()> {
    at_the_menu(browser, kiosk, "?lang=zh-Hans").await?;
    browser.touch("#find").await?;
    for letter in ["t", "g", "l", "m"] {
        browser.touch(&format!("[data-letter='{letter}']")).await?;
    }
    browser.touch("#found [data-find=tonkotsu-ramen]").await?;
    browser.ready("#put").await?;
    browser.touch("#put").await?;
    let there = "return document.querySelector('#i-tonkotsu-ramen').matches('.has')";
    browser.holds("it is in the order", there).await
}

async fn leaving_out_egg(browser: &Browser) -> anyhow::Result<()> {
    browser.touch(".diet-open").await?;
    browser.touch("[data-diet='without egg']").await?;
    browser.touch("#diet .go").await?;
    let hidden = "const seen = (id) => document.getElementById(`i-${id}`).checkVisibility(); \
                  return !seen('tonkotsu-ramen') && seen('biang-biang-noodles')";
    browser.holds("what holds egg is away", hidden).await?;
    browser.touch("#review").await?;
    let warned = "return document.querySelector('#lines .warn').textContent.length > 3";
    browser.holds("the order warns of it", warned).await?;
    browser.touch("#order .close").await?;
    // Another language keeps the order and the wish.
    browser.client.refresh().await?;
    browser.stage("menu").await?;
    browser.touch("#shop .langs a[hreflang=en]").await?;
    browser
        .holds("English", "return document.documentElement.lang === 'en'")
        .await?;
    browser.stage("menu").await?;
    browser
        .holds("what holds egg is still away", hidden)
        .await?;
    browser.touch("#review").await?;
    let english = "return document.querySelector('#lines .warn').textContent.includes('Egg')";
    browser.holds("it warns in English", english).await?;
    browser.touch("#order .close").await?;
    browser.touch("#diet-off").await?;
    let all = "return [...document.querySelectorAll('.card')].every((card) => !card.hidden)";
    browser.holds("the whole menu is back", all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_diner_finds_a_dish_by_the_sound_of_its_name_and_is_warned_of_what_is_left_out() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let kiosk = kiosk(folder.path()).await?;
    let browser = Browser::open(folder.path()).await?;
    let told = async {
        searching(&browser, &kiosk).await?;
        leaving_out_egg(&browser).await
    };
    let told = told.await;
    browser.close_after(told).await?;
    Ok(())
}

async fn waiting(api: &Api) -> anyhow::Result<Value> {
    let (calls, _) = until("a diner waits", SOON, async || {
        let calls = api.get("/api/v1/help").await?.expect(200)?;
        Ok(match calls["calls"].as_array().map(Vec::len) {
            Some(1) => Look::Done(calls),
            _ => Look::NotYet(calls.to_string()),
        })
    })
    .await?;
    Ok(calls["calls"][0].clone())
}

async fn calling(browser: &Browser, kiosk: &mut Kiosk) -> anyhow::Result<()> {
    at_the_menu(browser, kiosk, "?terminal=window").await?;
    browser.touch("#call-staff").await?;
    let (api, _) = manager(kiosk).await?;
    let call = waiting(&api).await?;
    anyhow::ensure!(call["terminal"] == "window", "{call}");
    // The kiosk forgets all calls at a restart; the terminal makes its own again.
    kiosk.kill9()?;
    kiosk.start().await?;
    browser.client.refresh().await?;
    let (api, token) = manager(kiosk).await?;
    let again = waiting(&api).await?;
    anyhow::ensure!(again["id"] == call["id"], "{again}");

    let diner = browser.client.window().await?;
    let staff = browser.client.new_window(true).await?;
    browser.client.switch_to_window(staff.handle).await?;
    let base = kiosk.base().context("it runs")?;
    browser.client.goto(&format!("{base}/about")).await?;
    browser
        .script(&format!(
            "document.cookie = 'stillopen_session={token}; path=/'"
        ))
        .await?;
    browser
        .client
        .goto(&format!("{base}/kitchen?lang=en"))
        .await?;
    browser.ready(".help-calls [data-help]").await?;
    anyhow::ensure!(text(browser, ".help-calls span").await?.contains("window"));
    browser.touch(".help-calls [data-help]").await?;
    let gone = "return document.querySelector('.help-calls').hidden";
    browser.holds("nobody waits any more", gone).await?;
    browser.client.switch_to_window(diner).await?;
    let coming = "return document.getElementById('help-text').textContent.includes('coming')";
    browser.holds("the diner hears of it", coming).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_for_staff_outlives_reload_and_restart_until_somebody_comes() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let mut kiosk = kiosk(folder.path()).await?;
    let browser = Browser::open(folder.path()).await?;
    let told = calling(&browser, &mut kiosk).await;
    browser.close_after(told).await?;
    Ok(())
}

async fn two_terminals(browser: &Browser, kiosk: &Kiosk) -> anyhow::Result<()> {
    let (api, _) = manager(kiosk).await?;
    let path = "/api/v1/items/sweet-potato-fries/availability";
    api.put(path, &json!({ "left": 1 })).await?.expect(200)?;
    let window = browser.client.window().await?;
    at_the_menu(browser, kiosk, "?terminal=window").await?;
    browser.touch(&format!("{PLAIN} .add")).await?;
    let bar = browser.client.new_window(true).await?.handle;
    browser.client.switch_to_window(bar.clone()).await?;
    at_the_menu(browser, kiosk, "?terminal=bar").await?;
    let empty = "return document.getElementById('count').hidden";
    anyhow::ensure!(browser.script(empty).await? == true, "a cart is shared");
    browser.touch(&format!("{PLAIN} .add")).await?;
    browser.touch("#i-edamame .add").await?;
    browser.client.switch_to_window(window).await?;
    browser.touch("#review").await?;
    browser.touch("#place").await?;
    browser.stage("done").await?;
    browser
        .holds(
            "the code of the receipt",
            "return document.querySelector('#qr img').naturalWidth > 20",
        )
        .await?;
    browser.client.switch_to_window(bar).await?;
    browser.touch("#review").await?;
    let told = "return document.querySelector('#lines .trouble').textContent.length > 3";
    browser.holds("the other is told", told).await?;
    browser.touch("#lines .line.troubled .remove").await?;
    browser.touch("#place").await?;
    browser.stage("done").await?;
    let orders = api.get("/api/v1/orders").await?.expect(200)?;
    let terminals: Vec<_> = orders["orders"]
        .as_array()
        .context("orders")?
        .iter()
        .map(|order| order["terminal"].clone())
        .collect();
    anyhow::ensure!(terminals == ["bar", "window"], "{terminals:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_terminals_want_the_last_portion_and_the_second_keeps_the_rest_of_its_cart() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let kiosk = kiosk(folder.path()).await?;
    let browser = Browser::open(folder.path()).await?;
    let told = two_terminals(&browser, &kiosk).await;
    browser.close_after(told).await?;
    Ok(())
}

async fn losing_the_kiosk(browser: &Browser, kiosk: &mut Kiosk) -> anyhow::Result<()> {
    at_the_menu(browser, kiosk, "?terminal=bar").await?;
    browser.touch(&format!("{PLAIN} .add")).await?;
    kiosk.kill9()?;
    let lost = |is: bool| format!("return document.getElementById('lost').hidden === {}", !is);
    browser
        .holds("it says that it is lost", &lost(true))
        .await?;
    // Whoever orders now waits; time to think is not counted against them.
    browser.touch("#review").await?;
    browser.touch("#place").await?;
    let trying = "return document.getElementById('sending-text').textContent.length > 10";
    browser.holds("it tries again", trying).await?;
    later(browser, 400).await?;
    kiosk.start().await?;
    browser.stage("done").await?;
    browser.holds("it has recovered", &lost(false)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_that_lost_its_kiosk_says_so_and_finishes_its_order_by_itself() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let mut kiosk = kiosk(folder.path()).await?;
    let browser = Browser::open(folder.path()).await?;
    let told = losing_the_kiosk(&browser, &mut kiosk).await;
    browser.close_after(told).await?;
    Ok(())
}

async fn leaving_much_behind(browser: &Browser, kiosk: &Kiosk) -> anyhow::Result<()> {
    at_the_menu(browser, kiosk, "?lang=zh-Hans&terminal=bar").await?;
    browser.touch("[data-mode=large]").await?;
    browser.touch(".diet-open").await?;
    browser.touch("[data-diet='without peanut']").await?;
    browser.touch("#diet .go").await?;
    browser.touch("#i-edamame .open").await?;
    browser.ready("#put").await?;
    let note = format!("document.querySelector('[name=note]').value = '{SECRET}'");
    browser.script(&note).await?;
    browser.touch("#put").await?;
    browser.touch("#call-staff").await?;
    browser.touch("#review").await?;
    let written =
        format!("return document.getElementById('order').textContent.includes('{SECRET}')");
    browser.holds("the note is in the order", &written).await
}

/// What is left of a diner on the page and in all that it stores.
async fn traces(browser: &Browser) -> anyhow::Result<Value> {
    browser
        .script(
            "const stored = JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]); \
             const page = document.documentElement.outerHTML; \
             const cart = JSON.parse(sessionStorage.cart ?? '{\"lines\":[]}'); \
             return { \
               secret: stored.includes('zebra') || page.includes('zebra'), \
               lines: cart.lines.length, help: sessionStorage.help ?? 'null', \
               diet: (sessionStorage.diet ?? '').includes('peanut'), \
               modes: document.documentElement.classList.length, lang: document.documentElement.lang, \
               terminal: sessionStorage.terminal }",
        )
        .await
}

async fn walking_away(browser: &Browser, kiosk: &Kiosk) -> anyhow::Result<()> {
    leaving_much_behind(browser, kiosk).await?;
    // Larger text: twice the minute, then twice the half.
    later(browser, 125).await?;
    let warned = "const dialog = document.getElementById('idle'); \
                  return dialog.open && Number(dialog.querySelector('.countdown').textContent) > 30";
    browser.holds("a warning of a minute", warned).await?;
    browser.touch("#idle-stay").await?;
    anyhow::ensure!(
        traces(browser).await?["secret"] == true,
        "it was cleared too early"
    );
    // The page may take note of the last touch only after the clock was set on: set it on again.
    let mut gone = 0;
    until("the page is left to the next diner", SOON, async || {
        gone += 1000;
        later(browser, gone).await?;
        let stage = browser
            .script("return document.documentElement.dataset.stage")
            .await?;
        Ok(match stage == "attract" {
            true => Look::Done(()),
            false => Look::NotYet(stage.to_string()),
        })
    })
    .await?;
    let clean = json!({
        "secret": false, "lines": 0, "help": "null", "diet": false, "modes": 0, "lang": "en",
        "terminal": "\"bar\"",
    });
    until("nothing of the diner is left", SOON, async || {
        let seen = traces(browser).await?;
        Ok(match seen == clean {
            true => Look::Done(()),
            false => Look::NotYet(seen.to_string()),
        })
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_diner_who_walked_away_is_left_for_the_next() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let kiosk = kiosk(folder.path()).await?;
    let browser = Browser::open(folder.path()).await?;
    let told = walking_away(&browser, &kiosk).await;
    browser.close_after(told).await?;
    Ok(())
}

/// A voice as a machine with one has it; what it says is kept.
const VOICE: &str = "window.heard = []; \
    window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } }; \
    speechSynthesis.getVoices = () => ['en-US', 'zh-CN'].map((lang) => ({ lang, name: lang, localService: true })); \
    speechSynthesis.speak = (words) => heard.push(`${words.lang}: ${words.text}`); \
    speechSynthesis.dispatchEvent(new Event('voiceschanged'));";

async fn listening(browser: &Browser, kiosk: &Kiosk) -> anyhow::Result<()> {
    for (lang, voice, dish) in [("en", "en-US", "Edamame"), ("zh-Hans", "zh-CN", "毛豆")] {
        at_the_menu(browser, kiosk, &format!("?lang={lang}")).await?;
        let offered = "return document.querySelector('[data-mode=spoken]').checkVisibility()";
        anyhow::ensure!(
            browser.script(offered).await? == false,
            "no voice, no offer"
        );
        browser.script(VOICE).await?;
        browser.touch("[data-mode=spoken]").await?;
        browser
            .script("document.querySelector('#i-edamame .open').focus()")
            .await?;
        let said = |what: &str| {
            format!(
                "return heard.some((one) => one.startsWith('{voice}') && one.includes('{what}'))"
            )
        };
        browser.holds("the dish is read", &said(dish)).await?;
        browser.holds("its price is read", &said("$4")).await?;
        browser.touch("#i-edamame .add").await?;
        browser.holds("the total is read", &said("4.80")).await?;
        browser.touch("#start-over").await?;
        browser.touch("#ask-yes").await?;
        browser.stage("attract").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_a_voice_it_reads_focus_prices_and_total_in_the_pages_language() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let kiosk = kiosk(folder.path()).await?;
    let browser = Browser::open(folder.path()).await?;
    let told = listening(&browser, &kiosk).await;
    browser.close_after(told).await?;
    Ok(())
}
