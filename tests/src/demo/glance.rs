//! The store at one moment, free of any language.

use crate::diner::Accepted;
use crate::proxy::Mode;

/// Everything the page shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Glance {
    pub(super) kiosks: Vec<KioskSeen>,
    pub(super) cloud: CloudSeen,
    pub(super) promise: Promise,
    pub(super) currency: String,
}

/// A kiosk as it says it is.
#[derive(Debug, Clone, Default)]
pub(super) struct KioskSeen {
    pub(super) id: String,
    pub(super) base: String,
    pub(super) screens: Vec<&'static str>,
    /// What follows is the last that was heard if this is false.
    pub(super) running: bool,
    pub(super) link: String,
    pub(super) breaker: Option<BreakerSeen>,
    pub(super) orders: u64,
    pub(super) unsent: u64,
    pub(super) last: Option<String>,
    pub(super) http: LinkSeen,
    pub(super) mqtt: LinkSeen,
}

/// The ordering breaker.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct BreakerSeen {
    pub(super) state: String,
    pub(super) retry_in: Option<f64>,
    pub(super) calls: u64,
    pub(super) failures: u64,
}

/// A link of a kiosk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LinkSeen {
    pub(super) mode: Mode,
    /// Bytes either way so far.
    pub(super) bytes: u64,
}

/// Headquarters.
#[derive(Debug, Clone, Default)]
pub(super) struct CloudSeen {
    pub(super) base: String,
    pub(super) running: bool,
    pub(super) orders: u64,
    pub(super) gross: u64,
    pub(super) duplicates: u64,
    /// The newest first.
    pub(super) arrivals: Vec<Accepted>,
}

/// What was shown to diners, compared with what headquarters has.
#[derive(Debug, Clone, Default)]
pub(super) struct Promise {
    pub(super) shown: u64,
    pub(super) gross: u64,
    /// Shown, and not known to be at headquarters yet.
    pub(super) on_their_way: u64,
    /// Wrong total, doubled or invented.
    pub(super) broken: u64,
}
