//! A slip, measured: what stands where.

use crate::cells;
use crate::sheet::{Look, Paper};

/// One line of a measured slip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Text.
    Words(Words),
    /// A line across the paper.
    Rule,
    /// Nothing.
    Space,
    /// A QR code, with its modules.
    Qr(String),
    /// Where the paper is cut.
    Cut,
}

/// The text of a line, which fits the paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// From the left.
    pub start: String,
    /// At the right edge.
    pub end: String,
    /// How it looks.
    pub look: Look,
}

impl Words {
    /// The line with the spaces that put its parts in their places; no more cells than the paper has.
    #[must_use]
    pub fn padded(&self, paper: Paper) -> String {
        let columns = paper.columns(self.look.size);
        let start = cells::width(&self.start);
        if self.look.centred {
            let before = columns.saturating_sub(start) / 2;
            return format!("{}{}", " ".repeat(before), self.start);
        }
        if self.end.is_empty() {
            return self.start.clone();
        }
        let between = columns.saturating_sub(start + cells::width(&self.end));
        format!("{}{}{}", self.start, " ".repeat(between), self.end)
    }
}

impl Line {
    /// The line as plain text, for logs and tests.
    #[must_use]
    pub fn plain(&self, paper: Paper) -> String {
        match self {
            Self::Words(words) => words.padded(paper),
            Self::Rule => "-".repeat(paper.columns(crate::Size::Plain)),
            Self::Space => String::new(),
            Self::Qr(content) => format!("[QR {content}]"),
            Self::Cut => "[cut]".to_owned(),
        }
    }
}
