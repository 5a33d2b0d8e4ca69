//! What headquarters' notices mean for one kiosk: decisions without IO.

use std::collections::BTreeMap;

use cloud_sync_wire::notice::scope::Scope as Told;
use cloud_sync_wire::notice::{SettingsNotice, SwitchNotice, SwitchSetting};
use kiosk_core::event::SwitchChanged;
use kiosk_core::ids::{Generation, KioskId, StoreId};
use resilience::switches::{Change, Member, Position, Scope, share_of};

use crate::protect::Tuning;

/// What the share of kiosks is drawn by where settings are given to a percentage.
const SETTINGS: &str = "settings";

/// Which notice of a kind came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) generation: Generation,
    pub(crate) number: u64,
}

/// Whether a notice is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It is later than what is known.
    Later,
    /// It is what is known.
    Known,
    /// It was outdone by what is known.
    Older,
    /// Its ledger is not the one that confirms this kiosk's events.
    OtherLedger,
}

/// Whether a notice is later than the one known. Numbers count within a lineage of the ledger; of
/// two lineages the one counts whose acks the journal follows, so that an old notice is as old
/// after a restore as before. A kiosk that knows none takes any.
pub(super) fn news(known: Option<Seen>, acked: Option<Generation>, notice: Seen) -> News {
    let Some(known) = known else {
        return News::Later;
    };
    if known.generation != notice.generation {
        return if acked == Some(notice.generation) {
            News::Later
        } else {
            News::OtherLedger
        };
    }
    match notice.number.cmp(&known.number) {
        std::cmp::Ordering::Greater => News::Later,
        std::cmp::Ordering::Equal => News::Known,
        std::cmp::Ordering::Less => News::Older,
    }
}

/// One kiosk, as scopes name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) store: StoreId,
    pub(crate) kiosk: KioskId,
}

impl Me {
    /// With the groups that a notice puts it into.
    pub(crate) fn member(&self, groups: &BTreeMap<KioskId, Vec<String>>) -> Member {
        let groups = groups.get(&self.kiosk).into_iter().flatten();
        Member {
            kiosk: Told::name_of(&self.store, &self.kiosk).into(),
            groups: groups.map(|group| group.as_str().into()).collect(),
        }
    }
}

/// A scope as switches know it; none if a later version means somebody by it.
fn scope(told: &Told) -> Option<Scope> {
    Some(match told {
        Told::All => Scope::All,
        Told::Percent(percent) => Scope::Percent(*percent),
        Told::Group(group) => Scope::Group(group.as_str().into()),
        Told::Kiosk(store, kiosk) => Scope::Kiosk(Told::name_of(store, kiosk).into()),
        Told::Unknown(_) => return None,
    })
}

/// Who did it, so that nobody takes somebody at headquarters for the manager.
fn by(user: &str) -> String {
    format!("hq/{user}")
}

/// The settings of a notice that this software understands.
pub(crate) fn changes(notice: &SwitchNotice) -> Vec<Change> {
    notice.switches.iter().filter_map(change).collect()
}

fn change(setting: &SwitchSetting) -> Option<Change> {
    Some(Change {
        name: setting.name.as_str().into(),
        scope: scope(&setting.scope)?,
        position: Position::ALL
            .into_iter()
            .find(|position| position.name() == setting.state)?,
        by: by(&setting.by).into(),
        reason: setting.reason.as_str().into(),
        at_unix_millis: setting.at.as_millis(),
        revision: setting.number,
    })
}

/// What a notice turns at this kiosk, against the one before: each is a fact worth an event.
pub(super) fn turned(
    me: &Me,
    before: Option<&SwitchNotice>,
    now: &SwitchNotice,
) -> Vec<SwitchChanged> {
    let covering = |notice: &SwitchNotice| {
        let member = me.member(&notice.groups);
        let mut all = changes(notice);
        all.retain(|change| change.scope.covers(&change.name, &member));
        all
    };
    let before = before.map(covering).unwrap_or_default();
    let after = covering(now);
    let whole = changes(now);
    let same =
        |one: &Change, other: &Change| one.name == other.name && one.scope.same_place(&other.scope);
    let turned = after.iter().filter(|change| {
        let earlier = before.iter().find(|earlier| same(earlier, change));
        match earlier {
            Some(earlier) => earlier.revision != change.revision,
            None => change.position != Position::Auto,
        }
    });
    let turned = turned.map(|change| told(change, change.position, &change.reason));
    let left = before.iter().filter(|earlier| {
        earlier.position != Position::Auto && !after.iter().any(|change| same(earlier, change))
    });
    let left = left.map(
        |earlier| match whole.iter().find(|change| same(earlier, change)) {
            // It was narrowed, so that it covers this kiosk no more.
            Some(change) if change.revision != earlier.revision => {
                told(change, Position::Auto, &change.reason)
            }
            _ => told(earlier, Position::Auto, "it covers this kiosk no more"),
        },
    );
    turned.chain(left).collect()
}

fn told(change: &Change, position: Position, reason: &str) -> SwitchChanged {
    SwitchChanged {
        name: change.name.to_string(),
        state: position.name().to_owned(),
        reason: reason.to_owned(),
        by: change.by.to_string(),
        scope: Some(change.scope.to_string()),
    }
}

/// What is set about remote calls for this kiosk: of each key, by the narrowest scope that sets it;
/// between two groups by the later change.
pub(crate) fn tuning(me: &Me, notice: &SettingsNotice) -> Tuning {
    let member = me.member(&notice.groups);
    let mut layers: Vec<_> = notice
        .settings
        .iter()
        .filter_map(|setting| Some((scope(&setting.scope)?, setting)))
        .filter(|(scope, _)| match scope {
            Scope::Percent(percent) => {
                share_of(SETTINGS, &member.kiosk) < u32::from(*percent) * 100
            }
            scope => scope.covers(SETTINGS, &member),
        })
        .collect();
    layers.sort_by_key(|(scope, setting)| (scope.rank(), setting.number));
    layers
        .iter()
        .fold(Tuning::default(), |wider, (_, setting)| {
            wider.under(&Tuning::known(&setting.settings))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_sync_wire::notice::CallSetting;
    use kiosk_core::wall::WallTime;
    use serde_json::json;
    use uuid::Uuid;

    fn generation(of: u128) -> Generation {
        Generation(Uuid::from_u128(of))
    }

    fn me() -> Me {
        Me {
            store: "s".parse().unwrap(),
            kiosk: "k".parse().unwrap(),
        }
    }

    fn own() -> Told {
        Told::Kiosk(me().store, me().kiosk)
    }

    fn setting(name: &str, scope: Told, state: &str, number: u64) -> SwitchSetting {
        SwitchSetting {
            name: name.to_owned(),
            scope,
            state: state.to_owned(),
            by: "mei".to_owned(),
            reason: format!("reason {number}"),
            at: WallTime::from_millis(0),
            number,
        }
    }

    fn notice(number: u64, groups: &[&str], switches: Vec<SwitchSetting>) -> SwitchNotice {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        SwitchNotice {
            store: me().store,
            generation: generation(1),
            number,
            groups: [(me().kiosk, groups)].into(),
            switches,
        }
    }

    fn facts(before: Option<&SwitchNotice>, now: &SwitchNotice) -> Vec<(String, String, String)> {
        let turned = turned(&me(), before, now).into_iter();
        turned
            .map(|fact| (fact.state, fact.scope.unwrap_or_default(), fact.reason))
            .collect()
    }

    fn fact(state: &str, scope: &str, reason: &str) -> (String, String, String) {
        (state.to_owned(), scope.to_owned(), reason.to_owned())
    }

    #[test]
    fn an_older_notice_never_wins_over_a_later_one() {
        let seen = |of, number| Seen {
            generation: generation(of),
            number,
        };
        let acked = Some(generation(1));
        assert_eq!(news(None, None, seen(1, 0)), News::Later);
        let known = Some(seen(1, 5));
        assert_eq!(news(known, acked, seen(1, 6)), News::Later);
        assert_eq!(news(known, acked, seen(1, 5)), News::Known);
        assert_eq!(news(known, acked, seen(1, 4)), News::Older);
        // Another lineage: only the one that confirms this kiosk's events.
        assert_eq!(news(known, acked, seen(2, 9)), News::OtherLedger);
        assert_eq!(news(known, None, seen(2, 9)), News::OtherLedger);
        assert_eq!(news(known, Some(generation(2)), seen(2, 1)), News::Later);
        let after = Some(seen(2, 1));
        let replayed = news(after, Some(generation(2)), seen(1, 99));
        assert_eq!(replayed, News::OtherLedger);
    }

    #[test]
    fn what_is_turned_at_this_kiosk_is_told_once() {
        let first = notice(1, &[], vec![setting("a", Told::All, "off", 1)]);
        let want = [fact("off", "all kiosks", "reason 1")];
        assert_eq!(facts(None, &first), want);
        assert_eq!(facts(Some(&first), &first), []);
        let other = Told::Kiosk(me().store, "other".parse().unwrap());
        let second = notice(
            3,
            &[],
            vec![
                setting("a", Told::All, "auto", 3),
                setting("a", other, "on", 2),
            ],
        );
        let want = [fact("auto", "all kiosks", "reason 3")];
        assert_eq!(facts(Some(&first), &second), want);
    }

    #[test]
    fn a_share_that_shrinks_and_a_group_that_is_left_are_told() {
        let wide = notice(1, &[], vec![setting("a", Told::Percent(100), "off", 1)]);
        let none = notice(2, &[], vec![setting("a", Told::Percent(0), "off", 2)]);
        let want = [fact("auto", "0 % of kiosks", "reason 2")];
        assert_eq!(facts(Some(&wide), &none), want);
        assert_eq!(facts(Some(&none), &wide).len(), 1);
        let airport = || setting("a", Told::Group("airport".to_owned()), "on", 3);
        let inside = notice(4, &["airport"], vec![airport()]);
        let outside = notice(5, &[], vec![airport()]);
        let want = [fact("on", "group airport", "reason 3")];
        assert_eq!(facts(Some(&outside), &inside), want);
        let want = [fact(
            "auto",
            "group airport",
            "it covers this kiosk no more",
        )];
        assert_eq!(facts(Some(&inside), &outside), want);
    }

    #[test]
    fn what_a_later_version_says_turns_nothing() {
        let odd = Told::Unknown(json!({"region": "south"}));
        let notice = notice(
            1,
            &[],
            vec![
                setting("a", odd, "off", 1),
                setting("a", Told::All, "half", 1),
            ],
        );
        assert_eq!(facts(None, &notice), []);
        assert!(changes(&notice).is_empty());
    }

    #[test]
    fn the_narrowest_setting_of_each_key_holds() {
        let set = |scope, settings: serde_json::Value, number| CallSetting {
            scope,
            settings: settings.as_object().unwrap().clone(),
            by: "mei".to_owned(),
            reason: "x".to_owned(),
            at: WallTime::from_millis(0),
            number,
        };
        let group = |name: &str| Told::Group(name.to_owned());
        let notice = SettingsNotice {
            store: me().store,
            generation: generation(1),
            number: 9,
            groups: [(me().kiosk, vec!["a".to_owned(), "b".to_owned()])].into(),
            settings: vec![
                set(own(), json!({"menu": {"retries": 1}}), 2),
                set(group("b"), json!({"menu": {"retries": 2, "probes": 2}}), 8),
                set(group("a"), json!({"menu": {"retries": 3, "probes": 3}}), 9),
                set(group("c"), json!({"menu": {"burst": 1}}), 9),
                set(
                    Told::Percent(100),
                    json!({"menu": {"timeout_ms": 900, "probes": 4}}),
                    7,
                ),
                set(Told::Percent(0), json!({"menu": {"calls_at_once": 9}}), 7),
                set(
                    Told::All,
                    json!({"menu": {"timeout_ms": 800, "slow_percent": 5}}),
                    6,
                ),
            ],
        };
        let tuning = tuning(&me(), &notice);
        let want = json!({"menu": {
            "retries": 1, "probes": 3, "timeout_ms": 900, "slow_percent": 5,
        }});
        assert_eq!(serde_json::Value::Object(tuning.to_json()), want);
    }
}
