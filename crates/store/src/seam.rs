//! The verbs that every home of the store offers, and the facts that pass through them.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use ringup_core::account::{Account, ApiKey, Environment, EventType};
use ringup_core::audit::AuditEntry;
use ringup_core::delivery::{After, Delivery, DeliveryKey, Ended};
use ringup_core::endpoint::Endpoint;
use ringup_core::event::{Event, Extras, KeepPayload, Target};
use ringup_core::id::{AttemptId, AuditId, EventId, EventTypeId, KeyId, TaskId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::operational::Notice;
use ringup_core::shard::Epoch;
use ringup_core::task::{Task, TaskProgress, TaskStatus};
use ringup_core::time::{Tick, Timestamp};

use crate::audit::AuditFilter;
pub use crate::listener::Listener;
use crate::log_entry::{Attempt, Count};
use crate::log_query::{LogQuery, LogScan};
use crate::node::Nodes;
use crate::overview::{BackedUp, Backlog, Tally};
use crate::query::{
    AttemptFilter, Destination, EndpointEvent, EndpointEventFilter, EventFilter, MinuteCount, Order, Page, PageRequest,
    Reach, Scan, StandingCounts, StoredAttempt, StoredEvent, TaskFilter,
};
pub use crate::retention::{Census, Retained, Retention};

pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What a caller can react to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A unique name is taken: uid, environment name, event type name.
    #[error("{0} is already taken")]
    Conflict(&'static str),
    #[error("not found")]
    NotFound,
    /// A text that was handed in cannot be kept here, nor looked for, for this reason. The same call fails again.
    #[error("{0}")]
    Unfit(&'static str),
    /// Nothing was stored; the same call may succeed later. Disk full, store closing, too much waiting.
    #[error("the store cannot take this now: {0}")]
    Unavailable(Arc<str>),
    /// Stored data cannot be trusted. The writer has stopped; the text names the file and what to do.
    #[error("{0}")]
    Corrupt(Arc<str>),
}

/// What the store must remember, in verbs. One conformance suite (`crate::conformance`) holds for every home.
pub trait Store: Send + Sync + 'static {
    // --- configuration: small, read whole at start, then kept in memory by `catalogue::Catalogue`

    fn load_configuration(&self) -> Answer<'_, Configuration>;

    /// One change, one commit. A put with key zero creates and returns the key given; keys are never given twice. What
    /// has no key answers zero.
    ///
    /// `NotFound` for a key that is not zero and unknown, for an owner that does not exist, and for revoking or deleting
    /// what is not there; `Conflict` for a name that is taken. Deleting an endpoint leaves its deliveries to
    /// `end_waiting`.
    fn change(&self, change: Change) -> Answer<'_, i64>;

    /// What is still to be told of changes, oldest first, each with its number.
    fn notices(&self, rows_max: usize) -> Answer<'_, Vec<(i64, Notice)>>;

    /// Entries of the audit log behind `after`, which is the order of their time.
    fn audit(
        &self,
        filter: AuditFilter,
        after: Option<AuditId>,
        order: Order,
        rows_max: usize,
    ) -> Answer<'_, Vec<AuditEntry>>;

    /// Removes entries of the audit log from before a time, and the oldest of what is more than `rows_max` in all. At
    /// most `limits::AUDIT_FORGOTTEN_AT_ONCE_MAX` at a time, oldest first; answers how many it removed.
    fn forget_audit(&self, before: Timestamp, rows_max: usize) -> Answer<'_, usize>;

    /// Grows whenever another process changed the configuration.
    fn outside_changes(&self) -> Answer<'_, u64>;

    // --- accepting

    /// Stores events, their deliveries and their idempotency keys: all in one commit, durable when it answers.
    ///
    /// Answers one acceptance for each event, in their order. Ids grow in that order and carry the event's `now`, or the
    /// next tick if the clock stood still or went back. An idempotency key is looked up before the uid, in the events
    /// of its account, earlier ones of the same call included. A skipped target ends at once. The listener's `accepted`
    /// is called once for the whole commit group, before or after this answers. What is to be delivered later is
    /// scheduled for that time.
    fn accept(&self, events: Vec<NewEvent>) -> Answer<'_, Vec<Acceptance>>;

    /// Whom to tell of commits. Called once, before the first `accept`.
    fn listen(&self, listener: Arc<dyn Listener>);

    // --- sharing the work with other nodes

    /// The epoch under which this node begins the account's deliveries; `None` if another node may do so by now. Changes
    /// are told by `Listener::moved`. Never waits.
    fn epoch(&self, _account: AccountKey) -> Option<Epoch> {
        Some(Epoch::default())
    }

    /// Whether the account's deliveries are this node's to make.
    fn owns(&self, account: AccountKey) -> bool {
        self.epoch(account).is_some()
    }

    /// Whether an attempt that was begun under the epoch may still go out: no other node can have begun one since. Never
    /// waits.
    fn holds(&self, _account: AccountKey, _epoch: Epoch) -> bool {
        true
    }

    /// Grows whenever this node loses accounts: what was read before may be older than what another node did since.
    fn losses(&self) -> u64 {
        0
    }

    /// Whether other nodes may accept events for this one's accounts. Never changes.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether this node does what one node of an installation does: retention, and telling of changes. Never waits.
    fn leads(&self) -> bool {
        true
    }

    /// Who shares the work, and who has which part of it; `None` where one process has all of it.
    fn nodes(&self) -> Answer<'_, Option<Nodes>> {
        Box::pin(async { Ok(None) })
    }

    // --- delivering

    /// Hands over what came of an attempt. Never waits and never fails: the settlement goes into the next commit, is
    /// kept and tried again while the store cannot take it, and `Listener::settled` tells when it is in. The caller
    /// bounds how many are outstanding. After `close` it does nothing.
    ///
    /// A delivery that is not live any more keeps the state it has; attempt and counters are recorded all the same. When
    /// the last delivery of an event is delivered and none of them ended otherwise, the payload's fate is what
    /// `KeepPayload` says; an event without deliveries meets it when it is accepted. Attempts are logged in the order in
    /// which they were handed over.
    fn record(&self, settlement: Settlement);

    /// Endpoints that have deliveries waiting or scheduled, each once, in any order. Of this node's accounts alone.
    fn endpoints_with_work(&self) -> Answer<'_, Vec<EndpointKey>>;

    /// Waiting deliveries of one endpoint after a tick, oldest first, with their events. Includes scheduled ones only
    /// if asked, as ordered lanes must.
    fn waiting(
        &self,
        endpoint: EndpointKey,
        after: Tick,
        scheduled_too: bool,
        rows_max: usize,
    ) -> Answer<'_, Vec<Loaded>>;

    /// Scheduled deliveries due before a time or at it, earliest first, with their events. At it, so that someone who
    /// waits until `next_due` finds what is due then. Of this node's accounts alone.
    fn due(&self, before: Timestamp, rows_max: usize) -> Answer<'_, Vec<Loaded>>;

    /// When the earliest scheduled delivery of this node's accounts is due.
    fn next_due(&self) -> Answer<'_, Option<Timestamp>>;

    /// Ends up to `rows_max` waiting or scheduled deliveries of an endpoint, oldest first, leaving out those in
    /// `except`; answers how many it ended.
    fn end_waiting(
        &self,
        endpoint: EndpointKey,
        how: Ended,
        now: Timestamp,
        except: Vec<Tick>,
        rows_max: usize,
    ) -> Answer<'_, usize>;

    /// Makes one delivery want an attempt now, by hand. A live one becomes due at once and keeps its policy; an ended
    /// or delivered one comes back, waiting, for exactly one attempt.
    fn resend(&self, account: AccountKey, event: EventId, endpoint: EndpointKey, now: Timestamp) -> Answer<'_, Resent>;

    /// Brings many deliveries of one endpoint back by hand, in one commit; answers for each event, in their order. Ended
    /// and delivered ones come back for exactly one attempt; live ones are left as they are. Told by
    /// `Listener::recalled`, without the events: the lane reads them from the store.
    fn recall(&self, recall: Recall) -> Answer<'_, Vec<Recalled>>;

    /// Removes an event's payload for good and cancels what still wanted to send it. `NotFound` for another account's.
    fn expunge_event(&self, account: AccountKey, event: EventId, now: Timestamp) -> Answer<'_, ()>;

    /// Removes what an attempt keeps of its response, headers and body. `NotFound` for another account's.
    fn expunge_attempt(&self, account: AccountKey, event: EventId, attempt: AttemptId) -> Answer<'_, ()>;

    // --- pulling

    /// Where a consumer of what went to an endpoint is: behind the event of this tick.
    fn consumer(&self, endpoint: EndpointKey, name: String) -> Answer<'_, Option<Tick>>;

    /// Puts a consumer somewhere, forward or back. `Conflict` if the endpoint has `consumers_max` others.
    fn move_consumer(
        &self,
        endpoint: EndpointKey,
        name: String,
        position: Tick,
        consumers_max: usize,
    ) -> Answer<'_, ()>;

    // --- tasks

    /// `Conflict` if the account has `running_max` running already. Lets go of the account's oldest ended ones beyond
    /// `limits::TASKS_KEPT_MAX`.
    fn begin_task(&self, task: Task, running_max: usize) -> Answer<'_, ()>;

    /// Changes a task that is running; answers whether it was.
    fn advance_task(&self, id: TaskId, step: TaskStep) -> Answer<'_, bool>;

    /// Tasks by id behind `after`, which is the order of their beginning.
    fn tasks(&self, filter: TaskFilter, after: Option<TaskId>, order: Order, rows_max: usize) -> Answer<'_, Vec<Task>>;

    // --- reading

    /// By uid: the newest event that has it. `None` for what another account has. Values to be redacted are struck out of
    /// what is shown, also while the payload is still kept whole for sending.
    fn event(&self, account: AccountKey, name: EventName) -> Answer<'_, Option<StoredEvent>>;
    fn events(&self, account: AccountKey, filter: EventFilter, page: PageRequest) -> Answer<'_, Page<StoredEvent>>;

    /// Every endpoint the event went to, with the state of that delivery. `NotFound` for another account's event.
    fn destinations(&self, account: AccountKey, event: EventId) -> Answer<'_, Vec<Destination>>;

    /// `NotFound` for another account's event.
    fn attempts_of_event(
        &self,
        account: AccountKey,
        event: EventId,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>>;
    /// Attempts for the account's own events only, so none for another account's endpoint.
    fn attempts_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<StoredAttempt>>;

    /// The log of an account's endpoints, narrowed by a search. Looks at no more than `looked_at_max` attempts and answers
    /// how far it came. Attempts for the account's own events only.
    fn log(&self, account: AccountKey, query: LogQuery, page: PageRequest) -> Answer<'_, LogScan>;

    /// How many attempts the log of these endpoints holds.
    fn log_length(&self, endpoints: Arc<[EndpointKey]>) -> Answer<'_, u64>;

    /// Deliveries of an endpoint that ended without success, by event.
    fn ended(&self, endpoint: EndpointKey, page: PageRequest) -> Answer<'_, Page<(DeliveryKey, Ended, EventId)>>;

    /// Events of an account by whether they went to an endpoint, with the state of that delivery. Looks at no more than
    /// `SCAN_EVENTS_MAX` events at once and answers how far it came.
    fn events_of_endpoint(
        &self,
        account: AccountKey,
        endpoint: EndpointKey,
        filter: EndpointEventFilter,
        page: PageRequest,
    ) -> Answer<'_, Scan<EndpointEvent>>;

    /// Deliveries of an endpoint that are live or ended without success, of events accepted from `since` on and before
    /// `until`.
    fn standings(&self, endpoint: EndpointKey, since: Timestamp, until: Timestamp) -> Answer<'_, StandingCounts>;

    /// Counters of an endpoint between two minutes since 1970, the first included, the last not; oldest first, and only
    /// minutes that have some.
    fn counts(&self, endpoint: EndpointKey, from_minute: i64, until_minute: i64) -> Answer<'_, Vec<MinuteCount>>;

    /// The same of many endpoints at once: for each that has some, in the order in which they were given.
    fn counts_of(
        &self,
        endpoints: Arc<[EndpointKey]>,
        from_minute: i64,
        until_minute: i64,
    ) -> Answer<'_, Vec<(EndpointKey, Vec<MinuteCount>)>>;

    fn census(&self) -> Answer<'_, Census>;

    /// Counters of all endpoints together, between two minutes since 1970, the first included, the last not. Reads as many
    /// rows as there are minutes times endpoints with attempts in them.
    fn tally(&self, from_minute: i64, until_minute: i64) -> Answer<'_, Tally>;

    /// What waits, endpoint by endpoint, and when retries of the next hour are due. Counts no more than `rows_max`
    /// deliveries, endpoints in the order of their keys, and says where that was not all.
    fn backlog(&self, now: Timestamp, rows_max: usize) -> Answer<'_, Backlog>;

    // --- upkeep

    /// Removes what is older than the plan allows, counted from the end of the day in which the event was accepted. Days
    /// with live deliveries stay. A day whose payloads and attempts are both over goes as a whole, with its ended
    /// deliveries and counters. Before that, payloads whose event's own time is over go, unless a delivery is live.
    fn retain(&self, plan: Retention, now: Timestamp) -> Answer<'_, Retained>;

    /// Copies everything into a new folder of this name within `into`, from which a store can be opened: every event
    /// acknowledged before is in it. Beside the writer, which it does not hold up. `Conflict` if the name is taken,
    /// `Unavailable` for a home that has no files.
    fn back_up(&self, into: PathBuf, name: String) -> Answer<'_, BackedUp>;

    /// Writes what was handed over, folds journals into their files, and lets go of them. Verbs fail afterwards.
    fn close(&self) -> Answer<'_, ()>;
}

/// Everything a publish makes durable.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub account: AccountKey,
    pub event_type: Arc<str>,
    /// The publisher's own id; unique in its account within the idempotency window.
    pub uid: Option<String>,
    pub channels: Vec<String>,
    pub extras: Extras,
    pub payload: Bytes,
    pub keep_payload: KeepPayload,
    pub targets: Vec<Target>,
    pub idempotency: Option<Idempotency>,
    /// Nobody registered this type: accepted and noted.
    pub unregistered: bool,
    /// Its one target was asked already, and this came of it: it is not delivered, only recorded, in the same commit.
    pub asked: Option<Box<Asked>>,
    pub now: Timestamp,
    /// The random part of the event's id.
    pub random: [u8; 12],
}

/// A call that was made before its event was stored, since somebody waited for the answer.
#[derive(Clone, Debug)]
pub struct Asked {
    pub ended_at: Timestamp,
    /// How it ended without success; `None`: it went well, or there is no log to say otherwise.
    pub ended: Option<Ended>,
    /// `None` where the log mode keeps nothing.
    pub attempt: Option<Attempt>,
    pub count: Option<Count>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    /// Hash of the request: the same key with another request is a mistake of the publisher.
    pub fingerprint: u64,
    /// Keys first seen before this time are forgotten.
    pub not_before: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    New(EventId),
    /// The idempotency key was seen with the same request: this is its event, nothing was stored.
    Repeated(EventId),
    /// The idempotency key was seen with another request.
    KeyReused(EventId),
    /// The publisher's event id is taken.
    UidTaken(EventId),
}

/// An event just accepted and one endpoint it goes to.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub event: Arc<Event>,
    pub endpoint: EndpointKey,
    pub order_key: Option<u64>,
    /// When its publisher wants it to be sent; `None`: now.
    pub due_at: Option<Timestamp>,
}

/// A live delivery and its event, read back.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub delivery: Delivery,
    pub event: Arc<Event>,
}

/// What came of one attempt: its log entry, its counters and the delivery's new state, for one commit.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub key: DeliveryKey,
    pub event: Arc<Event>,
    pub after: After,
    pub ended_at: Timestamp,
    /// `None` where the log mode keeps nothing.
    pub attempt: Option<Attempt>,
    /// `None` for attempts that do not count, being cut off by us.
    pub count: Option<Count>,
    /// An event that tells what came of it: accepted before this is settled, as by `accept`, and never lost when this is.
    pub then: Option<Box<NewEvent>>,
}

#[derive(Clone, Debug)]
pub enum Resent {
    Done,
    NotFound,
    /// The event did not go to this endpoint, so there is nothing to send again.
    NeverMatched,
    /// The payload is gone or was redacted: it can no longer be sent as it was.
    PayloadGone,
}

/// Deliveries of one endpoint to be sent again.
#[derive(Clone, Debug)]
pub struct Recall {
    pub account: AccountKey,
    pub endpoint: EndpointKey,
    pub events: Vec<EventId>,
    pub reach: Reach,
    /// Where the endpoint orders by a value in the payload: its pointer, for events that go there for the first time.
    pub order_pointer: Option<String>,
    pub now: Timestamp,
}

/// What came of one event of a [`Recall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recalled {
    Done,
    /// It wants an attempt already.
    Live,
    NotFound,
    /// It is not as `reach` says: it did not go to the endpoint, or did.
    OutOfReach,
    PayloadGone,
}

/// What to change of a running task.
#[derive(Clone, Debug)]
pub struct TaskStep {
    pub status: TaskStatus,
    /// `None` leaves them as they are, as when it is cancelled from elsewhere.
    pub reached: Option<(Tick, TaskProgress)>,
    pub why: Option<String>,
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventName {
    Id(EventId),
    Uid(String),
}

/// The whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    pub environments: Vec<Environment>,
    pub keys: Vec<ApiKey>,
    pub accounts: Vec<Account>,
    pub endpoints: Vec<Endpoint>,
    pub event_types: Vec<EventType>,
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "made one at a time, when somebody changes the configuration")]
pub enum Change {
    PutEnvironment(Environment),
    /// A new one with the event types that it begins with, which are its own whatever they say. Answers its key.
    FoundEnvironment(Environment, Vec<EventType>),
    PutKey(ApiKey),
    /// All of them from that time on, or none if one is unknown.
    RevokeKeys(Vec<KeyId>, Timestamp),
    /// When keys were last used, where that is later than what is known. Unknown ones are left out.
    KeysUsed(Vec<(KeyId, Timestamp)>),
    /// Links and sessions that ended before this time. Keys stay listed.
    ForgetSessions(Timestamp),
    PutAccount(Account),
    /// With its endpoints and keys. History stays until retention takes it.
    DeleteAccount(AccountKey),
    PutEndpoint(Endpoint),
    DeleteEndpoint(EndpointKey),
    PutEventType(EventType),
    DeleteEventType(EventTypeId),
    /// Another change, and what is to be told of it: in one commit.
    Announced(Box<Change>, Vec<Notice>),
    /// It was told.
    DropNotice(i64),
    /// Another change, and its entries in the audit log: in one commit.
    Recorded(Box<Change>, Vec<AuditEntry>),
    /// Entries of the audit log about what is no configuration.
    Record(Vec<AuditEntry>),
}
