//! News of one catcher as a stream: that something came, and how far. The page then asks for what it shows.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use http::HeaderMap;
use tokio::time::sleep;

use crate::Shared;
use crate::error_page::Answer;
use crate::visit::Visit;

/// Between two pieces of news: a flood is shown a few times a second.
const NEWS_EVERY: Duration = Duration::from_millis(150);

const LAST_EVENT_ID: &str = "last-event-id";

/// `GET …/live`. Whoever comes back says what was seen last, or the page's address does, and hears at once of anything
/// that came meanwhile: nothing can be missed.
pub async fn live(
    State(web): Shared,
    visit: Visit,
    Path((account, catcher)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let mut news = web.app.catcher_news(&visit.who, &account, &catcher).await?;
    let seen = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).or_else(|| visit.query.one("after"));
    let is_behind = seen.and_then(|seen| seen.parse().ok()) != Some(*news.borrow_and_update());
    let events = stream::unfold((news, is_behind), |(mut news, mut is_behind)| async move {
        if !is_behind {
            // Ends when the catcher is removed, or the server stops.
            news.changed().await.ok()?;
            sleep(NEWS_EVERY).await;
        }
        is_behind = false;
        let number = news.borrow_and_update().to_string();
        let event = Event::default().event("caught").id(&number).data(&number);
        Some((Ok::<_, Infallible>(event), (news, is_behind)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}
