//! What stands on the dashboard, put for people, line by line.

pub(crate) struct Figures {
    pub(crate) gross: String,
    pub(crate) more_gross: Vec<String>,
    pub(crate) gross_sub: String,
    pub(crate) orders: String,
    pub(crate) orders_sub: String,
    pub(crate) average: String,
    pub(crate) average_sub: String,
    pub(crate) reachable: usize,
    pub(crate) kiosks: usize,
    pub(crate) reachable_sub: String,
    pub(crate) depth: u64,
}

pub(crate) struct OrderLine {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) time: String,
    pub(crate) day: String,
    pub(crate) store: String,
    pub(crate) kiosk: String,
    pub(crate) items: String,
    pub(crate) total: String,
    pub(crate) method: String,
    pub(crate) status: String,
    pub(crate) status_text: String,
    pub(crate) payment: String,
    pub(crate) flags: Vec<String>,
}

pub(crate) struct StoreLine {
    pub(crate) name: String,
    pub(crate) orders: String,
    pub(crate) gross: String,
    /// Of the largest, in thousandths.
    pub(crate) part: i64,
}

pub(crate) struct KioskLine {
    pub(crate) store: String,
    pub(crate) kiosk: String,
    pub(crate) seen: String,
    pub(crate) link: &'static str,
    pub(crate) link_text: String,
    pub(crate) unsent: Option<String>,
    pub(crate) version: String,
}

pub(crate) struct HourBar {
    pub(crate) x: usize,
    pub(crate) y: u64,
    pub(crate) height: u64,
    pub(crate) label: String,
    pub(crate) count: u64,
    pub(crate) last: bool,
}

pub(crate) struct Hours {
    pub(crate) bars: Vec<HourBar>,
    pub(crate) width: usize,
    /// Grid lines: height on the page, and what they stand for.
    pub(crate) grid: Vec<(u64, u64)>,
    pub(crate) sub: String,
}

pub(crate) struct CareLine {
    pub(crate) tone: &'static str,
    pub(crate) count: u64,
    pub(crate) title: String,
    pub(crate) sub: String,
}
