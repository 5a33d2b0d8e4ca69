//! Switches that people turn: on, off, or left to the software; for all kiosks or for some.
//!
//! What is in force for a kiosk is the setting with the narrowest [`Scope`] that covers it:
//!
//! 1. [`Scope::Here`], set at the kiosk itself: whoever stands in front of it sees what is wrong;
//! 2. [`Scope::Kiosk`], set from afar for this one;
//! 3. [`Scope::Group`], set for a group it belongs to;
//! 4. [`Scope::Percent`], set for a share of all kiosks that it falls in;
//! 5. [`Scope::All`].
//!
//! Between two groups the later change counts, and of two with the same revision that of the group
//! whose name comes first: kiosks that know the same changes agree, in whatever order these came.
//! [`Position::Auto`] takes a setting away, so the next
//! wider one counts; with none left the software decides.
//!
//! ```
//! use resilience::switches::{Change, Member, Position, Scope, Switches};
//!
//! let me = Member { kiosk: "k7".into(), groups: vec!["airport".into()] };
//! let mut switches = Switches::new(me);
//! let change = |scope, position, revision| Change {
//!     name: "recommendations".into(),
//!     scope,
//!     position,
//!     by: "hq/mei".into(),
//!     reason: "supplier outage".into(),
//!     at_unix_millis: 1_790_000_000_000,
//!     revision,
//! };
//! switches.set(change(Scope::All, Position::Off, 1));
//! switches.set(change(Scope::Group("airport".into()), Position::On, 2));
//! assert_eq!(switches.decide("recommendations").position, Position::On);
//! switches.set(change(Scope::Group("airport".into()), Position::Auto, 3));
//! assert_eq!(switches.decide("recommendations").position, Position::Off);
//! assert_eq!(switches.decide("something else").position, Position::Auto);
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

mod share;

pub use share::share_of;

/// How many changes are remembered for readers of the audit.
pub const CHANGES_KEPT: usize = 1_024;

/// Where a switch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Position {
    /// On, whatever the software thinks.
    On,
    /// Off, whatever the software thinks.
    Off,
    /// Left to a wider setting, or to the software.
    Auto,
}

impl Position {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::On, Self::Off, Self::Auto];

    /// The stable name: `on`, `off`, `auto`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Auto => "auto",
        }
    }

    /// What holds if the software, asked for its opinion, would say `auto`.
    #[must_use]
    pub const fn or(self, auto: bool) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Auto => auto,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which kiosks a setting covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of them.
    All,
    /// A share of them, 0 to 100 per cent, chosen by [`share_of`]: raising the share keeps those
    /// that were in it. There is one such setting for each switch.
    Percent(u8),
    /// Those of a group.
    Group(Arc<str>),
    /// One, set from afar.
    Kiosk(Arc<str>),
    /// This one, set at the kiosk itself.
    Here,
}

impl Scope {
    /// How narrow it is: of two scopes that cover a kiosk, the one of the higher rank counts.
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match self {
            Self::All => 0,
            Self::Percent(_) => 1,
            Self::Group(_) => 2,
            Self::Kiosk(_) => 3,
            Self::Here => 4,
        }
    }

    /// Whether a change for one replaces a setting for the other.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        self == other || matches!((self, other), (Self::Percent(_), Self::Percent(_)))
    }

    /// Whether a setting with this scope counts for a kiosk.
    #[must_use]
    pub fn covers(&self, switch: &str, member: &Member) -> bool {
        match self {
            Self::All | Self::Here => true,
            Self::Percent(percent) => share_of(switch, &member.kiosk) < u32::from(*percent) * 100,
            Self::Group(group) => member.groups.contains(group),
            Self::Kiosk(kiosk) => *kiosk == member.kiosk,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all kiosks"),
            Self::Percent(percent) => write!(f, "{percent} % of kiosks"),
            Self::Group(group) => write!(f, "group {group}"),
            Self::Kiosk(kiosk) => write!(f, "kiosk {kiosk}"),
            Self::Here => f.write_str("this kiosk"),
        }
    }
}

/// The kiosk for which switches are decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its identity.
    pub kiosk: Arc<str>,
    /// The groups it belongs to.
    pub groups: Vec<Arc<str>>,
}

/// Somebody turning a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The switch.
    pub name: Arc<str>,
    /// For whom.
    pub scope: Scope,
    /// To where.
    pub position: Position,
    /// Who.
    pub by: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
    /// When, for people: milliseconds since 1970.
    pub at_unix_millis: i64,
    /// Orders the changes of one switch and scope. A change that arrives after a later one, or a
    /// second time, changes nothing.
    pub revision: u64,
}

impl Change {
    /// Of the changes that cover a kiosk, the greatest is in force. Only groups can be two of a
    /// rank, so only their names tell changes of the same revision apart.
    fn precedence(&self) -> (u8, u64, Reverse<&str>) {
        let name = match &self.scope {
            Scope::Group(group) => group.as_ref(),
            _ => "",
        };
        (self.scope.rank(), self.revision, Reverse(name))
    }
}

/// What became of a [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    /// It is the setting of its scope now. Whether that changed what is in force *here* is the
    /// flag.
    Changed {
        /// The decision for this kiosk is another.
        here: bool,
    },
    /// This revision, or a later one, is already known.
    Outdated,
}

/// What is in force for a switch, and by whose word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Where the switch stands; [`Position::Auto`] leaves it to the software.
    pub position: Position,
    /// The change that put it there.
    pub by: Option<Change>,
}

/// A change as the audit remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Counts up by one from 1.
    pub seq: u64,
    /// What the setting of that scope was before.
    pub from: Position,
    /// The change.
    pub change: Change,
}

/// All switches, as one kiosk sees them.
#[derive(Clone, Debug)]
pub struct Switches {
    member: Member,
    /// For each switch the last change of each scope, `Auto` included: it must still outdate what
    /// comes late.
    settings: BTreeMap<Arc<str>, Vec<Change>>,
    audit: VecDeque<Audited>,
    seq: u64,
}

impl Switches {
    /// No switch has been turned.
    #[must_use]
    pub const fn new(member: Member) -> Self {
        Self {
            member,
            settings: BTreeMap::new(),
            audit: VecDeque::new(),
            seq: 0,
        }
    }

    /// The same settings as before a restart, from [`settings`](Self::settings). Not audited again.
    #[must_use]
    pub fn restored(member: Member, settings: impl IntoIterator<Item = Change>) -> Self {
        let mut switches = Self::new(member);
        for change in settings {
            switches.place(change);
        }
        switches
    }

    /// Turns a switch.
    pub fn set(&mut self, change: Change) -> Applied {
        let name = Arc::clone(&change.name);
        let before = self.decide(&name).position;
        let Some(from) = self.place(change.clone()) else {
            return Applied::Outdated;
        };
        self.seq += 1;
        if self.audit.len() == CHANGES_KEPT {
            self.audit.pop_front();
        }
        self.audit.push_back(Audited {
            seq: self.seq,
            from,
            change,
        });
        Applied::Changed {
            here: self.decide(&name).position != before,
        }
    }

    /// Puts a change in its place; says what stood there, unless it came too late.
    fn place(&mut self, change: Change) -> Option<Position> {
        let settings = self.settings.entry(Arc::clone(&change.name)).or_default();
        let at = settings
            .iter()
            .position(|known| known.scope.same_place(&change.scope));
        let Some(at) = at else {
            settings.push(change);
            return Some(Position::Auto);
        };
        if settings[at].revision >= change.revision {
            return None;
        }
        Some(std::mem::replace(&mut settings[at], change).position)
    }

    /// What is in force for a switch here.
    #[must_use]
    pub fn decide(&self, name: &str) -> Decision {
        self.decide_for(name, &self.member)
    }

    /// What is in force for a switch at some kiosk, as far as is known here.
    #[must_use]
    pub fn decide_for(&self, name: &str, member: &Member) -> Decision {
        let by = self
            .settings
            .get(name)
            .into_iter()
            .flatten()
            .filter(|change| change.position != Position::Auto)
            .filter(|change| change.scope.covers(name, member))
            .max_by_key(|change| change.precedence());
        Decision {
            position: by.map_or(Position::Auto, |change| change.position),
            by: by.cloned(),
        }
    }

    /// Everything that is set for a switch and covers this kiosk: what is in force first, then what
    /// would be without it, and so on. What was taken away is not among them.
    #[must_use]
    pub fn standing(&self, name: &str) -> Vec<&Change> {
        let settings = self.settings.get(name).into_iter().flatten();
        let mut standing: Vec<_> = settings
            .filter(|change| change.position != Position::Auto)
            .filter(|change| change.scope.covers(name, &self.member))
            .collect();
        standing.sort_by_key(|change| Reverse(change.precedence()));
        standing
    }

    /// The names of all switches that were ever turned, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(AsRef::as_ref)
    }

    /// Everything to keep over a restart.
    pub fn settings(&self) -> impl Iterator<Item = &Change> {
        self.settings.values().flatten()
    }

    /// The changes after `cursor` (0 for all that are remembered), and how many before them are
    /// not remembered any more.
    #[must_use]
    pub fn audit_after(&self, cursor: u64) -> (Vec<Audited>, u64) {
        let oldest = self
            .audit
            .front()
            .map_or(self.seq + 1, |audited| audited.seq);
        let news = self
            .audit
            .iter()
            .filter(|audited| audited.seq > cursor)
            .cloned()
            .collect();
        (news, (oldest - 1).saturating_sub(cursor))
    }
}
