//! What stands on paper: receipts, kitchen tickets, reports and the test page.
//!
//! Each is one declaration that can be read from top to bottom as the paper is. How wide the paper is,
//! which letters the printer has, and whether it is paper at all or a picture or a page, is
//! [`kiosk_paper`]'s business.

mod receipt;
mod report;
pub mod sample;
mod ticket;
mod trial;

use std::sync::LazyLock;

use kiosk_core::menu::Menu;
use kiosk_core::order::Order;
use kiosk_core::pricing::LineOption;
use kiosk_core::wall::WallTime;
use kiosk_paper::{Block, Glyphs, banner, when};

pub use self::receipt::receipt;
pub use self::report::report;
pub use self::ticket::{Ticket, disowned, ticket};
pub use self::trial::trial;

use crate::web::staff::local;
use crate::web::text::{self, Language};

/// The letters for all slips of this process.
pub static GLYPHS: LazyLock<Glyphs> = LazyLock::new(Glyphs::installed);

/// An order on its way to paper.
#[derive(Clone, Copy)]
pub struct Slip<'a> {
    /// The order as it is now.
    pub order: &'a Order,
    /// Whose name and time zone stand on it.
    pub menu: &'a Menu,
    /// The language that is wanted, as a tag.
    pub language: &'a str,
    /// Whether the same may be on paper already.
    pub copy: bool,
}

impl<'a> Slip<'a> {
    /// The texts of the slip itself.
    fn t(&self) -> &'static Language {
        text::language(self.language)
    }

    /// The language of the dishes' names.
    fn tag(&self) -> &'a str {
        self.menu.language_or_own(Some(self.language))
    }

    fn money(&self, minor: i64) -> String {
        self.t().money(self.order.currency, minor)
    }

    fn option(&self, option: &LineOption) -> String {
        match option.quantity {
            1 => option.name.get(self.tag()).to_owned(),
            more => format!("{} ×{more}", option.name.get(self.tag())),
        }
    }
}

/// Says that the same may be on paper already.
fn copy_mark(copy: bool, t: &Language) -> Block {
    when(copy, banner(t.say("paper-copy")))
}

/// Date and time in the store.
fn moment(at: WallTime, menu: &Menu) -> String {
    local(at, &menu.time_zone)
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

#[cfg(test)]
mod tests;
