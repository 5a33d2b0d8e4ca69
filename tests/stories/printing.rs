//! The print room of a real kiosk, with simulated printers at the end of real lines: what is on paper
//! is compared, dot by dot, with what should be.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use firmware_hal::printer::{PaperLevel, Profile};
use firmware_hal::simulator::{Item, Simulator};
use firmware_hal_linux::{SimulatedLine, SimulatedPrinter};
use kiosk::devices::layout::{GLYPHS, Slip, Ticket, ticket};
use kiosk_core::menu::Menu;
use kiosk_core::order::Order;
use kiosk_paper::Printing;
use lab::api::Api;
use lab::dice::Dice;
use lab::diner::Accepted;
use lab::store::{Folder, Kiosk};
use lab::wait::{Look, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Told, lone_kiosk, serially};

/// Nothing waits for it to pass; it bounds what never comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon the manager is promised to know of a printer's trouble.
const TOLD: Duration = Duration::from_secs(2);
const PIN: &str = "135790";
/// What requests for the status begin with.
const DLE: u8 = 0x10;
const GS: u8 = 0x1D;
const LANGUAGE: &str = "zh-Hans";
/// Bytes that the kiosk gives to a line at a time.
const PIECE: usize = 512;

/// A kiosk with printers: the kitchen's, the one at the pass that takes its place, and the counter's
/// for receipts.
struct Store {
    kiosk: Kiosk,
    kitchen: SimulatedPrinter,
    pass: SimulatedPrinter,
    counter: SimulatedPrinter,
    dice: Dice,
    menu: Menu,
    manager: Option<Api>,
    _folder: Folder,
}

impl Store {
    async fn open(name: &str, fallback: bool) -> anyhow::Result<Self> {
        let folder = Folder::temporary()?;
        let mut kiosk = lone_kiosk(folder.path()).await?;
        let printer = SimulatedPrinter::start;
        let (kitchen, pass, counter) = (printer()?, printer()?, printer()?);
        let fallback = if fallback { "fallback = \"pass\"" } else { "" };
        let config = format!(
            "[printing]\nkitchen_language = \"{LANGUAGE}\"\nfallback_after_seconds = 2\n\
             [[printer]]\nname = \"kitchen\"\nport = \"tcp://{}\"\nstations = [\"*\"]\n{fallback}\n\
             [[printer]]\nname = \"pass\"\nport = \"tcp://{}\"\n\
             [[printer]]\nname = \"counter\"\nport = \"tcp://{}\"\nreceipt = true\nwidth = 58\n",
            kitchen.address(),
            pass.address(),
            counter.address(),
        );
        let path = folder.path().join("kiosk.toml");
        std::fs::write(&path, config)?;
        kiosk.more = vec!["--config".to_owned(), path.display().to_string()];
        let set_pin = ["staff", "set-pin", "--role", "manager"];
        kiosk.start().await?;
        kiosk.command(&set_pin, PIN).await?;
        let mut store = Self {
            kiosk,
            kitchen,
            pass,
            counter,
            dice: Dice::printed(name),
            menu: kiosk::menus::load(None)
                .map_err(|trouble| anyhow::anyhow!("{trouble:?}"))?
                .menu,
            manager: None,
            _folder: folder,
        };
        store.sign_in().await?;
        Ok(store)
    }

    async fn sign_in(&mut self) -> anyhow::Result<()> {
        let api = self.kiosk.api()?;
        let body = Some(json!({ "pin": PIN }).to_string());
        let session = api
            .send(Method::POST, "/api/v1/sessions", &[], body)
            .await?;
        let session = session.expect(201)?;
        let token = session["token"].as_str().context("a token")?;
        self.manager = Some(api.with_token(token));
        Ok(())
    }

    fn manager(&self) -> anyhow::Result<&Api> {
        self.manager.as_ref().context("nobody is signed in")
    }

    async fn order(&self, count: u64) -> anyhow::Result<Vec<Accepted>> {
        let mut diner = self.kiosk.diner(self.dice.fork(count))?;
        let mut accepted = Vec::new();
        for _ in 0..count {
            accepted.push(diner.order().await?);
        }
        Ok(accepted)
    }

    /// The kitchen's jobs, oldest first.
    async fn tickets(&self) -> anyhow::Result<Vec<Value>> {
        let list = self
            .manager()?
            .get("/api/v1/print-jobs?limit=500")
            .await?
            .expect(200)?;
        assert_eq!(list["next"], Value::Null, "the story fits on a page");
        let jobs = list["print_jobs"].as_array().context("jobs")?;
        let mut jobs: Vec<Value> = jobs
            .iter()
            .filter(|job| job["kind"] == "ticket")
            .cloned()
            .collect();
        jobs.reverse();
        Ok(jobs)
    }

    async fn wait_until_all_are(&self, state: &str) -> anyhow::Result<Vec<Value>> {
        let what = format!("every ticket is {state}");
        let (jobs, _) = until(&what, PATIENCE, async || {
            let jobs = self.tickets().await?;
            let others: Vec<&Value> = jobs.iter().filter(|job| job["state"] != state).collect();
            Ok(match others.first() {
                None if !jobs.is_empty() => Look::Done(jobs),
                other => Look::NotYet(format!("{} others, {other:?}", others.len())),
            })
        })
        .await?;
        Ok(jobs)
    }

    /// Waits until the status tells this of a printer; says how long that took.
    async fn printer_becomes(&self, name: &str, state: &str) -> anyhow::Result<Duration> {
        let what = format!("{name} is {state}");
        let (_, took) = until(&what, PATIENCE, async || {
            let status = self.kiosk.status().await?;
            let devices = status["devices"].as_array().context("devices")?;
            let device = devices.iter().find(|device| device["name"] == name);
            let device = device.context("a device")?;
            Ok(match device["state"] == state {
                true => Look::Done(()),
                false => Look::NotYet(device.to_string()),
            })
        })
        .await?;
        Ok(took)
    }

    async fn wait_for_receipts(&self, wanted: usize) -> anyhow::Result<()> {
        until("the receipts are printed", PATIENCE, async || {
            let count = self.counter.with(|printer| printer.slips().len());
            Ok(match count == wanted {
                true => Look::Done(()),
                false => Look::NotYet(format!("{count} of {wanted}")),
            })
        })
        .await?;
        Ok(())
    }

    async fn all_ready(&self) -> anyhow::Result<()> {
        for name in ["kitchen", "pass", "counter"] {
            self.printer_becomes(name, "ready").await?;
        }
        Ok(())
    }

    /// What the tickets of these orders look like, in the order of their jobs: as they are, and as
    /// copies.
    async fn expected(&self, accepted: &[Accepted]) -> anyhow::Result<Vec<Expected>> {
        let mut all = Vec::new();
        for order in accepted {
            let path = format!("/api/v1/orders/{}", order.id);
            let order = self.kiosk.api()?.get(&path).await?.expect(200)?;
            let order: Order = serde_json::from_value(order)?;
            let mut stations: Vec<Option<&str>> = Vec::new();
            for line in &order.lines {
                let station = line.station.as_deref();
                if !stations.contains(&station) {
                    stations.push(station);
                }
            }
            for station in stations {
                let look = |copy| self.looks(&order, station, copy);
                all.push(Expected {
                    number: order.number.clone(),
                    original: look(false)?,
                    copy: look(true)?,
                });
            }
        }
        Ok(all)
    }

    fn looks(&self, order: &Order, station: Option<&str>, copy: bool) -> anyhow::Result<Vec<Item>> {
        let slip = Slip {
            order,
            menu: &self.menu,
            language: LANGUAGE,
            copy,
        };
        let lines = order.lines.iter();
        let lines: Vec<_> = lines
            .filter(|line| line.station.as_deref() == station)
            .collect();
        let sheet = ticket(
            &slip,
            &Ticket {
                station,
                lines: &lines,
                void: false,
            },
        );
        let mut printer = Simulator::new();
        let bytes = sheet.to_escpos(&Printing::with(Profile::MM80), &GLYPHS)?;
        printer.receive(&bytes);
        printer.slips().first().cloned().context("a slip")
    }

    fn paper(&self) -> [Vec<Vec<Item>>; 2] {
        [&self.kitchen, &self.pass].map(|printer| printer.with(|printer| printer.slips().to_vec()))
    }

    /// Nothing is lost, nothing is there twice unless it says so, and each printer kept the order.
    fn check(&self, expected: &[Expected]) -> Count {
        let paper = self.paper();
        let mut count = Count::default();
        for wanted in expected {
            let times =
                |look: &Vec<Item>| paper.iter().flatten().filter(|slip| *slip == look).count();
            // Two orders of the same dishes at the same time still differ by their number.
            let (originals, copies) = (times(&wanted.original), times(&wanted.copy));
            assert!(originals + copies >= 1, "{} is lost", wanted.number);
            assert!(
                originals <= 1,
                "{} is there twice and does not say so",
                wanted.number
            );
            count.originals += originals;
            count.copies += copies;
        }
        for slips in &paper {
            let place = |slip: &Vec<Item>| {
                let known = |wanted: &Expected| wanted.original == *slip || wanted.copy == *slip;
                expected.iter().position(known)
            };
            let order: Vec<usize> = slips.iter().filter_map(place).collect();
            assert!(order.is_sorted(), "the order was not kept: {order:?}");
        }
        count
    }
}

struct Expected {
    number: String,
    original: Vec<Item>,
    copy: Vec<Item>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    originals: usize,
    copies: usize,
}

/// How many jobs went to each printer.
fn by_printer(jobs: &[Value]) -> BTreeMap<&str, usize> {
    let mut count = BTreeMap::new();
    for job in jobs {
        *count
            .entry(job["sent_to"].as_str().unwrap_or_default())
            .or_default() += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paper_out_in_the_rush_loses_nothing_and_doubles_nothing() -> Told {
    let _alone = serially().await?;
    let store = Store::open("rush", true).await?;
    store.all_ready().await?;
    let mut accepted = store.order(3).await?;
    store.wait_until_all_are("printed").await?;

    // Two lines more, and the paper ends in the middle of a ticket; the rush comes all the same.
    store
        .kitchen
        .with(|printer| printer.load(PaperLevel::Adequate, Some(2)));
    accepted.extend(store.order(30).await?);
    until("the paper ends", PATIENCE, async || {
        let out = store.kitchen.with(|printer| printer.hanging().len());
        Ok(match out {
            2.. => Look::Done(()),
            few => Look::NotYet(format!("{few} lines of a ticket")),
        })
    })
    .await?;
    let took = store.printer_becomes("kitchen", "paper_out").await?;
    assert!(took < TOLD, "the manager was told after {took:?}");
    println!("the status told of the paper {took:?} after it was looked for (promised {TOLD:?})");

    let jobs = store.wait_until_all_are("printed").await?;
    let split = by_printer(&jobs);
    assert!(split["pass"] > 25, "the fallback took over: {split:?}");

    store
        .kitchen
        .with(|printer| printer.load(PaperLevel::Adequate, None));
    store.printer_becomes("kitchen", "ready").await?;
    accepted.extend(store.order(5).await?);
    let jobs = store.wait_until_all_are("printed").await?;
    let last = jobs.last().context("a job")?;
    assert_eq!(
        last["sent_to"], "kitchen",
        "with paper it takes its own again"
    );

    let expected = store.expected(&accepted).await?;
    assert_eq!(
        expected.len(),
        jobs.len(),
        "a ticket for each station of each order"
    );
    let count = store.check(&expected);
    let copies = jobs.iter().filter(|job| job["copy"] == true).count();
    assert!(
        copies <= 1,
        "only what was in the printer could come twice: {copies}"
    );
    // What was taken back from the kitchen's printer never came out of it: each ticket is there once.
    let originals = expected.len() - copies;
    assert_eq!(count, Count { originals, copies });
    println!(
        "{} tickets, {split:?}, {copies} marked as a copy",
        expected.len()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kiosk_killed_in_mid_job_prints_that_job_as_a_copy_and_the_rest_once() -> Told {
    let mut store = Store::open("killed", false).await?;
    store.all_ready().await?;
    store
        .kitchen
        .with(|printer| printer.load(PaperLevel::Adequate, Some(3)));
    let accepted = store.order(4).await?;
    until("a ticket is half printed", PATIENCE, async || {
        let lines = store.kitchen.with(|printer| printer.hanging().len());
        Ok(if lines >= 3 {
            Look::Done(())
        } else {
            Look::NotYet(lines.to_string())
        })
    })
    .await?;
    let under_way = store.tickets().await?;
    let sending: Vec<&Value> = under_way
        .iter()
        .filter(|job| job["state"] == "sending")
        .collect();
    assert_eq!(sending.len(), 1, "{under_way:?}");
    let number = sending[0]["number"].clone();

    store.kiosk.kill9()?;
    store
        .kitchen
        .with(|printer| printer.load(PaperLevel::Adequate, None));
    store.kiosk.start().await?;
    store.sign_in().await?;
    let jobs = store.wait_until_all_are("printed").await?;
    let copies: Vec<&Value> = jobs.iter().filter(|job| job["copy"] == true).collect();
    assert_eq!(copies.len(), 1, "{copies:?}");
    assert_eq!(copies[0]["number"], number);
    let expected = store.expected(&accepted).await?;
    let count = store.check(&expected);
    assert_eq!(count.copies, 1);
    Ok(())
}

/// Where the line of a ticket of so many bytes is cut.
fn cuts(all: usize) -> Vec<usize> {
    // Inside the first command and right behind it, in the lines at the head, at and beside the ends of
    // the pieces that are written at a time, inside pictures, in the cut, in the mark and behind it.
    let pieces = (1..=all / PIECE).flat_map(|no| [no * PIECE - 1, no * PIECE, no * PIECE + 1]);
    let shares = [3, 20, 40, 60, 85].map(|percent| all * percent / 100 + percent % 4);
    let ends = [all.saturating_sub(14), all.saturating_sub(6), all - 1, all];
    let cuts: Vec<usize> = [1, 2, 4, 9, 12]
        .into_iter()
        .chain(pieces.take(6))
        .chain(shares)
        .chain(ends)
        .collect();
    assert!(cuts.len() >= 14, "{cuts:?}");
    cuts
}

/// Whether what a printer did not understand is nothing. Behind a ticket it was a request for the status
/// that was cut: of that it may ignore the lead, and nothing that follows.
fn is_no_loss(unknown: &[u8], idle: bool) -> bool {
    let is_lead = |byte: &u8| [DLE, GS].contains(byte);
    unknown.is_empty() || idle && unknown.len() == 1 && unknown.iter().all(is_lead)
}

async fn stalls(line: &SimulatedLine) -> anyhow::Result<()> {
    let stalled = until("the line stalls", PATIENCE, async || {
        Ok(match line.is_stalled() {
            true => Look::Done(()),
            false => Look::NotYet(line.taken().to_string()),
        })
    });
    stalled.await.map(|_| ())
}

/// The printer keeps its power, and its place in a picture, while the kiosk that writes to it dies at one
/// byte or another. What is on paper in the end is there once, or says that it is a copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_kiosk_is_killed_its_tickets_are_on_paper_once_or_marked_as_copies() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open("cut", false).await?;
    let line = SimulatedLine::start()?;
    let path = store.kiosk.data().with_file_name("kiosk.toml");
    let config = format!(
        "[printing]\nkitchen_language = \"{LANGUAGE}\"\n[[printer]]\nname = \"kitchen\"\n\
         port = \"serial:{},115200,noflow\"\nstations = [\"*\"]\n",
        line.path().display(),
    );
    std::fs::write(&path, config)?;
    store.kiosk.terminate().await?;
    store.kiosk.start().await?;
    store.sign_in().await?;
    store.printer_becomes("kitchen", "ready").await?;
    let mut accepted = store.order(1).await?;
    store.wait_until_all_are("printed").await?;
    let all = line.taken() / store.tickets().await?.len();

    let cuts = cuts(all);
    let mut misread = 0;
    for bytes in &cuts {
        line.stall_after(*bytes);
        accepted.extend(store.order(1).await?);
        stalls(&line).await?;
        let tickets = store.tickets().await?;
        let idle = tickets.iter().all(|job| job["state"] == "printed");
        store.kiosk.kill9()?;
        line.mend();
        store.kiosk.start().await?;
        store.sign_in().await?;
        store.wait_until_all_are("printed").await?;
        let unknown = line.with(|printer| printer.unknown().to_vec());
        let news = unknown.get(misread..).unwrap_or_default();
        misread = unknown.len();
        assert!(
            is_no_loss(news, idle),
            "cut after {bytes} of {all} bytes: not understood is {news:?}"
        );
    }
    let slips = line.with(|printer| printer.slips().to_vec());
    let mut copies = 0;
    for wanted in store.expected(&accepted).await? {
        let times = |look: &Vec<Item>| slips.iter().filter(|slip| *slip == look).count();
        let originals = times(&wanted.original);
        copies += times(&wanted.copy);
        let number = &wanted.number;
        assert!(
            originals <= 1,
            "{number} is there twice and does not say so"
        );
        assert!(originals + times(&wanted.copy) >= 1, "{number} is lost");
    }
    assert!(
        copies + 4 >= cuts.len(),
        "what was cut came again as a copy: {copies} of {}",
        cuts.len()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn last_nights_tickets_are_held_in_the_morning_and_printed_for_who_asks() -> Told {
    let mut store = Store::open("night", false).await?;
    store.all_ready().await?;
    store.kitchen.set_power(false);
    store.printer_becomes("kitchen", "offline").await?;
    let accepted = store.order(2).await?;
    store.wait_for_receipts(2).await?;
    store.kiosk.terminate().await?;
    a_night_passes(store.kiosk.data())?;
    store.kitchen.set_power(true);
    store.kiosk.start().await?;
    store.sign_in().await?;
    store.printer_becomes("kitchen", "ready").await?;
    let held = store.wait_until_all_are("held").await?;
    assert!(held.iter().all(|job| job["why"] == "too_old"), "{held:?}");
    // A new order goes past them.
    let fresh = store.order(1).await?;
    let (_, _) = until("the new order is printed", PATIENCE, async || {
        let jobs = store.tickets().await?;
        let printed = jobs.iter().filter(|job| job["state"] == "printed").count();
        Ok(match printed + held.len() == jobs.len() && printed > 0 {
            true => Look::Done(()),
            false => Look::NotYet(format!("{jobs:?}")),
        })
    })
    .await?;
    let on_paper = store.kitchen.with(|printer| printer.slips().len());
    assert_eq!(
        on_paper,
        store.expected(&fresh).await?.len(),
        "nothing of the night"
    );

    for job in &held {
        let path = format!(
            "/api/v1/print-jobs/{}/retry",
            job["id"].as_str().context("an id")?
        );
        let body = Some("{}".to_owned());
        store
            .manager()?
            .send(Method::POST, &path, &[], body)
            .await?
            .expect(200)?;
    }
    store.wait_until_all_are("printed").await?;
    let count = store.check(&store.expected(&accepted).await?);
    assert_eq!(
        count,
        Count {
            originals: held.len(),
            copies: 0
        }
    );
    store.wait_for_receipts(3).await?;
    Ok(())
}

/// Makes what the spool of a stopped kiosk knows ten hours older.
fn a_night_passes(data: &Path) -> anyhow::Result<()> {
    use rusqlite::{Connection, OpenFlags};
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let journal = Connection::open_with_flags(data.join("journal.sqlite"), flags)?;
    let aged = journal.execute(
        "UPDATE print_jobs SET since_at = since_at - 36000000 WHERE state = 'queued'",
        [],
    )?;
    anyhow::ensure!(aged > 0, "nothing waited");
    Ok(())
}
