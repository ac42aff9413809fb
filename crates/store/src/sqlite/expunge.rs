//! Content removed for good: overwritten in its pages by the same commit, since `secure_delete` is on. What the journal
//! still has of it goes when the journal is folded, within seconds once the writer rests.

use ringup_core::delivery::{DeliveryKey, Ended};
use ringup_core::id::AttemptId;
use rusqlite::{OptionalExtension, params};

use super::accept;
use super::fault::{InFile, Outcome};
use super::inbox::Expunge;
use super::open_day::OpenDay;
use super::row;
use super::settle;
use super::writer::Writer;

impl Writer {
    /// Answers the deliveries that were cancelled; `None` for what the account does not have.
    pub(super) fn expunge(&mut self, wanted: &Expunge) -> Outcome<Option<Vec<DeliveryKey>>> {
        let day = accept::day_of(wanted.event);
        if self.shared.days.get(day).is_none() {
            return Ok(None);
        }
        let day = self.writing(day)?;
        let done = match wanted.attempt {
            None => expunge_event(day, wanted),
            Some(attempt) => expunge_attempt(day, wanted, attempt),
        };
        done.in_file(&day.file.path)
    }
}

fn expunge_event(day: &mut OpenDay, wanted: &Expunge) -> rusqlite::Result<Option<Vec<DeliveryKey>>> {
    let tick = row::integer(wanted.event.tick().0);
    let targets = day
        .connection
        .prepare_cached("SELECT targets FROM event WHERE tick = ? AND random = ? AND account = ?")?
        .query_row(params![tick, wanted.event.random(), wanted.account.0], |found| row::targets(found, 0))
        .optional()?;
    let Some(targets) = targets else { return Ok(None) };
    let mut discarded = Vec::new();
    for target in targets {
        let key = (target.endpoint.0, tick);
        if settle::remove_live(day, key)? {
            accept::end(&day.connection, key, Ended::Cancelled, wanted.now)?;
            day.effects.ended += 1;
            discarded.push(DeliveryKey { endpoint: target.endpoint, event: wanted.event.tick() });
        }
    }
    day.connection
        .prepare_cached("UPDATE event SET payload = NULL, payload_state = ? WHERE tick = ?")?
        .execute((row::GONE, tick))?;
    Ok(Some(discarded))
}

fn expunge_attempt(
    day: &mut OpenDay,
    wanted: &Expunge,
    attempt: AttemptId,
) -> rusqlite::Result<Option<Vec<DeliveryKey>>> {
    let event = row::integer(wanted.event.tick().0);
    let touched = day
        .connection
        .prepare_cached(
            "UPDATE attempt SET response_headers = x'', response_body = x''
             WHERE tick = ?1 AND random = ?2 AND event = ?3
                AND EXISTS (SELECT 1 FROM event WHERE tick = ?3 AND random = ?4 AND account = ?5)",
        )?
        .execute(params![
            row::integer(attempt.tick().0),
            attempt.random(),
            event,
            wanted.event.random(),
            wanted.account.0
        ])?;
    Ok((touched > 0).then(Vec::new))
}
