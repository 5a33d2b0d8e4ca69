//! Names. A file's bytes and its name become safe separately: an entry only with a sync of the
//! directory it stands in, as POSIX has it.

use std::collections::{BTreeMap, BTreeSet};

use crate::Policy;
use crate::rng::Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(pub(crate) u64);

type Names = BTreeMap<String, FileId>;

#[derive(Debug, Clone)]
struct Change {
    name: String,
    /// None where the name was removed.
    file: Option<FileId>,
}

impl Change {
    fn apply(&self, to: &mut Names) {
        match self.file {
            Some(file) => to.insert(self.name.clone(), file),
            None => to.remove(&self.name),
        };
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    durable: Names,
    current: Names,
    unsynced: Vec<Change>,
}

impl Directory {
    pub(crate) fn safe(names: Names) -> Directory {
        Directory {
            durable: names.clone(),
            current: names,
            unsynced: Vec::new(),
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<FileId> {
        self.current.get(name).copied()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.current.keys().cloned().collect()
    }

    pub(crate) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    pub(crate) fn add(&mut self, name: &str, file: FileId) {
        self.change(Change {
            name: name.to_owned(),
            file: Some(file),
        });
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.change(Change {
            name: name.to_owned(),
            file: None,
        });
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.unsynced.push(change);
    }

    /// Syncs the directory in which `name` stands.
    pub(crate) fn sync(&mut self, name: &str) {
        let folder = parent(name);
        self.unsynced.retain(|change| {
            let here = parent(&change.name) == folder;
            if here {
                change.apply(&mut self.durable);
            }
            !here
        });
    }

    pub(crate) fn after_cut(&self, policy: Policy, rng: &mut Rng) -> Names {
        match policy {
            Policy::KeepAll => self.current.clone(),
            Policy::ForgetAll => self.durable.clone(),
            Policy::Scramble => {
                let mut names = self.durable.clone();
                for change in self.unsynced.iter().filter(|_| rng.below(2) == 0) {
                    change.apply(&mut names);
                }
                names
            }
        }
    }

    /// Every file that a name leads to, now or after some cut.
    pub(crate) fn files(&self) -> BTreeSet<FileId> {
        let unsynced = self.unsynced.iter().filter_map(|change| change.file);
        self.durable
            .values()
            .chain(self.current.values())
            .copied()
            .chain(unsynced)
            .collect()
    }
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_safe_only_once_its_own_folder_was_synced() {
        let mut directory = Directory::default();
        directory.add("/a/x", FileId(1));
        directory.add("/b/y", FileId(2));
        directory.sync("/a/other");
        let names = directory.after_cut(Policy::ForgetAll, &mut Rng::new(0));
        assert_eq!(names, Names::from([("/a/x".to_owned(), FileId(1))]));
        assert_eq!(directory.unsynced(), 1);
    }

    #[test]
    fn an_unsynced_removal_can_be_undone() {
        let mut directory = Directory::safe(Names::from([("x".to_owned(), FileId(1))]));
        directory.remove("x");
        assert_eq!(directory.find("x"), None);
        let kept = |seed| {
            directory
                .after_cut(Policy::Scramble, &mut Rng::new(seed))
                .contains_key("x")
        };
        assert!((0..20).any(kept) && !(0..20).all(kept));
        assert_eq!(
            directory
                .after_cut(Policy::ForgetAll, &mut Rng::new(0))
                .len(),
            1
        );
        assert!(directory.files().contains(&FileId(1)));
    }
}
