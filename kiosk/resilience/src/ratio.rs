use std::fmt;

const WHOLE: u32 = 1_000_000_000;

/// A share of calls, above zero and at most one, kept as parts per billion.
///
/// Comparing counts with a floating-point threshold goes wrong at the edge (7 of 100 is not
/// `>= 0.07 * 100.0`), and the edge is where breakers are tested. Here it is integers:
///
/// ```
/// use resilience::Ratio;
/// let seven = Ratio::new(0.07)?;
/// assert!(seven.reached_by(7, 100));
/// assert!(!seven.reached_by(6, 100));
/// assert!(Ratio::of(2, 3)?.reached_by(2, 3));
/// assert!(Ratio::new(0.0).is_err() && Ratio::new(1.1).is_err() && Ratio::new(f64::NAN).is_err());
/// # Ok::<(), resilience::RatioError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(u32);

impl Ratio {
    /// One half.
    pub const HALF: Self = Self(WHOLE / 2);
    /// All of them.
    pub const ALL: Self = Self(WHOLE);

    /// A share between 0 (excluded) and 1.
    ///
    /// # Errors
    ///
    /// [`RatioError`] if `share` is zero (or rounds to it), negative, above one or not a number.
    pub fn new(share: f64) -> Result<Self, RatioError> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(RatioError);
        }
        // A thousandth of a part absorbs the representation error of decimal fractions without
        // lifting a repeating one (2/3) above itself.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1e9 by the check above"
        )]
        let parts = (share * f64::from(WHOLE) + 1e-3) as u32;
        Self::from_parts(parts)
    }

    /// A whole number of percent, 1 to 100.
    ///
    /// # Errors
    ///
    /// [`RatioError`] outside that range.
    pub const fn percent(percent: u32) -> Result<Self, RatioError> {
        Self::of(percent, 100)
    }

    /// `part` of `whole`, for instance 2 of 3.
    ///
    /// # Errors
    ///
    /// [`RatioError`] if either is zero or `part` exceeds `whole`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most WHOLE, because part <= whole"
    )]
    pub const fn of(part: u32, whole: u32) -> Result<Self, RatioError> {
        if whole == 0 || part > whole {
            return Err(RatioError);
        }
        Self::from_parts((part as u64 * WHOLE as u64 / whole as u64) as u32)
    }

    const fn from_parts(parts: u32) -> Result<Self, RatioError> {
        if parts == 0 || parts > WHOLE {
            Err(RatioError)
        } else {
            Ok(Self(parts))
        }
    }

    /// The share in billionths.
    pub(crate) const fn parts(self) -> u32 {
        self.0
    }

    /// Whether `part` of `whole` is at least this share; never when there is no whole.
    #[must_use]
    pub fn reached_by(self, part: u64, whole: u64) -> bool {
        whole > 0 && u128::from(part) * u128::from(WHOLE) >= u128::from(self.0) * u128::from(whole)
    }

    /// The share as a floating-point number, for display.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.as_f64() * 100.0)
    }
}

/// The share given is not above zero and at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatioError;

impl fmt::Display for RatioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a ratio must be above 0 and at most 1")
    }
}

impl std::error::Error for RatioError {}
