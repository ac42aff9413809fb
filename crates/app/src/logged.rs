//! The log of an account: attempts over all its endpoints, found by a search.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::DeliveryState;
use ringup_core::scope::Scope;
use ringup_core::search::Search;
use ringup_core::time::Tick;
use ringup_store::directory::{AccountView, EndpointView};
use ringup_store::log_query::{LogQuery, LogRow};
use ringup_store::query::{Order, PageRequest, StoredAttempt};
use tokio::time::Instant;

use crate::app::{App, endpoint_of};
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// How long one search goes on before it says how far it came.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(2);

/// Attempts that one search looks at before it says so.
const SEARCHED_MAX: u64 = 200_000;

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Without its response.
    pub attempt: StoredAttempt,
    pub event_type: Arc<str>,
    /// `None` once it was removed.
    pub endpoint: Option<Arc<EndpointView>>,
    /// Where the delivery stands now, if this attempt failed; `None`: delivered.
    pub state: Option<DeliveryState>,
}

/// What is asked of the log.
#[derive(Clone, Copy, Debug)]
pub struct LogAsk<'a> {
    pub search: &'a Search,
    /// Only attempts to this endpoint of the account.
    pub endpoint: Option<&'a str>,
    pub page: PageRequest,
}

/// A page of the log.
#[derive(Clone, Debug)]
pub struct LogPage {
    pub rows: Vec<Logged>,
    /// Nothing is left behind it.
    pub done: bool,
    /// Where to go on; `None` if there is nothing to go on from.
    pub next: Option<Tick>,
    /// Attempts looked at.
    pub searched: u64,
    /// The search was stopped at its bound, with so many attempts in the log altogether.
    pub stopped_of: Option<u64>,
    /// Whoever follows the log from here misses nothing and sees nothing twice.
    pub horizon: Tick,
}

impl App {
    /// Reads a search. `Invalid` says what is wrong, and in its part at which character.
    pub fn search(&self, text: &str) -> Result<Search, AppError> {
        read_search(text)
    }

    /// Attempts for one endpoint, or for all that the account has now. Searches on until the page is full, nothing is
    /// left, or its bound is reached.
    pub async fn log(&self, principal: &Principal, account: &str, ask: LogAsk<'_>) -> Result<LogPage, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let only = ask.endpoint.map(|name| endpoint_of(&view, name).map(|found| found.endpoint.key)).transpose()?;
        let query = LogQuery::of(&view, only, ask.search, self.now());
        let until = Instant::now() + SEARCH_TIME_MAX;
        let rows_max = ask.page.rows_max;
        let mut page =
            LogPage { rows: Vec::new(), done: false, next: None, searched: 0, stopped_of: None, horizon: Tick::MAX };
        let (mut rows, mut after) = (Vec::new(), ask.page.after);
        loop {
            // One more than the page, to know whether there is another.
            let rest = rows_max.saturating_add(1).saturating_sub(rows.len());
            let request = PageRequest { rows_max: rest, after, order: ask.page.order };
            let scan = self.store().log(view.account.key, query.clone(), request).await?;
            page.horizon = page.horizon.min(scan.horizon);
            page.searched = page.searched.saturating_add(u64::try_from(scan.looked_at).unwrap_or(u64::MAX));
            rows.extend(scan.rows);
            after = scan.reached.or(after);
            page.next = after;
            if rows.len() > rows_max {
                rows.truncate(rows_max);
                page.next = rows.last().map(|row: &LogRow| row.attempt.id.tick());
                break;
            }
            if scan.done {
                page.done = true;
                if ask.page.order == Order::OldestFirst {
                    // All up to there was seen, found or not.
                    page.next = page.next.max(Some(page.horizon));
                }
                break;
            }
            if page.searched >= SEARCHED_MAX || Instant::now() >= until {
                page.stopped_of = Some(self.store().log_length(query.endpoints.clone()).await?);
                break;
            }
        }
        page.rows = rows.into_iter().map(|row| logged(&view, row)).collect();
        Ok(page)
    }
}

pub(crate) fn logged(view: &AccountView, row: LogRow) -> Logged {
    let LogRow { attempt, event_type, state } = row;
    Logged { endpoint: view.by_key(attempt.endpoint).cloned(), attempt, event_type, state }
}

pub(crate) fn read_search(text: &str) -> Result<Search, AppError> {
    Search::parse(text)
        .map_err(|problem| Fault::new("query.query", "search", problem.to_string()).at(problem.character).into())
}

impl LogPage {
    /// Of a search that was not made.
    pub fn nothing() -> LogPage {
        LogPage { rows: Vec::new(), done: true, next: None, searched: 0, stopped_of: None, horizon: Tick::default() }
    }
}

impl<'a> LogAsk<'a> {
    /// The newest lines that a search finds.
    pub fn newest(search: &'a Search, rows_max: usize) -> LogAsk<'a> {
        LogAsk { search, endpoint: None, page: PageRequest { rows_max, after: None, order: Order::NewestFirst } }
    }
}
