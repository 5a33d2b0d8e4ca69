use kiosk_core::menu::Parsed;

use super::sheet::{Kind, kind};
use super::*;

const SAMPLE: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/menus/lantern-noodles.json"
));

fn sample() -> Menu {
    let Parsed { menu, warnings } = Menu::parse(SAMPLE).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    menu
}

fn with<T>(level: Level, read: impl FnOnce(Diner<'_>) -> T) -> T {
    let menu = sample();
    read(Diner {
        menu: &menu,
        stock: &|_| level,
        pictures: &Pictures::default(),
        running: Dayparts::default(),
        offline: false,
        reached: true,
    })
}

fn page(language: &str) -> String {
    with(Level::UNLIMITED, |diner| {
        diner.page(Some(language)).unwrap()
    })
}

#[test]
fn every_dish_of_the_sample_menu_has_a_picture() {
    for item in sample().items() {
        let picture = item.picture.as_deref();
        assert!(
            picture.is_none_or(|emoji| assets::picture(emoji).is_some()),
            "{}",
            item.id
        );
    }
}

#[test]
fn every_dish_of_the_sample_menu_stands_on_one_shelf() {
    let menu = sample();
    let mut shelved: Vec<_> = menu
        .categories
        .iter()
        .flat_map(|shelf| &shelf.items)
        .collect();
    shelved.sort();
    let mut items: Vec<_> = menu.items().iter().map(|item| &item.id).collect();
    items.sort();
    assert_eq!(shelved, items);
    assert!(items.len() >= 44 && menu.categories.len() == 9);
}

#[test]
fn breakfast_is_on_the_page_while_it_is_served() {
    let menu = sample();
    let page = |running| {
        let diner = Diner {
            menu: &menu,
            stock: &|_| Level::UNLIMITED,
            pictures: &Pictures::default(),
            running,
            offline: false,
            reached: true,
        };
        diner.page(Some("en")).unwrap()
    };
    let (noon, morning) = (page(Dayparts::default()), page(Dayparts::at([0])));
    for id in ["c-breakfast", "i-soy-milk", "i-breakfast-set"] {
        let card = format!(r#"id="{id}""#);
        assert!(morning.contains(&card) && !noon.contains(&card), "{id}");
    }
    assert!(noon.contains(r#""away":"century-egg-congee egg-crepe soy-milk breakfast-set""#));
    assert!(morning.contains(r#""away":"""#) && noon.contains(r#"id="i-noodle-set""#));
}

#[test]
fn the_sheet_of_a_combo_asks_for_each_part_and_what_its_items_ask() {
    let sheet = |level| {
        with(level, |diner| {
            diner.sheet("noodle-set", Some("en")).unwrap().unwrap()
        })
    };
    let open = sheet(Level::UNLIMITED);
    assert!(open.contains(r#"data-part="noodles""#), "{open}");
    assert!(open.contains(r#"value="tonkotsu-ramen" data-price="0" checked"#));
    assert!(open.contains(r#"data-scope="noodles tonkotsu-ramen""#) && open.contains("+$2.00"));
    let none = Level {
        available: false,
        left: None,
    };
    assert!(sheet(none).contains(r#"id="put" disabled"#));
}

#[test]
fn an_item_offers_its_upgrade_for_what_it_adds() {
    let sheet = with(Level::UNLIMITED, |diner| {
        diner.sheet("tonkotsu-ramen", Some("en")).unwrap().unwrap()
    });
    assert!(
        sheet.contains(r#"data-combo="noodle-set""#) && sheet.contains("+$5.00"),
        "{sheet}"
    );
    assert!(
        !with(Level::UNLIMITED, |diner| diner
            .sheet("edamame", None)
            .unwrap()
            .unwrap())
        .contains("data-combo")
    );
}

#[test]
fn a_group_that_an_option_opens_stands_behind_it_and_says_who_opens_it() {
    let sheet = with(Level::UNLIMITED, |diner| {
        diner.sheet("egg-crepe", Some("zh-Hans")).unwrap().unwrap()
    });
    let (sauce, heat) = (
        sheet.find(r#"data-group="crepe-sauce""#),
        sheet.find(r#"data-group="crepe-heat""#),
    );
    assert!(sauce.is_some() && sauce < heat);
    assert!(sheet.contains(r#"data-opened-by="crepe-sauce.chili""#));
}

#[test]
fn every_allergen_of_the_sample_menu_has_a_name() {
    for item in sample().items() {
        for id in &item.allergens {
            for language in text::languages() {
                let name = language.say_if_known(&format!("allergen-{id}"));
                assert!(name.is_some(), "{id} in {}", language.tag());
            }
        }
    }
}

#[test]
fn the_page_is_in_the_language_that_was_asked_for() {
    assert!(page("en").contains(r#"<html lang="en""#) && page("en").contains("Tonkotsu Ramen"));
    let chinese = page("zh-Hans");
    assert!(chinese.contains(r#"<html lang="zh-Hans""#) && chinese.contains("豚骨拉面"));
    assert!(page("tlh").contains(r#"<html lang="en""#));
}

#[test]
fn the_page_stays_within_its_budget() {
    for language in ["en", "zh-Hans"] {
        let page = page(language);
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut packer, page.as_bytes()).unwrap();
        let size = packer.finish().unwrap().len();
        assert!(
            size <= 15 * 1024,
            "{language}: {size} bytes packed of {}",
            page.len()
        );
    }
}

#[test]
fn nothing_on_the_page_needs_an_inline_script_or_style() {
    for page in [
        page("en"),
        with(Level::UNLIMITED, |d| d.sheet("tonkotsu-ramen", None))
            .unwrap()
            .unwrap(),
    ] {
        assert!(!page.contains(" style=") && !page.contains("<style"));
        assert!(!page.contains(" onclick") && !page.contains("javascript:"));
        assert!(!page.contains("/assets/missing"));
    }
}

#[test]
fn a_sold_out_dish_says_so_and_cannot_be_put_in_the_order() {
    let none = Level {
        available: true,
        left: Some(0),
    };
    let (page, sheet) = with(none, |diner| {
        (
            diner.page(None).unwrap(),
            diner.sheet("lotus-mooncake", None).unwrap().unwrap(),
        )
    });
    assert!(page.contains("Sold out today") && page.contains("card out"));
    assert!(sheet.contains(r#"id="put" disabled"#));
}

#[test]
fn few_left_are_counted_on_the_card() {
    let page = |left| {
        let level = Level {
            available: true,
            left: Some(left),
        };
        with(level, |diner| diner.page(None).unwrap())
    };
    assert!(page(3).contains("3 left") && page(1).contains("Last one"));
    assert!(!page(9).contains("9 left"));
}

#[test]
fn a_sheet_preselects_the_defaults_and_tells_the_extras() {
    let sheet = with(Level::UNLIMITED, |diner| {
        diner.sheet("tonkotsu-ramen", Some("en")).unwrap().unwrap()
    });
    assert!(
        sheet.contains(r#"value="mild" data-price="0" checked"#),
        "{sheet}"
    );
    assert!(sheet.contains("+$0.50") && sheet.contains("Wheat · Egg · Soy · Sesame"));
}

#[test]
fn what_the_menu_lacks_has_no_sheet() {
    assert!(with(Level::UNLIMITED, |diner| diner.sheet("no-such-dish", None)).is_none());
}

#[test]
fn wishes_are_said_once_and_extras_are_counted() {
    let menu = sample();
    let kind_of = |id: &str| kind(menu.group(id).unwrap());
    assert_eq!(kind_of("spice"), Kind::One);
    assert_eq!(kind_of("leave-out"), Kind::Several);
    assert_eq!(kind_of("toppings"), Kind::Counted);
    assert_eq!(kind_of("scoops"), Kind::Counted);
}

#[test]
fn texts_of_a_menu_cannot_break_out_of_the_page() {
    let mut document: serde_json::Value = serde_json::from_slice(SAMPLE).unwrap();
    document["name"]["en"] = "</script><script>alert(1)</script>".into();
    document["items"][0]["name"]["en"] = "\"><img src=x>".into();
    let menu = Menu::parse(&serde_json::to_vec(&document).unwrap())
        .unwrap()
        .menu;
    let diner = Diner {
        menu: &menu,
        stock: &|_| Level::UNLIMITED,
        pictures: &Pictures::default(),
        running: Dayparts::default(),
        offline: false,
        reached: true,
    };
    for page in [
        diner.page(None),
        diner.about(None),
        diner.sheet("tonkotsu-ramen", None).unwrap(),
    ] {
        let page = page.unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"));
    }
}

#[test]
fn the_about_page_credits_the_pictures() {
    let about = with(Level::UNLIMITED, |diner| diner.about(None).unwrap());
    assert!(about.contains("Twemoji") && about.contains("CC-BY 4.0"));
}
