//! What came of attempts: log entries, counters and new states of deliveries, a group in as few statements as there are
//! tables.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ringup_core::delivery::{After, DeliveryKey};
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Day, Timestamp};

use super::fate;
use super::fault::Outcome;
use super::row::{count, get, integer, micros, tick};
use super::turn::Turn;
use crate::log_entry::{Attempt, Count, OutcomeWord};
use crate::query::MinuteCount;
use crate::seam::Settlement;

/// What came of the attempts of a group. A delivery that is no longer live keeps the state it has; its attempt and counters
/// are recorded all the same.
#[derive(Default)]
pub(super) struct Settling<'s> {
    attempts: Attempts<'s>,
    counters: Counters,
    steps: HashMap<DeliveryKey, (After, &'s Settlement)>,
}

/// A delivery that was live and is over.
pub(super) struct Over {
    key: DeliveryKey,
    is_delivered: bool,
}

impl<'s> Settling<'s> {
    pub(super) async fn add(&mut self, turn: &mut Turn, settlement: &'s Settlement) -> Outcome<()> {
        let key = settlement.key;
        if !turn.has_day(key.event.day()).await? {
            // Retention took the day; its log went with it.
            return Ok(());
        }
        let (account, event) = (settlement.event.account, settlement.event.id);
        if let Some(attempt) = &settlement.attempt {
            self.attempts.add(turn, key, account, event, attempt, settlement.ended_at)?;
        }
        if let Some(count) = settlement.count {
            self.counters.add(account, key, count);
        }
        // In their order: the first that ends a delivery is the last that changes it.
        let is_over =
            self.steps.get(&key).is_some_and(|(after, _)| matches!(after, After::Delivered | After::Ended(_)));
        if !is_over && settlement.after != After::Unchanged {
            self.steps.insert(key, (settlement.after, settlement));
        }
        Ok(())
    }

    /// All at once, in one round trip. Answers which are over.
    pub(super) async fn put(&self, turn: &Turn) -> Outcome<Vec<Over>> {
        let Settling { attempts, counters, steps } = self;
        let ((), (), (), over) =
            tokio::try_join!(biased; attempts.put(turn), counters.put(turn), retry(turn, steps), end(turn, steps))?;
        Ok(over)
    }

    /// Counts what is over, and lets go of payloads that nobody needs any more.
    pub(super) async fn finish(&self, turn: &mut Turn, over: Vec<Over>) -> Outcome<()> {
        let mut delivered = Vec::new();
        for Over { key, is_delivered } in over {
            turn.count_live(key.event.day(), -1);
            match is_delivered {
                true => delivered.push(key),
                false => turn.count_ended(key.event.day(), 1),
            }
        }
        let finished = delivered.iter().filter_map(|key| self.steps.get(key)).map(|(_, settlement)| &*settlement.event);
        fate::settle_payloads(turn, finished).await
    }
}

async fn retry(turn: &Turn, steps: &HashMap<DeliveryKey, (After, &Settlement)>) -> Outcome<()> {
    let (mut accounts, mut ticks, mut endpoints) = (Vec::new(), Vec::new(), Vec::new());
    let (mut due_ats, mut made): (Vec<i64>, Vec<i32>) = (Vec::new(), Vec::new());
    for (key, (after, settlement)) in steps {
        if let After::Retry { due_at, attempts_made } = after {
            accounts.push(settlement.event.account.0);
            ticks.push(integer(key.event));
            endpoints.push(key.endpoint.0);
            due_ats.push(due_at.as_micros());
            made.push(i32::try_from(*attempts_made).unwrap_or(i32::MAX));
        }
    }
    if ticks.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE live l SET due_at = w.due_at, attempts_made = w.made
               FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[])
                    AS w(account, tick, endpoint, due_at, made)
               WHERE l.account = w.account AND l.tick = w.tick AND l.endpoint = w.endpoint";
    turn.link.execute(sql, &[&accounts, &ticks, &endpoints, &due_ats, &made]).await.map(drop)
}

/// Answers which were live.
async fn end(turn: &Turn, steps: &HashMap<DeliveryKey, (After, &Settlement)>) -> Outcome<Vec<Over>> {
    let (mut accounts, mut ticks, mut endpoints) = (Vec::new(), Vec::new(), Vec::new());
    let mut hows: Vec<Option<&str>> = Vec::new();
    for (key, (after, settlement)) in steps {
        let how = match after {
            After::Delivered => None,
            After::Ended(how) => Some(how.word()),
            After::Retry { .. } | After::Unchanged => continue,
        };
        accounts.push(settlement.event.account.0);
        ticks.push(integer(key.event));
        endpoints.push(key.endpoint.0);
        hows.push(how);
    }
    if ticks.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "WITH w AS (
                  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])
                                AS w(account, tick, endpoint, how)
               ), gone AS (
                  DELETE FROM live l USING w
                  WHERE l.account = w.account AND l.tick = w.tick AND l.endpoint = w.endpoint
                  RETURNING w.account, w.tick, w.endpoint, w.how
               ), put AS (
                  INSERT INTO ended (account, tick, endpoint, how)
                  SELECT account, tick, endpoint, how FROM gone WHERE how IS NOT NULL
               )
               SELECT tick, endpoint, how IS NULL AS delivered FROM gone";
    let over = turn.link.query(sql, &[&accounts, &ticks, &endpoints, &hows]).await?;
    over.iter()
        .map(|row| {
            let key = DeliveryKey { endpoint: EndpointKey(get(row, "endpoint")?), event: tick(row, "tick")? };
            Ok(Over { key, is_delivered: get(row, "delivered")? })
        })
        .collect()
}

/// New log entries, column by column.
#[derive(Default)]
pub(super) struct Attempts<'a> {
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
    pub(super) fn add(
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

    pub(super) async fn put(&self, turn: &Turn) -> Outcome<()> {
        if self.ticks.is_empty() {
            return Ok(());
        }
        let [resolve, connect, tls, first_byte] = &self.steps;
        turn.link
            .execute(
                "INSERT INTO attempt (account, event, tick, event_random, random, endpoint, number, trigger, started_at,
                                      duration, resolve, connect, tls, first_byte, url, outcome, status, detail,
                                      response_headers, response_body, body_end)
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bigint[],
                                      $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[],
                                      $12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::text[],
                                      $17::integer[], $18::text[], $19::bytea[], $20::bytea[], $21::text[])",
                &[
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
                ],
            )
            .await
            .map(drop)
    }
}

/// Counters of a group, summed before they are written.
#[derive(Default)]
pub(super) struct Counters(BTreeMap<(i64, i64, i64, Day), MinuteCount>);

impl Counters {
    pub(super) fn add(&mut self, account: AccountKey, key: DeliveryKey, more: Count) {
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

    pub(super) async fn put(&self, turn: &Turn) -> Outcome<()> {
        if self.0.is_empty() {
            return Ok(());
        }
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
        let values: Vec<super::link::Value<'_>> =
            columns.iter().map(|column| column as super::link::Value<'_>).collect();
        turn.link
            .execute(
                "INSERT INTO counter AS c (account, endpoint, minute, day, delivered, refused, timed_out, unreachable,
                                           blocked, gave_up, duration_ms)
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                                      $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
                 ON CONFLICT (account, endpoint, minute, day) DO UPDATE SET
                    delivered = c.delivered + excluded.delivered, refused = c.refused + excluded.refused,
                    timed_out = c.timed_out + excluded.timed_out, unreachable = c.unreachable + excluded.unreachable,
                    blocked = c.blocked + excluded.blocked, gave_up = c.gave_up + excluded.gave_up,
                    duration_ms = c.duration_ms + excluded.duration_ms",
                &values,
            )
            .await
            .map(drop)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
