//! Stillopen's kiosk: takes orders in the store and stays open when the cloud does not.
//!
//! Data flows one way: `web` → `journal` → `uplink`. Nothing right of the journal can delay or undo
//! what is left of it.

pub mod clock;
pub mod journal;
