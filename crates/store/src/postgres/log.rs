//! The log of an account, searched.

use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::shard::Shard;
use ringup_core::time::Tick;
use tokio_postgres::Row;

use super::fault::Outcome;
use super::link::Link;
use super::read::direction;
use super::row::{ATTEMPT, STATE, attempt, get, integer, limit, natural, shown, state, tick, words};
use crate::log_entry::OutcomeWord;
use crate::log_query::{self, LogQuery, LogRow, LogScan, status_of};
use crate::query::{Order, PageRequest, Payload};

/// Attempts read at once.
const SLICE: usize = 256;

pub(super) async fn log(link: &Link, account: AccountKey, query: &LogQuery, page: PageRequest) -> Outcome<LogScan> {
    // Before anything is read: what is filed up to here is seen whole.
    let horizon = horizon(link, account).await?;
    let hints = &query.search.hints;
    let mut scan = LogScan { rows: Vec::new(), looked_at: 0, reached: None, done: true, horizon };
    let owners: Vec<i64> = query.owners().into_iter().map(|key| key.0).collect();
    if owners.is_empty() {
        return Ok(scan);
    }
    let newest = match query.newest_only {
        false => "true",
        true => {
            "NOT EXISTS (SELECT 1 FROM attempt later WHERE later.account = a.account AND later.event = a.event
                         AND later.endpoint = a.endpoint AND later.tick > a.tick)"
        }
    };
    let sql = format!(
        "SELECT {ATTEMPT}, a.account = $1 AND e.tick IS NOT NULL AS own, {newest} AS newest, e.type, e.channels, e.tags,
                e.uid, e.keep, e.redact, {STATE}
         FROM attempt a LEFT JOIN event e ON e.account = a.account AND e.tick = a.event
         LEFT JOIN live l ON l.account = a.account AND l.tick = a.event AND l.endpoint = a.endpoint
         LEFT JOIN ended n ON n.account = a.account AND n.tick = a.event AND n.endpoint = a.endpoint
         WHERE a.endpoint = ANY ($2::bigint[]) AND a.tick > $3 AND a.tick < $4
           AND ($5::boolean IS NULL OR (a.outcome = $6) = $5)
         ORDER BY a.tick {} LIMIT $7",
        direction(page.order)
    );
    let (mut from, mut until) = (-1, integer(horizon).saturating_add(1));
    match (page.order, log_query::start(hints, page, horizon)) {
        (_, None) => {}
        (Order::NewestFirst, Some(start)) => until = until.min(integer(start)),
        (Order::OldestFirst, Some(start)) => from = integer(start),
    }
    let delivered = OutcomeWord::Delivered.word();
    loop {
        let slice = SLICE.min(query.looked_at_max.saturating_add(1));
        let rows = link
            .query(&sql, &[&account.0, &owners, &from, &until, &hints.delivered, &delivered, &limit(slice)])
            .await?;
        for row in &rows {
            let filed = Tick(natural(get(row, "filed")?));
            if log_query::is_past(hints, page.order, filed, horizon) {
                return Ok(scan);
            }
            if scan.looked_at >= query.looked_at_max || scan.rows.len() >= page.rows_max {
                scan.done = false;
                return Ok(scan);
            }
            scan.looked_at += 1;
            scan.reached = Some(filed);
            match page.order {
                Order::NewestFirst => until = integer(filed),
                Order::OldestFirst => from = integer(filed),
            }
            scan.rows.extend(found(link, row, query).await?);
        }
        if rows.len() < slice {
            return Ok(scan);
        }
    }
}

/// The attempt, if the search finds it. Looks up no more than the search has to know.
async fn found(link: &Link, row: &Row, query: &LogQuery) -> Outcome<Option<LogRow>> {
    if !get::<bool>(row, "own")? || (query.newest_only && !get::<bool>(row, "newest")?) {
        return Ok(None);
    }
    let attempt = attempt(row, true)?;
    let (channels, tags) = (words(row, "channels")?, words(row, "tags")?);
    let event_type: std::sync::Arc<str> = get::<&str>(row, "type")?.into();
    let mut facts = log_query::facts(&attempt, &event_type, &channels, &tags, get(row, "uid")?);
    let state = match attempt.outcome {
        OutcomeWord::Delivered => None,
        _ => state(row)?,
    };
    facts.status = Some(status_of(attempt.outcome, state));
    let holds = match query.search.finds(&facts) {
        Some(holds) => holds,
        None => {
            let sql = "SELECT e.keep, e.redact, p.body, p.redacted FROM event e
                       LEFT JOIN payload p ON p.account = e.account AND p.tick = e.tick
                       WHERE e.tick = $1 AND e.random = $2";
            let event = attempt.event;
            let payload = link.one(sql, &[&integer(event.tick()), &event.random().as_slice()]).await?;
            let payload = payload.map(|row| shown(&row)).transpose()?;
            facts.payload = Some(match &payload {
                Some(Payload::Kept(payload) | Payload::Redacted(payload)) => Some(payload),
                Some(Payload::Gone | Payload::LeftOut) | None => None,
            });
            query.search.finds(&facts) == Some(true)
        }
    };
    Ok(holds.then_some(LogRow { attempt, event_type, state }))
}

/// Up to where all attempts of the account are committed: ids of a shard grow with its commits.
async fn horizon(link: &Link, account: AccountKey) -> Outcome<Tick> {
    let row = link.one("SELECT last_attempt FROM shard WHERE shard = $1", &[&Shard::of(account).number()]).await?;
    row.map_or(Ok(Tick::default()), |row| tick(&row, "last_attempt"))
}

/// Counted from the index.
pub(super) async fn length(link: &Link, endpoints: &[EndpointKey]) -> Outcome<u64> {
    let keys: Vec<i64> = endpoints.iter().map(|key| key.0).collect();
    let sql = "SELECT count(*) AS rows FROM attempt WHERE endpoint = ANY ($1::bigint[])";
    let row = link.one(sql, &[&keys]).await?;
    Ok(row.map(|row| get(&row, "rows")).transpose()?.map(natural).unwrap_or_default())
}
