//! A payment that the terminal may have been asked for, and what its last payment says of it.

use firmware_hal::card::Receipt;
use kiosk_core::ids::OrderId;
use serde::{Deserialize, Serialize};

/// Numbers of payments have six digits and begin again after them.
const TRACES: u32 = 1_000_000;

/// A payment that the terminal may have been asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) order: OrderId,
    /// What is to be paid, in minor units.
    pub(super) minor: u64,
    /// The number of the payment that the terminal had made last.
    pub(super) before: Option<u32>,
}

/// What is known of an attempt whose end was not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Paid(Receipt),
    NotCharged,
    /// Somebody has to look at the terminal.
    Unclear,
}

impl Attempt {
    /// What the terminal's last payment says of this one. `claimed` are the numbers of payments that other
    /// orders have.
    pub(super) fn judge(&self, last: Option<Receipt>, claimed: &[u32]) -> Known {
        let now = last.and_then(|receipt| receipt.trace);
        match (self.before, now, last) {
            (Some(before), Some(now), _) if before == now => Known::NotCharged,
            (Some(before), Some(now), Some(receipt))
                if receipt.minor == Some(self.minor)
                    && follows(before, now)
                    && !claimed.contains(&now) =>
            {
                Known::Paid(receipt)
            }
            _ => Known::Unclear,
        }
    }
}

/// Whether a payment's number is a later one. Some terminals count what they declined as well, so
/// there may be numbers between.
fn follows(before: u32, now: u32) -> bool {
    let ahead = (now + TRACES).wrapping_sub(before) % TRACES;
    (1..TRACES / 2).contains(&ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(trace: u32, minor: u64) -> Receipt {
        Receipt {
            minor: Some(minor),
            trace: Some(trace),
        }
    }

    fn attempt(before: Option<u32>) -> Attempt {
        Attempt {
            order: OrderId(uuid::Uuid::nil()),
            minor: 1340,
            before,
        }
    }

    #[test]
    fn the_same_last_payment_means_that_nothing_was_charged() {
        let known = attempt(Some(41)).judge(Some(receipt(41, 1340)), &[]);
        assert_eq!(known, Known::NotCharged, "though it was of the same amount");
    }

    #[test]
    fn a_later_last_payment_of_this_amount_that_is_nobody_elses_is_this_one() {
        for (before, now) in [(41, 42), (41, 44), (999_999, 1)] {
            let last = receipt(now, 1340);
            assert_eq!(
                attempt(Some(before)).judge(Some(last), &[41]),
                Known::Paid(last)
            );
        }
    }

    #[test]
    fn what_can_not_be_told_apart_is_left_to_a_human() {
        for (before, last) in [
            (Some(41), Some(receipt(42, 990))),
            (Some(41), Some(receipt(40, 1340))),
            (Some(41), None),
            (None, Some(receipt(1, 1340))),
            (None, None),
        ] {
            let known = attempt(before).judge(last, &[]);
            assert_eq!(known, Known::Unclear, "{before:?} {last:?}");
        }
        let nameless = Some(Receipt {
            minor: Some(1340),
            trace: None,
        });
        assert_eq!(attempt(Some(41)).judge(nameless, &[]), Known::Unclear);
        let claimed = attempt(Some(41)).judge(Some(receipt(42, 1340)), &[42]);
        assert_eq!(claimed, Known::Unclear, "another order was paid by it");
    }

    #[test]
    fn an_attempt_survives_the_journal() {
        let kept = serde_json::to_string(&attempt(Some(41))).unwrap();
        let read: Attempt = serde_json::from_str(&kept).unwrap();
        assert_eq!(read, attempt(Some(41)));
    }
}
