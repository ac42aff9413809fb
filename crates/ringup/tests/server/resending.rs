//! Sending again all that a search finds: counted, paced, across kill -9, each delivery once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ringup_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, Stage};

const EVENTS: usize = 400;

/// Long enough for hundreds of deliveries on a machine that is busy with other things.
const LATER: Duration = Duration::from_secs(150);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Attempts that are begun and not yet durable: what a kill may have sent again, at all URLs together.
const IN_FLIGHT_MAX: usize = 64;

async fn publish(stage: &Stage, event_type: &str, count: usize) -> Result<()> {
    for batch in 0..count.div_ceil(100) {
        let message = |number: usize| json!({"eventType": event_type, "payload": {"number": batch * 100 + number}});
        let messages: Vec<Value> = (0..100).map(message).collect();
        let path = format!("/api/v1/app/{ACCOUNT}/msg/batch");
        stage.client.post(&path, &json!({"messages": messages})).await?.expect(202)?;
    }
    Ok(())
}

async fn count(stage: &Stage, query: &str) -> Result<Value> {
    let path = format!("/api/v1/app/{ACCOUNT}/log/resend?dry_run=true");
    stage.client.post(&path, &json!({"query": query, "rate": 200})).await?.expect(200)?.json()
}

async fn counted(stage: &Stage, query: &str, expected: usize) -> Result<()> {
    let until = Instant::now() + LATER;
    while count(stage, query).await?["count"] != expected {
        ensure!(Instant::now() < until, "not {expected} of {query:?}: {}", count(stage, query).await?);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_search_finds_is_sent_again_once_also_across_kill_9() -> Result<()> {
    let in_flight = IN_FLIGHT_MAX.to_string();
    let mut stage = Stage::open_with("resend-found", |setup| setup.with("DELIVERY__IN_FLIGHT_MAX", &in_flight)).await?;
    let (shop, erp) = (Receiver::start(404).await?, Receiver::start(404).await?);
    stage.endpoint(&shop.url("/")).await?;
    stage.endpoint(&erp.url("/")).await?;
    publish(&stage, "invoiceCreated", EVENTS).await?;
    publish(&stage, "closeShift", 100).await?;
    counted(&stage, "status:failed", 2 * (EVENTS + 100)).await?;

    let query = "status:failed event:invoice* data.number:>=100";
    let estimate = count(&stage, query).await?;
    let wanted = 2 * (EVENTS - 100);
    assert_eq!((&estimate["count"], &estimate["estimatedSeconds"]), (&json!(wanted), &json!(3)), "{estimate}");
    let before = (shop.count(), erp.count());
    assert_eq!(before, (EVENTS + 100, EVENTS + 100), "a dry run sends nothing");

    shop.set_script(200);
    erp.set_script(200);
    let path = format!("/api/v1/app/{ACCOUNT}/log/resend");
    let id = stage.client.post(&path, &json!({"query": query, "rate": 200})).await?.expect(202)?.id()?;
    shop.wait_for(before.0 + 50, LATER).await?;
    stage.server.kill9()?;
    assert!(shop.count() < before.0 + EVENTS - 100, "it was killed in the middle");
    stage.server.restart().await?;
    let until = Instant::now() + LATER;
    let task = loop {
        let task = stage.client.get(&format!("/api/v1/background-task/{id}")).await?.success()?.json()?;
        if task["status"] != "running" {
            break task;
        }
        ensure!(Instant::now() < until, "still running: {task}");
        tokio::time::sleep(LOOK_EVERY).await;
    };
    assert_eq!((&task["status"], &task["data"]["messagesExpected"]), (&json!("finished"), &json!(wanted)), "{task}");
    counted(&stage, query, 0).await?;
    counted(&stage, "status:failed", 2 * 200).await?;
    let mut twice = 0;
    for (receiver, before) in [(&shop, before.0), (&erp, before.1)] {
        let mut sent: BTreeMap<String, usize> = BTreeMap::new();
        for receipt in receiver.receipts().into_iter().skip(before) {
            *sent.entry(receipt.id.clone()).or_default() += 1;
        }
        assert_eq!(sent.len(), EVENTS - 100, "each that was found, and no other");
        twice += sent.values().map(|times| times - 1).sum::<usize>();
    }
    assert!(twice <= IN_FLIGHT_MAX, "{twice} were sent twice");
    Ok(())
}

#[tokio::test]
async fn the_command_line_searches_counts_and_sends_again() -> Result<()> {
    let stage = Stage::open("resend-command").await?;
    let receiver = Receiver::start(404).await?;
    stage.endpoint(&receiver.url("/")).await?;
    publish(&stage, "invoiceCreated", 100).await?;
    counted(&stage, "status:failed", 100).await?;
    let run = async |args: &[&str]| {
        let url = stage.server.url();
        let all = [args, &["--account", ACCOUNT, "--url", &url]].concat();
        let mut command = stage.server.setup().command(&all);
        command.env("RINGUP_KEY", &stage.server.setup().key);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        anyhow::Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
    };
    let (code, lines, error) = run(&["logs", "--query", "code:404 data.number:>=97"]).await?;
    assert_eq!((code, lines.lines().count()), (Some(0), 3), "{lines}{error}");
    assert!(lines.lines().all(|line| line.contains("failed") && line.contains("invoiceCreated")), "{lines}");
    let (code, _, error) = run(&["logs", "--query", "code:5xx stauts:failed"]).await?;
    assert_eq!(code, Some(1));
    assert!(error.contains("did you mean status:") && error.contains("\n           ^"), "{error}");
    let (code, words, _) = run(&["replay", "--query", "data.number:>=90", "--dry-run"]).await?;
    assert!(code == Some(0) && words.starts_with("10 deliveries, 0 of them delivered already"), "{words}");
    assert_eq!(receiver.count(), 100, "a dry run sends nothing");
    receiver.set_script(200);
    let (code, words, error) = run(&["replay", "--query", "data.number:>=90"]).await?;
    assert!(code == Some(0) && words.contains("finished: 10 sent, 0 passed over"), "{words}{error}");
    receiver.wait_for(110, LATER).await?;
    Ok(())
}
