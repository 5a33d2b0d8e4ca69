//! Texts in several languages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One text in several languages, by BCP 47 language tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(BTreeMap<String, String>);

impl Text {
    /// The text in `language`, else in English, else in whatever language there is.
    #[must_use]
    pub fn get(&self, language: &str) -> &str {
        self.0
            .get(language)
            .or_else(|| self.0.get("en"))
            .or_else(|| self.0.values().next())
            .map_or("", String::as_str)
    }

    /// Whether there is a text in exactly `language`.
    #[must_use]
    pub fn has(&self, language: &str) -> bool {
        self.0.contains_key(language)
    }
}

impl<L: Into<String>, T: Into<String>> FromIterator<(L, T)> for Text {
    fn from_iter<I: IntoIterator<Item = (L, T)>>(texts: I) -> Self {
        Self(
            texts
                .into_iter()
                .map(|(language, text)| (language.into(), text.into()))
                .collect(),
        )
    }
}

/// Whether `tag` has the shape of a BCP 47 language tag such as `en` or `zh-Hans`.
#[must_use]
pub fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    (2..=3).contains(&primary.len())
        && primary.bytes().all(|b| b.is_ascii_lowercase())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_language_falls_back_to_english_and_then_to_any() {
        let text: Text = [("en", "Noodles"), ("zh-Hans", "面")].into_iter().collect();
        assert_eq!(text.get("zh-Hans"), "面");
        assert_eq!(text.get("fr"), "Noodles");
        let only: Text = [("zh-Hans", "面")].into_iter().collect();
        assert_eq!(only.get("fr"), "面");
        assert_eq!(Text::default().get("en"), "");
    }

    #[test]
    fn language_tags_are_told_from_other_words() {
        for good in ["en", "zh-Hans", "pt-BR", "yue"] {
            assert!(is_language_tag(good), "{good}");
        }
        for bad in ["", "e", "EN", "en_US", "en-", "english"] {
            assert!(!is_language_tag(bad), "{bad}");
        }
    }
}
