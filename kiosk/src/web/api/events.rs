//! Live updates: one stream per page.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use super::query::Params;
use crate::clock;
use crate::web::AppState;
use crate::web::error::Problem;
use crate::web::feed::{Item, Resumed};

/// How often a silent stream shows that it lives; a screen that hears nothing for longer knows.
const PULSE: Duration = Duration::from_secs(1);
/// As long as a terminal's name may be in an order.
const TERMINAL_NAME: usize = 40;

/// Where one listener stands.
struct Listener {
    state: AppState,
    /// The terminal whose codes it wants.
    terminal: Option<String>,
    after: u64,
    latest: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    waiting: std::vec::IntoIter<Item>,
    greeted: bool,
}

pub(super) async fn stream(
    State(state): State<AppState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let terminal = terminal(&uri)?;
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
        terminal,
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
    let alive = KeepAlive::new().interval(PULSE).text("pulse");
    Ok(Sse::new(stream).keep_alive(alive))
}

/// Whose codes are wanted: nobody's, unless a diner's page names its terminal, or says that it has none.
fn terminal(uri: &Uri) -> Result<Option<String>, Problem> {
    let unnamed = uri.query() == Some("terminal=");
    let mut params = Params::read(uri, &["terminal"]);
    let detail = "must have at most 40 characters";
    let named = params.get("terminal", detail, |text| {
        (text.chars().count() <= TERMINAL_NAME).then(|| text.to_owned())
    });
    params.finish()?;
    Ok(named.or_else(|| unnamed.then(String::new)))
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
                if !item.is_for(self.terminal.as_deref(), clock::monotonic()) {
                    continue;
                }
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
