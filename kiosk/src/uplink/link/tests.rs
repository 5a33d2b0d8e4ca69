use std::time::Duration;

use proptest::prelude::*;
use resilience::breaker::State;

use super::world::{Http, World};
use super::{Action, Event, Mode, Reply, Transport, Why};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_kiosk_is_offline_until_the_cloud_has_answered() {
    let mut world = World::new(1);
    world.rows(0);
    assert_eq!(world.link.mode().0, Mode::Offline);
    assert!(matches!(world.log[0].1, Action::HelloByHttp(_)));
    world.run(secs(1));
    assert_eq!(world.link.mode().0, Mode::Online);
}

#[test]
fn a_new_event_goes_out_at_once_over_http_while_online() {
    let mut world = World::online(1);
    world.rows(1);
    let (at, batch) = world.sends()[0];
    assert_eq!(
        (at, batch.via, batch.first, batch.last),
        (world.now, Transport::Http, 1, 1)
    );
    world.run(ms(100));
    assert_eq!(world.unconfirmed(), 0);
    assert_eq!(world.link.mode().0, Mode::Online);
}

#[test]
fn events_that_come_while_calls_are_under_way_travel_together() {
    let mut world = World::online(1);
    for _ in 0..20 {
        world.rows(1);
    }
    assert_eq!(world.sends().len(), 3, "a few calls at most");
    world.run(ms(100));
    assert_eq!(world.unconfirmed(), 0);
    assert_eq!(world.sends().len(), 4);
    assert_eq!((world.sends()[3].1.first, world.sends()[3].1.last), (4, 20));
}

#[test]
fn catching_up_goes_by_mqtt_in_a_growing_window() {
    let mut world = World::new(1);
    world.rows(2_000);
    world.broker(true);
    world.latency = ms(400);
    world.run(secs(20));
    assert_eq!(
        (world.unconfirmed(), world.link.mode().0),
        (0, Mode::Online)
    );
    // While the broker's hello is unanswered, calls carry it.
    let mut sends = world.sends();
    sends.retain(|(_, batch)| batch.via == Transport::Mqtt);
    assert!(sends.len() > 25);
    assert!(world.sends().ends_with(&sends));
    let all = world.sends();
    let together = |at| all.iter().filter(|(other, _)| *other == at).count();
    assert_eq!(together(all[0].0), 1, "it begins with one batch");
    assert!(sends.iter().any(|(at, _)| together(*at) > 1), "and grows");
    assert!(
        world
            .modes
            .iter()
            .any(|(_, mode)| *mode == Mode::CatchingUp)
    );
}

#[test]
fn catching_up_goes_by_http_without_a_broker() {
    let mut world = World::new(1);
    world.rows(500);
    world.run(secs(10));
    assert_eq!(
        (world.unconfirmed(), world.link.mode().0),
        (0, Mode::Online)
    );
    assert!(
        world
            .sends()
            .iter()
            .all(|(_, batch)| batch.via == Transport::Http)
    );
}

#[test]
fn without_http_everything_goes_by_mqtt_and_the_kiosk_stays_offline() {
    let mut world = World::new(1);
    world.http = Http::BlackHole;
    world.rows(300);
    world.broker(true);
    world.run(secs(20));
    assert_eq!(world.unconfirmed(), 0);
    world.rows(1);
    world.run(secs(1));
    assert_eq!(
        (world.unconfirmed(), world.link.mode().0),
        (0, Mode::Offline)
    );
}

#[test]
fn a_new_event_is_not_behind_the_backlog() {
    for cloud in [Http::Up, Http::BlackHole] {
        let mut world = World::new(1);
        world.http = cloud;
        world.rows(100_000);
        world.broker(true);
        world.run(secs(3));
        assert!(world.unconfirmed() > 10_000);
        world.rows(1);
        let new = world.next_seq - 1;
        let (at, batch) = *world.sends().last().unwrap();
        assert_eq!((at, batch.first, batch.live), (world.now, new, true));
        let end = world.now.plus(secs(1));
        assert!(world.run_until(end, |world| world.confirmed.contains(new)));
    }
}

#[test]
fn what_the_broker_was_given_is_sent_again_when_it_is_gone() {
    let mut world = World::new(1);
    world.http = Http::BlackHole;
    world.rows(64);
    world.broker(true);
    world.run(secs(1));
    world.one_lost_of = 1;
    world.rows(10);
    world.run(ms(10));
    assert_eq!(world.link.in_flight(), 1);
    world.broker(false);
    assert_eq!(world.link.in_flight(), 0);
    assert!(!world.link.on_wire().contains(70));
    world.one_lost_of = 0;
    world.broker(true);
    world.run(secs(5));
    assert_eq!(world.unconfirmed(), 0);
}

#[test]
fn no_credit_means_hold_until_there_is_some() {
    let mut world = World::online(1);
    world.credit = 0;
    world.run(secs(6));
    world.log.clear();
    world.rows(5);
    world.run(secs(30));
    assert_eq!(world.sends().len(), 0);
    world.credit = 2;
    world.run(secs(6));
    assert_eq!(world.unconfirmed(), 0);
}

#[test]
fn a_hold_ends_also_when_only_the_broker_is_left_to_ask() {
    let mut world = World::new(1);
    world.http = Http::BlackHole;
    world.credit = 0;
    world.rows(5);
    world.broker(true);
    world.run(secs(60));
    assert_eq!(world.sends().len(), 0);
    world.credit = 1;
    world.run(secs(120));
    assert_eq!(world.unconfirmed(), 0);
}

#[test]
fn an_idle_kiosk_sees_an_outage_within_ten_seconds_and_its_end_within_five() {
    for seed in 0..50 {
        let mut world = World::online(seed);
        world.run(ms(seed * 97));
        let silent = world.now;
        world.http = Http::BlackHole;
        let offline = |world: &World| world.link.mode().0 == Mode::Offline;
        assert!(
            world.run_until(silent.plus(secs(10)), offline),
            "seed {seed}"
        );
        world.broker(false);
        world.rows(3);
        world.run(ms(60_000 + seed * 97));
        let back = world.now;
        world.http = Http::Up;
        let back_again = |world: &World| world.link.mode().0 != Mode::Offline;
        assert!(
            world.run_until(back.plus(secs(5)), back_again),
            "seed {seed}"
        );
        assert_eq!(world.link.mode().0, Mode::CatchingUp);
        world.run(secs(2));
        assert_eq!(world.unconfirmed(), 0);
    }
}

#[test]
fn a_busy_kiosk_sees_an_outage_within_five_seconds() {
    for seed in 0..20 {
        let mut world = World::online(seed);
        let silent = world.now;
        world.http = Http::BlackHole;
        for _ in 0..5 {
            world.run(secs(1));
            world.rows(1);
        }
        assert_eq!(world.link.mode().0, Mode::Offline, "seed {seed}");
        assert!(world.link.mode().1.since(silent) < secs(5));
    }
}

#[test]
fn a_heartbeat_that_fails_is_repeated_at_once() {
    let mut world = World::online(1);
    world.http = Http::Refusing;
    world.run(secs(6));
    let asked: Vec<_> = world
        .log
        .iter()
        .filter(|(_, a)| matches!(a, Action::Heartbeat(_)))
        .collect();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].0.since(asked[0].0) < ms(50));
    assert_eq!(world.link.mode().0, Mode::Offline);
}

#[test]
fn after_an_outage_calls_come_back_gradually_and_no_event_waits_for_them() {
    let mut world = World::online(1);
    world.http = Http::Refusing;
    world.run(secs(12));
    assert_eq!(world.link.mode().0, Mode::Offline);
    world.http = Http::Up;
    let end = world.now.plus(secs(5));
    while world.link.mode().0 == Mode::Offline {
        world.run(ms(10));
        assert!(world.now < end, "its end is seen in time");
    }
    let mut passed = Vec::new();
    for _ in 0..3 {
        let before = world.breaker.snapshot(world.now).totals;
        for _ in 0..80 {
            world.rows(1);
            world.run(ms(50));
        }
        let after = world.breaker.snapshot(world.now).totals;
        passed.push(after.ok - before.ok);
        assert!(world.unconfirmed() < 20, "{}", world.unconfirmed());
    }
    let [first, second, last] = passed[..] else {
        panic!("three parts");
    };
    // A trickle in the first four seconds, nearly all in the last, in which the ramp ends.
    assert!(
        first * 4 < last && first < second && last > 60,
        "{passed:?}"
    );
    let refused = world.breaker.snapshot(world.now).rejected;
    assert!(
        refused < 60,
        "not a storm of calls that can't pass: {refused}"
    );
    world.run(secs(2));
    assert_eq!(world.unconfirmed(), 0);
}

#[test]
fn no_event_is_ever_a_probe() {
    let mut world = World::online(1);
    world.http = Http::Refusing;
    world.broker(false);
    for _ in 0..60 {
        world.rows(1);
        world.run(secs(1));
    }
    world.log.clear();
    world.rows(1);
    world.run(secs(30));
    assert_eq!(world.sends().len(), 0);
    assert!(
        world
            .log
            .iter()
            .any(|(_, action)| matches!(action, Action::HelloByHttp(_)))
    );
}

#[test]
fn an_overloaded_cloud_is_left_alone_for_as_long_as_it_asks() {
    let mut world = World::online(1);
    world.http = Http::Says(Reply::Overloaded(secs(20)));
    world.rows(1);
    world.broker(false);
    world.run(secs(1));
    let opened = world.breaker.snapshot(world.now);
    assert_eq!((opened.state, opened.totals.fail), (State::Open, 0));
    assert_eq!(world.link.reason(), Why::AsksToWait);
    world.http = Http::Up;
    world.log.clear();
    world.run(ms(18_500));
    assert_eq!(world.log.len(), 0);
    world.run(secs(3));
    assert_eq!(
        (world.unconfirmed(), world.link.mode().0),
        (0, Mode::Online)
    );
}

#[test]
fn on_resume_a_wait_that_is_over_is_over() {
    let mut world = World::online(1);
    world.http = Http::Says(Reply::Overloaded(secs(300)));
    world.rows(1);
    world.broker(false);
    world.run(secs(1));
    assert_eq!(world.link.reason(), Why::AsksToWait);
    world.http = Http::Up;
    // Not all of it was slept through, and then it was.
    world.link.slept(world.now, secs(200));
    world.run(secs(20));
    assert_eq!(world.link.mode().0, Mode::Offline);
    world.link.slept(world.now, secs(8 * 3_600));
    world.run(secs(5));
    assert_eq!(
        (world.unconfirmed(), world.link.mode().0),
        (0, Mode::Online)
    );
}

#[test]
fn a_refused_credential_is_told_and_asked_about_seldom() {
    let mut world = World::online(1);
    world.http = Http::Says(Reply::Refused);
    world.rows(1);
    world.broker(false);
    world.run(secs(10));
    assert_eq!(world.link.mode().0, Mode::Offline);
    assert_eq!(world.link.reason(), Why::CredentialRefused);
    world.log.clear();
    world.run(secs(300));
    assert!((2..=6).contains(&world.log.len()), "{:?}", world.log);
    world.http = Http::Up;
    world.run(secs(100));
    assert_eq!(
        (world.unconfirmed(), world.link.mode().0),
        (0, Mode::Online)
    );
}

#[test]
fn an_unknown_journal_is_answered_with_a_hello_and_the_batch_again() {
    let mut world = World::online(1);
    world.http = Http::Says(Reply::HelloFirst);
    world.rows(1);
    world.run_until(world.now.plus(secs(1)), |world| world.log.len() > 1);
    world.http = Http::Up;
    assert!(matches!(world.log[1].1, Action::HelloByHttp(_)));
    world.run(secs(3));
    assert_eq!(
        (world.unconfirmed(), world.link.mode().0),
        (0, Mode::Online)
    );
}

#[test]
fn an_ack_that_withdraws_is_answered_with_one_hello_and_sending_stops_if_that_does_not_help() {
    let mut world = World::online(1);
    world.broker(false);
    world.http = Http::Says(Reply::Withdrawn);
    world.log.clear();
    world.rows(1);
    world.run(secs(20));
    let hellos = |world: &World| {
        let all = world.log.iter();
        all.filter(|(_, action)| matches!(action, Action::HelloByHttp(_)))
            .count()
    };
    assert_eq!((world.sends().len(), hellos(&world)), (1, 1));
    assert_eq!(world.link.mode().0, Mode::Offline);
    assert_eq!(world.link.reason(), Why::Withdrawn);
    world.http = Http::Up;
    world.run(secs(120));
    assert_eq!(
        (world.unconfirmed(), world.link.mode().0),
        (0, Mode::Online)
    );
}

#[test]
fn a_hello_asked_for_by_mqtt_is_said_before_anything_else_goes_that_way() {
    let mut world = World::online(1);
    world.http = Http::BlackHole;
    world.run(secs(60));
    world.broker_is_deaf = true;
    world.rows(3);
    world.run(secs(1));
    world.log.clear();
    world.feed(Event::MqttAsksHello);
    assert!(matches!(world.log[..], [(_, Action::HelloByMqtt)]));
    // While one is due, another request makes no second.
    world.feed(Event::MqttAsksHello);
    assert_eq!(world.log.len(), 1);
    world.broker_is_deaf = false;
    assert!(world.run_until(world.now.plus(secs(120)), |world| world.unconfirmed() == 0));
    let first_send = world.sends()[0].0;
    let (last_hello, _) = world
        .log
        .iter()
        .rfind(|(at, action)| matches!(action, Action::HelloByMqtt) && *at <= first_send)
        .unwrap();
    assert!(*last_hello < first_send);
}

#[test]
fn a_frame_the_cloud_cannot_use_is_cut_smaller_and_its_neighbours_pass() {
    let mut world = World::online(1);
    world.http = Http::Says(Reply::BadFrame);
    world.rows(64);
    world.run_until(world.now.plus(secs(1)), |world| world.link.in_flight() == 0);
    world.http = Http::Up;
    world.rows(1);
    world.run(ms(100));
    assert!(world.confirmed.contains(65), "its neighbour passes at once");
    world.log.clear();
    world.run(secs(5));
    assert_eq!(world.unconfirmed(), 0);
    assert!(
        world
            .sends()
            .iter()
            .all(|(_, batch)| batch.last - batch.first < 32)
    );
}

#[test]
fn after_three_expiries_the_other_way_is_tried_and_kept_while_it_works() {
    let mut world = World::online(1);
    world.broker(false);
    world.http = Http::Refusing;
    world.rows(64);
    world.run(secs(10));
    world.broker(true);
    world.run(secs(1));
    // From now on the broker takes everything and nobody listens behind it.
    world.http = Http::Up;
    world.broker_is_deaf = true;
    world.rows(300);
    world.log.clear();
    let end = world.now.plus(secs(600));
    assert!(world.run_until(end, |world| world.unconfirmed() == 0));
    let sends = world.sends();
    let ways: Vec<Transport> = sends.iter().map(|(_, batch)| batch.via).collect();
    let by_mqtt = ways.iter().filter(|via| **via == Transport::Mqtt).count();
    assert_eq!(
        (ways[0], ways[ways.len() - 1]),
        (Transport::Mqtt, Transport::Http)
    );
    assert!((3..=6).contains(&by_mqtt), "{ways:?}");
}

#[test]
fn a_fenced_kiosk_sends_nothing() {
    let mut world = World::online(1);
    world.feed(Event::Fenced);
    world.rows(5);
    world.run(secs(30));
    assert_eq!(
        (world.sends().len(), world.link.mode().0),
        (0, Mode::Offline)
    );
    assert_eq!(world.link.reason(), Why::Forked);
}

#[test]
fn a_stopping_kiosk_begins_nothing_new() {
    let mut world = World::online(1);
    world.feed(Event::Stop);
    world.rows(5);
    world.run(secs(30));
    assert_eq!(world.log.len(), 0);
}

#[test]
fn a_restored_cloud_gets_again_what_it_lost() {
    let mut world = World::online(1);
    world.rows(30);
    world.run(secs(1));
    assert_eq!(world.unconfirmed(), 0);
    world.log.clear();
    world.feed(Event::Outbox {
        next_seq: 31,
        retained_from: 6,
        watermark: 3,
        beyond: vec![],
    });
    let (_, batch) = world.sends()[0];
    assert_eq!((batch.first, batch.last), (6, 30));
    assert_eq!(world.link.mode().0, Mode::CatchingUp);
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Rows(u64),
    Cloud(Http),
    Broker(bool),
    Lossy(u64),
    Latency(u64),
    Credit(u16),
    ForceOpen,
    Disable,
    Auto,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => (1u64..200).prop_map(Fault::Rows),
        2 => Just(Fault::Cloud(Http::Up)),
        1 => Just(Fault::Cloud(Http::Refusing)),
        2 => Just(Fault::Cloud(Http::BlackHole)),
        1 => prop_oneof![
            Just(Reply::Refused),
            Just(Reply::HelloFirst),
            Just(Reply::Withdrawn),
            Just(Reply::BadFrame),
            Just(Reply::Overloaded(secs(7))),
            Just(Reply::Failed),
        ]
        .prop_map(|reply| Fault::Cloud(Http::Says(reply))),
        3 => any::<bool>().prop_map(Fault::Broker),
        1 => (0u64..6).prop_map(Fault::Lossy),
        1 => (1u64..3_000).prop_map(Fault::Latency),
        1 => (0u16..5).prop_map(Fault::Credit),
        1 => prop_oneof![Just(Fault::ForceOpen), Just(Fault::Disable), Just(Fault::Auto)],
    ]
}

fn inflict(world: &mut World, fault: Fault) {
    match fault {
        Fault::Rows(count) => world.rows(count),
        Fault::Cloud(http) => world.http = http,
        Fault::Broker(up) => world.broker(up),
        Fault::Lossy(one_of) => world.one_lost_of = one_of,
        Fault::Latency(millis) => world.latency = ms(millis),
        Fault::Credit(credit) => world.credit = credit,
        Fault::ForceOpen => world.breaker.force_open(world.now, "test"),
        Fault::Disable => world.breaker.disable(world.now, "test"),
        Fault::Auto => world.breaker.auto(world.now),
    }
    world.feed(Event::Wake);
}

fn heal(world: &mut World, http: bool, broker: bool) {
    world.http = if http { Http::Up } else { Http::BlackHole };
    world.one_lost_of = 0;
    world.latency = ms(50);
    world.credit = 4;
    world.breaker.auto(world.now);
    world.broker(broker);
    world.feed(Event::Wake);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_fails_every_event_is_confirmed_once_it_stops(
        seed in any::<u64>(),
        faults in prop::collection::vec((0u64..20_000, fault()), 1..40),
        healed in prop_oneof![Just((true, true)), Just((true, false)), Just((false, true))],
    ) {
        let mut world = World::new(seed);
        world.rows(1);
        for (wait, fault) in faults {
            world.run(ms(wait));
            inflict(&mut world, fault);
        }
        heal(&mut world, healed.0, healed.1);
        let end = world.now.plus(secs(1_800));
        prop_assert!(
            world.run_until(end, |world| world.unconfirmed() == 0),
            "{} unconfirmed, {:?}, {:?}", world.unconfirmed(), world.link.mode(), world.breaker.state()
        );
        world.run(secs(20));
        let want = if healed.0 { Mode::Online } else { Mode::Offline };
        let end = world.now.plus(secs(120));
        prop_assert!(world.run_until(end, |world| world.link.mode().0 == want));
        prop_assert_eq!(world.link.in_flight(), 0);
    }
}
