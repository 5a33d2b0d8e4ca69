//! Filling free places: new events in one lane, the backlog in the other.

use resilience::Moment;

use super::flights::Flight;
use super::{Action, Batch, Link, Obstacle, Transport};

impl Link {
    pub(super) fn new_events_pile_up(&self, now: Moment) -> bool {
        let batch = u64::try_from(self.settings.batch_events).unwrap_or(u64::MAX);
        let waiting = self.flights.taken(&self.confirmed, now);
        waiting.missing(self.live_from, self.next_seq - 1) > batch.saturating_mul(2)
    }

    /// Fills the free places: new events first, so that they are never behind a backlog.
    pub(super) fn send(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if matches!(self.obstacle, Some((Obstacle::Fenced, _))) {
            return;
        }
        let backlog = self.backlog() > 0;
        let most = if backlog { 1 } else { self.settings.live_calls };
        // With a backlog this place is reserved: it comes on top of what the backlog may take.
        let places = most.min(self.pace.total());
        while let Some(via) = self.live_way(now) {
            if self.flights.places(true) >= places || !self.launch(now, via, true, actions) {
                break;
            }
        }
        let places = self.pace.window().min(self.pace.total());
        while let Some(via) = self.backlog_way(now) {
            if self.flights.places(false) >= places || !self.launch(now, via, false, actions) {
                break;
            }
            self.detour = None;
        }
    }

    fn live_way(&self, now: Moment) -> Option<Transport> {
        if self.http_carries(now) {
            return Some(Transport::Http);
        }
        let http_is_away = !self.is_up() || now < self.http.not_before;
        (self.mqtt.carries() && http_is_away).then_some(Transport::Mqtt)
    }

    fn backlog_way(&self, now: Moment) -> Option<Transport> {
        let open = |via: &Transport| match via {
            Transport::Http => self.http_carries(now),
            Transport::Mqtt => self.mqtt.carries(),
        };
        let ways = [self.detour, Some(Transport::Mqtt), Some(Transport::Http)];
        ways.into_iter().flatten().find(open)
    }

    /// Sends the first events of a lane that wait; whether there were any.
    fn launch(
        &mut self,
        now: Moment,
        via: Transport,
        live: bool,
        actions: &mut Vec<Action>,
    ) -> bool {
        let (from, to) = if live {
            (self.live_from, self.next_seq - 1)
        } else {
            (1, self.live_from - 1)
        };
        let taken = self.flights.taken(&self.confirmed, now);
        let Some((first, end)) = taken.gaps(from, to).next() else {
            return false;
        };
        let last = self.cut(first, end);
        let id = self.flights.next_id();
        let expires = match via {
            Transport::Http => Moment::MAX,
            Transport::Mqtt => now.plus(self.pace.ack_wait(via, &self.settings, &mut self.dice)),
        };
        self.flights.add(Flight {
            id,
            first,
            last,
            via,
            live,
            sent_at: now,
            expires,
            answered: false,
            on_wire: false,
        });
        let batch = Batch {
            id,
            first,
            last,
            via,
            live,
        };
        actions.push(Action::Send(batch));
        true
    }

    /// Where a batch that begins with `first` ends: a stretch that went wrong is sent by itself
    /// and in ever smaller parts, so that what is wrong with it never holds up its neighbours.
    fn cut(&self, first: u64, end: u64) -> u64 {
        let (end, tries) = match self.flights.trouble_at(first) {
            Some(trouble) => (end.min(trouble.last), trouble.tries),
            None => {
                let next = self.flights.trouble_after(first);
                (next.map_or(end, |next| end.min(next - 1)), 0)
            }
        };
        let most = (self.settings.batch_events >> tries.min(16)).max(1);
        end.min(first.saturating_add(u64::try_from(most).unwrap_or(1) - 1))
    }
}
