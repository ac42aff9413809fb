//! The same work with scripts switched off: forms and addresses are enough. Only what comes by itself needs a script.

use std::time::Instant;

use anyhow::{Result, ensure};
use ringup_testkit::browser::{Browser, Scripts};
use ringup_testkit::console;
use ringup_testkit::receiver::{Receiver, Script};
use serde_json::json;

use crate::{LOOK_EVERY, SOON, sign_in, start, until};

const ACCOUNT: &str = "/a/kopi-kita";

/// What no browser shows as a page, or what is there for scripts alone.
const NO_PAGES: [(&str, &str); 11] = [
    ("/", "leads to the accounts"),
    ("/assets/{file}", "our own files"),
    ("/op/support-bundle", "a download"),
    ("/a/{a}/logs/export", "a download"),
    ("/a/{a}/logs/live", "a live tail"),
    ("/a/{a}/logs/complete", "completions of a script"),
    ("/a/{a}/events/{m}/payload", "a download"),
    ("/a/{a}/test/catchers/{c}/live", "a live tail"),
    ("/a/{a}/test/catchers/{c}/export", "a download"),
    ("/a/{a}/test/catchers/{c}/requests/{n}/export", "a download"),
    ("/a/{a}/test/catchers/{c}/requests/{n}/body", "a download"),
];

/// Loads a page again until this is seen: nothing comes by itself.
async fn again_until(browser: &Browser, path: &str, text: &str) -> Result<()> {
    let end = Instant::now() + SOON;
    loop {
        browser.go(path).await?;
        let shown = browser.run("return document.body.innerText").await?;
        let shown = shown.as_str().unwrap_or_default();
        if shown.contains(text) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{text:?} never stood on {path}:\n{shown}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn href(browser: &Browser, selector: &str) -> Result<String> {
    let found = browser.run(&format!("return document.querySelector({selector:?}).getAttribute('href')")).await?;
    Ok(found.as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_done_and_every_page_is_whole_without_script() -> Result<()> {
    let (server, _dir) = start("browser-plain").await?;
    let receiver = Receiver::start("404 x1, 200".parse::<Script>()?).await?;
    let browser = Browser::open_with(&server.url(), Scripts::Off).await?;
    sign_in(&browser).await?;
    ensure!(browser.run("return typeof window.htmx").await? == "undefined", "scripts run after all");

    browser.fill("#name", "Kopi Kita").await?;
    browser.fill("#uid", "kopi-kita").await?;
    browser.click("form.stack button.primary").await?;
    browser.sees("The account is there").await?;

    // A URL, an event, its delivery, the log, once more.
    browser.go(&format!("{ACCOUNT}/urls/new")).await?;
    browser.fill("#url", &receiver.url("/hooks")).await?;
    browser.fill("#description", "ERP sync").await?;
    browser.click("form .actions button.primary").await?;
    browser.sees("The URL is there").await?;
    let url = browser.path().await?.split('?').next().unwrap_or_default().to_owned();
    browser.go(&format!("{ACCOUNT}/test/send")).await?;
    browser.click("form.stack button.primary").await?;
    browser.sees("Accepted.").await?;
    let event = browser.path().await?.split('?').next().unwrap_or_default().to_owned();
    again_until(&browser, &event, "Failed").await?;
    browser.go(&format!("{ACCOUNT}/logs")).await?;
    browser.fill("#query", "code:404 event:invoice*").await?;
    browser.click("form.filters button").await?;
    browser.sees("code:404").await?;
    until(&browser, "document.querySelectorAll('#lines tr').length === 1").await?;
    let delivery = href(&browser, "#lines tr:first-child a.row").await?;
    let delivery = delivery.split('?').next().unwrap_or_default().to_owned();
    browser.click("#lines tr:first-child a.row").await?;
    browser.click("form[action$='/resend'] button").await?;
    browser.sees("One more attempt was asked for").await?;
    again_until(&browser, &delivery, "by hand").await?;
    again_until(&browser, &delivery, "Your server took it and answered 200").await?;
    browser.go(&format!("{ACCOUNT}/logs/resend?query=event%3Ainvoice*")).await?;
    browser.click("main form[method=post] button.primary").await?;
    until(&browser, "location.pathname.includes('/tasks/')").await?;
    let task = browser.path().await?.split('?').next().unwrap_or_default().to_owned();

    // What the URL's pages offer.
    browser.go(&url).await?;
    browser.run("document.querySelector(\"form[action$='/pause']\").closest('details').open = true").await?;
    browser.fill("#reason", "stocktake").await?;
    browser.click("form[action$='/pause'] button").await?;
    browser.sees("Reason: stocktake").await?;
    until(&browser, "document.querySelector(\"form[action$='/resume']\")").await?;
    browser.click("form[action$='/resume'] button").await?;
    until(&browser, "document.querySelector(\"form[action$='/pause']\")").await?;
    browser.go(&format!("{url}/security")).await?;
    browser.click("form[action$='/reveal'] button").await?;
    until(&browser, "document.querySelector('#secret')").await?;
    browser.sees("whsec_").await?;
    let secret = browser.run("return document.querySelector('#secret').textContent").await?;
    browser.run("document.querySelector(\"form[action$='/rotate']\").closest('details').open = true").await?;
    browser.click("form[action$='/rotate'] button").await?;
    until(&browser, "!location.pathname.endsWith('/rotate') && document.querySelector('.badge.warn')").await?;
    browser.click("form[action$='/reveal'] button").await?;
    until(&browser, "document.querySelector('#secret')").await?;
    let rotated = browser.run("return document.querySelector('#secret').textContent").await?;
    ensure!(secret != rotated, "the secret is the same after it was changed");
    browser.go(&format!("{ACCOUNT}/configuration")).await?;
    browser.fill("#retries", "3").await?;
    browser.click("#retry button.primary").await?;
    browser.sees("Saved.").await?;
    ensure!(browser.run("return document.querySelector('#retries').value").await? == "3", "it was not kept");

    // A hook: whom it asks, and a trial of it. The receiver refuses whatever it sees for the first time.
    browser.go(&format!("{ACCOUNT}/loyalty/fetchMemberPoint")).await?;
    browser.fill("#url", &receiver.url("/points")).await?;
    browser.click("#settings button.primary").await?;
    browser.sees("Tills are answered by this app").await?;
    browser.click("#try button.primary").await?;
    browser.sees("the app answered with status 404").await?;

    // A catcher.
    browser.go(&format!("{ACCOUNT}/test/catchers")).await?;
    browser.fill("#name", "lunch test").await?;
    browser.click("form.stack button.primary").await?;
    browser.sees("The catcher is there").await?;
    let catcher = browser.path().await?.split('?').next().unwrap_or_default().to_owned();
    browser.click("form[action$='/use'] button").await?;
    browser.sees("A URL with this address is there").await?;
    browser.click("form[action$='/send'] button").await?;
    again_until(&browser, &catcher, "Signature valid").await?;
    browser.fill("#script", "503 x2, 200").await?;
    browser.click("form.script button").await?;
    browser.sees("The script is set").await?;

    let declared =
        json!({"title": "Stock check", "mode": "read", "question": {"schema": {}}, "answer": {"schema": {}}});
    server.client().put("/api/v1/hook-type/stock", &declared).await?.success()?;

    let tail = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let names = [
        ("/tasks/{t}", format!("/tasks/{}", tail(&task))),
        ("/catalog/{t}", "/catalog/invoiceCreated".to_owned()),
        ("{a}", "kopi-kita".to_owned()),
        ("{m}", tail(&event)),
        ("{e}", tail(&url)),
        ("{c}", tail(&catcher)),
        ("{*rest}", "nothing".to_owned()),
        ("{token}", "nothing".to_owned()),
        ("/logs/resend", "/logs/resend?query=status%3Afailed".to_owned()),
        ("/hook-type/{hook}", "/hook-type/stock".to_owned()),
        ("{hook}", "fetchMemberPoint".to_owned()),
        ("{operation}", "v1.message.create".to_owned()),
    ];
    let routes = console::routes()?;
    let faults = console::faults(&routes, routes.iter().map(String::as_str), &NO_PAGES);
    ensure!(faults.is_empty(), "{faults:?}");
    let mut whole = 0;
    for route in routes.iter().filter(|route| NO_PAGES.iter().all(|(name, _)| name != route)) {
        let path = names.iter().fold(route.clone(), |path, (name, value)| path.replace(name, value));
        browser.go(&path).await?;
        let seen = browser
            .run(
                "const main = document.querySelector('main');
                 return [main?.querySelector('h1')?.innerText ?? '', main?.innerText.length ?? 0,
                   performance.getEntriesByType('navigation')[0].responseStatus]",
            )
            .await?;
        let is_there = !path.ends_with("/nothing");
        ensure!(seen[0].as_str().is_some_and(|title| !title.is_empty()), "{path} has no title: {seen}");
        ensure!(seen[1].as_u64() > Some(20), "{path} says nothing: {seen}");
        ensure!(!is_there || seen[2] == 200, "{path} is not there: {seen}");
        whole += 1;
    }
    println!("{whole} pages are whole without script");
    Ok(())
}
