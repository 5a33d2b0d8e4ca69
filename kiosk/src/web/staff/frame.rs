//! The frame around every page of the staff.

use std::collections::BTreeMap;

use kiosk_core::menu::Menu;

use crate::web::assets;
use crate::web::text::{self, Language};

/// What the scripts of all staff pages say.
const WORDS: &[&str] = &[
    "staff-no-answer",
    "staff-refused",
    "staff-moved-on",
    "staff-done",
    "help-from",
    "help-somewhere",
    "help-answer",
    "help-answered",
    "pin-wrong",
    "pin-wait",
    "pin-role",
    "pin-failed",
    "pin-digits",
    "pin-first-again",
    "staff-differ",
    "problem-other",
];

/// The refusals of the API that scripts tell: by kind, by its cause, by the field it is about.
pub(in crate::web) const PROBLEMS: &[&str] = &[
    "at-name",
    "at-pin",
    "at-reason",
    "at-lines",
    "at-amount",
    "closed",
    "drawer-unopened",
    "forbidden",
    "idempotency-key",
    "illegal-transition",
    "invalid",
    "key-reused",
    "malformed",
    "menu-changed",
    "method-not-allowed",
    "not-found",
    "payment-unavailable",
    "price-changed",
    "sold-out",
    "staff-last-manager",
    "staff-not-first",
    "staff-too-many",
    "storage",
    "too-large",
    "too-many-requests",
    "unauthorized",
    "unavailable",
];

/// What every page of the staff begins with.
pub(in crate::web) struct Frame<'a> {
    /// The language of our texts.
    pub(in crate::web) t: &'static Language,
    /// The language of the menu's texts.
    pub(in crate::web) tag: &'a str,
    /// What the restaurant is called.
    pub(in crate::web) shop: &'a str,
    /// The languages to choose from.
    pub(in crate::web) languages: Vec<LanguageLink<'a>>,
    /// What the scripts say, as JSON.
    pub(in crate::web) words: String,
}

/// A language to choose.
pub(in crate::web) struct LanguageLink<'a> {
    pub(in crate::web) tag: &'a str,
    pub(in crate::web) name: String,
    pub(in crate::web) chosen: bool,
}

impl<'a> Frame<'a> {
    /// The frame of a page in the wanted language, whose own script says `words` beside those of all.
    pub(in crate::web) fn new(menu: &'a Menu, lang: Option<&'a str>, words: &[&str]) -> Self {
        let tag = menu.language_or_own(lang);
        let t = text::language(tag);
        let spoken = menu.languages.iter().filter_map(|other| {
            Some(LanguageLink {
                tag: other,
                name: text::find(other)?.say("language-name"),
                chosen: other == tag,
            })
        });
        Self {
            t,
            tag,
            shop: menu.name.get(tag),
            languages: spoken.collect(),
            words: said(t, words),
        }
    }
}

/// Messages as JSON for inside an element; a variable stays as `{$name}` for the script to fill.
fn said(t: &Language, more: &[&str]) -> String {
    let keys = WORDS.iter().chain(more).map(|key| (*key).to_owned());
    let problems = PROBLEMS.iter().map(|problem| format!("problem-{problem}"));
    let said = keys.chain(problems).map(|key| {
        let text = t.say(&key);
        (key, text)
    });
    let words: BTreeMap<String, String> = said.collect();
    // Inside an element, only `<` could end it.
    serde_json::to_string(&words)
        .unwrap_or_default()
        .replace('<', "\\u003c")
}

/// For templates: the URL of an embedded file.
pub(in crate::web) fn asset(name: &str) -> &'static str {
    assets::url(name)
}

/// For templates: one of the staff's small signs, in the colour of the text around it.
pub(in crate::web) fn icon(name: &str) -> String {
    let url = assets::url("staff/signs.svg");
    format!(r#"<svg class="icon" aria-hidden="true"><use href="{url}#{name}"/></svg>"#)
}
