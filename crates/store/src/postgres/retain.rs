//! Letting go of the past by days: partitions are dropped or emptied, rows are not deleted one by one.

use std::time::Duration;

use ringup_core::time::{Day, Timestamp};

use super::fault::Outcome;
use super::row::{get, natural};
use super::schema::{partition, ticks_of};
use super::shared::Shared;
use super::turn::Turn;
use crate::seam::{Retained, Retention, StoreError};

/// Payloads whose own time is over that go in one commit.
const PAYLOADS_AT_ONCE: i64 = 200;

/// Days that have partitions before their first event comes.
const DAYS_AHEAD: i64 = 2;

/// A day may take longer than a usual statement: its files are removed, and readers are waited for.
const PATIENT: &str =
    "SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '2s'; SET LOCAL enable_seqscan = on";

pub(super) async fn retain(shared: &Shared, plan: Retention, now: Timestamp) -> Result<Retained, StoreError> {
    let mut retained = Retained::default();
    let mut after = (i64::MIN, 0, 0);
    loop {
        let (removed, next) = shared.write(move |turn| Box::pin(expire(turn, now, after))).await?;
        retained.payloads_removed += removed;
        let Some(next) = next else { break };
        after = next;
    }
    let days = shared.ask(|link| {
        Box::pin(async {
            let sql =
                "SELECT day, sum(events)::bigint AS events FROM day GROUP BY day HAVING sum(live) = 0 ORDER BY day";
            let rows = link.query(sql, &[]).await?;
            rows.iter()
                .map(|row| Ok((Day(get(row, "day")?), get::<i64>(row, "events")? > 0)))
                .collect::<Outcome<Vec<_>>>()
        })
    });
    for (day, is_used) in days.await? {
        let (payloads, attempts) = (is_over(day, plan.payloads, now), is_over(day, plan.attempts, now));
        if !payloads && !attempts {
            continue;
        }
        let freed = shared.write(move |turn| Box::pin(let_go(turn, day, payloads, attempts))).await?;
        if let Some(freed) = freed.filter(|_| is_used) {
            retained.bytes_freed += freed;
            match payloads && attempts {
                true => retained.days_removed += 1,
                false => retained.days_compacted += 1,
            }
        }
    }
    shared.write(move |turn| Box::pin(make_ahead(turn, now.day()))).await?;
    Ok(retained)
}

/// Whether a day ended longer ago than its content is kept.
fn is_over(day: Day, kept: Duration, now: Timestamp) -> bool {
    Day(day.0 + 1).start().saturating_add(kept) <= now
}

/// Where a look for payloads whose time is over goes on: behind this time, account and tick.
type Place = (i64, i64, i64);

/// Lets go of payloads whose event's own time is over, unless a delivery is live. Answers how many went, and where to go
/// on.
async fn expire(
    turn: &mut Turn,
    now: Timestamp,
    after: Place,
) -> Outcome<((usize, Option<Place>), Vec<super::notice::Notice>)> {
    turn.lock_all().await?;
    let sql = "SELECT e.payload_until, e.account, e.tick,
                      (SELECT 1 FROM live l WHERE l.account = e.account AND l.tick = e.tick LIMIT 1) AS live
               FROM event e
               WHERE e.payload_until <= $1 AND (e.payload_until, e.account, e.tick) > ($2, $3, $4)
               ORDER BY e.payload_until, e.account, e.tick LIMIT $5";
    let found = turn.link.query(sql, &[&now.as_micros(), &after.0, &after.1, &after.2, &PAYLOADS_AT_ONCE]).await?;
    let (mut accounts, mut ticks, mut last) = (Vec::new(), Vec::new(), None);
    for row in &found {
        let place: Place = (get(row, "payload_until")?, get(row, "account")?, get(row, "tick")?);
        last = Some(place);
        if get::<Option<i32>>(row, "live")?.is_none() {
            accounts.push(place.1);
            ticks.push(place.2);
        }
    }
    let mut removed = 0;
    if !ticks.is_empty() {
        let sql = "DELETE FROM payload p USING unnest($1::bigint[], $2::bigint[]) AS w(account, tick)
                   WHERE p.account = w.account AND p.tick = w.tick";
        removed = turn.link.execute(sql, &[&accounts, &ticks]).await?;
        let sql = "UPDATE event e SET payload_until = NULL FROM unnest($1::bigint[], $2::bigint[]) AS w(account, tick)
                   WHERE e.account = w.account AND e.tick = w.tick";
        turn.link.execute(sql, &[&accounts, &ticks]).await?;
    }
    let is_full = i64::try_from(found.len()).unwrap_or(i64::MAX) >= PAYLOADS_AT_ONCE;
    Ok(((usize::try_from(removed).unwrap_or(usize::MAX), last.filter(|_| is_full)), Vec::new()))
}

/// Takes what is over of a day. Answers the bytes freed; `None` if there was nothing to free.
async fn let_go(
    turn: &mut Turn,
    day: Day,
    payloads: bool,
    attempts: bool,
) -> Outcome<(Option<u64>, Vec<super::notice::Notice>)> {
    let nothing = Ok((None, Vec::new()));
    if !turn.has_day(day).await? {
        return nothing;
    }
    turn.link.batch(PATIENT).await?;
    turn.lock_all().await?;
    // Looked up, whatever the counts say: a delivery that waits is worth more than a scan of what is live.
    let (from, until) = ticks_of(day);
    let sql = "SELECT 1 FROM live WHERE tick >= $1 AND tick < $2 LIMIT 1";
    if turn.link.one(sql, &[&from, &until]).await?.is_some() {
        return nothing;
    }
    if payloads && attempts {
        let mut freed = 0;
        for table in ["event", "payload", "ended", "attempt", "counter"] {
            freed += size(turn, &partition(table, day)).await?;
        }
        turn.drop_day(day).await?;
        return Ok((Some(freed), Vec::new()));
    }
    let name = partition(if payloads { "payload" } else { "attempt" }, day);
    if turn.link.one(&format!("SELECT 1 FROM {name} LIMIT 1"), &[]).await?.is_none() {
        return nothing;
    }
    let before = size(turn, &name).await?;
    turn.link.batch(&format!("TRUNCATE {name}")).await?;
    Ok((Some(before.saturating_sub(size(turn, &name).await?)), Vec::new()))
}

async fn size(turn: &Turn, name: &str) -> Outcome<u64> {
    let row = turn.link.one("SELECT pg_total_relation_size($1::text::regclass) AS bytes", &[&name]).await?;
    Ok(row.map(|row| get(&row, "bytes")).transpose()?.map(natural).unwrap_or_default())
}

/// So that the first event of a day does not wait for its tables.
async fn make_ahead(turn: &mut Turn, today: Day) -> Outcome<((), Vec<super::notice::Notice>)> {
    for ahead in 0..=DAYS_AHEAD {
        turn.make_day(Day(today.0 + ahead)).await?;
    }
    Ok(((), Vec::new()))
}
