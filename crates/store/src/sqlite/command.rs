//! What people ask for inside a group: ending what waits, and sending again.

use ringup_core::delivery::Trigger;
use rusqlite::{OptionalExtension, params};

use super::accept;
use super::fault::{InFile, Outcome};
use super::inbox::{EndWaiting, Resend};
use super::open_day::OpenDay;
use super::row;
use super::settle;
use super::writer::Writer;
use crate::seam::{Loaded, Resent};

impl Writer {
    /// Ends live deliveries of an endpoint, oldest first. Answers how many.
    pub(super) fn end_waiting(&mut self, wanted: &EndWaiting) -> Outcome<usize> {
        let mut ended = 0;
        for file in self.shared.days.all() {
            if ended >= wanted.rows_max {
                break;
            }
            // A day in this group's hands may hold what is not known yet.
            if file.known().live == 0 && !self.is_writing(file.day) {
                continue;
            }
            let day = self.writing(file.day)?;
            ended += end_some(day, wanted, wanted.rows_max - ended).in_file(&file.path)?;
        }
        Ok(ended)
    }

    /// Makes one delivery want an attempt now; gives it as it is then.
    pub(super) fn resend(&mut self, wanted: &Resend) -> Outcome<(Resent, Option<Loaded>)> {
        let day = accept::day_of(wanted.event);
        if self.shared.days.get(day).is_none() {
            return Ok((Resent::NotFound, None));
        }
        let day = self.writing(day)?;
        let brought = bring_back(day, wanted);
        brought.in_file(&day.file.path)
    }
}

fn end_some(day: &mut OpenDay, wanted: &EndWaiting, rows_max: usize) -> rusqlite::Result<usize> {
    let mut events: Vec<i64> = Vec::new();
    {
        let mut statement =
            day.connection.prepare_cached("SELECT event FROM delivery WHERE endpoint = ? ORDER BY event")?;
        let mut rows = statement.query([wanted.endpoint.0])?;
        while events.len() < rows_max
            && let Some(found) = rows.next()?
        {
            if !wanted.except.contains(&row::tick(found, 0)?) {
                events.push(found.get(0)?);
            }
        }
    }
    for event in &events {
        let key = (wanted.endpoint.0, *event);
        settle::remove_live(day, key)?;
        accept::end(&day.connection, key, wanted.how, wanted.now)?;
        day.effects.ended += 1;
    }
    Ok(events.len())
}

fn bring_back(day: &mut OpenDay, wanted: &Resend) -> rusqlite::Result<(Resent, Option<Loaded>)> {
    let tick = row::integer(wanted.event.tick().0);
    let found = day
        .connection
        .prepare_cached("SELECT targets, payload_state FROM event WHERE tick = ? AND random = ? AND account = ?")?
        .query_row(params![tick, wanted.event.random(), wanted.account.0], |found| {
            Ok((row::targets(found, 0)?, found.get::<_, i64>(1)?))
        })
        .optional()?;
    let Some((targets, payload_state)) = found else { return Ok((Resent::NotFound, None)) };
    let Some(target) = targets.into_iter().find(|target| target.endpoint == wanted.endpoint) else {
        return Ok((Resent::NeverMatched, None));
    };
    if payload_state != row::WHOLE {
        return Ok((Resent::PayloadGone, None));
    }
    let key = (wanted.endpoint.0, tick);
    let live = day
        .connection
        .prepare_cached("UPDATE delivery SET due_at = NULL WHERE endpoint = ? AND event = ?")?
        .execute(key)?;
    if live == 0 {
        let ended =
            day.connection.prepare_cached("DELETE FROM ended WHERE endpoint = ? AND event = ?")?.execute(key)?;
        day.effects.ended -= i64::try_from(ended).unwrap_or(0);
        day.connection
            .prepare_cached(
                "INSERT INTO delivery (endpoint, event, attempts_made, trigger, order_key) VALUES (?, ?, 0, ?, ?)",
            )?
            .execute((key.0, key.1, row::trigger_code(Trigger::Manual), target.order_key.map(row::bits)))?;
        day.effects.live += 1;
    }
    let sql = format!(
        "SELECT {} FROM delivery d JOIN event e ON e.tick = d.event WHERE d.endpoint = ? AND d.event = ?",
        row::loaded_columns()
    );
    let loaded = day.connection.prepare_cached(&sql)?.query_row(key, row::loaded)?;
    Ok((Resent::Done, Some(loaded)))
}
