//! The broker's bookkeeping: who is connected, what waits for whom, and what became of every message.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmqtt::types::{ClientId, Id};

use super::{Counters, Identity};

/// Live messages that may wait for one kiosk: acks, of which the newest replaces the older ones.
const KIOSK_WAITING: usize = 64;
/// Live messages that may wait for one service: about a batch from each of a thousand kiosks.
pub(super) const SERVICE_WAITING: usize = 1_024;

/// Counts every live message at the moment it is routed to a client and once more when it is done, so that
/// `routed = delivered + dropped + waiting` at every moment. The bound on what waits is enforced here, before the
/// message reaches the session, because a session that is stuck in a write takes its messages over a channel without one.
///
/// Retained messages that are replayed to a new subscription are not live: they stay in the store whatever happens.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    peers: HashMap<ClientId, Peer>,
    counters: Counters,
}

#[derive(Debug)]
struct Peer {
    session: Id,
    waiting: usize,
    limit: usize,
}

impl Ledger {
    /// A session begins. What an older one of the same client left behind counts as dropped.
    pub(super) fn opened(&self, session: &Id, identity: &Identity) {
        let limit = match identity {
            Identity::Kiosk { .. } => KIOSK_WAITING,
            Identity::Service => SERVICE_WAITING,
        };
        let mut book = self.book();
        book.counters.connects += 1;
        let peer = Peer {
            session: session.clone(),
            waiting: 0,
            limit,
        };
        let replaced = book.peers.insert(session.client_id.clone(), peer);
        book.settle(replaced);
    }

    /// A session ends; what still waited for it is gone with it.
    pub(super) fn closed(&self, session: &Id) {
        let mut book = self.book();
        if book.peer(session).is_some() {
            let gone = book.peers.remove(&session.client_id);
            book.settle(gone);
        }
    }

    /// A message is about to go to `client`: true if it may wait there, else it is dropped and counted.
    pub(super) fn route(&self, client: &ClientId) -> bool {
        let mut book = self.book();
        book.counters.routed += 1;
        let fits = book.peers.get_mut(client).is_some_and(|peer| {
            let fits = peer.waiting < peer.limit;
            peer.waiting += usize::from(fits);
            fits
        });
        book.counters.dropped += u64::from(!fits);
        fits
    }

    /// How much waits for `client`, if it is connected.
    pub(super) fn waiting(&self, client: &ClientId) -> Option<usize> {
        self.book().peers.get(client).map(|peer| peer.waiting)
    }

    /// `session` has acknowledged a message, or, at QoS 0, is being sent one.
    pub(super) fn delivered(&self, session: &Id) {
        let mut book = self.book();
        let done = book.done(session);
        book.counters.delivered += done;
    }

    /// A message that waited for `session` was given up.
    pub(super) fn dropped(&self, session: &Id) {
        let mut book = self.book();
        let done = book.done(session);
        book.counters.dropped += done;
    }

    /// Who is connected.
    pub(super) fn clients(&self) -> Vec<String> {
        let book = self.book();
        book.peers.keys().map(ToString::to_string).collect()
    }

    /// The session of a client, if it is connected.
    pub(super) fn session(&self, client: &str) -> Option<Id> {
        let book = self.book();
        let peer = book.peers.iter().find(|(id, _)| **id == client);
        peer.map(|(_, peer)| peer.session.clone())
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Counters)) {
        add(&mut self.book().counters);
    }

    pub(super) fn counters(&self) -> Counters {
        let book = self.book();
        let mut counters = book.counters.clone();
        counters.connected = book.peers.len();
        counters.waiting = book.peers.values().map(|peer| peer.waiting).sum();
        counters
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// The entry of exactly this session: late news of a replaced one must not touch its successor's.
    fn peer(&mut self, session: &Id) -> Option<&mut Peer> {
        self.peers
            .get_mut(&session.client_id)
            .filter(|peer| peer.session == *session)
    }

    fn done(&mut self, session: &Id) -> u64 {
        let waited = self.peer(session).is_some_and(|peer| {
            let waited = peer.waiting > 0;
            peer.waiting = peer.waiting.saturating_sub(1);
            waited
        });
        u64::from(waited)
    }

    fn settle(&mut self, gone: Option<Peer>) {
        self.counters.dropped += gone.map_or(0, |peer| peer.waiting as u64);
    }
}

#[cfg(test)]
mod tests;
