//! What a group writes, row by row, in the types of the schema that are named here, whose fields are told by name.
//!
//! A row is handed over as one value: reading an array for each of its columns side by side costs the server ten times as
//! much.

mod log;

use std::borrow::Cow;

use postgres_types::ToSql;
use ringup_core::delivery::{self, DeliveryKey};
use ringup_core::event::{KeepPayload, Target};
use ringup_core::json;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};

pub(super) use log::{AttemptRow, Counters};

use super::fault::Outcome;
use super::row::{bits, integer, keep_columns, words_text};
use crate::seam::NewEvent;
use crate::shape::target::pack_targets;

#[derive(Debug, ToSql)]
#[postgres(name = "new_event")]
pub(super) struct EventRow<'e> {
    account: i64,
    tick: i64,
    random: &'e [u8],
    #[postgres(name = "type")]
    event_type: &'e str,
    uid: Option<&'e str>,
    idempotency: Option<&'e str>,
    fingerprint: Option<i64>,
    channels: Option<String>,
    tags: Option<String>,
    deliver_at: Option<i64>,
    payload_until: Option<i64>,
    misfits: Option<String>,
    unregistered: bool,
    keep: i16,
    redact: Option<String>,
    targets: Vec<u8>,
}

impl<'e> EventRow<'e> {
    pub(super) fn of(tick: Tick, new: &'e NewEvent) -> Outcome<EventRow<'e>> {
        let (keep, redact) = keep_columns(&new.keep_payload)?;
        Ok(EventRow {
            account: new.account.0,
            tick: integer(tick),
            random: &new.random,
            event_type: &new.event_type,
            uid: new.uid.as_deref(),
            idempotency: new.idempotency.as_ref().map(|idempotency| idempotency.key.as_str()),
            fingerprint: new.idempotency.as_ref().map(|idempotency| bits(idempotency.fingerprint)),
            channels: words_text(&new.channels)?,
            tags: words_text(&new.extras.tags)?,
            deliver_at: new.extras.deliver_at.map(Timestamp::as_micros),
            payload_until: new.extras.payload_until.map(Timestamp::as_micros),
            misfits: words_text(&new.extras.misfits)?,
            unregistered: new.unregistered,
            keep,
            redact,
            targets: pack_targets(&new.targets),
        })
    }
}

#[derive(Debug, ToSql)]
#[postgres(name = "new_payload")]
pub(super) struct PayloadRow<'e> {
    account: i64,
    tick: i64,
    redacted: bool,
    body: Cow<'e, [u8]>,
}

impl<'e> PayloadRow<'e> {
    /// `None`: it is not kept. An event that nobody gets meets its payload's fate at once.
    pub(super) fn of(tick: Tick, new: &'e NewEvent, unfinished: bool, logged: bool) -> Option<PayloadRow<'e>> {
        let whole: &'e [u8] = &new.payload;
        let struck = |pointers: &[String]| json::strike(whole, pointers);
        let (redacted, body) = match &new.keep_payload {
            _ if unfinished => (false, whole.into()),
            KeepPayload::Whole => (false, whole.into()),
            KeepPayload::Redacted(pointers) => {
                struck(pointers).map_or((false, whole.into()), |struck| (true, struck.into()))
            }
            KeepPayload::IfLogged(pointers) if logged => {
                struck(pointers).map_or((false, whole.into()), |struck| (true, struck.into()))
            }
            KeepPayload::IfLogged(_) | KeepPayload::Never => return None,
        };
        Some(PayloadRow { account: new.account.0, tick: integer(tick), redacted, body })
    }
}

/// A delivery that wants its first attempt.
#[derive(Debug, ToSql)]
#[postgres(name = "new_live")]
pub(super) struct LiveRow {
    account: i64,
    tick: i64,
    endpoint: i64,
    due_at: Option<i64>,
    order_key: Option<i64>,
}

impl LiveRow {
    pub(super) fn of(account: AccountKey, tick: Tick, target: &Target, due_at: Option<Timestamp>) -> LiveRow {
        LiveRow {
            account: account.0,
            tick: integer(tick),
            endpoint: target.endpoint.0,
            due_at: due_at.map(Timestamp::as_micros),
            order_key: target.order_key.map(bits),
        }
    }
}

/// A delivery that is over, and how it ended; delivered ones say nothing.
#[derive(Debug, ToSql)]
#[postgres(name = "new_ended")]
pub(super) struct EndedRow {
    account: i64,
    tick: i64,
    endpoint: i64,
    how: Option<&'static str>,
}

impl EndedRow {
    pub(super) fn of(account: AccountKey, key: DeliveryKey, how: Option<delivery::Ended>) -> EndedRow {
        let DeliveryKey { endpoint: EndpointKey(endpoint), event } = key;
        EndedRow { account: account.0, tick: integer(event), endpoint, how: how.map(delivery::Ended::word) }
    }
}

/// A live delivery that is put off.
#[derive(Debug, ToSql)]
#[postgres(name = "new_retry")]
pub(super) struct RetryRow {
    account: i64,
    tick: i64,
    endpoint: i64,
    due_at: i64,
    attempts_made: i32,
}

impl RetryRow {
    pub(super) fn of(account: AccountKey, key: DeliveryKey, due_at: Timestamp, attempts_made: u32) -> RetryRow {
        RetryRow {
            account: account.0,
            tick: integer(key.event),
            endpoint: key.endpoint.0,
            due_at: due_at.as_micros(),
            attempts_made: i32::try_from(attempts_made).unwrap_or(i32::MAX),
        }
    }
}
