use std::sync::Arc;

use resilience::switches::{
    Applied, CHANGES_KEPT, Change, Member, Position, Scope, Switches, share_of,
};

fn member(kiosk: &str) -> Member {
    Member {
        kiosk: kiosk.into(),
        groups: vec!["north".into(), "airport".into()],
    }
}

fn turn(scope: Scope, position: Position, revision: u64) -> Change {
    Change {
        name: "extras".into(),
        scope,
        position,
        by: "hq/mei".into(),
        reason: "supplier outage".into(),
        at_unix_millis: 0,
        revision,
    }
}

fn group(name: &str) -> Scope {
    Scope::Group(name.into())
}

#[test]
fn the_narrowest_setting_counts_in_whatever_order_they_come() {
    let scopes = [
        Scope::All,
        Scope::Percent(100),
        group("north"),
        Scope::Kiosk("k1".into()),
        Scope::Here,
    ];
    for first in 0..scopes.len() {
        for second in 0..scopes.len() {
            if first == second {
                continue;
            }
            let mut switches = Switches::new(member("k1"));
            switches.set(turn(scopes[first].clone(), Position::On, 1));
            switches.set(turn(scopes[second].clone(), Position::Off, 2));
            let expected = if first > second {
                Position::On
            } else {
                Position::Off
            };
            let decision = switches.decide("extras");
            assert_eq!(decision.position, expected, "{first} {second}");
            assert_eq!(decision.by.unwrap().scope, scopes[first.max(second)]);
        }
    }
}

#[test]
fn auto_gives_way_to_the_next_wider_setting() {
    let mut switches = Switches::new(member("k1"));
    switches.set(turn(Scope::All, Position::Off, 1));
    switches.set(turn(Scope::Here, Position::On, 1));
    assert_eq!(switches.decide("extras").position, Position::On);
    assert_eq!(
        switches.set(turn(Scope::Here, Position::Auto, 2)),
        Applied::Changed { here: true }
    );
    assert_eq!(switches.decide("extras").position, Position::Off);
    switches.set(turn(Scope::All, Position::Auto, 2));
    let decision = switches.decide("extras");
    assert_eq!((decision.position, decision.by), (Position::Auto, None));
    assert!(decision.position.or(true) && !decision.position.or(false));
}

#[test]
fn settings_for_others_do_not_count_here() {
    let mut switches = Switches::new(member("k1"));
    for scope in [Scope::Kiosk("k2".into()), group("south"), Scope::Percent(0)] {
        let applied = switches.set(turn(scope, Position::Off, 1));
        assert_eq!(applied, Applied::Changed { here: false });
    }
    assert_eq!(switches.decide("extras").position, Position::Auto);
    assert_eq!(
        switches.decide_for("extras", &member("k2")).position,
        Position::Off
    );
    assert_eq!(switches.decide("other").position, Position::Auto);
}

#[test]
fn between_two_groups_the_later_change_counts() {
    let mut switches = Switches::new(member("k1"));
    switches.set(turn(group("airport"), Position::Off, 8));
    switches.set(turn(group("north"), Position::On, 5));
    assert_eq!(switches.decide("extras").position, Position::Off);
}

#[test]
fn late_and_repeated_changes_change_nothing() {
    let mut switches = Switches::new(member("k1"));
    switches.set(turn(Scope::All, Position::Off, 5));
    assert_eq!(
        switches.set(turn(Scope::All, Position::On, 4)),
        Applied::Outdated
    );
    assert_eq!(
        switches.set(turn(Scope::All, Position::On, 5)),
        Applied::Outdated
    );
    switches.set(turn(Scope::All, Position::Auto, 6));
    assert_eq!(
        switches.set(turn(Scope::All, Position::Off, 5)),
        Applied::Outdated
    );
    assert_eq!(switches.decide("extras").position, Position::Auto);
    assert_eq!(switches.audit_after(0).0.len(), 2);
}

#[test]
fn a_share_covers_about_that_share_and_grows_without_losing_anybody() {
    let kiosks: Vec<_> = (0..10_000)
        .map(|number| format!("store-{number}/k1"))
        .collect();
    let mut before: Vec<&String> = Vec::new();
    for percent in [0, 1, 10, 33, 50, 99, 100] {
        let covered: Vec<_> = kiosks
            .iter()
            .filter(|kiosk| Scope::Percent(percent).covers("extras", &member(kiosk)))
            .collect();
        let expected = usize::from(percent) * 100;
        assert!(
            covered.len().abs_diff(expected) <= 150,
            "{percent} %: {}",
            covered.len()
        );
        assert!(before.iter().all(|kiosk| covered.contains(kiosk)));
        before = covered;
    }
    assert_eq!(before.len(), 10_000, "100 % is everybody");
}

#[test]
fn a_new_share_replaces_the_old_one() {
    let mut switches = Switches::new(member("k1"));
    switches.set(turn(Scope::Percent(100), Position::Off, 1));
    switches.set(turn(Scope::Percent(0), Position::Off, 2));
    assert_eq!(switches.decide("extras").position, Position::Auto);
    assert_eq!(switches.settings().count(), 1);
}

/// These places are a promise to every kiosk in the field: an update must not move them.
#[test]
fn the_place_of_a_kiosk_in_a_roll_out_never_changes() {
    let places = [
        ("recommendations", "k7"),
        ("payments", "k7"),
        ("", ""),
        ("面", "市场/1"),
    ]
    .map(|(switch, kiosk)| share_of(switch, kiosk));
    assert_eq!(places, [6_186, 4_657, 8_614, 4_148]);
}

#[test]
fn a_restart_changes_nothing() {
    let mut switches = Switches::new(member("k1"));
    switches.set(turn(Scope::All, Position::Off, 3));
    switches.set(turn(Scope::Here, Position::On, 7));
    switches.set(turn(Scope::Here, Position::Auto, 8));
    let kept: Vec<_> = switches.settings().cloned().collect();
    let mut restored = Switches::restored(member("k1"), kept);
    assert_eq!(restored.decide("extras"), switches.decide("extras"));
    assert_eq!(
        restored.set(turn(Scope::Here, Position::On, 7)),
        Applied::Outdated
    );
    assert_eq!(restored.names().collect::<Vec<_>>(), ["extras"]);
    assert!(restored.audit_after(0).0.is_empty());
}

#[test]
fn the_audit_says_who_changed_what_from_what_and_why() {
    let mut switches = Switches::new(member("k1"));
    switches.set(turn(Scope::All, Position::Off, 1));
    switches.set(turn(Scope::All, Position::On, 2));
    let (news, lost) = switches.audit_after(1);
    assert_eq!(
        (news.len(), lost, news[0].seq, news[0].from),
        (1, 0, 2, Position::Off)
    );
    assert_eq!(
        (&*news[0].change.by, &*news[0].change.reason),
        ("hq/mei", "supplier outage")
    );
    for revision in 3..2_003 {
        switches.set(turn(Scope::All, Position::Off, revision));
    }
    let (news, lost) = switches.audit_after(2);
    assert_eq!(
        (news.len(), lost),
        (CHANGES_KEPT, 2_000 - CHANGES_KEPT as u64)
    );
    let _: Arc<str> = Arc::clone(&news[0].change.name);
}

#[test]
fn what_stands_for_a_switch_is_told_from_the_one_in_force_to_the_widest() {
    let mut switches = Switches::new(member("k"));
    for (scope, position, revision) in [
        (Scope::All, Position::Off, 1),
        (Scope::Here, Position::On, 1),
        (Scope::Group("airport".into()), Position::Auto, 3),
        (Scope::Kiosk("other".into()), Position::Off, 4),
        (Scope::Kiosk("k".into()), Position::Off, 5),
    ] {
        switches.set(turn(scope, position, revision));
    }
    let standing = switches.standing("extras");
    let scopes: Vec<_> = standing.iter().map(|change| &change.scope).collect();
    assert_eq!(
        scopes,
        [&Scope::Here, &Scope::Kiosk("k".into()), &Scope::All]
    );
    assert_eq!(
        switches.decide("extras").by.as_ref(),
        standing.first().copied()
    );
    assert!(switches.standing("another").is_empty());
}

#[test]
fn two_groups_at_the_same_revision_are_told_apart_by_name_whichever_came_first() {
    let airport = turn(group("airport"), Position::On, 1);
    let north = turn(group("north"), Position::Off, 1);
    for order in [
        [airport.clone(), north.clone()],
        [north.clone(), airport.clone()],
    ] {
        let mut switches = Switches::new(member("k7"));
        for change in order {
            switches.set(change);
        }
        assert_eq!(switches.decide("extras").by, Some(airport.clone()));
        assert_eq!(switches.standing("extras"), [&airport, &north]);
    }
}
