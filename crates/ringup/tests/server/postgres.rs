//! The same server on PostgreSQL: what was accepted outlives the node, the database and both; one node at a time works.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ringup_testkit::postgres::Postgres;
use ringup_testkit::receiver::{Answer, Gate, Receiver};
use ringup_testkit::server::{Server, ServerSetup};
use ringup_testkit::tempdir::TempDir;
use serde_json::json;

use crate::stage::{ACCOUNT, SOON, eventually, setup};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn on(database: &str, dir: &TempDir) -> ServerSetup {
    setup(dir).with("STORE__URL", database).with("STORE__ENCRYPTION_KEY", KEY)
}

#[tokio::test]
async fn nothing_is_lost_when_node_and_database_are_killed() -> Result<()> {
    let database = Postgres::own()?;
    let dir = TempDir::new("pg-killed")?;
    let mut server = Server::start(on(&database.schema()?, &dir)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let gate = Gate::closed();
    let prompt = Receiver::start(200).await?;
    let slow = Receiver::start(Answer::status(200).gated(&gate)).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": prompt.url("/")})).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": slow.url("/")})).await?;
    let mut events = Vec::new();
    for number in 0..50 {
        events.push(client.publish_accepted(ACCOUNT, "invoiceCreated", &format!("{{\"n\":{number}}}")).await?);
    }
    prompt.wait_ended(50, SOON).await?;

    // The database goes first: publishers are told to come back, and what they are told is true.
    database.stop_at_once()?;
    let asked = Instant::now();
    let body = json!({"eventType": "invoiceCreated", "payload": {"n": "refused"}});
    let refused = client.post(&format!("/api/v1/app/{ACCOUNT}/msg"), &body).await?;
    ensure!(refused.status == 503, "{refused:?}");
    ensure!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    database.start()?;
    let late = eventually("the store takes events again", async || {
        let answer = client.post(&format!("/api/v1/app/{ACCOUNT}/msg"), &body).await?;
        Ok(if answer.status == 202 { Ok(answer.json()?["id"].as_str().map(str::to_owned)) } else { Err(answer.status) })
    })
    .await?;
    events.push(late.context("an id")?);

    server.kill9()?;
    database.stop_at_once()?;
    gate.open();
    database.start()?;
    server.restart().await?;
    eventually("every event reached both", async || {
        let reached = |receiver: &Receiver| {
            let requests = receiver.requests();
            events
                .iter()
                .filter(|id| requests.iter().any(|request| request.ended && request.id() == id.as_str()))
                .count()
        };
        let (prompt, slow) = (reached(&prompt), reached(&slow));
        Ok(if prompt == events.len() && slow == events.len() { Ok(()) } else { Err((prompt, slow)) })
    })
    .await?;
    let listed = server.client().list::<serde_json::Value>(&format!("/api/v1/app/{ACCOUNT}/msg")).await?;
    ensure!(listed.len() == events.len(), "{} listed, {} accepted", listed.len(), events.len());
    Ok(())
}

#[tokio::test]
async fn a_second_node_waits_and_takes_over_when_the_first_stops() -> Result<()> {
    let database = Postgres::shared()?.schema()?;
    let (first_dir, second_dir) = (TempDir::new("pg-first")?, TempDir::new("pg-second")?);
    let first = Server::start(on(&database, &first_dir)).await?;
    let client = first.client();
    client.create_app(ACCOUNT).await?;
    let receiver = Receiver::start(200).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": receiver.url("/")})).await?;
    client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"n":1}"#).await?;
    receiver.wait_ended(1, SOON).await?;

    let starting = tokio::spawn(Server::start(on(&database, &second_dir)));
    tokio::time::timeout(Duration::from_secs(1), async {
        while !starting.is_finished() {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect_err("it waits while the first one works");
    let mut first = first;
    ensure!(first.sigterm(SOON).await?.success());
    let second = starting.await??;
    let said = second.output().lines().join("\n");
    ensure!(said.contains("standby"), "{said}");
    second.client().publish_accepted(ACCOUNT, "invoiceCreated", r#"{"n":2}"#).await?;
    receiver.wait_ended(2, SOON).await?;
    Ok(())
}
