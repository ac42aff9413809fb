//! What a task would do next, asked the same way by whoever does it and by whoever wants to know beforehand.

use std::collections::BTreeMap;

use ringup_core::delivery::DeliveryKey;
use ringup_core::filter::Facts;
use ringup_core::id::EventId;
use ringup_core::key::EndpointKey;
use ringup_core::search::Search;
use ringup_core::settings::Ordering;
use ringup_core::task::{Task, TaskKind, TaskScope};
use ringup_core::time::{Tick, Timestamp};

use crate::catalogue::Catalogue;
use crate::directory::{AccountView, Directory, EndpointView};
use crate::log_entry::OutcomeWord;
use crate::log_query::LogQuery;
use crate::query::{EndpointEventFilter, EventFilter, Order, PageRequest, Payload, Reach, StoredEvent};
use crate::seam::{Recall, Store, StoreError};

/// The next events of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    pub events: Vec<EventId>,
    /// Where the task is once these are done.
    pub cursor: Tick,
    /// Nothing is left in its scope.
    pub done: bool,
}

/// Up to `rows_max` events behind a cursor that are in the scope of a task on this endpoint. May answer none without
/// being done: looking has a bound, too.
pub async fn candidates(
    catalogue: &Catalogue,
    task: &Task,
    view: &EndpointView,
    cursor: Tick,
    rows_max: usize,
) -> Result<Candidates, StoreError> {
    let page = PageRequest { rows_max, after: Some(cursor), order: Order::OldestFirst };
    match task.kind {
        TaskKind::Recover => recoverable(&**catalogue.store(), &task.scope, view, page).await,
        TaskKind::BulkReplay => replayable(catalogue, task, view, page, Reach::Sent).await,
        TaskKind::ReplayMissing => replayable(catalogue, task, view, page, Reach::Missing).await,
        // These go by account.
        TaskKind::ResendFound | TaskKind::Expunge => Ok(Candidates { events: Vec::new(), cursor, done: true }),
    }
}

/// The next events of an account whose payloads a task removes.
pub async fn expungeable(
    store: &dyn Store,
    task: &Task,
    cursor: Tick,
    rows_max: usize,
) -> Result<Candidates, StoreError> {
    let page = PageRequest { rows_max, after: Some(cursor), order: Order::OldestFirst };
    let filter = EventFilter { before: Some(task.scope.until), without_payload: true, ..EventFilter::default() };
    let found = store.events(task.account, filter, page).await?;
    let events: Vec<EventId> = found.rows.iter().map(|event| event.id).collect();
    let cursor = events.last().map_or(cursor, EventId::tick);
    Ok(Candidates { events, cursor, done: found.done })
}

/// The next deliveries that a search of the log finds, by endpoint.
#[derive(Clone, Debug)]
pub struct Findings {
    pub deliveries: BTreeMap<EndpointKey, Vec<Finding>>,
    /// Where the task is once these are done.
    pub cursor: Tick,
    /// Nothing is left in its scope.
    pub done: bool,
}

/// A delivery whose newest attempt was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding {
    pub event: EventId,
    /// The attempt delivered it.
    pub delivered: bool,
}

/// Up to `rows_max` deliveries behind a cursor. May answer none without being done: looking has a bound, too.
///
/// Each delivery is judged by its newest attempt, and so is found once at most: what was sent again since the task began
/// has a newer one, which is not in its scope.
pub async fn findings(
    store: &dyn Store,
    account: &AccountView,
    search: &Search,
    scope: &TaskScope,
    cursor: Tick,
    rows_max: usize,
) -> Result<Findings, StoreError> {
    let query = LogQuery { newest_only: true, ..LogQuery::of(account, None, search, scope.until) };
    let page = PageRequest { rows_max, after: Some(cursor), order: Order::OldestFirst };
    let scan = store.log(account.account.key, query, page).await?;
    let end = Tick::at(scope.until);
    let mut deliveries: BTreeMap<EndpointKey, Vec<Finding>> = BTreeMap::new();
    for row in scan.rows.iter().filter(|row| row.attempt.id.tick() < end) {
        let delivered = row.attempt.outcome == OutcomeWord::Delivered;
        deliveries.entry(row.attempt.endpoint).or_default().push(Finding { event: row.attempt.event, delivered });
    }
    let cursor = scan.reached.unwrap_or(cursor);
    Ok(Findings { deliveries, cursor, done: scan.done || cursor >= end })
}

/// How the store is asked to bring them back.
pub fn recall(task: &Task, view: &EndpointView, events: Vec<EventId>, now: Timestamp) -> Recall {
    let order_pointer = match &view.settings.ordering.value {
        Ordering::None | Ordering::Strict => None,
        Ordering::ByKey(pointer) => Some(pointer.clone()),
    };
    let reach = match task.kind {
        TaskKind::ReplayMissing => Reach::Missing,
        TaskKind::Recover | TaskKind::BulkReplay | TaskKind::ResendFound | TaskKind::Expunge => Reach::Sent,
    };
    Recall { account: task.account, endpoint: view.endpoint.key, events, reach, order_pointer, now }
}

async fn recoverable(
    store: &dyn Store,
    scope: &TaskScope,
    view: &EndpointView,
    page: PageRequest,
) -> Result<Candidates, StoreError> {
    let listed = store.ended(view.endpoint.key, page).await?;
    let cursor = listed.rows.last().map(|(key, _, _)| key.event).or(page.after).unwrap_or_default();
    let in_scope = |(key, _, _): &(DeliveryKey, _, _)| key.event.time() < scope.until;
    let past = listed.rows.iter().any(|row| !in_scope(row));
    let events = listed.rows.iter().filter(|row| in_scope(row)).map(|(_, _, id)| *id).collect();
    Ok(Candidates { events, cursor, done: listed.done || past })
}

async fn replayable(
    catalogue: &Catalogue,
    task: &Task,
    view: &EndpointView,
    page: PageRequest,
    reach: Reach,
) -> Result<Candidates, StoreError> {
    let scope = &task.scope;
    let events = EventFilter {
        event_types: scope.event_types.clone(),
        channel: scope.channel.clone(),
        before: Some(scope.until),
        without_payload: reach == Reach::Sent || view.endpoint.subscription.filter.is_none(),
        ..EventFilter::default()
    };
    let standings = scope.standing.map(|standing| vec![standing]);
    let filter = EndpointEventFilter { events, reach, standings, status_class: scope.status_class };
    let found = catalogue.store().events_of_endpoint(task.account, view.endpoint.key, filter, page).await?;
    let wanted = |event: &StoredEvent| reach == Reach::Sent || wants(catalogue.directory(), task, view, event);
    let events = found.rows.iter().filter(|row| wanted(&row.event)).map(|row| row.event.id).collect();
    let cursor = found.reached.or(page.after).unwrap_or_default();
    Ok(Candidates { events, cursor, done: found.done })
}

/// Whether the endpoint subscribes to an event as things stand now. A filter sees of the payload what may be shown.
fn wants(directory: &Directory, task: &Task, view: &EndpointView, event: &StoredEvent) -> bool {
    let event_type = directory.event_type(task.environment, &event.event_type);
    let family = event_type.as_ref().and_then(|event_type| event_type.group.as_deref());
    let payload: &[u8] = match &event.payload {
        Payload::Kept(payload) | Payload::Redacted(payload) => payload,
        Payload::Gone | Payload::LeftOut => b"{}",
    };
    let facts = Facts { event_type: &event.event_type, channels: &event.channels, tags: &event.extras.tags, payload };
    view.endpoint.subscription.matches(&facts, family)
}
