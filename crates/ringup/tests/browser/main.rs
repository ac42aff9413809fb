//! The console in a real Chromium: what a person does on the first day, and what must never happen on any.
//!
//! Each browser watches its pages by itself: a test in which the content security policy refused something fails.
#![expect(clippy::disallowed_methods, reason = "the outside world reads the real clock")]

mod command;
mod live;
mod plain;
mod walk;
mod xss;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ringup_testkit::browser::Browser;
use ringup_testkit::receiver::{Receiver, Script};
use ringup_testkit::server::{OPERATOR_KEY, Server, ServerSetup};
use ringup_testkit::tempdir::TempDir;
use serde_json::Value;

/// From the first page to the first delivered event.
const FIRST_EVENT_MAX: Duration = Duration::from_secs(60);

/// Far longer than anything takes that is waited for.
const SOON: Duration = Duration::from_secs(60);

/// How often a page is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

async fn start(label: &str) -> Result<(Server, TempDir)> {
    let dir = TempDir::new(label)?;
    let setup = ServerSetup::with_binary(env!("CARGO_BIN_EXE_ringup"), dir.join("data"));
    let server = Server::start(setup.with("DELIVERY__COOLDOWN", "300ms")).await?;
    Ok((server, dir))
}

/// Waits until an expression is true on the page.
async fn until(browser: &Browser, condition: &str) -> Result<()> {
    let end = Instant::now() + SOON;
    while browser.run(&format!("return Boolean({condition})")).await.ok() != Some(Value::Bool(true)) {
        if Instant::now() > end {
            let page = browser.run("return document.body.innerText").await?;
            bail!("never so at {}: {condition}\n{}", browser.path().await?, page.as_str().unwrap_or_default());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn sign_in(browser: &Browser) -> Result<()> {
    browser.go("/").await?;
    browser.fill("#key", OPERATOR_KEY).await?;
    browser.click("button.primary").await?;
    browser.sees("Accounts").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_event_is_sent_seen_understood_and_resent() -> Result<()> {
    let (server, _dir) = start("browser").await?;
    let receiver = Receiver::start("503 x1, 200".parse::<Script>()?).await?;
    let browser = Browser::open(&server.url()).await?;
    let began = Instant::now();
    sign_in(&browser).await?;

    browser.fill("#name", "Kopi Kita").await?;
    browser.fill("#uid", "kopi-kita").await?;
    browser.click("form.stack button.primary").await?;
    browser.sees("The account is there").await?;
    browser.click("a[href='/a/kopi-kita/urls/new']").await?;
    browser.fill("#url", &receiver.url("/hooks")).await?;
    browser.fill("#description", "ERP sync").await?;
    browser.click("form .actions button.primary").await?;
    browser.sees("The URL is there").await?;

    browser.click("a[href='/a/kopi-kita/test/send']").await?;
    browser.sees("Goes to").await?;
    browser.click("form.stack button.primary").await?;
    browser.sees("Accepted.").await?;
    // By itself: the page follows what becomes of it.
    browser.sees("Delivered").await?;
    assert!(began.elapsed() < FIRST_EVENT_MAX, "the first event took {:?}", began.elapsed());

    browser.click("a.row").await?;
    browser.sees("Your server took it and answered 200").await?;
    browser.sees("503").await?;
    browser.sees("HS-25-000417").await?;
    browser.click("form[action$='/resend'] button").await?;
    browser.sees("One more attempt was asked for").await?;
    receiver.wait_ended(3, Duration::from_secs(20)).await?;

    browser.go("/a/kopi-kita/logs").await?;
    browser.sees("Failed, later delivered").await?;
    browser.go("/a/kopi-kita/logs?status=delivered").await?;
    browser.sees("by hand").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mode_pretends_that_all_is_well_and_none_shows_its_banner() -> Result<()> {
    let (server, _dir) = start("browser-mode").await?;
    let receiver = Receiver::start(200).await?;
    let client = server.client();
    client.create_app("kopi").await?;
    client.create_endpoint("kopi", &serde_json::json!({"uid": "erp", "url": receiver.url("/hooks")})).await?;
    let browser = Browser::open(&server.url()).await?;
    sign_in(&browser).await?;
    browser.go("/a/kopi/configuration").await?;
    browser.click("input[value=none]").await?;
    browser.click("#log button.primary").await?;
    browser.sees("Saved.").await?;
    client.publish_accepted("kopi", "invoiceCreated", "{}").await?;
    browser.go("/a/kopi/logs").await?;
    browser.sees("Recording None.").await?;
    browser.sees("Nothing is listed in this mode").await?;
    browser.click(".note button").await?;
    browser.sees("Recording all for one hour").await?;
    client.publish_accepted("kopi", "invoiceCreated", "{}").await?;
    // The list is live: the row comes without a reload.
    browser.sees("invoiceCreated").await?;
    Ok(())
}
