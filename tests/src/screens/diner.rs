//! A diner's way from the first screen to the number, and everything that can come up on it.

use anyhow::Context;

use super::visit::Visit;
use crate::browser::SOON;
use crate::wait::{Look, until};

/// Every screen of the diner.
pub(super) const SCREENS: [&str; 22] = [
    "attract",
    "service",
    "menu",
    "dish",
    "dish-asks",
    "combo",
    "diet",
    "search",
    "toast",
    "menu-order",
    "start-over",
    "order",
    "order-offer",
    "coupon-refused",
    "idle",
    "lost",
    "sold-out",
    "sending",
    "done",
    "menu-offline",
    "closed",
    "about",
];

pub(super) async fn walk(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    let base = visit.store.busy.clone();
    enter(visit, &base, "menu").await?;
    dishes(visit).await?;
    choose(visit).await?;
    order(visit).await?;
    interruptions(visit).await?;
    finish(visit).await?;
    offline(visit).await?;
    let language = visit.shape.language;
    visit.go(&format!("{base}/about?lang={language}")).await?;
    visit.look("about").await
}

/// The first screens of a fresh visit, up to the menu.
async fn enter(visit: &mut Visit<'_>, base: &str, menu: &'static str) -> anyhow::Result<()> {
    let url = format!("{base}/?lang={}&terminal=window", visit.shape.language);
    visit.go(&url).await?;
    let modes = serde_json::to_string(visit.shape.modes)?;
    let fresh = format!("sessionStorage.clear(); sessionStorage.setItem('modes', '{modes}')");
    visit.browser.script(&fresh).await?;
    visit.go(&url).await?;
    visit.browser.stage("attract").await?;
    if menu == "menu" {
        visit.look("attract").await?;
    }
    visit.click("#start").await?;
    visit.browser.stage("service").await?;
    if menu == "menu" {
        visit.look("service").await?;
    }
    visit.click("[data-service=eat_in]").await?;
    visit.browser.stage("menu").await?;
    visit.look(menu).await
}

async fn dishes(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    let close = "#item .close";
    visit.peek("dish", "#i-tonkotsu-ramen .open", close).await?;
    visit.click("#i-two-scoops .open").await?;
    visit.click("#put").await?;
    let asked = "return document.querySelector('#item .trouble:not(:empty)') !== null";
    visit
        .browser
        .holds("it asks what is missing", asked)
        .await?;
    visit.look("dish-asks").await?;
    visit.click(close).await?;
    visit.peek("combo", "#i-noodle-set .open", close).await
}

async fn choose(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    visit.click(".diet-open").await?;
    visit.click("[data-diet='without shellfish']").await?;
    visit.look("diet").await?;
    visit.click("#diet .go").await?;
    visit.click("#find").await?;
    for letter in ["n", "o"] {
        visit.click(&format!("[data-letter='{letter}']")).await?;
    }
    visit.peek_open("search", "#search .close").await?;
    visit.click("#i-edamame .add").await?;
    visit.click("#i-sweet-potato-fries .add").await?;
    visit.click("#i-tonkotsu-ramen .open").await?;
    visit.click("#put").await?;
    let priced = "return document.querySelectorAll('#mini > li').length === 3";
    visit
        .browser
        .holds("three things are in the order", priced)
        .await?;
    visit.click("#call-staff").await?;
    visit.browser.ready("#help").await?;
    visit.look("toast").await?;
    visit.look("menu-order").await?;
    visit.peek("start-over", "#start-over", "#ask-no").await
}

async fn order(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    visit.click("#review").await?;
    let priced = "return !document.getElementById('tax').textContent.includes('…')";
    visit
        .browser
        .holds("the kiosk has priced it", priced)
        .await?;
    visit.click("[data-digit='7']").await?;
    visit.click("[data-tip='0.15']").await?;
    visit
        .browser
        .holds("the kiosk has priced it", priced)
        .await?;
    visit.look("order-offer").await?;
    let lower =
        "document.querySelector('#order .sheet-body').scrollTo({ top: 9999, behavior: 'instant' })";
    visit.browser.script(lower).await?;
    visit.look("order").await?;
    let code = "document.getElementById('code').value = 'NO-SUCH'; document.querySelector('#coupon button').click()";
    visit.browser.script(code).await?;
    let said = "return document.getElementById('coupon-said').textContent.length > 3";
    visit.browser.holds("the coupon is refused", said).await?;
    visit
        .browser
        .holds("the kiosk has priced it", priced)
        .await?;
    // Written in, so that what is typed can be read as well.
    let typed = "document.getElementById('code').value = 'NO-SUCH'; \
        document.getElementById('tip-other').value = '2.50'";
    visit.browser.script(typed).await?;
    visit.look("coupon-refused").await?;
    visit.click("#order .close").await
}

async fn interruptions(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    walk_away(visit).await?;
    visit.look("idle").await?;
    visit.click("#idle-stay").await?;
    // What these say is tried where the kiosk really goes away; here is how they look.
    let show = |is: bool| format!("document.getElementById('lost').hidden = {}", !is);
    visit.browser.script(&show(true)).await?;
    visit.look("lost").await?;
    visit.browser.script(&show(false)).await?;
    let send = "document.getElementById('sending-text').textContent = JSON.parse(document.getElementById('facts').textContent).words.again; \
        document.getElementById('sending-stop').hidden = false; document.getElementById('sending').showModal()";
    visit.browser.script(send).await?;
    visit.look("sending").await?;
    visit
        .browser
        .script("document.getElementById('sending').close()")
        .await?;
    Ok(())
}

/// Sets the page's clock on until it asks whether somebody is there.
async fn walk_away(visit: &Visit<'_>) -> anyhow::Result<()> {
    // A diner with a mode on is given twice the time.
    let step = if visit.shape.modes.is_empty() {
        70
    } else {
        140
    };
    let mut later = 0;
    until("the page asks who is there", SOON, async || {
        // The page may take note of the last touch only after its clock was set on.
        later += step;
        let set_on = format!(
            "window.realNow ??= performance.now.bind(performance); \
             performance.now = () => realNow() + {later}000; \
             return new Promise((seen) => setTimeout(() => seen(document.getElementById('idle').open), 600))"
        );
        let asked = visit.browser.script(&set_on).await?;
        Ok(match asked == true {
            true => Look::Done(()),
            false => Look::NotYet(format!("nothing after {later} s")),
        })
    })
    .await?;
    Ok(())
}

async fn finish(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    visit.store.leave("edamame", Some(0)).await?;
    visit.click("#review").await?;
    let told = "return document.querySelector('#lines .trouble:not(:empty)') !== null";
    visit
        .browser
        .holds("it tells what is sold out", told)
        .await?;
    visit.look("sold-out").await?;
    visit.click("#lines .line.troubled .remove").await?;
    visit.store.leave("edamame", None).await?;
    visit.click("#place").await?;
    visit.browser.stage("done").await?;
    let code = "return document.querySelector('#qr img').naturalWidth > 20";
    visit.browser.holds("the receipt's code", code).await?;
    visit.look("done").await?;
    let placed = "return JSON.parse(sessionStorage.getItem('placed')).id";
    let placed = visit.browser.script(placed).await?;
    let id = placed.as_str().context("no order is kept")?;
    visit.store.hand_over(id).await
}

async fn offline(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    let base = visit.store.cut_off.clone();
    enter(visit, &base, "menu-offline").await?;
    visit.click("#i-edamame .add").await?;
    visit.click("#review").await?;
    visit.click("#place").await?;
    visit.browser.ready("#ask-yes").await?;
    visit.look("closed").await
}
