//! What headquarters is asked over HTTP, beside the loop: a cloud that hangs holds up nothing that the
//! broker brings meanwhile.
//!
//! All of it goes under the rules of the notices: whether the cloud answers here says nothing about
//! ordering, and no setting from afar stops what would bring its correction.

use std::sync::Arc;

use cloud_sync_wire::succession::Links;

use super::Task;
use super::known::Kind;
use crate::protect::{Dependency, Limits, NotDone, errors};
use crate::uplink::http::{CallError, Cloud, NoticeAnswer};
use crate::uplink::new_request;

/// What a call brings back to the loop.
#[derive(Debug)]
pub(super) enum Brought {
    /// What there is of every kind.
    Notices(Vec<(Kind, Answer)>),
    /// The words of the cloud's keys for one another, if it gave them.
    Keys(Option<Links>),
}

/// What the cloud said of one kind.
#[derive(Debug)]
pub(super) enum Answer {
    News(Vec<u8>),
    NoNews,
    /// Nothing; why is logged.
    Silence,
}

impl Task {
    /// Asks for every kind of notice.
    pub(super) fn fetch(&mut self) {
        let wanted = Kind::ALL.map(|kind| {
            let seen = self.start.known.seen(kind);
            let etag = seen.map(|seen| format!("\"{}-{}\"", seen.generation, seen.number));
            (kind, etag)
        });
        let (cloud, dependency) = (self.start.cloud.clone(), Arc::clone(&self.dependency));
        self.under_way.notices = true;
        self.calls.spawn(async move {
            let mut brought = Vec::with_capacity(wanted.len());
            for (kind, etag) in wanted {
                let answer = fetch_one(&cloud, &dependency, kind, etag.as_deref()).await;
                brought.push((kind, answer));
            }
            Brought::Notices(brought)
        });
    }

    /// Asks for the words of the cloud's keys for one another, unless that is under way.
    pub(super) fn ask_keys(&mut self) {
        if std::mem::replace(&mut self.under_way.keys, true) {
            return;
        }
        let (cloud, dependency) = (self.start.cloud.clone(), Arc::clone(&self.dependency));
        self.calls.spawn(async move {
            tokio::time::sleep(cloud.pause_before_keys()).await;
            let request = new_request();
            let limits = Limits::within(dependency.rules().timeout);
            let make = || cloud.keys(&request);
            let answer = dependency
                .call(limits, errors(CallError::verdict), make)
                .await;
            Brought::Keys(told("keys", &request, answer))
        });
    }
}

async fn fetch_one(
    cloud: &Cloud,
    dependency: &Dependency,
    kind: Kind,
    etag: Option<&str>,
) -> Answer {
    let request = new_request();
    let make = || cloud.notice(kind.name(), etag, &request);
    let limits = Limits::within(dependency.rules().timeout);
    let answer = dependency
        .call(limits, errors(CallError::verdict), make)
        .await;
    match told(kind.name(), &request, answer) {
        Some(NoticeAnswer::Bytes(bytes)) => Answer::News(bytes),
        Some(NoticeAnswer::Unchanged | NoticeAnswer::None) => Answer::NoNews,
        None => Answer::Silence,
    }
}

/// The answer, or a line in the log that says why there is none.
fn told<T>(what: &str, request: &str, answer: Result<T, NotDone<CallError>>) -> Option<T> {
    match answer {
        Ok(answer) => return Some(answer),
        Err(NotDone::Refused(refused)) => tracing::debug!(what, %refused, "not fetched"),
        Err(NotDone::TimedOut(limit)) => tracing::debug!(what, request, ?limit, "not fetched"),
        Err(NotDone::Failed(error)) => tracing::debug!(what, request, %error, "not fetched"),
    }
    None
}
