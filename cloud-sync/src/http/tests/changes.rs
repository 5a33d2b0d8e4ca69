//! Switches, settings and groups: who may change them, what kiosks are told, and the record of it.

use axum::http::{Method, Request, StatusCode};
use cloud_sync_wire::notice::scope::Scope;
use cloud_sync_wire::notice::{SettingsNotice, SwitchNotice};
use cloud_sync_wire::signed;
use serde_json::{Value, json};

use super::{Answer, Site, token};
use crate::ledger::changes::MOST;
use crate::ledger::users::Role;
use crate::testing::Kiosk;

/// A site with somebody who may change things.
struct Office {
    site: Site,
    session: String,
}

impl Office {
    async fn open() -> Self {
        let site = Site::new();
        let session = site.sign_in("mei", Role::Editor).await;
        Self { site, session }
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        let session = Some(self.session.as_str());
        let body = body.to_string();
        self.site.call(Method::PUT, path, session, body).await
    }

    async fn turn(&self, name: &str, state: &str, scope: &Value) -> Value {
        let body = json!({"state": state, "scope": scope, "reason": "supplier outage"});
        let answer = self.put(&format!("/api/v1/switches/{name}"), &body).await;
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, StatusCode::OK, "{told}");
        answer.json()
    }

    async fn group(&self, kiosk: &str, groups: &[&str]) {
        let body = json!({"groups": groups, "reason": "moved"});
        let path = format!("/api/v1/kiosks/s/{kiosk}/groups");
        assert_eq!(self.put(&path, &body).await.status, StatusCode::OK);
    }

    async fn told(&self, kiosk: &Kiosk) -> SwitchNotice {
        let answer = self.fetch(kiosk, "switches").await;
        signed::open(&answer.body, &self.site.rig.cloud.key.public()).unwrap()
    }

    async fn fetch(&self, kiosk: &Kiosk, what: &str) -> Answer {
        let (store, name) = (&kiosk.speaker.store, &kiosk.speaker.kiosk);
        let path = format!("/api/v1/kiosks/{store}/{name}/{what}");
        self.site.get(&path, &token(kiosk)).await
    }

    async fn get(&self, path: &str) -> Value {
        self.site.get(path, &self.session).await.json()
    }
}

/// What a notice says, short: state, scope and number of each setting.
fn states(notice: &SwitchNotice) -> Vec<(String, String, u64)> {
    let each = notice.switches.iter();
    each.map(|s| (s.state.clone(), s.scope.to_string(), s.number))
        .collect()
}

#[tokio::test]
async fn a_turned_switch_is_told_with_who_for_whom_and_why() {
    let office = Office::open().await;
    let kiosk = office.site.rig.kiosk("k").await;
    assert_eq!(office.told(&kiosk).await.number, 0);
    let turned = office
        .turn("ordering_cloud", "off", &json!({"kiosk": "k"}))
        .await;
    assert_eq!(
        (&turned["by"], &turned["reason"], &turned["scope"]),
        (
            &json!("mei"),
            &json!("supplier outage"),
            &json!({"kiosk": "s/k"})
        )
    );
    let told = office.told(&kiosk).await;
    assert_eq!(told.number, turned["number"].as_u64().unwrap());
    let setting = told.switches.first().unwrap();
    assert_eq!(
        (
            setting.name.as_str(),
            setting.state.as_str(),
            setting.by.as_str()
        ),
        ("ordering_cloud", "off", "mei")
    );
    let listed = office.get("/api/v1/switches").await;
    assert_eq!(listed, json!({"switches": [turned], "next": null}));
    let again = office
        .turn("ordering_cloud", "off", &json!({"kiosk": "s/k"}))
        .await;
    assert_eq!(again, turned, "the same again is no change");
}

#[tokio::test]
async fn taking_a_setting_away_is_told_too_and_stays_in_the_record() {
    let office = Office::open().await;
    let kiosk = office.site.rig.kiosk("k").await;
    office.turn("x", "off", &json!({"percent": 100})).await;
    office.turn("x", "on", &json!({"percent": 0})).await;
    let kept = vec![("on".to_owned(), "0 % of kiosks".to_owned(), 2)];
    assert_eq!(states(&office.told(&kiosk).await), kept);
    office.turn("x", "auto", &json!({"percent": 0})).await;
    let told = office.told(&kiosk).await;
    assert_eq!((told.number, told.switches[0].state.as_str()), (3, "auto"));
    let listed = office.get("/api/v1/switches").await;
    assert_eq!(listed["switches"], json!([]));
    let record = office.get("/api/v1/changes?limit=2").await;
    assert_eq!(record["changes"][0]["state"], "auto");
    assert_eq!(record["changes"][1]["number"], 2);
    let next = record["next"].as_str().unwrap();
    let rest = office.get(&format!("/api/v1/changes?after={next}")).await;
    assert_eq!(
        (&rest["changes"][0]["state"], &rest["next"]),
        (&json!("off"), &json!(null))
    );
}

#[tokio::test]
async fn kiosks_are_told_only_what_may_matter_to_their_store() {
    let office = Office::open().await;
    let rig = &office.site.rig;
    let (here, there) = (rig.kiosk("k").await, rig.kiosk_of("t", "k").await);
    let named = json!({"state": "off", "scope": {"kiosk": "k"}, "reason": "x"});
    let refused = office.put("/api/v1/switches/a", &named).await;
    let problem = refused.is_problem(422, "/problems/invalid");
    assert!(problem["detail"].as_str().unwrap().contains("s/k or t/k"));
    office.turn("a", "off", &json!({"kiosk": "s/k"})).await;
    office.turn("a", "on", &json!({"group": "airport"})).await;
    assert_eq!(office.told(&there).await.number, 0);
    let own = |state: &str, of: &str, number| (state.to_owned(), of.to_owned(), number);
    let told = office.told(&here).await;
    assert_eq!(states(&told), [own("off", "kiosk s/k", 1)]);
    office.group("k", &["airport"]).await;
    let told = office.told(&here).await;
    assert_eq!(told.number, 3);
    let both = [own("off", "kiosk s/k", 1), own("on", "group airport", 2)];
    assert_eq!(states(&told), both);
    assert_eq!(told.groups[&here.speaker.kiosk], ["airport"]);
    let kiosks = office.get("/api/v1/kiosks").await;
    assert_eq!(kiosks["kiosks"][0]["groups"], json!(["airport"]));
    office.group("k", &[]).await;
    let told = office.told(&here).await;
    assert_eq!((told.number, told.groups.len()), (4, 0));
    assert_eq!(states(&told), [own("off", "kiosk s/k", 1)]);
    assert_eq!(office.told(&there).await.number, 0);
}

#[tokio::test]
async fn settings_are_checked_key_by_key_and_told() {
    let office = Office::open().await;
    let kiosk = office.site.rig.kiosk("k").await;
    let path = "/api/v1/settings/breakers";
    let bad = json!({
        "settings": {"ordering": {"slow_percent": 101, "colour": 1}, "gravity": {}},
        "scope": {"all": true, "percent": 1}, "reason": " ", "for": 1,
    });
    let problem = office
        .put(path, &bad)
        .await
        .is_problem(422, "/problems/invalid");
    let mut places: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    places.sort_unstable();
    let want = [
        "/for",
        "/reason",
        "/scope",
        "/settings/gravity",
        "/settings/ordering/colour",
        "/settings/ordering/slow_percent",
    ];
    assert_eq!(places, want);
    let good = json!({
        "settings": {"ordering": {"slow_percent": 50}}, "scope": {"all": true}, "reason": "slow",
    });
    let set = office.put(path, &good).await.json();
    assert_eq!(set["settings"], good["settings"]);
    let answer = office.fetch(&kiosk, "settings").await;
    let key = office.site.rig.cloud.key.public();
    let told: SettingsNotice = signed::open(&answer.body, &key).unwrap();
    assert_eq!((told.number, &told.settings[0].scope), (1, &Scope::All));
    assert_eq!(
        Value::Object(told.settings[0].settings.clone()),
        good["settings"]
    );
    // Switches have nothing to do with it.
    assert_eq!(office.told(&kiosk).await.number, 0);
    let gone = json!({"settings": {}, "scope": {"all": true}, "reason": "over"});
    office.put(path, &gone).await;
    assert_eq!(office.get(path).await["settings"], json!([]));
}

#[tokio::test]
async fn settings_are_judged_beside_what_is_set_for_other_scopes() {
    let office = Office::open().await;
    office.site.rig.kiosk("k").await;
    let path = "/api/v1/settings/breakers";
    let wish = |ordering: Value, scope: Value| json!({"settings": {"ordering": ordering}, "scope": scope, "reason": "slow"});
    let percent = json!({"slow_percent": 40});
    let kiosk = json!({"kiosk": "s/k"});
    let set = office.put(path, &wish(percent, kiosk.clone())).await;
    assert_eq!(set.status, StatusCode::OK);
    let off = wish(json!({"slow_after_ms": "off"}), json!({"all": true}));
    let refused = office.put(path, &off).await;
    let problem = refused.is_problem(422, "/problems/invalid");
    let told = problem["errors"][0].clone();
    assert_eq!(told["pointer"], "/settings");
    let detail = told["detail"].as_str().unwrap();
    let words = "ordering.slow_percent, set for kiosk s/k, does nothing while slow_after_ms is off";
    assert!(detail.starts_with(words), "{detail}");
    office.put(path, &wish(json!({}), kiosk)).await;
    assert_eq!(office.put(path, &off).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_notice_is_fetched_once_and_by_its_kiosk_alone() {
    let office = Office::open().await;
    let rig = &office.site.rig;
    let (kiosk, other) = (rig.kiosk("k").await, rig.kiosk("other").await);
    let first = office.fetch(&kiosk, "switches").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let ask = |tag: &str| {
        let request = Request::get("/api/v1/kiosks/s/k/switches");
        let request = request.header("authorization", format!("Bearer {}", token(&kiosk)));
        let request = request.header("if-none-match", tag);
        office.site.send(request.body(().into()).unwrap())
    };
    assert_eq!(ask(&tag).await.status, StatusCode::NOT_MODIFIED);
    office.turn("a", "off", &json!({"all": true})).await;
    assert_eq!(ask(&tag).await.status, StatusCode::OK);
    for who in [token(&other), office.session.clone(), String::new()] {
        let refused = office.site.get("/api/v1/kiosks/s/k/switches", &who).await;
        refused.is_problem(401, "/problems/unauthorized");
    }
    rig.revoke(&kiosk).await;
    let refused = office.fetch(&kiosk, "settings").await;
    refused.is_problem(401, "/problems/unauthorized");
}

#[tokio::test]
async fn a_wish_that_makes_no_sense_changes_nothing() {
    let office = Office::open().await;
    office.site.rig.kiosk("k").await;
    let wish = |scope: Value| json!({"state": "off", "scope": scope, "reason": "x"});
    for (name, body) in [
        ("Bad", wish(json!({"all": true}))),
        ("a", wish(json!({"all": false}))),
        ("a", wish(json!({}))),
        ("a", wish(json!({"percent": 101}))),
        ("a", wish(json!({"group": "A"}))),
        ("a", wish(json!({"kiosk": "nobody"}))),
        ("a", wish(json!({"kiosk": "s/nobody"}))),
        ("a", wish(json!({"kiosk": "s/k", "all": true}))),
        (
            "a",
            json!({"state": "half", "scope": {"all": true}, "reason": "x"}),
        ),
        (
            "a",
            json!({"state": "on", "scope": {"all": true}, "reason": "x".repeat(201)}),
        ),
    ] {
        let answer = office.put(&format!("/api/v1/switches/{name}"), &body).await;
        answer.is_problem(422, "/problems/invalid");
    }
    let groups = json!({"groups": ["a", "B"], "reason": "x"});
    let answer = office.put("/api/v1/kiosks/s/k/groups", &groups).await;
    answer.is_problem(422, "/problems/invalid");
    let groups = json!({"groups": ["a"], "reason": "x"});
    let answer = office.put("/api/v1/kiosks/s/none/groups", &groups).await;
    answer.is_problem(404, "/problems/not-found");
    assert_eq!(office.get("/api/v1/changes").await["changes"], json!([]));
}

#[tokio::test]
async fn a_viewer_changes_nothing_and_a_stranger_sees_nothing() {
    let office = Office::open().await;
    let viewer = office.site.sign_in("vera", Role::Viewer).await;
    let body = json!({"state": "off", "scope": {"all": true}, "reason": "x"}).to_string();
    for path in [
        "/api/v1/switches/a",
        "/api/v1/settings/breakers",
        "/api/v1/kiosks/s/k/groups",
    ] {
        let call = |who| office.site.call(Method::PUT, path, who, body.clone());
        call(Some(viewer.as_str()))
            .await
            .is_problem(403, "/problems/forbidden");
        call(None).await.is_problem(401, "/problems/unauthorized");
    }
    for path in [
        "/api/v1/switches",
        "/api/v1/settings/breakers",
        "/api/v1/changes",
    ] {
        let stranger = office.site.call(Method::GET, path, None, ()).await;
        stranger.is_problem(401, "/problems/unauthorized");
        let seen = office.site.get(path, &viewer).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn what_kiosks_are_told_always_fits_into_one_message() {
    let office = Office::open().await;
    let kiosk = office.site.rig.kiosk("k").await;
    let longest = |n: usize, of: &str| format!("{of}{n:02}{}", "x".repeat(63 - of.len() - 2));
    let body = |scope: Value, state: &str| json!({"state": state, "scope": scope, "reason": "灯".repeat(200)});
    let all = json!({"all": true});
    for n in 0..MOST {
        for (of, scope) in [("a", all.clone()), ("k", json!({"kiosk": "s/k"}))] {
            let path = format!("/api/v1/switches/{}", longest(n, of));
            let answer = office.put(&path, &body(scope, "off")).await;
            assert_eq!(answer.status, StatusCode::OK);
        }
    }
    let one = body(all.clone(), "off");
    let full = office.put("/api/v1/switches/one", &one).await;
    full.is_problem(422, "/problems/invalid");
    assert_eq!(office.told(&kiosk).await.switches.len(), 2 * MOST);
    // What was taken away makes room.
    let path = format!("/api/v1/switches/{}", longest(3, "a"));
    office.put(&path, &body(all.clone(), "auto")).await;
    let room = office.put("/api/v1/switches/one", &body(all, "off")).await;
    assert_eq!(room.status, StatusCode::OK);
    assert_eq!(office.told(&kiosk).await.switches.len(), 2 * MOST);
}

#[tokio::test]
async fn settings_that_kiosks_cannot_be_told_in_one_message_are_refused() {
    use cloud_sync_wire::notice::tuning::{KEYS, Range};
    let office = Office::open().await;
    let kiosk = office.site.rig.kiosk("k").await;
    let keys = KEYS.iter().map(|(key, range)| {
        let value = match range {
            Range::Whole(_, most) | Range::OrOff(_, most) => json!(most),
            Range::Words(words) => json!(words[words.len() - 1]),
        };
        ((*key).to_owned(), value)
    });
    let mut all: serde_json::Map<_, _> = keys.collect();
    for one_too_many in ["probe_failure_percent", "calls_per_second"] {
        all.remove(one_too_many);
    }
    for (key, fitting) in [
        ("window", json!("rolling")),
        ("slow_after_ms", json!(1)),
        ("retry_least_ms", json!(0)),
    ] {
        all.insert(key.to_owned(), fitting);
    }
    let body = |scope: Value| {
        json!({
            "settings": {"ordering": all, "menu": all}, "scope": scope, "reason": "灯".repeat(200),
        })
    };
    let path = "/api/v1/settings/breakers";
    let mut taken = 0;
    let refused = loop {
        let scope = json!({"group": format!("g{taken}")});
        let answer = office.put(path, &body(scope)).await;
        if answer.status != StatusCode::OK {
            break answer;
        }
        taken += 1;
        assert!(taken < MOST, "they would not fit");
    };
    refused.is_problem(422, "/problems/invalid");
    office.group("k", &["g0"]).await;
    // What a scope has can be set anew where there is no room for another.
    let again = office.put(path, &body(json!({"group": "g0"}))).await;
    assert_eq!(again.status, StatusCode::OK);
    let answer = office.fetch(&kiosk, "settings").await;
    let key = office.site.rig.cloud.key.public();
    let told: SettingsNotice = signed::open(&answer.body, &key).unwrap();
    assert_eq!(told.settings.len(), 1);
}

#[tokio::test]
async fn settings_that_contradict_themselves_are_refused_whole() {
    let office = Office::open().await;
    let path = "/api/v1/settings/breakers";
    let bad = json!({
        "settings": {"ordering": {"retry_percent": 10, "failures": 3}, "menu": {"open_ms": 2, "open_most_ms": 1}},
        "scope": {"all": true}, "reason": "a try",
    });
    let problem = office.put(path, &bad).await;
    let problem = problem.is_problem(422, "/problems/invalid");
    let faults = problem["errors"].as_array().unwrap();
    let places: Vec<_> = faults.iter().map(|fault| &fault["pointer"]).collect();
    assert_eq!(
        places,
        ["/settings/menu/open_ms", "/settings/ordering/retry_percent"]
    );
    assert_eq!(office.get(path).await["settings"], json!([]));
}

#[tokio::test]
async fn the_page_shows_what_is_in_force_and_who_changed_what() {
    let office = Office::open().await;
    office.site.rig.kiosk("k").await;
    let page = async |session: &str| {
        let answer = office.site.get("/control", session).await;
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let empty = page(&office.session).await;
    assert!(empty.contains("No switch is turned") && empty.contains("Nothing was ever changed"));
    office
        .turn("ordering_cloud", "off", &json!({"kiosk": "s/k"}))
        .await;
    let set = json!({
        "settings": {"ordering": {"slow_after_ms": 800}}, "scope": {"percent": 10},
        "reason": "<b>slow</b>",
    });
    office.put("/api/v1/settings/breakers", &set).await;
    let told = page(&office.session).await;
    for part in [
        "kiosk s/k",
        "ordering.slow_after_ms = 800",
        "10 % of kiosks",
        "data-kind=\"switch\"",
    ] {
        assert!(told.contains(part), "{part}");
    }
    assert!(!told.contains("<b>slow</b>"), "not escaped");
    office
        .turn("ordering_cloud", "auto", &json!({"kiosk": "s/k"}))
        .await;
    assert!(page(&office.session).await.contains("taken away"));
    let stranger = page("").await;
    assert!(!stranger.contains("slow_after_ms"));
    let viewer = office.site.sign_in("vera", Role::Viewer).await;
    let looked = page(&viewer).await;
    assert!(looked.contains("slow_after_ms") && !looked.contains("data-kind"));
}
