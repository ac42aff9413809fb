//! Payloads that go before their day does, since their publishers asked for that.

use ringup_core::time::{Day, Timestamp};
use rusqlite::Connection;

use super::fault::{Fault, InFile, Outcome};
use super::row;
use super::settle;
use super::work::limit_of;
use super::writer::Writer;

/// Payloads looked at in one commit: publishers get their turn in between.
const ROWS_MAX: usize = 128;

/// The last event looked at, by when its payload was to go.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Expired {
    until: i64,
    event: i64,
}

impl Writer {
    /// Those behind a place whose time is over go, unless a delivery is live: it needs what it is to send. Answers how
    /// many went, and where to go on.
    pub(super) fn expire(&mut self, day: Day, from: Expired, now: Timestamp) -> Outcome<(usize, Option<Expired>)> {
        if self.shared.days.get(day).is_none() {
            return Ok((0, None));
        }
        let open = self.reading(day)?;
        let path = open.file.path.clone();
        open.begin(true).in_file(&path)?;
        let done = expire_some(&open.connection, from, now).and_then(|done| open.commit().map(|()| done));
        let done = done.in_file(&path);
        if done.is_err() {
            open.roll_back();
        }
        if let Err(Fault::Device(_)) = &done {
            self.suspect.insert(day);
            self.open.remove(&day);
        }
        done
    }
}

fn expire_some(connection: &Connection, from: Expired, now: Timestamp) -> rusqlite::Result<(usize, Option<Expired>)> {
    let mut statement = connection.prepare_cached(
        "SELECT payload_until, event FROM extra
         WHERE payload_until IS NOT NULL AND payload_until <= ?1 AND (payload_until, event) > (?2, ?3)
         ORDER BY payload_until, event LIMIT ?4",
    )?;
    let rows = statement.query_map((now.as_micros(), from.until, from.event, limit_of(ROWS_MAX)), |found| {
        Ok(Expired { until: found.get(0)?, event: found.get(1)? })
    })?;
    let over = rows.collect::<rusqlite::Result<Vec<Expired>>>()?;
    let mut removed = 0;
    for one in &over {
        if settle::is_live(connection, one.event)? {
            continue;
        }
        removed += connection
            .prepare_cached(
                "UPDATE event SET payload = NULL, payload_state = ?1 WHERE tick = ?2 AND payload_state <> ?1",
            )?
            .execute((row::GONE, one.event))?;
        connection.prepare_cached("UPDATE extra SET payload_until = NULL WHERE event = ?")?.execute([one.event])?;
    }
    Ok((removed, over.last().copied().filter(|_| over.len() == ROWS_MAX)))
}
