//! Following the log as it grows: what comes is shown within a moment of its commit, nothing is missed, nothing comes twice.
//!
//! Nobody is told what came. Whoever follows is woken by commits and reads on from where they are, so a slow reader holds
//! nothing but its place, and one that comes back goes on where it was. The cursor is the horizon of the store: see
//! [`ringup_store::log_query::LogScan`].

use std::sync::Arc;
use std::time::Duration;

use ringup_core::limits::PAGE_ROWS_MAX;
use ringup_core::scope::Scope;
use ringup_core::search::Search;
use ringup_core::time::Tick;
use ringup_store::log_query::LogQuery;
use ringup_store::query::{Order, PageRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::app::App;
use crate::error::AppError;
use crate::logged::{LogAsk, LogPage, Logged, logged};
use crate::principal::Principal;

/// Followers at once: each reads a little whenever something is committed.
const FOLLOWERS_MAX: usize = 128;

/// Between two looks of one follower. Commits come faster than anybody reads.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The longest that one request may wait for lines.
pub const LOG_WAIT_MAX: Duration = Duration::from_secs(50);

/// Who follows, and whether they may go on.
pub(crate) struct Followers {
    places: Arc<Semaphore>,
    /// Turns true when the server stops.
    ended: watch::Sender<bool>,
}

/// Somebody who follows the log of an account. Dropped, it gives its place back.
pub struct Follower {
    app: Arc<App>,
    principal: Principal,
    account: String,
    search: Search,
    cursor: Tick,
    settled: watch::Receiver<u64>,
    ended: watch::Receiver<bool>,
    /// There may be something to read: a commit woke us, or there is more than one look took.
    is_behind: bool,
    /// Not before the next look, when it is for a commit.
    rest_until: Instant,
    _place: OwnedSemaphorePermit,
}

/// What came.
#[derive(Clone, Debug)]
pub struct News {
    /// Oldest first.
    pub rows: Vec<Logged>,
    /// Whoever comes back with it goes on behind these rows.
    pub cursor: Tick,
}

impl Default for Followers {
    fn default() -> Followers {
        Followers { places: Arc::new(Semaphore::new(FOLLOWERS_MAX)), ended: watch::Sender::new(false) }
    }
}

impl App {
    /// Follows the log of an account behind a cursor, or from now on. `Unavailable` while as many follow as may.
    pub fn follow(
        self: &Arc<App>,
        principal: &Principal,
        account: &str,
        search: Search,
        cursor: Option<Tick>,
    ) -> Result<Follower, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let place = self.followers.places.clone().try_acquire_owned().map_err(|_| busy())?;
        Ok(Follower {
            app: self.clone(),
            principal: *principal,
            account: view.account.id.to_string(),
            search,
            cursor: cursor.unwrap_or_else(|| Tick::at(self.now())),
            settled: self.catalogue.settled(),
            ended: self.followers.ended.subscribe(),
            is_behind: true,
            rest_until: Instant::now(),
            _place: place,
        })
    }

    /// As [`App::log`], but waits until something is found or the time is over.
    pub async fn await_log(
        &self,
        principal: &Principal,
        account: &str,
        ask: LogAsk<'_>,
        wait: Duration,
    ) -> Result<LogPage, AppError> {
        let until = Instant::now() + wait.min(LOG_WAIT_MAX);
        let _place = match wait.is_zero() {
            true => None,
            false => Some(self.followers.places.clone().try_acquire_owned().map_err(|_| busy())?),
        };
        let mut settled = self.catalogue.settled();
        let mut ended = self.followers.ended.subscribe();
        loop {
            settled.mark_unchanged();
            let began = Instant::now();
            let page = self.log(principal, account, ask).await?;
            let is_over = wait.is_zero() || *ended.borrow_and_update() || !self.still_admits(principal);
            if is_over || !page.rows.is_empty() || !page.done {
                return Ok(page);
            }
            tokio::select! {
                _ = ended.changed() => return Ok(page),
                woken = timeout_at(until, settled.changed()) => if !matches!(woken, Ok(Ok(()))) {
                    return Ok(page);
                },
            }
            sleep_until((began + LOOK_EVERY).min(until)).await;
        }
    }

    /// Lets all followers go: the server stops.
    pub(crate) fn end_following(&self) {
        self.followers.ended.send_replace(true);
    }
}

impl Follower {
    /// Where it is: whoever comes back with it misses nothing.
    pub fn cursor(&self) -> Tick {
        self.cursor
    }

    /// Waits for lines that the search finds. `None` when following is over: the server stops, or whoever asked may no
    /// longer. Nothing is lost when it is dropped before it is ready.
    pub async fn next(&mut self) -> Result<Option<News>, AppError> {
        loop {
            if !self.is_behind {
                tokio::select! {
                    _ = self.ended.changed() => {}
                    _ = self.settled.changed() => {}
                }
                self.is_behind = true;
            }
            sleep_until(self.rest_until).await;
            if *self.ended.borrow() || !self.app.still_admits(&self.principal) {
                return Ok(None);
            }
            self.settled.mark_unchanged();
            let rest_until = Instant::now() + LOOK_EVERY;
            let view = match self.app.owned(&self.principal, &self.account, Scope::Read) {
                Ok(view) => view,
                Err(AppError::NotFound { .. } | AppError::Forbidden(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            let query = LogQuery::of(&view, None, &self.search, self.app.now());
            let page = PageRequest { rows_max: PAGE_ROWS_MAX, after: Some(self.cursor), order: Order::OldestFirst };
            let scan = self.app.store().log(view.account.key, query, page).await?;
            self.is_behind = !scan.done;
            self.rest_until = if scan.done { rest_until } else { Instant::now() };
            let reached = if scan.done { scan.horizon } else { scan.reached.unwrap_or(self.cursor) };
            self.cursor = self.cursor.max(reached);
            if !scan.rows.is_empty() {
                let rows = scan.rows.into_iter().map(|row| logged(&view, row)).collect();
                return Ok(Some(News { rows, cursor: self.cursor }));
            }
        }
    }
}

fn busy() -> AppError {
    AppError::Unavailable(format!("{FOLLOWERS_MAX} are waiting for the log, the most at a time; ask again").into())
}
