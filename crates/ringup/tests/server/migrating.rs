//! `ringup migrate-store`, with real processes: it is killed, begun again, and what waited in the folder is delivered from
//! the database.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use ringup_testkit::postgres::Postgres;
use ringup_testkit::receiver::{Answer, Gate, Receiver};
use ringup_testkit::server::{Server, ServerSetup};
use ringup_testkit::tempdir::TempDir;
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, eventually, setup};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The command, to be run beside no server.
fn mover(setup: &ServerSetup, database: &str) -> Command {
    let mut command = setup.command(&["migrate-store"]);
    command.env("RINGUP__STORE__ENCRYPTION_KEY", KEY).args(["--to", database]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Kills it once it has said so many lines of how far it is; `false` if it ended before.
fn killed_after(setup: &ServerSetup, database: &str, lines: usize) -> Result<bool> {
    let mut child = mover(setup, database).spawn()?;
    let said = BufReader::new(child.stderr.take().context("standard error")?).lines().map_while(Result::ok);
    let reached = said.take(lines).count() == lines;
    // SIGKILL: nothing is tidied up.
    child.kill()?;
    let status = child.wait()?;
    Ok(reached && !status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_moved_though_the_command_is_killed_twice_and_what_waited_is_delivered() -> Result<()> {
    let database = Postgres::own()?;
    let address = database.schema()?;
    let dir = TempDir::new("moved")?;
    let mut server = Server::start(setup(&dir)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let gate = Gate::closed();
    let (prompt, slow) = (Receiver::start(200).await?, Receiver::start(Answer::status(200).gated(&gate)).await?);
    let endpoint = client.create_endpoint(ACCOUNT, &json!({"url": prompt.url("/")})).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": slow.url("/")})).await?;
    let secret = client.secret(ACCOUNT, &endpoint).await?;
    let mut events = Vec::new();
    for number in 0..200 {
        events.push(client.publish_accepted(ACCOUNT, "invoiceCreated", &format!("{{\"n\":{number}}}")).await?);
    }
    prompt.wait_ended(200, SOON).await?;
    let taken = mover(server.setup(), &address).output()?;
    let words = String::from_utf8(taken.stderr)?;
    ensure!(taken.status.code() == Some(1) && words.contains("is in use by process"), "{words}");
    server.kill9()?;

    ensure!(killed_after(server.setup(), &address, 1)?, "it moved everything before it was killed");
    ensure!(killed_after(server.setup(), &address, 1)?, "it moved everything before it was killed again");
    let refused = server.setup().command(&["serve"]).output()?;
    let words = String::from_utf8(refused.stderr)?;
    ensure!(!refused.status.success() && words.contains("ringup migrate-store"), "{words}");
    let moved = mover(server.setup(), &address).output()?;
    let (words, said) = (String::from_utf8(moved.stdout)?, String::from_utf8(moved.stderr)?);
    ensure!(moved.status.success(), "{said}");
    ensure!(words.contains("1 accounts, 2 endpoints, 200 events, 200 deliveries waiting, 200 attempts"), "{words}");

    gate.open();
    let on_database = setup(&dir).with("STORE__URL", &address).with("STORE__ENCRYPTION_KEY", KEY);
    let server = Server::start(on_database).await?;
    let client = server.client();
    eventually("every event reached the slow one", async || {
        let requests = slow.requests();
        let reached = events.iter().filter(|id| requests.iter().any(|request| request.ended && request.id() == **id));
        let reached = reached.count();
        Ok(if reached == events.len() { Ok(()) } else { Err(reached) })
    })
    .await?;
    ensure!(prompt.count() == 200, "{} requests came to the one that had all", prompt.count());
    ensure!(client.secret(ACCOUNT, &endpoint).await? == secret, "the secret is another one");
    let listed = client.list::<Value>(&format!("/api/v1/app/{ACCOUNT}/msg")).await?;
    ensure!(listed.len() == events.len(), "{} listed, {} accepted", listed.len(), events.len());
    ensure!(client.attempts_of_endpoint(ACCOUNT, &endpoint).await?.len() == 200, "the log is not whole");
    Ok(())
}

#[test]
fn what_it_lacks_it_says_and_changes_nothing() -> Result<()> {
    let dir = TempDir::new("unmoved")?;
    let setup = setup(&dir);
    let said = |command: &mut Command| -> Result<String> {
        let output = command.output()?;
        ensure!(output.status.code() == Some(1), "{output:?}");
        Ok(String::from_utf8(output.stderr)?)
    };
    let nowhere = said(&mut setup.command(&["migrate-store"]))?;
    ensure!(nowhere.contains("--to postgres://") && nowhere.contains("RINGUP__STORE__URL"), "{nowhere}");
    let keyless = said(&mut setup.command(&["migrate-store", "--to", "postgres://localhost/ringup"]))?;
    ensure!(keyless.contains("RINGUP__STORE__ENCRYPTION_KEY=\"$(cat "), "{keyless}");
    let empty = said(&mut mover(&setup, "postgres://localhost/ringup"))?;
    ensure!(empty.contains("there is no store in"), "{empty}");
    let address = said(&mut mover(&setup, "postgres://user:hunter22@[bad/ringup"))?;
    ensure!(address.contains("is not an address") && !address.contains("hunter22"), "{address}");
    ensure!(!dir.join("data").exists(), "a folder was made");
    Ok(())
}
