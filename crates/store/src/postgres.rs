//! Kept in PostgreSQL: the home for more than one machine.
//!
//! Any node accepts events of any account; what is to be delivered for an account is done by the one node that has its
//! shard. All that a node writes of history goes through one task and one connection, in groups that lock the shards they
//! write to: so ids of an account grow with commits, and a group costs one sync. Questions and changes of the
//! configuration have connections of their own.

mod accept;
mod catalog;
mod catcher;
mod configure;
mod fate;
mod fault;
mod holding;
mod inbox;
pub(crate) mod incoming;
mod ladder;
mod lease;
mod link;
mod list;
mod log;
mod membership;
mod nodes;
mod notice;
mod nudge;
mod open;
mod overview;
mod peer;
mod plan;
mod pool;
mod put;
mod read;
mod recall;
mod retain;
mod row;
mod rows;
mod scan;
mod schema;
mod settle;
mod shared;
mod turn;
mod upgrade;
mod work;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringup_core::audit::AuditEntry;
use ringup_core::delivery::{DeliveryKey, Ended};
use ringup_core::id::{AttemptId, AuditId, EventId, TaskId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::operational::Notice;
use ringup_core::shard::{Epoch, Shard};
use ringup_core::task::Task;
use ringup_core::time::{Tick, Timestamp};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout, timeout_at};

pub use catcher::PostgresCatchers;
pub use configure::Configurator;
pub use peer::NodeAddress;
pub use plan::Plan;

use crate::audit::AuditFilter;
use crate::log_query::{LogQuery, LogScan};
use crate::node::Nodes;
use crate::overview::{BackedUp, Backlog, Tally};
use crate::query::{
    AttemptFilter, Destination, EndpointEvent, EndpointEventFilter, EventFilter, MinuteCount, Order, Page, PageRequest,
    Scan, StandingCounts, StoredAttempt, StoredEvent, TaskFilter,
};
use crate::seam::{
    Acceptance, Answer, Census, Change, Configuration, EventName, Listener, Loaded, NewEvent, Recall, Recalled, Resent,
    Retained, Retention, Settlement, Store, StoreError, TaskStep,
};
use inbox::Item;
use shared::{Life, Shared};

/// How long a node that stops waits for the others to take its last answers.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// A store in a schema of a PostgreSQL database.
pub struct PostgresStore {
    shared: Arc<Shared>,
    writer: AbortHandle,
    membership: AbortHandle,
    door: Mutex<Option<JoinHandle<()>>>,
}

impl PostgresStore {
    /// Brings the schema up to date and takes what is free of the work. Waits, and says so in the log, while the database
    /// cannot be reached; fails where waiting does not help.
    pub async fn open(plan: Plan) -> Result<PostgresStore, StoreError> {
        open::open(plan).await
    }

    /// Ends at once, as a process that dies would: nothing is written any more, and nothing is given back.
    pub fn abandon(&self) {
        self.abort();
        let error = shared::unavailable("it was given up");
        self.shared.becomes(Life::Over(Arc::from("it was given up")));
        self.shared.inbox.abandon(&error);
        self.shared.pool.clear();
    }

    fn abort(&self) {
        self.writer.abort();
        self.membership.abort();
        drop(self.take_door().inspect(JoinHandle::abort));
        self.shared.peers.forget();
    }

    fn take_door(&self) -> Option<JoinHandle<()>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Comes back when this node may write no more, with the reason: it is time to end the process. Not after `close`.
    pub async fn lost(&self) -> Arc<str> {
        let mut life = self.shared.life();
        loop {
            if let Life::Over(why) = &*life.borrow_and_update() {
                return why.clone();
            }
            if life.changed().await.is_err() {
                return Arc::from("the store is gone");
            }
        }
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Store for PostgresStore {
    fn load_configuration(&self) -> Answer<'_, Configuration> {
        let key = self.shared.plan.encryption_key.clone();
        self.shared.ask(move |link| {
            let key = key.clone();
            Box::pin(async move { catalog::load::configuration(link, &key).await })
        })
    }

    fn change(&self, change: Change) -> Answer<'_, i64> {
        let (key, node) = (self.shared.plan.encryption_key.clone(), self.shared.plan.node.clone());
        self.shared.ask(move |link| {
            let (change, key, node) = (change.clone(), key.clone(), node.clone());
            Box::pin(async move { catalog::change(link, &change, &key, &node).await })
        })
    }

    fn notices(&self, rows_max: usize) -> Answer<'_, Vec<(i64, Notice)>> {
        self.shared.ask(move |link| Box::pin(catalog::notice::list(link, rows_max)))
    }

    fn audit(
        &self,
        filter: AuditFilter,
        after: Option<AuditId>,
        order: Order,
        rows_max: usize,
    ) -> Answer<'_, Vec<AuditEntry>> {
        let filter = Arc::new(filter);
        self.shared.ask(move |link| {
            let filter = filter.clone();
            Box::pin(async move { catalog::audit::list(link, &filter, after, order, rows_max).await })
        })
    }

    fn forget_audit(&self, before: Timestamp, rows_max: usize) -> Answer<'_, usize> {
        self.shared.ask(move |link| Box::pin(catalog::audit::forget(link, before, rows_max)))
    }

    fn outside_changes(&self) -> Answer<'_, u64> {
        let node: Arc<str> = self.shared.plan.node.as_str().into();
        self.shared.ask(move |link| {
            let node = node.clone();
            Box::pin(async move { catalog::outside_changes(link, &node).await })
        })
    }

    fn accept(&self, events: Vec<NewEvent>) -> Answer<'_, Vec<Acceptance>> {
        Box::pin(async move {
            self.shared.check_open()?;
            let until = Instant::now() + self.shared.plan.answer_within;
            match timeout_at(until, self.shared.peers.pass(&events)).await {
                Ok(Some(passed)) => return passed,
                Ok(None) => {}
                Err(_) => return Err(peer::unanswered()),
            }
            let (reply, answer) = oneshot::channel();
            self.shared.inbox.push(Item::Accept { events, reply })?;
            self.shared.wait(answer, until).await
        })
    }

    fn listen(&self, listener: Arc<dyn Listener>) {
        self.shared.listen(listener);
    }

    fn epoch(&self, account: AccountKey) -> Option<Epoch> {
        self.shared.holding.owned_under(Shard::of(account))
    }

    fn holds(&self, account: AccountKey, epoch: Epoch) -> bool {
        self.shared.holding.holds(Shard::of(account), epoch)
    }

    fn losses(&self) -> u64 {
        self.shared.holding.losses()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn leads(&self) -> bool {
        Shard::all().next().is_some_and(|first| self.shared.holding.owns(first))
    }

    fn nodes(&self) -> Answer<'_, Option<Nodes>> {
        let (me, lease) = (self.shared.plan.node.clone(), self.shared.plan.lease);
        self.shared.ask(move |link| {
            let me = me.clone();
            Box::pin(async move { nodes::nodes(link, me, lease).await.map(Some) })
        })
    }

    fn record(&self, settlement: Settlement) {
        // Refused only after `close`, where it does nothing.
        let _ = self.shared.inbox.push(Item::Settle(settlement));
    }

    fn endpoints_with_work(&self) -> Answer<'_, Vec<EndpointKey>> {
        Box::pin(async move {
            let found = self.shared.ask(|link| Box::pin(work::endpoints(link))).await?;
            Ok(found.into_iter().filter(|(account, _)| self.owns(*account)).map(|(_, endpoint)| endpoint).collect())
        })
    }

    fn waiting(
        &self,
        endpoint: EndpointKey,
        after: Tick,
        scheduled_too: bool,
        rows_max: usize,
    ) -> Answer<'_, Vec<Loaded>> {
        self.shared.ask(move |link| Box::pin(work::waiting(link, endpoint, after, scheduled_too, rows_max)))
    }

    fn due(&self, before: Timestamp, rows_max: usize) -> Answer<'_, Vec<Loaded>> {
        self.shared.ask(move |link| {
            let shards = self.shared.holding.owned_numbers();
            Box::pin(async move { work::due(link, &shards, before, rows_max).await })
        })
    }

    fn next_due(&self) -> Answer<'_, Option<Timestamp>> {
        self.shared.ask(|link| {
            let shards = self.shared.holding.owned_numbers();
            Box::pin(async move { work::next_due(link, &shards).await })
        })
    }

    fn end_waiting(
        &self,
        endpoint: EndpointKey,
        how: Ended,
        _now: Timestamp,
        except: Vec<Tick>,
        rows_max: usize,
    ) -> Answer<'_, usize> {
        self.shared.write(move |turn| {
            Box::pin(async move { Ok((work::end_waiting(turn, endpoint, how, except, rows_max).await?, Vec::new())) })
        })
    }

    fn resend(
        &self,
        account: AccountKey,
        event: EventId,
        endpoint: EndpointKey,
        _now: Timestamp,
    ) -> Answer<'_, Resent> {
        self.shared.write(move |turn| Box::pin(recall::resend(turn, account, event, endpoint)))
    }

    fn recall(&self, recall: Recall) -> Answer<'_, Vec<Recalled>> {
        self.shared.write(move |turn| Box::pin(recall::recall(turn, recall)))
    }

    fn expunge_event(&self, account: AccountKey, event: EventId, _now: Timestamp) -> Answer<'_, ()> {
        self.shared.write(move |turn| Box::pin(recall::expunge_event(turn, account, event)))
    }

    fn expunge_attempt(&self, account: AccountKey, event: EventId, attempt: AttemptId) -> Answer<'_, ()> {
        self.shared.write(move |turn| Box::pin(recall::expunge_attempt(turn, account, event, attempt)))
    }

    fn consumer(&self, endpoint: EndpointKey, name: String) -> Answer<'_, Option<Tick>> {
        self.shared.ask(move |link| {
            let name = name.clone();
            Box::pin(async move { catalog::consumer::position(link, endpoint, &name).await })
        })
    }

    fn move_consumer(
        &self,
        endpoint: EndpointKey,
        name: String,
        position: Tick,
        consumers_max: usize,
    ) -> Answer<'_, ()> {
        self.shared.ask(move |link| {
            let name = name.clone();
            Box::pin(async move { catalog::consumer::put(link, endpoint, &name, position, consumers_max).await })
        })
    }

    fn begin_task(&self, task: Task, running_max: usize) -> Answer<'_, ()> {
        self.shared.ask(move |link| {
            let task = task.clone();
            Box::pin(async move { catalog::task::begin(link, &task, running_max).await })
        })
    }

    fn advance_task(&self, id: TaskId, step: TaskStep) -> Answer<'_, bool> {
        self.shared.ask(move |link| {
            let step = step.clone();
            Box::pin(async move { catalog::task::advance(link, id, &step).await })
        })
    }

    fn tasks(&self, filter: TaskFilter, after: Option<TaskId>, order: Order, rows_max: usize) -> Answer<'_, Vec<Task>> {
        let filter = Arc::new(filter);
        self.shared.ask(move |link| {
            let filter = filter.clone();
            Box::pin(async move { catalog::task::list(link, &filter, after, order, rows_max).await })
        })
    }

    fn event(&self, account: AccountKey, name: EventName) -> Answer<'_, Option<StoredEvent>> {
        let name = Arc::new(name);
        self.shared.ask(move |link| {
            let name = name.clone();
            Box::pin(async move { read::event(link, account, &name).await })
        })
    }

    fn events(&self, account: AccountKey, filter: EventFilter, page: PageRequest) -> Answer<'_, Page<StoredEvent>> {
        let filter = Arc::new(filter);
        self.shared.ask(move |link| {
            let filter = filter.clone();
            Box::pin(async move { list::events(link, account, &filter, page).await })
        })
    }

    fn destinations(&self, account: AccountKey, event: EventId) -> Answer<'_, Vec<Destination>> {
        self.shared.ask(move |link| Box::pin(read::destinations(link, account, event)))
    }

    fn attempts_of_event(
        &self,
        account: AccountKey,
        event: EventId,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>> {
        let filter = Arc::new(filter);
        self.shared.ask(move |link| {
            let filter = filter.clone();
            Box::pin(async move { list::attempts_of_event(link, account, event, &filter, page).await })
        })
    }

    fn attempts_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>> {
        let filter = Arc::new(filter);
        self.shared.ask(move |link| {
            let filter = filter.clone();
            Box::pin(async move { list::attempts_of_endpoint(link, account, endpoint, &filter, page).await })
        })
    }

    fn log(&self, account: AccountKey, query: LogQuery, page: PageRequest) -> Answer<'_, LogScan> {
        let query = Arc::new(query);
        self.shared.ask(move |link| {
            let query = query.clone();
            Box::pin(async move { log::log(link, account, &query, page).await })
        })
    }

    fn log_length(&self, endpoints: Arc<[EndpointKey]>) -> Answer<'_, u64> {
        self.shared.ask(move |link| {
            let endpoints = endpoints.clone();
            Box::pin(async move { log::length(link, &endpoints).await })
        })
    }

    fn ended(&self, endpoint: EndpointKey, page: PageRequest) -> Answer<'_, Page<(DeliveryKey, Ended, EventId)>> {
        self.shared.ask(move |link| Box::pin(read::ended(link, endpoint, page)))
    }

    fn events_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: EndpointEventFilter,
        page: PageRequest,
    ) -> Answer<'_, Scan<EndpointEvent>> {
        let filter = Arc::new(filter);
        self.shared.ask(move |link| {
            let filter = filter.clone();
            Box::pin(async move { scan::events_of_endpoint(link, account, endpoint, &filter, page).await })
        })
    }

    fn standings(&self, endpoint: EndpointKey, since: Timestamp, until: Timestamp) -> Answer<'_, StandingCounts> {
        self.shared.ask(move |link| Box::pin(read::standings(link, endpoint, since, until)))
    }

    fn counts(&self, endpoint: EndpointKey, from_minute: i64, until_minute: i64) -> Answer<'_, Vec<MinuteCount>> {
        self.shared.ask(move |link| {
            Box::pin(async move {
                let counts = read::counts_of(link, &[endpoint], from_minute, until_minute).await?;
                Ok(counts.into_iter().next().map(|(_, minutes)| minutes).unwrap_or_default())
            })
        })
    }

    fn counts_of(
        &self,
        endpoints: Arc<[EndpointKey]>,
        from_minute: i64,
        until_minute: i64,
    ) -> Answer<'_, Vec<(EndpointKey, Vec<MinuteCount>)>> {
        self.shared.ask(move |link| {
            let endpoints = endpoints.clone();
            Box::pin(async move { read::counts_of(link, &endpoints, from_minute, until_minute).await })
        })
    }

    fn census(&self) -> Answer<'_, Census> {
        self.shared.ask(|link| Box::pin(read::census(link)))
    }

    fn tally(&self, from_minute: i64, until_minute: i64) -> Answer<'_, Tally> {
        self.shared.ask(move |link| Box::pin(overview::tally(link, from_minute, until_minute)))
    }

    fn backlog(&self, now: Timestamp, rows_max: usize) -> Answer<'_, Backlog> {
        self.shared.ask(move |link| Box::pin(overview::backlog(link, now, rows_max)))
    }

    fn retain(&self, plan: Retention, now: Timestamp) -> Answer<'_, Retained> {
        Box::pin(retain::retain(&self.shared, plan, now))
    }

    fn back_up(&self, _into: PathBuf, _name: String) -> Answer<'_, BackedUp> {
        Box::pin(async {
            self.shared.check_open()?;
            Err(shared::unavailable("it is kept in PostgreSQL, which is backed up with its own tools, such as pg_dump"))
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut life = self.shared.life();
            self.shared.becomes(Life::Closing);
            self.shared.inbox.end();
            while !matches!(*life.borrow_and_update(), Life::Closed | Life::Over(_)) {
                if life.changed().await.is_err() {
                    break;
                }
            }
            self.shared.peers.forget();
            // What other nodes brought is answered before the process ends.
            if let Some(door) = self.take_door() {
                let _ = timeout(ANSWERED_WITHIN, door).await;
            }
            Ok(())
        })
    }
}
