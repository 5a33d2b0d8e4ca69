use std::fmt;
use std::time::Duration;

use super::{Causes, State};

/// A call that was refused. Nothing was sent, so this says nothing about the called side: do not
/// report it to a breaker around this one, and do not count it as an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The state that refused it.
    pub state: State,
    /// How long until a call may pass: zero when probes under way decide, unknown when only a person
    /// can end it and where a share of calls passes already and no time brings this one in.
    pub retry_in: Option<Duration>,
    /// What kept the call out.
    pub reason: RejectReason,
    /// Why the breaker is in that state.
    pub causes: Causes,
}

/// What kept a call out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// The breaker is open and the wait is not over.
    Open,
    /// The breaker is half-open and all probe places are taken.
    ProbesBusy,
    /// Somebody opened it.
    ForcedOpen,
    /// The breaker is closed again, and calls come back gradually: this was not among those.
    Ramping,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.reason, self.retry_in) {
            (RejectReason::Open, Some(rest)) => {
                write!(f, "circuit open after {}, retry in {rest:?}", self.causes)
            }
            (RejectReason::Open, None) => write!(f, "circuit open after {}", self.causes),
            (RejectReason::ProbesBusy, _) => f.write_str("circuit half open, probes under way"),
            (RejectReason::Ramping, _) => {
                f.write_str("circuit closed again, calls come back gradually")
            }
            (RejectReason::ForcedOpen, _) => f.write_str("circuit held open"),
        }
    }
}

impl std::error::Error for Rejected {}

/// A change of state that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalMove {
    /// From this state.
    pub from: State,
    /// To this state.
    pub to: State,
}

impl fmt::Display for IllegalMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a breaker cannot go from {} to {} by hand",
            self.from, self.to
        )
    }
}

impl std::error::Error for IllegalMove {}
