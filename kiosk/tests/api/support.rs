//! A kiosk in this process on a free port, and a client that checks every answer it gets.

pub(crate) mod client;
pub(crate) mod document;
pub(crate) mod kiosk;
pub(crate) mod menu;

pub(crate) use self::client::{Answer, Ask};
pub(crate) use self::kiosk::{Kiosk, Options};
