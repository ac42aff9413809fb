//! A database that is lost and restored from its backup, as docs/operations/cluster.md says: what waited is delivered, and
//! the log is there.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use ringup_testkit::postgres::Postgres;
use ringup_testkit::receiver::{Answer, Gate, Receiver};
use ringup_testkit::server::Server;
use ringup_testkit::tempdir::TempDir;
use serde_json::{Value, json};

use crate::postgres::on;
use crate::stage::{ACCOUNT, SOON, eventually};

const EVENTS: usize = 30;

fn reached(receiver: &Receiver) -> BTreeSet<String> {
    let requests = receiver.requests();
    requests.iter().filter(|request| request.status == Some(200)).map(|request| request.id().to_owned()).collect()
}

#[tokio::test]
async fn what_waited_is_delivered_and_the_log_is_there_after_a_restore() -> Result<()> {
    let database = Postgres::own()?;
    let dir = TempDir::new("pg-backup")?;
    let mut server = Server::start(on(&database.database("ringup")?, &dir)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let gate = Gate::closed();
    let prompt = Receiver::start(200).await?;
    let shut = Receiver::start(Answer::status(200).gated(&gate)).await?;
    let logged = client.create_endpoint(ACCOUNT, &json!({"url": prompt.url("/")})).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": shut.url("/")})).await?;
    let mut events = BTreeSet::new();
    for number in 0..EVENTS {
        events.insert(client.publish_accepted(ACCOUNT, "invoiceCreated", &format!("{{\"n\":{number}}}")).await?);
    }
    eventually("the log tells of every delivery to one of the two", async || {
        let attempts = client.attempts_of_endpoint(ACCOUNT, &logged).await?.len();
        Ok(if attempts == EVENTS { Ok(()) } else { Err(attempts) })
    })
    .await?;

    // Beside a node that goes on accepting. What it accepts after the backup goes with the database.
    let file = dir.join("ringup.dump");
    database.dump("ringup", &file)?;
    let after = client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"n":"after the backup"}"#).await?;
    server.kill9()?;
    database.run("DROP DATABASE ringup WITH (FORCE)")?;
    eventually("what was under way is cut", async || {
        let open = shut.requests().iter().filter(|request| !request.ended).count();
        Ok(if open == 0 { Ok(()) } else { Err(open) })
    })
    .await?;
    ensure!(reached(&shut).is_empty(), "all of it waits");

    let url = database.database("restored")?;
    database.restore("restored", &file)?;
    gate.open();
    // Another machine: it has nothing of the old one but the key.
    let other = TempDir::new("pg-restored")?;
    let restored = Server::start(on(&url, &other)).await?;
    let client = restored.client();
    // Once the lease of the old node is over, which is in the backup.
    eventually("what waited is delivered", async || {
        let missing = events.difference(&reached(&shut)).count();
        Ok(if missing == 0 { Ok(()) } else { Err(missing) })
    })
    .await?;
    let log = client.attempts_of_endpoint(ACCOUNT, &logged).await?;
    ensure!(log.len() == EVENTS, "{} attempts are in the log, of {EVENTS}", log.len());
    let listed = client.list::<Value>(&format!("/api/v1/app/{ACCOUNT}/msg")).await?;
    let listed: BTreeSet<String> = listed.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)).collect();
    ensure!(listed == events, "it has what it had: {} of {EVENTS}", listed.len());
    ensure!(!listed.contains(&after), "and no more than that");

    // It goes on, with new days and ids as ever; the secrets of the endpoints are opened with the key.
    let new = client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"n":"new"}"#).await?;
    eventually("a new event reaches both", async || {
        let there = [&prompt, &shut].map(|receiver| reached(receiver).contains(&new));
        Ok(if there == [true, true] { Ok(()) } else { Err(there) })
    })
    .await?;
    let again =
        prompt.wait_ended(EVENTS + 1, SOON).await?.iter().filter(|request| events.contains(request.id())).count();
    ensure!(again == EVENTS, "what the log tells of is not sent again: {again} requests for {EVENTS} events");
    Ok(())
}
