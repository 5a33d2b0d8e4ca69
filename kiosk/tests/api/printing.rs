//! The print room over HTTP, with simulated printers at the end of the line.

use std::time::{Duration, Instant};

use firmware_hal::printer::PaperLevel;
use firmware_hal::simulator::Item;
use firmware_hal_linux::{SimulatedLine, SimulatedPrinter};
use serde_json::{Value, json};

use super::support::menu::{ramen, some};
use super::support::{Answer, Kiosk, Options};

/// Nothing waits for it to pass; it bounds what never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kiosk with a printer for receipts at the counter and one for tickets in the kitchen.
struct Room {
    kiosk: Kiosk,
    counter: SimulatedPrinter,
    kitchen: SimulatedPrinter,
}

impl Room {
    fn open() -> Self {
        Self::with("", "")
    }

    /// With more settings for the kitchen's printer and for all.
    fn with(kitchen_more: &str, printing: &str) -> Self {
        Self::made(kitchen_more, printing, |_| {})
    }

    /// With a kitchen's printer that something is done to before the kiosk sees it.
    fn made(kitchen_more: &str, printing: &str, make: impl FnOnce(&SimulatedPrinter)) -> Self {
        let counter = SimulatedPrinter::start().unwrap();
        let kitchen = SimulatedPrinter::start().unwrap();
        make(&kitchen);
        let devices = format!(
            "[printing]\n{printing}\n\
             [[printer]]\nname = \"counter\"\nport = \"tcp://{}\"\nreceipt = true\ndrawer = \"pin2\"\n\
             [[printer]]\nname = \"kitchen\"\nport = \"tcp://{}\"\nstations = [\"*\"]\n{kitchen_more}\n",
            counter.address(),
            kitchen.address(),
        );
        let kiosk = Kiosk::with(&Options {
            devices,
            ..Options::default()
        });
        let room = Self {
            kiosk,
            counter,
            kitchen,
        };
        room.wait("both printers are ready", || {
            room.state("counter") == "ready" && room.state("kitchen") == "ready"
        });
        room
    }

    fn wait(&self, what: &str, mut is: impl FnMut() -> bool) -> Duration {
        let begun = now();
        while !is() {
            assert!(
                begun.elapsed() < PATIENCE,
                "it never comes that {what}: {}",
                self.all()
            );
            std::thread::park_timeout(Duration::from_millis(10));
        }
        begun.elapsed()
    }

    fn device(&self, name: &str) -> Value {
        let status = self.kiosk.get("/api/v1/status").send().expect(200);
        let devices = status["devices"].as_array().unwrap().clone();
        let mut devices = devices.into_iter();
        devices.find(|device| device["name"] == name).unwrap()
    }

    fn state(&self, name: &str) -> String {
        self.device(name)["state"].as_str().unwrap().to_owned()
    }

    fn confirms(&self, name: &str) -> Value {
        self.device(name)["confirms"].clone()
    }

    fn all(&self) -> Value {
        self.jobs("")
    }

    /// The jobs, oldest first.
    fn jobs(&self, query: &str) -> Value {
        let path = format!("/api/v1/print-jobs{query}");
        let list = self
            .kiosk
            .get(&path)
            .bearer(&self.kiosk.kitchen())
            .send()
            .expect(200);
        let mut jobs = list["print_jobs"].as_array().unwrap().clone();
        jobs.reverse();
        json!(jobs)
    }

    fn count(&self, state: &str) -> usize {
        let jobs = self.jobs(&format!("?state={state}&limit=500"));
        jobs.as_array().unwrap().len()
    }

    fn ask(&self, job: &Value, action: &str, body: &Value) -> Answer {
        let path = format!(
            "/api/v1/print-jobs/{}/{action}",
            job["id"].as_str().unwrap()
        );
        self.kiosk
            .post(&path, body)
            .bearer(&self.kiosk.manager())
            .send()
    }

    fn paper_out(&self) {
        self.kitchen
            .with(|printer| printer.load(PaperLevel::Out, None));
        self.wait("the kitchen's printer is out of paper", || {
            self.state("kitchen") == "paper_out"
        });
    }

    fn paper_back(&self) {
        self.kitchen
            .with(|printer| printer.load(PaperLevel::Adequate, None));
    }

    fn slips(&self, printer: &SimulatedPrinter) -> usize {
        printer.with(|printer| printer.slips().len())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounds a wait; nothing is decided by it"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[test]
fn an_order_comes_out_of_the_printers_it_is_routed_to_and_is_printed_when_they_say_so() {
    let room = Room::open();
    let order = room.kiosk.placed(&ramen());
    room.wait("both slips are printed", || room.count("printed") == 2);
    assert_eq!(
        (room.slips(&room.counter), room.slips(&room.kitchen)),
        (1, 1)
    );
    let jobs = room.jobs("");
    assert_eq!(jobs[0]["kind"], "ticket");
    assert_eq!(jobs[1]["kind"], "receipt");
    assert_eq!(jobs[0]["order"], order["id"]);
    assert_eq!(
        (&jobs[0]["attempts"], &jobs[0]["copy"]),
        (&json!(1), &json!(false))
    );
    for printer in [&room.counter, &room.kitchen] {
        let unknown = printer.with(|printer| printer.unknown().to_vec());
        assert_eq!(unknown, [0_u8; 0], "the printer understood every byte");
    }
}

#[test]
fn a_job_is_not_printed_while_the_paper_is_out_and_comes_once_when_it_is_back() {
    let room = Room::open();
    room.paper_out();
    room.kiosk.placed(&some("tea", 1));
    room.wait("the receipt is printed", || room.count("printed") == 1);
    assert_eq!(room.slips(&room.kitchen), 0);
    room.paper_back();
    room.wait("the ticket is printed", || room.count("printed") == 2);
    assert_eq!(room.slips(&room.kitchen), 1);
    assert_eq!(room.jobs("")[0]["copy"], false);
}

#[test]
fn a_printer_without_marks_is_found_out_before_its_first_slip() {
    let without = |printer: &SimulatedPrinter| {
        printer.with(|printer| printer.set_marks(false));
    };
    let room = Room::made("", "", without);
    room.kiosk.placed(&some("tea", 1));
    room.wait("both slips are printed", || room.count("printed") == 2);
    assert_eq!(
        room.slips(&room.kitchen),
        1,
        "no slip was lost on finding out"
    );
    assert_eq!(room.jobs("")[0]["copy"], false);
    room.wait("both ways are known", || {
        room.confirms("kitchen") == "status" && room.confirms("counter") == "mark"
    });
    // From then on each ticket comes once, and not while the paper is out.
    room.paper_out();
    room.kiosk.placed(&some("tea", 1));
    room.wait("the receipt is printed", || room.count("printed") == 3);
    room.paper_back();
    room.wait("the ticket is printed", || room.count("printed") == 4);
    assert_eq!(room.slips(&room.kitchen), 2);
    let page = room
        .kiosk
        .get("/manager/devices")
        .cookie(&room.kiosk.manager());
    assert!(page.send().text().contains("Confirms no slips"));
    // One that shows a mark after all is trusted by it again.
    room.kitchen.with(|printer| printer.set_marks(true));
    room.kiosk.placed(&some("tea", 1));
    room.wait("it is trusted", || room.confirms("kitchen") == "mark");
}

#[test]
fn a_single_mark_that_is_missed_makes_a_copy_and_no_printer_without_marks() {
    let room = Room::with("", "confirm_within_seconds = 1");
    room.wait("it has marks", || room.confirms("kitchen") == "mark");
    room.kitchen.with(|printer| printer.set_marks(false));
    room.kiosk.placed(&some("tea", 1));
    room.wait("it comes again", || room.slips(&room.kitchen) == 2);
    room.kitchen.with(|printer| printer.set_marks(true));
    room.wait("both are printed", || room.count("printed") == 2);
    assert_eq!(room.jobs("")[0]["copy"], true);
    assert_eq!(room.confirms("kitchen"), "mark");
}

#[test]
fn a_printer_that_is_said_to_have_no_marks_prints_each_slip_once() {
    let room = Room::with("confirm = \"status\"", "");
    room.kitchen.with(|printer| printer.set_marks(false));
    room.kiosk.placed(&some("tea", 1));
    room.wait("both slips are printed", || room.count("printed") == 2);
    assert_eq!(room.slips(&room.kitchen), 1);
}

#[test]
fn a_report_of_the_day_and_one_that_was_closed_come_out_as_slips() {
    let room = Room::open();
    let print = |body: &Value| {
        let ask = room.kiosk.post("/api/v1/reports/day/print", body);
        ask.bearer(&room.kiosk.manager()).send()
    };
    room.kiosk.placed(&some("tea", 2));
    room.wait("both slips are printed", || room.count("printed") == 2);
    let x = print(&json!({"language": "zh-Hans"})).expect(201);
    assert_eq!(
        (&x["kind"], &x["device"]),
        (&json!("report"), &json!("counter"))
    );
    room.wait("the X report is printed", || room.count("printed") == 3);
    let close = room.kiosk.post("/api/v1/days/close", &json!({}));
    let closed = close.bearer(&room.kiosk.manager()).send().expect(200);
    let z = print(&json!({"z": closed["report"]["z"], "device": "kitchen"})).expect(201);
    assert_eq!(z["device"], "kitchen");
    room.wait("the Z report is printed", || room.count("printed") == 4);
    assert_eq!(
        (room.slips(&room.counter), room.slips(&room.kitchen)),
        (2, 2)
    );
    print(&json!({"z": 99})).refused(404, "not-found");
    assert_eq!(print(&json!({"device": "bar"})).faults(), ["/device"]);
    assert_eq!(
        print(&json!({"business_date": "today"})).faults(),
        ["/business_date"]
    );
    let kitchen = room.kiosk.post("/api/v1/reports/day/print", &json!({}));
    kitchen
        .bearer(&room.kiosk.kitchen())
        .send()
        .refused(403, "forbidden");
}

#[test]
fn the_drawer_opens_for_cash_for_who_counts_and_by_hand_for_a_reason() {
    let room = Room::open();
    let pulses = || room.counter.with(|printer| printer.pulses());
    let opened = |times| room.wait("the drawer opens", || pulses() == times);
    let manager = room.kiosk.manager();
    let order = room.kiosk.placed(&some("tea", 1));
    let pay = room.kiosk.act(&order, "pay", &json!({"tender": "cash"}));
    pay.send().expect(200);
    opened(1);
    let count = json!({"kind": "count", "amount": 100});
    room.kiosk
        .post("/api/v1/days/cash", &count)
        .bearer(&manager)
        .send()
        .expect(200);
    opened(2);
    let open = |body: &Value, token: &str| {
        room.kiosk
            .post("/api/v1/drawer/open", body)
            .bearer(token)
            .send()
    };
    let why = json!({"reason": "change for a note"});
    open(&why, &manager).expect(200);
    opened(3);
    assert_eq!(open(&json!({}), &manager).faults(), ["/reason"]);
    open(&why, &room.kiosk.kitchen()).refused(403, "forbidden");
    // A card at the counter needs no drawer.
    let order = room.kiosk.placed(&some("tea", 1));
    let pay = room.kiosk.act(&order, "pay", &json!({"tender": "card"}));
    pay.send().expect(200);
    open(&why, &manager).expect(200);
    opened(4);
    let none = Kiosk::open();
    let refused = none
        .post("/api/v1/drawer/open", &why)
        .bearer(&none.manager())
        .send();
    refused.refused(404, "not-found");
}

#[test]
fn a_drawer_whose_printer_is_away_does_not_open_and_not_later_either() {
    let room = Room::open();
    room.counter.set_power(false);
    room.wait("the printer is away", || room.state("counter") == "offline");
    let why = json!({"reason": "change for a note"});
    let ask = room.kiosk.post("/api/v1/drawer/open", &why);
    let refused = ask.bearer(&room.kiosk.manager()).send();
    let refused = refused.refused(503, "drawer-unopened");
    assert_eq!(refused["why"], "away");
    room.counter.set_power(true);
    // Whatever was to come late is before this page in the printer's orders.
    let path = "/api/v1/devices/counter/test";
    let page = room.kiosk.post(path, &json!({}));
    page.bearer(&room.kiosk.manager()).send().expect(201);
    room.wait("the page is printed", || room.slips(&room.counter) == 1);
    assert_eq!(room.counter.with(|printer| printer.pulses()), 0);
}

#[test]
fn a_diner_is_told_when_receipts_wait() {
    let room = Room::open();
    let receipts = || room.kiosk.get("/api/v1/status").send().expect(200)["receipts"].clone();
    assert_eq!(receipts(), "printing");
    room.counter.with(|printer| printer.set_cover(true));
    room.wait("receipts wait", || receipts() == "waiting");
    assert_eq!(
        Kiosk::open().get("/api/v1/status").send().expect(200)["receipts"],
        "off"
    );
}

#[test]
fn the_fallback_takes_over_what_waits_and_marks_what_may_come_twice() {
    let room = Room::with("fallback = \"counter\"", "fallback_after_seconds = 1");
    room.paper_out();
    for _ in 0..3 {
        room.kiosk.placed(&some("tea", 1));
    }
    room.wait("everything is printed", || room.count("printed") == 6);
    assert_eq!(room.slips(&room.kitchen), 0);
    assert_eq!(room.slips(&room.counter), 6);
    let jobs = room.jobs("");
    let tickets = jobs
        .as_array()
        .unwrap()
        .iter()
        .filter(|job| job["kind"] == "ticket");
    for ticket in tickets {
        assert_eq!(
            (&ticket["device"], &ticket["sent_to"]),
            (&json!("kitchen"), &json!("counter"))
        );
        assert_eq!(ticket["copy"], false, "none of it had left for the kitchen");
    }
}

#[test]
fn wherever_the_printer_dies_a_ticket_is_there_once_or_as_a_copy() {
    let room = Room::open();
    room.kiosk.placed(&some("tea", 1));
    room.wait("the first is printed", || room.count("printed") == 2);
    let mut printed = 2;
    // A ticket has a few hundred bytes; beyond its end the printer dies while it is idle.
    for bytes in [1, 3, 7, 20, 40, 60, 80, 100, 200] {
        let before = room.slips(&room.kitchen);
        room.kitchen.die_after(bytes);
        let order = room.kiosk.placed(&some("tea", 1));
        room.wait("it is dead, or everything is printed", || {
            !room.kitchen.is_on() || room.count("printed") == printed + 2
        });
        room.kitchen.set_power(true);
        printed += 2;
        room.wait("everything is printed", || room.count("printed") == printed);
        let slips = room.kitchen.with(|printer| printer.slips().to_vec());
        let number = order["number"].as_str().unwrap();
        let whole: Vec<&Vec<Item>> = slips
            .iter()
            .skip(before)
            .filter(|slip| shows(slip, number))
            .collect();
        let unmarked = whole.iter().filter(|slip| !is_marked(slip)).count();
        assert!(!whole.is_empty(), "after {bytes} bytes: {number} is lost");
        assert!(
            unmarked <= 1,
            "after {bytes} bytes: {number} is there twice: {whole:?}"
        );
    }
}

#[test]
fn what_a_fallback_took_over_never_comes_out_of_the_first_printer_unsaid() {
    for clears in [true, false] {
        let make = |printer: &SimulatedPrinter| {
            printer.with(|printer| {
                printer.set_clears(clears);
                printer.load(PaperLevel::Adequate, Some(2));
            });
        };
        let room = Room::made("fallback = \"counter\"", "fallback_after_seconds = 1", make);
        let order = room.kiosk.placed(&some("tea", 1));
        room.wait("everything is printed", || room.count("printed") == 2);
        let number = order["number"].as_str().unwrap();
        let ticket = room.jobs("")[0].clone();
        assert_eq!(
            (&ticket["sent_to"], &ticket["copy"]),
            (&json!("counter"), &json!(true))
        );
        room.paper_back();
        // What was left in the printer is gone, or what came of it is followed by a slip that says that
        // it does not count.
        room.wait("the kitchen is told", || {
            room.kitchen.with(|printer| {
                let last = printer.slips().last().cloned();
                last.is_some_and(|slip| shows(&slip, number) && is_marked(&slip))
            })
        });
        // Down to the date at its foot.
        let whole =
            |slip: &Vec<Item>| shows(slip, number) && shows_part(slip, "202") && !is_marked(slip);
        let slips = room.kitchen.with(|printer| printer.slips().to_vec());
        let originals = slips.iter().filter(|slip| whole(slip)).count();
        assert_eq!(originals, usize::from(!clears));
        // A void tells both, wherever the last copy came out.
        room.wait("the kitchen's printer is ready", || {
            room.state("kitchen") == "ready"
        });
        room.kiosk
            .act(&order, "void", &json!({"reason": "left"}))
            .send()
            .expect(200);
        room.wait("both are told", || room.count("printed") == 4);
        let voids = room.jobs("");
        let voids = voids.as_array().unwrap().iter();
        let places: Vec<&Value> = voids
            .filter(|job| job["kind"] == "void_ticket")
            .map(|job| &job["sent_to"])
            .collect();
        assert_eq!(places, ["kitchen", "counter"]);
    }
}

#[test]
fn a_printer_that_stops_taking_bytes_and_says_nothing_is_told_within_two_seconds() {
    let line = SimulatedLine::start().unwrap();
    line.with(|printer| printer.set_reports(false));
    let devices = format!(
        "[[printer]]\nname = \"kitchen\"\nport = \"serial:{},115200,noflow\"\nstations = [\"*\"]\n\
         [printing]\nkitchen_language = \"zh-Hans\"\n",
        line.path().display(),
    );
    let kiosk = Kiosk::with(&Options {
        devices,
        ..Options::default()
    });
    let device = || kiosk.get("/api/v1/status").send().expect(200)["devices"][0].clone();
    let wait = |what: &str, is: &dyn Fn() -> bool| {
        let begun = now();
        while !is() {
            assert!(
                begun.elapsed() < PATIENCE,
                "it never comes that {what}: {}",
                device()
            );
            std::thread::park_timeout(Duration::from_millis(10));
        }
        begun.elapsed()
    };
    wait("it is found out", &|| device()["confirms"] == "mark");
    // More than the line and the printer can hold, so that it sticks in the middle.
    line.with(|printer| printer.set_cover(true));
    line.freeze(true);
    kiosk.placed(&many());
    let sent = || {
        kiosk
            .get("/api/v1/print-jobs")
            .bearer(&kiosk.kitchen())
            .send()
            .expect(200)
    };
    wait("it is under way", &|| {
        sent()["print_jobs"][0]["state"] == "sending"
    });
    let took = wait("it is told", &|| device()["state"] == "offline");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(
        device()["detail"]
            .as_str()
            .unwrap()
            .contains("takes no more")
    );
    line.with(|printer| printer.set_cover(false));
    line.freeze(false);
    wait("it goes on", &|| {
        sent()["print_jobs"][0]["state"] == "printed"
    });
    assert_eq!(device()["state"], "ready");
    assert_eq!(line.with(|printer| printer.slips().len()), 1);
    assert_eq!(sent()["print_jobs"][0]["copy"], false);
}

/// So many dishes with notes in Chinese that no line and no printer holds the ticket at once.
fn many() -> Value {
    let line = |no: u32| {
        json!({"item": "tonkotsu-ramen", "quantity": 1, "note": format!("第{no}碗不要葱，多放香菜"),
               "options": [{"group": "spice", "option": "hot", "quantity": 1}]})
    };
    json!({
        "service": "take_away", "payment": {"method": "counter"},
        "lines": (0..30).map(line).collect::<Vec<_>>(),
    })
}

/// Whether the number stands on it.
fn shows(slip: &[Item], number: &str) -> bool {
    slip.iter()
        .any(|item| matches!(item, Item::Line(line) if line.trim() == number))
}

/// Whether that stands somewhere on it.
fn shows_part(slip: &[Item], text: &str) -> bool {
    slip.iter()
        .any(|item| matches!(item, Item::Line(line) if line.contains(text)))
}

/// Whether it says at its head that it is a copy, or void: both are banners in two scripts, so they
/// are drawn. Whatever else is drawn stands further down.
fn is_marked(slip: &[Item]) -> bool {
    matches!(slip.first(), Some(Item::Picture { .. }))
}

#[test]
fn a_reprint_is_a_copy_on_whatever_printer_it_is_wanted() {
    let room = Room::open();
    room.kiosk.placed(&some("tea", 1));
    room.wait("both are printed", || room.count("printed") == 2);
    let receipt = room.jobs("")[1].clone();
    let body = json!({"device": "kitchen"});
    let copy = room.ask(&receipt, "reprint", &body).expect(201);
    assert_eq!(
        (&copy["copy"], &copy["device"]),
        (&json!(true), &json!("kitchen"))
    );
    assert_eq!(
        (&copy["kind"], &copy["state"]),
        (&json!("receipt"), &json!("queued"))
    );
    room.wait("the copy is printed", || room.count("printed") == 3);
    let slips = room.kitchen.with(|printer| printer.slips().to_vec());
    assert!(!is_marked(&slips[0]) && is_marked(&slips[1]), "{slips:?}");
}

#[test]
fn what_waits_can_be_moved_and_thrown_away_with_a_reason() {
    let room = Room::open();
    room.paper_out();
    let orders: Vec<Value> = (0..3).map(|_| room.kiosk.placed(&some("tea", 1))).collect();
    room.wait("the receipts are printed", || room.count("printed") == 3);
    let waits = room.jobs("?state=queued");
    let waits = waits.as_array().unwrap();
    assert_eq!(waits.len(), 3, "a printer without paper is given nothing");
    assert_eq!(waits[0]["number"], orders[0]["number"]);
    let moved = room
        .ask(&waits[0], "retry", &json!({"device": "counter"}))
        .expect(200);
    assert_eq!(moved["device"], "counter");
    room.wait("it is printed there", || room.slips(&room.counter) == 4);
    let refused = room.ask(&waits[1], "discard", &json!({}));
    assert_eq!(refused.faults(), ["/reason"]);
    let thrown = room.ask(
        &waits[1],
        "discard",
        &json!({"reason": "cooked from the screen"}),
    );
    let thrown = thrown.expect(200);
    assert_eq!(
        (&thrown["state"], &thrown["why"]),
        (&json!("cancelled"), &json!("discarded"))
    );
    assert_eq!(thrown["note"], "cooked from the screen");
    let again = room.ask(&waits[1], "discard", &json!({"reason": "again"}));
    assert_eq!(
        again.refused(409, "illegal-transition")["status"],
        "cancelled"
    );
    room.ask(&waits[1], "retry", &json!({}))
        .refused(409, "illegal-transition");
    room.paper_back();
    room.wait("only the third comes", || room.count("printed") == 5);
    assert_eq!(room.slips(&room.kitchen), 1);
    let nowhere = room.ask(&waits[2], "reprint", &json!({"device": "attic"}));
    assert_eq!(nowhere.faults(), ["/device"]);
}

#[test]
fn the_kitchen_sees_and_retries_and_the_manager_does_the_rest() {
    let room = Room::open();
    room.paper_out();
    room.kiosk.placed(&some("tea", 1));
    let job = room.jobs("?state=queued")[0].clone();
    let id = job["id"].as_str().unwrap();
    let kitchen = room.kiosk.kitchen();
    let ask = |path: &str, body: Value| room.kiosk.post(path, &body).bearer(&kitchen).send();
    room.kiosk
        .get("/api/v1/devices")
        .bearer(&kitchen)
        .send()
        .expect(200);
    ask(&format!("/api/v1/print-jobs/{id}/retry"), json!({})).expect(200);
    for (path, body) in [
        (format!("/api/v1/print-jobs/{id}/reprint"), json!({})),
        (
            format!("/api/v1/print-jobs/{id}/discard"),
            json!({"reason": "x"}),
        ),
        ("/api/v1/devices/kitchen/test".to_owned(), json!({})),
    ] {
        ask(&path, body).refused(403, "forbidden");
    }
    room.kiosk
        .get("/api/v1/print-jobs")
        .send()
        .refused(401, "unauthorized");
}

#[test]
fn a_test_page_comes_out_of_the_printer_it_is_for() {
    let room = Room::open();
    let test = |name: &str| {
        let path = format!("/api/v1/devices/{name}/test");
        room.kiosk
            .post(&path, &json!({}))
            .bearer(&room.kiosk.manager())
            .send()
    };
    let job = test("kitchen").expect(201);
    assert_eq!(
        (&job["kind"], &job["order"]),
        (&json!("test"), &Value::Null)
    );
    room.wait("it is printed", || room.slips(&room.kitchen) == 1);
    test("attic").refused(404, "not-found");
    test("drawer").refused(404, "not-found");
}

#[test]
fn a_void_takes_back_what_waits_and_tells_the_station_that_has_it() {
    let room = Room::open();
    let cooked = room.kiosk.placed(&some("tea", 1));
    room.wait("both are printed", || room.count("printed") == 2);
    let reason = json!({"reason": "left"});
    room.kiosk.act(&cooked, "void", &reason).send().expect(200);
    room.wait("the station is told", || room.slips(&room.kitchen) == 2);
    let slips = room.kitchen.with(|printer| printer.slips().to_vec());
    assert!(!is_marked(&slips[0]) && is_marked(&slips[1]), "{slips:?}");
    room.wait("that is noted", || room.count("printed") == 3);

    room.paper_out();
    let waiting = room.kiosk.placed(&some("tea", 1));
    room.kiosk.act(&waiting, "void", &reason).send().expect(200);
    assert_eq!(room.count("cancelled"), 1);
    room.paper_back();
    room.wait("its receipt is printed", || room.count("printed") == 4);
    assert_eq!(room.slips(&room.kitchen), 2);
}

#[test]
fn the_drawer_opens_when_money_is_taken_at_the_counter_and_once() {
    let room = Room::open();
    let order = room.kiosk.placed(&some("tea", 1));
    let pulses = || room.counter.with(|printer| printer.pulses());
    room.wait("both are printed", || room.count("printed") == 2);
    assert_eq!(pulses(), 0);
    room.kiosk.act(&order, "pay", &json!({})).send().expect(200);
    room.wait("the drawer opens", || pulses() == 1);
    room.kiosk.act(&order, "pay", &json!({})).send().expect(200);
    // Whatever was to come of that is behind this page in the printer's orders.
    let path = "/api/v1/devices/counter/test";
    room.kiosk
        .post(path, &json!({}))
        .bearer(&room.kiosk.manager())
        .send()
        .expect(201);
    room.wait("the page is printed", || room.slips(&room.counter) == 2);
    assert_eq!(pulses(), 1, "it was paid already");
}

#[test]
fn the_manager_hears_within_two_seconds_that_paper_is_out() {
    let room = Room::open();
    let latest = room.kiosk.state.feed.latest();
    let before = *latest.borrow();
    room.kitchen
        .with(|printer| printer.load(PaperLevel::Out, None));
    let heard = || match room.kiosk.state.feed.after(before) {
        kiosk::web::feed::Resumed::Items(items) => items
            .iter()
            .any(|item| item.kind == "status" && item.data.contains("paper_out")),
        kiosk::web::feed::Resumed::Reset => panic!("the feed was reset"),
    };
    let took = room.wait("the feed tells of it", heard);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_printers_counters_are_there_from_the_beginning_and_count() {
    let room = Room::with("", "");
    let count = |text: &str, device: &str, result: &str| -> f64 {
        let name = format!("kiosk_print_jobs_total{{device=\"{device}\",result=\"{result}\"}} ");
        let line = text.lines().find(|line| line.starts_with(&name));
        let line = line.unwrap_or_else(|| panic!("{name} is not told"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let scrape = || room.kiosk.get("/metrics").send().text();
    let before = scrape();
    for device in ["counter", "kitchen"] {
        for result in [
            "printed",
            "not_taken",
            "interrupted",
            "failed",
            "held",
            "cancelled",
        ] {
            count(&before, device, result);
        }
    }
    room.kiosk.placed(&some("tea", 1));
    room.wait("both are printed", || room.count("printed") == 2);
    assert!(count(&scrape(), "kitchen", "printed") > count(&before, "kitchen", "printed"));
}

#[test]
fn devices_are_listed_with_what_they_are_for() {
    let room = Room::with("fallback = \"counter\"", "");
    let list = room
        .kiosk
        .get("/api/v1/devices")
        .bearer(&room.kiosk.kitchen())
        .send();
    let list = list.expect(200);
    let kitchen = &list["devices"][1];
    assert_eq!(
        (&kitchen["name"], &kitchen["kind"]),
        (&json!("kitchen"), &json!("printer"))
    );
    assert_eq!(kitchen["printer"]["fallback"], "counter");
    assert_eq!(kitchen["printer"]["stations"], json!(["*"]));
    assert_eq!(list["next"], Value::Null);
    assert!(list["found"].is_array());
}

#[test]
fn a_printer_that_is_not_there_is_told_and_holds_nobody_up() {
    let devices = "[[printer]]\nname = \"usb\"\nport = \"/dev/usb/lp-none\"\nreceipt = true\n";
    let kiosk = Kiosk::with(&Options {
        devices: devices.to_owned(),
        ..Options::default()
    });
    let order = kiosk.placed(&some("tea", 1));
    assert_eq!(order["number"], "A001");
    let status = kiosk.get("/api/v1/status").send().expect(200);
    assert_eq!(status["devices"][0]["state"], "missing");
    assert_eq!(status["receipts"], "waiting");
}
