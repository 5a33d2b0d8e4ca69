//! The document and the routes are the same set, methods included.

use std::collections::BTreeSet;

use super::support::Kiosk;
use super::support::document::{document, paths};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"];

#[test]
fn each_path_serves_the_methods_that_are_described_and_refuses_all_others() {
    let kiosk = Kiosk::open();
    for (template, described) in paths() {
        let path = template
            .replace("{id}", "0199a1b2-0000-7000-8000-000000000001")
            .replace("{item}", "tea")
            .replace("{name}", "menu_updates");
        let described = described.as_object().unwrap();
        let mut wanted: BTreeSet<String> = described.keys().map(|key| key.to_uppercase()).collect();
        if wanted.contains("GET") {
            wanted.insert("HEAD".to_owned());
        }
        for method in METHODS.iter().filter(|method| !wanted.contains(**method)) {
            let answer = kiosk.ask(method, &path).send();
            answer.refused(405, "method-not-allowed");
            let allowed = answer.header("allow").unwrap().split(',');
            let allowed: BTreeSet<String> = allowed.map(|name| name.trim().to_owned()).collect();
            assert_eq!(allowed, wanted, "{template}");
        }
        for method in wanted.iter().filter(|_| template != "/api/v1/events") {
            assert_ne!(
                kiosk.ask(method, &path).send().status,
                405,
                "{method} {template}"
            );
        }
    }
}

#[test]
fn the_document_is_served_as_it_is_checked_in() {
    let kiosk = Kiosk::open();
    let served = kiosk.get("/api/openapi.json").send().expect(200);
    assert_eq!(&served, document());
    assert_eq!(served["openapi"], "3.1.0");
}

#[test]
fn operations_that_need_a_session_say_so_and_no_others() {
    let kiosk = Kiosk::open();
    for (template, described) in paths() {
        let path = template
            .replace("{id}", "x")
            .replace("{item}", "tea")
            .replace("{name}", "menu_updates");
        for (method, operation) in described.as_object().unwrap() {
            if template == "/api/v1/events" {
                continue;
            }
            let needed = operation["security"].as_array().is_some_and(|ways| {
                !ways.is_empty() && ways.iter().all(|way| !way.as_object().unwrap().is_empty())
            });
            let status = kiosk.ask(&method.to_uppercase(), &path).send().status;
            assert_eq!(status == 401, needed, "{method} {template}: {status}");
        }
    }
}
