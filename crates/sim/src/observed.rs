//! The store as the process sees it, with an observer at the door who writes down what is promised to be durable.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::audit::AuditEntry;
use ringup_core::delivery::{DeliveryKey, Ended};
use ringup_core::id::{AttemptId, AuditId, EventId, TaskId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::operational::Notice;
use ringup_core::task::Task;
use ringup_core::time::{Tick, Timestamp};
use ringup_store::Store;
use ringup_store::audit::AuditFilter;
use ringup_store::log_query::{LogQuery, LogScan};
use ringup_store::memory::{Failure, Fault, MemoryStore, Operation, Plan};
use ringup_store::node::Nodes;
use ringup_store::overview::{BackedUp, Backlog, Tally};
use ringup_store::query::{
    AttemptFilter, Destination, EndpointEvent, EndpointEventFilter, EventFilter, MinuteCount, Order, Page, PageRequest,
    Scan, StandingCounts, StoredAttempt, StoredEvent, TaskFilter,
};
use ringup_store::seam::{
    Acceptance, Answer, Census, Change, Configuration, EventName, Listener, Loaded, NewEvent, Recall, Recalled, Resent,
    Retained, Retention, Settlement, StoreError, TaskStep,
};

use crate::world::World;

use witness::Observer;
pub use witness::is_success;

mod witness;

/// A process that dies more often than this gets nothing done.
const CRASHES_MAX: u64 = 12;

pub struct ObservedStore {
    pub inner: MemoryStore,
    pub world: Arc<World>,
}

/// A store plan whose faults are drawn from the world's dice.
pub fn store_plan(world: &Arc<World>) -> Plan {
    let of = Arc::downgrade(world);
    let linger = Duration::from_millis(world.mix.store.linger_ms);
    let faults = Arc::new(move |operation| of.upgrade().map_or_else(Fault::default, |world| fault(&world, operation)));
    Plan { linger: Some(linger), faults, ..Plan::default() }
}

fn fault(world: &World, operation: Operation) -> Fault {
    let mix = world.mix.store;
    let Some(mut dice) = world.store_faults() else { return Fault::default() };
    let mut fault = Fault::default();
    let stall_max = Duration::from_millis(mix.stall_max_ms);
    if dice.chance(mix.stalls) {
        fault.stall_before = dice.span(Duration::ZERO, stall_max);
        fault.stall_after = dice.span(Duration::ZERO, stall_max);
    }
    if dice.chance(mix.fails_before) {
        fault.failure = Some(Failure::BeforeCommit);
    } else if dice.chance(mix.fails_after) {
        fault.failure = Some(Failure::AfterCommit);
    }
    if world.facts().tally.crashes < CRASHES_MAX && dice.chance(mix.dies) {
        // Long enough for the process to be gone before the operation, or before its answer.
        let stall = if dice.chance(50) { &mut fault.stall_before } else { &mut fault.stall_after };
        *stall = Duration::from_millis(5);
        world.death.notify_one();
    }
    if fault != Fault::default() {
        let mut facts = world.facts();
        facts.tally.store_faults += 1;
        facts.trace.line(world.time.now(), format_args!("store fault {operation:?} {fault:?}"));
    }
    fault
}

impl ObservedStore {
    async fn observed_change(&self, change: Change) -> Result<i64, StoreError> {
        // Entries of the audit log change nothing about what is sent.
        let bare = match &change {
            Change::Recorded(bare, _) => Change::clone(bare),
            other => other.clone(),
        };
        // Until it is answered, and for good if the process dies before that.
        let was_unsure = self.world.facts().perhaps_changed(&bare, true);
        let answer = self.inner.change(change).await;
        let now = self.world.time.now();
        let mut facts = self.world.facts();
        facts.tally.changes += 1;
        if let Ok(key) = answer {
            facts.perhaps_changed(&bare, was_unsure);
            facts.changed(bare, key, now);
        }
        answer
    }

    async fn observed_resend(
        &self,
        account: AccountKey,
        event: EventId,
        endpoint: EndpointKey,
        now: Timestamp,
    ) -> Result<Resent, StoreError> {
        let asked_at = self.world.time.now();
        let place = self.world.facts().asked_for(event, endpoint, asked_at);
        let answer = self.inner.resend(account, event, endpoint, now).await;
        let done_at = self.world.time.now();
        self.world.facts().resent(event, endpoint, place, &answer, done_at);
        answer
    }

    /// Each event of it is a resend of its own.
    async fn observed_recall(&self, recall: Recall) -> Result<Vec<Recalled>, StoreError> {
        let (endpoint, events) = (recall.endpoint, recall.events.clone());
        let asked_at = self.world.time.now();
        let places: Vec<usize> = {
            let mut facts = self.world.facts();
            events.iter().map(|event| facts.asked_for(*event, endpoint, asked_at)).collect()
        };
        let answer = self.inner.recall(recall).await;
        let done_at = self.world.time.now();
        for (number, (event, place)) in events.into_iter().zip(places).enumerate() {
            let one = match &answer {
                Ok(recalled) if recalled.get(number) == Some(&Recalled::Done) => Ok(Resent::Done),
                Ok(_) => Ok(Resent::NotFound),
                Err(error) => Err(error.clone()),
            };
            self.world.facts().resent(event, endpoint, place, &one, done_at);
        }
        answer
    }
}

impl Store for ObservedStore {
    fn load_configuration(&self) -> Answer<'_, Configuration> {
        self.inner.load_configuration()
    }

    fn change(&self, change: Change) -> Answer<'_, i64> {
        Box::pin(self.observed_change(change))
    }

    fn notices(&self, rows_max: usize) -> Answer<'_, Vec<(i64, Notice)>> {
        self.inner.notices(rows_max)
    }

    fn audit(
        &self,
        filter: AuditFilter,
        after: Option<AuditId>,
        order: Order,
        rows_max: usize,
    ) -> Answer<'_, Vec<AuditEntry>> {
        self.inner.audit(filter, after, order, rows_max)
    }

    fn forget_audit(&self, before: Timestamp, rows_max: usize) -> Answer<'_, usize> {
        self.inner.forget_audit(before, rows_max)
    }

    fn outside_changes(&self) -> Answer<'_, u64> {
        self.inner.outside_changes()
    }

    fn accept(&self, events: Vec<NewEvent>) -> Answer<'_, Vec<Acceptance>> {
        self.inner.accept(events)
    }

    fn nodes(&self) -> Answer<'_, Option<Nodes>> {
        self.inner.nodes()
    }

    fn listen(&self, listener: Arc<dyn Listener>) {
        self.inner.listen(Arc::new(Observer { world: self.world.clone(), listener }));
    }

    fn record(&self, settlement: Settlement) {
        if self.world.is_alive() {
            let now = self.world.time.now();
            self.world.facts().recorded(&settlement, now);
        }
        self.inner.record(settlement);
    }

    fn endpoints_with_work(&self) -> Answer<'_, Vec<EndpointKey>> {
        self.inner.endpoints_with_work()
    }

    fn waiting(&self, endpoint: EndpointKey, after: Tick, scheduled: bool, rows: usize) -> Answer<'_, Vec<Loaded>> {
        self.inner.waiting(endpoint, after, scheduled, rows)
    }

    fn due(&self, before: Timestamp, rows_max: usize) -> Answer<'_, Vec<Loaded>> {
        self.inner.due(before, rows_max)
    }

    fn next_due(&self) -> Answer<'_, Option<Timestamp>> {
        self.inner.next_due()
    }

    fn end_waiting(
        &self,
        endpoint: EndpointKey,
        how: Ended,
        now: Timestamp,
        except: Vec<Tick>,
        rows_max: usize,
    ) -> Answer<'_, usize> {
        self.inner.end_waiting(endpoint, how, now, except, rows_max)
    }

    fn resend(&self, account: AccountKey, event: EventId, endpoint: EndpointKey, now: Timestamp) -> Answer<'_, Resent> {
        Box::pin(self.observed_resend(account, event, endpoint, now))
    }

    fn recall(&self, recall: Recall) -> Answer<'_, Vec<Recalled>> {
        Box::pin(self.observed_recall(recall))
    }

    fn expunge_event(&self, account: AccountKey, event: EventId, now: Timestamp) -> Answer<'_, ()> {
        self.inner.expunge_event(account, event, now)
    }

    fn expunge_attempt(&self, account: AccountKey, event: EventId, attempt: AttemptId) -> Answer<'_, ()> {
        self.inner.expunge_attempt(account, event, attempt)
    }

    fn consumer(&self, endpoint: EndpointKey, name: String) -> Answer<'_, Option<Tick>> {
        self.inner.consumer(endpoint, name)
    }

    fn move_consumer(&self, endpoint: EndpointKey, name: String, to: Tick, consumers_max: usize) -> Answer<'_, ()> {
        self.inner.move_consumer(endpoint, name, to, consumers_max)
    }

    fn begin_task(&self, task: Task, running_max: usize) -> Answer<'_, ()> {
        self.inner.begin_task(task, running_max)
    }

    fn advance_task(&self, id: TaskId, step: TaskStep) -> Answer<'_, bool> {
        self.inner.advance_task(id, step)
    }

    fn tasks(&self, filter: TaskFilter, after: Option<TaskId>, order: Order, rows: usize) -> Answer<'_, Vec<Task>> {
        self.inner.tasks(filter, after, order, rows)
    }

    fn events_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: EndpointEventFilter,
        page: PageRequest,
    ) -> Answer<'_, Scan<EndpointEvent>> {
        self.inner.events_of_endpoint(account, endpoint, filter, page)
    }

    fn standings(&self, endpoint: EndpointKey, since: Timestamp, until: Timestamp) -> Answer<'_, StandingCounts> {
        self.inner.standings(endpoint, since, until)
    }

    fn event(&self, account: AccountKey, name: EventName) -> Answer<'_, Option<StoredEvent>> {
        self.inner.event(account, name)
    }

    fn events(&self, account: AccountKey, filter: EventFilter, page: PageRequest) -> Answer<'_, Page<StoredEvent>> {
        self.inner.events(account, filter, page)
    }

    fn destinations(&self, account: AccountKey, event: EventId) -> Answer<'_, Vec<Destination>> {
        self.inner.destinations(account, event)
    }

    fn attempts_of_event(
        &self,
        account: AccountKey,
        event: EventId,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>> {
        self.inner.attempts_of_event(account, event, filter, page)
    }

    fn attempts_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>> {
        self.inner.attempts_of_endpoint(account, endpoint, filter, page)
    }

    fn log(&self, account: AccountKey, query: LogQuery, page: PageRequest) -> Answer<'_, LogScan> {
        self.inner.log(account, query, page)
    }

    fn log_length(&self, endpoints: Arc<[EndpointKey]>) -> Answer<'_, u64> {
        self.inner.log_length(endpoints)
    }

    fn counts_of(
        &self,
        endpoints: Arc<[EndpointKey]>,
        from_minute: i64,
        until_minute: i64,
    ) -> Answer<'_, Vec<(EndpointKey, Vec<MinuteCount>)>> {
        self.inner.counts_of(endpoints, from_minute, until_minute)
    }

    fn ended(&self, endpoint: EndpointKey, page: PageRequest) -> Answer<'_, Page<(DeliveryKey, Ended, EventId)>> {
        self.inner.ended(endpoint, page)
    }

    fn counts(&self, endpoint: EndpointKey, from_minute: i64, until_minute: i64) -> Answer<'_, Vec<MinuteCount>> {
        self.inner.counts(endpoint, from_minute, until_minute)
    }

    fn census(&self) -> Answer<'_, Census> {
        self.inner.census()
    }

    fn tally(&self, from_minute: i64, until_minute: i64) -> Answer<'_, Tally> {
        self.inner.tally(from_minute, until_minute)
    }

    fn backlog(&self, now: Timestamp, rows_max: usize) -> Answer<'_, Backlog> {
        self.inner.backlog(now, rows_max)
    }

    fn back_up(&self, into: PathBuf, name: String) -> Answer<'_, BackedUp> {
        self.inner.back_up(into, name)
    }

    fn retain(&self, plan: Retention, now: Timestamp) -> Answer<'_, Retained> {
        self.inner.retain(plan, now)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}
