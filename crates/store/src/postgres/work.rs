//! Deliveries that want attempts, as lanes and timers ask for them.

use ringup_core::delivery::Ended;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};

use super::fault::Outcome;
use super::link::Link;
use super::row::{EVENT, LIVE, get, integer, limit, loaded, tick};
use super::turn::Turn;
use crate::seam::Loaded;

const JOINED: &str = "FROM live l JOIN event e ON e.account = l.account AND e.tick = l.tick
                      LEFT JOIN payload p ON p.account = l.account AND p.tick = l.tick";

/// `Shard::of`, as the database does it. Others' deliveries that are due are looked at and left: they are few, since each
/// is somebody's.
const SHARD: &str = "(((l.account & 2147483647) * 2654435761 >> 26) & 63)::integer";

/// Steps from one endpoint to the next in the index, however much waits for each.
pub(super) async fn endpoints(link: &Link) -> Outcome<Vec<(AccountKey, EndpointKey)>> {
    let sql = "WITH RECURSIVE w AS (
                  (SELECT endpoint, account FROM live ORDER BY endpoint LIMIT 1)
                  UNION ALL
                  SELECT n.endpoint, n.account FROM w CROSS JOIN LATERAL (
                     SELECT l.endpoint, l.account FROM live l WHERE l.endpoint > w.endpoint ORDER BY l.endpoint LIMIT 1
                  ) n
               )
               SELECT endpoint, account FROM w";
    let rows = link.query(sql, &[]).await?;
    rows.iter().map(|row| Ok((AccountKey(get(row, "account")?), EndpointKey(get(row, "endpoint")?)))).collect()
}

/// One delivery with its event, if it is live.
pub(super) async fn one(link: &Link, account: AccountKey, at: Tick, endpoint: EndpointKey) -> Outcome<Option<Loaded>> {
    let sql = format!("SELECT {EVENT}, {LIVE} {JOINED} WHERE l.account = $1 AND l.tick = $2 AND l.endpoint = $3");
    link.one(&sql, &[&account.0, &integer(at), &endpoint.0]).await?.as_ref().map(loaded).transpose()
}

pub(super) async fn waiting(
    link: &Link,
    endpoint: EndpointKey,
    after: Tick,
    scheduled_too: bool,
    rows_max: usize,
) -> Outcome<Vec<Loaded>> {
    let sql = format!(
        "SELECT {EVENT}, {LIVE} {JOINED} WHERE l.endpoint = $1 AND l.tick > $2 AND ($3 OR l.due_at IS NULL)
         ORDER BY l.tick LIMIT $4"
    );
    let rows = link.query(&sql, &[&endpoint.0, &integer(after), &scheduled_too, &limit(rows_max)]).await?;
    rows.iter().map(loaded).collect()
}

pub(super) async fn due(link: &Link, shards: &[i32], before: Timestamp, rows_max: usize) -> Outcome<Vec<Loaded>> {
    let sql = format!(
        "SELECT {EVENT}, {LIVE} {JOINED} WHERE l.due_at <= $1 AND {SHARD} = ANY ($3)
         ORDER BY l.due_at, l.endpoint, l.tick LIMIT $2"
    );
    link.query(&sql, &[&before.as_micros(), &limit(rows_max), &shards]).await?.iter().map(loaded).collect()
}

pub(super) async fn next_due(link: &Link, shards: &[i32]) -> Outcome<Option<Timestamp>> {
    let sql =
        format!("SELECT due_at FROM live l WHERE due_at IS NOT NULL AND {SHARD} = ANY ($1) ORDER BY due_at LIMIT 1");
    link.one(&sql, &[&shards]).await?.map(|row| get(&row, "due_at").map(Timestamp::from_micros)).transpose()
}

/// Answers how many it ended.
pub(super) async fn end_waiting(
    turn: &mut Turn,
    endpoint: EndpointKey,
    how: Ended,
    except: Vec<Tick>,
    rows_max: usize,
) -> Outcome<usize> {
    let sql = "SELECT account FROM live WHERE endpoint = $1 LIMIT 1";
    let Some(row) = turn.link.one(sql, &[&endpoint.0]).await? else { return Ok(0) };
    turn.lock_account(AccountKey(get(&row, "account")?)).await?;
    let except: Vec<i64> = except.into_iter().map(integer).collect();
    let sql = "WITH w AS (
                  SELECT account, tick, endpoint FROM live WHERE endpoint = $1 AND NOT (tick = ANY ($2::bigint[]))
                  ORDER BY tick LIMIT $3
               ), gone AS (
                  DELETE FROM live l USING w
                  WHERE l.account = w.account AND l.tick = w.tick AND l.endpoint = w.endpoint
                  RETURNING l.account, l.tick, l.endpoint
               ), put AS (
                  INSERT INTO ended (account, tick, endpoint, how) SELECT account, tick, endpoint, $4 FROM gone
               )
               SELECT tick FROM gone";
    let rows = turn.link.query(sql, &[&endpoint.0, &except, &limit(rows_max), &how.word()]).await?;
    for row in &rows {
        let day = tick(row, "tick")?.day();
        turn.count_live(day, -1);
        turn.count_ended(day, 1);
    }
    Ok(rows.len())
}
