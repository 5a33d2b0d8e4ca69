//! Payments by card, with a simulated terminal at the end of the line: an order waits for its card, is
//! paid once at most, and is never lost.

use std::time::Duration;

use firmware_hal::simulator::card::Plan;
use firmware_hal_linux::SimulatedTerminal;
use serde_json::{Value, json};

use super::printing::now;
use super::support::menu::ramen;
use super::support::{Kiosk, Options};

/// Nothing waits for it to pass; it bounds what never comes.
const PATIENCE: Duration = Duration::from_secs(30);

struct Desk {
    kiosk: Kiosk,
    terminal: SimulatedTerminal,
}

impl Desk {
    fn open(plan: Plan) -> Self {
        let terminal = SimulatedTerminal::start(plan).unwrap();
        let kiosk = Kiosk::with(&Options {
            devices: format!("[card]\nport = \"tcp:{}\"\n", terminal.address()),
            ..Options::default()
        });
        let desk = Self { kiosk, terminal };
        desk.wait("cards are taken", takes_cards);
        desk
    }

    fn status(&self) -> Value {
        self.kiosk.get("/api/v1/status").send().expect(200)
    }

    fn wait(&self, what: &str, is: impl Fn(&Value) -> bool) {
        self.wait_for(what, || is(&self.status()));
    }

    fn wait_for(&self, what: &str, is: impl Fn() -> bool) {
        let begun = now();
        while !is() {
            assert!(
                begun.elapsed() < PATIENCE,
                "it never comes that {what}: {}",
                self.status()
            );
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn order(&self) -> Value {
        self.kiosk.placed(&by_card())
    }

    fn now(&self, order: &Value) -> Value {
        let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
        self.kiosk.get(&path).send().expect(200)
    }

    /// The order once its payment is so.
    fn becomes(&self, order: &Value, payment: &str) -> Value {
        let what = format!("{} is {payment}", order["number"]);
        self.wait_for(&what, || self.now(order)["payment"]["status"] == payment);
        self.now(order)
    }

    fn charged(&self) -> Vec<u64> {
        self.terminal.with(|terminal| terminal.charged().to_vec())
    }
}

fn by_card() -> Value {
    let mut body = ramen();
    body["payment"] = json!({ "method": "card" });
    body
}

fn takes_cards(status: &Value) -> bool {
    status["payment_methods"] == json!(["counter", "card"])
}

#[test]
fn an_order_waits_for_its_card_and_is_paid() {
    let desk = Desk::open(Plan::NoCard);
    let order = desk.order();
    assert_eq!(
        order["payment"],
        json!({"method": "card", "status": "pending"})
    );
    desk.wait_for("the terminal waits for a card", || {
        desk.terminal.with(|terminal| terminal.waits_for_card())
    });
    // The terminal is at something: nobody else is promised it.
    let refused = desk.kiosk.order(&by_card()).send();
    let refused = refused.refused(409, "payment-unavailable");
    assert_eq!(refused["available"], json!(["counter"]));
    desk.terminal.with(|terminal| terminal.present_card());
    let paid = desk.becomes(&order, "paid");
    assert_eq!(
        paid["payment"],
        json!({"method": "card", "status": "paid", "tender": "card", "reference": "42"})
    );
    assert_eq!(desk.charged(), [1340]);
    desk.wait("cards are taken again", takes_cards);
}

#[test]
fn a_kiosk_without_a_terminal_takes_no_cards_and_says_so() {
    let kiosk = Kiosk::open();
    let status = kiosk.get("/api/v1/status").send().expect(200);
    assert_eq!(status["payment_methods"], json!(["counter"]));
    let refused = kiosk
        .order(&by_card())
        .send()
        .refused(409, "payment-unavailable");
    assert_eq!(refused["available"], json!(["counter"]));
    assert_eq!(kiosk.events(), 0);
}

#[test]
fn a_declined_card_leaves_an_order_that_is_paid_in_cash_at_the_counter() {
    let desk = Desk::open(Plan::Decline(0x05));
    let order = desk.order();
    let failed = desk.becomes(&order, "failed");
    assert_eq!(failed["status"], "placed", "the food is another matter");
    let paid = desk.kiosk.act(&order, "pay", &json!({})).send().expect(200);
    assert_eq!(paid["payment"]["tender"], "cash");
    let report = desk
        .kiosk
        .get("/api/v1/reports/day")
        .bearer(&desk.kiosk.manager());
    let report = report.send().expect(200);
    assert_eq!(report["cash"]["taken"], 1340, "it is in the drawer");
    assert_eq!(report["by_payment"][0]["method"], "counter");
}

#[test]
fn a_terminal_that_refuses_sends_the_diner_to_the_counter() {
    let desk = Desk::open(Plan::Refuse(0x9C));
    let order = desk.order();
    let due = desk.becomes(&order, "due");
    assert_eq!(due["payment"]["method"], "card");
    assert_eq!(desk.charged(), [0; 0]);
}

#[test]
fn a_terminal_that_is_unplugged_takes_no_cards_until_it_is_back() {
    let desk = Desk::open(Plan::Approve);
    desk.terminal.plug(false);
    desk.wait("no cards are taken", |status| !takes_cards(status));
    let told = desk.status();
    assert_ne!(told["devices"][0]["state"], "ready", "{told}");
    desk.kiosk
        .order(&by_card())
        .send()
        .refused(409, "payment-unavailable");
    desk.terminal.plug(true);
    desk.wait("cards are taken again", takes_cards);
    let order = desk.order();
    desk.becomes(&order, "paid");
}

/// The line is cut after every so many bytes that the terminal says during a payment: what the order
/// says in the end is what was charged, once it can be known, and nothing is charged twice.
#[test]
fn wherever_the_line_is_cut_the_order_tells_what_was_charged() {
    let desk = Desk::open(Plan::Approve);
    // The first payment of a terminal has none before it to be told apart from.
    let first = desk.order();
    desk.becomes(&first, "paid");
    let charged = [0, 3, 9, 17, 26, 31].map(|bytes| (bytes, true));
    let cancelled = [0, 5].map(|bytes| (bytes, false));
    let mut cuts = 0;
    for (bytes, charges) in charged.into_iter().chain(cancelled) {
        desk.wait("cards are taken", takes_cards);
        let before = desk.charged().len();
        desk.terminal
            .with(|terminal| terminal.set_plan(Plan::NoCard));
        let order = desk.order();
        desk.wait_for("the terminal waits for a card", || {
            desk.terminal.with(|terminal| terminal.waits_for_card())
        });
        desk.terminal.unplug_after(bytes);
        desk.terminal.with(|terminal| match charges {
            true => terminal.present_card(),
            false => terminal.press_cancel(),
        });
        let pending = || desk.now(&order)["payment"]["status"] == "pending";
        desk.wait_for("the line is cut, or the payment has ended", || {
            !desk.terminal.is_plugged() || !pending()
        });
        cuts += usize::from(!desk.terminal.is_plugged());
        desk.terminal.plug(true);
        desk.wait_for("the payment is settled", || !pending());
        let status = desk.now(&order)["payment"]["status"].clone();
        let charged = desk.charged().len() - before;
        assert_eq!(charged, usize::from(charges), "cut after {bytes}");
        assert_eq!(status == "paid", charges, "cut after {bytes}: {status}");
        // A fuse that did not blow in this payment is not for the next one.
        desk.terminal.unplug_after(usize::MAX);
    }
    assert_eq!(cuts, 8, "each of them was cut");
}

#[test]
fn an_order_voided_under_the_card_is_charged_on_record_and_given_back() {
    let desk = Desk::open(Plan::NoCard);
    let order = desk.order();
    desk.wait_for("the terminal waits for a card", || {
        desk.terminal.with(|terminal| terminal.waits_for_card())
    });
    let why = json!({"reason": "changed their mind"});
    // The card is there before the terminal hears that nobody wants it any more.
    desk.terminal.with(|terminal| {
        desk.kiosk.act(&order, "void", &why).send().expect(200);
        terminal.present_card();
    });
    let paid = desk.becomes(&order, "paid");
    assert_eq!(paid["status"], "voided");
    desk.kiosk.act(&order, "refund", &why).send().expect(200);
}

#[test]
fn a_diner_cancels_on_the_screen_and_pays_at_the_counter() {
    let desk = Desk::open(Plan::NoCard);
    let order = desk.order();
    desk.wait_for("the terminal waits for a card", || {
        desk.terminal.with(|terminal| terminal.waits_for_card())
    });
    let path = format!(
        "/api/v1/orders/{}/cancel-payment",
        order["id"].as_str().unwrap()
    );
    let cancel = || desk.kiosk.post(&path, &json!({})).send();
    cancel().expect(202);
    let due = desk.becomes(&order, "due");
    assert_eq!(due["payment"]["reason"], "cancelled at the kiosk");
    assert!(!desk.terminal.with(|terminal| terminal.waits_for_card()));
    assert_eq!(desk.charged(), [0; 0]);
    desk.wait("cards are taken again", takes_cards);
    cancel().refused(409, "illegal-transition");
    let paid = desk.kiosk.act(&order, "pay", &json!({})).send().expect(200);
    assert_eq!(paid["payment"]["tender"], "cash");
}

#[test]
fn a_void_has_the_terminal_stop_asking() {
    let desk = Desk::open(Plan::NoCard);
    let order = desk.order();
    desk.wait_for("the terminal waits for a card", || {
        desk.terminal.with(|terminal| terminal.waits_for_card())
    });
    let why = json!({"reason": "changed their mind"});
    desk.kiosk.act(&order, "void", &why).send().expect(200);
    desk.becomes(&order, "due");
    assert!(!desk.terminal.with(|terminal| terminal.waits_for_card()));
    assert_eq!(desk.charged(), [0; 0]);
}

#[test]
fn of_two_diners_who_tap_at_once_one_is_told_that_the_terminal_is_busy() {
    let desk = Desk::open(Plan::NoCard);
    for _ in 0..5 {
        let answers: Vec<_> = std::thread::scope(|scope| {
            let tap = || desk.kiosk.order(&by_card()).send();
            let taps = [(); 4].map(|()| scope.spawn(tap));
            taps.into_iter().map(|tap| tap.join().unwrap()).collect()
        });
        let (placed, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!((placed.len(), refused.len()), (1, 3));
        for answer in refused {
            let refused = answer.refused(409, "payment-unavailable");
            assert_eq!(refused["busy"], true, "{refused}");
        }
        let order = placed.into_iter().next().unwrap().expect(201);
        desk.wait_for("the terminal waits for a card", || {
            desk.terminal.with(|terminal| terminal.waits_for_card())
        });
        desk.terminal.with(|terminal| terminal.press_cancel());
        desk.becomes(&order, "failed");
        desk.wait("cards are taken again", takes_cards);
    }
}

#[test]
fn cash_taken_while_the_card_is_charged_is_told_until_the_card_was_given_its_money_back() {
    let desk = Desk::open(Plan::NoCard);
    let order = desk.order();
    desk.wait_for("the terminal waits for a card", || {
        desk.terminal.with(|terminal| terminal.waits_for_card())
    });
    desk.terminal.with(|terminal| {
        let cash = json!({"tender": "cash"});
        desk.kiosk.act(&order, "pay", &cash).send().expect(200);
        terminal.present_card();
    });
    let manager = desk.kiosk.manager();
    let sheet = || {
        let path = format!("/manager/orders/{}?lang=en", order["id"].as_str().unwrap());
        desk.kiosk.get(&path).cookie(&manager).send().text()
    };
    desk.wait_for("it is told", || sheet().contains("Paid twice"));
    assert_eq!(desk.charged(), [1340]);
    let told = sheet();
    assert!(
        told.contains("$13.40") && told.contains("payment 42"),
        "{told}"
    );
    assert_eq!(desk.now(&order)["payment"]["tender"], "cash");
    let path = format!(
        "/api/v1/orders/{}/payment-returned",
        order["id"].as_str().unwrap()
    );
    let returned = |body: &Value| desk.kiosk.post(&path, body).bearer(&manager).send();
    assert_eq!(returned(&json!({})).faults(), ["/reason"]);
    let how = json!({"reason": "refunded at the terminal"});
    returned(&how).expect(200);
    assert!(!sheet().contains("Paid twice"));
    returned(&how).refused(409, "illegal-transition");
    desk.wait("cards are taken again", takes_cards);
}
