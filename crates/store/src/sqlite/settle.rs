//! What came of an attempt: its log entry, its counters and the delivery's new state.

use std::sync::Arc;

use ringup_core::delivery::{After, DeliveryKey};
use ringup_core::event::{Event, KeepPayload};
use ringup_core::id::EventId;
use ringup_core::json;
use ringup_core::time::Tick;
use rusqlite::{Connection, params};

use super::accept;
use super::fault::{InFile, Outcome};
use super::open_day::OpenDay;
use super::posting::{Entry, Kind};
use super::row;
use super::writer::Writer;
use crate::log_entry::Attempt;
use crate::seam::{NewEvent, Settlement};

impl Writer {
    /// A delivery that is no longer live keeps the state it has; its attempt and counters are recorded all the same.
    pub(super) fn settle(&mut self, settlement: &Settlement) -> Outcome<()> {
        let day = settlement.key.event.day();
        if !self.open.contains_key(&day) && self.shared.days.get(day).is_none() {
            // Retention took the day; its log went with it.
            return Ok(());
        }
        let tick = settlement.attempt.as_ref().map(|_| Tick::after(self.last.attempt, settlement.ended_at));
        self.last.attempt = tick.unwrap_or(self.last.attempt);
        let day = self.writing(day)?;
        let applied = apply(day, settlement, tick);
        applied.in_file(&day.file.path)
    }
}

impl Writer {
    /// What came of a call that was made before its event was stored.
    pub(super) fn record_asked(&mut self, id: EventId, new: &NewEvent) -> Outcome<()> {
        let (Some(asked), Some(target)) = (&new.asked, new.targets.first()) else { return Ok(()) };
        let event = Event {
            id,
            account: new.account,
            event_type: new.event_type.clone(),
            payload: new.payload.clone(),
            keep_payload: new.keep_payload.clone(),
        };
        let settlement = Settlement {
            key: DeliveryKey { endpoint: target.endpoint, event: id.tick() },
            event: Arc::new(event),
            after: After::Unchanged,
            ended_at: asked.ended_at,
            attempt: asked.attempt.clone(),
            count: asked.count,
            then: None,
        };
        self.settle(&settlement)?;
        let day = self.writing(id.tick().day())?;
        if let Some(how) = asked.ended {
            let key = (target.endpoint.0, row::integer(id.tick().0));
            accept::end(&day.connection, key, how, asked.ended_at).in_file(&day.file.path)?;
            day.effects.ended += 1;
        }
        settle_payload(day, &settlement).in_file(&day.file.path)
    }
}

fn apply(day: &mut OpenDay, settlement: &Settlement, tick: Option<Tick>) -> rusqlite::Result<()> {
    let key = (settlement.key.endpoint.0, row::integer(settlement.key.event.0));
    if let (Some(attempt), Some(tick)) = (&settlement.attempt, tick) {
        log(day, settlement.key, attempt, tick)?;
    }
    if let Some(count) = settlement.count {
        day.effects.counters.entry((count.minute, key.0)).or_default().count(count);
    }
    match settlement.after {
        After::Delivered => {
            if remove_live(day, key)? {
                settle_payload(day, settlement)?;
            }
        }
        After::Retry { due_at, attempts_made } => {
            day.connection
                .prepare_cached("UPDATE delivery SET due_at = ?, attempts_made = ? WHERE endpoint = ? AND event = ?")?
                .execute((due_at.as_micros(), attempts_made, key.0, key.1))?;
        }
        After::Ended(how) => {
            if remove_live(day, key)? {
                accept::end(&day.connection, key, how, settlement.ended_at)?;
                day.effects.ended += 1;
            }
        }
        After::Unchanged => {}
    }
    Ok(())
}

/// Whether there was one.
pub(super) fn remove_live(day: &mut OpenDay, key: (i64, i64)) -> rusqlite::Result<bool> {
    let removed =
        day.connection.prepare_cached("DELETE FROM delivery WHERE endpoint = ? AND event = ?")?.execute(key)? > 0;
    if removed {
        day.effects.live -= 1;
    }
    Ok(removed)
}

fn log(day: &mut OpenDay, key: DeliveryKey, attempt: &Attempt, tick: Tick) -> rusqlite::Result<()> {
    let url = day.url(&attempt.url)?;
    let [resolve, connect, tls, first_byte] = row::timing_columns(&attempt.timing);
    let micros = i64::try_from(attempt.duration.as_micros()).unwrap_or(i64::MAX);
    day.connection
        .prepare_cached(
            "INSERT INTO attempt (tick, random, event, endpoint, number, trigger, started_at, duration_us, url,
                                  outcome, status, detail, body_end, response_headers, response_body,
                                  resolve_us, connect_us, tls_us, first_byte_us)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            row::integer(tick.0),
            attempt.random,
            row::integer(key.event.0),
            key.endpoint.0,
            attempt.number,
            row::trigger_code(attempt.trigger),
            attempt.started_at.as_micros(),
            micros,
            url,
            row::outcome_code(attempt.result.outcome),
            attempt.result.status,
            attempt.result.detail,
            row::body_end_code(attempt.body_end),
            &*attempt.response_headers,
            &*attempt.response_body,
            resolve,
            connect,
            tls,
            first_byte,
        ])?;
    let effects = &mut day.effects;
    effects.entries.push(Entry { kind: Kind::of_outcome(attempt.result.outcome), owner: key.endpoint.0, tick });
    effects.attempts = Some((effects.attempts.map_or(tick, |(first, _)| first), tick));
    Ok(())
}

/// Lets go of the payload as the event asks, unless a delivery still needs it or may be resent.
fn settle_payload(day: &OpenDay, settlement: &Settlement) -> rusqlite::Result<()> {
    let keep = &settlement.event.keep_payload;
    if *keep == KeepPayload::Whole {
        return Ok(());
    }
    let event = row::integer(settlement.key.event.0);
    if is_unfinished(&day.connection, event)? {
        return Ok(());
    }
    match keep {
        KeepPayload::Whole => Ok(()),
        KeepPayload::Redacted(pointers) => strike(&day.connection, event, pointers),
        KeepPayload::IfLogged(pointers) if is_logged(&day.connection, event)? => {
            strike(&day.connection, event, pointers)
        }
        KeepPayload::IfLogged(_) | KeepPayload::Never => day
            .connection
            .prepare_cached("UPDATE event SET payload = NULL, payload_state = ? WHERE tick = ?")?
            .execute((row::GONE, event))
            .map(drop),
    }
}

/// Whether any delivery of the event is live, or ended without success.
fn is_unfinished(connection: &Connection, event: i64) -> rusqlite::Result<bool> {
    any_delivery(
        connection,
        event,
        "SELECT EXISTS (SELECT 1 FROM delivery WHERE endpoint = ?1 AND event = ?2)
             OR EXISTS (SELECT 1 FROM ended WHERE endpoint = ?1 AND event = ?2)",
    )
}

/// Whether any delivery of the event is live.
pub(super) fn is_live(connection: &Connection, event: i64) -> rusqlite::Result<bool> {
    any_delivery(connection, event, "SELECT EXISTS (SELECT 1 FROM delivery WHERE endpoint = ?1 AND event = ?2)")
}

fn any_delivery(connection: &Connection, event: i64, sql: &str) -> rusqlite::Result<bool> {
    let targets = connection
        .prepare_cached("SELECT targets FROM event WHERE tick = ?")?
        .query_row([event], |found| row::targets(found, 0))?;
    let mut any = connection.prepare_cached(sql)?;
    for target in targets {
        if any.query_row((target.endpoint.0, event), |found| found.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_logged(connection: &Connection, event: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM attempt WHERE event = ?)")?
        .query_row([event], |found| found.get(0))
}

fn strike(connection: &Connection, event: i64, pointers: &[String]) -> rusqlite::Result<()> {
    let whole: Option<Vec<u8>> = connection
        .prepare_cached("SELECT CASE payload_state WHEN ? THEN payload END FROM event WHERE tick = ?")?
        .query_row((row::WHOLE, event), |found| found.get(0))?;
    let Some(struck) = whole.and_then(|whole| json::strike(&whole, pointers)) else { return Ok(()) };
    connection
        .prepare_cached("UPDATE event SET payload = ?, payload_state = ? WHERE tick = ?")?
        .execute((struck, row::REDACTED, event))
        .map(drop)
}
