//! The broker between kiosks and replicas: it stores nothing and its word counts for nothing.

use std::time::Duration;

use cloud_sync_wire::control::Ask as Wish;
use kiosk::uplink::link::{Event, Reply};

use super::checks::Checked;
use super::network::Way;
use super::uplink::{Ask, Letter};
use super::world::{Due, World};

/// Acks are put together for so long before they go by the broker.
const TOGETHER: Duration = Duration::from_millis(200);
/// Between two tries at the broker.
const AGAIN: Duration = Duration::from_secs(6);

/// The broker.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) up: bool,
    /// Counts its runs; what was given to an earlier one is gone.
    pub(super) run: u64,
}

/// Something on its way to a kiosk by the broker.
#[derive(Debug, Clone)]
pub(super) enum Down {
    Ack(Vec<u8>),
    Control(Vec<u8>),
}

impl World {
    /// Gives something to the broker under a kiosk's name; whether the broker took it.
    pub(super) fn publish(&mut self, at: usize, name: usize, ask: Ask) -> bool {
        let Some(node) = self.nodes.get(at) else {
            return false;
        };
        let (run, line) = (node.run, node.line);
        let Some(on) = node.on.as_ref() else {
            return false;
        };
        let broker = self.broker.run;
        if !self.broker.up || on.connection != Some(broker) {
            return false;
        }
        let letter = Letter {
            from: (at, run),
            name,
            journal: on.journal.id(),
            ask,
            call: None,
        };
        let trips = line.carry(Way::Up, &mut self.dice);
        let taken = !trips.is_empty();
        for trip in trips {
            self.after(trip, Due::Published(letter.clone(), broker));
        }
        taken
    }

    /// Sends something to a kiosk by the broker.
    pub(super) fn deliver(&mut self, at: usize, down: Down) {
        let broker = self.broker.run;
        let Some(line) = self.nodes.get(at).map(|node| node.line) else {
            return;
        };
        for trip in line.carry(Way::Down, &mut self.dice) {
            let wait = trip + self.some(TOGETHER);
            self.after(wait, Due::Delivered(at, broker, down.clone()));
        }
    }

    /// Something arrives at a kiosk by the broker.
    pub(super) fn delivered(&mut self, at: usize, broker: u64, down: Down) -> Checked {
        let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
            return Ok(());
        };
        if on.connection != Some(broker) || self.broker.run != broker {
            return Ok(());
        }
        let event = match down {
            Down::Control(bytes) => match on.clerk.asked(&bytes) {
                Some(Wish::Hello) => Event::MqttAsksHello,
                _ => return Ok(()),
            },
            Down::Ack(bytes) => match self.take_in(at, bytes)? {
                None | Some(Reply::Failed) => return Ok(()),
                Some(Reply::Fenced) => Event::Fenced,
                Some(Reply::Withdrawn) => Event::MqttAsksHello,
                Some(Reply::Acked(grant)) => Event::MqttAcked(grant),
                Some(_) => return Ok(()),
            },
        };
        self.feed(at, event)
    }

    /// Tries the broker after a while.
    pub(super) fn try_broker(&mut self, at: usize, wait: Duration) {
        let run = self.nodes.get(at).map_or(0, |node| node.run);
        self.after(wait, Due::Connects((at, run)));
    }

    pub(super) fn connects(&mut self, (at, run): (usize, u64)) -> Checked {
        let wait = AGAIN / 8 + self.some(AGAIN);
        let (up, broker) = (self.broker.up, self.broker.run);
        let node = self.nodes.get_mut(at).filter(|node| node.run == run);
        let Some(node) = node else {
            return Ok(());
        };
        let line = node.line;
        let Some(on) = node.on.as_mut().filter(|on| on.connection != Some(broker)) else {
            return Ok(());
        };
        if !up || line.refuses || line.deaf_up || line.deaf_down {
            self.after(wait, Due::Connects((at, run)));
            return Ok(());
        }
        let was = on.connection.replace(broker);
        if was.is_some() {
            self.feed(at, Event::MqttDown)?;
        }
        self.feed(at, Event::MqttUp)
    }

    /// A kiosk finds its connection to that run of the broker gone.
    pub(super) fn disconnects(&mut self, (at, run): (usize, u64), broker: u64) -> Checked {
        let node = self.nodes.get_mut(at).filter(|node| node.run == run);
        let Some(on) = node.and_then(|node| node.on.as_mut()) else {
            return Ok(());
        };
        if on.connection != Some(broker) {
            return Ok(());
        }
        on.connection = None;
        self.feed(at, Event::MqttDown)?;
        self.try_broker(at, Duration::from_millis(500));
        Ok(())
    }
}
