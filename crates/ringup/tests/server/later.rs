//! Messages that are put off to a time: sent at it, also by the process after the one that accepted them.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use ringup_testkit::receiver::Receiver;
use serde_json::json;

use crate::stage::{ACCOUNT, SOON, Stage};

async fn put_off(stage: &Stage, number: usize, at: Timestamp) -> Result<String> {
    let body = json!({"eventType": "invoiceCreated", "payload": {"number": number}, "deliverAt": at.to_string()});
    let reply = stage.client.post(&format!("/api/v1/app/{ACCOUNT}/msg"), &body).await?.success()?;
    Ok(reply.json()?["id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn what_is_put_off_is_sent_at_its_time_across_a_kill() -> Result<()> {
    let mut stage = Stage::open("later").await?;
    let receiver = Receiver::start(200).await?;
    stage.endpoint(&receiver.url("/")).await?;
    let begun = Timestamp::now();
    let at = begun + Duration::from_secs(4);
    let later = put_off(&stage, 1, at).await?;
    let taken_back = put_off(&stage, 2, at).await?;
    let far = put_off(&stage, 3, begun + Duration::from_secs(24 * 3_600)).await?;
    let now = stage.publish("invoiceCreated", 4).await?;
    receiver.wait_for(1, SOON).await?;
    assert_eq!(stage.ended_one(&now).await?, "delivered");
    stage.client.delete(&format!("/api/v1/app/{ACCOUNT}/msg/{taken_back}/content")).await?.success()?;
    stage.server.kill9()?;
    stage.server.restart().await?;
    let requests = receiver.wait_for(2, SOON).await?;
    assert!(Timestamp::now() >= at, "not before its time");
    let ids: Vec<_> = requests.iter().filter_map(|request| request.header("webhook-id")).collect();
    assert_eq!(ids, [now.as_str(), later.as_str()]);
    assert_eq!(stage.ended_one(&later).await?, "delivered");
    assert_eq!(stage.ended_one(&taken_back).await?, "cancelled");
    let standings = stage.standings(ACCOUNT, &far).await?;
    assert_eq!(standings.iter().map(|standing| standing.state.as_str()).collect::<Vec<_>>(), ["scheduled"]);
    assert_eq!(receiver.count(), 2);
    Ok(())
}
