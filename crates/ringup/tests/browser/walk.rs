//! The first ten minutes of somebody who has never seen the program, from its first start to the honest empty log.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ringup_testkit::browser::Browser;
use ringup_testkit::server::{Server, ServerSetup};
use ringup_testkit::tempdir::TempDir;

use crate::{SOON, until};

/// From the first start to the first delivery whose signature was checked.
const FIRST_DELIVERY_MAX: Duration = Duration::from_secs(60);

const ACCOUNT: &str = "/a/kopi-kita";

/// A place in the menu.
async fn menu(browser: &Browser, path: &str) -> Result<()> {
    browser.click(&format!(".side a[href='{ACCOUNT}{path}']")).await
}

async fn count(browser: &Browser, selector: &str) -> Result<u64> {
    let found = browser.run(&format!("return document.querySelectorAll({selector:?}).length")).await?;
    found.as_u64().context("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_start_to_a_failure_understood() -> Result<()> {
    let dir = TempDir::new("browser-walk")?;
    let setup = ServerSetup::with_binary(env!("CARGO_BIN_EXE_ringup"), dir.join("data"));
    let began = Instant::now();
    // Without a key of our choice, so that it prints what a first start prints.
    let server = Server::start(ServerSetup { key: String::new(), ..setup }).await?;
    let said = server.output().wait_line(SOON, |line| line.contains("/link/")).await?;
    let link = said.split_whitespace().next_back().context("a link")?;
    let browser = Browser::open(&server.url()).await?;

    browser.go(link).await?;
    browser.click("form button.primary").await?;
    browser.sees("New account").await?;
    browser.fill("#name", "Kopi Kita").await?;
    browser.fill("#uid", "kopi-kita").await?;
    browser.click("form.stack button.primary").await?;
    browser.sees("The account is there").await?;

    menu(&browser, "/test/catchers").await?;
    browser.fill("#name", "lunch test").await?;
    browser.click("form.stack button.primary").await?;
    browser.sees("The catcher is there").await?;
    browser.sees("Waiting for the first request").await?;
    browser.click("form[action$='/use'] button").await?;
    browser.sees("A URL with this address is there").await?;
    browser.click("form[action$='/send'] button").await?;
    // By itself: the page follows what comes.
    browser.sees("Signature valid").await?;
    let took = began.elapsed();
    println!("from the first start to the first verified delivery: {took:?}");
    ensure!(took < FIRST_DELIVERY_MAX, "the first verified delivery took {took:?}");
    browser.sees("invoiceCreated").await?;
    browser.click(".tabs a[href*='tab=signature']").await?;
    browser.sees("Made with this URL’s secret, over these very bytes, and fresh.").await?;
    ensure!(count(&browser, ".checklist li.fail").await? == 0, "a step of the check failed");
    let catcher = browser.path().await?;
    let catcher = catcher.split('?').next().unwrap_or_default();

    menu(&browser, "/configuration").await?;
    browser.fill("#retries", "3").await?;
    browser.fill("#cooldown", "0.3").await?;
    browser.click("#retry button.primary").await?;
    browser.sees("Saved.").await?;
    browser.go(catcher).await?;
    browser.fill("#script", "503 x2, 200").await?;
    browser.click("form.script button").await?;
    browser.sees("The script is set").await?;
    browser.click("form[action$='/send'] button").await?;
    until(&browser, "document.querySelectorAll('.came li').length === 4").await?;
    browser.sees("retry of #2").await?;
    ensure!(count(&browser, ".came .state.ok").await? == 4, "each of the four is signed and valid");

    menu(&browser, "/logs").await?;
    browser.sees("Failed, later delivered").await?;
    browser.click("#lines tr:first-child a.row").await?;
    browser.sees("Your server took it and answered 200").await?;
    ensure!(count(&browser, ".tries a").await? == 3, "three attempts stand on the page");
    ensure!(count(&browser, ".tries li.pause").await? == 2, "with the pauses between them");
    let said =
        browser.run("return [...document.querySelectorAll('.tries a .said')].map((said) => said.innerText)").await?;
    let said: Vec<String> = serde_json::from_value(said)?;
    ensure!(said[0].contains("503") && said[1].contains("503") && said[2].contains("200"), "the answers: {said:?}");
    browser.click(".tries li:first-of-type ~ li a").await?;
    browser.sees("Answer to attempt 1").await?;

    menu(&browser, "/logs").await?;
    ensure!(count(&browser, "#lines tr").await? == 4, "four attempts are in the log");
    browser.fill("#query", "code:5xx event:invoice* url:\"lunch test\"").await?;
    browser.click("form.filters button").await?;
    until(&browser, "document.querySelectorAll('#lines tr').length === 2").await?;
    browser.fill("#query", "code:5xx stauts:failed").await?;
    browser.click("form.filters button").await?;
    browser.sees("^").await?;
    browser.fill("#query", "code:2xx").await?;
    browser.click("form.filters button").await?;
    until(&browser, "document.querySelectorAll('#lines tr').length === 2").await?;

    browser.click("#lines tr:first-child a.row").await?;
    browser.click("form[action$='/resend'] button").await?;
    browser.sees("One more attempt was asked for").await?;
    until(&browser, "document.querySelectorAll('.tries a').length === 4").await?;
    browser.sees("by hand").await?;
    browser.go(catcher).await?;
    until(&browser, "document.querySelectorAll('.came li').length === 5").await?;

    menu(&browser, "/configuration").await?;
    browser.click("#log input[value=none]").await?;
    browser.click("#log button.primary").await?;
    browser.sees("Saved.").await?;
    browser.go(catcher).await?;
    browser.click("form[action$='/send'] button").await?;
    until(&browser, "document.querySelectorAll('.came li').length === 6").await?;
    menu(&browser, "/logs").await?;
    browser.sees("Recording None.").await?;
    browser.sees("Retries still happen").await?;
    println!("the whole walk: {:?}", began.elapsed());
    Ok(())
}
