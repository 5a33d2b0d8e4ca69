//! Power cuts under a card: the kiosk dies while its terminal is at a payment, and what is charged in the
//! end is what the order says, once.

use std::time::Duration;

use anyhow::Context;
use firmware_hal::simulator::card::{CardTerminal, Plan};
use firmware_hal_linux::SimulatedTerminal;
use lab::store::{Folder, Kiosk};
use lab::wait::{Look, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::screen::Browser;
use crate::{Told, lone_kiosk, serially};

/// Nothing waits for it to pass; it bounds what never comes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Desk {
    kiosk: Kiosk,
    terminal: SimulatedTerminal,
    _folder: Folder,
}

impl Desk {
    async fn open() -> anyhow::Result<Self> {
        let folder = Folder::temporary()?;
        let mut kiosk = lone_kiosk(folder.path()).await?;
        let terminal = SimulatedTerminal::start(Plan::Approve)?;
        let path = folder.path().join("kiosk.toml");
        let config = format!("[card]\nport = \"tcp:{}\"\n", terminal.address());
        std::fs::write(&path, config)?;
        kiosk.more = vec!["--config".to_owned(), path.display().to_string()];
        kiosk.start().await?;
        Ok(Self {
            kiosk,
            terminal,
            _folder: folder,
        })
    }

    async fn takes_cards(&self) -> anyhow::Result<()> {
        until("cards are taken", PATIENCE, async || {
            let status = self.kiosk.status().await?;
            Ok(
                match status["payment_methods"] == json!(["counter", "card"]) {
                    true => Look::Done(()),
                    false => Look::NotYet(status["devices"].to_string()),
                },
            )
        })
        .await?;
        Ok(())
    }

    /// Places an order that is paid by card.
    async fn order(&self) -> anyhow::Result<Value> {
        self.takes_cards().await?;
        let body = json!({
            "service": "take_away", "payment": {"method": "card"},
            "lines": [{"item": "coconut-water", "quantity": 2}],
        });
        let key = uuid::Uuid::now_v7().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let placed = self
            .kiosk
            .api()?
            .send(
                Method::POST,
                "/api/v1/orders",
                &headers,
                Some(body.to_string()),
            )
            .await?;
        placed.expect(201)
    }

    async fn payment(&self, order: &Value) -> anyhow::Result<Value> {
        let path = format!("/api/v1/orders/{}", order["id"].as_str().context("an id")?);
        let order = self.kiosk.api()?.get(&path).await?.expect(200)?;
        Ok(order["payment"].clone())
    }

    async fn becomes(&self, order: &Value, status: &str) -> anyhow::Result<()> {
        let what = format!("{} is {status}", order["number"]);
        until(&what, PATIENCE, async || {
            let payment = self.payment(order).await?;
            Ok(match payment["status"] == status {
                true => Look::Done(()),
                false => Look::NotYet(payment.to_string()),
            })
        })
        .await?;
        Ok(())
    }

    async fn waits_for_card(&self) -> anyhow::Result<()> {
        until("the terminal waits for a card", PATIENCE, async || {
            Ok(match self.terminal.with(|one| one.waits_for_card()) {
                true => Look::Done(()),
                false => Look::NotYet("not yet".to_owned()),
            })
        })
        .await?;
        Ok(())
    }

    fn charged(&self) -> usize {
        self.terminal.with(|terminal| terminal.charged().len())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kiosk_killed_under_a_card_knows_afterwards_whether_it_was_charged() -> Told {
    let mut desk = Desk::open().await?;
    // The first payment of a terminal has none before it to be told apart from.
    let first = desk.order().await?;
    desk.becomes(&first, "paid").await?;
    desk.terminal
        .with(|terminal| terminal.set_plan(Plan::NoCard));

    // What befalls the card while the kiosk is dead, and what the order says then.
    type Befalls = (&'static str, fn(&mut CardTerminal), &'static str, usize);
    let all: [Befalls; 3] = [
        ("it is presented", CardTerminal::present_card, "paid", 1),
        ("it is taken away", CardTerminal::press_cancel, "due", 0),
        // The terminal still waits when the kiosk is back: nobody stands there any more.
        ("nothing", |_| {}, "due", 0),
    ];
    for (what, befalls, status, charges) in all {
        let before = desk.charged();
        let order = desk.order().await?;
        desk.waits_for_card().await?;
        desk.kiosk.kill9()?;
        desk.terminal.with(befalls);
        desk.kiosk.start().await?;
        desk.becomes(&order, status).await.context(what)?;
        desk.takes_cards().await?;
        assert_eq!(desk.charged() - before, charges, "{what}");
        // A kiosk that dies again asks for nothing twice.
        desk.kiosk.kill9()?;
        desk.kiosk.start().await?;
        desk.takes_cards().await?;
        assert_eq!(desk.payment(&order).await?["status"], status, "{what}");
        assert_eq!(desk.charged() - before, charges, "{what}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kiosk_that_comes_back_without_its_terminal_takes_no_cards_and_keeps_the_order() -> Told {
    let mut desk = Desk::open().await?;
    let first = desk.order().await?;
    desk.becomes(&first, "paid").await?;
    desk.terminal
        .with(|terminal| terminal.set_plan(Plan::NoCard));
    let order = desk.order().await?;
    desk.waits_for_card().await?;
    desk.kiosk.kill9()?;
    desk.terminal.plug(false);
    desk.terminal.with(CardTerminal::present_card);
    desk.kiosk.start().await?;
    // Nobody can know yet, so nobody says anything, and others order as ever.
    let status = desk.kiosk.status().await?;
    assert_eq!(status["payment_methods"], json!(["counter"]));
    assert_eq!(desk.payment(&order).await?["status"], "pending");
    let mut diner = desk.kiosk.diner(lab::dice::Dice::printed("cards"))?;
    diner.order().await?;
    desk.terminal.plug(true);
    desk.becomes(&order, "paid").await?;
    assert_eq!(desk.charged(), 2);
    Ok(())
}

/// Orders something that asks nothing, and wants to pay by card.
async fn order_by_card(browser: &Browser, page: &str) -> anyhow::Result<()> {
    browser.client.goto(page).await?;
    browser.script("sessionStorage.clear()").await?;
    browser.client.goto(page).await?;
    browser.touch("#start").await?;
    browser.touch("[data-service=take_away]").await?;
    browser.stage("menu").await?;
    browser.touch(".card:not([data-asks], .out) .add").await?;
    browser.touch("#review").await?;
    browser.touch("#place-card").await?;
    browser.stage("done").await
}

/// Waits until the last screen says so.
async fn says(browser: &Browser, text: &str) -> anyhow::Result<()> {
    let script = format!(
        "const said = document.getElementById('pay-what').textContent; \
         return said.includes('{text}') || [said, sessionStorage.getItem('placed'), \
         document.getElementById('cancel-card').outerHTML]"
    );
    browser.holds(text, &script).await
}

async fn three_cards(desk: &Desk, browser: &Browser) -> anyhow::Result<()> {
    let base = desk.kiosk.base().context("it serves")?;
    let texts = [
        (
            "en",
            "follow the card terminal",
            "Paid by card",
            "not charged",
        ),
        ("zh-Hans", "请按刷卡机提示付款", "已刷卡付款", "未扣款"),
    ];
    for (language, follow, paid, failed) in texts {
        let page = format!("{base}/?lang={language}");
        let card = |plan| desk.terminal.with(|terminal| terminal.set_plan(plan));
        card(Plan::NoCard);
        desk.takes_cards().await?;
        order_by_card(browser, &page).await?;
        says(browser, follow).await?;
        browser.ready("#cancel-card").await?;
        desk.waits_for_card().await?;
        desk.terminal.with(CardTerminal::present_card);
        says(browser, paid).await?;
        let charged = desk.charged();

        desk.takes_cards().await?;
        order_by_card(browser, &page).await?;
        desk.waits_for_card().await?;
        browser.touch("#cancel-card").await?;
        says(browser, failed).await?;
        browser
            .holds(
                "there is nothing left to cancel",
                "return document.getElementById('cancel-card').hidden",
            )
            .await?;
        anyhow::ensure!(!desk.terminal.with(|terminal| terminal.waits_for_card()));

        card(Plan::Decline(0x05));
        desk.takes_cards().await?;
        order_by_card(browser, &page).await?;
        says(browser, failed).await?;
        anyhow::ensure!(desk.charged() == charged, "only the first was charged");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn diners_pay_by_card_cancel_and_are_declined_in_a_browser() -> Told {
    let _alone = serially().await?;
    let desk = Desk::open().await?;
    let folder = Folder::temporary()?;
    let browser = Browser::open(folder.path()).await?;
    let told = three_cards(&desk, &browser).await;
    Ok(browser.close_after(told).await?)
}
