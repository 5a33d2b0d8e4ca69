use std::collections::BTreeSet;

use super::*;

fn source(tag: &str) -> String {
    let file = Files::get(&format!("{tag}.ftl")).unwrap();
    String::from_utf8(file.data.into_owned()).unwrap()
}

fn key_set(tag: &str) -> BTreeSet<String> {
    keys(&source(tag)).map(str::to_owned).collect()
}

/// The first string argument of every call of `function` in a source text.
fn called(source: &str, function: &str) -> Vec<String> {
    let call = format!("{function}(");
    let calls = source.split(&call).skip(1);
    let literals = calls.filter_map(|rest| rest.trim_start().strip_prefix('"'));
    literals
        .filter_map(|rest| rest.split_once('"').map(|(key, _)| key.to_owned()))
        .collect()
}

fn files_below(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                found.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    found
}

#[test]
fn every_language_has_the_same_keys() {
    let english = key_set(FALLBACK);
    for language in languages() {
        assert_eq!(key_set(language.tag()), english, "{}", language.tag());
    }
    assert!(languages().len() >= 2);
}

#[test]
fn every_language_file_is_well_formed() {
    for language in languages() {
        let faults = FluentResource::try_new(source(language.tag())).err();
        assert!(
            faults.is_none(),
            "{}: {:?}",
            language.tag(),
            faults.map(|(_, faults)| faults)
        );
    }
}

#[test]
fn every_key_in_use_exists_and_every_live_key_is_in_use() {
    let known = key_set(FALLBACK);
    let mut said = BTreeSet::new();
    for (path, text) in files_below("src/web") {
        let live = path.ends_with(".js");
        for function in ["say", "say_one", "say_with", "count"] {
            for key in called(&text, function) {
                let key = if live { format!("{LIVE}{key}") } else { key };
                let test = path.ends_with("tests.rs");
                assert!(
                    test || known.contains(&key),
                    "{path} says {key:?}, which no file has"
                );
                said.insert(key);
            }
        }
    }
    let unsaid: Vec<_> = known
        .iter()
        .filter(|key| key.starts_with(LIVE) && !said.contains(*key))
        .collect();
    assert!(unsaid.is_empty(), "no script says {unsaid:?}");
}

#[test]
fn variables_are_the_same_in_every_language() {
    let variables = |tag: &str| -> Vec<(String, BTreeSet<String>)> {
        let source = source(tag);
        let mut found: Vec<(String, BTreeSet<String>)> = Vec::new();
        for line in source.lines() {
            if let Some(key) = keys(line).next() {
                found.push((key.to_owned(), BTreeSet::new()));
            }
            let names = line.split('$').skip(1).map(|rest| {
                rest.chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect::<String>()
            });
            if let Some((_, variables)) = found.last_mut() {
                variables.extend(names);
            }
        }
        found.sort();
        found
    };
    let english = variables(FALLBACK);
    for language in languages() {
        let own = variables(language.tag());
        for ((key, own), (_, english)) in own.iter().zip(&english) {
            assert!(
                own.is_subset(english),
                "{}: {key} has {own:?}",
                language.tag()
            );
        }
    }
}

#[test]
fn amounts_follow_language_and_currency() {
    let english = language("en");
    let money = |code: &str, minor| english.money(code.parse().unwrap(), minor);
    assert_eq!(money("USD", 1290), "$12.90");
    assert_eq!(money("USD", 123_456_789), "$1,234,567.89");
    assert_eq!(money("USD", -50), "−$0.50");
    assert_eq!(money("JPY", 1290), "¥1,290");
    assert_eq!(money("USD", i64::MIN), "−$92,233,720,368,547,758.07");
}

#[test]
fn plurals_follow_the_language() {
    assert_eq!(language("en").count("left", 1), "Last one");
    assert_eq!(language("en").count("left", 3), "3 left");
    assert_eq!(language("zh-Hans").count("left", 1), "仅剩 1 份");
}

#[test]
fn a_language_without_a_file_is_stood_in_for() {
    assert_eq!(language("tlh").tag(), FALLBACK);
    assert_eq!(language("en").say("no-such-key"), "no-such-key");
}

#[test]
fn messages_for_the_script_keep_their_variables() {
    let live = language("en").live();
    assert_eq!(live["add"], Live::Text("Add: {$item}".into()));
    let Live::Plural(forms) = &live["items"] else {
        panic!("not a plural")
    };
    assert_eq!(forms["one"], "{$count} item");
}

#[test]
fn rates_are_told_in_percent() {
    for (rate, told) in [
        ("0.0825", "8.25 %"),
        ("0.1", "10 %"),
        ("1", "100 %"),
        ("0", "0 %"),
        ("0.005", "0.5 %"),
    ] {
        assert_eq!(percent(rate), told);
    }
}
