//! The bytes of one file: what is safe, what programs see, and the changes between the two.

use crate::rng::Rng;
use crate::{Policy, SECTOR};

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Box<[u8]> },
    Truncate { len: usize },
}

impl Change {
    fn is_write(&self) -> bool {
        matches!(self, Change::Write { .. })
    }

    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => put(to, *offset, bytes),
            Change::Truncate { len } => to.resize(*len, 0),
        }
    }
}

fn put(to: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    to[offset..end].copy_from_slice(bytes);
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    durable: Vec<u8>,
    current: Vec<u8>,
    unsynced: Vec<Change>,
}

impl Content {
    pub(crate) fn safe(bytes: Vec<u8>) -> Content {
        Content {
            durable: bytes.clone(),
            current: bytes,
            unsynced: Vec::new(),
        }
    }

    pub(crate) fn current(&self) -> &[u8] {
        &self.current
    }

    pub(crate) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    /// How many bytes could be read; the rest of `into` is left as it was.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) -> usize {
        let rest = self.current.get(offset..).unwrap_or_default();
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        len
    }

    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.change(Change::Write {
            offset,
            bytes: bytes.into(),
        });
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.change(Change::Truncate { len });
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.unsynced.push(change);
    }

    pub(crate) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// What a failed fsync does on Linux: the pages are marked clean, so that reads still show them
    /// and no later fsync writes them.
    pub(crate) fn forget_unsynced(&mut self) {
        self.unsynced.clear();
    }

    pub(crate) fn after_cut(&self, policy: Policy, powersafe: bool, rng: &mut Rng) -> Vec<u8> {
        match policy {
            Policy::KeepAll => self.current.clone(),
            Policy::ForgetAll => self.durable.clone(),
            Policy::Scramble => self.scrambled(powersafe, rng),
        }
    }

    /// Writes between two truncates may land in any order. The share of them that lands whole is
    /// drawn first, so that among many seeds some keep nearly all and some nearly nothing.
    fn scrambled(&self, powersafe: bool, rng: &mut Rng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let kept_of_four = rng.below(5);
        let mut changes: Vec<&Change> = self.unsynced.iter().collect();
        for run in changes.chunk_by_mut(|a, b| a.is_write() && b.is_write()) {
            rng.shuffle(run);
        }
        for change in changes {
            if rng.below(4) < kept_of_four {
                change.apply(&mut bytes);
                continue;
            }
            if let Change::Write {
                offset,
                bytes: written,
            } = change
                && rng.below(2) == 0
            {
                tear(&mut bytes, *offset, written, powersafe, rng);
            }
        }
        bytes
    }
}

/// Each sector of a torn write is the old one, the new one, or garbage. Without the promise of
/// powersafe overwrite, garbage covers the whole sector, neighbours of the written bytes included.
fn tear(bytes: &mut Vec<u8>, offset: usize, written: &[u8], powersafe: bool, rng: &mut Rng) {
    let end = offset + written.len();
    let mut from = offset;
    while from < end {
        let sector = from / SECTOR * SECTOR;
        let to = end.min(sector + SECTOR);
        match rng.below(3) {
            0 => {}
            1 => put(bytes, from, &written[from - offset..to - offset]),
            _ => {
                let first = if powersafe { from } else { sector };
                let last = if powersafe {
                    to
                } else {
                    bytes.len().clamp(to, sector + SECTOR)
                };
                let mut garbage = vec![0; last - first];
                rng.fill(&mut garbage);
                put(bytes, first, &garbage);
            }
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Content {
        let mut content = Content::safe(vec![1; 2048]);
        content.write(1000, &[2; 100]);
        content
    }

    #[test]
    fn reads_see_what_was_written_and_a_cut_forgets_it() {
        let content = file();
        let mut read = [0; 4];
        assert_eq!(content.read(998, &mut read), 4);
        assert_eq!(read, [1, 1, 2, 2]);
        assert_eq!(content.read(2046, &mut read), 2);
        let mut rng = Rng::new(0);
        assert_eq!(
            content.after_cut(Policy::ForgetAll, false, &mut rng),
            vec![1; 2048]
        );
        assert_eq!(
            content.after_cut(Policy::KeepAll, false, &mut rng),
            content.current
        );
    }

    #[test]
    fn a_sync_makes_writes_and_truncates_safe_in_order() {
        let mut content = file();
        content.truncate(1001);
        content.write(1003, &[3]);
        content.sync();
        let bytes = content.after_cut(Policy::ForgetAll, false, &mut Rng::new(0));
        assert_eq!(bytes[998..], [1, 1, 2, 0, 0, 3]);
        assert_eq!(content.unsynced(), 0);
    }

    #[test]
    fn scrambling_reaches_every_fate_and_nothing_outside_the_sectors_written() {
        let content = file();
        let (mut whole, mut dropped, mut torn, mut neighbours) = (0, 0, 0, 0);
        for seed in 0..400 {
            let bytes = content.after_cut(Policy::Scramble, false, &mut Rng::new(seed));
            assert_eq!(bytes[..512], [1; 512], "seed {seed}");
            assert_eq!(bytes[1536..], [1; 512], "seed {seed}");
            match &bytes {
                b if *b == content.current => whole += 1,
                b if *b == content.durable => dropped += 1,
                _ => torn += 1,
            }
            neighbours += u32::from(bytes[512..1000] != [1; 488]);
        }
        assert!(
            whole > 50 && dropped > 50 && torn > 50,
            "{whole} {dropped} {torn}"
        );
        assert!(neighbours > 10, "{neighbours}");
    }

    #[test]
    fn with_powersafe_overwrite_neighbours_are_never_touched() {
        let content = file();
        for seed in 0..400 {
            let bytes = content.after_cut(Policy::Scramble, true, &mut Rng::new(seed));
            assert_eq!(bytes[..1000], [1; 1000], "seed {seed}");
            assert_eq!(bytes[1100..], [1; 948], "seed {seed}");
        }
    }

    #[test]
    fn a_later_write_can_survive_an_earlier_one() {
        let mut content = Content::default();
        content.write(0, &[1; 512]);
        content.write(512, &[2; 512]);
        let later_alone = [vec![0; 512], vec![2; 512]].concat();
        assert!((0..400).any(|seed| {
            content.after_cut(Policy::Scramble, true, &mut Rng::new(seed)) == later_alone
        }));
    }
}
