//! A start that has to wait: it says so where it is asked, and then is what it always is.

use anyhow::{Context as _, Result, ensure};
use ringup_testkit::client::Client;
use ringup_testkit::postgres::Postgres;
use ringup_testkit::receiver::Receiver;
use ringup_testkit::server::{Server, free_port};
use ringup_testkit::tempdir::TempDir;
use serde_json::json;

use crate::postgres::on;
use crate::stage::{ACCOUNT, SOON, eventually};

#[tokio::test]
async fn a_node_whose_database_is_away_says_what_it_waits_for_and_then_is_ready() -> Result<()> {
    let database = Postgres::own()?;
    let url = database.schema()?.replacen("postgres@", "postgres:secretword@", 1);
    database.stop_at_once()?;
    let dir = TempDir::new("starting")?;
    let mut server = Server::down(on(&url, &dir), free_port()?);
    server.launch()?;
    let client = server.client();
    let said = eventually("the health check says what is waited for", async || {
        Ok(match client.health().await {
            Ok(reply) if reply.text().contains("cannot be reached") => Ok(reply),
            other => Err(other.map(|reply| reply.text()).map_err(|error| format!("{error:#}"))),
        })
    })
    .await?;
    ensure!(said.status == 503 && said.headers.contains_key("retry-after"), "{said:?}");
    ensure!(said.text().contains("starting: the database at"), "{said:?}");
    ensure!(!said.text().contains("secretword"), "{said:?}");

    // All else is refused in the form of the API, without the place of the database.
    let body = json!({"eventType": "invoiceCreated", "payload": {"n": 1}});
    let refused = [
        client.post(&format!("/api/v1/app/{ACCOUNT}/msg"), &body).await?,
        Client::anonymous(server.address()).get("/sign-in").await?,
    ];
    for reply in refused {
        ensure!(reply.status == 503, "{reply:?}");
        ensure!(reply.headers.contains_key("retry-after") && reply.headers.contains_key("x-request-id"), "{reply:?}");
        let told = reply.json()?;
        ensure!(told["code"] == "unavailable" && !reply.text().contains("database at"), "{told}");
    }
    ensure!(!server.output().lines().join("\n").contains("ringup is ready"), "it is not");
    ensure!(server.ended()?.is_none(), "it goes on waiting");

    database.start()?;
    eventually("it is ready by itself", async || {
        let reply = client.health().await?;
        Ok(if reply.status == 204 { Ok(()) } else { Err(reply.text()) })
    })
    .await?;
    client.create_app(ACCOUNT).await?;
    let receiver = Receiver::start(200).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": receiver.url("/")})).await?;
    client.publish_accepted(ACCOUNT, "invoiceCreated", "{\"n\":1}").await?;
    receiver.wait_ended(1, SOON).await?;
    ensure!(server.output().lines().join("\n").contains("ringup is ready"), "it says so");

    // Who is there is told, too.
    let nodes = client.get("/api/v1/operator/node").await?.expect(200)?.json()?;
    let shards = nodes["shards"].as_array().context("shards")?;
    ensure!(nodes["isShared"] == true && nodes["waitingShards"] == 0 && shards.len() == 64, "{nodes}");
    ensure!(nodes["nodes"][0]["isThis"] == true && nodes["nodes"][0]["shards"] == 64, "{nodes}");
    ensure!(server.sigterm(SOON).await?.success());
    Ok(())
}

#[tokio::test]
async fn a_node_that_waits_can_be_stopped_and_one_whose_address_is_taken_ends() -> Result<()> {
    let database = Postgres::own()?;
    let url = database.schema()?;
    database.stop_at_once()?;
    let (dir, other_dir) = (TempDir::new("starting")?, TempDir::new("starting-too")?);
    let port = free_port()?;
    let mut server = Server::down(on(&url, &dir), port);
    server.launch()?;
    eventually("it listens", async || Ok(server.client().health().await.map_err(|error| error.to_string()))).await?;

    let mut other = Server::down(on(&url, &other_dir), port);
    other.launch()?;
    ensure!(!other.wait_exit(SOON).await?.success(), "it cannot listen");
    let said = eventually("it says why", async || {
        let said = other.output().lines().join("\n");
        Ok(if said.contains("server.listen") { Ok(said) } else { Err(said) })
    })
    .await?;
    ensure!(said.contains(&format!("cannot listen on 127.0.0.1:{port} (server.listen)")), "{said}");
    ensure!(server.sigterm(SOON).await?.success(), "a node that waits stops in order");
    Ok(())
}
