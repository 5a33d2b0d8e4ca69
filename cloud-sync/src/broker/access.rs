//! Who may publish and subscribe where: pure rules, so that every one of them can be tested without a broker.
//!
//! Everything that is not named here is refused, `$SYS` included.

use super::Identity;
use super::rules::{Act, grants};

/// Presence is a few hundred bytes; a fleet of 10,000 kiosks must not be able to fill the memory with retained ones.
const KIOSK_RETAINED_BYTES: usize = 16 * 1024;

/// Whether `identity` may publish to `topic`. A last will is a publish too.
pub fn may_publish(identity: &Identity, topic: &str) -> bool {
    is_topic(topic) && granted(identity, Act::Publish, |filter| matches(filter, topic))
}

/// Whether `identity` may subscribe to `filter`; what reaches further than its own is refused whole, never narrowed.
pub fn may_subscribe(identity: &Identity, filter: &str) -> bool {
    let inner = match (identity, filter.strip_prefix("$share/")) {
        (Identity::Service, Some(shared)) => shared
            .split_once('/')
            .and_then(|(group, inner)| (!group.is_empty() && is_topic(group)).then_some(inner)),
        _ => Some(filter),
    };
    inner.is_some_and(|inner| {
        is_filter(inner) && granted(identity, Act::Receive, |own| is_within(inner, own))
    })
}

fn granted(identity: &Identity, act: Act, fits: impl Fn(&str) -> bool) -> bool {
    let known = match identity {
        Identity::Kiosk { store, kiosk } => is_kiosk(store, kiosk),
        Identity::Service => true,
    };
    let mut grants = grants(identity).into_iter();
    known && grants.any(|grant| grant.act == act && fits(&grant.filter))
}

/// Whether a message of `bytes` that `identity` may publish to `topic` may be retained there too.
pub(super) fn may_retain(identity: &Identity, topic: &str, bytes: usize) -> bool {
    match identity {
        Identity::Kiosk { .. } => topic.ends_with("/status") && bytes <= KIOSK_RETAINED_BYTES,
        Identity::Service => true,
    }
}

/// Whether `client_id` is one that `identity` may connect with. Ids with a slash belong to the kiosks, so that the id of
/// a live session tells who it is and nobody takes over the session of another.
pub(super) fn may_use_client_id(identity: &Identity, client_id: &str) -> bool {
    match identity {
        Identity::Kiosk { store, kiosk } => {
            is_kiosk(store, kiosk) && below(client_id, &[store]) == Some(kiosk)
        }
        Identity::Service => !client_id.is_empty() && !client_id.contains('/'),
    }
}

/// The identity behind a client id that passed [`may_use_client_id`].
pub(super) fn identity_of(client_id: &str) -> Identity {
    match client_id.split_once('/') {
        Some((store, kiosk)) => Identity::Kiosk {
            store: store.to_owned(),
            kiosk: kiosk.to_owned(),
        },
        None => Identity::Service,
    }
}

/// Whether a grant's filter matches a topic. Its `+` stands for an id, so it matches nothing else.
fn matches(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for own in filter.split('/') {
        match (own, levels.next()) {
            // It stands for the level above too (MQTT 5, 4.7.1.2).
            ("#", _) => return true,
            ("+", Some(level)) if is_id(level) => {}
            (own, Some(level)) if own == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// An id of a store or kiosk: `[a-z0-9][a-z0-9-]{0,62}`.
fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
        && text.bytes().next().is_some_and(plain)
}

/// `fleet` and `config` are words of the topic tree: a kiosk with such a name would write where all others read their settings.
fn is_kiosk(store: &str, kiosk: &str) -> bool {
    is_id(store) && is_id(kiosk) && store != "fleet" && kiosk != "config"
}

/// What follows `root` and a slash in `topic`.
fn below<'a>(topic: &'a str, root: &[&str]) -> Option<&'a str> {
    root.iter().try_fold(topic, |rest, level| {
        rest.strip_prefix(level)?.strip_prefix('/')
    })
}

/// Whether every topic that `filter` matches is matched by `own`, which ends in `/#` and holds no other wildcards.
fn is_within(filter: &str, own: &str) -> bool {
    let mut levels = filter.split('/');
    let root = own.strip_suffix("/#").unwrap_or(own);
    root.split('/').all(|level| levels.next() == Some(level))
}

fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && !topic.contains(['+', '#', '\0'])
}

/// `#` only as the last level, `+` only as a whole one (MQTT 5, 4.7.1).
fn is_filter(filter: &str) -> bool {
    let tail = filter.strip_suffix("/#").unwrap_or(filter);
    filter == "#"
        || (!tail.is_empty()
            && tail
                .split('/')
                .all(|level| level == "+" || level.is_empty() || is_topic(level)))
}

#[cfg(test)]
mod tests;
