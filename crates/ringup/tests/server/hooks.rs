//! The published table of hooks, row by row, on a real server with real apps on sockets.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use ringup_testkit::{
    client::{Client, Reply},
    hostile::{Behaviour, HostileServer},
    receiver::{Answer, Gate, Receiver, Script},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stage::{ACCOUNT, SOON, Stage, eventually};

const TABLE: &str = include_str!("../../../../docs/hooks.md");

/// What the hooks of these tests are given: silent apps are waited for this long.
const DEADLINE_MS: u64 = 400;

struct Row {
    hook: &'static str,
    app: &'static str,
    kind: &'static str,
    cause: &'static str,
    entry: &'static str,
    then: &'static str,
}

fn rows() -> Vec<Row> {
    let table = TABLE.split("## What happens when").nth(1).unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        Row { hook: cells[0], app: cells[1], kind: cells[2], cause: cells[3], entry: cells[4], then: cells[6] }
    };
    rows.map(row).collect()
}

fn path(hook: &str) -> String {
    format!("/api/v1/app/{ACCOUNT}/hook/{hook}")
}

fn question(hook: &str) -> Value {
    match hook {
        // Each is another sale.
        "orderComplete" => {
            static SALES: AtomicUsize = AtomicUsize::new(0);
            let sale = SALES.fetch_add(1, Ordering::Relaxed);
            json!({"ID": format!("INV-{sale}"), "Outlet": "Kemang", "Total": 12.50})
        }
        "validateCoupon" => json!({"Code": "A1", "Outlet": "Kemang", "Customer": {"Email": "", "Phone": "1"}}),
        _ => json!({"Outlet": "Kemang", "Phone": "0812", "Email": "", "Code": ""}),
    }
}

/// Sets a hook anew; the id of its endpoint.
async fn set(stage: &Stage, hook: &str, url: &str, more: Value) -> Result<String> {
    let settings = format!("{}/settings", path(hook));
    let removed = stage.client.delete(&settings).await?;
    ensure!([204, 404].contains(&removed.status), "{removed:?}");
    let mut body = json!({"url": url, "deadlineMs": DEADLINE_MS});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    stage.client.put(&settings, &body).await?.expect(200)?.text_at("endpointId")
}

async fn ask(client: &Client, hook: &str) -> Result<Value> {
    client.post(&path(hook), &question(hook)).await?.expect(200)?.json()
}

/// Asks until the answer is as the row says.
async fn ask_until(client: &Client, row: &Row) -> Result<Value> {
    eventually(row.app, async || {
        let answer = ask(client, row.hook).await?;
        let same = answer["kind"] == row.kind && answer["cause"].as_str().unwrap_or("–") == row.cause;
        Ok(if same { Ok(answer) } else { Err(answer) })
    })
    .await
}

/// An answer of the app, as the table spells it.
fn scripted(said: &str) -> Answer {
    let said = said.split(", and ").next().unwrap_or_default();
    let (status, body) = match said.split_once(' ') {
        Some((status, body)) if status.len() == 3 => (status.parse().unwrap_or(200), body),
        _ if said.len() == 3 => (said.parse().unwrap_or(200), ""),
        _ => (200, said),
    };
    Answer::status(status).body(body.trim_matches('`').to_owned())
}

/// What a hostile app does in a row.
fn hostile(app: &str) -> Option<Behaviour> {
    Some(match app {
        "answers a gigabyte" => Behaviour::HugeBody { bytes: 1 << 30 },
        "breaks off in its answer" => Behaviour::ShortBody,
        "drips a byte a second" => Behaviour::SlowBody { pause: Duration::from_millis(50) },
        "is silent" => Behaviour::Silence,
        "closes before an answer" => Behaviour::CloseWithoutAnswer,
        "redirects" => Behaviour::Redirect { status: 302, location: "http://127.0.0.1:1/".to_owned() },
        _ => return None,
    })
}

/// Plays a row: what the till was told, and which endpoint was asked.
async fn play(stage: &Stage, row: &Row) -> Result<(Value, Option<String>)> {
    let client = &stage.client;
    if let Some(behaviour) = hostile(row.app) {
        let server = HostileServer::start(behaviour).await?;
        let endpoint = set(stage, row.hook, &server.url("/ask"), json!({})).await?;
        // The till of a sale waits for less than the app is given.
        stage.set(&endpoint, &json!({"timeLimit": "1s"})).await?;
        return Ok((ask(client, row.hook).await?, Some(endpoint)));
    }
    match row.app {
        "is not set" => {
            client.delete(&format!("{}/settings", path(row.hook))).await?;
            Ok((ask(client, row.hook).await?, None))
        }
        "is switched off" => {
            let app = Receiver::start(200).await?;
            let endpoint = set(stage, row.hook, &app.url("/"), json!({"disabled": true})).await?;
            let answer = ask(client, row.hook).await?;
            ensure!(app.count() == 0, "nobody is asked");
            Ok((answer, Some(endpoint)))
        }
        "refuses the connection" => {
            let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
            let endpoint = set(stage, row.hook, &format!("http://{address}/"), json!({})).await?;
            Ok((ask(client, row.hook).await?, Some(endpoint)))
        }
        "is left alone by the breaker" => {
            let app = Receiver::start(503).await?;
            set(stage, row.hook, &app.url("/"), json!({})).await?;
            let answer = ask_until(client, row).await?;
            ensure!(app.count() <= 6, "{} calls to a dead app", app.count());
            // Nobody was called for this one.
            ensure!(answer["callId"].is_null(), "{answer}");
            Ok((answer, None))
        }
        "has as many questions open as it may" => {
            let gate = Gate::closed();
            let app = Receiver::start(Answer::status(200).body("{\"Point\":1}").gated(&gate)).await?;
            let endpoint = set(stage, row.hook, &app.url("/"), json!({"deadlineMs": 20_000})).await?;
            stage.set(&endpoint, &json!({"inFlightMax": 1})).await?;
            let other = stage.server.client();
            let (path, asked) = (path(row.hook), question(row.hook));
            let patient = other.post(&path, &asked);
            let crowded = async {
                app.wait_for(1, SOON).await?;
                let mut another = question(row.hook);
                another["Phone"] = "0813".into();
                let answer = client.post(&path, &another).await?.expect(200)?.json()?;
                gate.open();
                Ok::<_, anyhow::Error>(answer)
            };
            let (first, answer) = tokio::join!(patient, crowded);
            ensure!(first?.json()?["kind"] == "live");
            Ok((answer?, None))
        }
        "answers 503, and an older answer is kept" => {
            let asked = AtomicUsize::new(0);
            let app = Receiver::start(Script::by(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
                0 => Answer::status(200).body("{\"Point\":7}"),
                _ => Answer::status(503),
            }))
            .await?;
            set(stage, row.hook, &app.url("/"), json!({})).await?;
            ensure!(ask(client, row.hook).await?["kind"] == "live");
            let again = ask(client, row.hook).await?;
            ensure!(again["kind"] == "cache" && again["cause"].is_null() && app.count() == 1, "{again}");
            let answer = ask_until(client, row).await?;
            ensure!(answer["answer"]["Point"] == 7 && answer["ageMs"].as_u64() > Some(4_000), "{answer}");
            Ok((answer, None))
        }
        "answers in another charset" => {
            let body = Answer::status(200).body("{\"Point\":1}");
            let app = Receiver::start(body.header("content-type", "application/json; charset=ISO-8859-1")).await?;
            let endpoint = set(stage, row.hook, &app.url("/"), json!({})).await?;
            Ok((ask(client, row.hook).await?, Some(endpoint)))
        }
        other => {
            let said = other.strip_prefix("answers ").with_context(|| format!("no such case: {other}"))?;
            let said = if said == "nothing" { "" } else { said };
            let app = Receiver::start(scripted(said)).await?;
            let declared = other.ends_with("a fallback is declared");
            let more = if declared { json!({"fallback": {"Point": 0}}) } else { json!({}) };
            let endpoint = set(stage, row.hook, &app.url("/"), more).await?;
            Ok((ask(client, row.hook).await?, Some(endpoint)))
        }
    }
}

/// The one entry of an endpoint's log, in the words of the table.
async fn entry(stage: &Stage, endpoint: &str) -> Result<String> {
    let path = format!("/api/v1/app/{ACCOUNT}/attempt/endpoint/{endpoint}");
    let attempts = eventually("one entry of the log", async || {
        let attempts = stage.client.list::<Value>(&path).await?;
        Ok(if attempts.len() == 1 { Ok(attempts) } else { Err(attempts.len()) })
    })
    .await?;
    let attempt = &attempts[0];
    let status = attempt["responseStatusCode"].as_u64().filter(|status| *status > 0);
    let words = [
        attempt["outcome"].as_str().map(str::to_owned),
        status.map(|status| status.to_string()),
        attempt["error"].as_str().map(str::to_owned),
    ];
    Ok(words.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn every_row_of_the_published_table_happens_on_sockets() -> Result<()> {
    let stage = Stage::open("hooks-table").await?;
    let mut played = 0;
    for row in rows() {
        // Forbidden addresses cannot be set, and calls to them are tried where they are made.
        if row.app == "is at a forbidden address" {
            continue;
        }
        let what = format!("{} {}", row.hook, row.app);
        let began = Instant::now();
        let (answer, endpoint) = play(&stage, &row).await.with_context(|| what.clone())?;
        assert_eq!(answer["kind"], row.kind, "{what}: {answer}");
        assert_eq!(answer["cause"].as_str().unwrap_or("–"), row.cause, "{what}: {answer}");
        assert_eq!(answer["answer"].is_null(), row.kind == "failed", "{what}: {answer}");
        assert_eq!(answer["reason"].is_null(), row.cause == "–", "{what}: {answer}");
        assert_eq!(answer["queued"], row.then == "queued", "{what}: {answer}");
        match endpoint {
            Some(endpoint) if row.entry != "–" => {
                assert_eq!(entry(&stage, &endpoint).await.with_context(|| what.clone())?, row.entry, "{what}");
            }
            Some(_) | None => {}
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        played += 1;
    }
    assert!(played >= 47, "{played} rows");
    Ok(())
}

#[tokio::test]
async fn a_till_is_answered_in_its_own_time_and_the_call_is_cut() -> Result<()> {
    let stage = Stage::open("hooks-deadline").await?;
    let app = HostileServer::start(Behaviour::Silence).await?;
    set(&stage, "fetchMemberPoint", &app.url("/"), json!({"deadlineMs": 30_000})).await?;
    let hurried = async |millis: &str| -> Result<Reply> {
        let body = question("fetchMemberPoint").to_string();
        let path = path("fetchMemberPoint");
        stage.client.call(Method::POST, &path, &[("ringup-deadline-ms", millis)], body).await
    };
    let answer = hurried("150").await?.expect(200)?.json()?;
    assert_eq!((&answer["kind"], &answer["cause"]), (&json!("failed"), &json!("late")), "{answer}");
    assert!(answer["tookMs"].as_u64() < Some(10_000), "{answer}");
    // The app sees its connection end.
    app.wait_ended(1, SOON).await?;
    for senseless in ["0", "-1", "31536000000", "soon", ""] {
        hurried(senseless).await?.expect(422)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_till_that_hangs_up_ends_the_call() -> Result<()> {
    let stage = Stage::open("hooks-cancel").await?;
    let app = HostileServer::start(Behaviour::Silence).await?;
    set(&stage, "fetchMemberPoint", &app.url("/"), json!({"deadlineMs": 30_000})).await?;
    let till = stage.server.client().within(Duration::from_millis(300));
    assert!(ask(&till, "fetchMemberPoint").await.is_err());
    drop(till);
    app.wait_ended(1, SOON).await?;
    Ok(())
}

#[tokio::test]
async fn the_same_question_at_the_same_time_is_asked_once_and_signed() -> Result<()> {
    let stage = Stage::open("hooks-together").await?;
    let gate = Gate::closed();
    let app = Receiver::start(Answer::status(200).body("{\"POINT\": 12.50}").gated(&gate)).await?;
    set(&stage, "fetchMemberPoint", &app.url("/"), json!({"deadlineMs": 30_000})).await?;
    let (one, two) = (stage.server.client(), stage.server.client());
    let opened = async {
        let seen = app.wait_for(1, SOON).await;
        gate.open();
        seen
    };
    let (first, second, seen) = tokio::join!(ask(&one, "fetchMemberPoint"), ask(&two, "fetchMemberPoint"), opened);
    let (first, second) = (first?, second?);
    assert_eq!(first["answer"], json!({"Point": 12.50}));
    assert_eq!(second["answer"], first["answer"]);
    assert_eq!(app.count(), 1, "{first} {second}");
    let seen = seen?.remove(0);
    assert_eq!(first["callId"].as_str(), Some(seen.id()));
    // By the id that the till was given the call is found, and how it went.
    let call = format!("/api/v1/app/{ACCOUNT}/msg/{}", seen.id());
    let event = eventually("the call in the log", async || {
        let reply = stage.client.get(&call).await?;
        Ok(if reply.status == 200 { Ok(reply.json()?) } else { Err(reply.status) })
    })
    .await?;
    assert_eq!(event["eventType"], "fetchMemberPoint", "{event}");
    let attempts = format!("/api/v1/app/{ACCOUNT}/attempt/msg/{}", seen.id());
    assert_eq!(stage.client.list::<Value>(&attempts).await?.len(), 1);
    // Whoever pulls what happened does not get what was asked.
    let pulled = format!("/api/v1/app/{ACCOUNT}/events");
    assert_eq!(stage.client.get(&pulled).await?.expect(200)?.json()?["data"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_hook_asks_one_app_and_what_makes_no_sense_is_refused_with_the_reason() -> Result<()> {
    let stage = Stage::open("hooks-settings").await?;
    let settings = format!("{}/settings", path("validateCoupon"));
    let (first, second) = ("http://127.0.0.1:9/one", "http://127.0.0.1:9/two");
    stage.client.put(&settings, &json!({"url": first})).await?.expect(200)?;
    let refused = stage.client.put(&settings, &json!({"url": second})).await?.expect(409)?;
    assert!(refused.text_at("detail")?.contains(first), "{refused:?}");
    stage.client.put(&settings, &json!({"url": second, "replaces": first})).await?.expect(200)?;
    for senseless in [
        json!({"url": second, "deadlineMs": 99}),
        json!({"url": second, "deadlineMs": 30_001}),
        json!({"url": second, "fallback": {"Type": "Amount", "Amount": 1}}),
        json!({"url": second, "generation": "newest"}),
        json!({"url": "ftp://x/", "replaces": second}),
    ] {
        stage.client.put(&settings, &senseless).await?.expect(422)?;
    }
    let points = format!("{}/settings", path("fetchMemberPoint"));
    stage.client.put(&points, &json!({"url": first, "fallback": {"Point": -1}})).await?.expect(422)?;
    stage.client.post(&path("stockCheck"), &json!({})).await?.expect(404)?;
    for question in [json!({}), json!([]), json!({"Code": 7, "Outlet": ""})] {
        stage.client.post(&path("validateCoupon"), &question).await?.expect(422)?;
    }
    // It survives a restart of the question: the list is what was set.
    let listed = stage.client.get(&format!("/api/v1/app/{ACCOUNT}/hook")).await?.expect(200)?.json()?;
    assert_eq!(listed["data"][0]["url"], second);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    Ok(())
}
