//! The receivers, driven by raw sockets and by a hyper client.

use std::{io, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ringup_testkit::{
    journal,
    receiver::{
        Answer, Gate, Receiver, Script, Setup,
        fast::{FastReceiver, FastSetup},
    },
    tempdir::TempDir,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const DEADLINE: Duration = Duration::from_secs(10);

/// Sends raw bytes and reads to the end of the connection.
async fn raw(receiver: &Receiver, request: &str) -> Result<String> {
    let mut socket = TcpStream::connect(receiver.address()).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer).await {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error.into()),
        _ => Ok(String::from_utf8(answer)?),
    }
}

fn post(id: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nwebhook-id: {id}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

async fn status(receiver: &Receiver, id: &str) -> Result<String> {
    let answer = raw(receiver, &post(id, "{}")).await?;
    Ok(answer.split(' ').nth(1).context("a status")?.to_owned())
}

#[tokio::test]
async fn a_request_is_recorded_raw() -> Result<()> {
    let receiver = Receiver::start(Answer::status(202).header("x-a", "1").body("fine")).await?;
    let request = "POST /a/b?c=%20d HTTP/1.1\r\nHost: h\r\nX-Odd:  one\r\nx-other: 2\r\nX-ODD: three\r\n\
                   Content-Length: 5\r\nConnection: close\r\n\r\n{ \0\n}";
    let answer = raw(&receiver, request).await?;
    ensure!(answer.starts_with("HTTP/1.1 202 ") && answer.ends_with("fine"), "{answer}");

    let record = receiver.wait_ended(1, DEADLINE).await?.remove(0);
    let names: Vec<&str> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "X-Odd", "x-other", "X-ODD", "Content-Length", "Connection"]);
    assert_eq!(record.headers[1].1, b"one");
    assert_eq!(record.header("x-odd"), Some("one"));
    assert_eq!((record.method.as_str(), record.target.as_str(), record.path()), ("POST", "/a/b?c=%20d", "/a/b"));
    assert_eq!(&record.body[..], b"{ \0\n}");
    assert_eq!((record.status, record.complete, record.connection), (Some(202), true, 0));
    Ok(())
}

#[tokio::test]
async fn a_sequence_counts_per_webhook_id() -> Result<()> {
    let receiver = Receiver::start("503 x2, 410, 200".parse::<Script>()?).await?;
    let mut answers = Vec::new();
    for id in ["a", "a", "b", "a", "b", "a", "a"] {
        answers.push(status(&receiver, id).await?);
    }
    assert_eq!(answers, ["503", "503", "503", "410", "503", "200", "200"]);

    receiver.set_script(Script::by(|request| Answer::status(if request.id() == "a" { 201 } else { 500 })));
    assert_eq!((status(&receiver, "a").await?, status(&receiver, "b").await?), ("201".to_owned(), "500".to_owned()));
    Ok(())
}

#[test]
fn a_script_that_cannot_be_read_is_refused() {
    for text in ["", "20 0", "200 x0", "99", "200 xmany", "ok"] {
        assert!(text.parse::<Script>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_is_not_complete() -> Result<()> {
    let receiver = Receiver::start(Answer::status(200).body("0123456789").cut(4)).await?;
    let answer = raw(&receiver, &post("cut", "{}")).await?;
    ensure!(answer.contains("content-length: 10") && answer.ends_with("\r\n\r\n0123"), "{answer}");
    receiver.set_script(Answer::nothing());
    assert_eq!(raw(&receiver, &post("nothing", "{}")).await?, "");

    let records = receiver.wait_ended(2, DEADLINE).await?;
    assert_eq!((records[0].status, records[0].complete, records[0].cut), (Some(200), false, true));
    assert_eq!((records[1].status, records[1].complete, records[1].cut), (None, false, true));
    Ok(())
}

#[tokio::test]
async fn a_gate_holds_the_answer_and_a_client_that_leaves_is_noticed() -> Result<()> {
    let gate = Gate::closed();
    let receiver = Receiver::start(Answer::status(200).gated(&gate)).await?;
    let mut leaving = TcpStream::connect(receiver.address()).await?;
    leaving.write_all(post("leaving", "{}").as_bytes()).await?;
    let held = receiver.wait_for(1, DEADLINE).await?;
    assert!(!held[0].ended);
    drop(leaving);
    let left = receiver.wait_ended(1, DEADLINE).await?;
    assert_eq!((left[0].status, left[0].complete, left[0].cut), (None, false, false));

    gate.open();
    assert_eq!(status(&receiver, "staying").await?, "200");
    Ok(())
}

#[tokio::test]
async fn waiting_in_vain_says_what_is_there() -> Result<()> {
    let receiver = Receiver::start(204).await?;
    status(&receiver, "only").await?;
    let error = receiver.wait_for(2, Duration::from_millis(1)).await.expect_err("there is one request");
    assert!(error.to_string().contains("1 requests") && error.to_string().contains("POST /hook only 204"), "{error}");
    Ok(())
}

#[tokio::test]
async fn the_journal_holds_what_the_record_holds() -> Result<()> {
    let dir = TempDir::new("receiver")?;
    let path = dir.join("receipts.jsonl");
    let setup = Setup { journal: Some(path.clone()), journal_bodies: true, ..Setup::default() };
    let receiver = Receiver::start_with(setup).await?;
    for id in ["one", "two"] {
        status(&receiver, id).await?;
    }
    receiver.wait_ended(2, DEADLINE).await?;
    let lines: Vec<journal::Receipt> = journal::read(&path)?;
    assert_eq!(lines, receiver.receipts());
    assert_eq!((lines[1].id.as_str(), lines[1].body.as_deref(), lines[1].complete), ("two", Some("{}"), true));
    Ok(())
}

#[tokio::test]
async fn one_connection_carries_many_requests() -> Result<()> {
    let receiver = Receiver::start(200).await?;
    let socket = TokioIo::new(TcpStream::connect(receiver.address()).await?);
    let (mut sender, connection) = http1::handshake(socket).await?;
    let connection = tokio::spawn(connection);
    for number in 0..3 {
        sender.ready().await?;
        let request = http::Request::post("/many").header("host", "x").header("x-number", number);
        let answer = sender.send_request(request.body(Full::new(Bytes::from_static(b"{}")))?).await?;
        answer.into_body().collect().await?;
    }
    drop(sender);
    connection.await??;
    let records = receiver.wait_ended(3, DEADLINE).await?;
    let numbers: Vec<_> = records.iter().map(|record| record.header("x-number")).collect();
    assert_eq!(numbers, [Some("0"), Some("1"), Some("2")]);
    assert!(records.iter().all(|record| record.complete && record.connection == 0));
    assert_eq!(receiver.connections(), 1);
    Ok(())
}

#[tokio::test]
async fn the_fast_receiver_counts_and_measures_age() -> Result<()> {
    let receiver = FastReceiver::start(FastSetup { keep_ids: true, ..FastSetup::default() })?;
    for number in 0..3 {
        let sent_ns = journal::now_ns() - 1_000_000_000;
        let mut socket = TcpStream::connect(receiver.address()).await?;
        let body = format!("{{\"n\":{number},\"sentNs\":{sent_ns}}}");
        socket.write_all(post(&format!("msg_{number}"), &body).as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    receiver.wait_for(3, DEADLINE).await?;
    assert!(receiver.wait_for(4, Duration::from_millis(1)).await.is_err());
    let tally = receiver.take();
    assert_eq!((receiver.count(), tally.requests, tally.age.count()), (3, 3, 3));
    assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&tally.age.quantile(500)));
    assert_eq!(tally.ids, ["msg_0".into(), "msg_1".into(), "msg_2".into()]);
    Ok(())
}
