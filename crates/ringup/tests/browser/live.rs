//! The log as it grows, in a real Chromium, across a restart of the server.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ringup_testkit::browser::Browser;
use ringup_testkit::client::Client;
use ringup_testkit::receiver::Receiver;
use ringup_testkit::server::OPERATOR_KEY;

use crate::{SOON, sign_in, start, until};

/// A stop with a page that follows the log must not wait for the grace to pass.
const STOP_MAX: Duration = Duration::from_secs(9);

/// Notes when each row came to stand on the page.
const WATCH: &str = "window.seen = {};
    new MutationObserver((changes) => {
      for (const row of changes.flatMap((change) => [...change.addedNodes]))
        if (row.dataset?.id) window.seen[row.dataset.id] ??= Date.now();
    }).observe(document.querySelector('#log'), { childList: true, subtree: true });";

async fn rows(browser: &Browser) -> Result<Vec<String>> {
    let ids = browser.run("return [...document.querySelectorAll('#lines tr')].map((row) => row.dataset.id)").await?;
    Ok(serde_json::from_value(ids)?)
}

/// Publishes so many events and answers the ids of their attempts, newest first, once all of them are in the log.
async fn send(client: &Client, count: usize, in_all: usize) -> Result<Vec<String>> {
    for _ in 0..count {
        client.publish_accepted("kopi", "invoiceCreated", "{}").await?;
    }
    let end = Instant::now() + SOON;
    loop {
        let page = client.get("/api/v1/app/kopi/log?limit=250").await?.success()?.json()?;
        let lines = page["data"].as_array().context("a list")?;
        if lines.len() == in_all {
            return Ok(lines.iter().filter_map(|line| line["id"].as_str().map(str::to_owned)).collect());
        }
        ensure!(Instant::now() < end, "{} of {in_all} attempts are in the log", lines.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_by_themselves_rest_when_asked_and_survive_a_restart() -> Result<()> {
    let (mut server, _dir) = start("browser-live").await?;
    let receiver = Receiver::start(200).await?;
    let client = server.client();
    client.create_app("kopi").await?;
    client.create_endpoint("kopi", &serde_json::json!({"uid": "erp", "url": receiver.url("/hooks")})).await?;
    let browser = Browser::open(&server.url()).await?;
    sign_in(&browser).await?;
    browser.go("/a/kopi/logs").await?;
    browser.sees("Nothing was sent yet").await?;
    browser.run(WATCH).await?;
    until(&browser, "document.querySelector('#live').dataset.state === 'on'").await?;

    // The first row brings the table; the next ones come to stand on top of it.
    send(&client, 1, 1).await?;
    until(&browser, "document.querySelectorAll('#lines tr').length === 1").await?;
    let mut latencies = Vec::new();
    for number in 2..=6 {
        let ids = send(&client, 1, number).await?;
        until(&browser, &format!("document.querySelectorAll('#lines tr').length === {number}")).await?;
        let line = client.get("/api/v1/app/kopi/log?limit=1").await?.json()?["data"][0].clone();
        let began: jiff::Timestamp = line["timestamp"].as_str().context("a time")?.parse()?;
        let took = line["responseDurationMs"].as_i64().context("a span")?;
        let seen = browser.run(&format!("return window.seen['{}']", ids[0])).await?.as_i64().context("when it came")?;
        latencies.push(seen - began.as_millisecond() - took);
    }
    latencies.sort_unstable();
    println!("from the end of an attempt to its row on the page: {latencies:?} ms");
    ensure!(latencies[latencies.len() / 2] < 10_000, "rows take their time: {latencies:?}");

    // Paused: nothing moves. Then what came meanwhile is there.
    browser.click("#live-pause").await?;
    browser.sees("Paused").await?;
    send(&client, 2, 8).await?;
    ensure!(rows(&browser).await?.len() == 6, "rows came though it was paused");
    browser.click("#live-pause").await?;
    until(&browser, "document.querySelectorAll('#lines tr').length === 8").await?;

    // Text is selected: the rows wait behind a button.
    browser.run("getSelection().selectAllChildren(document.querySelector('#lines tr'))").await?;
    send(&client, 2, 10).await?;
    until(&browser, "document.querySelector('#live-news').innerText.includes('2 new')").await?;
    ensure!(rows(&browser).await?.len() == 8, "rows moved while text was selected");
    browser.run("getSelection().removeAllRanges()").await?;
    until(&browser, "document.querySelectorAll('#lines tr').length === 10").await?;

    // The server goes and comes back; what was sent before the page was back is not missed, and nothing comes twice.
    let began = Instant::now();
    server.sigterm(SOON).await?;
    let stopped_in = began.elapsed();
    println!("stopped in {stopped_in:?} with a page that follows the log");
    ensure!(stopped_in < STOP_MAX, "the stop waited for the page: {stopped_in:?}");
    until(&browser, "document.querySelector('#live').dataset.state === 'lost'").await?;
    browser.sees("ago, reconnecting").await?;
    server.restart().await?;
    let ids = send(&server.client(), 5, 15).await?;
    let enter =
        format!("fetch('/sign-in', {{ method: 'POST', body: new URLSearchParams({{ key: '{OPERATOR_KEY}' }}) }})");
    browser.run(&enter).await?;
    until(&browser, "document.querySelectorAll('#lines tr').length === 15").await?;
    ensure!(rows(&browser).await? == ids, "the page shows each attempt once, newest first");
    until(&browser, "document.querySelector('#live').dataset.state === 'on'").await?;
    Ok(())
}
