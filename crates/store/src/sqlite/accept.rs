//! Accepting events inside a group: ids, idempotency, rows.

use std::sync::Arc;

use ringup_core::delivery::{Ended, Trigger};
use ringup_core::event::{Event, Extras, KeepPayload};
use ringup_core::id::EventId;
use ringup_core::json;
use ringup_core::time::{Day, Tick, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::{InFile, Outcome};
use super::open_day::{Name, OpenDay};
use super::posting::{Entry, Kind};
use super::row;
use super::writer::Writer;
use crate::seam::{Acceptance, Fresh, NewEvent};

impl Writer {
    /// One publish: what each of its events became, and what wants a first attempt.
    pub(super) fn accept(&mut self, events: &[NewEvent], fresh: &mut Vec<Fresh>) -> Outcome<Vec<Acceptance>> {
        let mut acceptances = Vec::with_capacity(events.len());
        for new in events {
            let acceptance = match self.seen(new)? {
                Some(acceptance) => acceptance,
                None => {
                    let tick = Tick::after(self.last.event, new.now);
                    self.last.event = tick;
                    let day = self.writing(tick.day())?;
                    let inserted = insert(day, tick, new, fresh);
                    let id = inserted.in_file(&day.file.path)?;
                    self.record_asked(id, new)?;
                    Acceptance::New(id)
                }
            };
            acceptances.push(acceptance);
        }
        Ok(acceptances)
    }

    /// What an earlier event with the same idempotency key, or else the same uid, makes of this one.
    fn seen(&mut self, new: &NewEvent) -> Outcome<Option<Acceptance>> {
        if let Some(idempotency) = &new.idempotency {
            let (key, not_before) = (idempotency.key.as_str(), idempotency.not_before);
            if let Some(found) = self.find(Name::Idempotency, new.account.0, key, not_before)? {
                let same = found.fingerprint == Some(row::bits(idempotency.fingerprint));
                let seen = if same { Acceptance::Repeated } else { Acceptance::KeyReused };
                return Ok(Some(seen(found.id)));
            }
        }
        let Some(uid) = &new.uid else { return Ok(None) };
        let not_before = new.now.saturating_sub(self.shared.plan.idempotency_window);
        let found = self.find(Name::Uid, new.account.0, uid, not_before)?;
        Ok(found.map(|found| Acceptance::UidTaken(found.id)))
    }

    /// The newest event with this name, if it was accepted at a time or after it.
    fn find(&mut self, name: Name, account: i64, text: &str, not_before: Timestamp) -> Outcome<Option<Named>> {
        let days = self.shared.days.all();
        for file in days.into_iter().rev().take_while(|file| file.day >= not_before.day()) {
            let day = self.reading(file.day)?;
            let hash = day.hash(name, account, text);
            let found = named(&day.connection, name, hash, account, text).in_file(&file.path)?;
            if let Some(found) = found {
                return Ok(Some(found).filter(|found| found.id.tick().time() >= not_before));
            }
        }
        Ok(None)
    }
}

/// An event found by key or uid.
pub(super) struct Named {
    pub(super) id: EventId,
    fingerprint: Option<i64>,
}

/// Looks a hash up and compares the real strings: a foreign one with the same hash is nobody.
pub(super) fn named(
    connection: &Connection,
    name: Name,
    hash: i64,
    account: i64,
    text: &str,
) -> rusqlite::Result<Option<Named>> {
    let sql = match name {
        Name::Idempotency => {
            "SELECT e.tick, e.random, e.fingerprint FROM dedupe d JOIN event e ON e.tick = d.event
             WHERE d.hash = ? AND e.account = ? AND e.idempotency = ?"
        }
        Name::Uid => {
            "SELECT e.tick, e.random, e.fingerprint FROM dedupe d JOIN event e ON e.tick = d.event
             WHERE d.hash = ? AND e.account = ? AND e.uid = ?"
        }
        // Many events have the same tag.
        Name::Tag => return Ok(None),
    };
    connection
        .prepare_cached(sql)?
        .query_row((hash, account, text), |found| {
            Ok(Named { id: row::event_id(found, 0)?, fingerprint: found.get(2)? })
        })
        .optional()
}

fn insert(day: &mut OpenDay, tick: Tick, new: &NewEvent, fresh: &mut Vec<Fresh>) -> rusqlite::Result<EventId> {
    let event = Arc::new(Event {
        id: EventId::of_tick(tick, new.random),
        account: new.account,
        event_type: new.event_type.clone(),
        payload: new.payload.clone(),
        keep_payload: new.keep_payload.clone(),
    });
    insert_event(&day.connection, tick, new)?;
    if let Some(idempotency) = &new.idempotency {
        remember(day, Name::Idempotency, new.account.0, &idempotency.key, tick)?;
    }
    if let Some(uid) = &new.uid {
        remember(day, Name::Uid, new.account.0, uid, tick)?;
    }
    if !new.extras.is_empty() {
        insert_extras(day, new.account.0, tick, &new.extras)?;
    }
    let due_at = new.extras.due_at(new.now);
    for target in new.targets.iter().filter(|_| new.asked.is_none()) {
        let key = (target.endpoint.0, row::integer(tick.0));
        if target.skipped {
            end(&day.connection, key, Ended::Skipped, new.now)?;
            day.effects.ended += 1;
            continue;
        }
        let mut insert = day.connection.prepare_cached(
            "INSERT INTO delivery (endpoint, event, due_at, attempts_made, trigger, order_key) VALUES (?, ?, ?, 0, ?, ?)",
        )?;
        insert.execute((
            key.0,
            key.1,
            due_at.map(Timestamp::as_micros),
            row::trigger_code(Trigger::Policy),
            target.order_key.map(row::bits),
        ))?;
        day.effects.live += 1;
        fresh.push(Fresh { event: event.clone(), endpoint: target.endpoint, order_key: target.order_key, due_at });
    }
    day.effects.entries.push(Entry { kind: Kind::Event, owner: new.account.0, tick });
    day.effects.events += 1;
    day.effects.last_event = Some(tick);
    Ok(event.id)
}

fn insert_event(connection: &Connection, tick: Tick, new: &NewEvent) -> rusqlite::Result<()> {
    // Nobody will ever settle a delivery of it, so its payload meets its fate now.
    let nobody = new.targets.is_empty();
    let mut struck = None;
    let (state, payload) = match &new.keep_payload {
        KeepPayload::IfLogged(_) | KeepPayload::Never if nobody => (row::GONE, None),
        KeepPayload::Redacted(pointers) if nobody => {
            struck = json::strike(&new.payload, pointers);
            let state = if struck.is_some() { row::REDACTED } else { row::WHOLE };
            (state, Some(struck.as_deref().unwrap_or(&new.payload)))
        }
        _ => (row::WHOLE, Some(&*new.payload)),
    };
    let (keep, redact) = row::keep_columns(&new.keep_payload);
    connection
        .prepare_cached(
            "INSERT INTO event (tick, random, account, type, uid, idempotency, fingerprint, channels, unregistered,
                                targets, keep, redact, payload_state, payload)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            row::integer(tick.0),
            new.random,
            new.account.0,
            &*new.event_type,
            new.uid,
            new.idempotency.as_ref().map(|idempotency| idempotency.key.as_str()),
            new.idempotency.as_ref().map(|idempotency| row::bits(idempotency.fingerprint)),
            (!new.channels.is_empty()).then(|| row::words_text(&new.channels)),
            new.unregistered,
            row::pack_targets(&new.targets),
            keep,
            redact,
            state,
            payload,
        ])?;
    drop(struck);
    Ok(())
}

fn insert_extras(day: &mut OpenDay, account: i64, tick: Tick, extras: &Extras) -> rusqlite::Result<()> {
    let list = |words: &[String]| (!words.is_empty()).then(|| row::words_text(words));
    day.connection
        .prepare_cached("INSERT INTO extra (event, tags, deliver_at, payload_until, misfits) VALUES (?, ?, ?, ?, ?)")?
        .execute((
            row::integer(tick.0),
            list(&extras.tags),
            extras.deliver_at.map(Timestamp::as_micros),
            extras.payload_until.map(Timestamp::as_micros),
            list(&extras.misfits),
        ))?;
    for tag in &extras.tags {
        let owner = day.hash(Name::Tag, account, tag);
        day.effects.entries.push(Entry { kind: Kind::Tagged, owner, tick });
    }
    Ok(())
}

fn remember(day: &OpenDay, name: Name, account: i64, text: &str, tick: Tick) -> rusqlite::Result<()> {
    // The newest counts: an older one is over, or this one would not have been accepted.
    day.connection
        .prepare_cached("INSERT OR REPLACE INTO dedupe (hash, event) VALUES (?, ?)")?
        .execute((day.hash(name, account, text), row::integer(tick.0)))
        .map(drop)
}

/// Lists a delivery as ended without success. `key` is endpoint and event.
pub(super) fn end(connection: &Connection, key: (i64, i64), how: Ended, at: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO ended (endpoint, event, how, ended_at) VALUES (?, ?, ?, ?)")?
        .execute((key.0, key.1, how.word(), at.as_micros()))
        .map(drop)
}

/// The day in which an event lies.
pub(super) fn day_of(id: EventId) -> Day {
    id.tick().day()
}
