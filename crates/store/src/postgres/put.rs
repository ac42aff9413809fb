//! Writing a group: all its rows in one statement.

use std::sync::LazyLock;

use ringup_core::delivery::{DeliveryKey, Trigger};
use ringup_core::key::EndpointKey;

use super::columns::{Attempts, Counters, Ended, Events, Live, Overs, Payloads, Retries};
use super::fault::Outcome;
use super::link::{Link, Value};
use super::row::{get, tick};

/// What a group writes.
#[derive(Default)]
pub(super) struct Rows<'g> {
    pub(super) events: Events<'g>,
    pub(super) payloads: Payloads<'g>,
    pub(super) live: Live,
    pub(super) ended: Ended,
    pub(super) attempts: Attempts<'g>,
    pub(super) counters: Counters,
    pub(super) retries: Retries,
    pub(super) overs: Overs,
}

/// A delivery that was live and is over.
pub(super) struct Over {
    pub(super) key: DeliveryKey,
    pub(super) is_delivered: bool,
}

/// In one statement, since each costs the server a turn and wakes both sides, however few rows it has. Its parts do not see
/// each other's rows and need not: what is settled was accepted in an earlier group.
static PUT: LazyLock<String> = LazyLock::new(|| {
    let mut number = 0;
    let mut given = |types: &str| {
        let arrays = types.split_whitespace().map(|name| {
            number += 1;
            format!("${number}::{name}[]")
        });
        format!("unnest({})", arrays.collect::<Vec<String>>().join(", "))
    };
    format!(
        "WITH put_event AS (
            INSERT INTO event (account, tick, random, type, uid, idempotency, fingerprint, channels, tags, deliver_at,
                               payload_until, misfits, unregistered, keep, redact, targets)
            SELECT * FROM {}
         ), put_payload AS (
            INSERT INTO payload (account, tick, redacted, body) SELECT * FROM {}
         ), put_live AS (
            INSERT INTO live (account, tick, endpoint, due_at, order_key, attempts_made, trigger)
            SELECT *, 0, '{}' FROM {}
         ), put_ended AS (
            INSERT INTO ended (account, tick, endpoint, how) SELECT * FROM {}
         ), put_attempt AS (
            INSERT INTO attempt (account, event, tick, event_random, random, endpoint, number, trigger, started_at,
                                 duration, resolve, connect, tls, first_byte, url, outcome, status, detail,
                                 response_headers, response_body, body_end)
            SELECT * FROM {}
         ), put_counter AS (
            INSERT INTO counter AS c (account, endpoint, minute, day, delivered, refused, timed_out, unreachable, blocked,
                                      gave_up, duration_ms)
            SELECT * FROM {}
            ON CONFLICT (account, endpoint, minute, day) DO UPDATE SET
               delivered = c.delivered + excluded.delivered, refused = c.refused + excluded.refused,
               timed_out = c.timed_out + excluded.timed_out, unreachable = c.unreachable + excluded.unreachable,
               blocked = c.blocked + excluded.blocked, gave_up = c.gave_up + excluded.gave_up,
               duration_ms = c.duration_ms + excluded.duration_ms
         ), retry AS (
            UPDATE live l SET due_at = w.due_at, attempts_made = w.made
            FROM {} AS w(account, tick, endpoint, due_at, made)
            WHERE l.account = w.account AND l.tick = w.tick AND l.endpoint = w.endpoint
         ), gone AS (
            DELETE FROM live l USING {} AS w(account, tick, endpoint, how)
            WHERE l.account = w.account AND l.tick = w.tick AND l.endpoint = w.endpoint
            RETURNING w.account, w.tick, w.endpoint, w.how
         ), put_over AS (
            INSERT INTO ended (account, tick, endpoint, how)
            SELECT account, tick, endpoint, how FROM gone WHERE how IS NOT NULL
         )
         SELECT tick, endpoint, how IS NULL AS delivered FROM gone",
        given(Events::TYPES),
        given(Payloads::TYPES),
        Trigger::Policy.word(),
        given(Live::TYPES),
        given(Ended::TYPES),
        given(Attempts::TYPES),
        given(Counters::TYPES),
        given(Retries::TYPES),
        given(Overs::TYPES),
    )
});

impl Rows<'_> {
    /// Answers which deliveries were live and are over.
    pub(super) async fn put(&self, link: &Link) -> Outcome<Vec<Over>> {
        let Rows { events, payloads, live, ended, attempts, counters, retries, overs } = self;
        let counters = counters.columns();
        let counters: [Value<'_>; 11] = std::array::from_fn(|column| &counters[column] as Value<'_>);
        let log = [&attempts.values()[..], &counters].concat();
        let new = [&events.values()[..], &payloads.values(), &live.values(), &ended.values()].concat();
        let values = [new, log, retries.values().to_vec(), overs.values().to_vec()].concat();
        let over = |row: tokio_postgres::Row| {
            let key = DeliveryKey { endpoint: EndpointKey(get(&row, "endpoint")?), event: tick(&row, "tick")? };
            Ok(Over { key, is_delivered: get(&row, "delivered")? })
        };
        link.query(&PUT, &values).await?.into_iter().map(over).collect()
    }
}
