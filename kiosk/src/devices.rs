//! The devices of this kiosk: the print room, and whatever else hangs on its ports.
//!
//! A print job is a row of the journal, written in the transaction of the event it belongs to, so
//! that no order is without its ticket and no ticket without its order. From there:
//!
//! ```text
//!  order event + jobs ─commit─► spool ─ begin, committed ─► printer's thread ─► paper
//!                                 ▲                                │
//!                                 └── confirmed / not / unknown ◄──┘
//! ```
//!
//! Everything here is optional: a kiosk without devices takes orders all the same.

pub mod job;
pub mod layout;
pub mod routing;
pub mod spool;
