//! States that a switch or a mode holds a breaker in.

use super::*;

fn in_mode(mode: Mode) -> Rules {
    Rules { mode, ..rules() }
}

fn note(test: &Dependency) -> Option<String> {
    test.seen().note.map(|note| note.to_string())
}

#[tokio::test]
async fn a_mode_holds_from_the_start_and_until_it_is_another() {
    for (mode, state) in [
        (Mode::MetricsOnly, State::MetricsOnly),
        (Mode::Disabled, State::Disabled),
        (Mode::ForcedOpen, State::ForcedOpen),
    ] {
        let test = Dependency::new("test", &in_mode(mode), 1, now()).unwrap();
        assert_eq!(test.seen().state, state);
        test.retune(&in_mode(mode), "set by headquarters", now())
            .unwrap();
        assert_eq!(note(&test).as_deref(), Some("set by headquarters"));
        let before = test.seen();
        test.retune(&in_mode(mode), "set by headquarters", now())
            .unwrap();
        assert_eq!(
            test.seen().last_event,
            before.last_event,
            "the same again is no event"
        );
        test.retune(&rules(), "", now()).unwrap();
        assert!(!test.seen().state.is_manual(), "{mode:?}");
        test.once(LONG, judge, answers()).await.unwrap();
        assert_eq!(test.seen().state, State::Closed);
    }
}

#[tokio::test]
async fn a_switch_that_is_off_holds_over_any_mode_and_gives_it_back() {
    let test = Dependency::new("test", &in_mode(Mode::Disabled), 1, now()).unwrap();
    assert!(test.switch(Some("manager: repairs".to_owned()), now()));
    assert!(!test.switch(Some("manager: repairs".to_owned()), now()));
    assert_eq!(
        (test.seen().state, note(&test).as_deref()),
        (State::ForcedOpen, Some("manager: repairs"))
    );
    test.retune(&in_mode(Mode::MetricsOnly), "set by headquarters", now())
        .unwrap();
    assert_eq!(test.seen().state, State::ForcedOpen);
    assert!(test.switch(None, now()));
    assert_eq!(
        (test.seen().state, note(&test).as_deref()),
        (State::MetricsOnly, Some("set by headquarters"))
    );
}

#[tokio::test]
async fn a_switch_that_is_off_at_the_start_holds_over_a_mode_that_is_set() {
    let mut rules = in_mode(Mode::Disabled);
    rules.breaker.initial = State::ForcedOpen;
    let test = Dependency::new("test", &rules, 1, now()).unwrap();
    assert_eq!(test.seen().state, State::ForcedOpen);
}

#[tokio::test]
async fn a_dry_run_lets_all_pass_and_tells_what_would_have_opened() {
    let test = Dependency::new("test", &in_mode(Mode::MetricsOnly), 1, now()).unwrap();
    for _ in 0..4 {
        let _ = test.once(LONG, judge, fails(Trouble::Down)).await;
    }
    assert_eq!(test.seen().state, State::MetricsOnly);
    let events = test.breaker().events_after(0).events;
    let told =
        |event: &breaker::Event| matches!(event.kind, breaker::EventKind::ThresholdExceeded { .. });
    assert_eq!(events.iter().filter(|event| told(event)).count(), 1);
}

#[tokio::test]
async fn what_a_breaker_found_out_by_itself_is_left_alone() {
    let test = dependency();
    test.breaker.open(now());
    let before = test.seen().generation;
    assert!(!test.switch(None, now()));
    test.retune(&rules(), "", now()).unwrap();
    assert_eq!(
        (test.seen().state, test.seen().generation),
        (State::Open, before)
    );
}

#[tokio::test]
async fn what_is_switched_on_again_is_untried_until_its_probe_has_found_something() {
    let mut rules = rules();
    rules.breaker.open = OpenWait::constant(Duration::ZERO);
    let test = Dependency::new("test", &rules, 1, now()).unwrap();
    assert!(test.switch(Some("manager: repairs".to_owned()), now()));
    assert_eq!(test.look(now()).held, Some(Held::BySwitch));
    assert!(test.switch(None, now()));
    let causes = || test.seen().outage.unwrap().causes;
    assert_eq!(
        (causes(), test.look(now()).held),
        (breaker::Causes::UNTRIED, None)
    );
    for _ in 0..2 {
        let _ = test.once(LONG, judge, fails(Trouble::Down)).await;
        assert_eq!(causes(), breaker::Causes::PROBES_FAILED);
    }
    test.once(LONG, judge, answers()).await.unwrap();
    assert_eq!(
        (test.seen().state, test.seen().outage),
        (State::Closed, None)
    );
}

#[tokio::test]
async fn a_mode_that_is_set_holds_by_settings_and_not_by_hand() {
    let test = Dependency::new("test", &in_mode(Mode::ForcedOpen), 1, now()).unwrap();
    assert_eq!(test.look(now()).held, Some(Held::BySettings));
    let refused = test.once(LONG, judge, answers()).await.unwrap_err();
    let NotDone::Refused(refused) = refused else {
        panic!("{refused:?}");
    };
    assert!(!refused.to_string().contains("by hand"), "{refused}");
}
