//! What is often taken together, counted from a store's own orders.

use std::collections::{BTreeSet, HashMap};

use crate::order::{Order, Status};

/// Fewer orders with both items say nothing.
const LEAST_TOGETHER: u32 = 3;
/// One in so many orders with the one item must hold the other as well.
const ONE_IN: u32 = 5;

/// How often items stood in one order.
#[derive(Debug, Clone, Default)]
pub struct Together {
    single: HashMap<String, u32>,
    pairs: HashMap<String, HashMap<String, u32>>,
}

impl Together {
    /// Counts some orders. Voided ones say nothing, and neither do the parts of combos: the menu
    /// put them together, not the diner.
    #[must_use]
    pub fn of<'a>(orders: impl IntoIterator<Item = &'a Order>) -> Self {
        let mut together = Self::default();
        for order in orders {
            together.add(order);
        }
        together
    }

    /// Counts one more order.
    pub fn add(&mut self, order: &Order) {
        if order.status == Status::Voided {
            return;
        }
        let lines = order.lines.iter().filter(|line| line.combo.is_none());
        let items: BTreeSet<&str> = lines.map(|line| line.item.as_str()).collect();
        for item in &items {
            *self.single.entry((*item).to_owned()).or_default() += 1;
            let others = items.iter().filter(|other| *other != item);
            let pairs = self.pairs.entry((*item).to_owned()).or_default();
            for other in others {
                *pairs.entry((*other).to_owned()).or_default() += 1;
            }
        }
    }

    /// The item most often taken with one of those in a cart that is not in it and that `fits`; of
    /// equals the one whose identity sorts first.
    pub fn suggest(&self, cart: &BTreeSet<&str>, fits: impl Fn(&str) -> bool) -> Option<&str> {
        let mut best: Option<(u32, u32, &str)> = None;
        for item in cart {
            let (Some(alone), Some(pairs)) = (self.single.get(*item), self.pairs.get(*item)) else {
                continue;
            };
            for (other, count) in pairs {
                let often = *count >= LEAST_TOGETHER && count.saturating_mul(ONE_IN) >= *alone;
                if !often || cart.contains(other.as_str()) || !fits(other) {
                    continue;
                }
                let better = best.is_none_or(|(most, of, name)| {
                    // Shares are compared crosswise: no fractions, so no rounding.
                    let (here, there) = (
                        u64::from(*count) * u64::from(of),
                        u64::from(most) * u64::from(*alone),
                    );
                    (here, std::cmp::Reverse(other.as_str())) > (there, std::cmp::Reverse(name))
                });
                if better {
                    best = Some((*count, *alone, other));
                }
            }
        }
        best.map(|(.., item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::tests::order;

    fn with(items: &[&str]) -> Order {
        let line = |item: &&str| {
            serde_json::from_value(serde_json::json!({
                "item": item, "name": {"en": item}, "quantity": 1, "unit_price": 1, "total": 1,
                "tax_rate": "0", "tax": 0,
            }))
            .unwrap()
        };
        Order {
            lines: items.iter().map(line).collect(),
            ..order()
        }
    }

    fn suggested<'t>(together: &'t Together, cart: &[&str]) -> Option<&'t str> {
        together.suggest(&cart.iter().copied().collect(), |_| true)
    }

    #[test]
    fn what_stands_beside_it_most_often_is_suggested() {
        let mut orders = vec![with(&["ramen", "egg"]); 3];
        orders.extend(vec![with(&["ramen", "tea"]); 4]);
        orders.push(with(&["ramen"]));
        let together = Together::of(&orders);
        assert_eq!(suggested(&together, &["ramen"]), Some("tea"));
        assert_eq!(suggested(&together, &["ramen", "tea"]), Some("egg"));
        assert_eq!(suggested(&together, &["egg", "tea", "ramen"]), None);
        let cart = ["ramen"].into();
        assert_eq!(together.suggest(&cart, |item| item != "tea"), Some("egg"));
    }

    #[test]
    fn chance_is_no_habit() {
        let mut orders = vec![with(&["ramen", "egg"]); 2];
        assert_eq!(suggested(&Together::of(&orders), &["ramen"]), None);
        orders.push(with(&["ramen", "egg"]));
        assert_eq!(suggested(&Together::of(&orders), &["ramen"]), Some("egg"));
        // Three in sixteen is less than one in five.
        orders.extend(vec![with(&["ramen"]); 13]);
        assert_eq!(suggested(&Together::of(&orders), &["ramen"]), None);
    }

    #[test]
    fn voided_orders_and_the_parts_of_combos_say_nothing() {
        let mut voided = with(&["ramen", "egg"]);
        voided.status = Status::Voided;
        let mut combo = with(&["ramen", "egg"]);
        for line in &mut combo.lines {
            line.combo = Some(crate::pricing::InCombo {
                id: "set".to_owned(),
                name: crate::text::Text::default(),
                part: "p".to_owned(),
                set: 1,
            });
        }
        let orders = [vec![voided; 9], vec![combo; 9]].concat();
        assert_eq!(suggested(&Together::of(&orders), &["ramen"]), None);
    }
}
