//! Three screens of diners in one browser, each with its own cart.

use anyhow::{Context, ensure};
use fantoccini::wd::WindowHandle;
use lab::diner::{Accepted, accepted};
use lab::wait::{Look, until};
use serde_json::Value;

use crate::screen::{Browser, SOON};

pub(super) const TERMINALS: [&str; 3] = ["window", "bar", "door"];

/// What a diner wants, told as what is touched.
struct Wish {
    touches: &'static [&'static str],
    coupon: Option<&'static str>,
    tip: bool,
}

const WISHES: [Wish; 6] = [
    Wish {
        touches: &[
            "#i-edamame .add",
            "#i-edamame .add",
            "#i-sweet-potato-fries .add",
        ],
        coupon: None,
        tip: false,
    },
    Wish {
        touches: &[
            "#i-tonkotsu-ramen .open",
            "#item [data-group=spice] [value=hot]",
            "#item [data-option=chashu] .more",
            "#put",
            "#i-garlic-broccoli .add",
        ],
        coupon: None,
        tip: true,
    },
    Wish {
        touches: &[
            "#i-noodle-set .open",
            "#item [data-part=noodles] [value=red-braised-beef-noodles]",
            "#item [data-part=drink] [value=chrysanthemum-tea]",
            "#put",
        ],
        coupon: None,
        tip: false,
    },
    Wish {
        touches: &[
            "#i-red-braised-beef-noodles .add",
            "#i-red-braised-beef-noodles .add",
        ],
        coupon: Some("LANTERN5"),
        tip: false,
    },
    Wish {
        touches: &["#i-coconut-water .add", "#i-three-color-mochi .add"],
        coupon: None,
        tip: true,
    },
    Wish {
        touches: &["#i-tea-eggs .add", "#i-tea-eggs .add", "#i-tea-eggs .add"],
        coupon: Some("NO-SUCH"),
        tip: false,
    },
];

/// The screens.
pub(super) struct Diners<'a> {
    pub(super) browser: &'a Browser,
    pub(super) base: String,
    pub(super) windows: Vec<WindowHandle>,
    /// The orders whose numbers were shown, and what each diner was to pay, the tip included.
    pub(super) shown: Vec<(Accepted, i64)>,
    visits: usize,
}

impl<'a> Diners<'a> {
    pub(super) async fn open(browser: &'a Browser, base: &str) -> anyhow::Result<Self> {
        let mut windows = vec![browser.client.window().await?];
        while windows.len() < TERMINALS.len() {
            windows.push(browser.client.new_window(false).await?.handle);
        }
        Ok(Self {
            browser,
            base: base.to_owned(),
            windows,
            shown: Vec::new(),
            visits: 0,
        })
    }

    pub(super) async fn at(&self, screen: usize) -> anyhow::Result<()> {
        let window = self.windows[screen].clone();
        Ok(self.browser.client.switch_to_window(window).await?)
    }

    /// One order at each screen; all three carts are there before the first is sent.
    pub(super) async fn round(&mut self) -> anyhow::Result<Vec<Accepted>> {
        for (screen, terminal) in TERMINALS.into_iter().enumerate() {
            self.at(screen).await?;
            self.fill(screen).await.context(terminal)?;
        }
        let before = self.shown.len();
        for (screen, terminal) in TERMINALS.into_iter().enumerate() {
            self.at(screen).await?;
            self.browser.click("#place").await?;
            self.is_served(screen).await.context(terminal)?;
        }
        Ok(self.shown[before..]
            .iter()
            .map(|(order, _)| order.clone())
            .collect())
    }

    /// A fresh visit up to the menu.
    pub(super) async fn arrive(&mut self, screen: usize) -> anyhow::Result<()> {
        let visit = self.visits;
        self.visits += 1;
        let language = ["en", "zh-Hans"][(screen + visit / 4) % 2];
        let url = format!(
            "{}/?lang={language}&terminal={}",
            self.base, TERMINALS[screen]
        );
        self.browser.client.goto(&url).await?;
        self.browser.stage("attract").await?;
        self.browser.click("#start").await?;
        let service = ["[data-service=eat_in]", "[data-service=take_away]"][visit / 5 % 2];
        self.browser.click(service).await?;
        self.browser.stage("menu").await
    }

    async fn fill(&mut self, screen: usize) -> anyhow::Result<()> {
        let wish = &WISHES[self.visits % WISHES.len()];
        self.arrive(screen).await?;
        for touch in wish.touches {
            self.browser.click(touch).await.context(*touch)?;
        }
        self.browser.click("#review").await?;
        self.is_priced().await?;
        if let Some(code) = wish.coupon {
            let typed = format!("document.getElementById('code').value = '{code}'");
            self.browser.script(&typed).await?;
            self.browser.click("#coupon button").await?;
            let said = "return document.getElementById('coupon-said').textContent.length > 3";
            self.browser.holds("the coupon is answered", said).await?;
            let off = "return document.querySelector('#sums .off') !== null";
            let taken = self.browser.script(off).await?;
            ensure!(
                (taken == true) == (code == "LANTERN5") || wish.touches.len() == 3,
                "a wrong answer to {code}"
            );
        }
        if wish.tip {
            self.browser.click("[data-tip='0.15']").await?;
        }
        self.is_priced().await
    }

    async fn is_priced(&self) -> anyhow::Result<()> {
        let priced = "return !document.getElementById('tax').textContent.includes('…')";
        self.browser.holds("the kiosk has priced it", priced).await
    }

    /// The number is shown, with what is to be paid; then the screen is left.
    pub(super) async fn is_served(&mut self, screen: usize) -> anyhow::Result<()> {
        self.browser.stage("done").await?;
        let seen = "return { placed: JSON.parse(sessionStorage.getItem('placed')), \
            number: document.getElementById('number').textContent, due: document.getElementById('due').textContent }";
        let seen = self.browser.script(seen).await?;
        let placed = &seen["placed"];
        ensure!(seen["number"] == placed["number"], "{seen}");
        ensure!(placed["terminal"] == TERMINALS[screen], "{seen}");
        let due: String = seen["due"]
            .as_str()
            .context("an amount")?
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        self.shown
            .push((accepted("front-left", placed)?, due.parse()?));
        self.browser.click("#finish").await?;
        self.browser.stage("attract").await
    }

    /// Two screens want the last portion: one has it, the other is told and keeps its cart.
    pub(super) async fn race(
        &mut self,
        plenty: &str,
        scarce: &str,
    ) -> anyhow::Result<Vec<Accepted>> {
        let before = self.shown.len();
        for screen in [0, 1] {
            self.at(screen).await?;
            self.arrive(screen).await?;
            for item in [plenty, scarce] {
                self.browser.click(&format!("#i-{item} .add")).await?;
            }
            self.browser.click("#review").await?;
            self.is_priced().await?;
        }
        let place = "document.getElementById('place').click()";
        for screen in [0, 1] {
            self.at(screen).await?;
            self.browser.script(place).await?;
        }
        let mut winners = Vec::new();
        for screen in [0, 1] {
            self.at(screen).await?;
            winners.extend(self.wins().await?.then_some(screen));
        }
        ensure!(winners.len() == 1, "{winners:?} have the last portion");
        let (winner, loser) = (winners[0], 1 - winners[0]);
        self.at(winner).await?;
        self.is_served(winner).await?;
        self.at(loser).await?;
        let kept = "return JSON.parse(sessionStorage.getItem('cart')).lines.length";
        ensure!(
            self.browser.script(kept).await? == 2,
            "the cart was not kept"
        );
        if self
            .browser
            .script("return document.getElementById('ask').open")
            .await?
            == true
        {
            self.browser.click("#ask-yes").await?;
        } else {
            self.browser.click("#lines .line.troubled .remove").await?;
        }
        self.is_priced().await?;
        self.browser.click("#place").await?;
        self.is_served(loser).await?;
        Ok(self.shown[before..]
            .iter()
            .map(|(order, _)| order.clone())
            .collect())
    }

    /// Whether this screen got a number; otherwise it says which dish is gone.
    async fn wins(&self) -> anyhow::Result<bool> {
        let look = "if (document.documentElement.dataset.stage === 'done') return true; \
            const ask = document.getElementById('ask'); \
            const told = [ask.open ? ask.textContent : '', ...[...document.querySelectorAll('#lines .trouble')].map((one) => one.textContent)].join(''); \
            return document.getElementById('sending').open || !told.trim() ? null : false";
        let (wins, _) = until("a number or a word about what is gone", SOON, async || {
            Ok(match self.browser.script(look).await? {
                Value::Bool(wins) => Look::Done(wins),
                other => Look::NotYet(other.to_string()),
            })
        })
        .await?;
        Ok(wins)
    }
}
