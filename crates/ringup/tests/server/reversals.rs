//! Sales that are voided after the loyalty app took them: told to it once, at its other URL, whatever dies meanwhile; and never
//! for a sale that it did not take.

use anyhow::{Context as _, Result};
use ringup_testkit::{
    client::Client,
    receiver::{Answer, Received, Receiver},
};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, Stage, eventually};

const PATH: &str = "/api/v1/app/shop/hook/orderComplete";

/// An app that takes sales, and one that is told of those that are taken back; the endpoint of both.
async fn set(stage: &Stage, app: &Receiver, other: &Receiver) -> Result<String> {
    let body = json!({"url": app.url("/sale"), "reversalUrl": other.url("/reversal"), "deadlineMs": 20_000});
    let set = stage.client.put(&format!("{PATH}/settings"), &body).await?.expect(200)?;
    let endpoint = set.text_at("endpointId")?;
    stage.set(&endpoint, &json!({"schedule": vec!["200ms"; 90]})).await?;
    Ok(endpoint)
}

async fn submit(client: &Client, invoice: &str) -> Result<Value> {
    client.post(PATH, &json!({"ID": invoice, "Total": 12.50})).await?.expect(200)?.json()
}

async fn publish(client: &Client, event_type: &str, invoice: &str) -> Result<()> {
    let body = json!({"eventType": event_type, "payload": {"ID": invoice, "Outlet": "Kemang"}});
    client.post(&format!("/api/v1/app/{ACCOUNT}/msg"), &body).await?.expect(202).map(drop)
}

/// The messages that take sales back.
async fn reversals(stage: &Stage) -> Result<Vec<Value>> {
    let events = stage.client.list::<Value>(&format!("/api/v1/app/{ACCOUNT}/msg")).await?;
    Ok(events.into_iter().filter(|event| event["eventType"] == "orderCompleteReversal").collect())
}

/// How the delivery of a reversal stands.
async fn stands(stage: &Stage, state: &str) -> Result<()> {
    eventually(state, async || {
        let reversal = reversals(stage).await?;
        let Some(id) = reversal.first().and_then(|one| one["id"].as_str()) else { return Ok(Err("none".to_owned())) };
        let standings = stage.standings(ACCOUNT, id).await?;
        let is_so = matches!(&standings[..], [one] if one.state == state);
        Ok(if is_so { Ok(()) } else { Err(format!("{standings:?}")) })
    })
    .await
}

fn said(request: &Received) -> Result<Value> {
    serde_json::from_slice(&request.body).context("JSON")
}

#[tokio::test]
async fn a_voided_sale_is_taken_back_once_at_the_apps_other_url() -> Result<()> {
    let mut stage = Stage::open("reversal").await?;
    let app = Receiver::start(Answer::status(200).body("{\"reward\": 120}")).await?;
    let other = Receiver::start(503).await?;
    set(&stage, &app, &other).await?;
    let sale = submit(&stage.client, "INV-1").await?;
    assert_eq!(sale["kind"], "live", "{sale}");
    publish(&stage.client, "invoiceDeleted", "inv-1").await?;
    other.wait_for(1, SOON).await?;
    stage.server.kill9()?;
    other.set_script(Answer::status(200));
    let failed = other.count();
    stage.server.restart().await?;
    stage.client = stage.server.client();
    let heard = other.wait_for(failed + 1, SOON).await?.pop().context("it is told again")?;
    assert_eq!(said(&heard)?, json!({"ID": "inv-1", "event": "invoiceDeleted", "callId": sale["callId"]}));
    assert!(heard.header("webhook-signature").is_some(), "signed like the sale");
    stands(&stage, "delivered").await?;
    let told = other.count();

    // Voided again, and then for good: it is taken back already. What is no sale of the app has nothing to be taken back.
    publish(&stage.client, "invoiceDeleted", "INV-1").await?;
    publish(&stage.client, "invoiceErased", "INV-1").await?;
    publish(&stage.client, "invoiceErased", "INV-2").await?;
    publish(&stage.client, "invoiceUpdated", "INV-1").await?;
    assert_eq!(reversals(&stage).await?.len(), 1);
    let batch = json!({"messages": [{"eventType": "invoiceErased", "payload": {"ID": "INV-3"}}]});
    submit(&stage.client, "INV-3").await?;
    stage.client.post(&format!("/api/v1/app/{ACCOUNT}/msg/batch"), &batch).await?.success()?;
    let heard = other.wait_for(told + 1, SOON).await?.pop().context("the other sale")?;
    assert_eq!(said(&heard)?["ID"], "INV-3");
    assert_eq!((other.count(), app.count()), (told + 1, 2));
    Ok(())
}

#[tokio::test]
async fn a_sale_that_is_still_queued_is_taken_back_after_the_app_took_it() -> Result<()> {
    let mut stage = Stage::open("reversal-queued").await?;
    let app = Receiver::start(503).await?;
    let other = Receiver::start(200).await?;
    set(&stage, &app, &other).await?;
    let sale = submit(&stage.client, "INV-1").await?;
    assert_eq!(sale["queued"], true, "{sale}");
    publish(&stage.client, "invoiceErased", "INV-1").await?;
    stands(&stage, "scheduled").await?;
    assert_eq!(other.count(), 0, "the app has nothing to take back yet");
    stage.server.kill9()?;
    app.set_script(Answer::status(200).body("{\"reward\": 1}"));
    stage.server.restart().await?;
    stage.client = stage.server.client();
    let heard = other.wait_for(1, SOON).await?.remove(0);
    assert_eq!(said(&heard)?["callId"], sale["callId"]);
    stands(&stage, "delivered").await
}

#[tokio::test]
async fn a_sale_that_the_app_never_took_is_not_taken_back() -> Result<()> {
    let stage = Stage::open("reversal-never").await?;
    let app = Receiver::start(503).await?;
    let other = Receiver::start(200).await?;
    let endpoint = set(&stage, &app, &other).await?;
    stage.set(&endpoint, &json!({"schedule": []})).await?;
    let sale = submit(&stage.client, "INV-1").await?;
    assert_eq!((&sale["kind"], &sale["queued"]), (&json!("failed"), &json!(false)), "{sale}");
    publish(&stage.client, "invoiceDeleted", "INV-1").await?;
    stands(&stage, "cancelled").await?;
    assert_eq!(other.count(), 0);
    // Only what writes, and is a sale, has a reversal; and its URL is checked like any other.
    let points = "/api/v1/app/shop/hook/fetchMemberPoint/settings";
    let refused = json!({"url": app.url("/"), "reversalUrl": other.url("/")});
    stage.client.put(points, &refused).await?.expect(422)?;
    let refused = json!({"url": app.url("/sale"), "reversalUrl": "ftp://points.example"});
    let why = stage.client.put(&format!("{PATH}/settings"), &refused).await?.expect(422)?.text();
    assert!(why.contains("reversalUrl"), "{why}");
    Ok(())
}
