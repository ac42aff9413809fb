//! From an address to a store that writes: schema, key, a share of the work.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringup_core::time::Day;

use super::PostgresStore;
use super::catalog;
use super::fault::{Fault, Outcome};
use super::incoming;
use super::lease;
use super::link::Link;
use super::membership::Membership;
use super::peer;
use super::plan::Plan;
use super::row::get;
use super::shared::Shared;
use super::turn::Right;
use super::upgrade;
use super::writer::{self, Writer};
use crate::seam::StoreError;

/// Between tries to reach the database.
const REST: Duration = Duration::from_millis(250);

/// How often waiting is said again, in rests.
const SAID_EVERY: u32 = 240;

pub(super) async fn open(plan: Plan) -> Result<PostgresStore, StoreError> {
    let mut patience = Patience { tell: plan.tell.clone(), said: String::new(), rests: 0 };
    if plan.may_be_overheard() {
        tracing::warn!(
            database = plan.place(),
            "the connection may not be encrypted; add sslmode=require to store.url"
        );
    }
    prepare(&plan, &mut patience).await?;
    let shared = Arc::new(Shared::new(plan));
    let door = peer::open(&shared.plan).await?;
    let address = door.as_ref().map(|door| door.address);
    let (membership, writer, right) = loop {
        match join(&shared, address).await {
            Ok(joined) => break joined,
            Err(fault @ Fault::Lost(_)) => patience.say(&fault.to_string()),
            Err(fault) => return Err(fault.into()),
        }
        tokio::time::sleep(REST).await;
    };
    let place = shared.plan.place();
    let shards = shared.holding.owned().len();
    let reached_at = address.map_or_else(|| "nowhere".to_owned(), |address| address.to_string());
    tracing::info!(
        database = place,
        node = shared.plan.node,
        shards,
        reached_at,
        "this node is one of those that do the work"
    );
    let door = door.and_then(|door| shared.peers.serve(door, &shared, &right));
    let writer = tokio::spawn(writer.run()).abort_handle();
    let membership = tokio::spawn(membership.run()).abort_handle();
    Ok(PostgresStore { shared, writer, membership, door: Mutex::new(door) })
}

/// Becomes one of the nodes, with what is free of the work.
async fn join(shared: &Arc<Shared>, address: Option<SocketAddr>) -> Outcome<(Membership, Writer, Right)> {
    let link = writer::connect(shared).await?;
    let right = lease::register(&link, &shared.plan, address).await?;
    lease::forget(&link).await?;
    let (days, last) = (days(&link).await?, lease::last(&link).await?);
    let own = Link::connect(&shared.plan, shared.plan.time_limit).await?;
    let mut membership = Membership::new(shared.clone(), right.clone(), own);
    membership.begin().await?;
    Ok((membership, Writer::new(shared.clone(), link, right.clone(), days, last), right))
}

/// The schema as this version needs it, of this installation.
async fn prepare(plan: &Plan, patience: &mut Patience) -> Outcome<()> {
    loop {
        let prepared = async {
            let link = Link::connect(plan, plan.read_time_limit).await?;
            upgrade::climb(&link, &plan.place()).await?;
            catalog::check_key(&link, plan).await?;
            incoming::check(&link, plan).await
        };
        match prepared.await {
            Err(fault @ Fault::Lost(_)) => patience.say(&fault.to_string()),
            done => return done,
        }
        tokio::time::sleep(REST).await;
    }
}

async fn days(link: &Link) -> Outcome<BTreeSet<Day>> {
    let rows = link.query("SELECT DISTINCT day FROM day", &[]).await?;
    rows.iter().map(|row| get(row, "day").map(Day)).collect()
}

/// Says what is waited for: to whoever asks each time, in the log when that changes and then every minute.
struct Patience {
    tell: Arc<dyn Fn(&str) + Send + Sync>,
    said: String,
    rests: u32,
}

impl Patience {
    fn say(&mut self, what: &str) {
        (self.tell)(what);
        self.rests += 1;
        // Seconds that are left change with every look.
        let words: String = what.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        if words != self.said || self.rests >= SAID_EVERY {
            tracing::warn!("{what}");
            (self.said, self.rests) = (words, 0);
        }
    }
}
