//! The keys that the cloud signs with, as an operator changes and keeps them.

use std::fs;
use std::io;
use std::path::Path;

use cloud_sync_wire::hello::{from_hex, to_hex};
use cloud_sync_wire::keys::SecretKey;

use crate::cli::Failure;
use crate::clock;
use crate::cloud;
use crate::commands::{finish, private_file, unwritable};
use crate::ledger::{Place, succession};

/// Another key signs from now on, for which the one before gives its word. With a file it is the key
/// kept there, made now if there is none: a ledger that was put back from an earlier backup is given
/// the key again that kiosks have followed meanwhile.
pub(crate) fn rotate_key(place: &Place, kept: Option<&Path>) -> Result<(), Failure> {
    let (ledger, lineage) = cloud::open(place)?;
    let seed = match kept {
        Some(file) => kept_seed(file)?,
        None => new_seed()?,
    };
    if SecretKey::from_seed(&seed).public() == lineage.key.public() {
        println!("that key signs already");
        return Ok(());
    }
    let next = ledger
        .write_blocking(move |connection| succession::rotate(connection, seed, clock::wall()))?;
    println!(
        "key {} ({}) signs from now on; kiosks follow when they next hear of it",
        next.number, next.key
    );
    if kept.is_none() {
        println!(
            "make a backup of the ledger now: one from before knows neither this key nor a way back to it"
        );
    }
    Ok(())
}

fn new_seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    cloud::random(&mut seed)?;
    Ok(seed)
}

/// The key in a file, made now if there is none. It is on the disk before anything is signed with it.
fn kept_seed(file: &Path) -> Result<[u8; 32], Failure> {
    let bad = || {
        Failure::Failed(format!(
            "{} holds no key: it must be 64 hexadecimal digits, as rotate-key wrote them",
            file.display()
        ))
    };
    match fs::read_to_string(file) {
        Ok(text) => from_hex(text.trim())
            .and_then(|seed| seed.try_into().ok())
            .ok_or_else(bad),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let seed = new_seed()?;
            finish(private_file(file)?, &format!("{}\n", to_hex(&seed)))
                .map_err(|error| unwritable(file, &error))?;
            Ok(seed)
        }
        Err(error) => Err(Failure::Failed(format!(
            "can't read {}: {error}",
            file.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_is_made_once_and_signs_again_in_a_ledger_that_does_not_know_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("2026-11.key");
        let at = |name: &str| Place::Folder(dir.path().join(name));
        let key = |name: &str| cloud::open(&at(name)).unwrap().1.key.public();
        for name in ["now", "put-back"] {
            let first = key(name);
            rotate_key(&at(name), Some(&file)).unwrap();
            assert!(key(name) != first);
            rotate_key(&at(name), Some(&file)).unwrap();
        }
        assert_eq!(key("now"), key("put-back"));
        fs::write(&file, "nonsense").unwrap();
        assert!(rotate_key(&at("now"), Some(&file)).is_err());
    }
}
