//! A browser with a finger and a keyboard, in front of any page of a kiosk.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, PointerAction, TouchActions,
};
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;

use serde_json::{Value, json};

use crate::process::{Child, Lab};
use crate::wait::{Look, until};

/// How long a page may take to become what it is waited for.
pub const SOON: Duration = Duration::from_secs(20);
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
pub struct Browser {
    /// The driver's client, for what is not said here.
    pub client: Client,
    _driver: Child,
}

impl Browser {
    /// A new browser with a profile of its own below `folder`.
    ///
    /// # Errors
    /// If Chromium or its driver is missing or does not start.
    pub async fn open(lab: &Lab, folder: &Path) -> anyhow::Result<Self> {
        Self::open_with(lab, folder, &[]).await
    }

    /// The same with more flags.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub async fn open_with(lab: &Lab, folder: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let log = folder.join("chromedriver.log");
        let driver = lab.start_foreign("chromedriver", ["--port=0"], &log)?;
        let port = driver
            .line("ChromeDriver was started successfully on port ")
            .await;
        let port = port.context("install chromium and chromium-driver")?;
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let flags: Vec<&str> = FLAGS
            .into_iter()
            .chain([profile.as_str()])
            .chain(more.iter().copied())
            .collect();
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

    /// What a script returns.
    ///
    /// # Errors
    /// If it throws, or the browser is gone.
    pub async fn script(&self, script: &str) -> anyhow::Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Waits until a script gives true.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn holds(&self, what: &str, script: &str) -> anyhow::Result<()> {
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

    /// Waits until the diner's page is at this stage.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn stage(&self, name: &str) -> anyhow::Result<()> {
        let script = format!("return document.documentElement.dataset.stage === '{name}'");
        self.holds(&format!("the stage {name}"), &script).await
    }

    /// Waits until something can be used.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn ready(&self, selector: &str) -> anyhow::Result<()> {
        let script = format!(
            "const it = document.querySelector(`{selector}`); \
             return Boolean(it && it.checkVisibility() && !it.disabled)"
        );
        self.holds(&format!("{selector} can be used"), &script)
            .await
    }

    /// Waits until it rests where a finger would hit it, and nothing lies above it.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn in_sight(&self, selector: &str) -> anyhow::Result<()> {
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

    /// Puts a finger on something that can be used and lies in sight.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn touch(&self, selector: &str) -> anyhow::Result<()> {
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

    /// Presses a key.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn press(&self, key: Key) -> anyhow::Result<()> {
        self.press_char(char::from(key)).await
    }

    /// Presses the key of a character.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn press_char(&self, value: char) -> anyhow::Result<()> {
        let press = KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        Ok(self.client.perform_actions(press).await?)
    }

    /// Goes to something without a finger.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn reach(&self, selector: &str, by: Key) -> anyhow::Result<()> {
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
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn enter(&self, selector: &str, by: Key) -> anyhow::Result<()> {
        self.reach(selector, by).await?;
        self.press(Key::Enter).await
    }

    /// Gives the page a size: the window is made as much larger as its frame takes.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn size(&self, width: u32, height: u32) -> anyhow::Result<()> {
        let frame = "return [outerWidth - innerWidth, outerHeight - innerHeight]";
        let frame: [u32; 2] = serde_json::from_value(self.script(frame).await?)?;
        self.client
            .set_window_size(width + frame[0], height + frame[1])
            .await?;
        let there = format!("return innerWidth === {width} && innerHeight === {height}");
        self.holds(&format!("a page of {width} by {height}"), &there)
            .await
    }

    /// Clicks without waiting for a finger's way: for pages that are looked at, not used.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        self.ready(selector).await?;
        self.script(&format!("document.querySelector(`{selector}`).click()"))
            .await?;
        Ok(())
    }

    /// Closes it, whatever came of the story: one that is not closed outlives its driver.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn close_after<T>(self, told: anyhow::Result<T>) -> anyhow::Result<T> {
        self.client.clone().close().await?;
        told
    }
}
