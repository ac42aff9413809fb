//! The log as it grows.

use ringup_core::delivery::{After, Ended};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};

use crate::desk::{Browser, Desk};
use crate::url::fresh;

const DELIVERED: AttemptResult = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };
const MISSING: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(404), detail: None };

async fn with_url(desk: &Desk) -> Browser {
    let browser = fresh(desk).await;
    browser.get("/a/kopi/urls/new").await;
    browser.submit("/a/kopi/urls", &[("url", "https://erp.example/hooks"), ("description", "ERP sync")]).await;
    browser
}

async fn deliver(desk: &Desk, browser: &Browser, kind: &str) {
    browser.get("/a/kopi/test/send").await;
    browser.post("/a/kopi/test/send", &[("type", kind), ("payload", "{}")]).await;
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
}

/// Where a page of the log goes on.
fn goes_on(text: &str) -> String {
    let at = text.find("data-live=\"").expect("the page is live") + "data-live=\"".len();
    text[at..].split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

fn id(event: &str) -> &str {
    event.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id")
}

#[tokio::test]
async fn rows_come_once_and_none_is_missed() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    deliver(&desk, &browser, "invoiceCreated").await;
    let page = browser.get("/a/kopi/logs").await;
    // Between the page and its stream.
    deliver(&desk, &browser, "productUpdated").await;
    let live = goes_on(&page.text);
    let mut stream = browser.stream(&live, &[]).await;
    let first = stream.next().await.expect("it begins");
    assert!(first.contains("retry: 1000") && first.contains("event: at"), "{first}");
    let rows = stream.rows().await;
    assert!(rows.contains("productUpdated") && !rows.contains("invoiceCreated"), "{rows}");
    assert_eq!(rows.matches("data-id=").count(), 1);
    deliver(&desk, &browser, "closeShift").await;
    assert!(stream.rows().await.contains("closeShift"));
    drop(stream);
    // Gone for a while: back with the cursor that came with the first rows.
    deliver(&desk, &browser, "transferOrderCreated").await;
    let mut stream = browser.stream(&live, &[("last-event-id", id(&rows))]).await;
    let rows = stream.rows().await;
    let at = |kind: &str| rows.find(kind).unwrap_or_else(|| panic!("{kind} is not in {rows}"));
    assert!(at("transferOrderCreated") < at("closeShift"), "newest first");
    assert_eq!(rows.matches("data-id=").count(), 2);
}

#[tokio::test]
async fn only_what_the_search_finds_comes() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let page = browser.get("/a/kopi/logs?query=status:failed").await;
    let mut stream = browser.stream(&goes_on(&page.text), &[]).await;
    deliver(&desk, &browser, "invoiceCreated").await;
    browser.get("/a/kopi/test/send").await;
    browser.post("/a/kopi/test/send", &[("type", "closeShift"), ("payload", "{}")]).await;
    desk.attempt_all(MISSING, After::Ended(Ended::NotRepeated), "").await;
    let rows = stream.rows().await;
    assert!(rows.contains("closeShift") && !rows.contains("invoiceCreated"), "{rows}");
}

#[tokio::test]
async fn it_ends_when_somebody_signs_out_and_when_the_server_stops() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let live = goes_on(&browser.get("/a/kopi/logs").await.text);
    let mut stream = browser.stream(&live, &[]).await;
    browser.get("/me").await;
    browser.post("/sign-out", &[]).await;
    while stream.next().await.is_some() {}
    let browser = desk.operator().await;
    let mut stream = browser.stream(&live, &[]).await;
    desk.app.end_waits();
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn a_stranger_sees_nothing() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let live = goes_on(&browser.get("/a/kopi/logs").await.text);
    assert_eq!(desk.browser().get(&live).await.status, 303);
    assert_eq!(browser.get("/a/nobody/logs/live").await.status, 404);
    assert_eq!(browser.get("/a/kopi/logs/live?query=stauts:x").await.status, 422);
}
