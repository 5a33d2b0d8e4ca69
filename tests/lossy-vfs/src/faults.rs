//! Which operation fails, and when the power goes.

use std::sync::atomic::{AtomicU64, Ordering};

/// What SQLite asks of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Open,
    Read,
    Write,
    Truncate,
    Sync,
    Delete,
}

/// What a failing operation says: EIO or ENOSPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Io,
    NoSpace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Usual,
    /// The power goes while this operation is under way: it may have its effect, but nothing it
    /// does is safe, and its caller never hears of success.
    Last,
}

#[derive(Debug)]
struct Rule {
    op: Op,
    nth: u64,
    for_good: bool,
    failure: Failure,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    counts: [AtomicU64; 6],
    cut_at: Option<u64>,
    off: bool,
}

impl Faults {
    pub(crate) fn count(&self, op: Op) -> u64 {
        self.counts[op as usize].load(Ordering::Relaxed)
    }

    /// All but reads, which change nothing and so make no difference to a cut.
    pub(crate) fn operations(&self) -> u64 {
        [Op::Open, Op::Write, Op::Truncate, Op::Sync, Op::Delete]
            .into_iter()
            .map(|op| self.count(op))
            .sum()
    }

    pub(crate) fn is_off(&self) -> bool {
        self.off
    }

    pub(crate) fn fail(&mut self, op: Op, nth: u64, for_good: bool, failure: Failure) {
        let nth = self.count(op).saturating_add(nth);
        self.rules.push(Rule {
            op,
            nth,
            for_good,
            failure,
        });
    }

    pub(crate) fn cut_at(&mut self, nth: u64) {
        self.cut_at = Some(self.operations().saturating_add(nth));
    }

    pub(crate) fn heal(&mut self) {
        self.rules.clear();
        self.cut_at = None;
    }

    pub(crate) fn admit(&mut self, op: Op) -> Result<Moment, Failure> {
        self.admit_read(op)?;
        if self.cut_at.is_some_and(|at| at <= self.operations()) {
            self.off = true;
            return Ok(Moment::Last);
        }
        Ok(Moment::Usual)
    }

    /// Counts and judges with shared access only, so that readers do not wait for one another.
    pub(crate) fn admit_read(&self, op: Op) -> Result<(), Failure> {
        if self.off {
            return Err(Failure::Io);
        }
        let nth = self.counts[op as usize].fetch_add(1, Ordering::Relaxed) + 1;
        let hit =
            |rule: &&Rule| rule.op == op && (nth == rule.nth || rule.for_good && nth > rule.nth);
        self.rules
            .iter()
            .find(hit)
            .map_or(Ok(()), |rule| Err(rule.failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_from_now_fails_once_or_for_good() {
        let mut faults = Faults::default();
        assert_eq!(faults.admit(Op::Sync), Ok(Moment::Usual));
        faults.fail(Op::Sync, 2, false, Failure::Io);
        faults.fail(Op::Write, 1, true, Failure::NoSpace);
        let syncs: Vec<bool> = (0..3).map(|_| faults.admit(Op::Sync).is_ok()).collect();
        assert_eq!(syncs, [true, false, true]);
        assert_eq!(faults.admit(Op::Write), Err(Failure::NoSpace));
        assert_eq!(faults.admit(Op::Write), Err(Failure::NoSpace));
        faults.heal();
        assert_eq!(faults.admit(Op::Write), Ok(Moment::Usual));
        assert_eq!((faults.count(Op::Sync), faults.count(Op::Write)), (4, 3));
    }

    #[test]
    fn after_the_cut_everything_fails() {
        let mut faults = Faults::default();
        faults.cut_at(2);
        assert_eq!(faults.admit_read(Op::Read), Ok(()));
        assert_eq!(faults.admit(Op::Write), Ok(Moment::Usual));
        assert_eq!(faults.admit(Op::Delete), Ok(Moment::Last));
        assert!(faults.is_off());
        assert_eq!(faults.admit(Op::Sync), Err(Failure::Io));
        assert_eq!(faults.admit_read(Op::Read), Err(Failure::Io));
        faults.heal();
        assert!(faults.is_off());
        assert_eq!(faults.operations(), 2);
    }
}
