//! What people have turned on and off, and what it does to the kiosk.
//!
//! The journal keeps every turn with its event; this holds what follows from them: the decision by
//! precedence of scopes, and the breakers that a switch holds open. What the manager turns at the
//! kiosk holds over what headquarters says, and of that the narrowest scope that covers the kiosk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kiosk_core::event::SwitchChanged;
use kiosk_core::wall::WallTime;
use resilience::Moment;
use resilience::ladder::Level;
use resilience::switches::{Change, Decision, Member, Position, Scope, Switches};
use serde::Serialize;

use crate::journal::{Journal, JournalError, KeptSwitch, Stamp, SwitchRequest};
use crate::protect::{Dependency, now};

/// Ordering calls to the cloud; off keeps the kiosk offline.
pub const ORDERING_CLOUD: &str = "ordering_cloud";
/// Fetching menus from the cloud.
pub const MENU_UPDATES: &str = "menu_updates";

/// One more item offered with a cart.
pub const RECOMMENDATIONS: &str = "recommendations";

/// Holding a degradation level: the gravest one that is on.
const FORCED: [(&str, Level); 4] = [
    ("force_l3", Level::L3),
    ("force_l2", Level::L2),
    ("force_l1", Level::L1),
    ("force_l0", Level::L0),
];

/// The switches that do something, with what holds while nobody has turned them.
const KNOWN: [(&str, bool); 7] = [
    ("force_l0", false),
    ("force_l1", false),
    ("force_l2", false),
    ("force_l3", false),
    (MENU_UPDATES, true),
    (ORDERING_CLOUD, true),
    (RECOMMENDATIONS, true),
];

/// A switch, as the status page tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SwitchStatus {
    /// Which.
    pub name: &'static str,
    /// Where it stands: `on`, `off` or `auto`.
    pub state: &'static str,
    /// What that comes to: `on` or `off`.
    pub effective: &'static str,
    /// Who put it there.
    pub set_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// For which kiosks it was put there.
    pub scope: Option<String>,
    /// When.
    pub at: Option<WallTime>,
    /// Everything that is set for it and covers this kiosk: what is in force first, then what
    /// would be without it.
    pub settings: Vec<SwitchSetting>,
}

/// One of the settings of a switch that cover this kiosk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SwitchSetting {
    /// `on` or `off`.
    pub state: &'static str,
    /// For which kiosks.
    pub scope: String,
    /// The same, for whoever says it in other words.
    #[serde(skip)]
    pub whose: Scope,
    /// Whether it was set at this kiosk.
    pub here: bool,
    /// Who.
    pub set_by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: WallTime,
}

impl SwitchSetting {
    fn of(change: &Change) -> Self {
        Self {
            state: change.position.name(),
            scope: change.scope.to_string(),
            whose: change.scope.clone(),
            here: change.scope == Scope::Here,
            set_by: change.by.to_string(),
            reason: change.reason.to_string(),
            at: WallTime::from_millis(change.at_unix_millis),
        }
    }
}

/// The switches of this kiosk. Cheap to clone.
#[derive(Clone)]
pub struct Switchboard {
    board: Arc<Mutex<Board>>,
}

struct Board {
    switches: Switches,
    held: Vec<Held>,
}

/// A dependency whose breaker a switch opens, and who must be told when that has changed.
struct Held {
    switch: &'static str,
    dependency: Arc<Dependency>,
    wake: Box<dyn Fn() + Send>,
}

impl Switchboard {
    /// A board on which nothing was ever turned.
    #[must_use]
    pub fn new(kiosk: &str) -> Self {
        Self::restored(kiosk, Vec::new())
    }

    /// A board with what was turned at this kiosk before.
    #[must_use]
    pub fn restored(kiosk: &str, kept: Vec<KeptSwitch>) -> Self {
        let member = Member {
            kiosk: kiosk.into(),
            groups: Vec::new(),
        };
        let switches = Switches::restored(member, kept.into_iter().filter_map(change));
        let held = Vec::new();
        Self {
            board: Arc::new(Mutex::new(Board { switches, held })),
        }
    }

    /// Whether there is a switch of that name.
    #[must_use]
    pub fn is_known(name: &str) -> bool {
        KNOWN.iter().any(|(known, _)| *known == name)
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        is_on(&self.lock().switches, name)
    }

    /// The level that somebody holds the kiosk at, and who and why.
    #[must_use]
    pub fn forced_level(&self) -> Option<(Level, String)> {
        let board = self.lock();
        let forced = FORCED
            .into_iter()
            .find(|(name, _)| is_on(&board.switches, name));
        forced.map(|(name, level)| {
            let decision = board.switches.decide(name);
            (level, word(&decision).unwrap_or_default())
        })
    }

    /// Who put a switch where it stands, and why, in words; none if nobody did.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<String> {
        word(&self.lock().switches.decide(name))
    }

    /// Has a switch hold the breaker of a dependency open while it is off. `wake` is called whenever that changes.
    pub fn hold(
        &self,
        switch: &'static str,
        dependency: &Arc<Dependency>,
        wake: impl Fn() + Send + 'static,
    ) {
        let held = Held {
            switch,
            dependency: Arc::clone(dependency),
            wake: Box::new(wake),
        };
        let mut board = self.lock();
        held.follow(&board.switches, now());
        board.held.push(held);
    }

    /// Turns a switch at this kiosk: it holds once it is kept.
    ///
    /// # Errors
    /// [`JournalError`], and the switch stays where it was.
    pub async fn turn(
        &self,
        journal: &Journal,
        stamp: Stamp,
        change: SwitchChanged,
    ) -> Result<(), JournalError> {
        let (board, journal) = (self.clone(), journal.clone());
        // Whoever asked may go; a switch that is kept must also hold.
        let turning = tokio::spawn(async move {
            let kept = journal.turn_switch(SwitchRequest { stamp, change }).await?;
            board.take(kept);
            Ok(())
        });
        turning.await.unwrap_or(Err(JournalError::Stopping))
    }

    /// Puts in force what headquarters says, in place of all that it said before.
    pub fn headquarters(&self, member: Member, changes: Vec<Change>) {
        let mut board = self.lock();
        let here = board.switches.settings();
        let here = here.filter(|change| change.scope == Scope::Here).cloned();
        let all: Vec<Change> = here.chain(changes).collect();
        board.switches = Switches::restored(member, all);
        board.follow();
    }

    fn take(&self, kept: KeptSwitch) {
        let Some(change) = change(kept) else {
            return;
        };
        let mut board = self.lock();
        board.switches.set(change);
        board.follow();
    }

    /// All switches, for people.
    #[must_use]
    pub fn status(&self) -> Vec<SwitchStatus> {
        let board = self.lock();
        let told = |(name, auto): &(&'static str, bool)| {
            let standing = board.switches.standing(name);
            let settings: Vec<_> = standing.into_iter().map(SwitchSetting::of).collect();
            let first = settings.first();
            let position = board.switches.decide(name).position;
            SwitchStatus {
                name,
                state: position.name(),
                effective: if position.or(*auto) { "on" } else { "off" },
                set_by: first.map(|setting| setting.set_by.clone()),
                reason: first.map(|setting| setting.reason.clone()),
                scope: first.map(|setting| setting.scope.clone()),
                at: first.map(|setting| setting.at),
                settings,
            }
        };
        KNOWN.iter().map(told).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn follow(&self) {
        let Self { switches, held } = self;
        held.iter().for_each(|held| held.follow(switches, now()));
    }
}

fn is_on(switches: &Switches, name: &str) -> bool {
    let auto = KNOWN
        .iter()
        .any(|(known, default)| *known == name && *default);
    switches.decide(name).position.or(auto)
}

impl Held {
    fn follow(&self, switches: &Switches, now: Moment) {
        let decision = switches.decide(self.switch);
        let off = decision.position == Position::Off;
        let off = off.then(|| word(&decision).unwrap_or_default());
        if self.dependency.switch(off, now) {
            (self.wake)();
        }
    }
}

fn word(decision: &Decision) -> Option<String> {
    let change = decision.by.as_ref()?;
    Some(format!("{}: {}", change.by, change.reason))
}

/// None if this software does not know that position.
fn change(kept: KeptSwitch) -> Option<Change> {
    let KeptSwitch { change, at, seq } = kept;
    Some(Change {
        position: position(&change.state)?,
        name: change.name.into(),
        scope: Scope::Here,
        by: change.by.into(),
        reason: change.reason.into(),
        at_unix_millis: at.as_millis(),
        revision: seq,
    })
}

fn position(state: &str) -> Option<Position> {
    [Position::On, Position::Off, Position::Auto]
        .into_iter()
        .find(|position| position.name() == state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience::breaker::{Settings, State};

    use crate::protect::Rules;

    fn kept(state: &str, seq: u64) -> KeptSwitch {
        KeptSwitch {
            change: SwitchChanged {
                name: ORDERING_CLOUD.to_owned(),
                state: state.to_owned(),
                reason: "stocktaking".to_owned(),
                by: "manager".to_owned(),
                scope: None,
            },
            at: WallTime::from_millis(0),
            seq,
        }
    }

    fn dependency() -> Arc<Dependency> {
        let rules = Rules::around(Settings::default(), std::time::Duration::from_secs(1));
        Arc::new(Dependency::new("ordering", &rules, 1, now()).unwrap())
    }

    fn state(board: &Switchboard) -> SwitchStatus {
        let mut all = board.status().into_iter();
        all.find(|status| status.name == ORDERING_CLOUD).unwrap()
    }

    #[test]
    fn a_switch_that_nobody_turned_is_on_and_left_to_the_software() {
        let seen = state(&Switchboard::new("k"));
        assert_eq!((seen.state, seen.effective), ("auto", "on"));
        assert_eq!((seen.set_by, seen.reason), (None, None));
    }

    #[test]
    fn off_holds_the_breaker_open_with_the_reason_and_auto_has_it_probe() {
        let (board, calls) = (Switchboard::new("k"), dependency());
        let woken = Arc::new(Mutex::new(0));
        let told = Arc::clone(&woken);
        board.hold(ORDERING_CLOUD, &calls, move || *told.lock().unwrap() += 1);
        assert_eq!(*woken.lock().unwrap(), 0);
        board.take(kept("off", 1));
        let snapshot = calls.breaker().snapshot(now());
        assert_eq!(snapshot.state, State::ForcedOpen);
        assert_eq!(snapshot.note.as_deref(), Some("manager: stocktaking"));
        assert_eq!(state(&board).set_by.as_deref(), Some("manager"));
        board.take(kept("off", 1));
        assert_eq!(
            calls.breaker().snapshot(now()).generation,
            snapshot.generation
        );
        board.take(kept("auto", 2));
        let snapshot = calls.breaker().snapshot(now());
        assert_eq!((snapshot.state, snapshot.probe_due), (State::Open, true));
        assert_eq!(*woken.lock().unwrap(), 2);
    }

    #[test]
    fn what_comes_late_changes_nothing() {
        let board = Switchboard::new("k");
        board.take(kept("auto", 2));
        board.take(kept("off", 1));
        assert!(board.is_on(ORDERING_CLOUD));
    }

    #[test]
    fn what_was_turned_before_a_restart_holds_after_it() {
        let (board, calls) = (
            Switchboard::restored("k", vec![kept("off", 4)]),
            dependency(),
        );
        board.hold(ORDERING_CLOUD, &calls, || {});
        assert_eq!(calls.breaker().state(), State::ForcedOpen);
        assert!(!board.is_on(ORDERING_CLOUD) && board.is_on(MENU_UPDATES));
    }

    #[test]
    fn a_breaker_that_opened_by_itself_is_not_touched_by_a_switch_that_is_on() {
        let (board, calls) = (Switchboard::new("k"), dependency());
        calls.breaker().open(now());
        let generation = calls.breaker().snapshot(now()).generation;
        board.hold(ORDERING_CLOUD, &calls, || {});
        board.take(kept("on", 1));
        assert_eq!(calls.breaker().snapshot(now()).generation, generation);
    }

    fn from_afar(name: &str, scope: Scope, position: Position, revision: u64) -> Change {
        Change {
            name: name.into(),
            scope,
            position,
            by: "hq/mei".into(),
            reason: "a line is repaired".into(),
            at_unix_millis: 5,
            revision,
        }
    }

    fn member(groups: &[&str]) -> Member {
        Member {
            kiosk: "s/k".into(),
            groups: groups.iter().map(|group| (*group).into()).collect(),
        }
    }

    #[test]
    fn what_the_manager_turns_holds_over_headquarters_and_auto_gives_way_to_it() {
        let (board, calls) = (Switchboard::new("k"), dependency());
        board.hold(ORDERING_CLOUD, &calls, || {});
        let all = || from_afar(ORDERING_CLOUD, Scope::All, Position::Off, 1);
        let group = || from_afar(ORDERING_CLOUD, Scope::Group("a".into()), Position::On, 2);
        board.headquarters(member(&[]), vec![all(), group()]);
        assert_eq!(calls.breaker().state(), State::ForcedOpen);
        let seen = state(&board);
        assert_eq!(
            (seen.set_by.as_deref(), seen.scope.as_deref()),
            (Some("hq/mei"), Some("all kiosks"))
        );
        board.take(kept("on", 7));
        assert_ne!(calls.breaker().state(), State::ForcedOpen);
        let scopes: Vec<_> = state(&board)
            .settings
            .into_iter()
            .map(|s| s.scope)
            .collect();
        assert_eq!(scopes, ["this kiosk", "all kiosks"]);
        // What headquarters says anew takes nothing from what was turned here.
        board.headquarters(member(&["a"]), vec![all(), group()]);
        let seen = state(&board);
        assert_eq!(
            (seen.set_by.as_deref(), seen.settings.len()),
            (Some("manager"), 3)
        );
        board.take(kept("auto", 8));
        assert_eq!(state(&board).scope.as_deref(), Some("group a"));
        board.headquarters(member(&[]), vec![all(), group()]);
        assert_eq!(calls.breaker().state(), State::ForcedOpen);
        board.headquarters(member(&[]), Vec::new());
        assert!(board.is_on(ORDERING_CLOUD));
    }

    #[test]
    fn the_gravest_level_that_somebody_forces_holds() {
        let board = Switchboard::new("k");
        assert_eq!(board.forced_level(), None);
        let on = |name: &str| from_afar(name, Scope::All, Position::On, 1);
        board.headquarters(member(&[]), vec![on("force_l0"), on("force_l2")]);
        let word = "hq/mei: a line is repaired".to_owned();
        assert_eq!(board.forced_level(), Some((Level::L2, word)));
        let off = from_afar("force_l2", Scope::Kiosk("s/k".into()), Position::Off, 2);
        board.headquarters(member(&[]), vec![on("force_l0"), on("force_l2"), off]);
        assert_eq!(
            board.forced_level().map(|(level, _)| level),
            Some(Level::L0)
        );
    }

    #[test]
    fn headquarters_knows_the_switches_of_this_version() {
        assert_eq!(
            KNOWN.map(|(name, _)| name),
            cloud_sync_wire::notice::SWITCHES
        );
    }
}
