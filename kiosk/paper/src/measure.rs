//! From what stands on a slip to lines that fit the paper.

use crate::cells::{self, clipped, printable, wrap};
use crate::line::{Line, Words};
use crate::sheet::{Block, Kind, Paper, Row, Sheet};
use crate::symbol;

/// Beside something at the right edge, text needs a third of the line; with less, that gets a line of
/// its own.
const SMALLEST_SHARE: usize = 3;

impl Sheet {
    /// The lines of the slip on this paper.
    #[must_use]
    pub fn lines(&self, paper: Paper) -> Vec<Line> {
        let mut lines = Vec::new();
        self.blocks
            .iter()
            .for_each(|block| measure(block, paper, &mut lines));
        lines
    }
}

fn measure(block: &Block, paper: Paper, lines: &mut Vec<Line>) {
    match &block.0 {
        Kind::Row(line) => row(line, paper, lines),
        Kind::Rule => lines.push(Line::Rule),
        Kind::Space => lines.push(Line::Space),
        Kind::Cut => lines.push(Line::Cut),
        Kind::Qr(content) if symbol::fits(content, paper) => lines.push(Line::Qr(content.clone())),
        Kind::Qr(content) => row(
            &Row {
                start: content.clone(),
                ..Row::default()
            },
            paper,
            lines,
        ),
        Kind::All(blocks) => blocks.iter().for_each(|block| measure(block, paper, lines)),
    }
}

fn row(row: &Row, paper: Paper, lines: &mut Vec<Line>) {
    let columns = paper.columns(row.look.size);
    // White on black needs some black at both sides.
    let margin = usize::from(row.look.inverted);
    let indent = row.indent.min(columns / 4);
    let room = columns - indent - 2 * margin;
    let hang = row.hang.min(room / 4);

    let end = clipped(&printable(&row.end), room);
    let beside = room.saturating_sub(cells::width(&end) + usize::from(!end.is_empty()));
    let shares = beside * SMALLEST_SHARE >= columns;
    let first = if shares { beside } else { room };

    let wrapped = wrap(&printable(&row.start), first, room - hang);
    for (index, text) in wrapped.into_iter().enumerate() {
        let inset = indent + if index == 0 { 0 } else { hang };
        let end = if index == 0 && shares {
            end.clone()
        } else {
            String::new()
        };
        let (before, after) = (" ".repeat(inset + margin), " ".repeat(margin));
        lines.push(words(&format!("{before}{text}{after}"), &end, row));
    }
    if !shares {
        lines.push(words("", &end, row));
    }
}

/// Spaces that do not break have done their work, and printers need not know them.
fn words(start: &str, end: &str, row: &Row) -> Line {
    Line::Words(Words {
        start: start.replace('\u{a0}', " "),
        end: end.replace('\u{a0}', " "),
        look: row.look,
    })
}

#[cfg(test)]
mod tests {
    use crate::{Block, Line, Paper, Sheet, Size, all, banner, maybe, pair, qr, text, when};
    use proptest::prelude::*;

    fn plain(block: Block, paper: Paper) -> Vec<String> {
        let sheet = Sheet::new("en", "Test", [block]);
        sheet
            .lines(paper)
            .iter()
            .map(|line| line.plain(paper))
            .collect()
    }

    #[test]
    fn a_pair_stands_at_both_edges_and_goes_on_below() {
        let lines = plain(
            pair("1 × Tonkotsu ramen with everything on it", "$13.40").hanging(4),
            Paper::MM58,
        );
        assert_eq!(
            lines,
            ["1 × Tonkotsu ramen with   $13.40", "    everything on it"]
        );
    }

    #[test]
    fn an_end_too_wide_to_share_gets_a_line_of_its_own() {
        let lines = plain(
            pair("Order", "018f0000-0000-7000-8000-000000000001"),
            Paper::MM58,
        );
        assert_eq!(lines[0], "Order");
        assert!(lines[1].ends_with('…'), "{lines:?}");
    }

    #[test]
    fn large_letters_have_half_the_columns() {
        assert_eq!(
            (
                Paper::MM80.columns(Size::Plain),
                Paper::MM58.columns(Size::Plain)
            ),
            (48, 32)
        );
        assert_eq!(
            plain(text("A042").huge().centred(), Paper::MM58),
            ["  A042"]
        );
        assert_eq!(plain(banner("VOID 作废"), Paper::MM58), ["   VOID 作废 "]);
    }

    #[test]
    fn what_is_tied_together_stays_together_and_prints_as_plain_spaces() {
        let tied = text("0123456789012345678901234567 ×\u{a0}\u{a0}12");
        let lines = plain(tied, Paper::MM58);
        assert_eq!(lines, ["0123456789012345678901234567", "×  12"]);
    }

    #[test]
    fn what_is_not_there_takes_no_line() {
        let nothing = all([when(false, text("x")), maybe(None::<u8>, |_| text("y"))]);
        assert!(plain(nothing, Paper::MM80).is_empty());
    }

    #[test]
    fn a_look_on_a_group_is_on_all_of_it() {
        let sheet = Sheet::new("en", "Test", [all([text("a"), all([text("b")])]).struck()]);
        let struck = |line: &Line| matches!(line, Line::Words(words) if words.look.struck);
        assert_eq!(
            sheet
                .lines(Paper::MM58)
                .iter()
                .filter(|line| struck(line))
                .count(),
            2
        );
    }

    #[test]
    fn a_code_that_no_paper_holds_is_text() {
        let long = "x".repeat(3000);
        let lines = plain(qr(&long), Paper::MM58);
        assert_eq!(lines.concat(), long);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_the_paper(
            start in "[a-z 拉面é…]{0,60}", end in "[0-9.$拉]{0,40}",
            indent in 0_usize..40, hang in 0_usize..40, size in 0..4, inverted: bool, dots in 0_u16..700,
        ) {
            let paper = Paper::of_dots(dots);
            let block = pair(start, end).indented(indent).hanging(hang);
            let block = match size { 0 => block, 1 => block.tall(), 2 => block.large(), _ => block.huge() };
            let block = if inverted { block.inverted() } else { block };
            let size = [Size::Plain, Size::Tall, Size::Large, Size::Huge][usize::try_from(size).unwrap()];
            for line in plain(block, paper) {
                prop_assert!(crate::cells::width(&line) <= paper.columns(size), "{line:?}");
            }
        }
    }
}
