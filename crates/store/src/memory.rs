//! Kept in memory: the home for tests and for simulation.
//!
//! Maps behind one lock, no thread, no clock of its own, no randomness and no order that depends on hashing, so a run
//! with the same calls and the same [`Faults`] is the same run. What is durable and what a crash loses are kept apart:
//! [`MemoryStore::crash`] gives the store that would be found afterwards.

mod accept;
mod configuration;
mod history;
mod log;
mod notice;
mod overview;
mod plan;
mod read;
mod recall;
mod resend;
mod retain;
mod settle;
mod shared;
mod task;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

use ringup_core::audit::AuditEntry;
use ringup_core::delivery::{DeliveryKey, Ended};
use ringup_core::id::{AttemptId, AuditId, EventId, TaskId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::operational::Notice;
use ringup_core::task::Task;
use ringup_core::time::{Tick, Timestamp};

pub use plan::{Failure, Fault, Faults, Operation, Plan};

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
use shared::{Durable, Life, Shared};

/// A store in memory. Clones are handles on the same store.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

impl MemoryStore {
    pub fn new(plan: Plan) -> MemoryStore {
        MemoryStore { shared: Arc::new(Shared::new(plan, Durable::default())) }
    }

    /// Commits the settlements handed over so far and tells the listener. Answers how many there were; none if a
    /// fault was in the way, and then they wait for the next flush.
    pub async fn flush(&self) -> usize {
        self.shared.flush().await
    }

    /// Settlements that a crash would lose.
    pub fn unflushed(&self) -> usize {
        self.shared.lock().pending.len()
    }

    /// Ends this store at once and gives the one that would be found after a restart: what was durable, nothing else.
    ///
    /// Calls that are under way answer `Unavailable`, even where their commit stands.
    pub fn crash(&self) -> MemoryStore {
        let durable = self.shared.end(Life::Crashed);
        MemoryStore { shared: Arc::new(Shared::new(self.shared.plan().clone(), durable)) }
    }

    /// A change of configuration as another process would make it: `outside_changes` grows.
    pub fn change_outside(&self, change: Change) -> Result<i64, StoreError> {
        let mut state = self.shared.lock();
        let key = state.durable.configuration.change(change)?;
        state.outside_changes += 1;
        Ok(key)
    }
}

impl Store for MemoryStore {
    fn load_configuration(&self) -> Answer<'_, Configuration> {
        self.shared.run(Operation::Read, |state| Ok(state.durable.configuration.whole()))
    }

    fn change(&self, change: Change) -> Answer<'_, i64> {
        self.shared.run(Operation::Change, |state| state.durable.configuration.change(change))
    }

    fn notices(&self, rows_max: usize) -> Answer<'_, Vec<(i64, Notice)>> {
        self.shared.run(Operation::Read, move |state| Ok(state.durable.configuration.notices(rows_max)))
    }

    fn audit(
        &self,
        filter: AuditFilter,
        after: Option<AuditId>,
        order: Order,
        rows_max: usize,
    ) -> Answer<'_, Vec<AuditEntry>> {
        self.shared
            .run(Operation::Read, move |state| Ok(state.durable.configuration.audit(&filter, after, order, rows_max)))
    }

    fn forget_audit(&self, before: Timestamp, rows_max: usize) -> Answer<'_, usize> {
        self.shared.run(Operation::Retain, move |state| Ok(state.durable.configuration.forget_audit(before, rows_max)))
    }

    fn outside_changes(&self) -> Answer<'_, u64> {
        self.shared.run(Operation::Read, |state| Ok(state.outside_changes))
    }

    fn accept(&self, events: Vec<NewEvent>) -> Answer<'_, Vec<Acceptance>> {
        let window = self.shared.plan().idempotency_window;
        self.shared.run(Operation::Accept, move |state| {
            let (acceptances, fresh) = accept::accept(&mut state.durable.history, events, window);
            if !fresh.is_empty() {
                state.tell(notice::Notice::Accepted(fresh));
            }
            Ok(acceptances)
        })
    }

    fn listen(&self, listener: Arc<dyn Listener>) {
        self.shared.lock().listener = Some(listener);
    }

    fn record(&self, settlement: Settlement) {
        self.shared.record(settlement);
    }

    fn endpoints_with_work(&self) -> Answer<'_, Vec<EndpointKey>> {
        self.shared.run(Operation::Read, |state| Ok(work::endpoints(&state.durable.history)))
    }

    fn waiting(
        &self,
        endpoint: EndpointKey,
        after: Tick,
        scheduled_too: bool,
        rows_max: usize,
    ) -> Answer<'_, Vec<Loaded>> {
        self.shared.run(Operation::Read, move |state| {
            Ok(work::waiting(&state.durable.history, endpoint, after, scheduled_too, rows_max))
        })
    }

    fn due(&self, before: Timestamp, rows_max: usize) -> Answer<'_, Vec<Loaded>> {
        self.shared.run(Operation::Read, move |state| Ok(work::due(&state.durable.history, before, rows_max)))
    }

    fn next_due(&self) -> Answer<'_, Option<Timestamp>> {
        self.shared.run(Operation::Read, |state| Ok(work::next_due(&state.durable.history)))
    }

    fn end_waiting(
        &self,
        endpoint: EndpointKey,
        how: Ended,
        _now: Timestamp,
        except: Vec<Tick>,
        rows_max: usize,
    ) -> Answer<'_, usize> {
        self.shared.run(Operation::EndWaiting, move |state| {
            Ok(work::end_waiting(&mut state.durable.history, endpoint, how, &except, rows_max))
        })
    }

    fn resend(
        &self,
        account: AccountKey,
        event: EventId,
        endpoint: EndpointKey,
        _now: Timestamp,
    ) -> Answer<'_, Resent> {
        self.shared.run(Operation::Resend, move |state| {
            Ok(match resend::resend(&mut state.durable.history, account, event, endpoint) {
                Ok(loaded) => {
                    state.tell(notice::Notice::Resent(loaded));
                    Resent::Done
                }
                Err(refusal) => refusal,
            })
        })
    }

    fn recall(&self, recall: Recall) -> Answer<'_, Vec<Recalled>> {
        self.shared.run(Operation::Resend, move |state| {
            let (recalled, oldest) = recall::recall(&mut state.durable.history, &recall);
            if let Some(oldest) = oldest {
                state.tell(notice::Notice::Recalled(recall.endpoint, oldest));
            }
            Ok(recalled)
        })
    }

    fn expunge_event(&self, account: AccountKey, event: EventId, _now: Timestamp) -> Answer<'_, ()> {
        self.shared.run(Operation::Resend, move |state| {
            let discarded = recall::expunge_event(&mut state.durable.history, account, event)?;
            if !discarded.is_empty() {
                state.tell(notice::Notice::Discarded(discarded));
            }
            Ok(())
        })
    }

    fn expunge_attempt(&self, account: AccountKey, event: EventId, attempt: AttemptId) -> Answer<'_, ()> {
        self.shared.run(Operation::Resend, move |state| {
            recall::expunge_attempt(&mut state.durable.history, account, event, attempt)
        })
    }

    fn consumer(&self, endpoint: EndpointKey, name: String) -> Answer<'_, Option<Tick>> {
        self.shared.run(Operation::Read, move |state| Ok(state.durable.configuration.consumer(endpoint, &name)))
    }

    fn move_consumer(
        &self,
        endpoint: EndpointKey,
        name: String,
        position: Tick,
        consumers_max: usize,
    ) -> Answer<'_, ()> {
        self.shared.run(Operation::Change, move |state| {
            state.durable.configuration.move_consumer(endpoint, name, position, consumers_max)
        })
    }

    fn begin_task(&self, task: Task, running_max: usize) -> Answer<'_, ()> {
        self.shared.run(Operation::Change, move |state| state.durable.tasks.begin(task, running_max))
    }

    fn advance_task(&self, id: TaskId, step: TaskStep) -> Answer<'_, bool> {
        self.shared.run(Operation::Change, move |state| Ok(state.durable.tasks.advance(id, step)))
    }

    fn tasks(&self, filter: TaskFilter, after: Option<TaskId>, order: Order, rows_max: usize) -> Answer<'_, Vec<Task>> {
        self.shared.run(Operation::Read, move |state| Ok(state.durable.tasks.list(&filter, after, order, rows_max)))
    }

    fn events_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: EndpointEventFilter,
        page: PageRequest,
    ) -> Answer<'_, Scan<EndpointEvent>> {
        self.shared.run(Operation::Read, move |state| {
            Ok(read::events_of_endpoint(&state.durable.history, account, endpoint, &filter, page))
        })
    }

    fn standings(&self, endpoint: EndpointKey, since: Timestamp, until: Timestamp) -> Answer<'_, StandingCounts> {
        self.shared
            .run(Operation::Read, move |state| Ok(read::standings(&state.durable.history, endpoint, since, until)))
    }

    fn event(&self, account: AccountKey, name: EventName) -> Answer<'_, Option<StoredEvent>> {
        self.shared.run(Operation::Read, move |state| Ok(read::event(&state.durable.history, account, &name)))
    }

    fn events(&self, account: AccountKey, filter: EventFilter, page: PageRequest) -> Answer<'_, Page<StoredEvent>> {
        self.shared.run(Operation::Read, move |state| Ok(read::events(&state.durable.history, account, &filter, page)))
    }

    fn destinations(&self, account: AccountKey, event: EventId) -> Answer<'_, Vec<Destination>> {
        self.shared.run(Operation::Read, move |state| read::destinations(&state.durable.history, account, event))
    }

    fn attempts_of_event(
        &self,
        account: AccountKey,
        event: EventId,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>> {
        self.shared.run(Operation::Read, move |state| {
            read::attempts_of_event(&state.durable.history, account, event, &filter, page)
        })
    }

    fn attempts_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>> {
        self.shared.run(Operation::Read, move |state| {
            Ok(read::attempts_of_endpoint(&state.durable.history, account, endpoint, &filter, page))
        })
    }

    fn log(&self, account: AccountKey, query: LogQuery, page: PageRequest) -> Answer<'_, LogScan> {
        self.shared.run(Operation::Read, move |state| Ok(log::log(&state.durable.history, account, &query, page)))
    }

    fn log_length(&self, endpoints: Arc<[EndpointKey]>) -> Answer<'_, u64> {
        self.shared.run(Operation::Read, move |state| Ok(log::length(&state.durable.history, &endpoints)))
    }

    fn counts_of(
        &self,
        endpoints: Arc<[EndpointKey]>,
        from_minute: i64,
        until_minute: i64,
    ) -> Answer<'_, Vec<(EndpointKey, Vec<MinuteCount>)>> {
        self.shared.run(Operation::Read, move |state| {
            Ok(log::counts_of(&state.durable.history, &endpoints, from_minute, until_minute))
        })
    }

    fn ended(&self, endpoint: EndpointKey, page: PageRequest) -> Answer<'_, Page<(DeliveryKey, Ended, EventId)>> {
        self.shared.run(Operation::Read, move |state| Ok(read::ended(&state.durable.history, endpoint, page)))
    }

    fn counts(&self, endpoint: EndpointKey, from_minute: i64, until_minute: i64) -> Answer<'_, Vec<MinuteCount>> {
        self.shared.run(Operation::Read, move |state| {
            Ok(read::counts(&state.durable.history, endpoint, from_minute, until_minute))
        })
    }

    fn census(&self) -> Answer<'_, Census> {
        self.shared.run(Operation::Read, |state| Ok(read::census(&state.durable.history)))
    }

    fn tally(&self, from_minute: i64, until_minute: i64) -> Answer<'_, Tally> {
        self.shared
            .run(Operation::Read, move |state| Ok(overview::tally(&state.durable.history, from_minute, until_minute)))
    }

    fn backlog(&self, now: Timestamp, rows_max: usize) -> Answer<'_, Backlog> {
        self.shared.run(Operation::Read, move |state| Ok(overview::backlog(&state.durable.history, now, rows_max)))
    }

    fn back_up(&self, _into: PathBuf, _name: String) -> Answer<'_, BackedUp> {
        self.shared.run(Operation::Read, |_| {
            Err(StoreError::Unavailable(Arc::from("it is kept in memory, and there is nothing to copy")))
        })
    }

    fn retain(&self, plan: Retention, now: Timestamp) -> Answer<'_, Retained> {
        self.shared.run(Operation::Retain, move |state| Ok(retain::retain(&mut state.durable.history, plan, now)))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            // A fault plan that refuses for ever must not keep a shop from closing: one try, as a real home would.
            self.shared.flush().await;
            self.shared.end(Life::Closed);
            Ok(())
        })
    }
}
