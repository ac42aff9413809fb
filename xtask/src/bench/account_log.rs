//! The log of an account that has hundreds of URLs: its first page by API and as the console shows it, and a search.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use ringup_testkit::client::Client;
use ringup_testkit::server::OPERATOR_KEY;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{
    Scale,
    figure::Figure,
    history::History,
    process::{Receiver, Target},
};

const ENDPOINTS: usize = 300;
const QUERIES: usize = 200;
/// Sent one after the other while somebody looks.
const EVENTS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(20);

/// One account with 300 URLs and 1 M attempts of five days.
pub fn run(scale: Scale) -> Result<Vec<Figure>> {
    let attempts = scale.rows(1_000_000);
    let History { folder, endpoints, .. } = History::write(scale, [1, ENDPOINTS], attempts, 5, 0)?;
    let target = Target::start_in(folder, scale, &[])?;
    let client = target.server.client();
    let (app, endpoint) = endpoints.first().context("there are endpoints")?;
    let mut figures = Vec::new();
    for (name, query) in [
        ("newest 50", String::new()),
        ("failed, newest 50", "status:failed".to_owned()),
        ("one type of the last day", "event:* after:-24h".to_owned()),
        ("one URL, newest 50", format!("url:{endpoint}")),
    ] {
        let query: String = query.replace(':', "%3A").replace(' ', "%20");
        let path = format!("/api/v1/app/{app}/log?limit=50&query={query}");
        let (p50, p99) = target.runtime.block_on(ask(&client, &path, &[], scale))?;
        figures.push(Figure::ms(format!("account's log of {attempts} attempts, {name}: p50"), p50));
        figures.push(Figure::ms("… p99", p99).at_most(20.0));
    }
    let session = target.runtime.block_on(sign_in(&client))?;
    let path = format!("/a/{app}/logs");
    let (p50, p99) = target.runtime.block_on(ask(&client, &path, &[("cookie", &session)], scale))?;
    figures.push(Figure::ms("… its page in the console: p50", p50));
    figures.push(Figure::ms("… p99", p99));
    let times = target.runtime.block_on(live(&target, &client, app, &session))?;
    figures.push(Figure::ms(
        "… from an event's publication to its row on the live page, delivery included: p50",
        times[0],
    ));
    figures.push(Figure::ms("… p99", times[1]).at_most(300.0));
    let began = Instant::now();
    let path = format!("/api/v1/app/{app}/log?query=data.nowhere%3A1");
    let page = target.runtime.block_on(client.get(&path))?.success()?.json()?;
    let searched = page["searched"].as_f64().context("a number")?;
    figures.push(Figure::ms("search through payloads until it is stopped", began.elapsed()));
    figures.push(Figure::new("… attempts searched each second", searched / began.elapsed().as_secs_f64(), "/s"));
    Ok(figures)
}

/// The middle and the worst of a hundred.
async fn ask(client: &Client, path: &str, headers: &[(&str, &str)], scale: Scale) -> Result<(Duration, Duration)> {
    let mut times = Vec::new();
    for _ in 0..QUERIES {
        let began = Instant::now();
        let reply = client.call(Method::GET, path, headers, "").await?.success()?;
        times.push(began.elapsed());
        let is_page = !path.starts_with("/api") || scale.quick;
        let found = if is_page { 50 } else { reply.json()?["data"].as_array().map_or(0, Vec::len) };
        ensure!(found == 50, "{found} rows of {path}");
    }
    times.sort_unstable();
    Ok((times[QUERIES / 2], times[QUERIES * 99 / 100]))
}

/// The middle and the worst of so many events that go to one receiver while somebody looks at the log.
async fn live(target: &Target, client: &Client, app: &str, session: &str) -> Result<[Duration; 2]> {
    let receiver = Receiver::start()?;
    let endpoint = json!({"uid": "live", "url": format!("http://{}/0", receiver.address)});
    client.create_endpoint(app, &endpoint).await?;
    let page =
        client.call(Method::GET, &format!("/a/{app}/logs"), &[("cookie", session)], "").await?.expect(200)?.text();
    let goes_on = page.split_once("data-live=\"").and_then(|(_, rest)| rest.split_once('"')).context("a live page")?.0;
    let path = goes_on.replace("&#38;", "&").replace("&amp;", "&");
    let mut stream = TcpStream::connect(target.server.address()).await?;
    let head = format!("GET {path} HTTP/1.1\r\nhost: bench\r\ncookie: {session}\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut seen = Vec::new();
    let mut times = Vec::new();
    until(&mut stream, &mut seen, "event: at").await?;
    for _ in 0..EVENTS {
        seen.clear();
        let began = Instant::now();
        let path = format!("/api/v1/app/{app}/endpoint/live/send-example");
        let id = client.post(&path, &json!({"eventType": "invoiceCreated"})).await?.success()?.id()?;
        until(&mut stream, &mut seen, &id).await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok([times[EVENTS / 2], times[EVENTS * 99 / 100]])
}

async fn until(stream: &mut TcpStream, seen: &mut Vec<u8>, text: &str) -> Result<()> {
    while !String::from_utf8_lossy(seen).contains(text) {
        let read = timeout(PATIENCE, stream.read_buf(seen)).await.with_context(|| format!("{text} never came"))??;
        ensure!(read > 0, "the stream ended before {text}");
    }
    Ok(())
}

async fn sign_in(client: &Client) -> Result<String> {
    let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
    let reply = client.call(Method::POST, "/sign-in", &headers, format!("key={OPERATOR_KEY}")).await?.expect(303)?;
    let cookie = reply.header("set-cookie").context("a session")?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}
