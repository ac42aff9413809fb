//! An account's events as one of its endpoints sees them.

use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::Tick;

use super::fault::Outcome;
use super::link::Link;
use super::list::event_bounds;
use super::read::direction;
use super::row::{STATE, STORED, get, integer, limit, natural, state, stored_event};
use crate::query::{
    EndpointEvent, EndpointEventFilter, EventFilter, Order, PageRequest, Reach, SCAN_EVENTS_MAX, Scan, StoredEvent,
    standing_of,
};
use crate::shape::target::unpack_targets;

/// Events read at once.
const SLICE: usize = 256;

pub(super) async fn events_of_endpoint(
    link: &Link,
    account: AccountKey,
    endpoint: EndpointKey,
    filter: &EndpointEventFilter,
    page: PageRequest,
) -> Outcome<Scan<EndpointEvent>> {
    let without_payload = filter.events.without_payload;
    let (body, join) = match without_payload {
        true => ("", ""),
        false => (", p.body, p.redacted", "LEFT JOIN payload p ON p.account = e.account AND p.tick = e.tick"),
    };
    let class = match filter.status_class {
        None => "NULL::integer",
        Some(_) => {
            "(SELECT coalesce(a.status / 100, 0) FROM attempt a
              WHERE a.account = e.account AND a.event = e.tick AND a.endpoint = $2 ORDER BY a.tick DESC LIMIT 1)"
        }
    };
    let sql = format!(
        "SELECT {STORED}{body}, {STATE}, {class} AS class FROM event e {join}
         LEFT JOIN live l ON l.account = e.account AND l.tick = e.tick AND l.endpoint = $2
         LEFT JOIN ended n ON n.account = e.account AND n.tick = e.tick AND n.endpoint = $2
         WHERE e.account = $1 AND e.tick > $3 AND e.tick < $4 ORDER BY e.tick {} LIMIT $5",
        direction(page.order)
    );
    let (mut from, mut until) = event_bounds(&filter.events, page);
    let mut scan = Scan { rows: Vec::new(), reached: None, done: true };
    let mut looked_at = 0;
    loop {
        let rows = link.query(&sql, &[&account.0, &endpoint.0, &from, &until, &limit(SLICE)]).await?;
        for row in &rows {
            if looked_at >= SCAN_EVENTS_MAX || scan.rows.len() >= page.rows_max {
                scan.done = false;
                return Ok(scan);
            }
            looked_at += 1;
            let tick = Tick(natural(get(row, "tick")?));
            scan.reached = Some(tick);
            match page.order {
                Order::NewestFirst => until = integer(tick),
                Order::OldestFirst => from = integer(tick),
            }
            let targets = unpack_targets(get(row, "targets")?)?;
            let sent = targets.iter().any(|target| target.endpoint == endpoint);
            let state = state(row)?;
            let in_class = filter.status_class.is_none_or(|class| {
                get::<Option<i32>>(row, "class").is_ok_and(|newest| newest == Some(i32::from(class)))
            });
            let stands = filter.standings.as_ref().is_none_or(|any| any.contains(&standing_of(state)));
            if sent != (filter.reach == Reach::Sent) || !stands || !in_class {
                continue;
            }
            let event = stored_event(row, without_payload)?;
            if is_named(&event, &filter.events) {
                scan.rows.push(EndpointEvent { event, state });
            }
        }
        if rows.len() < SLICE {
            return Ok(scan);
        }
    }
}

fn is_named(event: &StoredEvent, filter: &EventFilter) -> bool {
    filter.event_types.as_ref().is_none_or(|types| types.iter().any(|wanted| **wanted == *event.event_type))
        && filter.channel.as_ref().is_none_or(|channel| event.channels.contains(channel))
        && filter.tag.as_ref().is_none_or(|tag| event.extras.tags.contains(tag))
}
