//! Lists of events and attempts, narrowed by filters, in pages.

use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::Timestamp;

use super::fault::Outcome;
use super::link::Link;
use super::read::{between, bounds, direction, paged};
use super::row::{ATTEMPT, RESPONSE, STORED, attempt, integer, limit, stored_event};
use super::shared::not_found;
use crate::log_entry::OutcomeWord;
use crate::query::{AttemptFilter, EventFilter, Page, PageRequest, StoredAttempt, StoredEvent};

/// Whether an event `e` is of a type, in a channel and has a tag, as far as that is asked. Lists are JSON.
const NAMED: &str = "($1::text[] IS NULL OR e.type = ANY ($1)) \
                     AND ($2::text IS NULL OR (e.channels IS NOT NULL AND e.channels::jsonb ? $2)) \
                     AND ($3::text IS NULL OR (e.tags IS NOT NULL AND e.tags::jsonb ? $3))";

pub(super) async fn events(
    link: &Link,
    account: AccountKey,
    filter: &EventFilter,
    page: PageRequest,
) -> Outcome<Page<StoredEvent>> {
    let (body, join) = match filter.without_payload {
        true => ("", ""),
        false => (", p.body, p.redacted", "LEFT JOIN payload p ON p.account = e.account AND p.tick = e.tick"),
    };
    let (from, until) = event_bounds(filter, page);
    let sql = format!(
        "SELECT {STORED}{body} FROM event e {join}
         WHERE {NAMED} AND e.account = $4 AND e.tick > $5 AND e.tick < $6 ORDER BY e.tick {} LIMIT $7",
        direction(page.order)
    );
    let EventFilter { event_types, channel, tag, .. } = filter;
    let rows_max = limit(page.rows_max.saturating_add(1));
    let rows = link.query(&sql, &[event_types, channel, tag, &account.0, &from, &until, &rows_max]).await?;
    paged(&rows, page.rows_max, |row| stored_event(row, filter.without_payload))
}

/// Ticks that can be wanted: behind the first, before the second.
pub(super) fn event_bounds(filter: &EventFilter, page: PageRequest) -> (i64, i64) {
    let ((from, until), (after, before)) = (bounds(page), between(filter.after, filter.before));
    (from.max(after), until.min(before))
}

pub(super) async fn attempts_of_event(
    link: &Link,
    account: AccountKey,
    event: EventId,
    filter: &AttemptFilter,
    page: PageRequest,
) -> Outcome<Page<StoredAttempt>> {
    let (at, random) = (integer(event.tick()), event.random());
    let sql = "SELECT 1 FROM event WHERE account = $1 AND tick = $2 AND random = $3";
    link.one(sql, &[&account.0, &at, &random.as_slice()]).await?.ok_or_else(not_found)?;
    attempts(link, account, filter, page, "a.event = $13 AND a.event_random = $14", &[&at, &random.as_slice()]).await
}

pub(super) async fn attempts_of_endpoint(
    link: &Link,
    account: AccountKey,
    endpoint: EndpointKey,
    filter: &AttemptFilter,
    page: PageRequest,
) -> Outcome<Page<StoredAttempt>> {
    attempts(link, account, filter, page, "a.endpoint = $13", &[&endpoint.0]).await
}

async fn attempts(
    link: &Link,
    account: AccountKey,
    filter: &AttemptFilter,
    page: PageRequest,
    of: &str,
    more: &[super::link::Value<'_>],
) -> Outcome<Page<StoredAttempt>> {
    let response = if filter.without_response { String::new() } else { format!(", {RESPONSE}") };
    let names_matter = filter.event_types.is_some() || filter.channel.is_some() || filter.tag.is_some();
    let (join, named) = match names_matter {
        true => ("JOIN event e ON e.account = a.account AND e.tick = a.event", NAMED),
        false => ("", "($1::text[] IS NULL AND $2::text IS NULL AND $3::text IS NULL)"),
    };
    let sql = format!(
        "SELECT {ATTEMPT}{response} FROM attempt a {join}
         WHERE {named} AND a.account = $4 AND a.tick > $5 AND a.tick < $6
           AND ($7::boolean IS NULL OR (a.outcome = $8) = $7)
           AND ($9::integer IS NULL OR coalesce(a.status / 100, 0) = $9)
           AND ($10::bigint IS NULL OR a.endpoint = $10)
           AND ($11::bigint IS NULL OR a.started_at < $11) AND ($12::bigint IS NULL OR a.started_at > $12)
           AND {of}
         ORDER BY a.tick {} LIMIT {}",
        direction(page.order),
        page.rows_max.saturating_add(1)
    );
    let (from, until) = bounds(page);
    let delivered = OutcomeWord::Delivered.word();
    let class = filter.status_class.map(i32::from);
    let endpoint = filter.endpoint.map(|endpoint| endpoint.0);
    let (before, after) = (filter.before.map(Timestamp::as_micros), filter.after.map(Timestamp::as_micros));
    let mut values: Vec<super::link::Value<'_>> = vec![
        &filter.event_types,
        &filter.channel,
        &filter.tag,
        &account.0,
        &from,
        &until,
        &filter.succeeded,
        &delivered,
        &class,
        &endpoint,
        &before,
        &after,
    ];
    values.extend_from_slice(more);
    let rows = link.query(&sql, &values).await?;
    paged(&rows, page.rows_max, |row| attempt(row, filter.without_response))
}
