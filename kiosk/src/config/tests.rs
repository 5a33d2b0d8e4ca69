use super::*;

#[test]
fn all_faults_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let menu = folder.path().join("menu.json");
    std::fs::write(&menu, "{}").unwrap();
    let config = folder.path().join("kiosk.toml");
    std::fs::write(&config, "listen = \"here\"\n[day]\nstarts = \"25:00\"\n").unwrap();
    let given = Given {
        data_dir: folder.path().join("data"),
        menu: Some(menu),
        config: Some(config),
        credential: Some(folder.path().join("none.json")),
        ..Given::default()
    };
    let faults = Config::read(given).unwrap_err();
    for part in [
        "listen:",
        "day.starts:",
        "credential: ",
        "/currency",
        "/items",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(part)),
            "{part} in {faults:?}"
        );
    }
}

#[test]
fn every_entry_of_the_file_is_read_whatever_is_wrong_with_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kiosk.toml");
    std::fs::write(
        &config,
        "listen = 5\nwat = 1\n[day]\nstarts = 4\nends = 5\n[journal]\nreserve_mib = -1\n",
    )
    .unwrap();
    let given = Given {
        data_dir: folder.path().join("data"),
        config: Some(config),
        ..Given::default()
    };
    let faults = Config::read(given).unwrap_err();
    assert_eq!(faults.len(), 5, "{faults:#?}");
    for part in [
        "listen: ",
        "wat: ",
        "day.starts: ",
        "day.ends: ",
        "journal.reserve_mib: ",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(part)),
            "{part} in {faults:?}"
        );
    }
}

#[test]
fn urls_are_checked_with_or_without_a_credential() {
    let given = Given {
        data_dir: "data".into(),
        cloud: Some("http://10.0.0.1".to_owned()),
        mqtt: Some("mqqt://broker.example".to_owned()),
        config: Some("nowhere.toml".into()),
        ..Given::default()
    };
    let faults = Config::read(given.clone()).unwrap_err();
    let of = |name: &str| {
        faults
            .iter()
            .filter(|fault| fault.starts_with(name))
            .count()
    };
    assert_eq!(
        (of("cloud: "), of("mqtt: "), of("config: ")),
        (2, 2, 1),
        "{faults:?}"
    );
    let given = Given {
        credential: Some("nowhere.json".into()),
        ..given
    };
    let faults = Config::read(given).unwrap_err();
    let of = |name: &str| {
        faults
            .iter()
            .filter(|fault| fault.starts_with(name))
            .count()
    };
    assert_eq!(
        (of("cloud: "), of("mqtt: "), of("credential: ")),
        (1, 1, 1),
        "{faults:?}"
    );
}
