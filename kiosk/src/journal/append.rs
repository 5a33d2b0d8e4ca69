//! Appending an event: its bytes are written once, numbered and chained.

use cloud_sync_wire::chain::{chain_hash, content_hash};
use kiosk_core::event::{EVENT_LIMIT, Event, Fact};
use kiosk_core::ids::{BootId, OrderId};

use super::group::{Group, storage, to_sql};
use super::{JournalError, Stamp};

impl Group<'_> {
    /// Appends an event and gives its seq.
    pub(super) fn append(
        &mut self,
        stamp: Stamp,
        order: Option<(OrderId, u32)>,
        fact: Fact,
    ) -> Result<u64, JournalError> {
        let (bytes, _) = encode(self.settings.boot, stamp, order, fact)?;
        check_size(&bytes)?;
        self.push(&bytes)
    }

    /// Appends encoded bytes. An error here ends the transaction.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<u64, JournalError> {
        let seq = self.head.next_seq;
        let chain = chain_hash(self.head.chain, seq, content_hash(bytes));
        self.conn
            .prepare_cached("INSERT INTO events (seq, chain, bytes) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute((to_sql(seq), &chain.0[..], bytes)))
            .map_err(|error| storage(&error))?;
        self.head.next_seq = seq + 1;
        self.head.chain = chain;
        self.head.event_bytes += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(seq)
    }
}

/// The bytes of an event, and its fact back.
pub(super) fn encode(
    boot: BootId,
    stamp: Stamp,
    order: Option<(OrderId, u32)>,
    fact: Fact,
) -> Result<(Vec<u8>, Fact), JournalError> {
    let event = Event {
        id: stamp.event,
        order: order.map(|(id, _)| id),
        order_version: order.map_or(0, |(_, version)| version),
        at: stamp.at,
        boot,
        mono_ms: stamp.mono_ms,
        request: stamp.request,
        fact,
    };
    let bytes = event
        .encode()
        .map_err(|error| JournalError::Damaged(error.to_string()))?;
    Ok((bytes, event.fact))
}

/// An event that can't be synced is refused.
pub(super) fn check_size(event: &[u8]) -> Result<(), JournalError> {
    if event.len() > EVENT_LIMIT {
        return Err(JournalError::TooLarge {
            bytes: event.len(),
            limit: EVENT_LIMIT,
        });
    }
    Ok(())
}
