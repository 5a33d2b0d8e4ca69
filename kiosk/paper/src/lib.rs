//! Slips of paper as declarations.
//!
//! A slip is a [`Sheet`]: rows of text, pairs, rules, symbols and cuts, without a word about dots. It is
//! measured once for a width of paper and then sent to a receipt printer ([`Sheet::to_escpos`]), drawn
//! ([`Sheet::to_png`]) or shown ([`Sheet::to_html`]). All three read the same [`Line`]s, so what is seen
//! is what is printed.
//!
//! ```text
//! Sheet ──measure──► Line… ──┬─► ESC/POS: the printer's own letters where it has them, pictures elsewhere
//!                            ├─► PNG: the same cells, drawn
//!                            └─► HTML: the same lines, as text
//! ```
//!
//! ```
//! use kiosk_paper::{Glyphs, Paper, Printing, Sheet, cut, pair, rule, text};
//!
//! let sheet = Sheet::new("en", "Receipt", [
//!     text("Lantern Noodles").bold().centred(),
//!     rule(),
//!     pair("Tonkotsu ramen 豚骨拉面", "$13.40"),
//!     cut(),
//! ]);
//! let lines = sheet.lines(Paper::MM58).iter().map(|line| line.plain(Paper::MM58)).collect::<Vec<_>>();
//! assert_eq!(lines[2], "Tonkotsu ramen 豚骨拉面   $13.40");
//! let bytes = sheet.to_escpos(&Printing::on(Paper::MM58), &Glyphs::built_in());
//! assert!(bytes.is_ok_and(|bytes| bytes.starts_with(b"\x1b@")));
//! ```
#![deny(missing_docs)]
#![warn(clippy::missing_errors_doc)]

mod canvas;
mod cells;
mod draw;
mod escpos;
mod glyphs;
mod html;
mod line;
mod measure;
mod picture;
mod sheet;
mod symbol;

pub use escpos::{Letters, Printing, Symbols};
pub use glyphs::Glyphs;
pub use html::STYLE;
pub use line::{Line, Words};
pub use sheet::{
    Block, Look, Paper, Sheet, Size, all, banner, cut, maybe, pair, qr, rule, space, text, when,
};
