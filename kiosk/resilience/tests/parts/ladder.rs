use resilience::breaker::State;
use resilience::ladder::{Assessment, Dependency, Inputs, Ladder, Level, Reason, Settings};

use crate::*;

fn with(ordering: State, extras: State) -> Inputs<'static> {
    let dependencies = vec![
        Dependency {
            name: "recommendations",
            state: extras,
            costs: Level::L1,
        },
        Dependency {
            name: "ordering",
            state: ordering,
            costs: Level::L2,
        },
    ];
    Inputs {
        dependencies,
        ..Inputs::default()
    }
}

fn loaded(load: u32) -> Inputs<'static> {
    Inputs {
        load,
        ..Inputs::default()
    }
}

fn ladder() -> Ladder {
    Ladder::new(Settings::default(), s(0))
}

fn said(assessment: &Assessment) -> Vec<String> {
    assessment.reasons.iter().map(ToString::to_string).collect()
}

#[test]
fn with_everything_there_it_is_at_the_top_without_reasons() {
    let assessment = ladder().assess(s(1), &with(State::Closed, State::Closed));
    assert_eq!((assessment.level, assessment.reasons.len()), (Level::L0, 0));
    assert_eq!((assessment.changed_from, assessment.until), (None, None));
}

#[test]
fn each_dependency_costs_its_level_and_the_gravest_counts() {
    let mut ladder = ladder();
    let assessment = ladder.assess(s(1), &with(State::Open, State::Open));
    assert_eq!(
        (assessment.level, assessment.changed_from),
        (Level::L2, Some(Level::L0))
    );
    assert_eq!(
        said(&assessment),
        [
            "ordering cannot be reached",
            "recommendations cannot be reached"
        ]
    );
    assert_eq!(
        ladder.assess(s(2), &with(State::Closed, State::Open)).level,
        Level::L2
    );
    assert_eq!(
        ladder
            .assess(s(11), &with(State::Closed, State::Open))
            .level,
        Level::L1
    );
}

#[test]
fn only_an_admitting_breaker_counts_as_there() {
    for state in State::ALL {
        let level = ladder().assess(s(1), &with(state, State::Closed)).level;
        assert_eq!(level == Level::L0, state.passes(), "{state}");
    }
    let forced = ladder().assess(s(1), &with(State::ForcedOpen, State::Closed));
    assert_eq!(said(&forced), ["ordering is switched off"]);
    let tried = ladder().assess(s(1), &with(State::HalfOpen, State::Closed));
    assert_eq!(said(&tried), ["ordering is being tried again"]);
}

#[test]
fn a_link_that_flaps_every_second_costs_one_step_down_and_one_up() {
    let (mut ladder, mut moves) = (ladder(), Vec::new());
    for half_second in 0..400 {
        let flaps = half_second < 200;
        let state = if flaps && half_second % 2 == 0 {
            State::Open
        } else {
            State::Closed
        };
        let assessment = ladder.assess(ms(half_second * 500), &with(state, State::Closed));
        moves.extend(assessment.changed_from.map(|from| (from, assessment.level)));
    }
    assert_eq!(moves, [(Level::L0, Level::L2), (Level::L2, Level::L0)]);
}

#[test]
fn it_says_when_it_will_be_back() {
    let mut ladder = ladder();
    ladder.assess(s(1), &with(State::Open, State::Open));
    let assessment = ladder.assess(s(5), &with(State::Closed, State::Open));
    assert_eq!(assessment.until, Some(s(11)));
    assert_eq!(
        said(&assessment),
        [
            "back at L1 in 6s if nothing else happens",
            "recommendations cannot be reached"
        ]
    );
    let assessment = ladder.assess(s(11), &with(State::Closed, State::Open));
    assert_eq!((assessment.level, assessment.since), (Level::L1, s(11)));
}

#[test]
fn load_is_left_only_well_below_the_limit_at_which_it_was_entered() {
    let mut ladder = ladder();
    let levels: Vec<_> = [
        (0, 84),
        (1, 85),
        (30, 80),
        (60, 76),
        (90, 75),
        (91, 74),
        (120, 74),
    ]
    .map(|(at, load)| ladder.assess(s(at), &loaded(load)).level)
    .to_vec();
    use Level::{L0, L1};
    assert_eq!(levels, [L0, L1, L1, L1, L1, L1, L0]);
    let busy = ladder.assess(s(200), &loaded(250));
    assert_eq!(
        (busy.level, said(&busy)),
        (Level::L3, vec!["the kiosk is busy (250 %)".to_owned()])
    );
}

#[test]
fn a_level_set_by_hand_holds_at_once_both_ways() {
    let mut ladder = ladder();
    let forced = |level, state| Inputs {
        forced: Some((level, "manager: card reader is broken")),
        ..with(state, State::Closed)
    };
    let assessment = ladder.assess(s(1), &forced(Level::L3, State::Closed));
    assert_eq!(assessment.level, Level::L3);
    assert_eq!(
        said(&assessment),
        ["set by hand: manager: card reader is broken"]
    );
    let assessment = ladder.assess(s(2), &forced(Level::L0, State::Open));
    assert_eq!((assessment.level, assessment.reasons.len()), (Level::L0, 2));
    let assessment = ladder.assess(s(3), &with(State::Closed, State::Closed));
    assert_eq!(assessment.level, Level::L2, "the outage was seen meanwhile");
    assert!(matches!(
        assessment.reasons[0],
        Reason::Recovering { to: Level::L0, .. }
    ));
}

#[test]
fn released_from_a_forced_level_it_is_where_the_facts_put_it() {
    let mut ladder = ladder();
    let inputs = Inputs {
        forced: Some((Level::L3, "trial")),
        ..with(State::Closed, State::Closed)
    };
    ladder.assess(s(1), &inputs);
    assert_eq!(
        ladder
            .assess(s(2), &with(State::Closed, State::Closed))
            .level,
        Level::L0
    );
}

#[test]
fn the_same_inputs_give_the_same_answer() {
    let (mut one, mut two) = (ladder(), ladder());
    for second in 0..100 {
        let state = if second % 7 < 2 {
            State::Open
        } else {
            State::Closed
        };
        let inputs = Inputs {
            load: second % 120,
            ..with(state, State::Closed)
        };
        let now = s(u64::from(second));
        assert_eq!(one.assess(now, &inputs), two.assess(now, &inputs));
        assert_eq!(one, two);
    }
}

#[test]
fn a_clock_that_steps_back_leaves_no_level_stuck() {
    let mut ladder = ladder();
    ladder.assess(s(100), &with(State::Open, State::Closed));
    assert_eq!(
        ladder
            .assess(s(5), &with(State::Closed, State::Closed))
            .level,
        Level::L2
    );
    assert_eq!(
        ladder
            .assess(s(110), &with(State::Closed, State::Closed))
            .level,
        Level::L0
    );
    let at_once = Settings {
        recover_after: secs(0),
        ..Settings::default()
    };
    let mut ladder = Ladder::new(at_once, s(0));
    assert_eq!(
        ladder.assess(s(1), &with(State::Open, State::Closed)).level,
        Level::L2
    );
    assert_eq!(
        ladder
            .assess(s(2), &with(State::Closed, State::Closed))
            .level,
        Level::L0
    );
}

#[test]
fn the_rest_of_a_recovery_is_told_in_whole_seconds_rounded_up() {
    let told = |nanos: u64| {
        let rest = Duration::from_nanos(nanos);
        Reason::Recovering {
            to: Level::L0,
            rest,
        }
        .to_string()
    };
    let in_secs = |secs: u64| format!("back at {} in {secs}s if nothing else happens", Level::L0);
    assert_eq!(told(8_765_432_109), in_secs(9));
    assert_eq!(told(8_000_000_000), in_secs(8));
    assert_eq!(told(1), in_secs(1));
}
