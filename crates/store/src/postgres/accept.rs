//! Accepting events: ids, idempotency, deliveries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::{DeliveryKey, Ended};
use ringup_core::event::Event;
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;
use ringup_core::time::{Tick, Timestamp};

use super::fault::Outcome;
use super::link::Link;
use super::put::Rows;
use super::row::{bits_back, event_id, get, integer};
use super::rows::{AttemptRow, EndedRow, EventRow, LiveRow, PayloadRow};
use super::turn::Turn;
use crate::seam::{Acceptance, Fresh, NewEvent};

/// Events that have the names of those that come.
#[derive(Default)]
pub(super) struct Known<'e> {
    by_idempotency: HashMap<(AccountKey, &'e str), (EventId, u64)>,
    by_uid: HashMap<(AccountKey, &'e str), EventId>,
}

impl<'e> Known<'e> {
    /// Of these events. For a turn that has locked their shards.
    pub(super) async fn load(link: &Link, window: Duration, events: Vec<&'e NewEvent>) -> Outcome<Known<'e>> {
        let mut known = Known::default();
        let keyed = events.iter().filter_map(|event| {
            let idempotency = event.idempotency.as_ref()?;
            Some((event.account, idempotency.key.as_str(), idempotency.not_before))
        });
        let named = events
            .iter()
            .filter_map(|event| Some((event.account, event.uid.as_deref()?, event.now.saturating_sub(window))));
        let (keyed, named) = tokio::try_join!(
            biased;
            newest(link, "idempotency", keyed.collect()),
            newest(link, "uid", named.collect())
        )?;
        for (name, row) in keyed {
            let fingerprint = get::<Option<i64>>(&row, "fingerprint")?.map(bits_back).unwrap_or_default();
            known.by_idempotency.insert(name, (event_id(&row)?, fingerprint));
        }
        for (name, row) in named {
            known.by_uid.insert(name, event_id(&row)?);
        }
        Ok(known)
    }

    /// What an earlier event with the same idempotency key, or else the same uid, makes of this one.
    fn seen(&self, window: Duration, event: &NewEvent) -> Option<Acceptance> {
        if let Some(idempotency) = &event.idempotency {
            let earlier = self.by_idempotency.get(&(event.account, idempotency.key.as_str()));
            if let Some((id, fingerprint)) = earlier.filter(|(id, _)| id.tick().time() >= idempotency.not_before) {
                let same = *fingerprint == idempotency.fingerprint;
                return Some(if same { Acceptance::Repeated(*id) } else { Acceptance::KeyReused(*id) });
            }
        }
        let id = self.by_uid.get(&(event.account, event.uid.as_deref()?))?;
        let taken = id.tick().time() >= event.now.saturating_sub(window);
        taken.then_some(Acceptance::UidTaken(*id))
    }

    fn learn(&mut self, event: &'e NewEvent, id: EventId) {
        if let Some(idempotency) = &event.idempotency {
            self.by_idempotency.insert((event.account, &idempotency.key), (id, idempotency.fingerprint));
        }
        if let Some(uid) = &event.uid {
            self.by_uid.insert((event.account, uid), id);
        }
    }
}

/// The newest events that have these names, if they are not older than that matters.
async fn newest<'e>(
    link: &Link,
    column: &str,
    names: Vec<(AccountKey, &'e str, Timestamp)>,
) -> Outcome<Vec<((AccountKey, &'e str), tokio_postgres::Row)>> {
    let Some(oldest) = names.iter().map(|(_, _, since)| *since).min() else { return Ok(Vec::new()) };
    let since = integer(Tick::at(oldest.saturating_sub(Duration::from_micros(1))));
    let accounts: Vec<i64> = names.iter().map(|(account, ..)| account.0).collect();
    let texts: Vec<&str> = names.iter().map(|(_, name, _)| *name).collect();
    // The account is told apart by what no index holds, so that the name's own is taken whatever the planner believes.
    let sql = format!(
        "SELECT w.n, f.tick, f.random, f.fingerprint
         FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS w(account, name, n)
         CROSS JOIN LATERAL (
            SELECT e.tick, e.random, e.fingerprint FROM event e
            WHERE e.{column} = w.name AND e.account + 0 = w.account AND e.tick > $3 ORDER BY e.tick + 0 DESC LIMIT 1
         ) f"
    );
    let found = link.query(&sql, &[&accounts, &texts, &since]).await?;
    let mut named = Vec::with_capacity(found.len());
    for row in found {
        let number = usize::try_from(get::<i64>(&row, "n")?).unwrap_or(0);
        if let Some((account, name, _)) = number.checked_sub(1).and_then(|number| names.get(number)) {
            named.push(((*account, *name), row));
        }
    }
    Ok(named)
}

impl<'e> Rows<'e> {
    /// Takes all of them, and answers for each what it became.
    pub(super) async fn accept(
        &mut self,
        turn: &mut Turn,
        known: &mut Known<'e>,
        events: &'e [NewEvent],
    ) -> Outcome<Vec<Acceptance>> {
        let mut acceptances = Vec::with_capacity(events.len());
        for event in events {
            let acceptance = match known.seen(turn.shared.plan.idempotency_window, event) {
                Some(acceptance) => acceptance,
                None => {
                    let id = self.add(turn, event).await?;
                    known.learn(event, id);
                    Acceptance::New(id)
                }
            };
            acceptances.push(acceptance);
        }
        Ok(acceptances)
    }

    async fn add(&mut self, turn: &mut Turn, new: &'e NewEvent) -> Outcome<EventId> {
        let tick = turn.next_event(new.account, new.now)?;
        turn.make_day(tick.day()).await?;
        turn.count_events(tick.day(), 1);
        let id = EventId::of_tick(tick, new.random);
        self.events.push(EventRow::of(tick, new)?);

        let mut unfinished = false;
        let mut event = None;
        let due_at = new.extras.due_at(new.now);
        for target in new.targets.iter().filter(|_| new.asked.is_none()) {
            unfinished = true;
            if target.skipped {
                let key = DeliveryKey { endpoint: target.endpoint, event: tick };
                self.ended.push(EndedRow::of(new.account, key, Some(Ended::Skipped)));
                turn.count_ended(tick.day(), 1);
                continue;
            }
            self.live.push(LiveRow::of(new.account, tick, target, due_at));
            turn.count_live(tick.day(), 1);
            let event = event.get_or_insert_with(|| {
                Arc::new(Event {
                    id,
                    account: new.account,
                    event_type: new.event_type.clone(),
                    payload: new.payload.clone(),
                    keep_payload: new.keep_payload.clone(),
                })
            });
            let (endpoint, order_key) = (target.endpoint, target.order_key);
            turn.offer(Fresh { event: event.clone(), endpoint, order_key, due_at });
        }
        let mut logged = false;
        if let (Some(asked), Some(target)) = (&new.asked, new.targets.first()) {
            let key = DeliveryKey { endpoint: target.endpoint, event: tick };
            if let Some(how) = asked.ended {
                unfinished = true;
                self.ended.push(EndedRow::of(new.account, key, Some(how)));
                turn.count_ended(tick.day(), 1);
            }
            if let Some(attempt) = &asked.attempt {
                logged = true;
                let at = turn.next_attempt(new.account, asked.ended_at)?;
                self.attempts.push(AttemptRow::of(at, key, new.account, id, attempt));
            }
            if let Some(count) = asked.count {
                self.counters.add(new.account, key, count);
            }
        }
        self.payloads.extend(PayloadRow::of(tick, new, unfinished, logged));
        Ok(id)
    }
}
