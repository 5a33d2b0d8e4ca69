//! Staff sessions: a PIN opens one, a cookie or bearer token shows it.
//!
//! Wrong PINs are counted per client, so that one who guesses locks nobody else out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};

use crate::journal::StaffRole;

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Wrong PINs of one client before it has to wait.
const FREE_TRIES: u32 = 5;
/// The first wait; it doubles with each wrong PIN after that.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Clients and sessions remembered; the oldest are forgotten first.
const REMEMBERED: usize = 4_096;
/// The shortest PIN, in digits.
pub const PIN_DIGITS: usize = 6;

/// Who is signed in, and who guessed.
#[derive(Default)]
pub struct Sessions {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<[u8; 32], Session>,
    wrong: HashMap<IpAddr, Wrong>,
}

#[derive(Clone, Copy)]
struct Session {
    role: StaffRole,
    ends: Duration,
}

#[derive(Clone, Copy)]
struct Wrong {
    tries: u32,
    until: Duration,
}

/// A session just opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What shows it.
    pub token: String,
    /// How long it lasts.
    pub lifetime: Duration,
}

impl Sessions {
    /// How long this client has to wait before its next try; none if it may try now.
    #[must_use]
    pub fn wait(&self, client: IpAddr, now: Duration) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = state.wrong.get(&client)?.until;
        (until > now).then(|| until.saturating_sub(now))
    }

    /// Counts a wrong PIN.
    pub fn wrong(&self, client: IpAddr, now: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.wrong.len() >= REMEMBERED {
            state.wrong.retain(|_, wrong| wrong.until > now);
        }
        let wrong = state.wrong.entry(client).or_insert(Wrong {
            tries: 0,
            until: Duration::ZERO,
        });
        wrong.tries += 1;
        if wrong.tries >= FREE_TRIES {
            let doublings = (wrong.tries - FREE_TRIES).min(10);
            let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
            wrong.until = now.saturating_add(wait);
        }
    }

    /// Opens a session; `random` is the secret it is shown by.
    pub fn open(
        &self,
        role: StaffRole,
        client: IpAddr,
        random: &[u8; 32],
        now: Duration,
    ) -> Opened {
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.wrong.remove(&client);
        state.open.retain(|_, session| session.ends > now);
        if state.open.len() < REMEMBERED {
            let session = Session {
                role,
                ends: now.saturating_add(LIFETIME),
            };
            state.open.insert(digest(&token), session);
        }
        Opened {
            token,
            lifetime: LIFETIME,
        }
    }

    /// The role that a token shows.
    #[must_use]
    pub fn role(&self, token: &str, now: Duration) -> Option<StaffRole> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let session = state.open.get(&digest(token))?;
        (session.ends > now).then_some(session.role)
    }

    /// Ends a session.
    pub fn close(&self, token: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.remove(&digest(token));
    }
}

/// Only digests are kept, so that a look-up tells nothing by its time.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Whether a text can be a PIN.
#[must_use]
pub fn is_pin(text: &str) -> bool {
    (PIN_DIGITS..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The hash that is kept of a PIN (argon2id, PHC form).
///
/// # Errors
/// A text if the system gives no randomness.
pub fn hash_pin(pin: &str) -> Result<String, String> {
    Argon2::default()
        .hash_password(pin.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// Whether a PIN belongs to a hash. Takes tens of milliseconds on purpose.
#[must_use]
pub fn verify_pin(pin: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(pin.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn client(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    #[test]
    fn one_who_guesses_waits_and_nobody_else_does() {
        let sessions = Sessions::default();
        for _ in 0..FREE_TRIES - 1 {
            sessions.wrong(client(1), NOW);
            assert_eq!(sessions.wait(client(1), NOW), None);
        }
        sessions.wrong(client(1), NOW);
        assert_eq!(sessions.wait(client(1), NOW), Some(FIRST_WAIT));
        sessions.wrong(client(1), NOW);
        assert_eq!(sessions.wait(client(1), NOW), Some(FIRST_WAIT * 2));
        assert_eq!(sessions.wait(client(2), NOW), None);
        assert_eq!(sessions.wait(client(1), NOW + FIRST_WAIT * 2), None);
    }

    #[test]
    fn a_session_ends_by_itself_and_when_it_is_closed() {
        let sessions = Sessions::default();
        let opened = sessions.open(StaffRole::Kitchen, client(1), &[7; 32], NOW);
        assert_eq!(sessions.role(&opened.token, NOW), Some(StaffRole::Kitchen));
        assert_eq!(sessions.role(&opened.token, NOW + LIFETIME), None);
        assert_eq!(sessions.role("guess", NOW), None);
        sessions.close(&opened.token);
        assert_eq!(sessions.role(&opened.token, NOW), None);
    }

    #[test]
    fn a_pin_is_six_digits_or_more() {
        assert!(is_pin("123456"));
        for bad in ["", "12345", "12345a", "１２３４５６", " 123456"] {
            assert!(!is_pin(bad), "{bad:?}");
        }
        let hash = hash_pin("123456").unwrap();
        assert!(verify_pin("123456", &hash));
        assert!(!verify_pin("123457", &hash));
    }
}
