//! The degradation ladder: what the kiosk does without while something is missing.
//!
//! The level follows from what can be reached, how busy the machine is and what people have
//! switched, by a pure function of those and of the ladder before: down a level at once, up again
//! only when nothing has asked for the lower level for a while. So a link that comes and goes every
//! second costs one step down and, when it stays, one step up.
//!
//! ```
//! use resilience::Moment;
//! use resilience::breaker::State;
//! use resilience::ladder::{Dependency, Inputs, Ladder, Level, Settings};
//!
//! let ordering = |state| [Dependency { name: "ordering", state, costs: Level::L2 }];
//! let mut ladder = Ladder::new(Settings::default(), Moment::START);
//! let inputs = |state| Inputs { dependencies: ordering(state).to_vec(), ..Inputs::default() };
//!
//! let assessed = ladder.assess(Moment::from_secs(1), &inputs(State::Open));
//! assert_eq!(assessed.level, Level::L2);
//! assert_eq!(assessed.reasons[0].to_string(), "ordering cannot be reached");
//!
//! let assessed = ladder.assess(Moment::from_secs(2), &inputs(State::Closed));
//! assert_eq!(assessed.level, Level::L2);
//! assert_eq!(assessed.reasons[0].to_string(), "back at L0 in 9s if nothing else happens");
//! assert_eq!(ladder.assess(Moment::from_secs(11), &inputs(State::Closed)).level, Level::L0);
//! ```

use std::fmt;
use std::time::Duration;

use crate::breaker::State;
use crate::moment::Moment;

/// How much is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Everything works.
    #[default]
    L0,
    /// Without the extras: recommendations, member points.
    L1,
    /// With local data only: the cached menu, leased stock.
    L2,
    /// The bare order: no card online, pay at the counter.
    L3,
}

impl Level {
    /// From everything to the bare order.
    pub const ALL: [Self; 4] = [Self::L0, Self::L1, Self::L2, Self::L3];

    /// The stable name: `L0` to `L3`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something remote that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency<'a> {
    /// Its name, for people.
    pub name: &'a str,
    /// The state of its breaker. Everything but an admitting one counts as missing: half-open is
    /// not back yet.
    pub state: State,
    /// The level at which the kiosk does without it.
    pub costs: Level,
}

/// When the machine is too busy for everything: the load in per cent at which a level is entered.
/// It is left again below that by the margin in [`Settings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Extras go.
    pub l1: u32,
    /// Local data only.
    pub l2: u32,
    /// The bare order.
    pub l3: u32,
}

/// How a ladder moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For so long nothing may have asked for the present level before it is left upwards.
    pub recover_after: Duration,
    /// The load at which levels are entered.
    pub load: LoadLimits,
    /// How far below such a limit the load must fall before the level is no longer asked for.
    pub load_margin: u32,
}

impl Default for Settings {
    /// Back after 10 s; 85, 95 and 100 per cent of load, with a margin of 10.
    fn default() -> Self {
        Self {
            recover_after: Duration::from_secs(10),
            load: LoadLimits {
                l1: 85,
                l2: 95,
                l3: 100,
            },
            load_margin: 10,
        }
    }
}

/// Everything a level follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs<'a> {
    /// What may be missing.
    pub dependencies: Vec<Dependency<'a>>,
    /// How busy the machine is, in per cent of what it can do; may exceed 100.
    pub load: u32,
    /// The level somebody has set, which then holds at once, up or down; and who and why, for
    /// people.
    pub forced: Option<(Level, &'a str)>,
}

/// Why a level holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Somebody set it.
    Forced {
        /// Who and why.
        by: Box<str>,
    },
    /// A dependency is missing.
    Missing {
        /// Which.
        dependency: Box<str>,
        /// What its breaker says.
        state: State,
        /// The level that costs.
        costs: Level,
    },
    /// The machine is too busy.
    Busy {
        /// The load in per cent.
        load: u32,
        /// The level that costs.
        costs: Level,
    },
    /// Nothing asks for it any more; it is about to be left.
    Recovering {
        /// The level after it.
        to: Level,
        /// In how long.
        rest: Duration,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forced { by } => write!(f, "set by hand: {by}"),
            Self::Missing {
                dependency,
                state: State::ForcedOpen,
                ..
            } => {
                write!(f, "{dependency} is switched off")
            }
            Self::Missing {
                dependency,
                state: State::HalfOpen,
                ..
            } => {
                write!(f, "{dependency} is being tried again")
            }
            Self::Missing { dependency, .. } => write!(f, "{dependency} cannot be reached"),
            Self::Busy { load, .. } => write!(f, "the kiosk is busy ({load} %)"),
            Self::Recovering { to, rest } => {
                // Rounded up: what is said to be over is over.
                let secs = rest.as_nanos().div_ceil(1_000_000_000);
                write!(f, "back at {to} in {secs}s if nothing else happens")
            }
        }
    }
}

/// The level in force, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The level.
    pub level: Level,
    /// Since when.
    pub since: Moment,
    /// The level before, if this assessment changed it.
    pub changed_from: Option<Level>,
    /// Everything that asks for a level other than L0, the gravest first, after what holds the level
    /// though nothing asks for it: somebody, or the time until it is left. Not empty at a level other
    /// than L0; at L0 only where somebody holds it there.
    pub reasons: Vec<Reason>,
    /// When to assess again even if nothing happens.
    pub until: Option<Moment>,
}

/// A ladder: its settings, and what must be remembered to climb it without wavering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    settings: Settings,
    level: Level,
    since: Moment,
    /// For each level the last time that it, or a lower one, was asked for.
    asked: [Option<Moment>; 4],
    /// The level the load asked for at the last assessment.
    load: Level,
}

impl Ladder {
    /// At the top.
    #[must_use]
    pub const fn new(settings: Settings, now: Moment) -> Self {
        Self {
            settings,
            level: Level::L0,
            since: now,
            asked: [None; 4],
            load: Level::L0,
        }
    }

    /// The level in force.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Puts other settings in force with the next assessment.
    pub const fn retune(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Judges the inputs as they are now.
    pub fn assess(&mut self, now: Moment, inputs: &Inputs<'_>) -> Assessment {
        self.load = self.load_asks(inputs.load);
        let mut reasons = self.asking(inputs);
        let wanted = reasons.first().map_or(Level::L0, Reason::level);
        for level in Level::ALL.into_iter().filter(|level| *level <= wanted) {
            self.asked[level as usize] = Some(now);
        }
        let (level, until) = match inputs.forced {
            Some((level, _)) => (level, None),
            None => self.held(now),
        };
        if let Some((_, by)) = inputs.forced {
            reasons.insert(0, Reason::Forced { by: by.into() });
        } else if let Some(until) = until.filter(|_| level > wanted) {
            reasons.insert(
                0,
                Reason::Recovering {
                    to: self.next_up(now, level),
                    rest: until.since(now),
                },
            );
        }
        let changed_from = (level != self.level).then_some(self.level);
        if changed_from.is_some() {
            self.level = level;
            self.since = now;
        }
        Assessment {
            level,
            since: self.since,
            changed_from,
            reasons,
            until,
        }
    }

    /// The lowest level that was asked for within the recovery time, and until when that holds if
    /// it is not asked for now.
    fn held(&self, now: Moment) -> (Level, Option<Moment>) {
        let held = |level: &Level| {
            let asked = self.asked[*level as usize]?;
            (now.since(asked) < self.settings.recover_after || asked >= now)
                .then(|| asked.plus(self.settings.recover_after))
        };
        let lowest = Level::ALL
            .into_iter()
            .skip(1)
            .rev()
            .find_map(|l| held(&l).map(|end| (l, end)));
        lowest.map_or((Level::L0, None), |(level, end)| (level, Some(end)))
    }

    /// The level that follows when the present one is left.
    fn next_up(&self, now: Moment, level: Level) -> Level {
        let Some(end) = self.asked[level as usize].map(|at| at.plus(self.settings.recover_after))
        else {
            return Level::L0;
        };
        self.held(end.max(now)).0
    }

    /// The level that the load asks for: entered at a limit, left below it by the margin.
    fn load_asks(&self, load: u32) -> Level {
        let LoadLimits { l1, l2, l3 } = self.settings.load;
        let asks = |(level, limit): (Level, u32)| {
            let margin = if self.load >= level {
                self.settings.load_margin
            } else {
                0
            };
            (load >= limit.saturating_sub(margin).max(1)).then_some(level)
        };
        let limits = [(Level::L3, l3), (Level::L2, l2), (Level::L1, l1)];
        limits.into_iter().find_map(asks).unwrap_or(Level::L0)
    }

    /// What asks for a level, the gravest first.
    fn asking(&self, inputs: &Inputs<'_>) -> Vec<Reason> {
        let missing = |dependency: &Dependency<'_>| {
            let costly = dependency.costs > Level::L0 && !dependency.state.passes();
            costly.then(|| Reason::Missing {
                dependency: dependency.name.into(),
                state: dependency.state,
                costs: dependency.costs,
            })
        };
        let mut reasons: Vec<_> = inputs.dependencies.iter().filter_map(missing).collect();
        if self.load > Level::L0 {
            reasons.push(Reason::Busy {
                load: inputs.load,
                costs: self.load,
            });
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level()));
        reasons
    }
}

impl Reason {
    /// The level it asks for.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Forced { .. } | Self::Recovering { .. } => Level::L0,
            Self::Missing { costs, .. } | Self::Busy { costs, .. } => *costs,
        }
    }
}
