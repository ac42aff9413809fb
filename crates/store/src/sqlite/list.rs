//! Lists over all days: events of an account, attempts of an event or an endpoint.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::id::{AttemptId, EventId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accept;
use super::fault::Outcome;
use super::merge::Merge;
use super::open_day::{self, Name};
use super::posting::Kind;
use super::read::{cut, in_order, not_found, stored_event};
use super::reader::ReadDay;
use super::row;
use super::shared::Shared;
use super::walk::Walk;
use crate::log_entry::OutcomeWord;
use crate::query::{AttemptFilter, EventFilter, Order, Page, PageRequest, StoredAttempt, StoredEvent};

/// What a time is widened by where it bounds a search: a tick's time is rounded to the microsecond.
const ROUNDING: Duration = Duration::from_micros(1);

pub(super) fn events(
    shared: &Shared,
    account: AccountKey,
    filter: &EventFilter,
    page: PageRequest,
) -> Outcome<Page<StoredEvent>> {
    let from = start(filter, page);
    let mut rows = Vec::new();
    for file in in_order(shared, page.order) {
        let outside = filter.before.is_some_and(|before| file.day > before.day())
            || filter.after.is_some_and(|after| file.day < after.day());
        if outside {
            continue;
        }
        let Some(day) = shared.readers.open(&file)? else { continue };
        let mut walk = walk_of(day, account, filter, page.order, from)?;
        while let Some(tick) = walk.peek()? {
            walk.pass();
            if is_past(filter, page.order, tick) {
                break;
            }
            let found =
                walk.day.ask(|connection| stored_event(connection, row::integer(tick.0), filter.without_payload))?;
            // Of two tags with one hash, either may be another account's.
            let found = found.filter(|(of, event)| *of == account && event_wanted(event, filter));
            rows.extend(found.map(|(_, event)| event));
            if rows.len() > page.rows_max {
                return Ok(cut(rows, page.rows_max));
            }
        }
    }
    Ok(cut(rows, page.rows_max))
}

/// The shortest of a day's lists in which all that is asked for must be.
pub(super) fn walk_of<'a>(
    day: ReadDay<'a>,
    account: AccountKey,
    filter: &EventFilter,
    order: Order,
    from: Option<Tick>,
) -> Outcome<Walk<'a>> {
    let Some(tag) = &filter.tag else { return Ok(Walk::new(day, &[Kind::Event], Arc::from([account.0]), order, from)) };
    let salt = day.ask(open_day::salt)?;
    let owner = open_day::hash(&salt, Name::Tag, account.0, tag);
    Ok(Walk::new(day, &[Kind::Tagged], Arc::from([owner]), order, from))
}

/// Where a search begins: behind the row last seen, and not where the times cannot match.
pub(super) fn start(filter: &EventFilter, page: PageRequest) -> Option<Tick> {
    match page.order {
        Order::NewestFirst => {
            let before = filter.before.map(|before| bounding_tick(before.saturating_add(ROUNDING)));
            page.after.into_iter().chain(before).min()
        }
        Order::OldestFirst => {
            let after = filter.after.map(|after| bounding_tick(after.saturating_sub(ROUNDING)));
            page.after.into_iter().chain(after).max()
        }
    }
}

/// The first tick of a moment. A time can be anything that a caller writes; nothing was accepted before 1970.
fn bounding_tick(time: Timestamp) -> Tick {
    Tick::at(time.max(Timestamp::default()))
}

/// Whether nothing that comes after this tick can match.
pub(super) fn is_past(filter: &EventFilter, order: Order, tick: Tick) -> bool {
    match order {
        Order::NewestFirst => filter.after.is_some_and(|after| tick.time() <= after),
        Order::OldestFirst => filter.before.is_some_and(|before| tick.time() >= before),
    }
}

pub(super) fn event_wanted(event: &StoredEvent, filter: &EventFilter) -> bool {
    let at = event.id.tick().time();
    filter.before.is_none_or(|before| at < before)
        && filter.after.is_none_or(|after| at > after)
        && filter.event_types.as_ref().is_none_or(|types| types.iter().any(|wanted| **wanted == *event.event_type))
        && filter.channel.as_ref().is_none_or(|channel| event.channels.contains(channel))
        && filter.tag.as_ref().is_none_or(|tag| event.extras.tags.contains(tag))
}

pub(super) fn attempts_of_event(
    shared: &Shared,
    account: AccountKey,
    event: EventId,
    filter: &AttemptFilter,
    page: PageRequest,
) -> Outcome<Page<StoredAttempt>> {
    let Some(file) = shared.days.get(accept::day_of(event)) else { return Err(not_found()) };
    let Some(day) = shared.readers.open(&file)? else { return Err(not_found()) };
    let (comparison, direction, nowhere) = match page.order {
        Order::NewestFirst => ("<", "DESC", i64::MAX),
        Order::OldestFirst => (">", "ASC", -1),
    };
    let sql = format!(
        "{} WHERE a.event = ? AND a.tick {comparison} ? ORDER BY a.tick {direction}",
        select(filter, filter.tag.is_some())
    );
    let tick = row::integer(event.tick().0);
    let after = page.after.map_or(nowhere, |tick| row::integer(tick.0));
    let found = day.ask(|connection| {
        let owned = connection
            .prepare_cached("SELECT 1 FROM event WHERE tick = ? AND random = ? AND account = ?")?
            .exists(params![tick, event.random(), account.0])?;
        if !owned {
            return Ok(None);
        }
        let mut statement = connection.prepare_cached(&sql)?;
        let mut found = statement.query((tick, after))?;
        let mut rows = Vec::new();
        while rows.len() <= page.rows_max
            && let Some(found) = found.next()?
        {
            rows.extend(attempt(found, account, filter)?);
        }
        Ok(Some(rows))
    })?;
    found.map(|rows| cut(rows, page.rows_max)).ok_or_else(not_found)
}

/// Over all days, in the order in which they were filed.
pub(super) fn attempts_of_endpoint(
    shared: &Shared,
    account: AccountKey,
    endpoint: EndpointKey,
    filter: &AttemptFilter,
    page: PageRequest,
) -> Outcome<Page<StoredAttempt>> {
    let no_rows = Ok(Page { rows: Vec::new(), done: true });
    if filter.endpoint.is_some_and(|other| other != endpoint) {
        return no_rows;
    }
    let Some(kinds) = kinds_of(filter.succeeded, filter.status_class) else { return no_rows };
    let files = shared.days.all();
    let sql = format!("{} WHERE a.tick = ?", select(filter, filter.tag.is_some()));
    let owners = Arc::from([endpoint.0]);
    let mut merge = Merge::new(shared, &files, kinds, &owners, page.order, page.after);
    let mut rows = Vec::new();
    while rows.len() <= page.rows_max
        && let Some((at, tick)) = merge.peek()?
    {
        rows.extend(merge.pass(at).ask(|connection| one_attempt(connection, &sql, tick, account, filter))?);
    }
    Ok(cut(rows, page.rows_max))
}

/// The lists that can hold what is asked for; `None` where nothing can.
pub(super) fn kinds_of(succeeded: Option<bool>, status_class: Option<u16>) -> Option<&'static [Kind]> {
    let by_class = status_class.map(|class| class == 2);
    match (succeeded, by_class) {
        (Some(succeeded), Some(by_class)) if succeeded != by_class => None,
        (Some(true), _) | (_, Some(true)) => Some(&[Kind::Succeeded]),
        (Some(false), _) | (_, Some(false)) => Some(&[Kind::Failed]),
        (None, None) => Some(&[Kind::Succeeded, Kind::Failed]),
    }
}

fn one_attempt(
    connection: &Connection,
    sql: &str,
    tick: Tick,
    account: AccountKey,
    filter: &AttemptFilter,
) -> rusqlite::Result<Option<StoredAttempt>> {
    let found =
        connection.prepare_cached(sql)?.query_row([row::integer(tick.0)], |found| attempt(found, account, filter));
    Ok(found.optional()?.flatten())
}

pub(super) fn select(filter: &AttemptFilter, with_tags: bool) -> String {
    // Timings lie behind the answer's body and would be read through it.
    let (response, timing) = match filter.without_response {
        true => ("x'', x''", "NULL, NULL, NULL, NULL"),
        false => ("a.response_headers, a.response_body", "a.resolve_us, a.connect_us, a.tls_us, a.first_byte_us"),
    };
    let (tags, extra) = match with_tags {
        true => ("x.tags", " LEFT JOIN extra x ON x.event = a.event"),
        false => ("NULL", ""),
    };
    format!(
        "SELECT a.tick, a.random, e.tick, e.random, a.endpoint, a.number, a.trigger, a.started_at, a.duration_us,
                u.value, a.outcome, a.status, a.detail, a.body_end, {response}, e.account, e.type, e.channels, {tags},
                {timing}, e.uid
         FROM attempt a CROSS JOIN event e ON e.tick = a.event CROSS JOIN text u ON u.id = a.url{extra}"
    )
}

/// The attempt in a row of [`select`], if it is the account's and wanted.
pub(super) fn attempt(
    found: &Row<'_>,
    account: AccountKey,
    filter: &AttemptFilter,
) -> rusqlite::Result<Option<StoredAttempt>> {
    let (outcome, status) = (row::outcome(found, 10)?, found.get::<_, Option<u16>>(11)?);
    let endpoint = EndpointKey(found.get(4)?);
    let started_at = Timestamp::from_micros(found.get(7)?);
    let of_event = || {
        let types = filter.event_types.as_ref();
        let has = |wanted: Option<&String>, column| {
            wanted.map_or(Ok(true), |wanted| row::words(found, column).map(|words| words.contains(wanted)))
        };
        let type_wanted = match types {
            Some(types) => {
                let of = found.get_ref(17)?.as_str()?;
                types.iter().any(|wanted| wanted == of)
            }
            None => true,
        };
        let named = type_wanted && has(filter.channel.as_ref(), 18)? && has(filter.tag.as_ref(), 19)?;
        Ok::<bool, rusqlite::Error>(named)
    };
    let wanted = found.get::<_, i64>(16)? == account.0
        && filter.succeeded.is_none_or(|wanted| wanted == (outcome == OutcomeWord::Delivered))
        && filter.status_class.is_none_or(|class| status.map_or(0, |status| status / 100) == class)
        && filter.endpoint.is_none_or(|wanted| wanted == endpoint)
        && filter.before.is_none_or(|before| started_at < before)
        && filter.after.is_none_or(|after| started_at > after)
        && of_event()?;
    if !wanted {
        return Ok(None);
    }
    Ok(Some(StoredAttempt {
        id: AttemptId::of_tick(row::tick(found, 0)?, found.get(1)?),
        event: row::event_id(found, 2)?,
        endpoint,
        number: found.get(5)?,
        trigger: row::trigger(found, 6)?,
        started_at,
        duration: Duration::from_micros(row::natural(found.get(8)?)),
        timing: row::timing(found, 20)?,
        url: Arc::from(found.get_ref(9)?.as_str()?),
        outcome,
        status,
        detail: found.get(12)?,
        response_headers: row::bytes(found, 14)?,
        response_body: row::bytes(found, 15)?,
        body_end: row::body_end(found, 13)?,
    }))
}
