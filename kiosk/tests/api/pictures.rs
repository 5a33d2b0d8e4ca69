//! Picture files beside the menu.

use serde_json::json;

use super::support::Kiosk;
use super::support::menu::document;

const DOT: &[u8] = br#"<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>"#;

/// The URL under which the diner's page shows the ramen.
fn shown(kiosk: &Kiosk) -> Option<String> {
    let page = kiosk.get("/").send().text();
    let (_, rest) = page.split_once("src=\"/pictures/")?;
    let (url, _) = rest.split_once('"')?;
    Some(format!("/pictures/{url}"))
}

fn with_picture(name: &str) -> serde_json::Value {
    let mut menu = document();
    menu["items"][0]["picture"] = json!(name);
    menu
}

#[test]
fn a_file_beside_the_menu_is_shown_and_one_that_comes_later_too() {
    let kiosk = Kiosk::open();
    kiosk.set_menu(&with_picture("ramen.svg"));
    assert_eq!(shown(&kiosk), None, "no picture, no broken picture");
    std::fs::write(kiosk.folder.path().join("ramen.svg"), DOT).unwrap();
    let url = shown(&kiosk).expect("on the page");
    let answer = kiosk.get(&url).send();
    assert_eq!(answer.text().as_bytes(), DOT);
    assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
    assert!(
        answer
            .header("cache-control")
            .unwrap()
            .contains("immutable")
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let old = kiosk.get("/pictures/ramen.svg?v=1").send();
    assert_eq!(old.header("cache-control"), Some("no-cache"));
}

#[test]
fn only_what_the_menu_names_is_shown() {
    let kiosk = Kiosk::open();
    for file in ["ramen.svg", "other.svg"] {
        std::fs::write(kiosk.folder.path().join(file), DOT).unwrap();
    }
    kiosk.set_menu(&with_picture("ramen.svg"));
    kiosk.get("/pictures/ramen.svg").send().text();
    for hidden in [
        "other.svg",
        "journal.sqlite",
        "..%2Framen.svg",
        "%00.svg",
        "%FF.svg",
    ] {
        let path = format!("/pictures/{hidden}");
        kiosk.get(&path).send().refused(404, "not-found");
    }
}
