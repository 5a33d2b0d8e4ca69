//! Lines as dots.

use crate::canvas::Canvas;
use crate::cells;
use crate::glyphs::Glyphs;
use crate::line::{Line, Words};
use crate::sheet::{Paper, Size};
use crate::symbol::Modules;

/// Dots from one plain line to the next: the line spacing that printers have at power-on.
const PITCH: usize = 30;

/// Dots that a rule is thick.
const RULE: usize = 2;

/// The line as it looks on paper; a cut takes no room.
pub(crate) fn line(line: &Line, paper: Paper, glyphs: &Glyphs) -> Canvas {
    let dots = usize::from(paper.dots());
    match line {
        Line::Words(text) => words(text, paper, glyphs),
        Line::Rule => {
            let mut canvas = Canvas::new(dots, PITCH);
            canvas.fill(0, PITCH / 2 - RULE / 2, dots, RULE);
            canvas
        }
        Line::Space => Canvas::new(dots, PITCH),
        Line::Qr(content) => match Modules::of(content) {
            Some(modules) => modules.draw(paper),
            None => Canvas::new(dots, 0),
        },
        Line::Cut => Canvas::new(dots, 0),
    }
}

/// Dots from this line to the next.
fn pitch(size: Size) -> usize {
    (cells::WITH_TAILS * size.down()).max(PITCH)
}

fn words(words: &Words, paper: Paper, glyphs: &Glyphs) -> Canvas {
    let size = words.look.size;
    let across = cells::WIDTH * size.across();
    let mut canvas = Canvas::new(paper.dots().into(), pitch(size));
    let mut left = 0;
    let text = words.padded(paper);
    for character in text.chars() {
        if character != ' ' {
            let glyph = glyphs.glyph(character, size);
            canvas.stamp(&glyph, left, 0);
            if words.look.bold {
                // As printers do it: the same once more, beside itself.
                (1..=size.across()).for_each(|by| canvas.stamp(&glyph, left + by, 0));
            }
        }
        left += cells::of(character) * across;
    }
    let first = cells::width(&text) - cells::width(text.trim_start());
    let begin = first * across;
    if words.look.struck && left > begin {
        let middle = cells::HEIGHT * size.down() / 2;
        canvas.fill(begin, middle, left - begin, RULE * size.down());
    }
    if words.look.inverted {
        // The black begins and ends one cell beside the text.
        let black = begin.saturating_sub(across);
        canvas.invert(black, 0, left - black, cells::WITH_TAILS * size.down());
    }
    canvas
}
