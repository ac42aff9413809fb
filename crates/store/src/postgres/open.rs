//! From an address to a store that writes: schema, key, lease.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::time::Day;

use super::PostgresStore;
use super::catalog;
use super::fault::{Fault, Outcome};
use super::lease::{self, Claim};
use super::link::Link;
use super::plan::Plan;
use super::row::get;
use super::schema;
use super::shared::Shared;

use super::writer::{self, Writer};
use crate::seam::StoreError;

/// Between tries to reach the database, and between looks at a lease that another node has.
const REST: Duration = Duration::from_millis(250);

/// How often waiting is said again, in rests.
const SAID_EVERY: u32 = 240;

pub(super) async fn open(plan: Plan) -> Result<PostgresStore, StoreError> {
    let mut patience = Patience::default();
    if plan.may_be_overheard() {
        tracing::warn!(
            database = plan.place(),
            "the connection may not be encrypted; add sslmode=require to store.url"
        );
    }
    prepare(&plan, &mut patience).await?;
    let (link, right, last) = loop {
        match claim(&plan).await {
            Ok((link, Claim::Mine(right, last))) => break (link, right, last),
            Ok((_, Claim::Held(node, rest))) => {
                patience.say(&format!(
                    "standby: node {node} does the work of {}; this node waits until it stops, or is not heard of for \
                     {rest:.0} s",
                    plan.place()
                ));
            }
            Err(fault @ Fault::Lost(_)) => patience.say(&fault.to_string()),
            Err(fault) => return Err(fault.into()),
        }
        tokio::time::sleep(REST).await;
    };
    let days = days(&link).await?;
    tracing::info!(database = plan.place(), node = plan.node, epoch = right.epoch, "this node does the work");
    let shared = Arc::new(Shared::new(plan, last.attempt));
    link.batch(writer::BY_KEYS).await?;
    let writer = tokio::spawn(Writer::new(shared.clone(), link, right, days, last).run());
    Ok(PostgresStore { shared, writer: writer.abort_handle() })
}

/// The schema as this version needs it, of this installation.
async fn prepare(plan: &Plan, patience: &mut Patience) -> Outcome<()> {
    loop {
        let prepared = async {
            let link = Link::connect(plan, plan.read_time_limit).await?;
            schema::migrate(&link, &plan.place()).await?;
            catalog::check_key(&link, plan).await
        };
        match prepared.await {
            Err(fault @ Fault::Lost(_)) => patience.say(&fault.to_string()),
            done => return done,
        }
        tokio::time::sleep(REST).await;
    }
}

async fn claim(plan: &Plan) -> Outcome<(Link, Claim)> {
    let link = Link::connect(plan, plan.time_limit).await?;
    let claim = lease::claim(&link, plan).await?;
    Ok((link, claim))
}

async fn days(link: &Link) -> Outcome<BTreeSet<Day>> {
    let rows = link.query("SELECT day FROM day", &[]).await?;
    rows.iter().map(|row| get(row, "day").map(Day)).collect()
}

/// Says what is waited for, when that changes and then every minute.
#[derive(Default)]
struct Patience {
    said: String,
    rests: u32,
}

impl Patience {
    fn say(&mut self, what: &str) {
        self.rests += 1;
        // Seconds that are left change with every look.
        let words: String = what.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        if words != self.said || self.rests >= SAID_EVERY {
            tracing::warn!("{what}");
            (self.said, self.rests) = (words, 0);
        }
    }
}
