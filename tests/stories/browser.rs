//! A real browser in front of a kiosk whose cloud is silent: by touch and by keyboard, in both
//! languages, a number is shown; when the plug is back, headquarters has every order.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, PointerAction, TouchActions,
};
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use lab::checker::{Shown, settle};
use lab::diner::{Accepted, accepted};
use lab::process::Child;
use lab::proxy::Mode;
use lab::store::Store;
use lab::wait::{Look, until};
use serde_json::{Value, json};

use crate::{Told, lab, link_becomes, serially};

const SOON: Duration = Duration::from_secs(20);
/// More presses of Tab than a menu has stops.
const STOPS: usize = 400;

/// As root, without a screen, and without a word to the outside.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--touch-events=enabled",
    "--window-size=1080,1920",
];

/// A browser with a finger and a keyboard.
struct Browser {
    client: Client,
    _driver: Child,
}

impl Browser {
    async fn open(folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("chromedriver.log");
        let driver = lab().start_foreign("chromedriver", ["--port=0"], &log)?;
        let port = driver
            .line("ChromeDriver was started successfully on port ")
            .await;
        let port = port.context("install chromium and chromium-driver")?;
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let flags: Vec<&str> = FLAGS.into_iter().chain([profile.as_str()]).collect();
        let wanted = json!({ "goog:chromeOptions": { "args": flags } });
        let Value::Object(wanted) = wanted else {
            unreachable!()
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{}", port.trim_end_matches('.')))
            .await?;
        Ok(Self {
            client,
            _driver: driver,
        })
    }

    async fn script(&self, script: &str) -> anyhow::Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Waits until a script gives true.
    async fn holds(&self, what: &str, script: &str) -> anyhow::Result<()> {
        until(what, SOON, async || {
            let seen = self.script(script).await?;
            Ok(if seen == true {
                Look::Done(())
            } else {
                Look::NotYet(seen.to_string())
            })
        })
        .await?;
        Ok(())
    }

    async fn stage(&self, name: &str) -> anyhow::Result<()> {
        let script = format!("return document.documentElement.dataset.stage === '{name}'");
        self.holds(&format!("the stage {name}"), &script).await
    }

    /// Waits until something can be used.
    async fn ready(&self, selector: &str) -> anyhow::Result<()> {
        let script = format!(
            "const it = document.querySelector(`{selector}`); \
             return Boolean(it && it.checkVisibility() && !it.disabled)"
        );
        self.holds(&format!("{selector} can be used"), &script)
            .await
    }

    /// Waits until it rests where a finger would hit it, and nothing lies above it.
    async fn in_sight(&self, selector: &str) -> anyhow::Result<()> {
        let script = format!(
            "const it = document.querySelector(`{selector}`); \
             it.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const box = it.getBoundingClientRect(); \
             const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2); \
             return [it.contains(top), box.x, box.y, top.outerHTML.slice(0, 80)]"
        );
        let mut before = Value::Null;
        until(&format!("{selector} can be touched"), SOON, async || {
            let seen = self.script(&script).await?;
            let rests = seen == before;
            before.clone_from(&seen);
            Ok(match rests && seen[0] == true {
                true => Look::Done(()),
                false => Look::NotYet(seen.to_string()),
            })
        })
        .await?;
        Ok(())
    }

    async fn touch(&self, selector: &str) -> anyhow::Result<()> {
        self.ready(selector).await?;
        self.in_sight(selector).await?;
        let element = self.client.find(Locator::Css(selector)).await?;
        let there = PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        };
        let tap = TouchActions::new("finger".to_owned())
            .then(there)
            .then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            })
            .then(PointerAction::Up {
                button: MOUSE_BUTTON_LEFT,
            });
        Ok(self.client.perform_actions(tap).await?)
    }

    async fn press(&self, key: Key) -> anyhow::Result<()> {
        self.press_char(char::from(key)).await
    }

    async fn press_char(&self, value: char) -> anyhow::Result<()> {
        let press = KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        Ok(self.client.perform_actions(press).await?)
    }

    /// Goes to something without a finger.
    async fn reach(&self, selector: &str, by: Key) -> anyhow::Result<()> {
        self.ready(selector).await?;
        let there = format!("return document.activeElement.matches(`{selector}`)");
        for _ in 0..STOPS {
            if self.script(&there).await? == true {
                return Ok(());
            }
            self.press(by).await?;
        }
        anyhow::bail!("{selector} can't be reached with {by:?}")
    }

    /// Goes to something without a finger, and presses Enter there.
    async fn enter(&self, selector: &str, by: Key) -> anyhow::Result<()> {
        self.reach(selector, by).await?;
        self.press(Key::Enter).await
    }

    /// The questions of an open dish that need an answer and have none.
    async fn questions(&self) -> anyhow::Result<Vec<String>> {
        self.ready("#put").await?;
        let open = self
            .script(
                "return [...document.querySelectorAll('#item fieldset')] \
                 .filter((set) => !set.hidden && set.dataset.min !== '0' && !set.querySelector(':checked')) \
                 .map((set) => `#item fieldset[data-group='${set.dataset.group}'] `)",
            )
            .await?;
        Ok(serde_json::from_value(open)?)
    }
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
    for question in browser.questions().await? {
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
    for question in browser.questions().await? {
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
