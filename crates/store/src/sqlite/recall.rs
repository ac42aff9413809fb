//! Many deliveries of one endpoint brought back inside a group.

use ringup_core::delivery::Trigger;
use ringup_core::event::Target;
use ringup_core::id::EventId;
use ringup_core::order::order_key;
use ringup_core::time::Tick;
use rusqlite::{OptionalExtension, params};

use super::accept;
use super::fault::{InFile, Outcome};
use super::open_day::OpenDay;
use super::row;
use super::writer::Writer;
use crate::query::Reach;
use crate::seam::{Recall, Recalled};

impl Writer {
    /// What came of each, and the oldest event of those brought back.
    pub(super) fn recall(&mut self, wanted: &Recall) -> Outcome<(Vec<Recalled>, Option<Tick>)> {
        let mut answers = Vec::with_capacity(wanted.events.len());
        let mut oldest: Option<Tick> = None;
        for event in &wanted.events {
            let day = accept::day_of(*event);
            if self.shared.days.get(day).is_none() {
                answers.push(Recalled::NotFound);
                continue;
            }
            let day = self.writing(day)?;
            let recalled = recall_one(day, wanted, *event);
            let recalled = recalled.in_file(&day.file.path)?;
            if recalled == Recalled::Done {
                oldest = Some(oldest.map_or(event.tick(), |oldest| oldest.min(event.tick())));
            }
            answers.push(recalled);
        }
        Ok((answers, oldest))
    }
}

fn recall_one(day: &mut OpenDay, wanted: &Recall, event: EventId) -> rusqlite::Result<Recalled> {
    let tick = row::integer(event.tick().0);
    let found = day
        .connection
        .prepare_cached("SELECT targets, payload_state FROM event WHERE tick = ? AND random = ? AND account = ?")?
        .query_row(params![tick, event.random(), wanted.account.0], |found| {
            Ok((row::targets(found, 0)?, found.get::<_, i64>(1)?))
        })
        .optional()?;
    let Some((mut targets, payload_state)) = found else { return Ok(Recalled::NotFound) };
    let target = targets.iter().find(|target| target.endpoint == wanted.endpoint).copied();
    if target.is_some() != (wanted.reach == Reach::Sent) {
        return Ok(Recalled::OutOfReach);
    }
    if payload_state != row::WHOLE {
        return Ok(Recalled::PayloadGone);
    }
    let key = (wanted.endpoint.0, tick);
    let (trigger, target) = match target {
        Some(target) => {
            let live = day
                .connection
                .prepare_cached("SELECT 1 FROM delivery WHERE endpoint = ? AND event = ?")?
                .exists(key)?;
            if live {
                return Ok(Recalled::Live);
            }
            (Trigger::Manual, target)
        }
        None => {
            let target =
                Target { endpoint: wanted.endpoint, order_key: order_key_of(day, wanted, tick)?, skipped: false };
            targets.push(target);
            day.connection
                .prepare_cached("UPDATE event SET targets = ? WHERE tick = ?")?
                .execute((row::pack_targets(&targets), tick))?;
            (Trigger::Policy, target)
        }
    };
    let ended = day.connection.prepare_cached("DELETE FROM ended WHERE endpoint = ? AND event = ?")?.execute(key)?;
    day.effects.ended -= i64::try_from(ended).unwrap_or(0);
    day.connection
        .prepare_cached(
            "INSERT INTO delivery (endpoint, event, attempts_made, trigger, order_key) VALUES (?, ?, 0, ?, ?)",
        )?
        .execute((key.0, key.1, row::trigger_code(trigger), target.order_key.map(row::bits)))?;
    day.effects.live += 1;
    Ok(Recalled::Done)
}

/// Of an event that goes to an endpoint for the first time.
fn order_key_of(day: &OpenDay, wanted: &Recall, tick: i64) -> rusqlite::Result<Option<u64>> {
    let Some(pointer) = &wanted.order_pointer else { return Ok(None) };
    day.connection
        .prepare_cached("SELECT payload FROM event WHERE tick = ?")?
        .query_row([tick], |found| Ok(Some(order_key(&row::bytes(found, 0)?, pointer))))
}
