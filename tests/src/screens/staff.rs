//! Every screen of kitchen, board and manager, of a busy store, of one that is cut off, and of a kiosk
//! that nobody has set up.

use super::visit::Visit;

/// Every screen of the staff.
pub(super) const SCREENS: [&str; 36] = [
    "today",
    "orders",
    "order-sheet",
    "order-pay",
    "order-void",
    "order-refund",
    "stock",
    "stock-count",
    "preview",
    "devices",
    "link",
    "link-switch",
    "staff",
    "staff-new",
    "settings",
    "records",
    "outbox",
    "report",
    "report-cash",
    "day-close",
    "kitchen",
    "kitchen-station",
    "kitchen-late",
    "kitchen-recall",
    "kitchen-lost",
    "board",
    "gate-manager",
    "gate-wrong",
    "gate-kitchen",
    "first-manager",
    "first-kitchen",
    "today-quiet",
    "outbox-offline",
    "link-offline",
    "kitchen-quiet",
    "board-quiet",
];

pub(super) async fn walk(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    let busy = visit.store.busy.clone();
    let token = visit.store.tokens[0].clone();
    visit.be(&busy, Some(&token)).await?;
    orders(visit, &busy).await?;
    pages(visit, &busy).await?;
    report(visit, &busy).await?;
    kitchen(visit, &busy).await?;
    gates(visit, &busy).await?;
    quiet(visit).await
}

impl Visit<'_> {
    async fn open(&self, base: &str, path: &str) -> anyhow::Result<()> {
        let lang = self.shape.language;
        self.go(&format!("{base}{path}?lang={lang}")).await
    }

    async fn page(&mut self, base: &str, path: &str, screen: &'static str) -> anyhow::Result<()> {
        self.open(base, path).await?;
        self.look(screen).await
    }
}

async fn orders(visit: &mut Visit<'_>, base: &str) -> anyhow::Result<()> {
    visit.page(base, "/manager", "today").await?;
    visit.page(base, "/manager/orders", "orders").await?;
    // One that can still be paid, voided; and one that was paid.
    let due = "tr:has(.chip.placed):has(.due) [data-open]";
    let close = "#order [data-close]";
    visit.peek("order-sheet", due, close).await?;
    for (screen, act) in [("order-pay", "pay"), ("order-void", "void")] {
        visit.click(due).await?;
        visit.click(&format!("#order [data-act={act}]")).await?;
        visit.peek_open(screen, close).await?;
    }
    visit.click("tr:has(.paid) [data-open]").await?;
    visit.click("#order [data-act=refund]").await?;
    visit.click("#order [value=lines]").await?;
    visit.peek_open("order-refund", close).await
}

async fn pages(visit: &mut Visit<'_>, base: &str) -> anyhow::Result<()> {
    visit.page(base, "/manager/stock", "stock").await?;
    visit
        .peek("stock-count", "[data-count]", "#count [data-close]")
        .await?;
    visit.page(base, "/manager/menu", "preview").await?;
    visit.page(base, "/manager/devices", "devices").await?;
    visit.page(base, "/manager/link", "link").await?;
    visit
        .peek("link-switch", "[data-turn=off]", "#switch [data-close]")
        .await?;
    visit.page(base, "/manager/staff", "staff").await?;
    visit
        .peek("staff-new", "[data-staff=add]", "#staff-new [data-close]")
        .await?;
    visit.page(base, "/manager/settings", "settings").await?;
    visit.page(base, "/manager/records", "records").await?;
    visit.page(base, "/manager/outbox", "outbox").await
}

async fn report(visit: &mut Visit<'_>, base: &str) -> anyhow::Result<()> {
    visit.page(base, "/manager/report", "report").await?;
    visit
        .peek("report-cash", "[data-cash=count]", "#cash [data-close]")
        .await?;
    visit
        .peek("day-close", "[data-day]", "#ask [data-close]")
        .await
}

async fn kitchen(visit: &mut Visit<'_>, base: &str) -> anyhow::Result<()> {
    visit.page(base, "/kitchen", "kitchen").await?;
    visit.click("#tab-noodle").await?;
    visit.look("kitchen-station").await?;
    visit.click("[data-tab='']").await?;
    visit
        .peek("kitchen-recall", "#recall", "#recalled .close")
        .await?;
    // As if these had been ordered a while ago.
    let aged = "document.querySelectorAll('#tickets > .ticket').forEach((ticket, at, all) => \
        ticket.dataset.placed = Date.now() - (all.length - at) * 70000)";
    visit.browser.script(aged).await?;
    let late = "return document.querySelector('.ticket.late') !== null && document.querySelector('.ticket.care') !== null";
    visit.browser.holds("some are late", late).await?;
    visit.look("kitchen-late").await?;
    let lost = "document.getElementById('lost').hidden = false";
    visit.browser.script(lost).await?;
    visit.look("kitchen-lost").await?;
    visit.page(base, "/board", "board").await
}

async fn gates(visit: &mut Visit<'_>, base: &str) -> anyhow::Result<()> {
    visit.be(base, None).await?;
    visit.page(base, "/manager", "gate-manager").await?;
    // What is written after a wrong PIN; a real one would make the next visits wait.
    let wrong = "document.getElementById('pin').value = '111111'; \
        document.getElementById('pin-trouble').textContent = JSON.parse(document.getElementById('words').textContent)['pin-wrong'] ?? 'That PIN is wrong.'";
    visit.browser.script(wrong).await?;
    visit.look("gate-wrong").await?;
    visit.page(base, "/kitchen", "gate-kitchen").await?;
    let unset = visit.store.unset.clone();
    visit.page(&unset, "/manager", "first-manager").await?;
    visit.page(&unset, "/kitchen", "first-kitchen").await
}

async fn quiet(visit: &mut Visit<'_>) -> anyhow::Result<()> {
    let base = visit.store.cut_off.clone();
    let token = visit.store.tokens[1].clone();
    visit.be(&base, Some(&token)).await?;
    visit.page(&base, "/manager", "today-quiet").await?;
    visit
        .page(&base, "/manager/outbox", "outbox-offline")
        .await?;
    visit.page(&base, "/manager/link", "link-offline").await?;
    visit.page(&base, "/kitchen", "kitchen-quiet").await?;
    visit.page(&base, "/board", "board-quiet").await
}
