//! Coalescing acks: one per kiosk and 200 ms or 4 batches, at once where the kiosk repeats itself.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloud_sync_wire::ack::Ack;
use kiosk_core::ids::JournalId;

use crate::ingest::Speaker;

const TOGETHER: Duration = Duration::from_millis(200);
const BATCHES: u32 = 4;

#[derive(Default)]
pub(super) struct Desk {
    waiting: Mutex<HashMap<(Speaker, JournalId), Waiting>>,
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
    fn note(&self, key: &(Speaker, JournalId), ack: Ack, at_once: bool) -> (Option<Ack>, bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.entry(key.clone()) {
            Entry::Vacant(_) if at_once => (Some(ack), false),
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

    fn collect(&self, key: &(Speaker, JournalId)) -> Option<Ack> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(key).map(|waiting| waiting.ack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Kiosk;
    use cloud_sync_wire::chain::Hash;
    use kiosk_core::ids::Generation;
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
            quarantined_total: 0,
            credit: 1,
            at: WallTime::from_millis(0),
            heartbeat_ms: None,
            epoch: None,
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
    }
}
