//! A store in the middle of its day, for screens that have something to show: one kiosk with orders in
//! every state, one that is cut off and closed, and one that was never set up.

use std::path::Path;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::process::Lab;
use crate::proxy::Mode;
use crate::store::{Folder, Kiosk, Store};
use crate::wait::{Look, until};

/// The manager's.
pub(super) const PIN: &str = "135790";

/// Where the screens are.
pub(super) struct Fixture {
    store: Store,
    new: Kiosk,
    /// Shown by the manager of the busy kiosk, and of the cut off one.
    pub(super) tokens: [String; 2],
    pub(super) busy: String,
    pub(super) cut_off: String,
    pub(super) unset: String,
    pub(super) manager: Api,
}

impl Fixture {
    pub(super) async fn open(lab: &Lab) -> anyhow::Result<Self> {
        let kiosks = ["front-left", "front-right"];
        let mut store = Store::enrolled(lab, Folder::temporary()?, "canal-street", &kiosks).await?;
        let config = store.folder().join("kiosk.toml");
        std::fs::write(&config, DEVICES)?;
        for kiosk in &mut store.kiosks {
            let set_pin = ["staff", "set-pin", "--role", "manager"];
            kiosk.command(&set_pin, PIN).await?;
            kiosk.more = [
                "--config",
                &config.to_string_lossy(),
                "--public-url",
                "http://10.1.2.3:8080",
            ]
            .map(str::to_owned)
            .to_vec();
        }
        store.start_cloud().await?;
        store.start_kiosks().await?;
        let mut new = Kiosk::new(lab, store.folder(), "new").await?;
        new.start().await?;
        let [busy, cut_off] = &store.kiosks[..] else {
            unreachable!()
        };
        cut_off.http.set(Mode::BlackHole);
        cut_off.mqtt.set(Mode::BlackHole);
        let first = sign_in(busy).await?;
        let second = sign_in(cut_off).await?;
        fill(&first.0).await?;
        quiet(cut_off, &second.0).await?;
        Ok(Self {
            busy: busy.base().context("it runs")?,
            cut_off: cut_off.base().context("it runs")?,
            unset: new.base().context("it runs")?,
            tokens: [first.1, second.1],
            manager: first.0,
            store,
            new,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        self.store.folder()
    }

    pub(super) async fn close(mut self) -> anyhow::Result<()> {
        self.new.terminate().await?;
        self.store.heal();
        self.store.stop().await
    }

    /// Makes an order and hands it over, so that the next visit finds the store as this one did.
    pub(super) async fn hand_over(&self, id: &str) -> anyhow::Result<()> {
        for action in ["start", "ready", "collect"] {
            let path = format!("/api/v1/orders/{id}/{action}");
            self.manager.post(&path, &json!({})).await?.expect(200)?;
        }
        Ok(())
    }

    /// Says how many of an item are left; `None` for no more counting.
    pub(super) async fn leave(&self, item: &str, left: Option<u32>) -> anyhow::Result<()> {
        let path = format!("/api/v1/items/{item}/availability");
        let answer = self.manager.put(&path, &json!({ "left": left })).await?;
        answer.expect(200)?;
        Ok(())
    }
}

/// Printers that nobody has plugged in.
const DEVICES: &str = "[[printer]]\nname = \"kitchen\"\nport = \"tcp://127.0.0.1:9\"\nstations = [\"*\"]\n\
    [[printer]]\nname = \"counter\"\nport = \"tcp://127.0.0.1:9\"\nreceipt = true\n";

async fn sign_in(kiosk: &Kiosk) -> anyhow::Result<(Api, String)> {
    let api = kiosk.api()?;
    let session = api.post("/api/v1/sessions", &json!({ "pin": PIN })).await?;
    let session = session.expect(201)?;
    let token = session["token"].as_str().context("a token")?.to_owned();
    Ok((api.with_token(&token), token))
}

fn line((item, quantity, options, note): Dish) -> Value {
    if item == SET.0 {
        return noodle_set();
    }
    let options: Vec<_> = options
        .iter()
        .map(|(group, option)| json!({ "group": group, "option": option, "quantity": 1 }))
        .collect();
    let mut line = json!({ "item": item, "quantity": quantity, "options": options });
    if !note.is_empty() {
        line["note"] = note.into();
    }
    line
}

fn noodle_set() -> Value {
    json!({ "item": "noodle-set", "quantity": 1, "parts": [
        { "part": "noodles", "item": "dan-dan-noodles", "options": [
            { "group": "spice", "option": "hot", "quantity": 1 },
            { "group": "size", "option": "large", "quantity": 1 }] },
        { "part": "plate", "item": "tea-eggs", "options": [] },
        { "part": "drink", "item": "hong-kong-milk-tea", "options": [
            { "group": "sweetness", "option": "less", "quantity": 1 }] }] })
}

/// A dish as it is written down: which, how many, with what chosen, and a note.
type Dish = (
    &'static str,
    u32,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const RAMEN: &[(&str, &str)] = &[
    ("spice", "hot"),
    ("toppings", "chashu"),
    ("toppings", "soft-egg"),
    ("leave-out", "no-scallion"),
];
const DUMPLINGS: Dish = (
    "pan-fried-dumplings",
    1,
    &[
        ("pieces", "twelve"),
        ("dip", "vinegar-ginger"),
        ("dip", "chili-oil"),
    ],
    "",
);
const MAPO: &[(&str, &str)] = &[("spice", "medium"), ("rice-base", "jasmine")];
const SCOOPS: &[(&str, &str)] = &[("scoops", "matcha"), ("scoops", "mango")];
const SET: Dish = ("noodle-set", 1, &[], "");
const FRIES: Dish = ("sweet-potato-fries", 2, &[], "");
const BUNS: Dish = ("bbq-pork-buns", 1, &[], "");
const RICE: Dish = ("steamed-rice", 3, &[], "");
const TEA: Dish = ("coconut-water", 2, &[], "");
const ALLERGY: Dish = (
    "tonkotsu-ramen",
    1,
    RAMEN,
    "peanut allergy, clean wok please",
);
const ALLERGY_ZH: Dish = ("tonkotsu-ramen", 1, RAMEN, "对花生过敏，请用干净的锅");

/// What was ordered today.
const CARTS: [&[Dish]; 13] = [
    &[ALLERGY, FRIES],
    &[SET, TEA],
    &[DUMPLINGS, BUNS, RICE],
    &[FRIES, ("edamame", 1, &[], "extra salt")],
    &[("tonkotsu-ramen", 1, RAMEN, ""), ALLERGY_ZH, TEA],
    &[
        ("mango-pomelo-sago", 2, &[], ""),
        ("caramel-pudding", 1, &[], ""),
    ],
    &[("mapo-tofu-rice", 1, MAPO, "less oil"), RICE],
    &[("tea-eggs", 3, &[], ""), BUNS],
    &[("beef-skewers", 2, &[("spice", "mild")], ""), FRIES, TEA],
    &[("spring-rolls", 2, &[], ""), ("red-bean-soup", 1, &[], "")],
    &[("two-scoops", 1, SCOOPS, "")],
    &[
        SET,
        DUMPLINGS,
        ("garlic-broccoli", 1, &[("leave-out", "no-garlic")], ""),
    ],
    &[
        ("lotus-mooncake", 2, &[], ""),
        ("pot-of-tea", 1, &[("pot-tea", "longjing")], ""),
    ],
];

const TERMINALS: [&str; 3] = ["window", "bar", "door"];

async fn order(api: &Api, lines: Vec<Value>, at: usize) -> anyhow::Result<String> {
    let mut cart = json!({
        "service": if at.is_multiple_of(3) { "take_away" } else { "eat_in" },
        "language": if at.is_multiple_of(4) { "zh-Hans" } else { "en" },
        "terminal": TERMINALS[at % TERMINALS.len()],
        "lines": lines,
        "payment": { "method": "counter" },
    });
    if !at.is_multiple_of(3) {
        cart["table"] = (at + 3).to_string().into();
    }
    if at % 5 == 2 {
        cart["tip"] = json!({ "percent": "0.15" });
    }
    let key = Uuid::new_v4().to_string();
    let headers = [("Idempotency-Key", key.as_str())];
    let answer = api
        .send(
            Method::POST,
            "/api/v1/orders",
            &headers,
            Some(cart.to_string()),
        )
        .await?;
    let order = answer.expect(201)?;
    Ok(order["id"].as_str().context("an id")?.to_owned())
}

/// What happened to each order so far, in the order of [`CARTS`].
const LIVES: [&[&str]; 13] = [
    &["pay", "start", "ready", "collect"],
    &["pay", "start", "ready", "collect", "refund"],
    &["pay", "start", "ready"],
    &["start", "ready"],
    &["start"],
    &["pay", "start"],
    &["void"],
    &["pay"],
    &["pay"],
    &[],
    &[],
    &["pay"],
    &[],
];

async fn fill(api: &Api) -> anyhow::Result<()> {
    cash(api, "float", 15_000, None).await?;
    for (at, (lines, life)) in CARTS.into_iter().zip(LIVES).enumerate() {
        let lines = lines.iter().map(|dish| line(*dish)).collect();
        let id = order(api, lines, at).await?;
        for action in life {
            let body = match *action {
                "void" | "refund" => json!({ "reason": "the diner had to leave" }),
                "pay" => json!({ "tender": if at % 2 == 0 { "cash" } else { "card" } }),
                _ => json!({}),
            };
            let path = format!("/api/v1/orders/{id}/{action}");
            api.post(&path, &body).await?.expect(200)?;
        }
    }
    cash(api, "out", 2_000, Some("ice for the drinks")).await?;
    for (item, body) in [
        ("soup-dumplings", json!({ "available": false })),
        ("lotus-mooncake", json!({ "left": 3 })),
    ] {
        let path = format!("/api/v1/items/{item}/availability");
        api.put(&path, &body).await?.expect(200)?;
    }
    for (name, role, pin) in [("Mei", "manager", "246801"), ("Jonas", "kitchen", "864209")] {
        let person = json!({ "name": name, "role": role, "pin": pin });
        api.post("/api/v1/staff", &person).await?.expect(201)?;
    }
    let path = format!("/api/v1/help/{}", Uuid::now_v7());
    api.put(&path, &json!({ "terminal": "window" })).await?;
    let off = json!({ "state": "off", "reason": "stocktaking" });
    api.put("/api/v1/switches/recommendations", &off).await?;
    Ok(())
}

async fn cash(api: &Api, kind: &str, amount: u32, reason: Option<&str>) -> anyhow::Result<()> {
    let body = json!({ "kind": kind, "amount": amount, "reason": reason });
    let answer = api.post("/api/v1/days/cash", &body).await?;
    // No day is open before the first order where none was opened by hand.
    if answer.status == 409 {
        api.post("/api/v1/days/open", &json!({}))
            .await?
            .expect(200)?;
        api.post("/api/v1/days/cash", &body).await?.expect(200)?;
    }
    Ok(())
}

/// A kiosk that took one order, noticed that it is alone, and closed for today.
async fn quiet(kiosk: &Kiosk, api: &Api) -> anyhow::Result<()> {
    let lines = vec![line(("edamame", 1, &[], ""))];
    order(api, lines, 1).await?;
    let limit = std::time::Duration::from_secs(30);
    until("it notices that it is cut off", limit, async || {
        let status = kiosk.status().await?;
        Ok(match status["link"] == "offline" {
            true => Look::Done(()),
            false => Look::NotYet(status["link"].to_string()),
        })
    })
    .await?;
    let answer = api.post("/api/v1/days/close", &json!({})).await?;
    answer.expect(200)?;
    Ok(())
}
