//! Tips: what the menu offers, and what a diner gives. Never taxed, never part of what was sold.

use serde::{Deserialize, Serialize};

use crate::money::Rate;

/// What the menu offers to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tips {
    /// Shares of the total to choose from.
    pub percents: Vec<Rate>,
    /// Whether any amount up to the total may be named instead.
    pub amount: bool,
}

/// What a diner gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tip {
    /// A share of the total, one of those the menu offers.
    Percent(Rate),
    /// So much, in minor units.
    Amount(i64),
}

/// Why a tip is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTip {
    /// The menu has none.
    #[error("is not taken here")]
    NotOffered,
    /// Not one of the shares.
    #[error("must be one of the menu's percents, not {0}")]
    Percent(Rate),
    /// Only shares are offered.
    #[error("must be one of the menu's percents")]
    OnlyPercents,
    /// More than was bought: surely a slip of the finger.
    #[error("is {0}, more than the total, which is {1}")]
    TooMuch(i64, i64),
}

impl Tip {
    /// What it comes to for a total, half away from zero.
    ///
    /// # Errors
    /// [`BadTip`] if the menu doesn't offer it.
    pub fn of(self, total: i64, offered: Option<&Tips>) -> Result<i64, BadTip> {
        let offered = offered.ok_or(BadTip::NotOffered)?;
        match self {
            Self::Percent(rate) if offered.percents.contains(&rate) => Ok(rate.on_top(total)),
            Self::Percent(rate) => Err(BadTip::Percent(rate)),
            Self::Amount(0) => Ok(0),
            Self::Amount(_) if !offered.amount => Err(BadTip::OnlyPercents),
            Self::Amount(amount) if amount > total => Err(BadTip::TooMuch(amount, total)),
            Self::Amount(amount) => Ok(amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tip_is_what_the_menu_offers_and_never_more_than_the_total() {
        let rate: Rate = "0.15".parse().unwrap();
        let tips = Tips {
            percents: vec![rate],
            amount: true,
        };
        assert_eq!(Tip::Percent(rate).of(1290, Some(&tips)), Ok(194));
        assert_eq!(Tip::Amount(200).of(1290, Some(&tips)), Ok(200));
        fn refused(tip: Tip, tips: Option<&Tips>) -> BadTip {
            tip.of(1290, tips).unwrap_err()
        }
        assert_eq!(
            refused(Tip::Amount(1291), Some(&tips)),
            BadTip::TooMuch(1291, 1290)
        );
        let other = "0.5".parse().unwrap();
        assert_eq!(
            refused(Tip::Percent(other), Some(&tips)),
            BadTip::Percent(other)
        );
        assert_eq!(refused(Tip::Amount(1), None), BadTip::NotOffered);
        let only = Tips {
            amount: false,
            ..tips
        };
        assert_eq!(refused(Tip::Amount(1), Some(&only)), BadTip::OnlyPercents);
        assert_eq!(Tip::Amount(0).of(1290, Some(&only)), Ok(0));
    }
}
