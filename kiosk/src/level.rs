//! What the kiosk does without at present, and why, for people.
//!
//! One ladder for the whole kiosk: it is fed whenever somebody looks and at least twice a second,
//! and moves by its own clock, so that looking often changes nothing.

use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;
use resilience::Moment;
use resilience::breaker::State;
use resilience::ladder::{Assessment, Dependency, Inputs, Ladder, Level, Reason, Settings};
use serde::Serialize;

use crate::status::{BreakerStatus, LinkMode, LinkStatus};

/// A level, as the status page tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelStatus {
    /// `L0` to `L3`.
    pub level: &'static str,
    /// What holds it and what asks for one, the gravest first; nothing at L0 unless somebody holds it
    /// there.
    pub reasons: Vec<String>,
    /// The same, for whoever says it in other words.
    #[serde(skip)]
    pub why: Vec<Reason>,
}

/// The kiosk's ladder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Levels {
    climber: Arc<Mutex<Climber>>,
}

#[derive(Debug)]
struct Climber {
    ladder: Ladder,
    /// The cloud has been reached, or there is none. Until then its absence is no outage that
    /// something must be held back for.
    settled: bool,
    /// The most orders that were ever seen to fit in at once: all of them, when none is in hand.
    room: usize,
}

impl Levels {
    /// At the top.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        let climber = Climber {
            ladder: Ladder::new(Settings::default(), now),
            settled: false,
            room: 0,
        };
        Self {
            climber: Arc::new(Mutex::new(climber)),
        }
    }

    /// The level that follows from the link and from how many orders still fit in, unless somebody
    /// holds the kiosk at one.
    #[must_use]
    pub fn look(
        &self,
        now: Moment,
        link: &LinkStatus,
        free: usize,
        forced: Option<(Level, &str)>,
    ) -> LevelStatus {
        let mut climber = self.climber.lock().unwrap_or_else(PoisonError::into_inner);
        let Assessment {
            level,
            reasons,
            changed_from,
            ..
        } = climber.assess(now, link, free, forced);
        let why = reasons;
        let reasons: Vec<String> = why.iter().map(ToString::to_string).collect();
        if let Some(from) = changed_from {
            let told = match reasons.join("; ") {
                none if none.is_empty() => "all that it needs is back".to_owned(),
                told => told,
            };
            tracing::info!(%from, to = %level, why = told, "level changed");
            let (from, to) = (from.name(), level.name());
            counter!("kiosk_level_changes_total", "from" => from, "to" => to).increment(1);
        }
        LevelStatus {
            level: level.name(),
            reasons,
            why,
        }
    }
}

impl Climber {
    fn assess(
        &mut self,
        now: Moment,
        link: &LinkStatus,
        free: usize,
        forced: Option<(Level, &str)>,
    ) -> Assessment {
        if !self.settled && link.mode != LinkMode::Offline {
            self.settled = true;
            self.ladder = Ladder::new(Settings::default(), now);
        }
        self.room = self.room.max(free);
        let inputs = Inputs {
            dependencies: link
                .breakers
                .iter()
                .map(|breaker| dependency(breaker, link.mode))
                .collect(),
            load: load(self.room, free),
            forced,
        };
        self.ladder.assess(now, &inputs)
    }
}

/// What the kiosk does without while that is missing. A menu that can't be fetched costs nothing:
/// the last good one is served anyway.
fn dependency(breaker: &BreakerStatus, mode: LinkMode) -> Dependency<'_> {
    let ordering = breaker.name == "ordering";
    let state = State::ALL
        .into_iter()
        .find(|state| state.name() == breaker.state)
        .unwrap_or(State::Open);
    // The link also refrains by itself, for instance when the cloud refuses this kiosk.
    let refrains = ordering && mode == LinkMode::Offline && state.passes();
    Dependency {
        name: &breaker.name,
        state: if refrains { State::Open } else { state },
        costs: if ordering { Level::L2 } else { Level::L0 },
    }
}

/// How much of the room for orders is taken, in per cent.
fn load(room: usize, free: usize) -> u32 {
    let taken = room.saturating_sub(free).saturating_mul(100);
    u32::try_from(taken.checked_div(room).unwrap_or(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 100;

    fn breaker(name: &str, state: State) -> BreakerStatus {
        BreakerStatus {
            name: name.to_owned(),
            state: state.name().to_owned(),
            calls: 0,
            failures: 0,
            slow: 0,
            retry_in_seconds: None,
            reason: None,
            idle_settings: Vec::new(),
            rules: None,
        }
    }

    fn link(ordering: State) -> LinkStatus {
        LinkStatus {
            mode: if ordering.passes() {
                LinkMode::Online
            } else {
                LinkMode::Offline
            },
            reason: None,
            breakers: vec![
                breaker("ordering", ordering),
                breaker("menu", State::Closed),
            ],
        }
    }

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    /// A ladder that has reached the cloud.
    fn settled() -> Levels {
        let levels = Levels::new(at(0));
        assert_eq!(
            levels.look(at(0), &link(State::Closed), ROOM, None).level,
            "L0"
        );
        levels
    }

    #[test]
    fn a_link_that_flaps_every_second_costs_one_step_down_and_one_up() {
        let levels = settled();
        let mut seen = vec!["L0"];
        for millis in (500..90_000).step_by(500) {
            let up = millis > 60_000 || millis / 500 % 2 == 0;
            let state = if up { State::Closed } else { State::Open };
            let level = levels.look(at(millis), &link(state), ROOM, None).level;
            if seen.last() != Some(&level) {
                seen.push(level);
            }
        }
        assert_eq!(seen, ["L0", "L2", "L0"]);
    }

    #[test]
    fn looking_often_changes_nothing() {
        let levels = settled();
        assert_eq!(
            levels.look(at(1), &link(State::Open), ROOM, None).level,
            "L2"
        );
        for _ in 0..100 {
            let seen = levels.look(at(2), &link(State::Closed), ROOM, None);
            assert_eq!(seen.level, "L2");
            assert!(
                seen.reasons[0].starts_with("back at L0 in"),
                "{:?}",
                seen.reasons
            );
        }
    }

    #[test]
    fn a_start_is_no_outage_to_recover_from() {
        let levels = Levels::new(at(0));
        let seen = levels.look(at(1), &link(State::Open), ROOM, None);
        assert_eq!(
            (seen.level, seen.reasons),
            ("L2", vec!["ordering cannot be reached".to_owned()])
        );
        assert_eq!(
            levels.look(at(2), &link(State::Closed), ROOM, None).level,
            "L0"
        );
    }

    #[test]
    fn a_menu_that_cannot_be_fetched_costs_nothing() {
        let mut link = link(State::Closed);
        link.breakers[1] = breaker("menu", State::Open);
        let seen = settled().look(at(1), &link, ROOM, None);
        assert_eq!((seen.level, seen.reasons.len()), ("L0", 0));
    }

    #[test]
    fn a_cloud_that_refuses_this_kiosk_is_missing() {
        let mut link = link(State::Closed);
        link.mode = LinkMode::Offline;
        assert_eq!(settled().look(at(1), &link, ROOM, None).level, "L2");
    }

    #[test]
    fn a_switch_that_holds_ordering_open_is_named_as_the_reason() {
        let seen = settled().look(at(1), &link(State::ForcedOpen), ROOM, None);
        assert_eq!(seen.reasons, ["ordering is switched off"]);
    }

    #[test]
    fn a_busy_kiosk_leaves_things_out_and_takes_them_back_when_it_is_calm() {
        let levels = settled();
        let calm = link(State::Closed);
        for (millis, free, level) in [
            (1, 16, "L0"),
            (2, 15, "L1"),
            (3, 20, "L1"),
            (10_002, 20, "L1"),
            (10_003, 26, "L1"),
            (20_003, 26, "L0"),
        ] {
            assert_eq!(
                levels.look(at(millis), &calm, free, None).level,
                level,
                "{millis}"
            );
        }
    }

    #[test]
    fn without_room_there_is_no_load() {
        assert_eq!(load(0, 0), 0);
        assert_eq!(load(512, 0), 100);
    }

    #[test]
    fn a_level_that_somebody_holds_is_left_when_nobody_does() {
        let levels = settled();
        let calm = link(State::Closed);
        let forced = Some((Level::L3, "hq/mei: drill"));
        let seen = levels.look(at(1), &calm, ROOM, forced);
        assert_eq!(
            (seen.level, seen.reasons),
            ("L3", vec!["set by hand: hq/mei: drill".to_owned()])
        );
        let up = Some((Level::L0, "manager: open day"));
        let seen = levels.look(at(2), &link(State::Open), ROOM, up);
        assert_eq!((seen.level, seen.reasons.len()), ("L0", 2));
        assert_eq!(
            levels.look(at(3), &calm, ROOM, None).level,
            "L2",
            "held by its own clock"
        );
    }
}
