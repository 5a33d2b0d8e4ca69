use kiosk_core::day::Schedule;

use super::*;
use crate::settings::Settings;
use crate::web::staff::tests::{at, busy, check, sample};

fn screen(orders: &[Order], lang: &str) -> String {
    let menu = sample();
    let kitchen = Kitchen {
        menu: &menu,
        orders,
        offline: true,
        patience: Settings::new(Schedule::default()).patience(),
        now: at(61),
    };
    kitchen.page(Some(lang)).unwrap()
}

#[test]
fn an_empty_and_a_busy_kitchen_render_in_both_languages() {
    for lang in ["en", "zh-Hans"] {
        check(&screen(&[], lang), lang);
        check(&screen(&busy(&sample()), lang), lang);
    }
    assert!(screen(&[], "en").contains("Internet down"));
}

#[test]
fn tickets_stand_oldest_first_and_tell_their_age() {
    let page = screen(&busy(&sample()), "en");
    let rail = page.split_once("id=\"tickets\"").unwrap().1;
    assert!(rail.find(">A000<") < rail.find(">A001<"));
    assert!(rail.contains(">61:00<") && rail.contains("class=\"ticket late\""));
    assert!(rail.contains("class=\"ticket fresh\""));
}

#[test]
fn each_ticket_offers_its_next_step() {
    let page = screen(&busy(&sample()), "en");
    let ticket = |number: &str| {
        let from = page
            .split_once(&format!("data-number=\"{number}\""))
            .unwrap()
            .1;
        from.split_once("</article>").unwrap().0.to_owned()
    };
    assert!(ticket("A000").contains("data-do=\"start\""));
    assert!(ticket("A001").contains("data-do=\"ready\""));
    assert!(
        ticket("A004").contains("data-do=\"acknowledge\"") && ticket("A004").contains("VOIDED")
    );
    assert!(
        !page.contains("data-number=\"A003\""),
        "a collected order is on the rail"
    );
}

#[test]
fn an_allergy_is_a_banner_and_its_words_are_marked() {
    let page = screen(&busy(&sample()), "en");
    assert!(page.contains("ALLERGY: Peanut allergy!"));
    assert!(page.contains("<mark>Peanut</mark>") && page.contains("<mark>allergy</mark>"));
}

#[test]
fn ready_orders_wait_at_the_pass_and_the_last_twenty_can_be_called_back() {
    let page = screen(&busy(&sample()), "en");
    let pass = page.split_once("id=\"pass\"").unwrap().1;
    assert!(pass.split_once("</ul>").unwrap().0.contains(">A057<"));
    assert_eq!(page.matches("class=\"slip\"").count(), RECALLED);
}

#[test]
fn every_station_of_the_menu_has_a_tab() {
    let page = screen(&[], "en");
    for station in ["noodle", "wok", "steam", "fry", "drinks", "dessert"] {
        assert!(
            page.contains(&format!("data-tab=\"{station}\"")),
            "{station}"
        );
    }
}
