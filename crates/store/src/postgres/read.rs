//! Questions about single events and endpoints, and sums.

use std::time::Duration;

use ringup_core::delivery::{DeliveryKey, DeliveryState, Ended};
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};
use tokio_postgres::Row;

use super::fault::{Fault, Outcome};
use super::link::Link;
use super::row::{STATE, STORED, array, get, integer, natural, state, stored_event, tick, word};
use super::shared::not_found;
use crate::query::{Destination, MinuteCount, Order, Page, PageRequest, StandingCounts, StoredEvent};
use crate::seam::{Census, EventName};
use crate::shape::target::unpack_targets;

/// Ticks of a page: behind the first, before the second.
pub(super) fn bounds(page: PageRequest) -> (i64, i64) {
    match (page.order, page.after) {
        (_, None) => (-1, i64::MAX),
        (Order::NewestFirst, Some(after)) => (-1, integer(after)),
        (Order::OldestFirst, Some(after)) => (integer(after), i64::MAX),
    }
}

pub(super) fn direction(order: Order) -> &'static str {
    match order {
        Order::NewestFirst => "DESC",
        Order::OldestFirst => "ASC",
    }
}

/// A page from one row more than it has.
pub(super) fn paged<T>(rows: &[Row], rows_max: usize, read: impl Fn(&Row) -> Outcome<T>) -> Outcome<Page<T>> {
    let done = rows.len() <= rows_max;
    Ok(Page { rows: rows.iter().take(rows_max).map(read).collect::<Outcome<_>>()?, done })
}

/// Ticks of times behind the first and before the second, neither included: every microsecond has many ticks.
pub(super) fn between(after: Option<Timestamp>, before: Option<Timestamp>) -> (i64, i64) {
    let from = after.map_or(-1, |after| integer(Tick::at(after)));
    let last = |before: Timestamp| Tick::at(before.saturating_sub(Duration::from_micros(1)));
    let until = before.map_or(i64::MAX, |before| integer(last(before)).saturating_add(1));
    (from, until)
}

pub(super) async fn event(link: &Link, account: AccountKey, name: &EventName) -> Outcome<Option<StoredEvent>> {
    let select = format!(
        "SELECT {STORED}, p.body, p.redacted FROM event e
         LEFT JOIN payload p ON p.account = e.account AND p.tick = e.tick WHERE e.account = $1"
    );
    let row = match name {
        EventName::Id(id) => {
            let (at, random) = (integer(id.tick()), id.random());
            let sql = format!("{select} AND e.tick = $2 AND e.random = $3");
            link.one(&sql, &[&account.0, &at, &random.as_slice()]).await?
        }
        EventName::Uid(uid) => {
            let sql = format!("{select} AND e.uid = $2 ORDER BY e.tick DESC LIMIT 1");
            link.one(&sql, &[&account.0, uid]).await?
        }
    };
    row.map(|row| stored_event(&row, false)).transpose()
}

pub(super) async fn destinations(link: &Link, account: AccountKey, event: EventId) -> Outcome<Vec<Destination>> {
    // One statement, so one moment: a delivery that ends between two looks would be missing in both.
    let sql = format!(
        "SELECT e.targets, s.endpoint, s.how, s.is_live, s.due_at FROM event e LEFT JOIN LATERAL (
            SELECT l.endpoint, {STATE} FROM live l LEFT JOIN ended n ON false WHERE l.account = $1 AND l.tick = $2
            UNION ALL
            SELECT n.endpoint, {STATE} FROM ended n LEFT JOIN live l ON false WHERE n.account = $1 AND n.tick = $2
         ) s ON true
         WHERE e.account = $1 AND e.tick = $2 AND e.random = $3"
    );
    let (at, random) = (integer(event.tick()), event.random());
    let rows = link.query(&sql, &[&account.0, &at, &random.as_slice()]).await?;
    let first = rows.first().ok_or_else(not_found)?;
    let targets = unpack_targets(get(first, "targets")?)?;
    let mut states = std::collections::BTreeMap::new();
    for row in &rows {
        if let Some(endpoint) = get::<Option<i64>>(row, "endpoint")? {
            states.insert(EndpointKey(endpoint), state(row)?);
        }
    }
    let state_of = |endpoint| states.get(&endpoint).copied().flatten();
    Ok(targets
        .into_iter()
        .map(|target| Destination { endpoint: target.endpoint, state: state_of(target.endpoint) })
        .collect())
}

pub(super) async fn ended(
    link: &Link,
    endpoint: EndpointKey,
    page: PageRequest,
) -> Outcome<Page<(DeliveryKey, Ended, EventId)>> {
    let (from, until) = bounds(page);
    let sql = format!(
        "SELECT n.tick, n.how, e.random FROM ended n JOIN event e ON e.account = n.account AND e.tick = n.tick
         WHERE n.endpoint = $1 AND n.tick > $2 AND n.tick < $3 ORDER BY n.tick {} LIMIT $4",
        direction(page.order)
    );
    let rows = link.query(&sql, &[&endpoint.0, &from, &until, &super::row::limit(page.rows_max + 1)]).await?;
    paged(&rows, page.rows_max, |row| {
        let event = tick(row, "tick")?;
        let how = word(row, "how", Ended::from_word)?;
        Ok((DeliveryKey { endpoint, event }, how, EventId::of_tick(event, array(row, "random")?)))
    })
}

pub(super) async fn standings(
    link: &Link,
    endpoint: EndpointKey,
    since: Timestamp,
    until: Timestamp,
) -> Outcome<StandingCounts> {
    let at = |time: Timestamp| integer(Tick::at(time.max(Timestamp::default())));
    let mut counts = StandingCounts::default();
    if since >= until {
        return Ok(counts);
    }
    let sql = "SELECT NULL AS how, count(*) AS rows FROM live WHERE endpoint = $1 AND tick >= $2 AND tick < $3
               UNION ALL
               SELECT how, count(*) AS rows FROM ended WHERE endpoint = $1 AND tick >= $2 AND tick < $3 GROUP BY how";
    for row in link.query(sql, &[&endpoint.0, &at(since), &at(until)]).await? {
        let state = match get::<Option<&str>>(&row, "how")? {
            Some(_) => DeliveryState::Ended(word(&row, "how", Ended::from_word)?),
            None => DeliveryState::Waiting,
        };
        counts.add(state, natural(get(&row, "rows")?));
    }
    Ok(counts)
}

/// The sums of counters, as [`minute_count`] reads them.
pub(super) const SUMS: &str = "sum(delivered)::bigint AS delivered, sum(refused)::bigint AS refused, \
                               sum(timed_out)::bigint AS timed_out, sum(unreachable)::bigint AS unreachable, \
                               sum(blocked)::bigint AS blocked, sum(gave_up)::bigint AS gave_up, \
                               sum(duration_ms)::bigint AS duration_ms";

pub(super) fn minute_count(row: &Row) -> Outcome<MinuteCount> {
    let number = |column| get::<i64>(row, column).map(natural);
    Ok(MinuteCount {
        minute: get(row, "minute")?,
        delivered: number("delivered")?,
        refused: number("refused")?,
        timed_out: number("timed_out")?,
        unreachable: number("unreachable")?,
        blocked: number("blocked")?,
        gave_up: number("gave_up")?,
        duration_ms: number("duration_ms")?,
    })
}

pub(super) async fn counts_of(
    link: &Link,
    endpoints: &[EndpointKey],
    from_minute: i64,
    until_minute: i64,
) -> Outcome<Vec<(EndpointKey, Vec<MinuteCount>)>> {
    let keys: Vec<i64> = endpoints.iter().map(|key| key.0).collect();
    let sql = format!(
        "SELECT endpoint, minute, {SUMS} FROM counter WHERE endpoint = ANY ($1::bigint[]) AND minute >= $2 AND minute < $3
         GROUP BY endpoint, minute ORDER BY minute"
    );
    let mut found: std::collections::BTreeMap<EndpointKey, Vec<MinuteCount>> = Default::default();
    for row in link.query(&sql, &[&keys, &from_minute, &until_minute]).await? {
        found.entry(EndpointKey(get(&row, "endpoint")?)).or_default().push(minute_count(&row)?);
    }
    Ok(endpoints.iter().filter_map(|key| Some((*key, found.get(key)?.clone()))).collect())
}

pub(super) async fn census(link: &Link) -> Outcome<Census> {
    let sql = "SELECT coalesce(sum(events), 0)::bigint AS events, coalesce(sum(live), 0)::bigint AS live,
                      coalesce(sum(ended), 0)::bigint AS ended,
                      (SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
                       WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r') AS bytes
               FROM day";
    let row = link.one(sql, &[]).await?.ok_or_else(|| Fault::damaged("days cannot be summed"))?;
    let number = |column| get::<i64>(&row, column).map(natural);
    Ok(Census {
        events: number("events")?,
        deliveries_live: number("live")?,
        deliveries_ended: number("ended")?,
        bytes: number("bytes")?,
    })
}
