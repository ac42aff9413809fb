//! Accepting events: ids, idempotency, deliveries; a group in as few statements as there are tables.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::{DeliveryKey, Trigger};
use ringup_core::event::{Event, KeepPayload};
use ringup_core::id::EventId;
use ringup_core::json;
use ringup_core::key::AccountKey;
use ringup_core::time::{Tick, Timestamp};

use super::fault::Outcome;
use super::link::Link;
use super::row::{bits, bits_back, event_id, get, integer, keep_columns, words_text};
use super::settle::{Attempts, Counters};
use super::turn::Turn;
use crate::seam::{Acceptance, Fresh, NewEvent};
use crate::shape::target::pack_targets;

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
        for (name, row) in newest(link, "idempotency", keyed.collect()).await? {
            let fingerprint = get::<Option<i64>>(&row, "fingerprint")?.map(bits_back).unwrap_or_default();
            known.by_idempotency.insert(name, (event_id(&row)?, fingerprint));
        }
        let named = events
            .iter()
            .filter_map(|event| Some((event.account, event.uid.as_deref()?, event.now.saturating_sub(window))));
        for (name, row) in newest(link, "uid", named.collect()).await? {
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

/// New rows, column by column.
#[derive(Default)]
pub(super) struct Rows<'e> {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    randoms: Vec<&'e [u8]>,
    types: Vec<&'e str>,
    uids: Vec<Option<&'e str>>,
    keys: Vec<Option<&'e str>>,
    fingerprints: Vec<Option<i64>>,
    channels: Vec<Option<String>>,
    tags: Vec<Option<String>>,
    deliver_ats: Vec<Option<i64>>,
    payload_untils: Vec<Option<i64>>,
    misfits: Vec<Option<String>>,
    unregistereds: Vec<bool>,
    keeps: Vec<i16>,
    redacts: Vec<Option<String>>,
    targets: Vec<Vec<u8>>,
    payloads: Payloads<'e>,
    live: Live,
    ended: Ended,
    attempts: Attempts<'e>,
    counters: Counters,
}

#[derive(Default)]
struct Payloads<'e> {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    redacted: Vec<bool>,
    bodies: Vec<std::borrow::Cow<'e, [u8]>>,
}

#[derive(Default)]
struct Live {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    endpoints: Vec<i64>,
    due_ats: Vec<Option<i64>>,
    order_keys: Vec<Option<i64>>,
}

#[derive(Default)]
struct Ended {
    accounts: Vec<i64>,
    ticks: Vec<i64>,
    endpoints: Vec<i64>,
    hows: Vec<&'static str>,
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
        let (account, at) = (new.account.0, integer(tick));
        let (keep, redact) = keep_columns(&new.keep_payload)?;
        self.accounts.push(account);
        self.ticks.push(at);
        self.randoms.push(&new.random);
        self.types.push(&new.event_type);
        self.uids.push(new.uid.as_deref());
        self.keys.push(new.idempotency.as_ref().map(|idempotency| idempotency.key.as_str()));
        self.fingerprints.push(new.idempotency.as_ref().map(|idempotency| bits(idempotency.fingerprint)));
        self.channels.push(words_text(&new.channels)?);
        self.tags.push(words_text(&new.extras.tags)?);
        self.deliver_ats.push(new.extras.deliver_at.map(Timestamp::as_micros));
        self.payload_untils.push(new.extras.payload_until.map(Timestamp::as_micros));
        self.misfits.push(words_text(&new.extras.misfits)?);
        self.unregistereds.push(new.unregistered);
        self.keeps.push(keep);
        self.redacts.push(redact);
        self.targets.push(pack_targets(&new.targets));

        let mut unfinished = false;
        let mut event = None;
        let due_at = new.extras.due_at(new.now);
        for target in new.targets.iter().filter(|_| new.asked.is_none()) {
            unfinished = true;
            if target.skipped {
                self.ended.push(account, at, target.endpoint.0, ringup_core::delivery::Ended::Skipped);
                turn.count_ended(tick.day(), 1);
                continue;
            }
            self.live.accounts.push(account);
            self.live.ticks.push(at);
            self.live.endpoints.push(target.endpoint.0);
            self.live.due_ats.push(due_at.map(Timestamp::as_micros));
            self.live.order_keys.push(target.order_key.map(bits));
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
                self.ended.push(account, at, target.endpoint.0, how);
                turn.count_ended(tick.day(), 1);
            }
            if let Some(attempt) = &asked.attempt {
                logged = true;
                self.attempts.add(turn, key, new.account, id, attempt, asked.ended_at)?;
            }
            if let Some(count) = asked.count {
                self.counters.add(new.account, key, count);
            }
        }
        self.payloads.add(account, at, new, unfinished, logged);
        Ok(id)
    }

    /// All tables at once, one round trip: none of these statements needs what another one did.
    pub(super) async fn put(self, turn: &Turn) -> Outcome<()> {
        if self.ticks.is_empty() {
            return Ok(());
        }
        let rest = (self.payloads.put(turn), self.live.put(turn), self.ended.put(turn));
        let log = (self.attempts.put(turn), self.counters.put(turn));
        tokio::try_join!(biased; self.put_events(turn), rest.0, rest.1, rest.2, log.0, log.1).map(drop)
    }

    async fn put_events(&self, turn: &Turn) -> Outcome<()> {
        turn.link
            .execute(
                "INSERT INTO event (account, tick, random, type, uid, idempotency, fingerprint, channels, tags, deliver_at,
                                    payload_until, misfits, unregistered, keep, redact, targets)
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[],
                                      $7::bigint[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[],
                                      $13::boolean[], $14::smallint[], $15::text[], $16::bytea[])",
                &[
                    &self.accounts,
                    &self.ticks,
                    &self.randoms,
                    &self.types,
                    &self.uids,
                    &self.keys,
                    &self.fingerprints,
                    &self.channels,
                    &self.tags,
                    &self.deliver_ats,
                    &self.payload_untils,
                    &self.misfits,
                    &self.unregistereds,
                    &self.keeps,
                    &self.redacts,
                    &self.targets,
                ],
            )
            .await
            .map(drop)
    }
}

impl Payloads<'_> {
    async fn put(&self, turn: &Turn) -> Outcome<()> {
        let Payloads { accounts, ticks, redacted, bodies } = self;
        if ticks.is_empty() {
            return Ok(());
        }
        let bodies: Vec<&[u8]> = bodies.iter().map(AsRef::as_ref).collect();
        let sql = "INSERT INTO payload (account, tick, redacted, body)
                   SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::bytea[])";
        turn.link.execute(sql, &[accounts, ticks, redacted, &bodies]).await.map(drop)
    }
}

impl Live {
    async fn put(&self, turn: &Turn) -> Outcome<()> {
        let Live { accounts, ticks, endpoints, due_ats, order_keys } = self;
        if ticks.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO live (account, tick, endpoint, due_at, attempts_made, trigger, order_key)
                   SELECT account, tick, endpoint, due_at, 0, $6, order_key
                   FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
                        AS w(account, tick, endpoint, due_at, order_key)";
        let trigger = Trigger::Policy.word();
        turn.link.execute(sql, &[accounts, ticks, endpoints, due_ats, order_keys, &trigger]).await.map(drop)
    }
}

impl Ended {
    async fn put(&self, turn: &Turn) -> Outcome<()> {
        let Ended { accounts, ticks, endpoints, hows } = self;
        if ticks.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO ended (account, tick, endpoint, how)
                   SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])";
        turn.link.execute(sql, &[accounts, ticks, endpoints, hows]).await.map(drop)
    }

    fn push(&mut self, account: i64, tick: i64, endpoint: i64, how: ringup_core::delivery::Ended) {
        self.accounts.push(account);
        self.ticks.push(tick);
        self.endpoints.push(endpoint);
        self.hows.push(how.word());
    }
}

impl<'e> Payloads<'e> {
    /// An event that nobody gets meets its payload's fate at once.
    fn add(&mut self, account: i64, tick: i64, new: &'e NewEvent, unfinished: bool, logged: bool) {
        let whole: &'e [u8] = &new.payload;
        let struck = |pointers: &[String]| json::strike(whole, pointers);
        let kept = match &new.keep_payload {
            _ if unfinished => Some((false, whole.into())),
            KeepPayload::Whole => Some((false, whole.into())),
            KeepPayload::Redacted(pointers) => {
                Some(struck(pointers).map_or((false, whole.into()), |struck| (true, struck.into())))
            }
            KeepPayload::IfLogged(pointers) if logged => {
                Some(struck(pointers).map_or((false, whole.into()), |struck| (true, struck.into())))
            }
            KeepPayload::IfLogged(_) | KeepPayload::Never => None,
        };
        if let Some((redacted, body)) = kept {
            self.accounts.push(account);
            self.ticks.push(tick);
            self.redacted.push(redacted);
            self.bodies.push(body);
        }
    }
}
