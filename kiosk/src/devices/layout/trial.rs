//! A page that shows whether a printer is set up well.

use kiosk_core::menu::Menu;
use kiosk_core::wall::WallTime;
use kiosk_paper::{Paper, Sheet, Size, all, banner, cut, pair, qr, rule, space, text};

use super::moment;
use crate::web::text;

/// The test page of a printer with that paper.
#[must_use]
pub fn trial(printer: &str, paper: Paper, menu: &Menu, language: &str, now: WallTime) -> Sheet {
    let t = text::language(language);
    let columns = paper.columns(Size::Plain);
    let count = u32::try_from(columns).unwrap_or(u32::MAX);
    let ruler: String = ('1'..='9').chain(['0']).cycle().take(columns).collect();
    Sheet::new(
        language,
        t.say("paper-trial"),
        [
            banner(t.say("paper-trial")),
            text(printer).large().centred(),
            text(moment(now, menu)).centred(),
            rule(),
            text(t.count("paper-trial-columns", count)),
            text(ruler),
            pair("|<", ">|"),
            all([
                text("ABC abc 0123456789 &%#@ ÄÖÜ éèç ñ € £"),
                text("中文小票：灯笼面馆 豚骨拉面 ￥128.00"),
                text("Tall 高").tall(),
                text("Large 大").large(),
                text("Huge 特大").huge(),
                text("Bold 粗体").bold(),
            ]),
            space(),
            text(t.say("paper-trial-text")),
            qr(printer),
            cut(),
        ],
    )
}
