//! Staff sessions: who is signed in, and how PINs are checked.
//!
//! Sessions live in memory and are kept in the journal, by the digests of their tokens, so that a
//! restart signs nobody out. Each holds only as long as the PIN it was opened with: whoever changes or
//! revokes a PIN, here or on the command line, signs out everywhere who used it. Wrong PINs are counted
//! per client: one who guesses locks nobody else out and gains nothing by guessing many at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::journal::{Journal, JournalError, PinOf, StaffRole};

/// The cookie that shows a session to pages and the API.
pub(super) const SESSION_COOKIE: &str = "stillopen_session";
/// How long a session lasts.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Wrong PINs of one client before it has to wait.
const FREE_TRIES: u32 = 5;
/// The first wait; it doubles with each wrong PIN after that.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Clients who guessed that are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 4_096;
/// Sessions at once; more than a store has screens. The oldest ends first.
const OPEN: usize = 256;
/// What the names of kept sessions among the journal's settings begin with.
const KEPT: &str = "session/";
/// The shortest PIN, in digits.
pub const PIN_DIGITS: usize = 6;

/// Who is signed in, and who guessed.
#[derive(Default)]
pub struct Sessions {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<String, Session>,
    wrong: HashMap<IpAddr, Wrong>,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// What they may do.
    pub role: StaffRole,
    /// Who it is; none if they used the PIN of their role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Uuid>,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<StaffRole> for Who {
    fn from(role: StaffRole) -> Self {
        Self {
            role,
            person: None,
            name: None,
        }
    }
}

impl Who {
    /// How records name them: `manager`, `manager/Mei`.
    #[must_use]
    pub fn by(&self) -> String {
        match &self.name {
            Some(name) => format!("{}/{name}", self.role.as_str()),
            None => self.role.as_str().to_owned(),
        }
    }

    /// Whose PIN they used.
    #[must_use]
    pub fn pin_of(&self) -> PinOf {
        self.person.map_or(PinOf::Role(self.role), PinOf::Person)
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who is signed in.
    pub who: Who,
    /// The fingerprint of the PIN it was opened with; none if it holds whatever the PIN.
    pub pin: Option<String>,
    /// From which address.
    pub client: IpAddr,
    /// Since when, by the wall clock.
    pub since: WallTime,
    /// Until when, by the wall clock; for after a restart.
    pub until: WallTime,
    /// Until when, in this run of the process.
    #[serde(skip)]
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
    /// Begins a try of this client. It counts as a wrong PIN until it opens a session.
    ///
    /// # Errors
    /// How long the client has to wait before its next try.
    pub fn begin(&self, client: IpAddr, now: Duration) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.make_room(now);
        let wrong = state.wrong.entry(screen(client)).or_insert(Wrong {
            tries: 0,
            until: Duration::ZERO,
        });
        if wrong.until > now {
            return Err(wrong.until.saturating_sub(now));
        }
        wrong.tries = wrong.tries.saturating_add(1);
        if wrong.tries >= FREE_TRIES {
            let doublings = (wrong.tries - FREE_TRIES).min(10);
            let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
            wrong.until = now.saturating_add(wait);
        }
        Ok(())
    }

    /// Opens a session; `random` is the secret it is shown by.
    pub fn open(
        &self,
        who: impl Into<Who>,
        pin: Option<String>,
        client: IpAddr,
        random: &[u8; 32],
        (now, wall): (Duration, WallTime),
    ) -> Opened {
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.wrong.remove(&screen(client));
        state.make_room(now);
        let session = Session {
            who: who.into(),
            pin,
            client,
            since: wall,
            until: later(wall, LIFETIME),
            ends: now.saturating_add(LIFETIME),
        };
        state.open.insert(digest(&token), session);
        Opened {
            token,
            lifetime: LIFETIME,
        }
    }

    /// The session that a token shows.
    #[must_use]
    pub fn find(&self, token: &str, now: Duration) -> Option<Session> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let session = state.open.get(&digest(token))?;
        (session.ends > now).then(|| session.clone())
    }

    /// All sessions that have not ended, the latest first, each with whether `token` shows it.
    #[must_use]
    pub fn all(&self, token: &str, now: Duration) -> Vec<(Session, bool)> {
        let own = digest(token);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = state.open.iter().filter(|(_, session)| session.ends > now);
        let mut all: Vec<_> = open
            .map(|(digest, session)| (session.clone(), *digest == own))
            .collect();
        all.sort_by_key(|(session, _)| std::cmp::Reverse(session.ends));
        all
    }

    /// Ends a session.
    pub fn close(&self, token: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.remove(&digest(token));
    }

    /// Ends all sessions but the one that `token` shows.
    pub fn close_others(&self, token: &str) {
        let own = digest(token);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.retain(|digest, _| *digest == own);
    }

    /// Takes up the sessions that the journal keeps. A wall clock that was set meanwhile makes none of
    /// them longer than a session is.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn take_up(
        &self,
        journal: &Journal,
        (now, wall): (Duration, WallTime),
    ) -> Result<(), JournalError> {
        let kept = journal.read(|reader| reader.settings_below(KEPT)).await?;
        let mut over = Vec::new();
        for (digest, value) in kept {
            let session = serde_json::from_str::<Session>(&value).ok();
            let left = session.as_ref().and_then(|session| {
                let millis = session.until.as_millis().checked_sub(wall.as_millis())?;
                let left = Duration::from_millis(u64::try_from(millis).ok()?);
                (!left.is_zero()).then_some(left.min(LIFETIME))
            });
            match (session, left) {
                (Some(session), Some(left)) => {
                    let ends = now.saturating_add(left);
                    let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                    state.open.insert(digest, Session { ends, ..session });
                }
                _ => over.push(digest),
            }
        }
        for digest in over {
            journal.keep(format!("{KEPT}{digest}"), None).await?;
        }
        Ok(())
    }

    /// Writes down what is open and forgets in the journal what is not. Signing in and out works on a
    /// disk that fails; it is then for this run alone.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn keep(&self, journal: &Journal) -> Result<(), JournalError> {
        let kept = journal.read(|reader| reader.settings_below(KEPT)).await?;
        let open = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.open.clone()
        };
        for (digest, session) in &open {
            if !kept.iter().any(|(known, _)| known == digest) {
                let value = serde_json::to_string(session)
                    .map_err(|error| JournalError::Damaged(error.to_string()))?;
                journal.keep(format!("{KEPT}{digest}"), Some(value)).await?;
            }
        }
        for (digest, _) in kept.iter().filter(|(known, _)| !open.contains_key(known)) {
            journal.keep(format!("{KEPT}{digest}"), None).await?;
        }
        Ok(())
    }
}

/// A later moment.
fn later(at: WallTime, by: Duration) -> WallTime {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    WallTime::from_millis(at.as_millis().saturating_add(millis))
}

impl State {
    /// Forgets what is over, and the oldest if that is not enough.
    fn make_room(&mut self, now: Duration) {
        if self.open.len() >= OPEN {
            self.open.retain(|_, session| session.ends > now);
            let oldest = self.open.iter().min_by_key(|(_, session)| session.ends);
            if let Some(oldest) = oldest.map(|(digest, _)| digest.clone())
                && self.open.len() >= OPEN
            {
                self.open.remove(&oldest);
            }
        }
        if self.wrong.len() >= REMEMBERED {
            self.wrong.retain(|_, wrong| wrong.until > now);
            let oldest = self.wrong.iter().min_by_key(|(_, wrong)| wrong.until);
            if let Some(oldest) = oldest.map(|(client, _)| *client)
                && self.wrong.len() >= REMEMBERED
            {
                self.wrong.remove(&oldest);
            }
        }
    }
}

/// Who is counted: an address, or the network of 64 bits in which one machine may have any of them.
fn screen(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// Only digests are kept, so that a look-up tells nothing by its time.
fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// What tells one PIN's hash from another, without being of use to anybody who reads it.
#[must_use]
pub fn fingerprint(hash: &str) -> String {
    hex(&Sha256::digest(hash.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

    fn at(now: Duration) -> (Duration, WallTime) {
        (now, WallTime::from_millis(0))
    }

    fn role(sessions: &Sessions, token: &str, now: Duration) -> Option<StaffRole> {
        sessions.find(token, now).map(|session| session.who.role)
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    #[test]
    fn one_who_guesses_waits_and_nobody_else_does() {
        let sessions = Sessions::default();
        for _ in 0..FREE_TRIES {
            assert_eq!(sessions.begin(client(1), NOW), Ok(()));
        }
        assert_eq!(sessions.begin(client(1), NOW), Err(FIRST_WAIT));
        assert_eq!(sessions.begin(client(2), NOW), Ok(()));
        let later = NOW + FIRST_WAIT;
        assert_eq!(sessions.begin(client(1), later), Ok(()));
        assert_eq!(sessions.begin(client(1), later), Err(FIRST_WAIT * 2));
    }

    #[test]
    fn one_who_changes_addresses_in_its_own_network_is_still_one() {
        let sessions = Sessions::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for n in 0..FREE_TRIES {
            let client = address(&format!("fd00:1:2:3::{n}"));
            assert_eq!(sessions.begin(client, NOW), Ok(()));
        }
        assert!(sessions.begin(address("fd00:1:2:3:ffff::1"), NOW).is_err());
        assert_eq!(sessions.begin(address("fd00:1:2:4::1"), NOW), Ok(()));
        assert_eq!(sessions.begin(address("::ffff:10.0.0.1"), NOW), Ok(()));
        assert_eq!(sessions.begin(address("::ffff:10.0.0.2"), NOW), Ok(()));
    }

    #[test]
    fn the_right_pin_forgives_the_wrong_ones() {
        let sessions = Sessions::default();
        for _ in 0..FREE_TRIES {
            assert_eq!(sessions.begin(client(1), NOW), Ok(()));
        }
        sessions.open(StaffRole::Kitchen, None, client(1), &[7; 32], at(NOW));
        assert_eq!(sessions.begin(client(1), NOW), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_newest_stays() {
        let sessions = Sessions::default();
        let mut newest = String::new();
        for n in 0..u32::try_from(REMEMBERED).unwrap() + 10 {
            let client = IpAddr::from(n.to_be_bytes());
            let mut random = [0; 32];
            random[..4].copy_from_slice(&n.to_be_bytes());
            sessions.begin(client, NOW).unwrap();
            let now = NOW + Duration::from_millis(n.into());
            newest = sessions
                .open(StaffRole::Manager, None, client, &random, at(now))
                .token;
            sessions.begin(client, NOW).unwrap();
        }
        let state = sessions.state.lock().unwrap();
        assert!(state.open.len() <= OPEN && state.wrong.len() <= REMEMBERED);
        drop(state);
        assert_eq!(role(&sessions, &newest, NOW), Some(StaffRole::Manager));
    }

    #[test]
    fn a_session_ends_by_itself_and_when_it_is_closed() {
        let sessions = Sessions::default();
        let opened = sessions.open(StaffRole::Kitchen, None, client(1), &[7; 32], at(NOW));
        assert_eq!(
            role(&sessions, &opened.token, NOW),
            Some(StaffRole::Kitchen)
        );
        assert_eq!(role(&sessions, &opened.token, NOW + LIFETIME), None);
        assert_eq!(role(&sessions, "guess", NOW), None);
        sessions.close(&opened.token);
        assert_eq!(role(&sessions, &opened.token, NOW), None);
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
