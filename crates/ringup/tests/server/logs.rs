//! The log modes, redaction and masking, shown by what lies in the store's files and what does not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use ringup_testkit::{
    receiver::{Answer, Receiver},
    server::Server,
    tempdir::TempDir,
};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::stage::{ACCOUNT, SOON, Stage, eventually, setup};

/// Texts that occur nowhere but where a test puts them.
const PAYLOAD: &str = "canary-payload-7f3a91";
const ANSWER: &str = "canary-answer-c20d44";
const COOKIE: &str = "canary-cookie-51be08";
const PHONE: &str = "canary-phone-9e6672";
const DOOR: &str = "canary-authorisation-d81f3b";

/// A receiver that answers with something the log may or may not keep.
fn answer(status: u16) -> Answer {
    let answer = Answer::status(status).body(format!("{{\"said\":\"{ANSWER}\"}}"));
    answer.header("set-cookie", &format!("session={COOKIE}")).header("x-plain", "plain-header-2b")
}

/// The files below the data folder that contain this text.
fn files_with(data: &Path, text: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read(&path)?.windows(text.len()).any(|bytes| bytes == text.as_bytes()) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[track_caller]
fn assert_nowhere(data: &Path, texts: &[&str]) {
    for text in texts {
        assert_eq!(files_with(data, text).expect("the folder can be read"), Vec::<PathBuf>::new(), "{text}");
    }
}

/// The one day file in the data folder.
fn day_file(data: &Path) -> Result<PathBuf> {
    let name = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let is_day = |path: &PathBuf| name(path).is_some_and(|name| name.starts_with("day-") && name.ends_with(".db"));
    let paths = fs::read_dir(data)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    paths.filter(is_day).max().context("a day file")
}

/// One number out of the day file, read by another program than ours.
fn number(data: &Path, query: &str) -> Result<i64> {
    let connection = Connection::open_with_flags(day_file(data)?, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(connection.query_row(query, [], |row| row.get(0))?)
}

/// A server in this log mode after three events: one delivered, one refused for good with 404, one exhausted with 500.
async fn three_events(mode: &str, settings: serde_json::Value) -> Result<(TempDir, Server, [String; 3])> {
    let dir = TempDir::new(mode)?;
    let server = Server::start(setup(&dir).with("DELIVERY__LOG_MODE", mode)).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let mut events = Vec::new();
    for (event_type, status) in [("good", 200), ("refused", 404), ("failing", 500)] {
        let receiver = Receiver::start(answer(status)).await?;
        let body = json!({
            "url": receiver.url("/"),
            "eventTypes": [event_type],
            "headers": {"Authorization": format!("Bearer {DOOR}")},
        });
        let endpoint = client.create_endpoint(ACCOUNT, &body).await?;
        client.patch(&format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/settings"), &settings).await?.success()?;
        let payload = json!({"note": format!("{PAYLOAD}-{event_type}"), "Customer": {"Phone": PHONE}}).to_string();
        events.push(client.publish_accepted(ACCOUNT, event_type, &payload).await?);
        let attempts = if status == 500 { 2 } else { 1 };
        let requests = receiver.wait_ended(attempts, SOON).await?;
        assert_eq!(requests[0].text(), payload, "the receiver gets all of it");
        assert_eq!(requests[0].header("authorization"), Some(format!("Bearer {DOOR}").as_str()));
    }
    let events = <[String; 3]>::try_from(events).ok().context("three events")?;
    let stage_client = server.client();
    for (event, attempts) in events.iter().zip([1, 1, 2]) {
        eventually("the counters of all attempts", async || {
            let rows: Vec<serde_json::Value> =
                stage_client.list(&format!("/api/v1/app/{ACCOUNT}/msg/{event}/endpoint")).await?;
            let live = rows.iter().any(|row| row["outcome"] == "waiting" || row["outcome"] == "scheduled");
            Ok(if live { Err((attempts, rows)) } else { Ok(()) })
        })
        .await?;
    }
    Ok((dir, server, events))
}

/// What the counters say, whatever the log mode.
#[track_caller]
fn assert_counted(data: &Path) {
    for (column, expected) in [("delivered", 1), ("refused", 3), ("gave_up", 2), ("timed_out", 0), ("unreachable", 0)] {
        let found = number(data, &format!("SELECT coalesce(sum({column}), 0) FROM counter"));
        assert_eq!(found.expect("the counters can be read"), expected, "{column}");
    }
}

#[tokio::test]
async fn full_keeps_successes_and_errors_and_masks_what_opens_doors() -> Result<()> {
    let (dir, mut server, events) = three_events("full", json!({})).await?;
    let client = server.client();
    for (event, statuses) in events.iter().zip([&[200][..], &[404], &[500, 500]]) {
        let attempts = client.attempts_of_event(ACCOUNT, event).await?;
        assert_eq!(attempts.iter().map(|attempt| attempt.response_status_code).collect::<Vec<_>>(), statuses);
        assert!(attempts.iter().all(|attempt| attempt.response.contains(ANSWER)));
        let headers = attempts[0].rest["responseHeaders"].to_string();
        assert!(headers.contains("plain-header-2b") && !headers.contains(COOKIE), "{headers}");
    }
    assert!(server.sigterm(SOON).await?.success());
    let data = dir.join("data");
    for text in [&format!("{PAYLOAD}-good"), &format!("{PAYLOAD}-failing"), ANSWER, PHONE, "plain-header-2b"] {
        assert!(!files_with(&data, text)?.is_empty(), "{text} is kept, so the search finds what is there");
    }
    assert_nowhere(&data, &[COOKIE]);
    let doors = files_with(&data, DOOR)?;
    assert!(doors.iter().all(|path| path.ends_with("catalog.db")), "only the endpoint's settings hold it: {doors:?}");
    assert_eq!(number(&data, "SELECT count(*) FROM attempt")?, 4);
    assert_counted(&data);
    Ok(())
}

#[tokio::test]
async fn error_keeps_only_what_went_wrong() -> Result<()> {
    let (dir, mut server, events) = three_events("error", json!({})).await?;
    let client = server.client();
    for (event, attempts) in events.iter().zip([0, 1, 2]) {
        assert_eq!(client.attempts_of_event(ACCOUNT, event).await?.len(), attempts);
    }
    assert!(server.sigterm(SOON).await?.success());
    let data = dir.join("data");
    assert_nowhere(&data, &[&format!("{PAYLOAD}-good"), COOKIE]);
    assert!(!files_with(&data, &format!("{PAYLOAD}-refused"))?.is_empty(), "it can be resent");
    assert_eq!(number(&data, "SELECT count(*) FROM attempt")?, 3);
    assert_counted(&data);
    Ok(())
}

#[tokio::test]
async fn none_keeps_nothing_but_counters_and_what_can_be_resent() -> Result<()> {
    let (dir, mut server, events) = three_events("none", json!({})).await?;
    let client = server.client();
    for event in &events {
        assert_eq!(client.attempts_of_event(ACCOUNT, event).await?.len(), 0);
    }
    assert!(server.sigterm(SOON).await?.success());
    let data = dir.join("data");
    assert_nowhere(&data, &[&format!("{PAYLOAD}-good"), ANSWER, COOKIE]);
    assert_eq!(number(&data, "SELECT count(*) FROM attempt")?, 0);
    assert_eq!(number(&data, "SELECT count(*) FROM ended")?, 2, "a failure is listed in every mode");
    assert_counted(&data);
    Ok(())
}

#[tokio::test]
async fn a_delivered_payload_leaves_the_disk_while_the_server_runs() -> Result<()> {
    let stage_dir = TempDir::new("leaves")?;
    let server = Server::start(setup(&stage_dir).with("DELIVERY__LOG_MODE", "none")).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let receiver = Receiver::start(answer(200)).await?;
    client.create_endpoint(ACCOUNT, &json!({"url": receiver.url("/")})).await?;
    client.publish_accepted(ACCOUNT, "good", &json!({"note": PAYLOAD}).to_string()).await?;
    receiver.wait_ended(1, SOON).await?;
    let data = stage_dir.join("data");
    eventually("the payload is gone from every file", async || {
        let found = files_with(&data, PAYLOAD)?;
        Ok(if found.is_empty() { Ok(()) } else { Err(found) })
    })
    .await?;
    assert_nowhere(&data, &[ANSWER, COOKIE]);
    Ok(())
}

#[tokio::test]
async fn redacted_values_reach_the_receiver_and_not_the_disk() -> Result<()> {
    let settings = json!({"redact": ["/Customer/Phone", "/said"]});
    let (dir, mut server, events) = three_events("full", settings).await?;
    let client = server.client();
    let [good, ..] = &events;
    let shown = client.get(&format!("/api/v1/app/{ACCOUNT}/msg/{good}")).await?.success()?.text();
    assert!(shown.contains(PAYLOAD) && shown.contains("[redacted]") && !shown.contains(PHONE), "{shown}");
    for event in &events {
        let attempts = client.attempts_of_event(ACCOUNT, event).await?;
        assert!(attempts.iter().all(|attempt| attempt.response.contains("[redacted]")), "{attempts:?}");
        let shown = client.get(&format!("/api/v1/app/{ACCOUNT}/msg/{event}")).await?.success()?.text();
        assert!(!shown.contains(PHONE), "also while it can be resent: {shown}");
    }
    assert!(server.sigterm(SOON).await?.success());
    let data = dir.join("data");
    assert_nowhere(&data, &[ANSWER, COOKIE]);
    assert_eq!(number(&data, "SELECT count(*) FROM attempt")?, 4);
    let whole = number(&data, &format!("SELECT count(*) FROM event WHERE instr(payload, '{PHONE}') > 0"))?;
    assert_eq!(whole, 2, "only what failed is kept whole, to be resent as it was");
    Ok(())
}

#[tokio::test]
async fn full_for_a_while_ends_by_itself() -> Result<()> {
    let stage = Stage::open_with("while", |setup| setup.with("DELIVERY__LOG_MODE", "none")).await?;
    let receiver = Receiver::start(200).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    let before = stage.publish("invoiceCreated", 0).await?;
    assert_eq!(stage.ended_one(&before).await?, "delivered");
    assert!(stage.attempts(&before).await?.is_empty());

    stage.set(&endpoint, &json!({"fullFor": "2s"})).await?;
    let until = Timestamp::now() + std::time::Duration::from_secs(2);
    let during = stage.publish("invoiceCreated", 1).await?;
    assert_eq!(stage.attempts_when(&during, 1).await?.len(), 1);
    let after = eventually("an event that is not logged", async || {
        let event = stage.publish("invoiceCreated", 2).await?;
        assert_eq!(stage.ended_one(&event).await?, "delivered");
        Ok(if stage.attempts(&event).await?.is_empty() { Ok(event) } else { Err("logged") })
    })
    .await?;
    assert!(Timestamp::now() >= until - std::time::Duration::from_millis(100), "not before its time");
    assert!(stage.attempts(&after).await?.is_empty());
    assert_eq!(stage.attempts(&during).await?.len(), 1, "what was logged stays");
    Ok(())
}

#[tokio::test]
async fn authorisation_values_are_shown_to_nobody() -> Result<()> {
    let stage = Stage::open("masked").await?;
    let receiver = Receiver::start(200).await?;
    let body =
        json!({"url": receiver.url("/"), "headers": {"Authorization": format!("Bearer {DOOR}"), "X-Shop": "12"}});
    let endpoint = stage.endpoint_of(ACCOUNT, &body).await?;
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}");
    let headers = stage.client.get(&format!("{path}/headers")).await?.success()?;
    assert!(headers.text().contains("X-Shop") || headers.text().contains("x-shop"), "{}", headers.text());
    let event = stage.publish("invoiceCreated", 1).await?;
    stage.attempts_when(&event, 1).await?;
    for path in [
        path.clone(),
        format!("{path}/headers"),
        format!("{path}/settings"),
        format!("/api/v1/app/{ACCOUNT}/endpoint"),
        format!("/api/v1/app/{ACCOUNT}/attempt/msg/{event}"),
        format!("/api/v1/app/{ACCOUNT}/attempt/endpoint/{endpoint}"),
    ] {
        let shown = stage.client.get(&path).await?.success()?.text();
        assert!(!shown.contains(DOOR), "{path}: {shown}");
    }
    let lines = stage.server.output().lines().join("\n");
    assert!(!lines.contains(DOOR) && !lines.contains("whsec_"), "{lines}");
    Ok(())
}
