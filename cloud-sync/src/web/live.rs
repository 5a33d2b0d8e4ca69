//! The event stream of a dashboard: whenever something was committed, and every few seconds, the
//! parts that changed. Each is whole, so that a reader who missed some misses nothing.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::json;
use tokio::sync::watch;

use super::parts::Parts;
use super::words::Words;
use super::{read_facts, reader};
use crate::cloud::Cloud;
use crate::http::access::{self, Hq};
use crate::http::input::Query;
use crate::http::problem::Problem;

/// Ages and links change without a commit.
const TICK: Duration = Duration::from_secs(3);
/// A busy hour changes the page many times a second; people see two.
const PAUSE: Duration = Duration::from_millis(400);

struct Viewer {
    cloud: Cloud,
    headers: HeaderMap,
    words: &'static Words,
    zone: String,
    /// The day that was chosen; without one the latest.
    chosen: Option<String>,
    shown_day: Option<Option<String>>,
    sent: Parts,
    committed: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    first: bool,
}

pub(crate) async fn live(
    _: Hq,
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut query = Query::read(query.as_deref(), &["date", "zone"]);
    let chosen = query.date("date");
    let zone = query.text("zone").unwrap_or_default().to_owned();
    query.end()?;
    let viewer = Viewer {
        words: Words::for_request(&headers),
        committed: cloud.door.committed(),
        closing: cloud.closing.clone(),
        sent: Parts::default(),
        shown_day: None,
        first: true,
        headers,
        zone,
        chosen,
        cloud,
    };
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(10));
    Ok(Sse::new(viewer.events())
        .keep_alive(keep_alive)
        .into_response())
}

impl Viewer {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        let rounds = stream::unfold(self, |mut viewer| async move {
            let events = viewer.round().await?;
            Some((stream::iter(events), viewer))
        });
        rounds.flatten().map(Ok)
    }

    /// Waits for something to show; none when the stream is over.
    async fn round(&mut self) -> Option<Vec<Event>> {
        if !std::mem::take(&mut self.first) {
            let waited = tokio::select! {
                changed = self.committed.changed() => changed.is_ok(),
                () = tokio::time::sleep(TICK) => true,
                _ = self.closing.wait_for(|closing| *closing) => false,
            };
            if !waited {
                return None;
            }
        }
        self.committed.mark_unchanged();
        // Where looking failed the next round may work; meanwhile the page sees that nothing comes.
        let events = self.look().await.unwrap_or_default();
        tokio::time::sleep(PAUSE).await;
        Some(events)
    }

    async fn look(&mut self) -> Result<Vec<Event>, Problem> {
        if access::user(&self.cloud, &self.headers).await?.is_none() {
            return Ok(vec![Event::default().event("signed-out").data("")]);
        }
        let facts = read_facts(&self.cloud, self.chosen.clone()).await?;
        let new_day = self.shown_day.replace(facts.date.clone());
        if new_day.is_some_and(|shown| shown != facts.date) {
            return Ok(vec![Event::default().event("day").data("")]);
        }
        let reader = reader(self.words, &self.zone);
        let parts = Parts::render(&facts, &reader, &self.cloud.presence)?;
        let changed = parts.named().into_iter().zip(self.sent.named());
        let changed = changed.filter(|(new, old)| new.1 != old.1);
        let part = |((id, html), _): ((&str, &str), _)| {
            Event::default()
                .event("part")
                .data(json!({ "id": id, "html": html }).to_string())
        };
        let mut events: Vec<Event> = changed.map(part).collect();
        events.push(Event::default().event("clock").data(reader.clock()));
        self.sent = parts;
        Ok(events)
    }
}
