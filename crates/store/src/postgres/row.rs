//! How single values lie in columns, and how rows are read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::{Delivery, DeliveryKey, DeliveryState, Ended, Trigger};
use ringup_core::event::{Event, Extras, KeepPayload};
use ringup_core::id::{AttemptId, EventId};
use ringup_core::json;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::outcome::BodyEnd;
use ringup_core::time::{Tick, Timestamp};
use ringup_core::timing::Timing;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::fault::{Fault, Outcome};
use crate::log_entry::OutcomeWord;
use crate::query::{Payload, StoredAttempt, StoredEvent};
use crate::seam::Loaded;
use crate::shape::{from_text, known, to_text};

/// A tick, which is below 2^63.
pub(super) fn integer(tick: Tick) -> i64 {
    i64::try_from(tick.0).unwrap_or(i64::MAX)
}

/// A count, which is never that large.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn limit(rows_max: usize) -> i64 {
    i64::try_from(rows_max).unwrap_or(i64::MAX)
}

/// All 64 bits of a hash.
pub(super) fn bits(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

pub(super) fn bits_back(number: i64) -> u64 {
    u64::from_ne_bytes(number.to_ne_bytes())
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Outcome<T> {
    row.try_get(column).map_err(|error| Fault::damaged(&error.to_string()))
}

pub(super) fn tick(row: &Row, column: &str) -> Outcome<Tick> {
    get::<i64>(row, column).map(|tick| Tick(natural(tick)))
}

pub(super) fn time(row: &Row, column: &str) -> Outcome<Timestamp> {
    get(row, column).map(Timestamp::from_micros)
}

pub(super) fn moment(row: &Row, column: &str) -> Outcome<Option<Timestamp>> {
    Ok(get::<Option<i64>>(row, column)?.map(Timestamp::from_micros))
}

/// An id, or another value of a fixed length.
pub(super) fn array<const N: usize>(row: &Row, column: &str) -> Outcome<[u8; N]> {
    let bytes: &[u8] = get(row, column)?;
    bytes.try_into().map_err(|_| Fault::damaged(&format!("{column} has {} bytes, not {N}", bytes.len())))
}

pub(super) fn array_or_none<const N: usize>(row: &Row, column: &str) -> Outcome<Option<[u8; N]>> {
    let bytes: Option<&[u8]> = get(row, column)?;
    bytes.map(|_| array(row, column)).transpose()
}

pub(super) fn word<T>(row: &Row, column: &str, read: impl Fn(&str) -> Option<T>) -> Outcome<T> {
    let text: &str = get(row, column)?;
    Ok(known(read(text), text)?)
}

/// A list of words as JSON; nothing for an empty one.
pub(super) fn words_text(words: &[String]) -> Outcome<Option<String>> {
    Ok((!words.is_empty()).then(|| to_text(&words)).transpose()?)
}

pub(super) fn words(row: &Row, column: &str) -> Outcome<Vec<String>> {
    match get::<Option<&str>>(row, column)? {
        Some(text) => Ok(from_text(text.as_bytes())?),
        None => Ok(Vec::new()),
    }
}

/// Code and pointers of what is to happen to a payload.
pub(super) fn keep_columns(keep: &KeepPayload) -> Outcome<(i16, Option<String>)> {
    Ok(match keep {
        KeepPayload::Whole => (0, None),
        KeepPayload::Redacted(pointers) => (1, words_text(pointers)?),
        KeepPayload::IfLogged(pointers) => (2, words_text(pointers)?),
        KeepPayload::Never => (3, None),
    })
}

fn keep(row: &Row) -> Outcome<KeepPayload> {
    Ok(match get::<i16>(row, "keep")? {
        0 => KeepPayload::Whole,
        1 => KeepPayload::Redacted(words(row, "redact")?.into()),
        2 => KeepPayload::IfLogged(words(row, "redact")?.into()),
        3 => KeepPayload::Never,
        other => return Err(Fault::damaged(&format!("keep is {other}"))),
    })
}

pub(super) fn event_id(row: &Row) -> Outcome<EventId> {
    Ok(EventId::of_tick(tick(row, "tick")?, array(row, "random")?))
}

/// What [`event`] reads of an event `e` and its payload `p`.
pub(super) const EVENT: &str = "e.account, e.tick, e.random, e.type, e.keep, e.redact, p.body";

/// As deliveries need it.
pub(super) fn event(row: &Row) -> Outcome<Event> {
    Ok(Event {
        id: event_id(row)?,
        account: AccountKey(get(row, "account")?),
        event_type: Arc::from(get::<&str>(row, "type")?),
        payload: get::<Option<&[u8]>>(row, "body")?.map(Bytes::copy_from_slice).unwrap_or_default(),
        keep_payload: keep(row)?,
    })
}

/// What [`loaded`] reads of a live delivery `l` besides [`EVENT`].
pub(super) const LIVE: &str = "l.endpoint, l.due_at, l.attempts_made, l.trigger, l.order_key";

pub(super) fn loaded(row: &Row) -> Outcome<Loaded> {
    let event = event(row)?;
    let delivery = Delivery {
        key: DeliveryKey { endpoint: EndpointKey(get(row, "endpoint")?), event: event.tick() },
        state: live_state(row)?,
        attempts_made: u32::try_from(get::<i32>(row, "attempts_made")?).unwrap_or(0),
        trigger: word(row, "trigger", Trigger::from_word)?,
        order_key: get::<Option<i64>>(row, "order_key")?.map(bits_back),
    };
    Ok(Loaded { delivery, event: Arc::new(event) })
}

fn live_state(row: &Row) -> Outcome<DeliveryState> {
    Ok(moment(row, "due_at")?.map_or(DeliveryState::Waiting, DeliveryState::Scheduled))
}

/// What [`state`] reads, of a live row `l` and an ended row `n` that need not be there.
pub(super) const STATE: &str = "n.how, l.endpoint AS is_live, l.due_at";

/// `None`: delivered, or never sent.
pub(super) fn state(row: &Row) -> Outcome<Option<DeliveryState>> {
    if get::<Option<&str>>(row, "how")?.is_some() {
        return Ok(Some(DeliveryState::Ended(word(row, "how", Ended::from_word)?)));
    }
    get::<Option<i64>>(row, "is_live")?.map(|_| live_state(row)).transpose()
}

/// What [`stored_event`] reads of an event `e`.
pub(super) const STORED: &str = "e.account, e.tick, e.random, e.type, e.uid, e.channels, e.tags, e.deliver_at, \
                                 e.payload_until, e.misfits, e.unregistered, e.keep, e.redact, e.targets";

/// With the columns `body` and `redacted` of its payload, unless that is left out.
pub(super) fn stored_event(row: &Row, without_payload: bool) -> Outcome<StoredEvent> {
    Ok(StoredEvent {
        id: event_id(row)?,
        event_type: Arc::from(get::<&str>(row, "type")?),
        uid: get(row, "uid")?,
        channels: words(row, "channels")?,
        extras: Extras {
            tags: words(row, "tags")?,
            deliver_at: moment(row, "deliver_at")?,
            payload_until: moment(row, "payload_until")?,
            misfits: words(row, "misfits")?,
        },
        payload: if without_payload { Payload::LeftOut } else { shown(row)? },
        unregistered: get(row, "unregistered")?,
    })
}

/// The payload as it may be shown: values that are to be struck out never are.
pub(super) fn shown(row: &Row) -> Outcome<Payload> {
    let Some(body) = get::<Option<&[u8]>>(row, "body")? else { return Ok(Payload::Gone) };
    if get(row, "redacted")? {
        return Ok(Payload::Redacted(Bytes::copy_from_slice(body)));
    }
    let keep = keep(row)?;
    let pointers: &[String] = match &keep {
        KeepPayload::Redacted(pointers) | KeepPayload::IfLogged(pointers) => pointers,
        KeepPayload::Whole | KeepPayload::Never => &[],
    };
    Ok(match json::strike(body, pointers) {
        Some(struck) => Payload::Redacted(struck.into()),
        None => Payload::Kept(Bytes::copy_from_slice(body)),
    })
}

/// What [`attempt`] reads of an attempt `a`.
pub(super) const ATTEMPT: &str = "a.event, a.tick AS filed, a.event_random, a.random AS attempt_random, a.endpoint, \
                                  a.number, a.trigger, a.started_at, a.duration, a.url, a.outcome, a.status, a.detail, \
                                  a.body_end";

/// What it reads of the response besides.
pub(super) const RESPONSE: &str = "a.resolve, a.connect, a.tls, a.first_byte, a.response_headers, a.response_body";

pub(super) fn attempt(row: &Row, without_response: bool) -> Outcome<StoredAttempt> {
    let step = |column| Ok::<_, Fault>(get::<Option<i64>>(row, column)?.map(|us| Duration::from_micros(natural(us))));
    let bytes = |column| get::<&[u8]>(row, column).map(Bytes::copy_from_slice);
    let (timing, response_headers, response_body) = match without_response {
        true => Default::default(),
        false => {
            let timing = Timing {
                resolve: step("resolve")?,
                connect: step("connect")?,
                tls: step("tls")?,
                first_byte: step("first_byte")?,
            };
            (timing, bytes("response_headers")?, bytes("response_body")?)
        }
    };
    let end_of = |word: &str| BodyEnd::ALL.iter().copied().find(|end| end.word() == word);
    Ok(StoredAttempt {
        id: AttemptId::of_tick(tick(row, "filed")?, array(row, "attempt_random")?),
        event: EventId::of_tick(tick(row, "event")?, array(row, "event_random")?),
        endpoint: EndpointKey(get(row, "endpoint")?),
        number: u32::try_from(get::<i64>(row, "number")?).unwrap_or(u32::MAX),
        trigger: word(row, "trigger", Trigger::from_word)?,
        started_at: time(row, "started_at")?,
        duration: Duration::from_micros(natural(get(row, "duration")?)),
        timing,
        url: Arc::from(get::<&str>(row, "url")?),
        outcome: word(row, "outcome", |word| OutcomeWord::ALL.into_iter().find(|any| any.word() == word))?,
        status: get::<Option<i32>>(row, "status")?.and_then(|status| u16::try_from(status).ok()),
        detail: get(row, "detail")?,
        response_headers,
        response_body,
        body_end: word(row, "body_end", end_of)?,
    })
}
