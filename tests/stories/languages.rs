//! A third language is one file: a made-up one, two fifths longer than English, shows itself on every
//! diner's screen, and no screen cuts its words.

use std::path::Path;

use anyhow::Context;
use lab::screens::CUT;
use lab::store::{Folder, Kiosk};
use serde_json::Value;

use crate::screen::Browser;
use crate::{Told, lone_kiosk, serially};

const ENGLISH: &str = include_str!("../../kiosk/src/web/locales/en.ftl");
const MENU: &str = include_str!("../../kiosk/menus/lantern-noodles.json");
/// English with accents, as those name it who test for languages to come.
const TAG: &str = "en-XA";
/// Data that is not shown as it stands.
const KEPT: [&str; 5] = [
    "money-",
    "list-separator",
    "allergy-words",
    "allergen-words",
    "language-name",
];
const LAYOUTS: [(u32, u32); 3] = [(1080, 1920), (1920, 1080), (1024, 768)];

/// Every vowel twice, once with an accent: longer by two fifths, and no word easier to break.
fn longer(text: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_u32;
    for letter in text.chars() {
        out.push(letter);
        depth = match letter {
            '{' => depth + 1,
            '}' => depth.saturating_sub(1),
            _ => depth,
        };
        let twin = match letter {
            _ if depth > 0 => continue,
            'a' | 'A' => 'á',
            'e' | 'E' => 'é',
            'i' | 'I' => 'í',
            'o' | 'O' => 'ó',
            'u' | 'U' => 'ú',
            _ => continue,
        };
        out.push(twin);
    }
    out
}

fn language_file() -> String {
    let line = |line: &str| {
        let kept = line.starts_with('#') || KEPT.iter().any(|key| line.starts_with(key));
        match line.split_once('=') {
            Some((key, text)) if !kept => format!("{key}={}\n", longer(text)),
            _ => format!("{line}\n"),
        }
    };
    ENGLISH.lines().map(line).collect()
}

/// The menu with every text in one language more.
fn translate(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(english) = fields.get("en").and_then(Value::as_str) {
                let text = longer(english);
                fields.insert(TAG.to_owned(), text.into());
                return;
            }
            fields.values_mut().for_each(translate);
        }
        Value::Array(values) => values.iter_mut().for_each(translate),
        _ => {}
    }
}

async fn kiosk(folder: &Path) -> anyhow::Result<Kiosk> {
    let locales = folder.join("locales");
    std::fs::create_dir(&locales)?;
    std::fs::write(locales.join(format!("{TAG}.ftl")), language_file())?;
    let mut menu: Value = serde_json::from_str(MENU)?;
    translate(&mut menu);
    let languages = menu["languages"].as_array_mut().context("languages")?;
    languages.push(TAG.into());
    let file = folder.join("menu.json");
    std::fs::write(&file, menu.to_string())?;
    let mut kiosk = lone_kiosk(folder).await?;
    for (flag, value) in [("--locales", &locales), ("--menu", &file)] {
        kiosk
            .more
            .extend([flag.to_owned(), value.to_string_lossy().into_owned()]);
    }
    kiosk.start().await?;
    Ok(kiosk)
}

async fn look(browser: &Browser, what: &str, cut: &mut Vec<String>) -> anyhow::Result<()> {
    let found: Vec<String> = serde_json::from_value(browser.script(CUT).await?)?;
    cut.extend(found.into_iter().map(|one| format!("{what}: {one}")));
    Ok(())
}

/// Every screen of a visit, looked at as it comes.
async fn visit(browser: &Browser, base: &str, how: &str) -> anyhow::Result<Vec<String>> {
    let mut cut = Vec::new();
    browser.client.goto(&format!("{base}/?lang={TAG}")).await?;
    browser.script("sessionStorage.clear()").await?;
    browser.client.goto(&format!("{base}/?lang={TAG}")).await?;
    let here = format!("return document.documentElement.lang === '{TAG}'");
    browser.holds("it speaks the new language", &here).await?;
    browser.stage("attract").await?;
    if how.contains("large") {
        browser
            .script("document.querySelector('[data-mode=large]').click()")
            .await?;
    }
    look(browser, &format!("{how} attract"), &mut cut).await?;
    browser.click("#start").await?;
    look(browser, &format!("{how} service"), &mut cut).await?;
    browser.click("[data-service=eat_in]").await?;
    browser.click("#i-edamame .add").await?;
    browser.click("#call-staff").await?;
    browser.ready("#help").await?;
    look(browser, &format!("{how} menu"), &mut cut).await?;
    for (name, opener, closer) in [
        ("diet", ".diet-open", "#diet .close"),
        ("search", "#find", "#search .close"),
        ("dish", "#i-tonkotsu-ramen .open", "#item .close"),
        ("combo", "#i-noodle-set .open", "#item .close"),
        ("start over", "#start-over", "#ask-no"),
        ("order", "#review", "#order .close"),
    ] {
        browser.click(opener).await?;
        browser.ready(closer).await?;
        look(browser, &format!("{how} {name}"), &mut cut).await?;
        browser.click(closer).await?;
    }
    browser.click("#review").await?;
    browser.click("#place").await?;
    browser.stage("done").await?;
    look(browser, &format!("{how} done"), &mut cut).await?;
    Ok(cut)
}

async fn all_layouts(browser: &Browser, base: &str) -> anyhow::Result<()> {
    let mut cut = Vec::new();
    for (width, height) in LAYOUTS {
        browser.size(width, height).await?;
        for mode in ["", " large"] {
            let how = format!("{width}x{height}{mode}");
            cut.extend(visit(browser, base, &how).await.context(how)?);
        }
    }
    anyhow::ensure!(cut.is_empty(), "words are cut:\n{}", cut.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_language_is_one_file_and_no_screen_cuts_its_longer_words() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let kiosk = kiosk(folder.path()).await?;
    let base = kiosk.base().context("it runs")?;
    let browser = Browser::open(folder.path()).await?;
    let told = all_layouts(&browser, &base).await;
    browser.close_after(told).await?;
    Ok(())
}

#[test]
fn the_made_up_language_is_longer_and_keeps_what_a_program_reads() {
    assert_eq!(longer("Total { $total }"), "Toótaál { $total }");
    let file = language_file();
    assert!(file.len() * 10 > ENGLISH.len() * 11);
    assert!(file.contains("money-pattern = ¤#"));
}
