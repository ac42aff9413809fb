//! Everything at once, for operators: from the counters, and from the indexes of what is live.

use ringup_core::key::EndpointKey;
use ringup_core::time::Timestamp;

use super::fault::Outcome;
use super::link::Link;
use super::read::{SUMS, minute_count};
use super::row::{get, limit, natural, tick};
use super::work;
use crate::overview::{AHEAD_MINUTES, Backlog, LaneBacklog, Tally, minute_ahead};

pub(super) async fn tally(link: &Link, from_minute: i64, until_minute: i64) -> Outcome<Tally> {
    let sql = format!(
        "SELECT endpoint, minute, {SUMS} FROM counter WHERE minute >= $1 AND minute < $2 GROUP BY endpoint, minute"
    );
    let rows = link.query(&sql, &[&from_minute, &until_minute]).await?;
    let counts: Outcome<Vec<_>> =
        rows.iter().map(|row| Ok((EndpointKey(get(row, "endpoint")?), minute_count(row)?))).collect();
    Ok(Tally::of(counts?))
}

pub(super) async fn backlog(link: &Link, now: Timestamp, rows_max: usize) -> Outcome<Backlog> {
    let mut backlog = Backlog { lanes: Vec::new(), due: vec![0; AHEAD_MINUTES], due_is_whole: true };
    let mut left = rows_max;
    for (_, endpoint) in work::endpoints(link).await? {
        // At least the first, and one more than is counted, to see whether that is all.
        let counted_max = left.max(1);
        let sql = "SELECT min(tick) AS tick, count(*) AS rows
                   FROM (SELECT tick FROM live WHERE endpoint = $1 ORDER BY tick LIMIT $2) w HAVING count(*) > 0";
        let Some(row) = link.one(sql, &[&endpoint.0, &limit(counted_max.saturating_add(1))]).await? else { continue };
        let found = natural(get(&row, "rows")?);
        let waiting = found.min(u64::try_from(counted_max).unwrap_or(u64::MAX));
        left = left.saturating_sub(usize::try_from(waiting).unwrap_or(usize::MAX));
        let oldest = tick(&row, "tick")?.time();
        backlog.lanes.push(LaneBacklog { endpoint, waiting, is_whole: waiting == found, oldest });
    }
    let ahead = u64::try_from(AHEAD_MINUTES).unwrap_or(u64::MAX).saturating_mul(60);
    let until = now.saturating_add(std::time::Duration::from_secs(ahead));
    let sql = "SELECT due_at FROM live WHERE due_at < $1 ORDER BY due_at LIMIT $2";
    let rows = link.query(sql, &[&until.as_micros(), &limit(rows_max.saturating_add(1))]).await?;
    backlog.due_is_whole = rows.len() <= rows_max;
    for row in rows.iter().take(rows_max) {
        let minute = minute_ahead(Timestamp::from_micros(get(row, "due_at")?), now);
        if let Some(count) = minute.and_then(|minute| backlog.due.get_mut(minute)) {
            *count += 1;
        }
    }
    Ok(backlog)
}
