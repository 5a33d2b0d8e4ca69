//! Who shows a token: somebody with a session, as long as the PIN that opened it stands.

use super::AppState;
use super::sessions::{Who, fingerprint};
use crate::clock;

/// Who shows a token.
pub(super) async fn who(state: &AppState, token: &str) -> Option<Who> {
    let session = state.sessions.find(token, clock::monotonic())?;
    let Some(pin) = session.pin else {
        return Some(session.who);
    };
    let of = session.who.pin_of();
    match state.journal.read(move |reader| reader.pin_of(of)).await {
        Ok(Some((role, hash))) if fingerprint(&hash) == pin => Some(Who {
            role,
            ..session.who
        }),
        Ok(_) => {
            state.sessions.close(token);
            None
        }
        // The journal can't be read: somebody has to be able to see that.
        Err(_) => Some(session.who),
    }
}
