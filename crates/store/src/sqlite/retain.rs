//! Letting go of whole days, and of payloads or attempts of days that stay.
//!
//! Rows are not deleted one by one: that costs as much as writing them. A day that is over is unlinked; of a day that is
//! half over, what stays is copied into a fresh file beside it. Only the last step of either goes through the writer, and
//! the bytes of the old file are given back slowly.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::time::{Day, Timestamp};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::chore::Chore;
use super::day::{self, DayFile};
use super::expire::Expired;
use super::fault::{Fault, InFile, Outcome};
use super::held::Held;
use super::inbox::Item;
use super::row;
use super::schema;
use super::shared::Shared;
use crate::seam::{Retained, Retention};

/// The page cache of the copying connection.
const CACHE_KIB: u32 = 2_048;

/// Rows copied in one transaction: others get their turn at the disk in between.
const SLICE_ROWS: i64 = 16_384;

pub(super) fn retain(shared: &Shared, plan: Retention, now: Timestamp) -> Outcome<Retained> {
    let mut retained = Retained::default();
    for file in shared.days.all() {
        retained.payloads_removed += expire(shared, &file, now)?;
        if file.known().live > 0 {
            continue;
        }
        let over =
            Over { payloads: is_over(file.day, plan.payloads, now), attempts: is_over(file.day, plan.attempts, now) };
        match over {
            Over { payloads: false, attempts: false } => {}
            Over { payloads: true, attempts: true } => {
                let held = Held::open(&file.path)?;
                let freed = ask(shared, |reply| Chore::Remove(file.day, reply))?;
                held.give_back(shared)?;
                retained.days_removed += usize::from(freed.is_some());
                retained.bytes_freed += freed.unwrap_or(0);
            }
            Over { .. } => {
                if let Some(freed) = compact(shared, &file, over)? {
                    retained.days_compacted += 1;
                    retained.bytes_freed += freed;
                }
            }
        }
    }
    Ok(retained)
}

/// Lets go of the payloads of a day whose own time is over. Answers how many they were.
///
/// These go one by one, unlike those of a whole day: few ask for it, and it must not wait for the others.
fn expire(shared: &Shared, file: &Arc<DayFile>, now: Timestamp) -> Outcome<usize> {
    let Some(day) = shared.readers.open(file)? else { return Ok(0) };
    let any = day.ask(|connection| {
        connection
            .prepare_cached("SELECT 1 FROM extra WHERE payload_until IS NOT NULL AND payload_until <= ?")?
            .exists([now.as_micros()])
    })?;
    drop(day);
    let (mut removed, mut from) = (0, any.then_some(Expired::default()));
    while let Some(begin) = from {
        let (count, next) = ask(shared, |reply| Chore::Expire { day: file.day, from: begin, now, reply })?;
        (removed, from) = (removed + count, next);
    }
    Ok(removed)
}

/// What of a day is over.
#[derive(Clone, Copy)]
struct Over {
    payloads: bool,
    attempts: bool,
}

/// Whether a day ended longer ago than its content is kept.
fn is_over(day: Day, kept: Duration, now: Timestamp) -> bool {
    Day(day.0 + 1).start().saturating_add(kept) <= now
}

/// Asks the writer, and waits.
fn ask<T>(shared: &Shared, chore: impl FnOnce(oneshot::Sender<Outcome<T>>) -> Chore) -> Outcome<T> {
    let (reply, answer) = oneshot::channel();
    shared.inbox.push(Item::Chore(chore(reply))).map_err(Fault::Refused)?;
    answer.blocking_recv().unwrap_or_else(|_| Err(Fault::Refused(shared.refusal())))
}

/// Copies what stays. Answers the bytes freed; `None` if there was nothing to free or the day changed meanwhile.
fn compact(shared: &Shared, file: &Arc<DayFile>, over: Over) -> Outcome<Option<u64>> {
    let Some(day) = shared.readers.open(file)? else { return Ok(None) };
    let anything = day.ask(|connection| has_any(connection, over))?;
    drop(day);
    if !anything {
        return Ok(None);
    }
    let revision = ask(shared, |reply| Chore::Settle(file.day, reply))?;
    let before = file.bytes();
    let draft = schema::draft_of(&file.path);
    // Synced here, so that the writer finds nothing left to sync.
    let copied = copy(shared, file, &draft, over).and_then(|()| schema::sync(&draft));
    if let Err(fault) = copied {
        schema::remove_if_there(&draft)?;
        return Err(fault);
    }
    let held = Held::open(&file.path)?;
    let replaced = ask(shared, |reply| Chore::Replace { day: file.day, draft: draft.clone(), revision, reply })?;
    if !replaced {
        schema::remove_if_there(&draft)?;
        return Ok(None);
    }
    held.give_back(shared)?;
    Ok(Some(before.saturating_sub(file.bytes())))
}

fn has_any(connection: &Connection, over: Over) -> rusqlite::Result<bool> {
    let is = |sql: &str| connection.prepare(sql)?.exists(());
    Ok(over.payloads && !is("SELECT 1 FROM meta WHERE name = 'payloads_removed'")? && is("SELECT 1 FROM event")?
        || over.attempts && is("SELECT 1 FROM attempt")?)
}

fn copy(shared: &Shared, file: &Arc<DayFile>, draft: &Path, over: Over) -> Outcome<()> {
    schema::create_draft(draft, &day::LADDER, shared.plan.page_bytes)?;
    let Some(source) = shared.readers.open(file)? else {
        return Err(Fault::Other("the day is gone".into()));
    };
    let target = schema::open_draft(draft, CACHE_KIB)?;
    target.execute("ATTACH ? AS old", [file.path.to_string_lossy()]).in_file(draft)?;
    for table in ["meta", "ended", "text", "counter", "dedupe", "chunk", "extra"] {
        target
            .execute_batch(&format!("INSERT OR REPLACE INTO main.{table} SELECT * FROM old.{table}"))
            .in_file(draft)?;
    }
    copy_slices(&target, "event", &event_columns(over.payloads), shared).in_file(draft)?;
    if over.payloads {
        target.execute("INSERT OR REPLACE INTO meta VALUES ('payloads_removed', 1)", ()).in_file(draft)?;
    }
    let kinds = if over.attempts { "WHERE kind >= 2" } else { "" };
    if !over.attempts {
        copy_slices(&target, "attempt", "*", shared).in_file(draft)?;
    }
    target
        .execute_batch(&format!("INSERT INTO main.posting SELECT * FROM old.posting {kinds}; DETACH old"))
        .in_file(draft)?;
    drop(source);
    target.close().map_err(|(_, error)| error).in_file(draft)
}

fn event_columns(without_payloads: bool) -> String {
    let payload = if without_payloads { format!("{}, NULL", row::GONE) } else { "payload_state, payload".to_owned() };
    format!(
        "tick, random, account, type, uid, idempotency, fingerprint, channels, unregistered, targets, keep, redact, \
         {payload}"
    )
}

/// In the order of the key, so that pages fill one after the other.
fn copy_slices(target: &Connection, table: &str, columns: &str, shared: &Shared) -> rusqlite::Result<()> {
    let sql =
        format!("INSERT INTO main.{table} SELECT {columns} FROM old.{table} WHERE tick > ? ORDER BY tick LIMIT ?");
    let mut copied_to: i64 = -1;
    loop {
        let rows = target.execute(&sql, (copied_to, SLICE_ROWS))?;
        if rows == 0 || shared.check_open().is_err() {
            return Ok(());
        }
        copied_to = target.query_row(&format!("SELECT max(tick) FROM main.{table}"), (), |found| found.get(0))?;
    }
}
