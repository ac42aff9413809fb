//! Sending many again: at a pace, across restarts, and nothing that was not asked for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ringup_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, Stage, eventually};

/// Bodies that a receiver keeps are those of the newest requests; ids are kept of all.
const EVENTS: usize = 2_000;

/// Deliveries in one page of a task.
const PAGE: usize = 100;

/// Long enough for thousands of deliveries on a machine that is busy with other things.
const LATER: Duration = Duration::from_secs(150);

/// Seldom enough that looking does not keep a busy server from its work.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Attempts that are begun and not yet durable: what a kill may have sent again.
const IN_FLIGHT_MAX: usize = 64;

const LONG_AGO: &str = "2020-01-01T00:00:00Z";

async fn fail(stage: &Stage, count: usize) -> Result<()> {
    for batch in 0..count.div_ceil(PAGE) {
        let message =
            |number: usize| json!({"eventType": "invoiceCreated", "payload": {"number": batch * PAGE + number}});
        let messages: Vec<Value> = (0..PAGE.min(count - batch * PAGE)).map(message).collect();
        let path = format!("/api/v1/app/{ACCOUNT}/msg/batch");
        stage.client.post(&path, &json!({"messages": messages})).await?.expect(202)?;
    }
    Ok(())
}

/// Waits until the endpoint has so many deliveries that ended without success, and none that wants an attempt.
async fn failed(stage: &Stage, endpoint: &str, count: usize) -> Result<()> {
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/stats");
    let until = Instant::now() + LATER;
    loop {
        let stats = stage.client.get(&path).await?.success()?.json()?;
        if stats["fail"] == count && stats["pending"] == 0 {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "not all failed: {stats}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn task(stage: &Stage, id: &str) -> Result<Value> {
    stage.client.get(&format!("/api/v1/background-task/{id}")).await?.success()?.json()
}

async fn ended(stage: &Stage, id: &str) -> Result<Value> {
    let until = Instant::now() + LATER;
    loop {
        let task = task(stage, id).await?;
        if task["status"] != "running" {
            return Ok(task);
        }
        anyhow::ensure!(Instant::now() < until, "still running: {task}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// How often each event was sent behind the first so many requests.
fn sent_after(receiver: &Receiver, first: usize) -> BTreeMap<String, usize> {
    let mut sent = BTreeMap::new();
    for receipt in receiver.receipts().into_iter().skip(first) {
        *sent.entry(receipt.id.clone()).or_insert(0) += 1;
    }
    sent
}

#[tokio::test]
async fn a_recovery_of_thousands_goes_on_after_kill_9() -> Result<()> {
    let in_flight = IN_FLIGHT_MAX.to_string();
    let mut stage = Stage::open_with("recover", |setup| setup.with("DELIVERY__IN_FLIGHT_MAX", &in_flight)).await?;
    let receiver = Receiver::start(404).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    fail(&stage, EVENTS).await?;
    failed(&stage, &endpoint, EVENTS).await?;
    assert_eq!(receiver.count(), EVENTS, "a 404 is not repeated");

    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/recover");
    let dry = stage.client.post(&format!("{path}?dry_run=true"), &json!({"since": LONG_AGO})).await?.expect(200)?;
    assert_eq!((&dry.json()?["count"], &dry.json()?["approximated"]), (&json!(EVENTS), &json!(false)));
    assert_eq!(receiver.count(), EVENTS, "a dry run sends nothing");

    receiver.set_script(200);
    let begun = stage.client.post(&path, &json!({"since": LONG_AGO, "rate": 500})).await?.expect(202)?;
    let id = begun.id()?;
    assert!(id.starts_with("qtask_") && begun.json()?["task"] == "endpoint.recover", "{}", begun.text());
    receiver.wait_for(EVENTS + 300, LATER).await?;
    stage.server.kill9()?;
    let in_the_middle = receiver.count() - EVENTS;
    assert!(in_the_middle < EVENTS, "it was killed in the middle, not at the end");
    stage.server.restart().await?;

    let task = ended(&stage, &id).await?;
    assert_eq!(task["status"], "finished", "{task}");
    failed(&stage, &endpoint, 0).await?;
    let sent = sent_after(&receiver, EVENTS);
    assert_eq!(sent.len(), EVENTS, "every failed delivery was sent again");
    let twice: usize = sent.values().map(|times| times - 1).sum();
    // No page of the task.
    assert!(twice <= IN_FLIGHT_MAX, "{twice} were sent twice");
    let noted = task["data"]["messagesSent"].as_u64().context("a number")?;
    let noted = usize::try_from(noted)?;
    assert!((EVENTS - PAGE..=EVENTS).contains(&noted), "{task}");
    Ok(())
}

#[tokio::test]
async fn a_rate_is_kept_and_a_cancelled_task_sends_no_more() -> Result<()> {
    let stage = Stage::open("paced").await?;
    let receiver = Receiver::start(404).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    fail(&stage, 200).await?;
    failed(&stage, &endpoint, 200).await?;
    receiver.set_script(200);
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/recover");
    let began = Instant::now();
    let id = stage.client.post(&path, &json!({"since": LONG_AGO, "rate": 20})).await?.expect(202)?.id()?;
    receiver.wait_for(250, LATER).await?;
    // The third page begins two seconds after the first.
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    let cancelled =
        stage.client.post(&format!("/api/v1/background-task/{id}/cancel"), &json!({})).await?.expect(200)?;
    let cancelled = cancelled.json()?;
    assert_eq!((&cancelled["status"], &cancelled["data"]["cancelled"]), (&json!("failed"), &json!(true)));
    let again = stage.client.post(&format!("/api/v1/background-task/{id}/cancel"), &json!({})).await?;
    again.expect(409)?;
    // The rest can be recovered, and is all that is left.
    let id = stage.client.post(&path, &json!({"since": LONG_AGO})).await?.expect(202)?.id()?;
    assert_eq!(ended(&stage, &id).await?["status"], "finished");
    failed(&stage, &endpoint, 0).await?;
    assert_eq!(receiver.count(), 400, "each was sent twice: in vain, and well");
    Ok(())
}

#[tokio::test]
async fn an_endpoint_made_later_gets_what_it_missed_and_only_that() -> Result<()> {
    let stage = Stage::open("missing").await?;
    let (early, late) = (Receiver::start(200).await?, Receiver::start(200).await?);
    stage.endpoint(&early.url("/")).await?;
    fail(&stage, 30).await?;
    stage.publish("stockChanged", 1).await?;
    early.wait_ended(31, SOON).await?;
    let endpoint = stage.endpoint_for("invoiceCreated", &late.url("/")).await?;
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/replay-missing");
    let id = stage.client.post(&path, &json!({"since": LONG_AGO})).await?.expect(202)?.id()?;
    let task = ended(&stage, &id).await?;
    assert_eq!((&task["status"], &task["data"]["messagesSent"]), (&json!("finished"), &json!(30)), "{task}");
    late.wait_ended(30, SOON).await?;
    failed(&stage, &endpoint, 0).await?;
    assert_eq!(sent_after(&late, 0).len(), 30);

    let id = stage.client.post(&path, &json!({"since": LONG_AGO})).await?.expect(202)?.id()?;
    assert_eq!(ended(&stage, &id).await?["data"]["messagesSent"], 0, "nothing is missing any more");
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/bulk-replay");
    let id = stage.client.post(&path, &json!({"since": LONG_AGO, "status": 0})).await?.expect(202)?.id()?;
    assert_eq!(ended(&stage, &id).await?["data"]["messagesSent"], 30);
    late.wait_ended(60, SOON).await?;
    assert_eq!(early.count(), 31, "others get nothing of it");
    Ok(())
}

#[tokio::test]
async fn a_task_ends_when_its_endpoint_is_disabled() -> Result<()> {
    let stage = Stage::open("disabled").await?;
    let receiver = Receiver::start(404).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    fail(&stage, 40).await?;
    failed(&stage, &endpoint, 40).await?;
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}");
    let body = json!({"since": LONG_AGO, "rate": 5});
    let id = stage.client.post(&format!("{path}/recover"), &body).await?.expect(202)?.id()?;
    receiver.wait_for(41, SOON).await?;
    stage.client.patch(&path, &json!({"disabled": true})).await?.success()?;
    let task = ended(&stage, &id).await?;
    assert_eq!((&task["status"], &task["data"]["error"]), (&json!("failed"), &json!("the endpoint is disabled")));
    let refused = stage.client.post(&format!("{path}/recover"), &body).await?.expect(409)?;
    assert!(refused.text().contains("disabled"), "{}", refused.text());
    eventually("a list with the task", async || {
        let listed = stage.client.get("/api/v1/background-task?status=failed").await?.success()?.json()?;
        Ok(if listed["data"][0]["id"] == json!(id) { Ok(()) } else { Err(listed) })
    })
    .await
}
