//! Log entries and counters of a group.

use std::collections::BTreeMap;
use std::time::Duration;

use ringup_core::delivery::DeliveryKey;
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;
use ringup_core::time::{Day, Timestamp};

use crate::log_entry::{Attempt, Count, OutcomeWord};
use crate::postgres::fault::Outcome;
use crate::postgres::link::Value;
use crate::postgres::row::{count, integer, micros};
use crate::postgres::turn::Turn;
use crate::query::MinuteCount;

/// New log entries.
#[derive(Default)]
pub(in crate::postgres) struct Attempts<'a> {
    accounts: Vec<i64>,
    events: Vec<i64>,
    ticks: Vec<i64>,
    event_randoms: Vec<Vec<u8>>,
    randoms: Vec<&'a [u8]>,
    endpoints: Vec<i64>,
    numbers: Vec<i64>,
    triggers: Vec<&'static str>,
    started_ats: Vec<i64>,
    durations: Vec<i64>,
    steps: [Vec<Option<i64>>; 4],
    urls: Vec<&'a str>,
    outcomes: Vec<&'static str>,
    statuses: Vec<Option<i32>>,
    details: Vec<Option<&'static str>>,
    headers: Vec<&'a [u8]>,
    bodies: Vec<&'a [u8]>,
    body_ends: Vec<&'static str>,
}

impl<'a> Attempts<'a> {
    pub(in crate::postgres) const TYPES: &'static str = "bigint bigint bigint bytea bytea bigint bigint text bigint bigint bigint bigint \
                                            bigint bigint text text integer text bytea bytea text";

    pub(in crate::postgres) fn add(
        &mut self,
        turn: &mut Turn,
        key: DeliveryKey,
        account: AccountKey,
        event: EventId,
        attempt: &'a Attempt,
        ended_at: Timestamp,
    ) -> Outcome<()> {
        let tick = turn.next_attempt(account, ended_at)?;
        self.accounts.push(account.0);
        self.events.push(integer(key.event));
        self.ticks.push(integer(tick));
        self.event_randoms.push(event.random().to_vec());
        self.randoms.push(&attempt.random);
        self.endpoints.push(key.endpoint.0);
        self.numbers.push(attempt.number.into());
        self.triggers.push(attempt.trigger.word());
        self.started_ats.push(attempt.started_at.as_micros());
        self.durations.push(micros(attempt.duration));
        for (column, (_, took)) in self.steps.iter_mut().zip(attempt.timing.steps()) {
            column.push(took.map(micros));
        }
        self.urls.push(&attempt.url);
        self.outcomes.push(attempt.result.outcome.word());
        self.statuses.push(attempt.result.status.map(i32::from));
        self.details.push(attempt.result.detail);
        self.headers.push(&attempt.response_headers);
        self.bodies.push(&attempt.response_body);
        self.body_ends.push(attempt.body_end.word());
        Ok(())
    }

    pub(in crate::postgres) fn values(&self) -> [Value<'_>; 21] {
        let [resolve, connect, tls, first_byte] = &self.steps;
        [
            &self.accounts,
            &self.events,
            &self.ticks,
            &self.event_randoms,
            &self.randoms,
            &self.endpoints,
            &self.numbers,
            &self.triggers,
            &self.started_ats,
            &self.durations,
            resolve,
            connect,
            tls,
            first_byte,
            &self.urls,
            &self.outcomes,
            &self.statuses,
            &self.details,
            &self.headers,
            &self.bodies,
            &self.body_ends,
        ]
    }
}

/// Counters of a group, summed before they are written.
#[derive(Default)]
pub(in crate::postgres) struct Counters(BTreeMap<(i64, i64, i64, Day), MinuteCount>);

impl Counters {
    pub(in crate::postgres) const TYPES: &'static str =
        "bigint bigint bigint bigint bigint bigint bigint bigint bigint bigint bigint";

    pub(in crate::postgres) fn add(&mut self, account: AccountKey, key: DeliveryKey, more: Count) {
        let sum = self.0.entry((account.0, key.endpoint.0, more.minute, key.event.day())).or_default();
        match more.outcome {
            OutcomeWord::Delivered => sum.delivered += 1,
            OutcomeWord::Refused => sum.refused += 1,
            OutcomeWord::TimedOut => sum.timed_out += 1,
            OutcomeWord::Unreachable => sum.unreachable += 1,
            OutcomeWord::Blocked => sum.blocked += 1,
            // Cut off by us: not the endpoint's doing.
            OutcomeWord::Interrupted => {}
        }
        sum.gave_up += u64::from(more.gave_up);
        sum.duration_ms = sum.duration_ms.saturating_add(millis(more.duration));
    }

    pub(in crate::postgres) fn columns(&self) -> [Vec<i64>; 11] {
        let mut columns: [Vec<i64>; 11] = Default::default();
        for ((account, endpoint, minute, day), sum) in &self.0 {
            let values = [
                *account,
                *endpoint,
                *minute,
                day.0,
                count(sum.delivered),
                count(sum.refused),
                count(sum.timed_out),
                count(sum.unreachable),
                count(sum.blocked),
                count(sum.gave_up),
                count(sum.duration_ms),
            ];
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        }
        columns
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
