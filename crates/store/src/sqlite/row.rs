//! How single values lie in columns.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::{Delivery, DeliveryKey, DeliveryState, Ended, Trigger};
use ringup_core::event::{Event, Extras, KeepPayload, Target};
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::outcome::BodyEnd;
use ringup_core::time::{Tick, Timestamp};
use ringup_core::timing::Timing;
use rusqlite::Row;
use rusqlite::types::Type;

use crate::log_entry::OutcomeWord;
use crate::seam::Loaded;
pub(super) use crate::shape::target::pack_targets;
use crate::shape::target::unpack_targets;

pub(super) const WHOLE: i64 = 0;
pub(super) const REDACTED: i64 = 1;
pub(super) const GONE: i64 = 2;

/// A number that is known to be below 2^63, such as a tick.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count, which is never negative.
pub(super) fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// All 64 bits of a hash.
pub(super) fn bits(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

pub(super) fn bits_back(number: i64) -> u64 {
    u64::from_ne_bytes(number.to_ne_bytes())
}

pub(super) fn tick(row: &Row<'_>, column: usize) -> rusqlite::Result<Tick> {
    row.get::<_, i64>(column).map(|tick| Tick(natural(tick)))
}

pub(super) fn outcome_code(outcome: OutcomeWord) -> i64 {
    match outcome {
        OutcomeWord::Delivered => 0,
        OutcomeWord::Refused => 1,
        OutcomeWord::TimedOut => 2,
        OutcomeWord::Unreachable => 3,
        OutcomeWord::Blocked => 4,
        OutcomeWord::Interrupted => 5,
    }
}

pub(super) fn outcome(row: &Row<'_>, column: usize) -> rusqlite::Result<OutcomeWord> {
    let code: i64 = row.get(column)?;
    known(OutcomeWord::ALL.into_iter().find(|outcome| outcome_code(*outcome) == code), column, code)
}

pub(super) fn trigger_code(trigger: Trigger) -> i64 {
    match trigger {
        Trigger::Policy => 0,
        Trigger::Manual => 1,
    }
}

pub(super) fn trigger(row: &Row<'_>, column: usize) -> rusqlite::Result<Trigger> {
    let code: i64 = row.get(column)?;
    known(Trigger::ALL.iter().copied().find(|trigger| trigger_code(*trigger) == code), column, code)
}

pub(super) fn body_end_code(end: BodyEnd) -> i64 {
    match end {
        BodyEnd::Complete => 0,
        BodyEnd::Capped => 1,
        BodyEnd::Broken => 2,
    }
}

pub(super) fn body_end(row: &Row<'_>, column: usize) -> rusqlite::Result<BodyEnd> {
    let code: i64 = row.get(column)?;
    known(BodyEnd::ALL.iter().copied().find(|end| body_end_code(*end) == code), column, code)
}

pub(super) fn ended(row: &Row<'_>, column: usize) -> rusqlite::Result<Ended> {
    let word = row.get_ref(column)?.as_str()?;
    known(Ended::from_word(word), column, word)
}

/// Code and pointers of what is to happen to a payload.
pub(super) fn keep_columns(keep: &KeepPayload) -> (i64, Option<String>) {
    match keep {
        KeepPayload::Whole => (0, None),
        KeepPayload::Redacted(pointers) => (1, Some(words_text(pointers))),
        KeepPayload::IfLogged(pointers) => (2, (!pointers.is_empty()).then(|| words_text(pointers))),
        KeepPayload::Never => (3, None),
    }
}

pub(super) fn keep(row: &Row<'_>, code_column: usize, pointers_column: usize) -> rusqlite::Result<KeepPayload> {
    let code: i64 = row.get(code_column)?;
    Ok(match code {
        0 => KeepPayload::Whole,
        1 => KeepPayload::Redacted(words(row, pointers_column)?.into()),
        2 => KeepPayload::IfLogged(words(row, pointers_column)?.into()),
        3 => KeepPayload::Never,
        other => return known(None, code_column, other),
    })
}

/// A list of words as JSON.
pub(super) fn words_text(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}

/// The list of words in a column; empty for nothing.
pub(super) fn words(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<String>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(Vec::new()),
        text => serde_json::from_slice(text.as_bytes()?).map_err(|error| broken(column, error)),
    }
}

/// Tags, two times and misfits, from a column on.
pub(super) fn extras(row: &Row<'_>, from: usize) -> rusqlite::Result<Extras> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_micros));
    Ok(Extras {
        tags: words(row, from)?,
        deliver_at: time(from + 1)?,
        payload_until: time(from + 2)?,
        misfits: words(row, from + 3)?,
    })
}

pub(super) fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Bytes> {
    Ok(match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Bytes::new(),
        blob => Bytes::copy_from_slice(blob.as_bytes()?),
    })
}

pub(super) fn targets(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<Target>> {
    Ok(unpack_targets(row.get_ref(column)?.as_blob()?)?)
}

/// The four columns of a timing, in the order of [`timing`].
pub(super) fn timing_columns(timing: &Timing) -> [Option<i64>; 4] {
    timing.steps().map(|(_, took)| took.map(|took| i64::try_from(took.as_micros()).unwrap_or(i64::MAX)))
}

/// Reads microseconds of each step, from a column on.
pub(super) fn timing(row: &Row<'_>, from: usize) -> rusqlite::Result<Timing> {
    let step = |column: usize| {
        let micros: Option<i64> = row.get(from + column)?;
        Ok::<_, rusqlite::Error>(micros.map(|micros| Duration::from_micros(natural(micros))))
    };
    Ok(Timing { resolve: step(0)?, connect: step(1)?, tls: step(2)?, first_byte: step(3)? })
}

/// Columns of an event as deliveries need it, in the order that [`event`] reads.
pub(super) const EVENT_COLUMNS: &str = "e.tick, e.random, e.account, e.type, e.payload, e.keep, e.redact";

/// Reads [`EVENT_COLUMNS`] from a column on.
pub(super) fn event(row: &Row<'_>, from: usize) -> rusqlite::Result<Event> {
    Ok(Event {
        id: event_id(row, from)?,
        account: AccountKey(row.get(from + 2)?),
        event_type: Arc::from(row.get_ref(from + 3)?.as_str()?),
        payload: bytes(row, from + 4)?,
        keep_payload: keep(row, from + 5, from + 6)?,
    })
}

/// Reads tick and random part from a column on.
pub(super) fn event_id(row: &Row<'_>, from: usize) -> rusqlite::Result<EventId> {
    Ok(EventId::of_tick(tick(row, from)?, row.get(from + 1)?))
}

/// Columns of a live delivery with its event, in the order that [`loaded`] reads.
pub(super) fn loaded_columns() -> String {
    format!("d.endpoint, d.event, d.due_at, d.attempts_made, d.trigger, d.order_key, {EVENT_COLUMNS}")
}

pub(super) fn loaded(row: &Row<'_>) -> rusqlite::Result<Loaded> {
    let due_at: Option<i64> = row.get(2)?;
    let delivery = Delivery {
        key: DeliveryKey { endpoint: EndpointKey(row.get(0)?), event: tick(row, 1)? },
        state: due_at.map_or(DeliveryState::Waiting, |at| DeliveryState::Scheduled(Timestamp::from_micros(at))),
        attempts_made: row.get(3)?,
        trigger: trigger(row, 4)?,
        order_key: row.get::<_, Option<i64>>(5)?.map(bits_back),
    };
    Ok(Loaded { delivery, event: Arc::new(event(row, 6)?) })
}

/// A value that only ever goes in as one of those we know.
fn known<T>(value: Option<T>, column: usize, found: impl std::fmt::Display) -> rusqlite::Result<T> {
    value.ok_or_else(|| broken(column, format!("unknown value {found}")))
}

fn broken(column: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.into())
}
