//! Kept in SQLite files: the embedded home of the store.
//!
//! `catalog.db` holds the configuration, `day-2026-11-23.db` everything about the events accepted that day. One thread
//! writes, in groups; readers look on beside it. Retention is an unlink, and a retry after midnight is written to its
//! event's own day.
//!
//! Promise: what was answered with success is on the disk. A file that is damaged or missing stops the store with words
//! about it; nothing is ever started empty in its place.

mod accept;
mod answer;
mod backup;
mod catalog;
mod catcher;
mod checkpoint;
mod chore;
mod command;
mod configure;
mod counter;
mod day;
mod days;
mod expire;
mod expunge;
mod fault;
mod held;
mod inbox;
mod list;
mod lock;
mod log;
mod merge;
pub(crate) mod moved;
mod notice;
mod open;
mod open_day;
pub(crate) mod outgoing;
mod overview;
mod plan;
mod posting;
mod read;
mod reader;
mod recall;
mod retain;
mod row;
mod scan;
mod schema;
mod settle;
mod shared;
mod walk;
mod work;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ringup_core::audit::AuditEntry;
use ringup_core::delivery::{DeliveryKey, Ended};
use ringup_core::id::{AttemptId, AuditId, EventId, TaskId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::operational::Notice;
use ringup_core::task::Task;
use ringup_core::time::{Tick, Timestamp};

pub use catcher::SqliteCatchers;
pub(crate) use catcher::thread::NAME as CATCHERS;
pub use configure::Configurator;
pub use fault::{Failpoint, Point};
pub use lock::DirectoryLock;
pub(crate) use moved::has_given_up;
pub use plan::Plan;

use crate::audit::AuditFilter;
use crate::log_query::{LogQuery, LogScan};
use crate::overview::{BackedUp, Backlog, Tally};
use crate::query::{
    AttemptFilter, Destination, EndpointEvent, EndpointEventFilter, EventFilter, MinuteCount, Order, Page, PageRequest,
    Scan, StandingCounts, StoredAttempt, StoredEvent, TaskFilter,
};
use crate::seam::{
    Acceptance, Answer, Census, Change, Configuration, EventName, Listener, Loaded, NewEvent, Recall, Recalled, Resent,
    Retained, Retention, Settlement, Store, StoreError, TaskStep,
};
use inbox::{EndWaiting, Ending, Expunge, Item, Resend};
use shared::Shared;

/// The store in a data folder. Owns the folder until it is closed or dropped.
pub struct SqliteStore {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens a data folder, or makes it where nothing is yet. Needs a tokio runtime, on which commits are told.
    ///
    /// Takes time with what a crash left to be read again, at most some ten thousand rows of each of the last days.
    /// `Unavailable` if another process owns the folder, `Corrupt` with words about the file that is damaged or missing
    /// or was written by a newer version.
    pub async fn open(plan: Plan) -> Result<SqliteStore, StoreError> {
        open::open(plan).await
    }

    /// Ends at once, as if the process had been killed: what is not committed is lost, journals stay as they are, and
    /// the folder is free for the next one. Verbs fail afterwards.
    pub fn abandon(&self) {
        self.shared.shut();
        self.shared.inbox.end(Ending::Abandon);
        self.shared.checkpointer.end();
        join(&self.threads);
        self.shared.let_go(Ending::Abandon);
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// Waits for the threads to end. They end within one commit once they were told to.
fn join(threads: &Mutex<Vec<JoinHandle<()>>>) {
    let threads = std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner));
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the store panicked");
        }
    }
}

impl Store for SqliteStore {
    fn load_configuration(&self) -> Answer<'_, Configuration> {
        self.shared.ask(|shared| shared.catalog()?.load())
    }

    fn change(&self, change: Change) -> Answer<'_, i64> {
        self.shared.ask(move |shared| shared.catalog()?.change(&change))
    }

    fn notices(&self, rows_max: usize) -> Answer<'_, Vec<(i64, Notice)>> {
        self.shared.ask(move |shared| shared.catalog()?.notices(rows_max))
    }

    fn audit(
        &self,
        filter: AuditFilter,
        after: Option<AuditId>,
        order: Order,
        rows_max: usize,
    ) -> Answer<'_, Vec<AuditEntry>> {
        self.shared.ask(move |shared| shared.catalog()?.audit(&filter, after, order, rows_max))
    }

    fn forget_audit(&self, before: Timestamp, rows_max: usize) -> Answer<'_, usize> {
        self.shared.ask(move |shared| shared.catalog()?.forget_audit(before, rows_max))
    }

    fn outside_changes(&self) -> Answer<'_, u64> {
        self.shared.ask(|shared| shared.catalog()?.outside_changes())
    }

    fn accept(&self, events: Vec<NewEvent>) -> Answer<'_, Vec<Acceptance>> {
        let bytes = events.iter().map(|event| event.payload.len()).sum();
        self.shared.order(move |reply| Item::Accept { events, bytes, reply })
    }

    fn listen(&self, listener: Arc<dyn Listener>) {
        self.shared.listen(listener);
    }

    fn record(&self, settlement: Settlement) {
        // Refused only after the end: the delivery is still live in the file, and is done again after the next start.
        let _ = self.shared.inbox.push(Item::Settle(settlement));
    }

    fn endpoints_with_work(&self) -> Answer<'_, Vec<EndpointKey>> {
        self.shared.ask(work::endpoints)
    }

    fn waiting(
        &self,
        endpoint: EndpointKey,
        after: Tick,
        scheduled_too: bool,
        rows_max: usize,
    ) -> Answer<'_, Vec<Loaded>> {
        self.shared.ask(move |shared| work::waiting(shared, endpoint, after, scheduled_too, rows_max))
    }

    fn due(&self, before: Timestamp, rows_max: usize) -> Answer<'_, Vec<Loaded>> {
        self.shared.ask(move |shared| work::due(shared, before, rows_max))
    }

    fn next_due(&self) -> Answer<'_, Option<Timestamp>> {
        self.shared.ask(work::next_due)
    }

    fn end_waiting(
        &self,
        endpoint: EndpointKey,
        how: Ended,
        now: Timestamp,
        except: Vec<Tick>,
        rows_max: usize,
    ) -> Answer<'_, usize> {
        let wanted = EndWaiting { endpoint, how, now, except, rows_max };
        self.shared.order(move |reply| Item::EndWaiting { wanted, reply })
    }

    fn resend(
        &self,
        account: AccountKey,
        event: EventId,
        endpoint: EndpointKey,
        _now: Timestamp,
    ) -> Answer<'_, Resent> {
        self.shared.order(move |reply| Item::Resend { wanted: Resend { account, event, endpoint }, reply })
    }

    fn recall(&self, wanted: Recall) -> Answer<'_, Vec<Recalled>> {
        self.shared.order(move |reply| Item::Recall { wanted, reply })
    }

    fn expunge_event(&self, account: AccountKey, event: EventId, now: Timestamp) -> Answer<'_, ()> {
        let wanted = Expunge { account, event, attempt: None, now };
        self.shared.order(move |reply| Item::Expunge { wanted, reply })
    }

    fn expunge_attempt(&self, account: AccountKey, event: EventId, attempt: AttemptId) -> Answer<'_, ()> {
        let wanted = Expunge { account, event, attempt: Some(attempt), now: Timestamp::default() };
        self.shared.order(move |reply| Item::Expunge { wanted, reply })
    }

    fn consumer(&self, endpoint: EndpointKey, name: String) -> Answer<'_, Option<Tick>> {
        self.shared.ask(move |shared| shared.catalog()?.consumer(endpoint, &name))
    }

    fn move_consumer(
        &self,
        endpoint: EndpointKey,
        name: String,
        position: Tick,
        consumers_max: usize,
    ) -> Answer<'_, ()> {
        self.shared.ask(move |shared| shared.catalog()?.move_consumer(endpoint, &name, position, consumers_max))
    }

    fn begin_task(&self, task: Task, running_max: usize) -> Answer<'_, ()> {
        self.shared.ask(move |shared| shared.catalog()?.begin_task(&task, running_max))
    }

    fn advance_task(&self, id: TaskId, step: TaskStep) -> Answer<'_, bool> {
        self.shared.ask(move |shared| shared.catalog()?.advance_task(id, &step))
    }

    fn tasks(&self, filter: TaskFilter, after: Option<TaskId>, order: Order, rows_max: usize) -> Answer<'_, Vec<Task>> {
        self.shared.ask(move |shared| shared.catalog()?.tasks(&filter, after, order, rows_max))
    }

    fn events_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: EndpointEventFilter,
        page: PageRequest,
    ) -> Answer<'_, Scan<EndpointEvent>> {
        self.shared.ask(move |shared| scan::events_of_endpoint(shared, account, endpoint, &filter, page))
    }

    fn standings(&self, endpoint: EndpointKey, since: Timestamp, until: Timestamp) -> Answer<'_, StandingCounts> {
        self.shared.ask(move |shared| scan::standings(shared, endpoint, since, until))
    }

    fn event(&self, account: AccountKey, name: EventName) -> Answer<'_, Option<StoredEvent>> {
        self.shared.ask(move |shared| read::event(shared, account, &name))
    }

    fn events(&self, account: AccountKey, filter: EventFilter, page: PageRequest) -> Answer<'_, Page<StoredEvent>> {
        self.shared.ask(move |shared| list::events(shared, account, &filter, page))
    }

    fn destinations(&self, account: AccountKey, event: EventId) -> Answer<'_, Vec<Destination>> {
        self.shared.ask(move |shared| read::destinations(shared, account, event))
    }

    fn attempts_of_event(
        &self,
        account: AccountKey,
        event: EventId,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>> {
        self.shared.ask(move |shared| list::attempts_of_event(shared, account, event, &filter, page))
    }

    fn attempts_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>> {
        self.shared.ask(move |shared| list::attempts_of_endpoint(shared, account, endpoint, &filter, page))
    }

    fn log(&self, account: AccountKey, query: LogQuery, page: PageRequest) -> Answer<'_, LogScan> {
        self.shared.ask(move |shared| log::log(shared, account, &query, page))
    }

    fn log_length(&self, endpoints: Arc<[EndpointKey]>) -> Answer<'_, u64> {
        self.shared.ask(move |shared| log::length(shared, &endpoints))
    }

    fn counts_of(
        &self,
        endpoints: Arc<[EndpointKey]>,
        from_minute: i64,
        until_minute: i64,
    ) -> Answer<'_, Vec<(EndpointKey, Vec<MinuteCount>)>> {
        self.shared.ask(move |shared| counter::counts_of(shared, &endpoints, from_minute, until_minute))
    }

    fn ended(&self, endpoint: EndpointKey, page: PageRequest) -> Answer<'_, Page<(DeliveryKey, Ended, EventId)>> {
        self.shared.ask(move |shared| read::ended(shared, endpoint, page))
    }

    fn counts(&self, endpoint: EndpointKey, from_minute: i64, until_minute: i64) -> Answer<'_, Vec<MinuteCount>> {
        self.shared.ask(move |shared| read::counts(shared, endpoint, from_minute, until_minute))
    }

    fn census(&self) -> Answer<'_, Census> {
        self.shared.ask(read::census)
    }

    fn tally(&self, from_minute: i64, until_minute: i64) -> Answer<'_, Tally> {
        self.shared.ask(move |shared| overview::tally(shared, from_minute, until_minute))
    }

    fn backlog(&self, now: Timestamp, rows_max: usize) -> Answer<'_, Backlog> {
        self.shared.ask(move |shared| overview::backlog(shared, now, rows_max))
    }

    fn back_up(&self, into: PathBuf, name: String) -> Answer<'_, BackedUp> {
        self.shared.ask(move |shared| backup::back_up(shared, &into, &name))
    }

    fn retain(&self, plan: Retention, now: Timestamp) -> Answer<'_, Retained> {
        self.shared.ask(move |shared| retain::retain(shared, plan, now))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            if !self.shared.shut() {
                return Ok(());
            }
            self.shared.inbox.end(Ending::Drain);
            let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
            let shared = self.shared.clone();
            let closing = tokio::task::spawn_blocking(move || {
                join(&Mutex::new(threads));
                shared.let_go(Ending::Drain);
            });
            answer::finished(closing.await)
        })
    }
}
