use super::*;
use crate::web::staff::tests::{at, busy, check, sample};

fn board(orders: &[Order], lang: &str, minute: i64) -> String {
    render(&sample(), orders, Some(lang), 300, at(minute)).unwrap()
}

#[test]
fn an_empty_and_a_busy_board_render_in_both_languages() {
    for lang in ["en", "zh-Hans"] {
        for orders in [Vec::new(), busy(&sample())] {
            let page = board(&orders, lang, 61);
            check(&page, lang);
            assert!(page.contains("Preparing") && page.contains("制作中"));
        }
    }
}

#[test]
fn it_holds_numbers_and_nothing_that_leads_to_an_order() {
    let orders = busy(&sample());
    let page = board(&orders, "en", 61);
    assert!(page.contains(">A055</li>"), "{page}");
    for order in &orders {
        assert!(!page.contains(&order.id.to_string()));
        for line in &order.lines {
            assert!(
                !page.contains(line.name.get("en")),
                "a dish is on the board"
            );
        }
    }
    for secret in ["allergy", "Window", "Table", "/api/", "$"] {
        let body = page.split_once("<main").unwrap().1;
        assert!(!body.contains(secret), "{secret} is on the board");
    }
}

#[test]
fn ready_numbers_leave_and_the_newest_stands_first() {
    let orders = busy(&sample());
    let ready: Vec<_> = orders
        .iter()
        .filter(|o| o.status == Status::Ready)
        .collect();
    let (old, new) = (
        &ready[ready.len() - 2].number,
        &ready.last().unwrap().number,
    );
    // The last one, A057, was ready at minute 58; the one before it, A052, at 53.
    let page = board(&orders, "en", 57);
    assert!(page.find(new.as_str()) < page.find(old.as_str()));
    assert!(!board(&orders, "en", 59).contains(old.as_str()));
    assert!(!board(&orders, "en", 64).contains(new.as_str()));
}

#[test]
fn collected_and_voided_numbers_are_not_on_it() {
    let orders: Vec<_> = busy(&sample())
        .into_iter()
        .filter(|order| matches!(order.status, Status::Collected | Status::Voided))
        .collect();
    assert!(!board(&orders, "en", 61).contains("data-key"));
}
