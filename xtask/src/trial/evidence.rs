//! What the API says of deliveries, in the words of the oracle.

use std::collections::HashSet;

use anyhow::Result;
use ringup_testkit::{
    client::Client,
    journal::{Receipt, Sent, is_success},
    oracle::{AttemptRow, Delivery, State},
};
use serde::Deserialize;

use super::place::Place;

/// The attempt log of all endpoints.
pub async fn attempts(client: &Client, places: &[Place]) -> Result<Vec<AttemptRow>> {
    let mut rows = Vec::new();
    for place in places {
        for attempt in client.attempts_of_endpoint(&place.endpoint.app, &place.endpoint.id).await? {
            // A time limit is logged as our own 408; nobody answered it.
            let ours = attempt.rest.get("timedOut").and_then(serde_json::Value::as_bool).unwrap_or(false);
            let status = u16::try_from(attempt.response_status_code).ok().filter(|status| *status > 0 && !ours);
            rows.push(AttemptRow { event: attempt.event, endpoint: attempt.endpoint, status });
        }
    }
    Ok(rows)
}

/// What the API lists for deliveries of acknowledged events that no receiver took.
pub async fn ended(client: &Client, places: &[Place], sent: &[Sent], received: &[Receipt]) -> Result<Vec<Delivery>> {
    let taken: HashSet<(&str, &str)> = received
        .iter()
        .filter(|receipt| receipt.status.is_some_and(is_success))
        .map(|receipt| (receipt.id.as_str(), receipt.path.as_str()))
        .collect();
    let mut deliveries = Vec::new();
    let mut asked = HashSet::new();
    for line in sent.iter().filter(|line| line.is_acknowledged()) {
        let Some(event) = &line.event else { continue };
        let owed = places.iter().filter(|place| place.endpoint.app == line.app);
        let untaken = owed.filter(|place| !taken.contains(&(event.as_str(), place.endpoint.path.as_str()))).count();
        if untaken == 0 || !asked.insert(event) {
            continue;
        }
        let path = format!("/api/v1/app/{}/msg/{event}/endpoint", line.app);
        for destination in client.list::<Destination>(&path).await? {
            let state = match destination.status {
                0 => State::Delivered,
                2 => State::Terminal("failed".to_owned()),
                _ => State::Pending,
            };
            deliveries.push(Delivery { event: event.clone(), endpoint: destination.id, state });
        }
    }
    Ok(deliveries)
}

/// One endpoint in the listing of an event: `status` is 0 delivered, 1 pending, 2 failed, 3 sending.
#[derive(Deserialize)]
struct Destination {
    id: String,
    status: i32,
}
