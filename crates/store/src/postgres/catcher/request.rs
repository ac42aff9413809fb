//! How requests are counted, kept, and let go of.

use std::sync::Arc;

use bytes::Bytes;
use ringup_core::catcher::{Capture, EVENTS_MAX, Per, Sighting, Stamp};
use ringup_core::id::EndpointId;
use ringup_core::key::CatcherKey;
use ringup_core::time::Timestamp;
use tokio::sync::mpsc;
use tokio_postgres::Row;

use super::super::catalog::in_transaction;
use super::super::fault::Outcome;
use super::super::link::{Link, Value};
use super::super::pool::Pool;
use super::super::row::{array_or_none, count, get, limit, natural, time};
use super::super::shared::{Shared, not_found};
use super::rows::catcher;
use crate::catcher::ledger::cost;
use crate::catcher::{Range, Taken, Usage};

/// A power cut may take the last of it.
const NO_SYNC: &str = "SET LOCAL synchronous_commit = off";

/// Ends of answers that are written together.
const STAMPED_MAX: usize = 256;

/// Counters of events are looked through each time that so many requests came: what is not seen any more is forgotten.
const FORGET_EVERY: u64 = 256;

pub(super) struct Stamped {
    pub(super) catcher: CatcherKey,
    pub(super) number: u64,
    pub(super) stamp: Stamp,
}

/// Under the row of its catcher, which others wait for meanwhile. With the bytes that the request counts for.
pub(super) async fn take(
    link: &Link,
    key: CatcherKey,
    event: Option<&str>,
    shown: &(dyn Fn(&Taken) -> Capture + Send + Sync),
    requests_max: usize,
) -> Outcome<(Taken, u64)> {
    let work = async {
        let sql = "WITH counted AS (
                      UPDATE catcher SET last_number = last_number + 1, requests = requests + 1, changes = changes + 1
                      WHERE key = $1 RETURNING *
                   ), sighted AS (
                      INSERT INTO sighting AS s (catcher, event, seen, first, last)
                      SELECT key, $2, 1, last_number, last_number FROM counted
                      ON CONFLICT (catcher, event) DO UPDATE SET seen = s.seen + 1, last = excluded.last
                      RETURNING s.seen, s.first
                   )
                   SELECT c.*, s.seen, s.first FROM counted c, sighted s";
        let name = event.unwrap_or_default();
        let values: [Value<'_>; 2] = [&key.0, &name];
        let ((), row) = tokio::try_join!(biased; link.batch(NO_SYNC), link.one(sql, &values))?;
        let row = row.ok_or_else(not_found)?;
        let taken = taken(&row, event)?;
        let capture = shown(&taken);
        let bytes = cost(&capture);
        keep(link, &capture, bytes, requests_max).await?;
        if taken.number % FORGET_EVERY == 0 {
            let before = count(taken.number.saturating_sub(EVENTS_MAX as u64));
            link.execute("DELETE FROM sighting WHERE catcher = $1 AND last <= $2", &[&key.0, &before]).await?;
        }
        Ok((taken, bytes))
    };
    in_transaction(link, Box::pin(work)).await
}

fn taken(row: &Row, event: Option<&str>) -> Outcome<Taken> {
    let catcher = Arc::new(catcher(row)?);
    let before = |column| get::<i64>(row, column).map(|number| natural(number - 1));
    let (of_event, requests) = (before("seen")?, before("requests")?);
    let first = natural(get(row, "first")?);
    let seen = match catcher.script.per {
        Per::Event => of_event,
        Per::Catcher => requests,
    };
    let repeats = event.filter(|_| of_event > 0).map(|_| first);
    Ok(Taken { catcher, sighting: Sighting { seen, requests, repeats }, number: natural(get(row, "last_number")?) })
}

/// And lets go of the catcher's oldest.
async fn keep(link: &Link, capture: &Capture, bytes: u64, requests_max: usize) -> Outcome<()> {
    let sql = "WITH gone AS (DELETE FROM caught WHERE catcher = $1 AND number <= $18)
               INSERT INTO caught (catcher, number, at, bytes, method, target, version, head, body, body_bytes, peer,
                  event, repeats, endpoint, signature, answer, step)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let oldest = capture.number.saturating_sub(requests_max as u64);
    let peer = capture.peer.map(|peer| peer.to_string());
    let endpoint = capture.endpoint.as_ref().map(|id| id.0.as_slice());
    let step = capture.step.and_then(|step| i32::try_from(step).ok());
    link.execute(
        sql,
        &[
            &capture.catcher.0,
            &count(capture.number),
            &capture.at.as_micros(),
            &count(bytes),
            &capture.method,
            &capture.target,
            &capture.version,
            &capture.head.as_ref(),
            &capture.body.as_ref(),
            &count(capture.body_bytes),
            &peer,
            &capture.event,
            &capture.repeats.map(count),
            &endpoint,
            &capture.signature,
            &capture.answer,
            &step,
            &count(oldest),
        ],
    )
    .await
    .map(drop)
}

const COLUMNS: &str = "catcher, number, at, method, target, version, head, length(body) AS kept_bytes, body_bytes, peer, \
                       event, repeats, endpoint, signature, answer, step, waited_us, cut_short";

pub(super) async fn list(link: &Link, key: CatcherKey, range: Range, bodies: bool) -> Outcome<Vec<Arc<Capture>>> {
    let (side, order, number, rows_max) = match range {
        Range::After { number, rows_max } => (">", "ASC", number, rows_max),
        Range::Before { number, rows_max } => ("<", "DESC", number, rows_max),
    };
    let body = if bodies { "body" } else { "''::bytea AS body" };
    let sql = format!(
        "SELECT {COLUMNS}, {body} FROM caught WHERE catcher = $1 AND number {side} $2 ORDER BY number {order} LIMIT $3"
    );
    let rows = link.query(&sql, &[&key.0, &count(number), &limit(rows_max)]).await?;
    rows.iter().map(|row| capture(row).map(Arc::new)).collect()
}

pub(super) async fn one(link: &Link, key: CatcherKey, number: u64) -> Outcome<Option<Arc<Capture>>> {
    let sql = format!("SELECT {COLUMNS}, body FROM caught WHERE catcher = $1 AND number = $2");
    let row = link.one(&sql, &[&key.0, &count(number)]).await?;
    row.as_ref().map(|row| capture(row).map(Arc::new)).transpose()
}

fn capture(row: &Row) -> Outcome<Capture> {
    let bytes = |column| get::<&[u8]>(row, column).map(Bytes::copy_from_slice);
    let waited: Option<i64> = get(row, "waited_us")?;
    let cut_short = get::<Option<bool>>(row, "cut_short")?.unwrap_or_default();
    Ok(Capture {
        catcher: CatcherKey(get(row, "catcher")?),
        number: natural(get(row, "number")?),
        at: time(row, "at")?,
        method: get(row, "method")?,
        target: get(row, "target")?,
        version: get(row, "version")?,
        head: bytes("head")?,
        body: bytes("body")?,
        kept_bytes: natural(get::<i32>(row, "kept_bytes")?.into()),
        body_bytes: natural(get(row, "body_bytes")?),
        peer: get::<Option<&str>>(row, "peer")?.and_then(|peer| peer.parse().ok()),
        event: get(row, "event")?,
        repeats: get::<Option<i64>>(row, "repeats")?.map(natural),
        endpoint: array_or_none(row, "endpoint")?.map(EndpointId),
        signature: get(row, "signature")?,
        answer: get(row, "answer")?,
        step: get::<Option<i32>>(row, "step")?.and_then(|step| u32::try_from(step).ok()),
        stamp: waited.map(|waited| Stamp { waited_us: natural(waited), cut_short }),
    })
}

pub(super) async fn clear(link: &Link, key: CatcherKey, number: Option<u64>) -> Outcome<usize> {
    let work = async {
        link.execute("UPDATE catcher SET changes = changes + 1 WHERE key = $1", &[&key.0]).await?;
        let sql = "DELETE FROM caught WHERE catcher = $1 AND ($2::bigint IS NULL OR number = $2)";
        link.execute(sql, &[&key.0, &number.map(count)]).await
    };
    in_transaction(link, Box::pin(work)).await.map(|gone| usize::try_from(gone).unwrap_or(usize::MAX))
}

/// What is older than is kept, and the oldest of what is too much.
pub(super) async fn expire(link: &Link, before: Timestamp, room: u64) -> Outcome<usize> {
    // What somebody else is about to let go of is left to them: nobody waits for one another.
    let sql = "WITH old AS (SELECT catcher, number FROM caught WHERE at < $1 FOR UPDATE SKIP LOCKED)
               DELETE FROM caught c USING old o WHERE c.catcher = o.catcher AND c.number = o.number";
    let old = link.execute(sql, &[&before.as_micros()]).await?;
    let gone = old + trim(link, room).await?;
    Ok(usize::try_from(gone).unwrap_or(usize::MAX))
}

/// The oldest go, whosever they are, until what is left counts for no more than this.
pub(super) async fn trim(link: &Link, room: u64) -> Outcome<u64> {
    let sql = "WITH summed AS (
                  SELECT catcher, number, sum(bytes) OVER (ORDER BY at DESC, catcher DESC, number DESC) AS total FROM caught
               ), over AS (
                  SELECT c.catcher, c.number FROM caught c JOIN summed s ON s.catcher = c.catcher AND s.number = c.number
                  WHERE s.total > $1::bigint FOR UPDATE OF c SKIP LOCKED
               )
               DELETE FROM caught c USING over o WHERE c.catcher = o.catcher AND c.number = o.number";
    link.execute(sql, &[&count(room)]).await
}

pub(super) async fn usage(link: &Link) -> Outcome<Usage> {
    let sql = "SELECT (SELECT count(*) FROM catcher) AS catchers, count(*) AS requests,
                      coalesce(sum(bytes), 0)::bigint AS bytes FROM caught";
    let row = link.one(sql, &[]).await?.ok_or_else(not_found)?;
    let number = |column| get::<i64>(&row, column).map(natural);
    let sized = |column| number(column).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    Ok(Usage { catchers: sized("catchers")?, requests: sized("requests")?, bytes: number("bytes")?, lost: 0 })
}

/// Until nobody can send any more, or it is aborted.
pub(super) async fn stamp_all(shared: Arc<Shared>, pool: Arc<Pool>, mut stamped: mpsc::Receiver<Stamped>) {
    let mut group = Vec::new();
    while stamped.recv_many(&mut group, STAMPED_MAX).await > 0 {
        let columns = Arc::new(Columns::of(&group));
        group.clear();
        let written = shared.ask_by(&pool, |link| {
            let columns = columns.clone();
            Box::pin(async move { stamp(link, &columns).await })
        });
        if let Err(error) = written.await {
            tracing::debug!(%error, "how some answers of catchers ended is not written");
        }
    }
}

#[derive(Default)]
struct Columns {
    catchers: Vec<i64>,
    numbers: Vec<i64>,
    waited: Vec<i64>,
    cut_short: Vec<bool>,
}

impl Columns {
    fn of(group: &[Stamped]) -> Columns {
        let mut columns = Columns::default();
        for Stamped { catcher, number, stamp } in group {
            columns.catchers.push(catcher.0);
            columns.numbers.push(count(*number));
            columns.waited.push(count(stamp.waited_us));
            columns.cut_short.push(stamp.cut_short);
        }
        columns
    }
}

async fn stamp(link: &Link, columns: &Columns) -> Outcome<()> {
    let Columns { catchers, numbers, waited, cut_short } = columns;
    let work = async {
        // The rows of catchers first and in their order, as whoever takes requests in does.
        let lock = "SELECT key FROM catcher WHERE key = ANY ($1) ORDER BY key FOR UPDATE";
        let values: [Value<'_>; 1] = [catchers];
        tokio::try_join!(biased; link.batch(NO_SYNC), link.query(lock, &values))?;
        let sql = "UPDATE caught c SET waited_us = w.waited, cut_short = w.cut_short
                   FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[])
                      AS w(catcher, number, waited, cut_short)
                   WHERE c.catcher = w.catcher AND c.number = w.number";
        link.execute(sql, &[catchers, numbers, waited, cut_short]).await?;
        link.execute("UPDATE catcher SET changes = changes + 1 WHERE key = ANY ($1)", &[catchers]).await.map(drop)
    };
    in_transaction(link, Box::pin(work)).await
}
