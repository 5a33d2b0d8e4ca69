//! What a scanned code means here: a coupon, or a dish. Codes are anybody's, so nothing that is not in
//! the menu means anything.

use firmware_hal::scanner::{Symbology, gs1};
use kiosk_core::gtin::Gtin;
use kiosk_core::menu::Menu;
use kiosk_core::promotion::plain_code;
use serde::Serialize;

/// What a code means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// A promotion's coupon, in capitals.
    Coupon(String),
    /// An item of the menu.
    Item(String),
    /// Nothing here.
    Unknown,
}

/// Reads a code by the menu in force.
#[must_use]
pub fn meaning(menu: &Menu, content: &[u8], symbology: Option<Symbology>) -> Meaning {
    let article = match symbology {
        Some(symbology) if symbology.is_gs1() => gs1::article(content).ok().flatten(),
        _ => None,
    };
    let Ok(text) = std::str::from_utf8(article.unwrap_or(content)) else {
        return Meaning::Unknown;
    };
    let code = plain_code(text);
    let mut coupons = menu.promotions.iter().filter_map(|one| one.coupon.as_ref());
    if article.is_none() && coupons.any(|coupon| *coupon == code) {
        return Meaning::Coupon(code);
    }
    let gtin: Option<Gtin> = text.trim().parse().ok();
    let is_it = |item: &&kiosk_core::menu::Item| {
        item.id == text.trim() || (gtin.is_some() && item.gtin == gtin)
    };
    match menu.items().iter().find(is_it) {
        Some(item) => Meaning::Item(item.id.clone()),
        None => Meaning::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn menu() -> Menu {
        crate::menus::load(None).unwrap().menu
    }

    #[test]
    fn a_coupon_and_a_dish_are_known_and_nothing_else_is() {
        let menu = menu();
        let coupon = meaning(&menu, b" lantern5 ", Some(Symbology::Qr));
        assert_eq!(coupon, Meaning::Coupon("LANTERN5".to_owned()));
        let dish = meaning(&menu, b"tonkotsu-ramen", None);
        assert_eq!(dish, Meaning::Item("tonkotsu-ramen".to_owned()));
        assert_eq!(
            meaning(&menu, b"https://example.org", None),
            Meaning::Unknown
        );
        assert_eq!(meaning(&menu, b"\xFF\xFE", None), Meaning::Unknown);
    }

    #[test]
    fn a_bottle_is_known_by_its_number_in_every_symbol() {
        let menu = menu();
        let bottle = Meaning::Item("coconut-water".to_owned());
        for (content, symbology) in [
            ("2000000000015", Some(Symbology::Ean)),
            ("2000000000015", None),
            ("0102000000000015", Some(Symbology::Gs1Code128)),
            ("010200000000001517271231", Some(Symbology::Gs1DataMatrix)),
        ] {
            assert_eq!(
                meaning(&menu, content.as_bytes(), symbology),
                bottle,
                "{content}"
            );
        }
        let other = meaning(&menu, b"4006381333931", Some(Symbology::Ean));
        assert_eq!(other, Meaning::Unknown);
    }

    proptest! {
        #[test]
        fn whatever_is_scanned_means_something_of_the_menu_or_nothing(
            content in proptest::collection::vec(any::<u8>(), 0..64), gs1: bool,
        ) {
            let menu = menu();
            let symbology = gs1.then_some(Symbology::Gs1Qr);
            match meaning(&menu, &content, symbology) {
                Meaning::Item(id) => prop_assert!(menu.item(&id).is_some()),
                Meaning::Coupon(code) => prop_assert!(code == "LANTERN5"),
                Meaning::Unknown => {}
            }
        }
    }
}
