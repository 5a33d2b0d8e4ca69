//! Promotions: what they take off a cart, and in which order.
//!
//! The order of application is fixed, so that anyone can do the sum again:
//!
//! 1. *buy n, get m*: of the units it is for, the dearest first, each full group of n + m has its m
//!    cheapest free. A unit serves in one group of one promotion only; units inside combos in none.
//! 2. *percent*: of what is left of the lines it is for, half away from zero.
//! 3. *amount*: so much off what is left of the lines it is for, at most all of it.
//!
//! Within a step, promotions that come by themselves go before the one of the coupon, and otherwise
//! the menu's order holds. What is taken off is shared among the items in proportion to what is left
//! of each, by largest remainder; ties go to the item whose identity sorts first, and only then
//! among the lines of one item. So what a cart costs depends neither on the order of its lines nor
//! on how they were split. Taxes come after.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::cart::Service;
use crate::daypart::Dayparts;
use crate::money::Rate;
use crate::pricing::{Line, largest_remainder};
use crate::text::Text;

/// Something off, under conditions.
#[derive(Debug, Clone)]
pub struct Promotion {
    /// Its identity.
    pub id: String,
    /// What it is called on screens and receipts.
    pub name: Text,
    /// What it takes off.
    pub off: Off,
    /// The items and combos it is for; none is all of them.
    pub only: Option<BTreeSet<String>>,
    /// The code that a diner must give, in capitals.
    pub coupon: Option<String>,
    /// What all lines must come to before anything is taken off.
    pub min_total: i64,
    /// The dayparts it holds in.
    pub dayparts: Dayparts,
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
    /// Where the food must be eaten.
    pub service: Option<Service>,
}

/// What a promotion takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// Of `buy` + `get` units the `get` cheapest are free.
    BuyGet {
        /// How many are paid.
        buy: u32,
        /// How many are free.
        get: u32,
    },
    /// A share.
    Percent(Rate),
    /// So much, in minor units.
    Amount(i64),
}

/// What one promotion took off an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// The promotion's identity.
    pub promotion: String,
    /// What it was called.
    pub name: Text,
    /// How much, in minor units; positive.
    pub amount: i64,
}

/// What promotions ask about besides the lines.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The store's local date.
    pub date: Date,
    /// The dayparts that run.
    pub dayparts: Dayparts,
    /// Where the food is eaten.
    pub service: Service,
    /// The code that the diner gave.
    pub coupon: Option<&'a str>,
}

/// Why a coupon's promotion gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCoupon {
    /// No promotion has that code.
    #[error("is not a code that is known here")]
    Unknown,
    /// Not today or not at this time.
    #[error("does not hold today or at this time")]
    NotNow,
    /// Only for eating in, or only for taking away.
    #[error("does not hold for eating in and for taking away alike")]
    Service,
    /// Too little was chosen.
    #[error("needs an order of at least {0} in minor units, before discounts")]
    TooLittle(i64),
    /// Nothing chosen is what it is for.
    #[error("is for other items than these")]
    Nothing,
}

impl Promotion {
    /// Which step of the order of application it belongs to.
    fn step(&self) -> u8 {
        match self.off {
            Off::BuyGet { .. } => 0,
            Off::Percent(_) => 1,
            Off::Amount(_) => 2,
        }
    }

    fn check(&self, on: &Occasion<'_>, total: i64) -> Result<(), BadCoupon> {
        let from = self.from.is_none_or(|from| from <= on.date);
        let until = self.until.is_none_or(|until| on.date <= until);
        if !from || !until || !self.dayparts.allow(on.dayparts) {
            return Err(BadCoupon::NotNow);
        }
        if self.service.is_some_and(|service| service != on.service) {
            return Err(BadCoupon::Service);
        }
        if total < self.min_total {
            return Err(BadCoupon::TooLittle(self.min_total));
        }
        Ok(())
    }

    fn is_for(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(id))
    }
}

/// A code as it is compared: without blanks at its ends, in capitals.
#[must_use]
pub fn plain_code(code: &str) -> String {
    code.trim().to_uppercase()
}

/// Takes off the lines what the promotions give, and tells what each gave.
///
/// # Errors
/// [`BadCoupon`] if a code was given and takes nothing off.
pub fn discount(
    promotions: &[Promotion],
    on: &Occasion<'_>,
    lines: &mut [Line],
) -> Result<Vec<Discount>, BadCoupon> {
    let total = lines.iter().map(|line| line.total).sum();
    let code = on.coupon.map(plain_code);
    let mut chosen: Vec<&Promotion> = Vec::new();
    let mut redeemed = None;
    for promotion in promotions {
        let holds = promotion.check(on, total);
        match (&promotion.coupon, &code) {
            (None, _) => chosen.extend(holds.is_ok().then_some(promotion)),
            (Some(own), Some(code)) if own == code => {
                holds?;
                redeemed = Some(promotion.id.as_str());
                chosen.push(promotion);
            }
            (Some(_), _) => {}
        }
    }
    if code.is_some() && redeemed.is_none() {
        return Err(BadCoupon::Unknown);
    }
    chosen.sort_by_key(|promotion| (promotion.step(), promotion.coupon.is_some()));
    let mut shelf = Shelf::of(lines);
    let mut discounts = Vec::new();
    for promotion in chosen {
        let amount = shelf.take(promotion);
        if amount == 0 && redeemed == Some(promotion.id.as_str()) {
            return Err(BadCoupon::Nothing);
        }
        if amount > 0 {
            discounts.push(Discount {
                promotion: promotion.id.clone(),
                name: promotion.name.clone(),
                amount,
            });
        }
    }
    shelf.share_out(lines);
    Ok(discounts)
}

/// The cart as promotions see it: by item, not by line.
struct Shelf {
    piles: Vec<Pile>,
    /// Units outside combos, the dearest first.
    units: Vec<Unit>,
}

/// All of one item, on its own or in one kind of combo.
struct Pile {
    /// What a promotion may name: the combo, if it is in one.
    id: String,
    lines: Vec<usize>,
    left: i64,
    taken: i64,
}

struct Unit {
    price: i64,
    pile: usize,
    used: bool,
}

impl Shelf {
    fn of(lines: &[Line]) -> Self {
        let mut sorted: BTreeMap<(&str, &str), Pile> = BTreeMap::new();
        for (index, line) in lines.iter().enumerate() {
            let id = line
                .combo
                .as_ref()
                .map_or(line.item.as_str(), |combo| &combo.id);
            let pile = sorted.entry((id, &line.item)).or_insert_with(|| Pile {
                id: id.to_owned(),
                lines: Vec::new(),
                left: 0,
                taken: 0,
            });
            pile.lines.push(index);
            pile.left += line.total;
        }
        let piles: Vec<Pile> = sorted.into_values().collect();
        let mut units = Vec::new();
        for (place, pile) in piles.iter().enumerate() {
            let single = pile.lines.iter().filter_map(|index| lines.get(*index));
            for line in single.filter(|line| line.combo.is_none()) {
                units.extend((0..line.quantity).map(|_| Unit {
                    price: line.unit_price,
                    pile: place,
                    used: false,
                }));
            }
        }
        units.sort_by_key(|unit| (std::cmp::Reverse(unit.price), unit.pile));
        Self { piles, units }
    }

    /// What the promotion takes, taken.
    fn take(&mut self, promotion: &Promotion) -> i64 {
        let meant: Vec<bool> = self
            .piles
            .iter()
            .map(|pile| promotion.is_for(&pile.id))
            .collect();
        let shares = match promotion.off {
            Off::BuyGet { buy, get } => self.free_units(&meant, buy, get),
            Off::Percent(rate) => self.shared(&meant, |left| rate.on_top(left)),
            Off::Amount(amount) => self.shared(&meant, |left| amount.min(left)),
        };
        for (pile, share) in self.piles.iter_mut().zip(&shares) {
            pile.left -= share;
            pile.taken += share;
        }
        shares.into_iter().sum()
    }

    fn shared(&self, meant: &[bool], amount: impl FnOnce(i64) -> i64) -> Vec<i64> {
        let left = self.piles.iter().zip(meant);
        let weights: Vec<i64> = left
            .map(|(pile, meant)| if *meant { pile.left } else { 0 })
            .collect();
        largest_remainder(amount(weights.iter().sum()), &weights)
    }

    fn free_units(&mut self, meant: &[bool], buy: u32, get: u32) -> Vec<i64> {
        let mut shares = vec![0; self.piles.len()];
        let group = usize::try_from(buy.saturating_add(get)).unwrap_or(usize::MAX);
        let paid = usize::try_from(buy).unwrap_or(usize::MAX);
        let mut units: Vec<&mut Unit> = self
            .units
            .iter_mut()
            .filter(|unit| !unit.used && meant.get(unit.pile) == Some(&true))
            .collect();
        for group in units.chunks_exact_mut(group.max(1)) {
            for (place, unit) in group.iter_mut().enumerate() {
                unit.used = true;
                if place >= paid
                    && let Some(share) = shares.get_mut(unit.pile)
                {
                    *share += unit.price;
                }
            }
        }
        shares
    }

    /// Writes onto each line what was taken off its item.
    fn share_out(self, lines: &mut [Line]) {
        for pile in self.piles {
            let weights: Vec<i64> = pile
                .lines
                .iter()
                .filter_map(|index| lines.get(*index))
                .map(|line| line.total)
                .collect();
            for (index, share) in pile
                .lines
                .iter()
                .zip(largest_remainder(pile.taken, &weights))
            {
                if let Some(line) = lines.get_mut(*index) {
                    line.discount = share;
                }
            }
        }
    }
}
