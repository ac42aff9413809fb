//! The log of an account, searched.

use std::sync::Arc;

use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::Tick;
use rusqlite::{Connection, OptionalExtension};

use super::fault::Outcome;
use super::list::{attempt, kinds_of, select};
use super::merge::Merge;
use super::read::stored_event;
use super::row;
use super::scan::state;
use super::shared::Shared;
use crate::log_entry::OutcomeWord;
use crate::log_query::{self, LogQuery, LogRow, LogScan, status_of};
use crate::query::{AttemptFilter, PageRequest, Payload};

pub(super) fn log(shared: &Shared, account: AccountKey, query: &LogQuery, page: PageRequest) -> Outcome<LogScan> {
    // Before anything is read: what is filed up to here is seen whole.
    let horizon = shared.horizon();
    let hints = &query.search.hints;
    let mut scan = LogScan { rows: Vec::new(), looked_at: 0, reached: None, done: true, horizon };
    let owners: Arc<[i64]> = query.owners().into_iter().map(|key| key.0).collect();
    let Some(kinds) = kinds_of(hints.delivered, None) else { return Ok(scan) };
    if owners.is_empty() {
        return Ok(scan);
    }
    let files = shared.days.all();
    let without_response = AttemptFilter { without_response: true, ..AttemptFilter::default() };
    let sql = format!("{} WHERE a.tick = ?", select(&without_response, true));
    let from = log_query::start(hints, page, horizon);
    let mut merge = Merge::new(shared, &files, kinds, &owners, page.order, from);
    while let Some((at, tick)) = merge.peek()? {
        if log_query::is_past(hints, page.order, tick, horizon) {
            break;
        }
        if scan.looked_at >= query.looked_at_max || scan.rows.len() >= page.rows_max {
            scan.done = false;
            break;
        }
        scan.looked_at += 1;
        scan.reached = Some(tick);
        scan.rows.extend(merge.pass(at).ask(|connection| found(connection, &sql, tick, account, query))?);
    }
    Ok(scan)
}

/// What an event is called besides its type.
struct Names {
    channels: Vec<String>,
    tags: Vec<String>,
    uid: Option<String>,
}

/// The attempt, if the search finds it. Looks up no more than the search has to know.
fn found(
    connection: &Connection,
    sql: &str,
    tick: Tick,
    account: AccountKey,
    query: &LogQuery,
) -> rusqlite::Result<Option<LogRow>> {
    let everything = AttemptFilter::default();
    let read = connection.prepare_cached(sql)?.query_row([row::integer(tick.0)], |found| {
        let Some(attempt) = attempt(found, account, &everything)? else { return Ok(None) };
        let names = Names { channels: row::words(found, 18)?, tags: row::words(found, 19)?, uid: found.get(24)? };
        Ok(Some((attempt, Arc::<str>::from(found.get_ref(17)?.as_str()?), names)))
    });
    let Some((attempt, event_type, names)) = read.optional()?.flatten() else { return Ok(None) };
    let event = row::integer(attempt.event.tick().0);
    let mut facts = log_query::facts(&attempt, &event_type, &names.channels, &names.tags, names.uid.as_deref());
    if query.search.finds(&facts) == Some(false) || (query.newest_only && !is_newest(connection, event, &attempt)?) {
        return Ok(None);
    }
    let state = match attempt.outcome {
        OutcomeWord::Delivered => None,
        _ => state(connection, attempt.endpoint, event)?,
    };
    facts.status = Some(status_of(attempt.outcome, state));
    let holds = match query.search.finds(&facts) {
        Some(holds) => holds,
        None => {
            let stored = stored_event(connection, event, false)?.map(|(_, stored)| stored.payload);
            facts.payload = Some(match &stored {
                Some(Payload::Kept(payload) | Payload::Redacted(payload)) => Some(payload),
                Some(Payload::Gone | Payload::LeftOut) | None => None,
            });
            query.search.finds(&facts) == Some(true)
        }
    };
    Ok(holds.then_some(LogRow { attempt, event_type, state }))
}

/// Whether its delivery had no later attempt.
fn is_newest(connection: &Connection, event: i64, attempt: &crate::query::StoredAttempt) -> rusqlite::Result<bool> {
    let tick = row::integer(attempt.id.tick().0);
    let later = connection
        .prepare_cached("SELECT 1 FROM attempt WHERE event = ? AND endpoint = ? AND tick > ?")?
        .exists((event, attempt.endpoint.0, tick))?;
    Ok(!later)
}

/// From the lists alone: no attempt is read.
pub(super) fn length(shared: &Shared, endpoints: &[EndpointKey]) -> Outcome<u64> {
    let mut owners: Vec<i64> = endpoints.iter().map(|key| key.0).collect();
    owners.sort_unstable();
    owners.dedup();
    let Some(kinds) = kinds_of(None, None) else { return Ok(0) };
    let mut length = 0;
    for file in shared.days.all() {
        let Some(day) = shared.readers.open(&file)? else { continue };
        let in_memory = file.known().posting.in_memory(kinds, &owners).len();
        length += u64::try_from(in_memory).unwrap_or(u64::MAX);
        length += day.ask(|connection| {
            // A list's length is known without reading the list.
            let mut statement = connection.prepare_cached(
                "SELECT owner, length(ticks) / 8 FROM posting
                 WHERE kind = ? AND chunk = ? AND owner BETWEEN ? AND ?",
            )?;
            let chunks: Vec<i64> = connection
                .prepare_cached("SELECT chunk FROM chunk")?
                .query_map((), |found| found.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let (Some(first), Some(last)) = (owners.first(), owners.last()) else { return Ok(0) };
            let mut sum = 0;
            for chunk in chunks {
                for kind in kinds {
                    let mut rows = statement.query((*kind as i64, chunk, first, last))?;
                    while let Some(found) = rows.next()? {
                        if owners.binary_search(&found.get(0)?).is_ok() {
                            sum += row::natural(found.get(1)?);
                        }
                    }
                }
            }
            Ok(sum)
        })?;
    }
    Ok(length)
}
