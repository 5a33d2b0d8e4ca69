//! What can be chosen about the uplink. All of it can be changed while running.

use std::time::Duration;

use resilience::ramp::Slope;
use resilience::{Ratio, breaker};

/// Four calls of five.
const SLOW: Ratio = match Ratio::percent(80) {
    Ok(ratio) => ratio,
    Err(_) => Ratio::ALL,
};
/// Right after an outage every fourth call passes.
const FIRST: Ratio = match Ratio::percent(25) {
    Ok(ratio) => ratio,
    Err(_) => Ratio::ALL,
};

/// How the uplink paces itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UplinkSettings {
    /// The most batches of a backlog on their way at once.
    pub window: u16,
    /// The most calls with new events on their way at once while online.
    pub live_calls: usize,
    /// The most events in a batch; never above the frame's own limit.
    pub batch_events: usize,
    /// How often an idle kiosk asks the cloud, unless the cloud says otherwise.
    pub heartbeat: Duration,
    /// How long a call with new events or a heartbeat may take.
    pub call_timeout: Duration,
    /// How long the first call after an outage may take: it has to connect first.
    pub probe_timeout: Duration,
    /// How long a call with a batch of a backlog may take; nobody waits for it.
    pub batch_timeout: Duration,
    /// How long a batch waits for its ack at least, and at most before it is backed off.
    pub ack_wait: (Duration, Duration),
    /// How long backed-off waits for an ack get.
    pub ack_wait_max: Duration,
    /// How long to leave the cloud alone after it refused the credential.
    pub refused_wait: Duration,
    /// Speak to other machines without encryption.
    pub insecure_plain: bool,
    /// Use the broker that was named at this kiosk, whatever headquarters says.
    pub keeps_broker: bool,
}

impl Default for UplinkSettings {
    /// An outage is seen within 10 s when idle (5 + 2 × 1.5) and within 5 s when orders flow
    /// (1 + 2 × 1.5 with an order a second), and its end within 5 s (2.5 + 2).
    fn default() -> Self {
        Self {
            window: 4,
            live_calls: 3,
            batch_events: 64,
            heartbeat: Duration::from_secs(5),
            call_timeout: Duration::from_millis(1_500),
            probe_timeout: Duration::from_millis(2_500),
            batch_timeout: Duration::from_secs(10),
            ack_wait: (Duration::from_secs(2), Duration::from_secs(60)),
            ack_wait_max: Duration::from_secs(300),
            refused_wait: Duration::from_secs(60),
            insecure_plain: false,
            keeps_broker: false,
        }
    }
}

impl UplinkSettings {
    /// With another limit for calls with new events and heartbeats, and the limits of other calls
    /// in step with it.
    #[must_use]
    pub fn waiting(self, call_timeout: Duration) -> Self {
        let to_connect = self.probe_timeout.saturating_sub(self.call_timeout);
        Self {
            call_timeout,
            probe_timeout: call_timeout + to_connect,
            batch_timeout: self.batch_timeout.max(call_timeout),
            ..self
        }
    }
}

/// How the ordering breaker is set unless somebody says otherwise: it begins open with its wait
/// over, so that a kiosk is online only once the cloud has answered.
///
/// A cloud that hangs and yet answers within the timeout is as bad for whoever waits as one that
/// does not: the window is long enough that also an idle kiosk's heartbeats show it.
#[must_use]
pub fn ordering_breaker(seed: u64) -> breaker::Settings {
    breaker::Settings {
        consecutive_failures: Some(2),
        time: Some(breaker::TimeRule {
            window: breaker::Window::Rolling {
                span: Duration::from_secs(30),
                buckets: 10,
            },
            thresholds: breaker::Thresholds {
                minimum_calls: 5,
                failure_ratio: Some(Ratio::HALF),
                slow_ratio: Some(SLOW),
                failures: None,
            },
        }),
        slow_after: Some(Duration::from_millis(1_200)),
        ramp: Some(Slope {
            first: FIRST,
            over: Duration::from_secs(10),
        }),
        open: open_wait(UplinkSettings::default().heartbeat),
        half_open: breaker::HalfOpen {
            deadline: Duration::from_secs(5),
            ..breaker::HalfOpen::default()
        },
        initial: breaker::State::Open,
        seed,
        ..breaker::Settings::default()
    }
}

/// The waits between probes that go with a heartbeat: a fleet that is told to ask less often also
/// probes less often.
#[must_use]
pub fn open_wait(heartbeat: Duration) -> breaker::OpenWait {
    breaker::OpenWait {
        initial: heartbeat / 5,
        growth: 2.0,
        max: heartbeat * 2 / 5,
        jitter: 0.3,
    }
}
