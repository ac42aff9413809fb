//! The log as it grows: one stream of events for each page that is looked at.
//!
//! Each event carries rows as the page shows them, newest first, and as its id the cursor behind them: a browser that
//! comes back with it misses nothing. Now and then one comes without rows, so that a line that is dead is noticed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, Sse};
use futures_util::stream::unfold;
use http::HeaderMap;
use ringup_app::{Follower, News};
use ringup_core::id::AttemptId;
use ringup_core::search::Search;
use ringup_core::time::Tick;
use tokio::time::{Instant, sleep_until};

use super::{Line, query};
use crate::error_page::Answer;
use crate::menu::Menu;
use crate::ui::Ui;
use crate::visit::{Visit, account_path};
use crate::{Shared, Web};

/// Between looks whether somebody is still signed in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Between events, whether or not there is something to say.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// How soon a browser is to come back.
const COME_BACK: Duration = Duration::from_secs(1);

#[derive(Template)]
#[template(path = "lines.html")]
struct Rows<'a> {
    ui: &'a Ui,
    lines: Vec<Line>,
}

struct Live {
    web: Arc<Web>,
    follower: Follower,
    token: String,
    ui: Ui,
    base: String,
    /// When something was said last.
    said_at: Instant,
    /// The first event says when to come back.
    is_new: bool,
}

/// `GET /a/{account}/logs/live`
pub async fn live(State(web): Shared, visit: Visit, Path(account): Path<String>, headers: HeaderMap) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let search: Search = web.app.search(&query::text(&visit.query))?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(visit.query.one("from"));
    let follower = web.app.follow(&visit.who, &account, search, last.and_then(cursor))?;
    let ui = visit.ui_of(&view, Menu::Logs, "logs-title");
    let base = account_path(&view);
    let live = Live { web, follower, token: visit.token, ui, base, said_at: Instant::now(), is_new: true };
    let events = unfold(live, async |mut live| {
        let event = live.next().await?;
        Some((Ok::<Event, Infallible>(event), live))
    });
    Ok(Sse::new(events).into_response())
}

/// The id of an event of ours.
fn cursor(text: &str) -> Option<Tick> {
    text.parse::<AttemptId>().ok().map(|id| id.tick())
}

/// A cursor as the id of an event.
pub fn id_of(cursor: Tick) -> String {
    AttemptId::of_tick(cursor, [0; 12]).to_string()
}

impl Live {
    /// `None` once nobody may look any more, or the server stops.
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.is_new) {
            return Some(self.event("at").retry(COME_BACK).data(""));
        }
        loop {
            let look_at = Instant::now() + LOOK_EVERY;
            tokio::select! {
                news = self.follower.next() => match news {
                    Ok(Some(news)) => return self.is_signed_in().then(|| self.rows(&news)),
                    Ok(None) => return None,
                    Err(error) => {
                        tracing::warn!(%error, "a page cannot follow the log and has to come back");
                        return None;
                    }
                },
                () = sleep_until(look_at) => {
                    if !self.is_signed_in() {
                        return None;
                    }
                    if self.said_at.elapsed() >= BEAT_EVERY {
                        return Some(self.event("at").data(""));
                    }
                }
            }
        }
    }

    fn is_signed_in(&self) -> bool {
        self.web.sessions.find(&self.web.app, &self.token, None).is_some()
    }

    fn rows(&mut self, news: &News) -> Event {
        self.ui.now = self.web.app.now();
        let lines = news.rows.iter().rev().map(|row| Line::of(row, &self.ui, &self.base)).collect();
        let html = Rows { ui: &self.ui, lines }.render().unwrap_or_default();
        self.event("rows").data(html)
    }

    fn event(&mut self, name: &str) -> Event {
        self.said_at = Instant::now();
        Event::default().event(name).id(id_of(self.follower.cursor()))
    }
}
