//! How a device is, in the words of the contract.

use firmware_hal::printer::{Fault, Obstacle, PaperLevel, Status};
use firmware_hal_linux::{Error, Kind};
use serde::Serialize;

/// How a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It does what it should.
    Ready,
    /// It prints; somebody should bring paper.
    PaperLow,
    /// It is out of paper.
    PaperOut,
    /// Its cover is open.
    CoverOpen,
    /// It is there and does not answer, or is switched off.
    Offline,
    /// It has a fault that somebody must clear, or may not be used.
    Error,
    /// It is not plugged in.
    Missing,
}

impl Health {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::PaperLow => "paper_low",
            Self::PaperOut => "paper_out",
            Self::CoverOpen => "cover_open",
            Self::Offline => "offline",
            Self::Error => "error",
            Self::Missing => "missing",
        }
    }

    /// Whether it prints.
    #[must_use]
    pub fn works(self) -> bool {
        matches!(self, Self::Ready | Self::PaperLow)
    }

    /// What a printer's own status says.
    #[must_use]
    pub fn of_printer(status: &Status) -> Self {
        match status.obstacle() {
            None if status.paper == PaperLevel::Low => Self::PaperLow,
            None => Self::Ready,
            Some(Obstacle::PaperOut) => Self::PaperOut,
            Some(Obstacle::CoverOpen) => Self::CoverOpen,
            Some(Obstacle::Offline | Obstacle::Fault(Fault::PassesByItself)) => Self::Offline,
            Some(Obstacle::Fault(_)) => Self::Error,
        }
    }

    /// What the error of a port says. `wired` tells a device on this machine's own ports: it is missing
    /// where one on the network is merely not there.
    #[must_use]
    pub fn of_error(error: &Error, wired: bool) -> Self {
        match error.kind() {
            Kind::Missing => Self::Missing,
            Kind::Gone if wired => Self::Missing,
            Kind::Gone | Kind::TimedOut => Self::Offline,
            _ => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_human_must_do_is_told_apart() {
        let health = |change: fn(&mut Status)| {
            let mut status = Status::default();
            change(&mut status);
            Health::of_printer(&status)
        };
        assert_eq!(health(|_| {}), Health::Ready);
        assert_eq!(health(|s| s.paper = PaperLevel::Low), Health::PaperLow);
        assert_eq!(health(|s| s.paper = PaperLevel::Out), Health::PaperOut);
        assert_eq!(health(|s| s.cover_open = true), Health::CoverOpen);
        assert_eq!(health(|s| s.fault = Some(Fault::Cutter)), Health::Error);
        assert_eq!(
            health(|s| s.fault = Some(Fault::PassesByItself)),
            Health::Offline
        );
        assert_eq!(health(|s| s.offline = true), Health::Offline);
    }

    #[test]
    fn only_ready_and_low_paper_print() {
        let works = |health: &Health| health.works();
        let all = [
            Health::Ready,
            Health::PaperLow,
            Health::PaperOut,
            Health::CoverOpen,
            Health::Offline,
            Health::Error,
            Health::Missing,
        ];
        assert_eq!(all.iter().filter(|health| works(health)).count(), 2);
        for health in all {
            assert_eq!(serde_json::json!(health), health.as_str());
        }
    }
}
