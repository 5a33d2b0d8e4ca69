//! What people read, in their language.

use std::sync::LazyLock;

use axum::http::{HeaderMap, header};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use super::cookie;

/// The cookie that holds a person's choice.
pub(crate) const LANGUAGE_COOKIE: &str = "stillopen_lang";

/// The languages there are: tag, name in itself, texts.
const LANGUAGES: [(&str, &str, &str); 2] = [
    ("en", "EN", include_str!("locales/en.ftl")),
    ("zh-Hans", "中文", include_str!("locales/zh-Hans.ftl")),
];

/// One language's texts.
pub(crate) struct Words {
    pub(crate) tag: &'static str,
    pub(crate) label: &'static str,
    bundle: FluentBundle<FluentResource>,
}

static ALL: LazyLock<Vec<Words>> = LazyLock::new(|| {
    let languages = LANGUAGES.iter();
    languages
        .map(|(tag, label, texts)| Words::read(tag, label, texts))
        .collect()
});

/// A number or text to be put into a sentence.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Number(u64),
    Text(String),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Words {
    fn read(tag: &'static str, label: &'static str, texts: &str) -> Self {
        let language: LanguageIdentifier = tag.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        // Isolation marks would show up in titles and tests; no text here mixes directions.
        bundle.set_use_isolating(false);
        let resource =
            FluentResource::try_new(texts.to_owned()).unwrap_or_else(|(read, faults)| {
                tracing::error!(tag, ?faults, "a language has faults");
                read
            });
        bundle.add_resource_overriding(resource);
        Self { tag, label, bundle }
    }

    /// All languages, in the order in which they are offered.
    pub(crate) fn all() -> &'static [Words] {
        &ALL
    }

    /// The language of that tag.
    pub(crate) fn of(tag: &str) -> Option<&'static Words> {
        ALL.iter().find(|words| words.tag == tag)
    }

    /// The person's choice, else the browser's, else English.
    pub(crate) fn for_request(headers: &HeaderMap) -> &'static Words {
        let chosen = cookie(headers, LANGUAGE_COOKIE).and_then(Self::of);
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let accepted = accepted.unwrap_or_default().split(',').find_map(|entry| {
            let tag = entry.split(';').next().unwrap_or_default().trim();
            let primary = tag.split('-').next().unwrap_or_default();
            ALL.iter()
                .find(|words| words.tag.split('-').next() == Some(primary))
        });
        chosen.or(accepted).unwrap_or(&ALL[0])
    }

    /// A text without anything to put in.
    pub(crate) fn t(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// A text with one number or name in it.
    pub(crate) fn t1(&self, key: &str, name: &str, value: impl Into<Value>) -> String {
        let mut args = FluentArgs::new();
        let value = match value.into() {
            Value::Number(number) => FluentValue::from(number),
            Value::Text(text) => FluentValue::from(text),
        };
        args.set(name.to_owned(), value);
        self.format(key, Some(&args))
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let pattern = self
            .bundle
            .get_message(key)
            .and_then(|message| message.value());
        let Some(pattern) = pattern else {
            tracing::error!(key, language = self.tag, "a text is missing");
            return key.to_owned();
        };
        let mut faults = Vec::new();
        self.bundle
            .format_pattern(pattern, args, &mut faults)
            .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(texts: &str) -> BTreeSet<&str> {
        let lines = texts
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        lines
            .filter_map(|line| line.split_once(" ="))
            .map(|(key, _)| key)
            .collect()
    }

    #[test]
    fn every_language_has_the_same_keys_and_no_fault() {
        for (tag, _, texts) in LANGUAGES {
            assert!(FluentResource::try_new(texts.to_owned()).is_ok(), "{tag}");
            assert_eq!(keys(texts), keys(LANGUAGES[0].2), "{tag}");
        }
    }

    #[test]
    fn every_key_that_a_template_names_exists() {
        let known = keys(LANGUAGES[0].2);
        let sources = [
            include_str!("templates/page.html"),
            include_str!("templates/sign-in.html"),
            include_str!("templates/figures.html"),
            include_str!("templates/hours.html"),
            include_str!("templates/orders.html"),
            include_str!("templates/stores.html"),
            include_str!("templates/kiosks.html"),
            include_str!("templates/care.html"),
            include_str!("templates/control.html"),
            include_str!("templates/control-whom.html"),
            include_str!("control.rs"),
            include_str!("board.rs"),
        ];
        for source in sources {
            for call in [".t(\"", ".t1(\""] {
                for piece in source.split(call).skip(1) {
                    let key = piece.split('"').next().unwrap();
                    assert!(known.contains(key), "{key}");
                }
            }
        }
    }

    #[test]
    fn the_persons_choice_wins_over_the_browsers() {
        let mut headers = HeaderMap::new();
        assert_eq!(Words::for_request(&headers).tag, "en");
        headers.insert(header::ACCEPT_LANGUAGE, "fr, zh-CN;q=0.9".parse().unwrap());
        assert_eq!(Words::for_request(&headers).tag, "zh-Hans");
        headers.insert(header::COOKIE, "a=b; stillopen_lang=en".parse().unwrap());
        assert_eq!(Words::for_request(&headers).tag, "en");
    }

    #[test]
    fn numbers_choose_the_right_form() {
        let words = Words::of("en").unwrap();
        assert_eq!(words.t1("store-orders", "orders", 1), "one order");
        assert_eq!(words.t1("store-orders", "orders", 12), "12 orders");
        assert_eq!(words.t1("orders-sub", "voided", 0), "none voided");
    }
}
