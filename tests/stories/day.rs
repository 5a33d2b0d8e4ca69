//! A restaurant's day on real screens: opened by its manager, sixty orders by three diners' screens in
//! two languages, cooked, called out, refused, voided and refunded, with the cloud gone for a while;
//! then closed. What the Z report says is what the orders sum up to, to the cent.

mod diners;
mod sums;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use fantoccini::wd::WindowHandle;
use lab::api::Api;
use lab::checker::{Shown, settle};
use lab::diner::Accepted;
use lab::proxy::Mode;
use lab::store::Store;
use serde_json::{Value, json};

use self::diners::{Diners, TERMINALS};
use self::sums::Sums;
use crate::screen::{Browser, SOON};
use crate::{Told, lab, link_becomes, serially};

const PIN: &str = "135790";
/// Of three orders each; that of the race for the last portion has two.
const ROUNDS: usize = 21;
/// In these the cloud is out of reach.
const OFFLINE: std::ops::Range<usize> = 8..12;
const RACE: usize = 14;

/// The staff's side of the day.
struct Staff<'a> {
    browser: &'a Browser,
    base: String,
    api: Api,
    kitchen: WindowHandle,
    board: WindowHandle,
    office: WindowHandle,
    /// What was given back of which order.
    refunds: BTreeMap<String, i64>,
}

impl<'a> Staff<'a> {
    async fn come(browser: &'a Browser, store: &Store) -> anyhow::Result<Self> {
        let kiosk = store.kiosks.first().context("a kiosk")?;
        let base = kiosk.base().context("it runs")?;
        let api = kiosk.api()?;
        let session = api.post("/api/v1/sessions", &json!({ "pin": PIN })).await?;
        let session = session.expect(201)?;
        let token = session["token"].as_str().context("a token")?;
        let mut windows = Vec::new();
        for page in ["/manager?lang=en", "/kitchen?lang=en", "/board"] {
            let window = browser.client.new_window(false).await?.handle;
            browser.client.switch_to_window(window.clone()).await?;
            browser.client.goto(&format!("{base}/about")).await?;
            let cookie = format!("document.cookie = 'stillopen_session={token}; path=/'");
            browser.script(&cookie).await?;
            browser.client.goto(&format!("{base}{page}")).await?;
            windows.push(window);
        }
        let [office, kitchen, board] = <[_; 3]>::try_from(windows).expect("three windows");
        Ok(Self {
            browser,
            base,
            api: api.with_token(token),
            kitchen,
            board,
            office,
            refunds: BTreeMap::new(),
        })
    }

    async fn at(&self, window: &WindowHandle) -> anyhow::Result<()> {
        Ok(self.browser.client.switch_to_window(window.clone()).await?)
    }

    /// Opens or closes the day with the button that is there for it.
    async fn turn_day(&self, what: &str) -> anyhow::Result<()> {
        self.at(&self.office).await?;
        let page = format!("{}/manager?lang=en", self.base);
        self.browser.client.goto(&page).await?;
        self.browser.click(&format!("[data-day={what}]")).await?;
        self.browser.click("#ask-yes").await
    }

    async fn cooks(&self, orders: &[Accepted]) -> anyhow::Result<()> {
        self.at(&self.kitchen).await?;
        for order in orders {
            let ticket = format!(".ticket[data-order='{}']", order.id);
            for bump in ["start", "ready"] {
                self.browser
                    .click(&format!("{ticket} [data-do={bump}]"))
                    .await?;
            }
        }
        for order in orders {
            self.browser
                .ready(&format!(
                    "#pass [data-do=collect][data-order='{}']",
                    order.id
                ))
                .await?;
        }
        self.calls_out(orders).await?;
        self.at(&self.kitchen).await?;
        for order in orders {
            self.browser
                .click(&format!(
                    "#pass [data-do=collect][data-order='{}']",
                    order.id
                ))
                .await?;
        }
        Ok(())
    }

    /// The board has them among the ready ones.
    async fn calls_out(&self, orders: &[Accepted]) -> anyhow::Result<()> {
        self.at(&self.board).await?;
        for order in orders {
            let there = format!(
                "return document.querySelector(`#ready [data-key='{}']`) !== null",
                order.number
            );
            let what = format!("the board calls {}", order.number);
            self.browser.holds(&what, &there).await?;
        }
        Ok(())
    }

    async fn opens_sheet(&self, order: &Accepted) -> anyhow::Result<()> {
        self.at(&self.office).await?;
        let page = format!("{}/manager/orders?lang=en", self.base);
        self.browser.client.goto(&page).await?;
        self.browser
            .click(&format!("[data-open='{}']", order.id))
            .await?;
        self.browser.ready("#order [data-act]").await
    }

    /// Takes money in on the order's sheet.
    async fn is_paid(&self, order: &Accepted, tender: &str) -> anyhow::Result<()> {
        self.opens_sheet(order).await?;
        self.browser.click("#order [data-act=pay]").await?;
        self.browser
            .click(&format!("#order [name=tender][value={tender}]"))
            .await?;
        if tender == "cash" {
            self.browser.click("#order [data-notes] button").await?;
        }
        self.browser.click("#order [data-for=pay] .go").await?;
        self.browser.ready("#order .order-paid.paid").await
    }

    /// The kitchen sees that it has not to be made, and says that it has seen it.
    async fn voids(&self, order: &Accepted) -> anyhow::Result<()> {
        self.opens_sheet(order).await?;
        self.browser.click("#order [data-act=void]").await?;
        self.browser
            .click("#order [data-for=void] [data-reason]")
            .await?;
        self.browser.click("#order [data-for=void] .risky").await?;
        self.at(&self.kitchen).await?;
        let ticket = format!(".ticket[data-order='{}']", order.id);
        self.browser
            .click(&format!("{ticket} [data-do=acknowledge]"))
            .await?;
        let gone = format!("return document.querySelector(`{ticket}`)?.hidden !== false");
        self.browser.holds("the voided ticket is gone", &gone).await
    }

    /// Gives one portion of the first line back, on the order's sheet.
    async fn gives_back_one(&mut self, order: &Accepted, amount: i64) -> anyhow::Result<()> {
        self.opens_sheet(order).await?;
        self.browser.click("#order [data-act=refund]").await?;
        self.browser.click("#order [name=how][value=lines]").await?;
        self.browser
            .click("#order .order-back [data-units='1']")
            .await?;
        self.browser
            .click("#order [data-for=refund] [data-reason]")
            .await?;
        self.browser
            .click("#order [data-for=refund] .risky")
            .await?;
        self.browser.ready("#order .order-refunds").await?;
        self.refunds.insert(order.id.clone(), amount);
        Ok(())
    }

    async fn gives_back_all(&mut self, order: &Accepted, amount: i64) -> anyhow::Result<()> {
        let why = json!({ "reason": "it came too late" });
        self.acts(order, "refund", &why).await?;
        self.refunds.insert(order.id.clone(), amount);
        Ok(())
    }

    async fn acts(&self, order: &Accepted, action: &str, body: &Value) -> anyhow::Result<()> {
        let path = format!("/api/v1/orders/{}/{action}", order.id);
        self.api.post(&path, body).await?.expect(200)?;
        Ok(())
    }

    /// What the day's report says, and that its page says it too.
    async fn reads_z(&self, sums: &Sums, date: &str) -> anyhow::Result<Value> {
        self.at(&self.office).await?;
        let report = format!("/manager/report?lang=en&date={date}");
        let there = "return location.pathname === '/manager/report'";
        self.browser.holds("the Z report follows", there).await?;
        self.browser
            .client
            .goto(&format!("{}{report}", self.base))
            .await?;
        let page = self
            .browser
            .script("return document.querySelector('.report').innerText")
            .await?;
        let page = page.as_str().context("a page")?;
        ensure!(page.contains("Z report"), "{page}");
        ensure!(page.contains(&sums.written()), "{}: {page}", sums.written());
        let path = format!("/api/v1/reports/day?business_date={date}");
        self.api.get(&path).await?.expect(200)
    }
}

/// The money of a round: cash and cards in turn, and of some none yet.
async fn pays(staff: &Staff<'_>, round: usize, orders: &[Accepted]) -> anyhow::Result<()> {
    for (at, order) in orders.iter().enumerate() {
        let tender = match (round + at) % 4 {
            0 => "cash",
            1 | 2 => "card",
            _ => continue,
        };
        if round == 1 {
            staff.is_paid(order, tender).await?;
        } else {
            staff
                .acts(order, "pay", &json!({ "tender": tender }))
                .await?;
        }
    }
    Ok(())
}

async fn works(
    store: &Store,
    diners: &mut Diners<'_>,
    staff: &mut Staff<'_>,
) -> anyhow::Result<()> {
    let kiosk = store.kiosks.first().context("a kiosk")?;
    for round in 0..ROUNDS {
        if round == OFFLINE.start {
            kiosk.http.set(Mode::BlackHole);
            kiosk.mqtt.set(Mode::BlackHole);
            link_becomes(kiosk, &["offline"], SOON).await?;
        }
        if round == OFFLINE.end {
            store.heal();
        }
        let orders = match round {
            RACE => {
                let left = json!({ "left": 1 });
                let path = "/api/v1/items/lotus-mooncake/availability";
                staff.api.put(path, &left).await?.expect(200)?;
                diners.race("steamed-rice", "lotus-mooncake").await?
            }
            _ => diners.round().await?,
        };
        pays(staff, round, &orders).await?;
        // The last order of some rounds is voided before anybody cooks it.
        let cooked = if round % 7 == 3 {
            let (last, cooked) = orders.split_last().context("orders")?;
            staff.voids(last).await?;
            cooked
        } else {
            &orders[..]
        };
        staff
            .cooks(cooked)
            .await
            .with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

/// Some money goes back: one portion of one order, and all of two others.
async fn gives_back(diners: &Diners<'_>, staff: &mut Staff<'_>) -> anyhow::Result<()> {
    let mut paid = Vec::new();
    for (order, due) in &diners.shown {
        let now = staff
            .api
            .get(&format!("/api/v1/orders/{}", order.id))
            .await?
            .expect(200)?;
        if now["payment"]["status"] == "paid" && now["status"] == "collected" {
            paid.push((order.clone(), *due, now["lines"][0].clone()));
        }
    }
    let edamame = paid
        .iter()
        .find(|(.., line)| line["item"] == "edamame" && line["quantity"] == 2);
    let (order, _, line) = edamame.context("somebody paid for edamame")?;
    let price = line["unit_price"].as_i64().context("a price")?;
    staff.gives_back_one(order, price).await?;
    let others = paid.iter().filter(|(other, ..)| other.id != order.id);
    for (order, due, _) in others.take(2) {
        staff.gives_back_all(order, *due).await?;
    }
    Ok(())
}

/// The day is over; a diner who still wants something is told so.
async fn is_too_late(diners: &mut Diners<'_>) -> anyhow::Result<()> {
    diners.at(2).await?;
    diners.arrive(2).await?;
    let browser = diners.browser;
    browser.click("#i-edamame .add").await?;
    browser.click("#review").await?;
    browser.click("#place").await?;
    browser.ready("#ask-yes").await?;
    let kept = "return JSON.parse(sessionStorage.getItem('cart')).lines.length";
    ensure!(browser.script(kept).await? == 1, "the cart was not kept");
    Ok(())
}

async fn day(hall: &Browser, back: &Browser, store: &Store) -> anyhow::Result<Shown> {
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let base = kiosk.base().context("it runs")?;
    let mut diners = Diners::open(hall, &base).await?;
    let mut staff = Staff::come(back, store).await?;
    staff.turn_day("open").await?;
    works(store, &mut diners, &mut staff).await?;
    gives_back(&diners, &mut staff).await?;
    staff.turn_day("close").await?;
    let mut orders = Vec::new();
    for (order, _) in &diners.shown {
        let path = format!("/api/v1/orders/{}", order.id);
        orders.push(staff.api.get(&path).await?.expect(200)?);
    }
    let sums = Sums::of(&orders, &staff.refunds);
    sums.is_rich()?;
    let date = &diners.shown.first().context("an order")?.0.date;
    let report = staff.reads_z(&sums, date).await?;
    ensure!(report["z"] == 1, "{report}");
    assert_eq!(Sums::told(&report)?, sums);
    let shown: i64 = diners.shown.iter().map(|(_, due)| due).sum();
    ensure!(shown == sums::asked_for(&orders), "diners saw {shown}");
    is_too_late(&mut diners).await?;
    let served = ROUNDS * TERMINALS.len() - 1;
    ensure!(
        diners.shown.len() == served,
        "{} orders",
        diners.shown.len()
    );
    let mut all = Shown::default();
    all.extend(diners.shown.into_iter().map(|(order, _)| order));
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restaurant_works_a_day_on_its_screens_and_the_z_report_is_right_to_the_cent() -> Told {
    let _alone = serially().await?;
    let mut store = Store::enrolled(
        &lab(),
        lab::store::Folder::temporary()?,
        "canal-street",
        &["front-left"],
    )
    .await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let set_pin = ["staff", "set-pin", "--role", "manager"];
    kiosk.command(&set_pin, PIN).await?;
    store.start_cloud().await?;
    store.start_kiosks().await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], SOON).await?;
    // Two browsers: one opens six connections to a kiosk at most, and each page holds one.
    let folder = |name: &str| {
        let folder = store.folder().join(name);
        std::fs::create_dir(&folder).map(|()| folder)
    };
    let hall = Browser::open(&folder("hall")?).await?;
    let back = Browser::open(&folder("back")?).await?;
    let told = day(&hall, &back, &store).await;
    let told = hall.close_after(told).await;
    let shown = back.close_after(told).await?;
    store.heal();
    let verdict = settle(&store, shown, Duration::from_secs(60)).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}
