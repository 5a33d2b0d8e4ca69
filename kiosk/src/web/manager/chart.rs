//! A day by hour, and what its money came in as, drawn as SVG on the server.

use kiosk_core::report::{HourSum, TenderSum};

/// The drawing's size.
pub(super) const WIDTH: i64 = 640;
pub(super) const HEIGHT: i64 = 330;
const LEFT: i64 = 34;
const TOP: i64 = 18;
const BOTTOM: i64 = 26;
/// At least so many hours are drawn, so that a day does not begin as one broad bar.
const HOURS: i64 = 10;

pub(super) struct Chart {
    pub(super) bars: Vec<Bar>,
    pub(super) lines: Vec<GridLine>,
    pub(super) base: i64,
}

/// One hour.
pub(super) struct Bar {
    /// Such as `09`.
    pub(super) label: String,
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
    /// Where its texts stand.
    pub(super) middle: i64,
    pub(super) count: u64,
    /// Whether it is the hour now.
    pub(super) current: bool,
}

/// A line across, with its number.
pub(super) struct GridLine {
    pub(super) y: i64,
    pub(super) value: u64,
}

impl Chart {
    /// The hours of a day that begins at the hour `starts`; `now` is the hour now, if it is today.
    /// `of` is what a bar tells of its hour.
    pub(super) fn new(
        hours: &[HourSum],
        starts: i8,
        now: Option<i8>,
        of: impl Fn(&HourSum) -> u64,
    ) -> Self {
        let place = |hour: i8| (i64::from(hour) - i64::from(starts)).rem_euclid(24);
        let counted = hours.iter().map(|sum| place(sum.hour));
        let seen: Vec<i64> = counted.chain(now.map(place)).collect();
        let first = seen.iter().min().copied().unwrap_or(0);
        let last = seen.iter().max().copied().unwrap_or(first);
        let last = last.max(first + HOURS - 1).min(23);
        let first = first.min(last - HOURS + 1).max(0);
        let most = hours.iter().map(&of).max().unwrap_or(0);
        let step = step(most);
        let top = most.div_ceil(step).max(1) * step;
        let base = HEIGHT - BOTTOM;
        let height = |count: u64| scaled(count, top, base - TOP);
        let slot = (WIDTH - LEFT) / (last - first + 1);
        let width = (slot * 62 / 100).min(44);
        let bars = (first..=last).map(|index| {
            let hour = (index + i64::from(starts)).rem_euclid(24);
            let sum = hours.iter().find(|sum| i64::from(sum.hour) == hour);
            let count = sum.map_or(0, &of);
            let middle = LEFT + (index - first) * slot + slot / 2;
            Bar {
                label: format!("{hour:02}"),
                x: middle - width / 2,
                y: base - height(count),
                width,
                height: height(count),
                middle,
                count,
                current: now.is_some_and(|now| i64::from(now) == hour),
            }
        });
        let lines = (0..=top / step).map(|index| GridLine {
            y: base - height(index * step),
            value: index * step,
        });
        Self {
            bars: bars.collect(),
            lines: lines.collect(),
            base,
        }
    }
}

/// One part of a bar that stands for all the money received.
pub(super) struct Share {
    pub(super) tender: &'static str,
    pub(super) x: i64,
    pub(super) width: i64,
    pub(super) percent: u64,
    pub(super) amount: i64,
}

/// The length of that bar.
pub(super) const MIX: i64 = 600;

/// What is left of the money received, by what it came in as. The last part ends where the bar ends.
pub(super) fn mix(tenders: &[TenderSum]) -> Vec<Share> {
    let kept = |sum: &TenderSum| (sum.amount - sum.refunded).max(0);
    let whole = tenders.iter().map(kept).sum::<i64>().unsigned_abs();
    let mut before = 0;
    let shares = tenders.iter().filter(|sum| kept(sum) > 0).map(|sum| {
        let from = scaled(before, whole, MIX);
        before += kept(sum).unsigned_abs();
        Share {
            tender: sum.tender.as_str(),
            x: from,
            width: scaled(before, whole, MIX) - from,
            percent: (kept(sum).unsigned_abs() * 100 + whole / 2) / whole.max(1),
            amount: kept(sum),
        }
    });
    shares.collect()
}

/// `part` of `whole` on a length.
fn scaled(part: u64, whole: u64, length: i64) -> i64 {
    let length = i128::from(length) * i128::from(part) / i128::from(whole.max(1));
    i64::try_from(length).unwrap_or(0)
}

/// A round step that gives at most five lines.
fn step(most: u64) -> u64 {
    let decades = std::iter::successors(Some(1_u64), |decade| decade.checked_mul(10));
    let mut steps = decades.flat_map(|decade| [1, 2, 5].map(|digit| decade.saturating_mul(digit)));
    steps.find(|step| most.div_ceil(*step) <= 4).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(sum: &HourSum) -> u64 {
        sum.count
    }

    #[test]
    fn the_parts_of_the_money_fill_the_bar() {
        use kiosk_core::report::Received::{Card, Cash, Other};
        let sum = |tender, amount, refunded| TenderSum {
            tender,
            count: 1,
            amount,
            refunded,
        };
        let shares = mix(&[sum(Cash, 1_000, 1), sum(Card, 500, 500), sum(Other, 333, 0)]);
        assert_eq!(shares.len(), 2);
        assert_eq!(shares[0].width + shares[1].width, MIX);
        assert_eq!((shares[0].percent, shares[1].percent), (75, 25));
        assert!(mix(&[]).is_empty());
    }

    fn sum(hour: i8, count: u64) -> HourSum {
        HourSum {
            hour,
            count,
            amount: 0,
        }
    }

    #[test]
    fn the_night_is_drawn_after_the_evening() {
        let hours = [sum(0, 2), sum(18, 7), sum(23, 4)];
        let chart = Chart::new(&hours, 4, Some(1), count);
        let drawn: Vec<_> = chart.bars.iter().map(|bar| bar.label.as_str()).collect();
        let hours = ["18", "19", "20", "21", "22", "23", "00", "01", "02", "03"];
        assert_eq!(drawn, hours);
        let now = chart.bars.iter().find(|bar| bar.current);
        assert_eq!(now.map(|bar| bar.label.as_str()), Some("01"));
    }

    #[test]
    fn an_empty_day_has_a_frame_and_no_bar() {
        let chart = Chart::new(&[], 4, None, count);
        assert!(chart.bars.iter().all(|bar| bar.height == 0));
        assert_eq!((chart.bars.len(), chart.lines.len()), (10, 2));
    }

    #[test]
    fn bars_stay_inside_and_steps_are_round() {
        for most in [1, 3, 9, 47, 52, 999, 1_000_000] {
            let chart = Chart::new(&[sum(12, most)], 4, Some(12), count);
            let bar = chart.bars.iter().find(|bar| bar.label == "12").unwrap();
            assert!(bar.y >= TOP && bar.y < chart.base, "{most}");
            assert!(chart.lines.len() <= 5, "{most}");
        }
        assert_eq!((step(52), step(4), step(5)), (20, 1, 2));
    }
}
