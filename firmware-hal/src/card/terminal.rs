//! What a kiosk needs of a card terminal, whatever language it speaks.

/// An amount to be paid.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Amount {
    minor: u64,
    currency: u16,
}

impl Amount {
    /// So many minor units of a currency by its number in ISO 4217 (978 is the euro, 840 the US dollar).
    /// `None` if it is nothing, or has more than twelve digits, or the number more than three.
    #[must_use]
    pub const fn try_new(minor: u64, currency: u16) -> Option<Self> {
        if minor == 0 || minor >= 1_000_000_000_000 || currency > 999 {
            return None;
        }
        Some(Self { minor, currency })
    }

    /// In minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.minor
    }

    /// The currency's number in ISO 4217.
    #[must_use]
    pub const fn currency(self) -> u16 {
        self.currency
    }
}

/// What the terminal is doing, to be shown to whoever pays.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// It waits for a card.
    PresentCard,
    /// It waits for the number that belongs to the card.
    EnterPin,
    /// It works, or talks to the bank.
    Working,
    /// The card may be taken back.
    TakeCard,
    /// Something else, by the terminal's own number.
    Other(u8),
    /// It has said nothing for a while.
    Silent,
}

/// What whoever pays wants after hearing of the progress.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wish {
    /// To go on.
    #[default]
    GoOn,
    /// To cancel. The terminal may say that it is too late.
    Cancel,
}

/// What is left of a payment that was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// What was paid, in minor units, if the terminal names it. May be less than was asked for.
    pub minor: Option<u64>,
    /// The terminal's number of the payment, by which it can be found and given back.
    pub trace: Option<u32>,
}

/// How a payment ended. Either way the terminal has said so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The money is on its way.
    Paid(Receipt),
    /// Nothing was charged; the terminal's own number says why.
    Declined(u8),
}

/// Why it is not known how a payment ended, or that it did not begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure<E> {
    /// The terminal never took it on: nothing was charged.
    NotBegun(E),
    /// The terminal took it on, or may have, and then could not be heard: somebody has to look at it.
    Unknown(E),
    /// It refuses to begin, by its own number: nothing was charged.
    Refused(u8),
}

impl<E> Failure<E> {
    /// Whether it is certain that nothing was charged.
    pub const fn is_harmless(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

impl<E: core::fmt::Display> core::fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotBegun(cause) => write!(f, "nothing was charged: {cause}"),
            Self::Unknown(cause) => {
                write!(f, "look at the card terminal whether it charged: {cause}")
            }
            Self::Refused(code) => write!(
                f,
                "nothing was charged: the card terminal refused ({code:#04x})"
            ),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Failure<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NotBegun(cause) | Self::Unknown(cause) => Some(cause),
            Self::Refused(_) => None,
        }
    }
}

/// A card terminal.
pub trait Terminal {
    /// The error of what lies beneath.
    type Error;

    /// Has an amount paid. Returns when the terminal has said how it ended, or can't be heard any more; how
    /// long that takes depends on people and banks. `told` hears of the progress and may cancel.
    ///
    /// Nothing that could charge twice is ever repeated.
    ///
    /// # Errors
    ///
    /// [`Failure`], which tells whether something may have been charged.
    fn pay(
        &mut self,
        amount: Amount,
        told: &mut dyn FnMut(Progress) -> Wish,
    ) -> Result<Outcome, Failure<Self::Error>>;

    /// The last payment that the terminal has kept, for whoever lost the line or the power in the middle of
    /// one: it tells whether that payment was made. A terminal that is still busy with it refuses.
    ///
    /// # Errors
    ///
    /// [`Failure`]; nothing is ever charged here.
    fn last(&mut self) -> Result<Option<Receipt>, Failure<Self::Error>>;
}

#[cfg(test)]
mod tests {
    use super::{Amount, Failure};

    #[test]
    fn amounts_have_one_to_twelve_digits() {
        assert_eq!(Amount::try_new(0, 978), None);
        assert_eq!(Amount::try_new(1_000_000_000_000, 978), None);
        assert_eq!(Amount::try_new(1, 1000), None);
        let most = Amount::try_new(999_999_999_999, 840).unwrap();
        assert_eq!((most.minor(), most.currency()), (999_999_999_999, 840));
    }

    #[test]
    fn only_the_unknown_may_have_charged() {
        assert!(Failure::NotBegun(()).is_harmless());
        assert!(Failure::<()>::Refused(0x9C).is_harmless());
        assert!(!Failure::Unknown(()).is_harmless());
    }
}
