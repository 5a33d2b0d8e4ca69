//! Characters in cells: one cell for a Latin letter, two for a Chinese one, as receipt printers have it.
//!
//! Widths by Unicode Standard Annex 11, line breaks by Annex 14.

use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_width::UnicodeWidthChar;

/// Dots of a cell across: font A of the printers.
pub(crate) const WIDTH: usize = 12;

/// Dots of a cell from top to bottom.
pub(crate) const HEIGHT: usize = 24;

/// Dots of a cell with the room for what hangs below the letters, as in g and y.
pub(crate) const WITH_TAILS: usize = 27;

/// Stands for text that was cut off.
const MORE: char = '…';

/// How many cells a character takes.
pub(crate) fn of(character: char) -> usize {
    character.width().unwrap_or(0).min(2)
}

/// How many cells a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(of).sum()
}

/// The text as it can stand in cells: accents joined with their letters, and nothing in it that takes no
/// cell, such as control characters and marks that turn the direction of writing.
pub(crate) fn printable(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    let visible = composed.chars().map(|character| match character {
        '\n' | '\r' | '\t' => ' ',
        other => other,
    });
    visible.filter(|character| of(*character) > 0).collect()
}

/// The text in lines of at most `first` cells for the first and `others` for those after it; at least
/// one line. A word longer than a line is broken anywhere.
pub(crate) fn wrap(text: &str, first: usize, others: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut left = first;
    let mut from = 0;
    for (to, opportunity) in linebreaks(text) {
        let word = text.get(from..to).unwrap_or_default();
        from = to;
        place(word, &mut lines, &mut left, others);
        if opportunity == BreakOpportunity::Mandatory && from < text.len() {
            lines.push(String::new());
            left = others;
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

fn place(word: &str, lines: &mut Vec<String>, left: &mut usize, others: usize) {
    let begun = lines.last().is_some_and(|line| !line.is_empty());
    if begun && width(word.trim_end()) > *left {
        lines.push(String::new());
        *left = others;
    }
    for character in word.chars() {
        let cells = of(character);
        if cells > *left && character != ' ' {
            lines.push(String::new());
            *left = others;
        }
        if let Some(line) = lines.last_mut()
            && (cells <= *left || line.is_empty())
        {
            line.push(character);
        }
        *left = left.saturating_sub(cells);
    }
}

/// The text, cut off to so many cells if it is longer.
pub(crate) fn clipped(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut taken = of(MORE);
    let fits = text.chars().take_while(|&character| {
        taken += of(character);
        taken <= cells
    });
    fits.chain([MORE]).collect()
}

#[cfg(test)]
mod tests {
    use super::{clipped, printable, width, wrap};
    use proptest::prelude::*;

    #[test]
    fn chinese_takes_two_cells_and_latin_one() {
        assert_eq!((width("ramen"), width("拉面"), width("é€")), (5, 4, 2));
    }

    #[test]
    fn accents_are_joined_and_what_takes_no_cell_is_left_out() {
        assert_eq!(printable("cafe\u{301}\u{202e}\u{7}\tx"), "café x");
    }

    #[test]
    fn words_stay_whole_and_chinese_breaks_between_characters() {
        assert_eq!(wrap("hot and sour soup", 8, 8), ["hot and", "sour", "soup"]);
        assert_eq!(wrap("豚骨拉面加叉烧", 6, 6), ["豚骨拉", "面加叉", "烧"]);
        assert_eq!(wrap("不要葱，谢谢", 6, 6), ["不要", "葱，谢", "谢"]);
        assert_eq!(wrap("", 8, 8), [""]);
    }

    #[test]
    fn a_word_longer_than_a_line_is_broken() {
        assert_eq!(wrap("abcdefghij", 4, 3), ["abcd", "efg", "hij"]);
    }

    #[test]
    fn a_text_that_is_cut_off_says_so() {
        assert_eq!(clipped("灯笼面馆", 8), "灯笼面馆");
        assert_eq!(clipped("灯笼面馆", 7), "灯笼面…");
        assert_eq!(clipped("灯笼面馆", 6), "灯笼…");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be_and_no_letter_is_lost(
            text in "[a-z ,.!拉面，。é-]{0,80}", first in 4_usize..20, others in 4_usize..20,
        ) {
            let lines = wrap(&text, first, others);
            for (index, line) in lines.iter().enumerate() {
                prop_assert!(width(line) <= if index == 0 { first } else { others }, "{lines:?}");
            }
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }

        #[test]
        fn whatever_is_written_takes_cells(text in "\\PC*|[\\x00-\\xff]{0,100}") {
            prop_assert!(printable(&text).chars().all(|c| super::of(c) > 0));
        }
    }
}
