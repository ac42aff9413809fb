//! Catchers: from the first request to the last evicted one, on a server as it comes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use ringup_testkit::client::{Client, Reply};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{ACCOUNT, SOON, Stage, eventually};

/// Neither plain HTTP nor loopback may be called: what a fresh machine has.
async fn fresh(label: &str) -> Result<Stage> {
    Stage::open_with(label, |setup| setup.with("EGRESS__ALLOW_NETWORKS", "").with("EGRESS__ALLOW_HTTP", "false")).await
}

struct Catcher {
    id: String,
    url: String,
    read_token: String,
}

impl Catcher {
    async fn make(stage: &Stage, draft: &Value) -> Result<Catcher> {
        let made = stage.client.post(&format!("/api/v1/app/{ACCOUNT}/catcher"), draft).await?.expect(201)?;
        Ok(Catcher { id: made.id()?, url: made.text_at("url")?, read_token: made.text_at("readToken")? })
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/app/{ACCOUNT}/catcher/{}{rest}", self.id)
    }

    /// The path of its write URL.
    fn write_path(&self) -> &str {
        self.url.find("/c/").map_or("", |at| &self.url[at..])
    }

    /// Requests after a number, once there are this many.
    async fn requests(&self, client: &Client, after: u64, count: usize) -> Result<Vec<Value>> {
        let reply =
            client.get(&self.path(&format!("/request?after={after}&count={count}&wait=30s"))).await?.success()?;
        let json = reply.json()?;
        ensure!(json["done"] == true, "{count} requests after {after}: {json}");
        Ok(json["data"].as_array().context("a list")?.clone())
    }

    async fn script(&self, client: &Client, script: &str) -> Result<Reply> {
        client.put(&self.path("/script"), &json!({"script": script})).await
    }
}

#[tokio::test]
async fn use_for_a_url_and_see_it_arrive_then_fail_and_come_again() -> Result<()> {
    let stage = fresh("catcher-walk").await?;
    let catcher = Catcher::make(&stage, &json!({"name": "lunch test"})).await?;
    stage.endpoint_for("invoiceCreated", &catcher.url).await?;

    let event = stage.publish("invoiceCreated", 1).await?;
    let rows = catcher.requests(&stage.client, 0, 1).await?;
    let row = &rows[0];
    assert_eq!(row["eventId"], event.as_str());
    assert_eq!(row["eventType"], "invoiceCreated");
    assert_eq!(row["signature"], "valid", "{row}");
    assert_eq!(row["method"], "POST");
    assert_eq!(row["target"], catcher.write_path());
    assert_eq!(row["body"], r#"{"number":1}"#);
    assert_eq!(stage.ended_one(&event).await?, "delivered");

    catcher.script(&stage.client, "503 x2, 200").await?.success()?;
    stage.set_account(ACCOUNT, &json!({"retry": 3})).await?;
    let event = stage.publish("invoiceCreated", 2).await?;
    let rows = catcher.requests(&stage.client, 1, 3).await?;
    let seen: Vec<_> = rows.iter().map(|row| (row["answer"].as_str(), row["retryOf"].as_u64())).collect();
    assert_eq!(seen, [(Some("503"), None), (Some("503"), Some(2)), (Some("200"), Some(2))]);
    assert!(rows.iter().all(|row| row["signature"] == "valid" && row["eventId"] == event.as_str()), "{rows:?}");
    assert_eq!(stage.ended_one(&event).await?, "delivered");
    let statuses: Vec<_> = stage.attempts_when(&event, 3).await?.iter().map(|a| a.response_status_code).collect();
    assert_eq!(statuses, [503, 503, 200]);
    Ok(())
}

#[tokio::test]
async fn a_write_url_never_reads_back() -> Result<()> {
    let stage = fresh("catcher-secret").await?;
    let catcher = Catcher::make(&stage, &json!({})).await?;
    let nobody = Client::anonymous(stage.server.address());
    let planted = "planted-4711";
    nobody.call(Method::POST, catcher.write_path(), &[], planted).await?.expect(200)?;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
        let reply = nobody.call(method.clone(), catcher.write_path(), &[], "").await?.expect(200)?;
        assert!(!reply.text().contains(planted), "{method}: {}", reply.text());
        let header = |name: &str| reply.header(name).unwrap_or_default().to_owned();
        assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("set-cookie"), "");
    }
    let list = catcher.path("/request");
    nobody.get(&list).await?.expect(401)?;
    let token = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let with = async |path: &str, text: &str| {
        let headers = token(text);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        nobody.call(Method::GET, path, &headers, "").await
    };
    with(&list, &catcher.read_token[..20]).await?.expect(401)?;
    with(&list, catcher.write_path().trim_start_matches("/c/")).await?.expect(401)?;
    assert!(with(&list, &catcher.read_token).await?.expect(200)?.text().contains(planted));
    // It opens this one catcher's requests, and nothing else.
    let other = Catcher::make(&stage, &json!({})).await?;
    with(&other.path("/request"), &catcher.read_token).await?.expect(401)?;
    with(&catcher.path(""), &catcher.read_token).await?.expect(401)?;
    with("/api/v1/app", &catcher.read_token).await?.expect(401)?;
    // A new token ends the old one.
    stage.client.post(&catcher.path("/read-token"), &json!({})).await?.success()?;
    with(&list, &catcher.read_token).await?.expect(401)?;
    // One that nobody made is not there.
    nobody.call(Method::POST, "/c/0123456789abcdefghijKL", &[], "").await?.expect(404)?;
    Ok(())
}

/// What a raw client gets for one request.
async fn raw(stage: &Stage, catcher: &Catcher, head: &str) -> Result<std::io::Result<Vec<u8>>> {
    let mut socket = TcpStream::connect(stage.server.address()).await?;
    let request = format!("POST {} HTTP/1.1\r\n{head}content-length: 2\r\n\r\n{{}}", catcher.write_path());
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(SOON, socket.read_to_end(&mut answer)).await?;
    Ok(read.map(|_| answer))
}

#[tokio::test]
async fn misbehaviour_really_happens_on_the_socket() -> Result<()> {
    let stage = fresh("catcher-rude").await?;
    let catcher = Catcher::make(&stage, &json!({})).await?;
    let close = "host: a\r\nconnection: close\r\n";
    catcher.script(&stage.client, "reset; per:catcher").await?.success()?;
    let reset = raw(&stage, &catcher, close).await?;
    assert_eq!(reset.expect_err("a reset").kind(), std::io::ErrorKind::ConnectionReset);
    catcher.script(&stage.client, "drop").await?.success()?;
    assert_eq!(raw(&stage, &catcher, close).await??, b"");
    catcher.script(&stage.client, "garbage").await?.success()?;
    let garbage = raw(&stage, &catcher, close).await??;
    assert!(!garbage.is_empty() && !garbage.starts_with(b"HTTP/"), "{garbage:?}");
    catcher.script(&stage.client, "timeout 200ms").await?.success()?;
    let began = Instant::now();
    assert_eq!(raw(&stage, &catcher, close).await??, b"");
    assert!(began.elapsed() >= Duration::from_millis(200));
    catcher.script(&stage.client, "stall 200ms").await?.success()?;
    let stalled = raw(&stage, &catcher, close).await??;
    let text = String::from_utf8_lossy(&stalled);
    assert!(
        text.contains("content-length: 64") && text.ends_with(&".".repeat(32)) && !text.ends_with(&".".repeat(33)),
        "{text}"
    );
    catcher.script(&stage.client, "slow 10KB/s body=2KB").await?.success()?;
    let began = Instant::now();
    assert!(raw(&stage, &catcher, close).await??.ends_with(&[b'.'; 2_000]));
    assert!(began.elapsed() >= Duration::from_millis(100));
    catcher.script(&stage.client, "huge 3MB").await?.success()?;
    assert!(raw(&stage, &catcher, close).await??.len() > 3_000_000);
    catcher.script(&stage.client, "redirect 308").await?.success()?;
    let moved = String::from_utf8(raw(&stage, &catcher, close).await??)?;
    assert!(moved.contains(&format!("location: {}/redirected\r\n", catcher.write_path())), "{moved}");
    catcher.script(&stage.client, "429 retry-after=5").await?.success()?;
    let busy = String::from_utf8(raw(&stage, &catcher, close).await??)?;
    assert!(busy.starts_with("HTTP/1.1 429 ") && busy.contains("retry-after: 5\r\n"), "{busy}");
    // Each of them was caught all the same.
    let rows = catcher.requests(&stage.client, 0, 9).await?;
    let answers: Vec<_> = rows.iter().filter_map(|row| row["answer"].as_str()).collect();
    let expected = [
        "reset",
        "drop",
        "garbage",
        "timeout 200ms",
        "stall 200ms",
        "slow 10KB/s body=2KB",
        "huge 3MB",
        "redirect 308",
        "429 retry-after=5",
    ];
    assert_eq!(answers, expected);
    Ok(())
}

#[tokio::test]
async fn a_request_is_kept_as_it_came() -> Result<()> {
    let stage = fresh("catcher-bytes").await?;
    let catcher = Catcher::make(&stage, &json!({})).await?;
    raw(&stage, &catcher, "Host: a\r\nX-B: 1\r\nx-a: 2\r\nX-b: 3\r\nconnection: close\r\n").await??;
    let rows = catcher.requests(&stage.client, 0, 1).await?;
    let headers = json!([
        ["Host", "a"],
        ["X-B", "1"],
        ["x-a", "2"],
        ["X-b", "3"],
        ["connection", "close"],
        ["content-length", "2"]
    ]);
    assert_eq!(rows[0]["headers"], headers);
    // What is larger than is kept is cut, and said to be.
    let large = "x".repeat(300 * 1024);
    stage.client.call(Method::PUT, &format!("{}/sub/path?a=1", catcher.write_path()), &[], large).await?.expect(200)?;
    let rows = catcher.requests(&stage.client, 1, 1).await?;
    let row = &rows[0];
    assert_eq!((row["cut"].as_bool(), row["bodyBytes"].as_u64()), (Some(true), Some(300 * 1024)));
    assert_eq!(row["body"].as_str().map(str::len), Some(256 * 1024));
    assert_eq!(row["target"], format!("{}/sub/path?a=1", catcher.write_path()));
    assert_eq!(row["signature"], "missing");
    for format in ["har", "jsonl", "curl", "http"] {
        let file = stage.client.get(&catcher.path(&format!("/export?format={format}"))).await?.expect(200)?;
        assert!(file.text().contains("x-a"), "{format}: {}", file.text());
        assert!(file.header("content-disposition").is_some_and(|value| value.starts_with("attachment;")));
    }
    Ok(())
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_script_that_waits() -> Result<()> {
    let mut stage = fresh("catcher-stop").await?;
    let catcher = Catcher::make(&stage, &json!({"script": "timeout 150s"})).await?;
    let mut socket = TcpStream::connect(stage.server.address()).await?;
    let request = format!("POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n", catcher.write_path());
    socket.write_all(request.as_bytes()).await?;
    catcher.requests(&stage.client, 0, 1).await?;
    let began = Instant::now();
    let status = stage.server.sigterm(SOON).await?;
    assert!(status.success(), "{status}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test]
async fn what_was_caught_survives_a_kill_and_a_restart() -> Result<()> {
    let mut stage = fresh("catcher-kill").await?;
    let catcher = Catcher::make(&stage, &json!({"script": "503 x3, 200"})).await?;
    let send = |number: usize| json!({"number": number}).to_string();
    let id = [("webhook-id", "msg_of_somebody")];
    for number in 0..2 {
        stage.client.call(Method::POST, catcher.write_path(), &id, send(number)).await?.expect(503)?;
    }
    catcher.requests(&stage.client, 0, 2).await?;
    stage.server.kill9()?;
    stage.server.restart().await?;
    stage.client = stage.server.client();
    let rows = catcher.requests(&stage.client, 0, 2).await?;
    assert_eq!(rows.len(), 2);
    // The script goes on where it stood, and numbers do.
    let port_moved = Client::anonymous(stage.server.address());
    for status in [503, 200] {
        port_moved.call(Method::POST, catcher.write_path(), &id, send(3)).await?.expect(status)?;
    }
    let rows = catcher.requests(&stage.client, 2, 2).await?;
    let seen: Vec<_> = rows.iter().map(|row| (row["number"].as_u64(), row["retryOf"].as_u64())).collect();
    assert_eq!(seen, [(Some(3), Some(1)), (Some(4), Some(1))]);
    Ok(())
}

#[tokio::test]
async fn a_flood_stays_within_its_bytes() -> Result<()> {
    flood(Duration::from_secs(3), 1_000).await
}

/// Sends at this rate to many catchers, and looks at what the file came to.
async fn flood(time: Duration, per_second: u32) -> Result<()> {
    const SENDERS: u32 = 16;
    const BYTES_MAX: u64 = 16 << 20;
    let stage = Stage::open_with("catcher-flood", |setup| setup.with("CATCHER__BYTES_MAX", "16MiB")).await?;
    let mut senders = tokio::task::JoinSet::new();
    let began = Instant::now();
    for sender in 0..SENDERS {
        let catcher = Catcher::make(&stage, &json!({})).await?;
        let (address, path) = (stage.server.address(), catcher.write_path().to_owned());
        senders.spawn(async move {
            let mut socket = TcpStream::connect(address).await?;
            // Small ones and large ones.
            let body = "x".repeat(if sender % 4 == 0 { 20_000 } else { 1_000 });
            let request = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let mut ticks = tokio::time::interval(Duration::from_secs(1) * SENDERS / per_second);
            let (mut sent, mut caught) = (0_u32, 0_u32);
            while began.elapsed() < time {
                ticks.tick().await;
                socket.write_all(request.as_bytes()).await?;
                sent += 1;
                let mut answer = [0; 1_024];
                let read = tokio::time::timeout(SOON, socket.read(&mut answer)).await??;
                if answer[..read].starts_with(b"HTTP/1.1 200 ") {
                    caught += 1;
                }
            }
            anyhow::Ok((sent, caught))
        });
    }
    let (mut sent, mut caught) = (0, 0);
    while let Some(sender) = senders.join_next().await {
        let one = sender??;
        (sent, caught) = (sent + one.0, caught + one.1);
    }
    println!("{caught} of {sent} requests caught in {:?}", began.elapsed());
    assert_eq!(caught, sent, "every request is caught, however many come");
    let bytes = eventually("the writer to be through", async || {
        let mut bytes = 0;
        for file in std::fs::read_dir(&stage.server.setup().data_dir)? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with("catcher.db") {
                bytes += file.metadata()?.len();
            }
        }
        Ok(if bytes <= BYTES_MAX { Ok(bytes) } else { Err(bytes) })
    })
    .await?;
    println!("{bytes} bytes of at most {BYTES_MAX}");
    Ok(())
}
