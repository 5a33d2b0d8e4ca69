//! People of headquarters: passwords, and how often a client may guess.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// The shortest password.
pub(crate) const PASSWORD_LEAST: usize = 8;
/// The longest password and name, so that hashing one stays cheap.
pub(crate) const TEXT_MOST: usize = 200;
/// Wrong passwords of one client before it has to wait.
const FREE_GUESSES: u32 = 5;
/// The longest wait of a client that keeps guessing.
const WAIT_MOST: Duration = Duration::from_secs(60);
/// Clients that are remembered; beyond it the ones longest quiet are forgotten.
const CLIENTS: usize = 4096;

/// The hash to be stored for a password.
pub(crate) fn hash_password(password: &str) -> Result<String, String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether a password is the one of a stored hash. Without a hash it takes as long and says no, so
/// that nobody learns from the time which names exist.
pub(crate) fn verify_password(password: &str, stored: Option<&str>) -> bool {
    let nobody = || {
        static NOBODY: OnceLock<String> = OnceLock::new();
        NOBODY
            .get_or_init(|| hash_password("").unwrap_or_default())
            .as_str()
    };
    let parsed = PasswordHash::new(stored.unwrap_or_else(nobody));
    let same = parsed.is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    });
    same && stored.is_some()
}

/// Slows down clients that guess passwords, each for itself.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    clients: Mutex<HashMap<IpAddr, Client>>,
}

#[derive(Debug, Clone, Copy)]
struct Client {
    wrong: u32,
    until: Instant,
}

impl Guesses {
    /// How long a client has to wait before it may try again.
    pub(crate) fn wait(&self, client: IpAddr, now: Instant) -> Option<Duration> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let until = clients.get(&client)?.until;
        until
            .checked_duration_since(now)
            .filter(|wait| !wait.is_zero())
    }

    pub(crate) fn wrong(&self, client: IpAddr, now: Instant) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS {
            let quiet = clients.iter().min_by_key(|(_, client)| client.until);
            if let Some(quiet) = quiet.map(|(ip, _)| *ip) {
                clients.remove(&quiet);
            }
        }
        let entry = clients.entry(client).or_insert(Client {
            wrong: 0,
            until: now,
        });
        entry.wrong = entry.wrong.saturating_add(1);
        let over = entry.wrong.saturating_sub(FREE_GUESSES);
        if over > 0 {
            let wait = Duration::from_secs(1 << (over - 1).min(6)).min(WAIT_MOST);
            entry.until = now + wait;
        }
    }

    pub(crate) fn right(&self, client: IpAddr) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.remove(&client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn only_the_right_password_is_taken_and_nobody_has_none() {
        let hash = hash_password("correct horse").unwrap();
        assert!(verify_password("correct horse", Some(&hash)));
        assert!(!verify_password("correct house", Some(&hash)));
        assert!(!verify_password("correct horse", None));
    }

    #[test]
    fn a_client_that_keeps_guessing_waits_longer_and_others_do_not() {
        let guesses = Guesses::default();
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let now = clock::instant();
        for _ in 0..FREE_GUESSES {
            guesses.wrong(one, now);
        }
        assert_eq!(guesses.wait(one, now), None);
        guesses.wrong(one, now);
        guesses.wrong(one, now);
        assert_eq!(guesses.wait(one, now), Some(Duration::from_secs(2)));
        assert_eq!(guesses.wait(other, now), None);
        assert_eq!(guesses.wait(one, now + Duration::from_secs(2)), None);
        guesses.right(one);
        guesses.wrong(one, now);
        assert_eq!(guesses.wait(one, now), None);
    }
}
