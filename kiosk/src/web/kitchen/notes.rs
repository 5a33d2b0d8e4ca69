//! Reading what diners write: what may make somebody ill must not be overlooked.
//!
//! A diner writes in whatever language they like, so the words of all languages are looked for.

use std::sync::LazyLock;

use crate::web::text;

/// A piece of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// Whether it names an allergen or an allergy.
    pub(super) marked: bool,
}

struct Words {
    /// Words that speak of an allergy as such.
    alarms: Vec<Vec<char>>,
    /// Those, and the names of allergens.
    all: Vec<Vec<char>>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut alarms = Vec::new();
    let mut all = Vec::new();
    for language in text::languages() {
        alarms.extend(listed(&language.say("allergy-words")));
        all.extend(listed(&language.say("allergen-words")));
    }
    all.extend(alarms.iter().cloned());
    // The longest first, so that a long word is marked whole.
    all.sort_by_key(|word| std::cmp::Reverse(word.len()));
    Words { alarms, all }
});

/// Whether a note speaks of an allergy.
pub(crate) fn allergy(note: &str) -> bool {
    let note = folded(note);
    let mut starts = 0..note.len();
    starts.any(|start| {
        WORDS
            .alarms
            .iter()
            .any(|word| starts_at(&note, start, word))
    })
}

/// The note, with what names an allergen or an allergy marked.
pub(super) fn pieces(note: &str) -> Vec<Piece> {
    let letters: Vec<char> = note.chars().collect();
    let folded = folded(note);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let word = WORDS.all.iter().find(|word| starts_at(&folded, at, word));
        let length = word.map_or(1, |word| marked_length(&letters, at, word.len()));
        let marked = word.is_some();
        let text = letters.iter().skip(at).take(length);
        match pieces.last_mut() {
            Some(last) if last.marked == marked && !marked => last.text.extend(text),
            _ => pieces.push(Piece {
                text: text.collect(),
                marked,
            }),
        }
        at += length;
    }
    pieces
}

/// A word of an alphabet is marked to its end: the list says how it begins.
fn marked_length(letters: &[char], at: usize, found: usize) -> usize {
    let is_latin = |letter: &&char| letter.is_ascii_alphabetic();
    let rest = letters.iter().skip(at + found).take_while(is_latin).count();
    let latin = letters.get(at).is_some_and(char::is_ascii_alphabetic);
    found + if latin { rest } else { 0 }
}

/// Whether `word` stands there, at the beginning of a word if it has an alphabet.
fn starts_at(note: &[char], at: usize, word: &[char]) -> bool {
    let inside = at > 0
        && note.get(at - 1).is_some_and(char::is_ascii_alphabetic)
        && word.first().is_some_and(char::is_ascii_alphabetic);
    !inside && note.get(at..).is_some_and(|rest| rest.starts_with(word))
}

/// Letters in lower case, one for one, so that places stay the same.
fn folded(text: &str) -> Vec<char> {
    text.chars()
        .map(|letter| letter.to_lowercase().next().unwrap_or(letter))
        .collect()
}

fn listed(words: &str) -> Vec<Vec<char>> {
    words
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(folded)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(note: &str) -> Vec<String> {
        let marked = pieces(note).into_iter().filter(|piece| piece.marked);
        marked.map(|piece| piece.text).collect()
    }

    #[test]
    fn an_allergy_is_found_in_any_language_and_case() {
        for note in [
            "Peanut ALLERGY!",
            "allergic to shrimp",
            "对花生过敏",
            "coeliac",
        ] {
            assert!(allergy(note), "{note}");
        }
        for note in ["no scallion", "少辣", "", "extra hot"] {
            assert!(!allergy(note), "{note}");
        }
    }

    #[test]
    fn allergens_are_marked_where_they_stand() {
        assert_eq!(marked("no Peanuts, please"), ["Peanuts"]);
        assert_eq!(marked("不要花生"), ["花生"]);
        assert_eq!(marked("allergic to sesame"), ["allergic", "sesame"]);
        assert_eq!(marked("soup on the side"), [""; 0]);
    }

    #[test]
    fn the_pieces_are_the_note() {
        for note in ["", "no Peanuts, bitte 花生!", "eggeggegg", "ÄÖ ẞ İ egg"] {
            let whole: String = pieces(note).into_iter().map(|piece| piece.text).collect();
            assert_eq!(whole, note);
        }
    }
}
