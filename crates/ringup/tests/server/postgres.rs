//! The same server on PostgreSQL: what was accepted outlives the node, the database and both; nodes share
//! the work.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use ringup_testkit::client::Client;
use ringup_testkit::postgres::Postgres;
use ringup_testkit::receiver::{Answer, Gate, Receiver};
use ringup_testkit::server::{Server, ServerSetup};
use ringup_testkit::tempdir::TempDir;
use serde_json::json;

use crate::cli::{printed, run};
use crate::stage::{ACCOUNT, SOON, eventually, setup};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub fn on(database: &str, dir: &TempDir) -> ServerSetup {
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

/// Accounts enough for each node to have some.
const ACCOUNTS: usize = 16;

/// The number of each event that came, in order.
fn numbers(receiver: &Receiver) -> Vec<u64> {
    let requests = receiver.requests();
    let bodies = requests.iter().filter(|request| request.ended);
    let number = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok()?["n"].as_u64();
    let mut numbers: Vec<u64> = bodies.filter_map(|request| number(&request.body)).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn two_nodes_share_the_work_and_one_goes_on_alone() -> Result<()> {
    let database = Postgres::shared()?.schema()?;
    let (first_dir, second_dir) = (TempDir::new("pg-first")?, TempDir::new("pg-second")?);
    let mut first = Server::start(on(&database, &first_dir)).await?;
    let mut second = Server::start(on(&database, &second_dir)).await?;
    let receiver = Receiver::start(200).await?;
    let name = |number: usize| format!("shop-{number}");
    for number in 0..ACCOUNTS {
        first.client().create_app(&name(number)).await?;
        first.client().create_endpoint(&name(number), &json!({"url": receiver.url("/")})).await?;
    }
    // What one node was told, the other knows soon.
    eventually("the second node knows the accounts", async || {
        let path = format!("/api/v1/app/{}/endpoint", name(ACCOUNTS - 1));
        let listed = second.client().list::<serde_json::Value>(&path).await;
        Ok(listed.map(drop).map_err(|error| error.to_string()))
    })
    .await?;
    let mut published = 0_u64;
    for round in 0..4 {
        for number in 0..ACCOUNTS {
            let node = if (round + number) % 2 == 0 { &first } else { &second };
            let body = format!("{{\"n\":{published}}}");
            node.client().publish_accepted(&name(number), "invoiceCreated", &body).await?;
            published += 1;
        }
    }
    let all = |published: u64| (0..published).collect::<Vec<u64>>();
    eventually("all of it arrives", async || {
        let came = numbers(&receiver);
        Ok(if came.len() as u64 >= published { Ok(()) } else { Err(came.len()) })
    })
    .await?;
    ensure!(numbers(&receiver) == all(published), "each event comes once: {:?}", numbers(&receiver));

    // Any node shows the log of what the other one sent.
    for number in 0..ACCOUNTS {
        let endpoints =
            first.client().list::<serde_json::Value>(&format!("/api/v1/app/{}/endpoint", name(number))).await?;
        let endpoint = endpoints[0]["id"].as_str().context("an id")?;
        let path = format!("/api/v1/app/{}/attempt/endpoint/{endpoint}", name(number));
        for node in [&first, &second] {
            let attempts = node.client().list::<serde_json::Value>(&path).await?;
            ensure!(attempts.len() == 4, "{} attempts of {}", attempts.len(), name(number));
        }
    }

    second.kill9()?;
    for number in 0..ACCOUNTS {
        let body = format!("{{\"n\":{published}}}");
        first.client().publish_accepted(&name(number), "invoiceCreated", &body).await?;
        published += 1;
    }
    eventually("the first node takes over what the second one did", async || {
        let came = numbers(&receiver);
        Ok(if came.len() as u64 >= published { Ok(()) } else { Err(came.len()) })
    })
    .await?;
    ensure!(numbers(&receiver) == all(published), "each event comes once: {:?}", numbers(&receiver));

    // The other way round, and at once: a node that is stopped gives back what it has.
    second.restart().await?;
    eventually("the second node works again", async || {
        let said = second.output().lines().join("\n");
        Ok(if said.contains("does the work of more accounts") { Ok(()) } else { Err(said) })
    })
    .await?;
    ensure!(first.sigterm(SOON).await?.success());
    for number in 0..ACCOUNTS {
        let body = format!("{{\"n\":{published}}}");
        second.client().publish_accepted(&name(number), "invoiceCreated", &body).await?;
        published += 1;
    }
    eventually("the second node does all of it", async || {
        let came = numbers(&receiver);
        Ok(if came.len() as u64 >= published { Ok(()) } else { Err(came.len()) })
    })
    .await?;
    ensure!(numbers(&receiver) == all(published), "each event comes once: {:?}", numbers(&receiver));
    Ok(())
}

#[tokio::test]
async fn an_endpoint_that_its_node_has_not_heard_of_yet_loses_nothing() -> Result<()> {
    let database = Postgres::shared()?.schema()?;
    let (first_dir, second_dir) = (TempDir::new("pg-new-first")?, TempDir::new("pg-new-second")?);
    let first = Server::start(on(&database, &first_dir)).await?;
    let second = Server::start(on(&database, &second_dir)).await?;
    eventually("the second node has its share", async || {
        let said = second.output().lines().join("\n");
        Ok(if said.contains("does the work of more accounts") { Ok(()) } else { Err(said) })
    })
    .await?;
    let receiver = Receiver::start(200).await?;
    let client = first.client();
    // Made and used within milliseconds, while the owner of half of them does not know that they are there.
    for number in 0..ACCOUNTS {
        let name = format!("new-{number}");
        client.create_app(&name).await?;
        client.create_endpoint(&name, &json!({"url": receiver.url("/")})).await?;
        client.publish_accepted(&name, "invoiceCreated", &format!("{{\"n\":{number}}}")).await?;
    }
    eventually("all of it arrives", async || {
        let came = numbers(&receiver);
        Ok(if came.len() >= ACCOUNTS { Ok(()) } else { Err(came) })
    })
    .await?;
    ensure!(numbers(&receiver) == (0..ACCOUNTS as u64).collect::<Vec<_>>(), "{:?}", numbers(&receiver));
    Ok(())
}

#[tokio::test]
async fn what_one_node_made_is_known_to_another_that_is_asked_at_once() -> Result<()> {
    let database = Postgres::shared()?.schema()?;
    let (first_dir, second_dir) = (TempDir::new("pg-known-first")?, TempDir::new("pg-known-second")?);
    let first = Server::start(on(&database, &first_dir)).await?;
    let second = Server::start(on(&database, &second_dir)).await?;
    let (here, there) = (first.client(), second.client());
    for number in 0..20 {
        let name = format!("moment-{number}");
        here.create_app(&name).await?;
        let endpoint = there.create_endpoint(&name, &json!({"url": "http://127.0.0.1:9/"})).await?;
        let path = format!("/api/v1/app/{name}/endpoint/{endpoint}");
        here.get(&path).await?.expect(200)?;
        there.delete(&path).await?.expect(204)?;
        here.publish_accepted(&name, "invoiceCreated", "{}").await?;
    }
    there.get("/api/v1/app/nobody").await?.expect(404)?;

    // Neither is whoever signs in at one node asked to again by the next.
    let browser = [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
    let form = format!("key={}", first.setup().key);
    let signed_in =
        Client::anonymous(first.address()).call(Method::POST, "/sign-in", &browser, form).await?.expect(303)?;
    let cookie = signed_in.header("set-cookie").context("a session")?.split(';').next().unwrap_or_default().to_owned();
    let pages = Client::anonymous(second.address());
    pages.call(Method::GET, "/a/moment-0", &[("cookie", &cookie)], "").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_catcher_catches_at_every_node_and_is_shown_by_every_node() -> Result<()> {
    let database = Postgres::shared()?.schema()?;
    let (first_dir, second_dir) = (TempDir::new("pg-catch-first")?, TempDir::new("pg-catch-second")?);
    let first = Server::start(on(&database, &first_dir)).await?;
    let mut second = Server::start(on(&database, &second_dir)).await?;
    first.client().create_app(ACCOUNT).await?;
    let draft = json!({"name": "lunch test", "script": "503 x2, 200"});
    let made = first.client().post(&format!("/api/v1/app/{ACCOUNT}/catcher"), &draft).await?.expect(201)?;
    let (id, url) = (made.id()?, made.text_at("url")?);
    let write_path = url.find("/c/").map_or("", |at| &url[at..]).to_owned();
    let list = format!("/api/v1/app/{ACCOUNT}/catcher/{id}/request");

    // Whoever waits at one node is told of what comes to the other.
    let watcher = second.client();
    let path = format!("{list}?after=0&count=1&wait=30s");
    let waiting = tokio::spawn(async move { watcher.get(&path).await });
    let mut answers = Vec::new();
    for turn in 0..4 {
        let node = if turn % 2 == 0 { &first } else { &second };
        let event = [("webhook-id", "msg_of_somebody")];
        let answer = Client::anonymous(node.address()).call(Method::POST, &write_path, &event, "{}").await?;
        answers.push(answer.status);
    }
    ensure!(answers == [503, 503, 200, 200], "{answers:?}");
    let heard = waiting.await??.expect(200)?.json()?;
    ensure!(heard["done"] == true && heard["data"][0]["number"] == 1, "{heard}");

    second.kill9()?;
    let rows = first.client().get(&format!("{list}?after=0&count=4&wait=30s")).await?.expect(200)?.json()?;
    let seen = rows["data"].as_array().context("a list")?.iter();
    let seen: Vec<_> =
        seen.map(|row| (row["number"].as_u64(), row["answer"].as_str(), row["retryOf"].as_u64())).collect();
    let expected = [("503", None), ("503", Some(1)), ("200", Some(1)), ("200", Some(1))];
    let expected: Vec<_> = (1..).zip(expected).map(|(number, (answer, of))| (Some(number), Some(answer), of)).collect();
    ensure!(seen == expected, "what one node caught is not lost with it: {seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_text_that_the_database_cannot_keep_is_refused_for_good_and_holds_up_nobody() -> Result<()> {
    let dir = TempDir::new("pg-nul")?;
    let server = Server::start(on(&Postgres::shared()?.schema()?, &dir)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let refused = client.post("/api/v1/app", &json!({"name": "a\u{0}b"})).await?.expect(422)?;
    ensure!(refused.text().contains("the character NUL"), "{}", refused.text());
    client.get(&format!("/api/v1/app/{ACCOUNT}/msg?tag=a%00b")).await?.expect(422)?;
    // A payload is bytes, and may hold anything.
    client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"note":"a\u0000b"}"#).await?;
    Ok(())
}

#[tokio::test]
async fn keys_and_environments_are_made_beside_the_nodes_and_without_them() -> Result<()> {
    let database = Postgres::shared()?.schema()?;
    let (dir, elsewhere) = (TempDir::new("pg-keys")?, TempDir::new("pg-keys-beside")?);
    // Not on a node's machine: all that it needs is the address and the key.
    let beside = on(&database, &elsewhere);
    let (code, _, stderr) = run(&mut beside.command(&["environment", "list"]))?;
    ensure!(code != Some(0) && stderr.contains("start a node once"), "{code:?} {stderr}");

    let mut server = Server::start(on(&database, &dir)).await?;
    printed(&beside, &["environment", "create", "sandbox"])?;
    let key = printed(&beside, &["key", "create", "--environment", "sandbox", "--name", "till software"])?;
    let sandbox = Client::new(server.address(), key.trim());
    eventually("the node knows environment and key", async || {
        let status = sandbox.get("/api/v1/app").await?.status;
        Ok(if status == 200 { Ok(()) } else { Err(status) })
    })
    .await?;
    sandbox.create_app("sandbox-shop").await?;
    let list = printed(&beside, &["key", "list"])?;
    let line = list.lines().find(|line| line.contains("till software")).context("a line")?;
    printed(&beside, &["key", "revoke", line.split_whitespace().next().context("an id")?])?;
    eventually("the key is refused", async || {
        let status = sandbox.get("/api/v1/app").await?.status;
        Ok(if status == 401 { Ok(()) } else { Err(status) })
    })
    .await?;

    server.sigterm(SOON).await?;
    let key = printed(&beside, &["key", "create", "--environment", "sandbox"])?;
    server.restart().await?;
    Client::new(server.address(), key.trim()).get("/api/v1/app/sandbox-shop").await?.expect(200)?;

    let other_key = beside.with("STORE__ENCRYPTION_KEY", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=");
    let (code, _, stderr) = run(&mut other_key.command(&["key", "list"]))?;
    ensure!(code != Some(0) && stderr.contains("belongs to another installation"), "{code:?} {stderr}");
    let (code, _, stderr) = run(&mut other_key.command(&["encryption", "rotate"]))?;
    ensure!(code != Some(0) && stderr.contains("data folder only"), "{code:?} {stderr}");
    Ok(())
}
