//! `kiosk paper`: what paper would show.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use kiosk_core::menu::Menu;
use kiosk_core::order::Order;
use kiosk_core::report::day_report;
use kiosk_paper::{Glyphs, Paper, Printing, Sheet};

use crate::cli::failed;
use crate::devices::layout::{self, Slip, Ticket, sample};
use crate::journal::{self, FoundDay};
use crate::{clock, menus};

/// What is shown, and how.
#[derive(Debug, Args)]
pub(crate) struct Look {
    /// What is on the paper; a report is that of the data folder's latest business day
    #[arg(long, value_enum, default_value = "receipt")]
    layout: Layout,
    /// The order: `sample`, or an id or number of the data folder
    #[arg(long, default_value = "sample")]
    order: String,
    /// The kiosk's data folder, running or not; reads only
    #[arg(long, env = "KIOSK_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Menu document, for the store's name and time zone; without it the built-in sample
    #[arg(long, env = "KIOSK_MENU")]
    menu: Option<PathBuf>,
    /// Language of the paper; without it the order's
    #[arg(long)]
    language: Option<String>,
    /// Width of the paper in millimetres
    #[arg(long, value_enum, default_value = "80")]
    width: Width,
    /// For a ticket: the dishes of this station only
    #[arg(long)]
    station: Option<String>,
    /// Marked as a copy
    #[arg(long)]
    copy: bool,
    /// Chinese letters from this font file instead of an installed font
    #[arg(long)]
    font: Option<PathBuf>,
    /// Write a picture
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Write a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the bytes for an ESC/POS printer
    #[arg(long, value_name = "FILE")]
    escpos: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    Receipt,
    Ticket,
    Report,
    Trial,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Width {
    #[value(name = "58")]
    Mm58,
    #[value(name = "80")]
    Mm80,
}

impl Width {
    fn paper(self) -> Paper {
        match self {
            Self::Mm58 => Paper::MM58,
            Self::Mm80 => Paper::MM80,
        }
    }
}

pub(crate) fn show(look: &Look) -> ExitCode {
    match sheet(look).and_then(|sheet| write(look, &sheet)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn sheet(look: &Look) -> Result<Sheet, String> {
    let loaded = menus::load(look.menu.as_deref());
    let menu = loaded.map_err(|error| error.lines().join("\n"))?.menu;
    let now = clock::wall();
    let own = look.language.as_deref().unwrap_or("en");
    let order = match look.layout {
        Layout::Report => return report(look, &menu, own),
        Layout::Trial => {
            let paper = look.width.paper();
            return Ok(layout::trial("kiosk paper", paper, &menu, own, now));
        }
        Layout::Receipt | Layout::Ticket => order(look, &menu)?,
    };
    let slip = Slip {
        order: &order,
        menu: &menu,
        language: look.language.as_deref().unwrap_or(&order.language),
        copy: look.copy,
    };
    if matches!(look.layout, Layout::Receipt) {
        return Ok(layout::receipt(&slip));
    }
    let station = look.station.as_deref();
    let lines: Vec<_> = match station {
        Some(_) => sample::lines_of(&order, station),
        None => order.lines.iter().collect(),
    };
    let ticket = Ticket {
        station,
        lines: &lines,
        void: false,
    };
    Ok(layout::ticket(&slip, &ticket))
}

/// The latest business day of the data folder, or one with the sample order alone.
fn report(look: &Look, menu: &Menu, language: &str) -> Result<Sheet, String> {
    let now = clock::wall();
    let (date, open, orders, cash) = match &look.data_dir {
        Some(folder) => {
            let day = journal::latest_day(folder).map_err(|error| error.to_string())?;
            let FoundDay { day, orders, cash } =
                day.ok_or("no business day was ever opened in this data folder")?;
            (day.date, day.closed_at.is_none(), orders, cash)
        }
        None => {
            let order = order(look, menu)?;
            (order.business_date, true, vec![order], Vec::new())
        }
    };
    let day = day_report(date, menu.currency, &menu.time_zone, &orders, &cash);
    Ok(layout::report(&day, menu, language, now, open))
}

fn order(look: &Look, menu: &Menu) -> Result<Order, String> {
    let language = look.language.as_deref().unwrap_or("en");
    match &look.data_dir {
        Some(folder) if look.order != "sample" => stored(folder, &look.order),
        None if look.order != "sample" => Err(format!(
            "order {} needs --data-dir, the folder that it is in",
            look.order
        )),
        _ => sample::order(menu, language, clock::wall())
            .ok_or_else(|| "nothing can be ordered from this menu".to_owned()),
    }
}

fn stored(folder: &Path, name: &str) -> Result<Order, String> {
    let found = journal::find_order(folder, name).map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("{} holds no order {name}", folder.display()))
}

fn write(look: &Look, sheet: &Sheet) -> Result<(), String> {
    let paper = look.width.paper();
    let glyphs = look
        .font
        .as_deref()
        .map_or_else(Glyphs::installed, Glyphs::from_file);
    let into = |file: &Path, bytes: &[u8]| {
        std::fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))
    };
    if let Some(file) = &look.png {
        into(
            file,
            &sheet
                .to_png(paper, &glyphs)
                .map_err(|error| error.to_string())?,
        )?;
    }
    if let Some(file) = &look.html {
        into(file, sheet.to_html_document(paper).as_bytes())?;
    }
    if let Some(file) = &look.escpos {
        let bytes = sheet.to_escpos(&Printing::on(paper), &glyphs);
        into(file, &bytes.map_err(|error| error.to_string())?)?;
    }
    if look.png.is_none() && look.html.is_none() && look.escpos.is_none() {
        let lines = sheet.lines(paper);
        let text: String = lines.iter().map(|line| line.plain(paper) + "\n").collect();
        std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}
