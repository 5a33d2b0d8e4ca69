//! Receipts for screens.

use super::support::menu::{ramen, some};
use super::support::{Answer, Kiosk};

fn receipt(kiosk: &Kiosk, order: &serde_json::Value, ending: &str) -> Answer {
    let id = order["id"].as_str().unwrap();
    kiosk
        .get(&format!("/api/v1/orders/{id}/receipt.{ending}"))
        .send()
}

#[test]
fn whoever_knows_the_id_sees_the_receipt_as_a_page_and_as_a_picture() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&ramen());
    let page = receipt(&kiosk, &order, "html");
    assert_eq!(page.status, 200);
    assert!(page.text().contains(">A001<"), "{}", page.text());
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("style-src 'sha256-")
    );
    let picture = receipt(&kiosk, &order, "png");
    assert_eq!(
        (picture.status, picture.header("content-type")),
        (200, Some("image/png"))
    );
    assert!(picture.body.starts_with(b"\x89PNG\r\n\x1a\n"));
    for answer in [page, picture] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

#[test]
fn language_and_width_can_be_chosen_and_nothing_else() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&some("tea", 1));
    assert!(receipt(&kiosk, &order, "html").text().contains("Total"));
    let chinese = receipt(&kiosk, &order, "html?lang=zh-Hans&width=58").text();
    assert!(
        chinese.contains("合计") && chinese.contains("slip narrow"),
        "{chinese}"
    );
    let width = |answer: Answer| u32::from_be_bytes(answer.body[16..20].try_into().unwrap());
    assert_eq!(width(receipt(&kiosk, &order, "png")), 576 + 64);
    assert_eq!(width(receipt(&kiosk, &order, "png?width=58")), 384 + 64);
    assert_eq!(
        receipt(&kiosk, &order, "html?lang=tlh&width=70&x=1")
            .faults()
            .len(),
        3
    );
    assert_eq!(receipt(&kiosk, &order, "png?width=70").faults(), ["/width"]);
}

#[test]
fn an_order_that_is_not_there_has_no_receipt() {
    let kiosk = Kiosk::open();
    for name in ["0199a1b2-0000-7000-8000-000000000001", "A001", "%00"] {
        for ending in ["html", "png"] {
            let answer = kiosk
                .get(&format!("/api/v1/orders/{name}/receipt.{ending}"))
                .send();
            answer.refused(404, "not-found");
        }
    }
}

#[test]
fn the_receipt_shows_the_order_as_it_is_now() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&some("tea", 1));
    assert!(
        receipt(&kiosk, &order, "html")
            .text()
            .contains("Please pay at the counter")
    );
    let reason = serde_json::json!({"reason": "spilt"});
    kiosk.act(&order, "void", &reason).send().expect(200);
    let page = receipt(&kiosk, &order, "html").text();
    assert!(
        page.contains("VOID 作废") && page.contains("spilt"),
        "{page}"
    );
    assert!(!page.contains("Please pay"));
}
