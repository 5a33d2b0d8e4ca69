//! What the screens cost: bytes on the wire, the time to make a page, how soon it stands and answers a
//! finger in a real browser, and what a page keeps that is left open.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use reqwest::Client;
use reqwest::header::{ACCEPT_ENCODING, COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use super::table::{Row, Table};
use super::{Binary, Options};
use crate::browser::{Browser, SOON};
use crate::clock::Start;
use crate::process::Lab;
use crate::wait::{Look, until};

/// Pages with what they may weigh compressed, in KB of 1,000 bytes: HTML, CSS, JavaScript.
const PAGES: [(&str, f64, Option<f64>, f64); 4] = [
    ("/", 15.0, Some(12.0), 20.0),
    ("/kitchen", 30.0, None, 25.0),
    ("/board", 30.0, None, 25.0),
    ("/manager", 30.0, None, 25.0),
];
const RENDER_MILLIS: f64 = 20.0;
const LCP_MILLIS: f64 = 800.0;
const INP_MILLIS: f64 = 100.0;
const SHIFT: f64 = 0.01;
/// What a page may keep after any number of live updates, in MiB: a few of its own copies.
const KEPT_MEBIBYTES: f64 = 2.0;
const PIN: &str = "135790";
/// A dish that nothing else here needs.
const ITEM: &str = "steamed-rice";

/// Largest paint and shifts so far, and the slowest answer to a finger.
const VITALS: &str = "
  const seen = (type, more = {}) => new Promise((tell) => {
    new PerformanceObserver((list, observer) => { observer.disconnect(); tell(list.getEntries()); }).observe({ type, buffered: true, ...more });
    setTimeout(() => tell([]), 500);
  });
  return Promise.all([seen('largest-contentful-paint'), seen('layout-shift'), seen('event', { durationThreshold: 16 })]).then(([paints, shifts, events]) => ({
    lcp: Math.max(0, ...paints.map((one) => one.startTime)),
    cls: shifts.filter((one) => !one.hadRecentInput).reduce((sum, one) => sum + one.value, 0),
    inp: Math.max(0, ...events.filter((one) => one.interactionId).map((one) => one.duration)),
  }));
";
/// Rubbish is taken out first; what is left is kept.
const HEAP: &str =
    "for (let i = 0; i < 4; i++) gc(); return performance.memory.usedJSHeapSize / 1048576";
/// Counts what the page asks for, but its pulse, and the streams that it opens.
const COUNT: &str = "
  window.asked = 0; window.lines = 1;
  window.fetch = new Proxy(fetch, { apply(target, self, args) { asked += !String(args[0]).includes('/status'); return Reflect.apply(target, self, args); } });
  window.EventSource = new Proxy(EventSource, { construct(target, args) { lines++; return new target(...args); } });
";

pub(super) async fn measure(
    options: &Options,
    lab: &Lab,
    (binary, folder): (&Binary, &Path),
    table: &mut Table,
) -> anyhow::Result<()> {
    let kiosk = binary.start(&folder.join("screens")).await?;
    let base = format!("http://{}", kiosk.address);
    // The second to install one is refused, which is fine: they are the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Nothing is uncompressed by the client: what is counted is what was sent.
    let client = Client::builder().no_proxy().build()?;
    let first = client
        .post(format!("{base}/api/v1/staff/first"))
        .body(json!({ "pin": PIN }).to_string())
        .send()
        .await?
        .error_for_status()?;
    let cookie = first.headers().get(SET_COOKIE).context("a session")?;
    let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
    let asked = Asked {
        client,
        base,
        cookie: cookie.to_owned(),
    };
    for page in PAGES {
        asked.weigh(page, table).await?;
        asked.time(page.0, table).await?;
    }
    let flags = ["--js-flags=--expose-gc", "--enable-precise-memory-info"];
    let browser = Browser::open_with(lab, folder, &flags).await?;
    let told = look(&asked, &browser, options.updates, table).await;
    browser.close_after(told).await
}

struct Asked {
    client: Client,
    base: String,
    cookie: String,
}

impl Asked {
    async fn bytes(&self, path: &str, encoding: &str) -> anyhow::Result<Vec<u8>> {
        let request = self.client.get(format!("{}{path}", self.base));
        let request = request.header(COOKIE, &self.cookie);
        let answer = request.header(ACCEPT_ENCODING, encoding).send().await?;
        Ok(answer.error_for_status()?.bytes().await?.to_vec())
    }

    async fn weigh(
        &self,
        (path, html, css, js): (&str, f64, Option<f64>, f64),
        table: &mut Table,
    ) -> anyhow::Result<()> {
        let page = String::from_utf8(self.bytes(path, "identity").await?)?;
        let mut sums = [self.bytes(path, "gzip").await?.len(), 0, 0];
        let parts = page.split('"').filter(|part| part.starts_with("/assets/"));
        for part in parts {
            let at = match part.rsplit('.').next() {
                Some("css") => 1,
                Some("js") => 2,
                _ => continue,
            };
            sums[at] += self.bytes(part, "gzip").await?.len();
        }
        let most = [Some(html), css, Some(js)];
        for ((kind, sum), most) in ["HTML", "CSS", "JS"].into_iter().zip(sums).zip(most) {
            let kilobytes = f64::from(u32::try_from(sum)?) / 1e3;
            let name = format!("{path} {kind}, gzipped");
            table.add(match most {
                Some(most) => Row::value(name, "KB", kilobytes, most),
                None => Row::fact(name, "KB", kilobytes),
            });
        }
        Ok(())
    }

    /// From the question to the last byte, over loopback.
    async fn time(&self, path: &str, table: &mut Table) -> anyhow::Result<()> {
        let mut took = Vec::new();
        for _ in 0..300 {
            let start = Start::now();
            self.bytes(path, "gzip").await?;
            took.push(start.elapsed());
        }
        took.sort_unstable();
        let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
        let name = format!("{path} made and sent, p99");
        let millis = p99.as_secs_f64() * 1e3;
        table.add(Row::value(name, "ms", millis, RENDER_MILLIS));
        Ok(())
    }
}

async fn look(
    asked: &Asked,
    browser: &Browser,
    updates: u32,
    table: &mut Table,
) -> anyhow::Result<()> {
    browser.size(1080, 1920).await?;
    browser
        .client
        .goto(&format!("{}/about", asked.base))
        .await?;
    let session = format!("document.cookie = '{}; path=/'", asked.cookie);
    browser.script(&session).await?;
    for (path, ..) in PAGES {
        browser
            .client
            .goto(&format!("{}{path}", asked.base))
            .await?;
        let loaded = "return document.readyState === 'complete'";
        browser.holds("the page is loaded", loaded).await?;
        if path == "/" {
            touch_around(browser).await?;
        }
        let vitals = browser.script(VITALS).await?;
        let number = |key: &str| vitals[key].as_f64().context("a number");
        let name = |what: &str| format!("{path} {what}");
        table.add(Row::value(name("LCP"), "ms", number("lcp")?, LCP_MILLIS));
        table.add(Row::value(name("CLS"), "", number("cls")?, SHIFT));
        if path == "/" {
            table.add(Row::value(name("INP"), "ms", number("inp")?, INP_MILLIS));
        }
    }
    for path in ["/", "/kitchen", "/manager"] {
        stay_open(asked, browser, path, updates, table).await?;
    }
    Ok(())
}

/// A diner's fingers: the slowest answer counts.
async fn touch_around(browser: &Browser) -> anyhow::Result<()> {
    browser.touch("#start").await?;
    browser.touch("[data-service=take_away]").await?;
    for _ in 0..3 {
        browser.touch("#i-sweet-potato-fries .add").await?;
    }
    browser.touch("#i-tonkotsu-ramen .open").await?;
    browser.touch("#put").await?;
    browser.touch("#review").await?;
    browser.touch("#lines .more").await?;
    browser.touch("#order .close").await
}

/// What a page keeps of many updates, and with how many lines it heard of them.
async fn stay_open(
    asked: &Asked,
    browser: &Browser,
    path: &str,
    updates: u32,
    table: &mut Table,
) -> anyhow::Result<()> {
    browser
        .client
        .goto(&format!("{}{path}", asked.base))
        .await?;
    browser.script(COUNT).await?;
    // As much again beforehand as makes everything be there that is made once.
    update(asked, updates.min(200)).await?;
    settle(browser).await?;
    let before = heap(browser).await?;
    update(asked, updates).await?;
    settle(browser).await?;
    let grown = (heap(browser).await? - before).max(0.0);
    let name = format!("{path} kept after {updates} live updates");
    table.add(Row::value(name, "MiB", grown, KEPT_MEBIBYTES));
    let lines = browser.script("return lines").await?;
    let lines = lines.as_f64().context("a number")?;
    let name = format!("{path} lines that it heard them on");
    table.add(Row::value(name, "", lines, 1.0));
    Ok(())
}

async fn update(asked: &Asked, updates: u32) -> anyhow::Result<()> {
    let path = format!("{}/api/v1/items/{ITEM}/availability", asked.base);
    for left in 0..updates {
        let body = json!({ "left": 100 + left % 50 });
        let request = asked.client.put(&path).header(COOKIE, &asked.cookie);
        let answer = request.body(body.to_string()).send().await?;
        answer.error_for_status()?;
    }
    Ok(())
}

/// Waits until the page has asked for nothing for a moment.
async fn settle(browser: &Browser) -> anyhow::Result<()> {
    let mut before = Value::Null;
    until("the page has taken over the news", SOON, async || {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let now = browser.script("return asked").await?;
        let rests = now == before;
        before = now;
        Ok(match rests {
            true => Look::Done(()),
            false => Look::NotYet(before.to_string()),
        })
    })
    .await?;
    Ok(())
}

async fn heap(browser: &Browser) -> anyhow::Result<f64> {
    browser.script(HEAP).await?.as_f64().context("a heap")
}
