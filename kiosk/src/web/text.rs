//! What screens say, in every language: Fluent files under `locales/`, embedded.
//!
//! A language is one file there, named by its BCP 47 tag; nothing else has to change. An operator puts
//! one more into a folder and names that with `--locales`. Messages whose key begins with `live-` are for the page's script, which gets them as data inside the page.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{LazyLock, OnceLock};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use kiosk_core::money::Currency;
use serde::Serialize;
use unic_langid::LanguageIdentifier;

/// The language that stands in for one without a file, and for a message that a file lacks.
pub const FALLBACK: &str = "en";

/// Marks the messages that the page's script says.
const LIVE: &str = "live-";

#[derive(rust_embed::Embed)]
#[folder = "src/web/locales"]
struct Files;

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let mut languages = built_in();
    for Added { tag, source } in ADDED.get().into_iter().flatten() {
        languages.retain(|known| known.tag != *tag);
        languages.extend(Language::read(tag, source.clone()));
    }
    languages.sort_by_key(|language| language.tag != FALLBACK);
    languages
});

/// What an operator put beside the built-in languages.
static ADDED: OnceLock<Vec<Added>> = OnceLock::new();

fn built_in() -> Vec<Language> {
    let files = Files::iter().filter_map(|file| {
        let source = String::from_utf8(Files::get(&file)?.data.into_owned()).ok()?;
        Language::read(file.strip_suffix(".ftl")?, source)
    });
    files.collect()
}

/// A language from outside the binary.
#[derive(Debug, Clone)]
pub struct Added {
    tag: String,
    source: String,
}

/// Reads the languages in a folder: every `TAG.ftl`.
///
/// # Errors
/// Every fault, one line each.
pub fn read_folder(folder: &Path) -> Result<Vec<Added>, Vec<String>> {
    let unreadable = |path: &Path, error| format!("{} can't be read: {error}", path.display());
    let entries = std::fs::read_dir(folder).map_err(|error| vec![unreadable(folder, error)])?;
    let (mut added, mut faults) = (Vec::new(), Vec::new());
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let tag = path.file_stem().and_then(std::ffi::OsStr::to_str);
        let (Some(tag), Some("ftl")) = (tag, path.extension().and_then(std::ffi::OsStr::to_str))
        else {
            continue;
        };
        match std::fs::read_to_string(&path) {
            Ok(source) => match fault(tag, &source) {
                Some(fault) => faults.push(format!("{}: {fault}", path.display())),
                None => added.push(Added {
                    tag: tag.to_owned(),
                    source,
                }),
            },
            Err(error) => faults.push(unreadable(&path, error)),
        }
    }
    if faults.is_empty() {
        Ok(added)
    } else {
        Err(faults)
    }
}

fn fault(tag: &str, source: &str) -> Option<String> {
    if tag.parse::<LanguageIdentifier>().is_err() {
        return Some(format!("{tag:?} is not a language tag such as fr"));
    }
    let (_, faults) = FluentResource::try_new(source.to_owned()).err()?;
    faults.first().map(ToString::to_string)
}

/// Has screens speak more languages; one of the same tag takes a built-in one's place. Only the first
/// word before any screen is made counts.
pub fn add(languages: Vec<Added>) {
    let _ = ADDED.set(languages);
}

/// A language that screens speak.
pub struct Language {
    tag: String,
    live: Vec<String>,
    bundle: FluentBundle<FluentResource>,
}

/// A message for the script: a text, or one text per plural category.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Live {
    Text(String),
    Plural(BTreeMap<String, String>),
}

/// How the script writes amounts of one currency in one language.
#[derive(Debug, Serialize)]
pub struct MoneyFormat {
    symbol: String,
    exponent: u8,
    pattern: String,
    decimal: String,
    group: String,
}

/// All languages that screens speak, English first.
pub fn languages() -> &'static [Language] {
    &LANGUAGES
}

/// The language of that tag, if screens speak it.
pub fn find(tag: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.tag == tag)
}

/// The language of that tag, else the one that stands in for it.
///
/// # Panics
/// If the binary carries no language at all, which a test excludes.
pub fn language(tag: &str) -> &'static Language {
    find(tag)
        .or_else(|| LANGUAGES.first())
        .expect("a language is built in")
}

impl Language {
    fn read(tag: &str, source: String) -> Option<Self> {
        let live = keys(&source)
            .filter_map(|key| key.strip_prefix(LIVE))
            .map(str::to_owned);
        let live = live.collect();
        let identifier: LanguageIdentifier = tag.parse().ok()?;
        // A faulty message leaves the others standing; the tests below find it.
        let resource = FluentResource::try_new(source).unwrap_or_else(|(partial, _)| partial);
        let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Some(Self {
            tag: tag.to_owned(),
            live,
            bundle,
        })
    }

    /// Its BCP 47 tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// A message without arguments.
    pub fn say(&self, key: &str) -> String {
        self.say_with(key, &FluentArgs::new())
    }

    /// A message with one argument.
    pub fn say_one(&self, key: &str, name: &str, value: &str) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value);
        self.say_with(key, &args)
    }

    /// A message about a number, in the plural form that it takes.
    pub fn count(&self, key: &str, count: u32) -> String {
        let mut args = FluentArgs::new();
        args.set("count", count);
        self.say_with(key, &args)
    }

    /// A message with arguments; what no file has is told by its key.
    pub fn say_with(&self, key: &str, args: &FluentArgs<'_>) -> String {
        self.lookup(key, args)
            .or_else(|| language(FALLBACK).lookup(key, args))
            .unwrap_or_else(|| key.to_owned())
    }

    /// A message that not every word needs to have, such as the name of an allergen.
    pub fn say_if_known(&self, key: &str) -> Option<String> {
        let none = FluentArgs::new();
        self.lookup(key, &none)
            .or_else(|| language(FALLBACK).lookup(key, &none))
    }

    fn lookup(&self, key: &str, args: &FluentArgs<'_>) -> Option<String> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let mut errors = Vec::new();
        Some(
            self.bundle
                .format_pattern(pattern, Some(args), &mut errors)
                .into_owned(),
        )
    }

    /// The messages of the script. A variable stays as `{$name}` for the script to fill.
    pub fn live(&self) -> BTreeMap<&str, Live> {
        self.live
            .iter()
            .filter_map(|key| Some((key.as_str(), self.live_message(key)?)))
            .collect()
    }

    fn live_message(&self, key: &str) -> Option<Live> {
        let message = self.bundle.get_message(&format!("{LIVE}{key}"))?;
        let text = |pattern| {
            self.bundle
                .format_pattern(pattern, None, &mut Vec::new())
                .into_owned()
        };
        let plural = message
            .attributes()
            .map(|form| (form.id().to_owned(), text(form.value())));
        match message.value() {
            Some(pattern) => Some(Live::Text(text(pattern))),
            None => Some(Live::Plural(plural.collect())),
        }
    }

    /// How the script writes amounts.
    pub fn money_format(&self, currency: Currency) -> MoneyFormat {
        MoneyFormat {
            symbol: currency.symbol(),
            exponent: currency.exponent(),
            pattern: self.say("money-pattern"),
            decimal: self.say("money-decimal"),
            group: self.say("money-group"),
        }
    }

    /// An amount as people write it here: `$1,290.00`, `−$0.50`, `¥1,290`.
    pub fn money(&self, currency: Currency, minor: i64) -> String {
        let format = self.money_format(currency);
        let plain = currency.plain(minor.saturating_abs());
        let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut amount = grouped(whole, &format.group);
        if !part.is_empty() {
            amount.push_str(&format.decimal);
            amount.push_str(part);
        }
        let sign = if minor < 0 { "−" } else { "" };
        let written = format
            .pattern
            .replace("¤", &format.symbol)
            .replace('#', &amount);
        format!("{sign}{written}")
    }
}

/// Whole digits in threes.
fn grouped(digits: &str, separator: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

/// A decimal rate as a percentage: `0.0825` is `8.25 %`.
pub fn percent(rate: &str) -> String {
    let (whole, part) = rate.split_once('.').unwrap_or((rate, ""));
    let mut digits = part.chars().chain(std::iter::repeat('0'));
    let shifted: String = whole.chars().chain(digits.by_ref().take(2)).collect();
    let rest: String = part.chars().skip(2).collect();
    let whole = shifted.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    match rest.trim_end_matches('0') {
        "" => format!("{whole} %"),
        rest => format!("{whole}.{rest} %"),
    }
}

/// The keys of the messages in a Fluent file, in its order.
fn keys(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let (key, _) = line.split_once('=')?;
        key.starts_with(|first: char| first.is_ascii_lowercase())
            .then(|| key.trim_end())
    })
}

#[cfg(test)]
mod tests;
