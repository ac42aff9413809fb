//! Brings together what the oracle compares at the end of a round.

use std::collections::HashMap;

use anyhow::{Context, Result};
use ringup_testkit::{
    client::Client,
    journal::{self, Receipt, Sent},
    oracle::History,
};

use super::{
    live::Pair,
    scene::{IN_FLIGHT_MAX, Scene},
};
use crate::trial::evidence;

/// Live deliveries at one kill with the attempts recorded for each, and when the process was started again.
pub struct Snapshot {
    pub live: HashMap<Pair, u64>,
    pub until_ns: u64,
}

/// Everything the oracle asks for.
pub async fn collect(scene: &Scene, client: &Client, snapshots: &[Snapshot]) -> Result<History> {
    let sent: Vec<Sent> = journal::read(&scene.journal)?;
    let received = scene.receipts();
    let in_flight_at_kills = unsettled(scene, &received, snapshots)?;
    let deliveries = evidence::ended(client, &scene.places, &sent, &received).await?;
    let attempts = evidence::attempts(client, &scene.places).await?;
    let endpoints = scene.places.iter().map(|place| place.endpoint.clone()).collect();
    Ok(History {
        sent,
        received,
        endpoints,
        in_flight_at_kills,
        resends: 0,
        deliveries,
        attempts: Some(attempts),
        ledgers: Vec::new(),
    })
}

/// For each kill the requests that receivers had got and whose outcome was not durable: what can come again.
fn unsettled(scene: &Scene, received: &[Receipt], snapshots: &[Snapshot]) -> Result<Vec<u64>> {
    let by_path: HashMap<&str, &str> =
        scene.places.iter().map(|place| (place.endpoint.path.as_str(), place.endpoint.id.as_str())).collect();
    let mut arrivals: HashMap<Pair, Vec<u64>> = HashMap::new();
    for receipt in received {
        let endpoint = by_path.get(receipt.path.as_str()).context("a path of this round")?;
        arrivals.entry((receipt.id.clone(), (*endpoint).to_owned())).or_default().push(receipt.at_ns);
    }
    let mut counted: HashMap<&Pair, u64> = HashMap::new();
    let mut counts = Vec::new();
    for snapshot in snapshots {
        let mut count = 0;
        for (pair, attempts) in &snapshot.live {
            let before =
                arrivals.get(pair).map_or(0, |times| times.iter().filter(|at| **at < snapshot.until_ns).count());
            let lost = (before as u64).saturating_sub(*attempts);
            // Requests lost at an earlier kill are no news.
            let known = counted.entry(pair).or_default();
            count += lost.saturating_sub(*known);
            *known = lost.max(*known);
        }
        anyhow::ensure!(count <= IN_FLIGHT_MAX, "{count} requests in flight at a kill, {IN_FLIGHT_MAX} configured");
        counts.push(count);
    }
    Ok(counts)
}
