//! The partitions of each day.

use ringup_core::time::{Day, Tick};
use std::time::Duration;

use super::fault::Outcome;
use super::link::Link;
use super::row::integer;

/// Nodes that start together bring the schema up one after the other. The number is ours among advisory locks.
pub(super) const LOCK: i64 = 0x7269_6e67_7570;

/// Tables with a partition for each day, by the tick of the event.
const BY_TICK: [&str; 4] = ["event", "payload", "ended", "attempt"];

/// The ticks of a day: from the first to before the last.
pub(super) fn ticks_of(day: Day) -> (i64, i64) {
    let first = |day: Day| {
        let before = day.start().saturating_sub(Duration::from_micros(1));
        integer(Tick::at(before)).saturating_add(1)
    };
    (first(day), first(Day(day.0 + 1)))
}

/// The name of a day's partition.
pub(super) fn partition(table: &str, day: Day) -> String {
    format!("{table}_{}", day.to_string().replace('-', "_"))
}

/// Makes a day's partitions. Attached rather than made in their place, which would lock readers out for a moment.
///
/// Another node may be about to do the same, or have done it.
pub(super) async fn make_day(link: &Link, day: Day) -> Outcome<()> {
    link.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    if link.one("SELECT 1 FROM day WHERE day = $1 AND node = ''", &[&day.0]).await?.is_some() {
        return Ok(());
    }
    let (from, until) = ticks_of(day);
    let mut sql = String::new();
    let tables = BY_TICK.iter().map(|table| (*table, from, until)).chain([("counter", day.0, day.0 + 1)]);
    for (table, from, until) in tables {
        let name = partition(table, day);
        let with = if table == "counter" { " WITH (fillfactor = 80)" } else { "" };
        sql.push_str(&format!(
            "CREATE TABLE {name} (LIKE {table} INCLUDING ALL){with};
             ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({until});"
        ));
    }
    sql.push_str(&format!("INSERT INTO day (day, node, events, live, ended) VALUES ({}, '', 0, 0, 0)", day.0));
    link.batch(&sql).await
}

/// Takes a day with all that is in it. Waits for those who read it, and holds up those who come meanwhile.
pub(super) async fn drop_day(link: &Link, day: Day) -> Outcome<()> {
    let mut sql = String::new();
    for table in BY_TICK.iter().chain(&["counter"]) {
        sql.push_str(&format!("DROP TABLE {};", partition(table, day)));
    }
    sql.push_str(&format!("DELETE FROM day WHERE day = {}", day.0));
    link.batch(&sql).await
}
