use super::*;

fn kiosk() -> Identity {
    Identity::Kiosk {
        store: "s".into(),
        kiosk: "k".into(),
    }
}

/// Every sequence of one to `depth` of these levels.
fn paths(levels: &[&str], depth: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut longest: Vec<String> = levels.iter().map(|level| (*level).to_owned()).collect();
    for _ in 1..depth {
        let longer = longest
            .iter()
            .flat_map(|path| levels.iter().map(move |level| format!("{path}/{level}")))
            .collect();
        all.append(&mut std::mem::replace(&mut longest, longer));
    }
    all.append(&mut longest);
    all
}

/// MQTT 5, 4.7: whether a well-formed filter matches a topic.
fn matches(filter: &str, topic: &str) -> bool {
    let (filter, topic): (Vec<_>, Vec<_>) =
        (filter.split('/').collect(), topic.split('/').collect());
    let (filter, open) = match filter.split_last() {
        Some((&"#", head)) => (head, true),
        _ => (&filter[..], false),
    };
    let long_enough = if open {
        topic.len() >= filter.len()
    } else {
        topic.len() == filter.len()
    };
    long_enough
        && filter
            .iter()
            .zip(&topic)
            .all(|(level, name)| *level == "+" || level == name)
}

/// Whether `topic` is one of those whose filters `identity` may use.
fn reads(roots: &[&str], topic: &str) -> bool {
    roots
        .iter()
        .any(|root| topic == *root || topic.starts_with(&format!("{root}/")))
}

#[test]
fn a_kiosk_publishes_to_its_three_topics_and_nowhere_else() {
    let levels = [
        "so1", "s", "k", "o", "up", "down", "events", "hello", "status", "config", "+", "#", "",
    ];
    let allowed: Vec<String> = paths(&levels, 5)
        .into_iter()
        .filter(|topic| may_publish(&kiosk(), topic))
        .collect();
    assert_eq!(
        allowed,
        ["so1/s/k/status", "so1/s/k/up/events", "so1/s/k/up/hello"]
    );
    for topic in [
        "",
        "$SYS/x",
        "/so1/s/k/status",
        "so1/s/k/status/",
        "so1/s/k/up/events/x",
        "so2/s/k/status",
    ] {
        assert!(!may_publish(&kiosk(), topic), "{topic}");
    }
}

#[test]
fn a_subscription_is_allowed_exactly_if_all_it_can_match_is_the_clients_own() {
    let names = ["so1", "s", "k", "down", "config", "fleet"];
    let topics = paths(&names, 4);
    let own = ["so1/s/k/down", "so1/s/config", "so1/fleet/config"];
    for (identity, roots) in [(kiosk(), &own[..]), (Identity::Service, &["so1"])] {
        let mut allowed = 0;
        for filter in paths(&["so1", "s", "k", "down", "config", "fleet", "+", "#"], 4) {
            let well_formed = filter.find('#').is_none_or(|at| at + 1 == filter.len());
            let harmless = topics
                .iter()
                .all(|topic| !matches(&filter, topic) || reads(roots, topic));
            assert_eq!(
                may_subscribe(&identity, &filter),
                well_formed && harmless,
                "{identity:?} {filter}"
            );
            allowed += usize::from(harmless && well_formed);
        }
        assert!(allowed > 10, "the test allows something: {allowed}");
    }
}

#[test]
fn the_filters_of_the_protocol_are_allowed() {
    for filter in [
        "so1/s/k/down/#",
        "so1/s/k/down/ack",
        "so1/s/k/down/+",
        "so1/s/config/#",
        "so1/s/config/menu",
        "so1/fleet/config/#",
        "so1/fleet/config/+/x",
    ] {
        assert!(may_subscribe(&kiosk(), filter), "{filter}");
    }
    for filter in [
        "so1/#",
        "so1/+/+/status",
        "so1/s/k/up/events",
        "$share/ingest/so1/+/+/up/events",
        "$share/g/so1/#",
    ] {
        assert!(may_subscribe(&Identity::Service, filter), "{filter}");
    }
}

#[test]
fn filters_that_reach_further_or_are_malformed_are_refused() {
    for filter in [
        "",
        "#",
        "+",
        "so1",
        "so1/#",
        "so1/s/#",
        "so1/s/k/#",
        "so1/s/+/down/#",
        "so1/+/k/down/#",
        "so1/s/k/up/events",
        "so1/s/k/status",
        "so1/s/other/down/#",
        "so1/other/config/#",
        "so1/s/k/down#",
        "so1/s/k/down/#/x",
        "so1/s/k/down/a+",
        "so1/s/k/down/a#",
        "so1/s/config\0/x",
        "$SYS/#",
        "$share/g/so1/s/k/down/#",
        "$share/so1/s/k/down/#",
        "/so1/s/k/down/#",
    ] {
        assert!(!may_subscribe(&kiosk(), filter), "{filter}");
    }
    for filter in [
        "",
        "#",
        "+/#",
        "$SYS/#",
        "$share/g",
        "$share/g/",
        "$share//so1/#",
        "$share/g/#",
        "$share/+/so1/#",
        "$share/g#/so1/#",
        "$share/g/$share/h/so1/#",
        "so1/#/x",
        "so1/a+",
        "so2/#",
        "$share/g/$SYS/#",
    ] {
        assert!(!may_subscribe(&Identity::Service, filter), "{filter}");
    }
}

#[test]
fn a_service_publishes_down_and_settings_and_nothing_else() {
    for topic in [
        "so1/s/k/down/ack",
        "so1/s/k/down/control",
        "so1/s/k/down",
        "so1/s/k/down/a/b",
        "so1/s/config/menu",
        "so1/s/config",
        "so1/fleet/config/switches",
    ] {
        assert!(may_publish(&Identity::Service, topic), "{topic}");
    }
    for topic in [
        "",
        "so1",
        "so1/s/k/up/events",
        "so1/s/k/status",
        "so1/s/k",
        "so1/S/k/down/ack",
        "so1/s/k_/down/ack",
        "so1//k/down/ack",
        "so1/+/k/down/ack",
        "so1/s/k/down/#",
        "so1/s/k/down/a\0",
        "$SYS/x",
        "so2/s/config/x",
        "so1/fleet/other/x",
        "so1/-s/config/x",
    ] {
        assert!(!may_publish(&Identity::Service, topic), "{topic}");
    }
}

#[test]
fn ids_that_are_words_of_the_topic_tree_or_malformed_have_no_rights() {
    let long = "a".repeat(64);
    for (store, kiosk) in [
        ("fleet", "k"),
        ("s", "config"),
        ("", "k"),
        ("s", ""),
        ("+", "k"),
        ("s", "#"),
        ("s/k", "x"),
        ("-s", "k"),
        ("S", "k"),
        ("s", "k\u{e9}"),
        (long.as_str(), "k"),
    ] {
        let identity = Identity::Kiosk {
            store: store.into(),
            kiosk: kiosk.into(),
        };
        assert!(
            !may_publish(&identity, &format!("so1/{store}/{kiosk}/status")),
            "{identity:?}"
        );
        assert!(
            !may_subscribe(&identity, &format!("so1/{store}/{kiosk}/down/#")),
            "{identity:?}"
        );
        assert!(
            !may_use_client_id(&identity, &format!("{store}/{kiosk}")),
            "{identity:?}"
        );
    }
    let longest = Identity::Kiosk {
        store: "0".into(),
        kiosk: "a".repeat(63),
    };
    assert!(may_publish(
        &longest,
        &format!("so1/0/{}/status", "a".repeat(63))
    ));
}

#[test]
fn a_client_id_tells_who_the_client_is() {
    assert!(may_use_client_id(&kiosk(), "s/k"));
    assert_eq!(identity_of("s/k"), kiosk());
    assert!(may_use_client_id(&Identity::Service, "ingest-1"));
    assert_eq!(identity_of("ingest-1"), Identity::Service);
    for other in ["", "s", "s/", "k/s", "s/k/", "s/k2", "/s/k"] {
        assert!(!may_use_client_id(&kiosk(), other), "{other}");
    }
    assert!(
        !may_use_client_id(&Identity::Service, "s/k"),
        "a service cannot take over a kiosk"
    );
    assert!(!may_use_client_id(&Identity::Service, ""));
}

#[test]
fn a_kiosk_retains_only_its_small_status() {
    assert!(may_retain(&kiosk(), "so1/s/k/status", 16 * 1024));
    assert!(!may_retain(&kiosk(), "so1/s/k/status", 16 * 1024 + 1));
    assert!(!may_retain(&kiosk(), "so1/s/k/up/events", 1));
    assert!(may_retain(&Identity::Service, "so1/s/config/menu", 200_000));
}
