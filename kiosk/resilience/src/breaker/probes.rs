//! The permits of a half-open breaker: exactly so many, whoever comes and whatever becomes of them.

use std::num::NonZeroU64;
use std::time::Duration;

use super::settings::HalfOpen;
use super::snapshot::ProbeCounts;
use crate::moment::Moment;

/// Which place a probe holds. The serial tells it from whoever held the place before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    slot: u32,
    serial: NonZeroU64,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    serial: NonZeroU64,
    began: Moment,
}

impl Flight {
    fn is_hung(&self, now: Moment, deadline: Duration) -> bool {
        now.since(self.began) >= deadline
    }
}

#[derive(Debug)]
pub(super) struct Probes {
    slots: Vec<Option<Flight>>,
    counts: ProbeCounts,
    serial: NonZeroU64,
}

impl Probes {
    pub(super) fn new(settings: &HalfOpen) -> Self {
        Self {
            slots: vec![None; settings.permits as usize],
            counts: ProbeCounts::default(),
            serial: NonZeroU64::MIN,
        }
    }

    pub(super) const fn counts(&self) -> ProbeCounts {
        self.counts
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(None);
        self.counts = ProbeCounts::default();
    }

    /// Makes room for as many probes as the settings want. Those under way keep their places.
    pub(super) fn retune(&mut self, settings: &HalfOpen) {
        let wanted = (settings.permits as usize).max(self.slots.len());
        self.slots.resize(wanted, None);
    }

    pub(super) const fn has_room(&self, settings: &HalfOpen) -> bool {
        self.has_room_beside(self.counts.in_flight, settings)
    }

    /// Whether a call at `now` would find a place, once the hung probes are given up.
    pub(super) fn would_have_room(&self, now: Moment, settings: &HalfOpen) -> bool {
        let flights = self.slots.iter().flatten();
        let hung = flights
            .filter(|flight| flight.is_hung(now, settings.deadline))
            .map(|_| 1_u32)
            .sum::<u32>();
        self.has_room_beside(self.counts.in_flight - hung, settings)
    }

    const fn has_room_beside(&self, in_flight: u32, settings: &HalfOpen) -> bool {
        let taken = in_flight as u64 + self.counts.succeeded as u64 + self.counts.failed as u64;
        taken < settings.permits as u64
    }

    /// A place for one more probe, if there is one.
    pub(super) fn admit(&mut self, now: Moment, settings: &HalfOpen) -> Option<Probe> {
        if !self.has_room(settings) {
            return None;
        }
        let slot = self.slots.iter().position(Option::is_none)?;
        self.serial = self.serial.saturating_add(1);
        self.slots[slot] = Some(Flight {
            serial: self.serial,
            began: now,
        });
        self.counts.in_flight += 1;
        Some(Probe {
            slot: u32::try_from(slot).ok()?,
            serial: self.serial,
        })
    }

    /// Gives up the probes that have been under way for the deadline or longer; says how many.
    pub(super) fn give_up_hung(&mut self, now: Moment, deadline: Duration) -> u32 {
        let mut hung = 0;
        for slot in &mut self.slots {
            if slot.is_some_and(|flight| flight.is_hung(now, deadline)) {
                *slot = None;
                hung += 1;
            }
        }
        self.counts.in_flight -= hung;
        hung
    }

    /// When the first probe under way reaches the deadline.
    pub(super) fn first_deadline(&self, deadline: Duration) -> Option<Moment> {
        self.slots
            .iter()
            .flatten()
            .map(|flight| flight.began.plus(deadline))
            .min()
    }

    /// Whether a probe still holds its place.
    pub(super) fn holds(&self, probe: Probe) -> bool {
        self.slots
            .get(probe.slot as usize)
            .is_some_and(|slot| slot.is_some_and(|flight| flight.serial == probe.serial))
    }

    /// Takes back the place of a probe that [`holds`](Self::holds) it, with its outcome if it has
    /// one.
    pub(super) fn settle(&mut self, probe: Probe, failed: Option<bool>) {
        self.slots[probe.slot as usize] = None;
        self.counts.in_flight -= 1;
        match failed {
            Some(true) => self.counts.failed += 1,
            Some(false) => self.counts.succeeded += 1,
            None => {}
        }
    }
}
