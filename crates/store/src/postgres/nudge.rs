//! What a node tells another through the database: that there is work for it. Written in the commit that made the work,
//! and taken by whoever owns the shard then; so it is seen when the work is, and never before.
//!
//! Whoever gets a shard reads all its work, so what was taken and not heeded is no loss.

use std::collections::BTreeMap;

use ringup_core::delivery::DeliveryKey;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::shard::Shard;
use ringup_core::time::{Tick, Timestamp};
use tokio_postgres::Row;

use super::fault::{Fault, Outcome};
use super::link::Link;
use super::notice::Notice;
use super::row::{EVENT, LIVE, get, integer, loaded, moment, tick};
use super::work;
use crate::seam::{Fresh, Loaded};

/// Taken at once; the rest with the next look.
const TAKEN_MAX: i64 = 512;

/// Deliveries whose payload is larger are read by their lane when it has room for them.
const FETCHED_BYTES_MAX: usize = 16 * 1024;

/// What is told.
pub(super) enum Nudge {
    /// These want their first attempt.
    Fresh(Vec<Loaded>),
    /// Deliveries of the endpoint wait, the oldest of this event.
    Work(EndpointKey, Tick),
    /// Something is put off until this time.
    Later(Timestamp),
    Resent(Loaded),
    Discarded(DeliveryKey),
}

const WORK: i16 = 0;
const LATER: i16 = 1;
const RESENT: i16 = 2;
const DISCARDED: i16 = 3;
const FRESH: i16 = 4;

#[derive(Default)]
struct Rows {
    shards: Vec<i32>,
    kinds: Vec<i16>,
    accounts: Vec<i64>,
    endpoints: Vec<i64>,
    ticks: Vec<i64>,
    due_ats: Vec<Option<i64>>,
}

impl Rows {
    fn add(&mut self, kind: i16, account: AccountKey, endpoint: EndpointKey, at: Tick, due_at: Option<Timestamp>) {
        self.shards.push(Shard::of(account).number());
        self.kinds.push(kind);
        self.accounts.push(account.0);
        self.endpoints.push(endpoint.0);
        self.ticks.push(integer(at));
        self.due_ats.push(due_at.map(Timestamp::as_micros));
    }
}

/// What is small is named by itself, so that its owner reads all of it at once; of the rest one row for each endpoint.
pub(super) async fn put(link: &Link, fresh: &[Fresh], notices: &[Notice]) -> Outcome<()> {
    let mut oldest: BTreeMap<EndpointKey, (AccountKey, Tick)> = BTreeMap::new();
    let mut earliest: BTreeMap<Shard, (&Fresh, Timestamp)> = BTreeMap::new();
    let mut rows = Rows::default();
    for fresh in fresh {
        let account = fresh.event.account;
        match fresh.due_at {
            None if fresh.event.payload.len() <= FETCHED_BYTES_MAX => {
                rows.add(FRESH, account, fresh.endpoint, fresh.event.tick(), None);
            }
            // They come in the order of their ticks.
            None => drop(oldest.entry(fresh.endpoint).or_insert((account, fresh.event.tick()))),
            Some(at) => {
                let first = earliest.entry(Shard::of(account)).or_insert((fresh, at));
                if at < first.1 {
                    *first = (fresh, at);
                }
            }
        }
    }
    oldest.into_iter().for_each(|(endpoint, (account, tick))| rows.add(WORK, account, endpoint, tick, None));
    for (fresh, at) in earliest.into_values() {
        rows.add(LATER, fresh.event.account, fresh.endpoint, fresh.event.tick(), Some(at));
    }
    for notice in notices {
        match notice {
            Notice::Resent(loaded) => {
                let key = loaded.delivery.key;
                rows.add(RESENT, loaded.event.account, key.endpoint, key.event, None);
            }
            Notice::Recalled(account, endpoint, oldest) => rows.add(WORK, *account, *endpoint, *oldest, None),
            Notice::Discarded(account, keys) => {
                keys.iter().for_each(|key| rows.add(DISCARDED, *account, key.endpoint, key.event, None));
            }
        }
    }
    if rows.shards.is_empty() {
        return Ok(());
    }
    let Rows { shards, kinds, accounts, endpoints, ticks, due_ats } = &rows;
    let sql = "INSERT INTO nudge (shard, kind, account, endpoint, tick, due_at)
               SELECT * FROM unnest($1::integer[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])";
    link.execute(sql, &[shards, kinds, accounts, endpoints, ticks, due_ats]).await.map(drop)
}

/// Takes what was left for these shards, or the first of it, and reads the small deliveries that it names: one statement,
/// which sees what was committed with it.
pub(super) async fn take(link: &Link, shards: &[i32]) -> Outcome<Vec<Nudge>> {
    let sql = format!(
        "WITH w AS (
            DELETE FROM nudge WHERE number IN (
               SELECT number FROM nudge WHERE shard = ANY ($1) ORDER BY number LIMIT $2
            )
            RETURNING number, kind, account, endpoint, tick, due_at
         )
         SELECT w.kind, w.account AS whose, w.endpoint AS lane, w.tick AS at, w.due_at AS until, {EVENT}, {LIVE}
         FROM w
         LEFT JOIN live l ON w.kind = {FRESH} AND l.account = w.account AND l.tick = w.tick AND l.endpoint = w.endpoint
         LEFT JOIN event e ON e.account = l.account AND e.tick = l.tick
         LEFT JOIN payload p ON p.account = l.account AND p.tick = l.tick
         ORDER BY w.number"
    );
    let rows = link.query(&sql, &[&shards, &TAKEN_MAX]).await?;
    let (mut fresh, mut others) = (Vec::new(), Vec::new());
    for row in &rows {
        if get::<i16>(row, "kind")? != FRESH {
            others.extend(read(link, row).await?);
        } else if get::<Option<i64>>(row, "tick")?.is_some() {
            // What is not live any more was ended since.
            fresh.push(loaded(row)?);
        }
    }
    // In the order of their events; told in any case: the look is over.
    fresh.sort_unstable_by_key(|loaded| loaded.delivery.key.event);
    others.insert(0, Nudge::Fresh(fresh));
    Ok(others)
}

async fn read(link: &Link, row: &Row) -> Outcome<Option<Nudge>> {
    let (endpoint, at) = (EndpointKey(get(row, "lane")?), tick(row, "at")?);
    Ok(match get::<i16>(row, "kind")? {
        WORK => Some(Nudge::Work(endpoint, at)),
        LATER => moment(row, "until")?.map(Nudge::Later),
        RESENT => work::one(link, AccountKey(get(row, "whose")?), at, endpoint).await?.map(Nudge::Resent),
        DISCARDED => Some(Nudge::Discarded(DeliveryKey { endpoint, event: at })),
        _ => return Err(Fault::damaged("a word between nodes that nobody knows")),
    })
}
