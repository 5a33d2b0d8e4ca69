//! Coalescing acks: one per kiosk and 200 ms or 4 batches, at once where the kiosk repeats itself.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloud_sync_wire::ack::Ack;
use kiosk_core::ids::{Generation, JournalId};

use crate::ingest::Speaker;

const TOGETHER: Duration = Duration::from_millis(200);
const BATCHES: u32 = 4;

type Key = (Speaker, JournalId);

#[derive(Default)]
pub(super) struct Desk {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<Key, Waiting>,
    /// The latest ack sent, by lineage and number: batches end in any order, and an ack that says
    /// less than the one before it is not worth a message. One small entry for each journal.
    sent: HashMap<Key, (Generation, u64)>,
}

struct Waiting {
    ack: Ack,
    batches: u32,
}

impl Desk {
    /// Takes in the ack of a batch; `send` gets the latest one when it is due.
    pub(super) fn hand_in(
        self: &Arc<Self>,
        speaker: &Speaker,
        ack: Ack,
        at_once: bool,
        send: impl Fn(Ack) + Send + 'static,
    ) {
        let key = (speaker.clone(), ack.journal);
        let (due, first) = self.note(&key, ack, at_once);
        if let Some(ack) = due {
            send(ack);
        } else if first {
            let desk = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(TOGETHER).await;
                if let Some(ack) = desk.collect(&key) {
                    send(ack);
                }
            });
        }
    }

    /// The ack that is due now, if one is, and whether this one is the first to wait.
    fn note(&self, key: &Key, ack: Ack, at_once: bool) -> (Option<Ack>, bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (due, first) = state.note(key, ack, at_once);
        if let Some(ack) = &due {
            state.sent.insert(key.clone(), (ack.generation, ack.ack_no));
        }
        (due, first)
    }

    fn collect(&self, key: &Key) -> Option<Ack> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ack = state.waiting.remove(key)?.ack;
        state.sent.insert(key.clone(), (ack.generation, ack.ack_no));
        Some(ack)
    }
}

impl State {
    fn note(&mut self, key: &Key, ack: Ack, at_once: bool) -> (Option<Ack>, bool) {
        let outdone = self
            .sent
            .get(key)
            .is_some_and(|(generation, no)| *generation == ack.generation && *no > ack.ack_no);
        match self.waiting.entry(key.clone()) {
            Entry::Vacant(_) if at_once => (Some(ack), false),
            Entry::Vacant(_) if outdone => (None, false),
            Entry::Vacant(vacant) => {
                vacant.insert(Waiting { ack, batches: 1 });
                (None, true)
            }
            Entry::Occupied(mut occupied) => {
                let entry = occupied.get_mut();
                entry.batches += 1;
                if ack.ack_no > entry.ack.ack_no || ack.generation != entry.ack.generation {
                    entry.ack = ack;
                }
                let due = at_once || entry.batches >= BATCHES;
                (due.then(|| occupied.remove().ack), false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Kiosk;
    use cloud_sync_wire::chain::Hash;
    use kiosk_core::wall::WallTime;
    use uuid::Uuid;

    fn ack(kiosk: &Kiosk, ack_no: u64) -> Ack {
        Ack {
            journal: kiosk.journal,
            generation: Generation(Uuid::nil()),
            ack_no,
            watermark: ack_no,
            chain: Hash::START,
            ranges: Vec::new(),
            quarantined: Vec::new(),
            quarantine_reasons: Vec::new(),
            quarantined_total: 0,
            credit: 1,
            at: WallTime::from_millis(0),
            heartbeat_ms: None,
            epoch: None,
            lineage: 0,
            forked: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn four_batches_or_200_ms_make_one_ack_and_it_is_the_latest() {
        let (desk, kiosk) = (Arc::new(Desk::default()), Kiosk::new("s", "k"));
        let (sent, mut got) = tokio::sync::mpsc::unbounded_channel();
        let hand_in = |ack_no, at_once| {
            let sent = sent.clone();
            desk.hand_in(&kiosk.speaker, ack(&kiosk, ack_no), at_once, move |ack| {
                sent.send(ack.ack_no).unwrap();
            });
        };
        for ack_no in [1, 2, 4, 3] {
            hand_in(ack_no, false);
        }
        assert_eq!(got.try_recv(), Ok(4));
        hand_in(5, false);
        assert!(got.try_recv().is_err());
        assert_eq!(got.recv().await, Some(5));
        hand_in(6, true);
        assert_eq!(got.try_recv(), Ok(6));
        // A batch that ended late has nothing to add.
        hand_in(2, false);
        hand_in(7, false);
        assert_eq!(got.recv().await, Some(7));
    }
}
