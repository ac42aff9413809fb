//! Writing a group: all its rows in one statement.

use ringup_core::delivery::{DeliveryKey, Trigger};
use ringup_core::key::EndpointKey;

use super::fault::Outcome;
use super::link::{Link, Value};
use super::row::{get, tick};
use super::rows::{AttemptRow, Counters, EndedRow, EventRow, LiveRow, PayloadRow, RetryRow};

/// What a group writes.
#[derive(Default)]
pub(super) struct Rows<'g> {
    pub(super) events: Vec<EventRow<'g>>,
    pub(super) payloads: Vec<PayloadRow<'g>>,
    pub(super) live: Vec<LiveRow>,
    /// Deliveries that end without having been live.
    pub(super) ended: Vec<EndedRow>,
    pub(super) attempts: Vec<AttemptRow<'g>>,
    pub(super) counters: Counters,
    pub(super) retries: Vec<RetryRow>,
    /// Live deliveries that are over.
    pub(super) overs: Vec<EndedRow>,
}

/// A delivery that was live and is over.
pub(super) struct Over {
    pub(super) key: DeliveryKey,
    pub(super) is_delivered: bool,
}

/// In one statement, since each costs the server a turn and wakes both sides, however few rows it has. Its parts do not see
/// each other's rows and need not: what is settled was accepted in an earlier group.
pub(super) const PUT: &str = "
    WITH put_event AS (
       INSERT INTO event (account, tick, random, type, uid, idempotency, fingerprint, channels, tags, deliver_at,
                          payload_until, misfits, unregistered, keep, redact, targets)
       SELECT account, tick, random, type, uid, idempotency, fingerprint, channels, tags, deliver_at,
              payload_until, misfits, unregistered, keep, redact, targets FROM unnest($1::new_event[])
    ), put_payload AS (
       INSERT INTO payload (account, tick, redacted, body)
       SELECT account, tick, redacted, body FROM unnest($2::new_payload[])
    ), put_live AS (
       INSERT INTO live (account, tick, endpoint, due_at, attempts_made, trigger, order_key)
       SELECT account, tick, endpoint, due_at, 0, $9::text, order_key FROM unnest($3::new_live[])
    ), put_ended AS (
       INSERT INTO ended (account, tick, endpoint, how)
       SELECT account, tick, endpoint, how FROM unnest($4::new_ended[])
    ), put_attempt AS (
       INSERT INTO attempt (account, event, tick, event_random, random, endpoint, number, trigger, started_at, duration,
                            resolve, connect, tls, first_byte, url, outcome, status, detail, response_headers,
                            response_body, body_end)
       SELECT account, event, tick, event_random, random, endpoint, number, trigger, started_at, duration,
              resolve, connect, tls, first_byte, url, outcome, status, detail, response_headers,
              response_body, body_end FROM unnest($5::new_attempt[])
    ), put_counter AS (
       INSERT INTO counter AS c (account, endpoint, minute, day, delivered, refused, timed_out, unreachable, blocked,
                                 gave_up, duration_ms)
       SELECT account, endpoint, minute, day, delivered, refused, timed_out, unreachable, blocked,
              gave_up, duration_ms FROM unnest($6::new_counter[])
       ON CONFLICT (account, endpoint, minute, day) DO UPDATE SET
          delivered = c.delivered + excluded.delivered, refused = c.refused + excluded.refused,
          timed_out = c.timed_out + excluded.timed_out, unreachable = c.unreachable + excluded.unreachable,
          blocked = c.blocked + excluded.blocked, gave_up = c.gave_up + excluded.gave_up,
          duration_ms = c.duration_ms + excluded.duration_ms
    ), retry AS (
       UPDATE live l SET due_at = w.due_at, attempts_made = w.attempts_made
       FROM unnest($7::new_retry[]) AS w
       WHERE l.account = w.account AND l.tick = w.tick AND l.endpoint = w.endpoint
    ), gone AS (
       DELETE FROM live l USING unnest($8::new_ended[]) AS w
       WHERE l.account = w.account AND l.tick = w.tick AND l.endpoint = w.endpoint
       RETURNING w.account, w.tick, w.endpoint, w.how
    ), put_over AS (
       INSERT INTO ended (account, tick, endpoint, how)
       SELECT account, tick, endpoint, how FROM gone WHERE how IS NOT NULL
    )
    SELECT tick, endpoint, how IS NULL AS delivered FROM gone";

impl Rows<'_> {
    /// Answers which deliveries were live and are over.
    pub(super) async fn put(&self, link: &Link) -> Outcome<Vec<Over>> {
        let Rows { events, payloads, live, ended, attempts, counters, retries, overs } = self;
        let (counters, trigger) = (counters.rows(), Trigger::Policy.word());
        let over = |row: tokio_postgres::Row| {
            let key = DeliveryKey { endpoint: EndpointKey(get(&row, "endpoint")?), event: tick(&row, "tick")? };
            Ok(Over { key, is_delivered: get(&row, "delivered")? })
        };
        let values: [Value<'_>; 9] = [events, payloads, live, ended, attempts, &counters, retries, overs, &trigger];
        link.query(PUT, &values).await?.into_iter().map(over).collect()
    }
}
