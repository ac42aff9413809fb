//! Bringing deliveries back by hand, and removing content for good.

use std::collections::{BTreeMap, BTreeSet};

use ringup_core::delivery::{DeliveryKey, Ended, Trigger};
use ringup_core::event::Target;
use ringup_core::id::{AttemptId, EventId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::order::order_key;
use ringup_core::time::Tick;

use super::fault::Outcome;
use super::notice::Notice;
use super::row::{array, bits, get, integer, tick};
use super::shared::not_found;
use super::turn::Turn;
use super::work;
use crate::query::Reach;
use crate::seam::{Recall, Recalled, Resent};
use crate::shape::target::{pack_targets, unpack_targets};

pub(super) async fn resend(
    turn: &mut Turn,
    account: AccountKey,
    event: EventId,
    endpoint: EndpointKey,
) -> Outcome<(Resent, Vec<Notice>)> {
    let sql =
        "SELECT e.targets, p.redacted FROM event e LEFT JOIN payload p ON p.account = e.account AND p.tick = e.tick
               WHERE e.account = $1 AND e.tick = $2 AND e.random = $3";
    turn.lock_account(account).await?;
    let at = integer(event.tick());
    let Some(row) = turn.link.one(sql, &[&account.0, &at, &event.random().as_slice()]).await? else {
        return Ok((Resent::NotFound, Vec::new()));
    };
    let targets = unpack_targets(get(&row, "targets")?)?;
    let Some(target) = targets.into_iter().find(|target| target.endpoint == endpoint) else {
        return Ok((Resent::NeverMatched, Vec::new()));
    };
    if get::<Option<bool>>(&row, "redacted")? != Some(false) {
        return Ok((Resent::PayloadGone, Vec::new()));
    }
    let sql = "UPDATE live SET due_at = NULL WHERE account = $1 AND tick = $2 AND endpoint = $3";
    if turn.link.execute(sql, &[&account.0, &at, &endpoint.0]).await? == 0 {
        bring_back(turn, account, &[Back { tick: event.tick(), target, trigger: Trigger::Manual }]).await?;
    }
    let loaded = work::one(&turn.link, account, event.tick(), endpoint).await?.ok_or_else(not_found)?;
    Ok((Resent::Done, vec![Notice::Resent(loaded)]))
}

/// A delivery that becomes live.
struct Back {
    tick: Tick,
    target: Target,
    trigger: Trigger,
}

async fn bring_back(turn: &mut Turn, account: AccountKey, back: &[Back]) -> Outcome<()> {
    let ticks: Vec<i64> = back.iter().map(|back| integer(back.tick)).collect();
    let endpoints: Vec<i64> = back.iter().map(|back| back.target.endpoint.0).collect();
    let triggers: Vec<&str> = back.iter().map(|back| back.trigger.word()).collect();
    let order_keys: Vec<Option<i64>> = back.iter().map(|back| back.target.order_key.map(bits)).collect();
    let sql = "DELETE FROM ended n USING unnest($2::bigint[], $3::bigint[]) AS w(tick, endpoint)
               WHERE n.account = $1 AND n.tick = w.tick AND n.endpoint = w.endpoint RETURNING n.tick";
    for row in turn.link.query(sql, &[&account.0, &ticks, &endpoints]).await? {
        turn.count_ended(tick(&row, "tick")?.day(), -1);
    }
    let sql = "INSERT INTO live (account, tick, endpoint, due_at, attempts_made, trigger, order_key)
               SELECT $1, tick, endpoint, NULL, 0, trigger, order_key
               FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[]) AS w(tick, endpoint, trigger, order_key)";
    turn.link.execute(sql, &[&account.0, &ticks, &endpoints, &triggers, &order_keys]).await?;
    back.iter().for_each(|back| turn.count_live(back.tick.day(), 1));
    Ok(())
}

/// What came of each, in their order.
pub(super) async fn recall(turn: &mut Turn, recall: Recall) -> Outcome<(Vec<Recalled>, Vec<Notice>)> {
    turn.lock_account(recall.account).await?;
    let ticks: Vec<i64> = recall.events.iter().map(|event| integer(event.tick())).collect();
    let sql = "SELECT e.tick, e.random, e.targets, p.redacted, l.endpoint AS live,
                      CASE WHEN $4 THEN p.body END AS body
               FROM event e LEFT JOIN payload p ON p.account = e.account AND p.tick = e.tick
               LEFT JOIN live l ON l.account = e.account AND l.tick = e.tick AND l.endpoint = $3
               WHERE e.account = $1 AND e.tick = ANY ($2::bigint[])";
    let wants_body = recall.order_pointer.is_some();
    let rows = turn.link.query(sql, &[&recall.account.0, &ticks, &recall.endpoint.0, &wants_body]).await?;
    let mut found = BTreeMap::new();
    for row in rows {
        found.insert(tick(&row, "tick")?, row);
    }
    let mut back: Vec<Back> = Vec::new();
    let mut live: BTreeSet<Tick> = BTreeSet::new();
    let (mut longer_ticks, mut longer): (Vec<i64>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    let mut recalled = Vec::with_capacity(recall.events.len());
    for event in &recall.events {
        let row = found.get(&event.tick());
        let Some(row) = row.filter(|row| array::<12>(row, "random").is_ok_and(|random| random == event.random()))
        else {
            recalled.push(Recalled::NotFound);
            continue;
        };
        if live.contains(&event.tick()) {
            recalled.push(if recall.reach == Reach::Sent { Recalled::Live } else { Recalled::OutOfReach });
            continue;
        }
        let mut targets = unpack_targets(get(row, "targets")?)?;
        let target = targets.iter().find(|target| target.endpoint == recall.endpoint).copied();
        let (target, trigger) = match target {
            _ if target.is_some() != (recall.reach == Reach::Sent) => {
                recalled.push(Recalled::OutOfReach);
                continue;
            }
            _ if get::<Option<bool>>(row, "redacted")? != Some(false) => {
                recalled.push(Recalled::PayloadGone);
                continue;
            }
            Some(_) if get::<Option<i64>>(row, "live")?.is_some() => {
                recalled.push(Recalled::Live);
                continue;
            }
            Some(target) => (target, Trigger::Manual),
            None => {
                let body: Option<&[u8]> = get(row, "body")?;
                let pointer = recall.order_pointer.as_ref();
                let order_key = pointer.map(|pointer| order_key(body.unwrap_or_default(), pointer));
                let target = Target { endpoint: recall.endpoint, order_key, skipped: false };
                targets.push(target);
                longer_ticks.push(integer(event.tick()));
                longer.push(pack_targets(&targets));
                (target, Trigger::Policy)
            }
        };
        live.insert(event.tick());
        back.push(Back { tick: event.tick(), target, trigger });
        recalled.push(Recalled::Done);
    }
    if !longer.is_empty() {
        let sql = "UPDATE event e SET targets = w.targets FROM unnest($2::bigint[], $3::bytea[]) AS w(tick, targets)
                   WHERE e.account = $1 AND e.tick = w.tick";
        turn.link.execute(sql, &[&recall.account.0, &longer_ticks, &longer]).await?;
    }
    let oldest = back.iter().map(|back| back.tick).min();
    if oldest.is_some() {
        bring_back(turn, recall.account, &back).await?;
    }
    Ok((recalled, oldest.map(|oldest| Notice::Recalled(recall.account, recall.endpoint, oldest)).into_iter().collect()))
}

pub(super) async fn expunge_event(turn: &mut Turn, account: AccountKey, event: EventId) -> Outcome<((), Vec<Notice>)> {
    turn.lock_account(account).await?;
    let at = integer(event.tick());
    let sql = "SELECT 1 FROM event WHERE account = $1 AND tick = $2 AND random = $3";
    turn.link.one(sql, &[&account.0, &at, &event.random().as_slice()]).await?.ok_or_else(not_found)?;
    let sql = "WITH gone AS (
                  DELETE FROM live WHERE account = $1 AND tick = $2 RETURNING account, tick, endpoint
               ), put AS (
                  INSERT INTO ended (account, tick, endpoint, how) SELECT account, tick, endpoint, $3 FROM gone
               )
               SELECT endpoint FROM gone";
    let mut discarded = Vec::new();
    for row in turn.link.query(sql, &[&account.0, &at, &Ended::Cancelled.word()]).await? {
        discarded.push(DeliveryKey { endpoint: EndpointKey(get(&row, "endpoint")?), event: event.tick() });
        turn.count_live(event.tick().day(), -1);
        turn.count_ended(event.tick().day(), 1);
    }
    turn.link.execute("DELETE FROM payload WHERE account = $1 AND tick = $2", &[&account.0, &at]).await?;
    let notices = if discarded.is_empty() { Vec::new() } else { vec![Notice::Discarded(account, discarded)] };
    Ok(((), notices))
}

pub(super) async fn expunge_attempt(
    turn: &mut Turn,
    account: AccountKey,
    event: EventId,
    attempt: AttemptId,
) -> Outcome<((), Vec<Notice>)> {
    let sql = "UPDATE attempt SET response_headers = '', response_body = ''
               WHERE account = $1 AND event = $2 AND event_random = $3 AND tick = $4 AND random = $5";
    turn.lock_account(account).await?;
    let (event_random, random) = (event.random(), attempt.random());
    let touched = turn
        .link
        .execute(
            sql,
            &[
                &account.0,
                &integer(event.tick()),
                &event_random.as_slice(),
                &integer(attempt.tick()),
                &random.as_slice(),
            ],
        )
        .await?;
    if touched == 0 { Err(not_found()) } else { Ok(((), Vec::new())) }
}
