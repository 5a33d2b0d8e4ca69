//! Live updates: one stream per page.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use crate::web::AppState;
use crate::web::feed::{Item, Resumed};

/// How often a silent stream shows that it lives; a screen that hears nothing for longer knows.
const PULSE: Duration = Duration::from_secs(1);

/// Where one listener stands.
struct Listener {
    state: AppState,
    after: u64,
    latest: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    waiting: std::vec::IntoIter<Item>,
    greeted: bool,
}

pub(super) async fn stream(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let latest = state.feed.latest();
    let now = *latest.borrow();
    // No number, or one that was never given: from now on, or everything anew.
    let after = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .map_or(now, |text| text.trim().parse().unwrap_or(u64::MAX));
    let stopping = state.stopping.clone();
    let listener = Listener {
        state,
        after,
        latest,
        stopping,
        waiting: Vec::new().into_iter(),
        greeted: false,
    };
    let stream = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(PULSE).text("pulse"))
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        if !std::mem::replace(&mut self.greeted, true) && self.after != u64::MAX {
            // An id without data is remembered and not shown: a listener that is cut off before its
            // first event still resumes from here.
            return Some(Event::default().id(self.after.to_string()));
        }
        loop {
            if let Some(item) = self.waiting.next() {
                self.after = item.id;
                return Some(
                    Event::default()
                        .id(item.id.to_string())
                        .event(item.kind)
                        .data(item.data),
                );
            }
            // Marked as seen before the feed is read: what comes in between wakes the next wait.
            let latest = *self.latest.borrow_and_update();
            match self.state.feed.after(self.after) {
                Resumed::Reset => {
                    self.after = latest;
                    let id = latest.to_string();
                    return Some(Event::default().id(id).event("reset").data("{}"));
                }
                Resumed::Items(items) if !items.is_empty() => self.waiting = items.into_iter(),
                Resumed::Items(_) => {
                    tokio::select! {
                        changed = self.latest.changed() => changed.ok()?,
                        _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                    }
                }
            }
        }
    }
}
