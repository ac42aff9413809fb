//! Log entries and counters of a group.

use std::collections::BTreeMap;

use postgres_types::ToSql;
use ringup_core::delivery::DeliveryKey;
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;
use ringup_core::time::{Day, Tick};

use crate::log_entry::{Attempt, Count};
use crate::postgres::row::{count, integer, micros};
use crate::query::MinuteCount;

#[derive(Debug, ToSql)]
#[postgres(name = "new_attempt")]
pub(in crate::postgres) struct AttemptRow<'a> {
    account: i64,
    event: i64,
    tick: i64,
    event_random: Vec<u8>,
    random: &'a [u8],
    endpoint: i64,
    number: i64,
    trigger: &'static str,
    started_at: i64,
    duration: i64,
    resolve: Option<i64>,
    connect: Option<i64>,
    tls: Option<i64>,
    first_byte: Option<i64>,
    url: &'a str,
    outcome: &'static str,
    status: Option<i32>,
    detail: Option<&'static str>,
    response_headers: &'a [u8],
    response_body: &'a [u8],
    body_end: &'static str,
}

impl<'a> AttemptRow<'a> {
    pub(in crate::postgres) fn of(
        tick: Tick,
        key: DeliveryKey,
        account: AccountKey,
        event: EventId,
        attempt: &'a Attempt,
    ) -> AttemptRow<'a> {
        let [resolve, connect, tls, first_byte] = attempt.timing.steps().map(|(_, took)| took.map(micros));
        AttemptRow {
            account: account.0,
            event: integer(key.event),
            tick: integer(tick),
            event_random: event.random().to_vec(),
            random: &attempt.random,
            endpoint: key.endpoint.0,
            number: attempt.number.into(),
            trigger: attempt.trigger.word(),
            started_at: attempt.started_at.as_micros(),
            duration: micros(attempt.duration),
            resolve,
            connect,
            tls,
            first_byte,
            url: &attempt.url,
            outcome: attempt.result.outcome.word(),
            status: attempt.result.status.map(i32::from),
            detail: attempt.result.detail,
            response_headers: &attempt.response_headers,
            response_body: &attempt.response_body,
            body_end: attempt.body_end.word(),
        }
    }
}

#[derive(Debug, ToSql)]
#[postgres(name = "new_counter")]
pub(in crate::postgres) struct CounterRow {
    account: i64,
    endpoint: i64,
    minute: i64,
    day: i64,
    delivered: i64,
    refused: i64,
    timed_out: i64,
    unreachable: i64,
    blocked: i64,
    gave_up: i64,
    duration_ms: i64,
}

/// Counters of a group, summed before they are written.
#[derive(Default)]
pub(in crate::postgres) struct Counters(BTreeMap<(i64, i64, i64, Day), MinuteCount>);

impl Counters {
    pub(in crate::postgres) fn add(&mut self, account: AccountKey, key: DeliveryKey, more: Count) {
        self.0.entry((account.0, key.endpoint.0, more.minute, key.event.day())).or_default().count(more);
    }

    pub(in crate::postgres) fn rows(&self) -> Vec<CounterRow> {
        let row = |(name, sum): (&(i64, i64, i64, Day), &MinuteCount)| CounterRow {
            account: name.0,
            endpoint: name.1,
            minute: name.2,
            day: name.3.0,
            delivered: count(sum.delivered),
            refused: count(sum.refused),
            timed_out: count(sum.timed_out),
            unreachable: count(sum.unreachable),
            blocked: count(sum.blocked),
            gave_up: count(sum.gave_up),
            duration_ms: count(sum.duration_ms),
        };
        self.0.iter().map(row).collect()
    }
}
