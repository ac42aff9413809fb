//! Operator: the whole server, for its operator alone.

use std::time::Duration;

use ringup_core::delivery::{After, Ended};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};

use crate::desk::Desk;
use crate::log::{DELIVERED, MISSING, send, with_url};

const PAGES: [&str; 6] = ["/op", "/op/queues", "/op/accounts", "/op/problems", "/op/nodes", "/op/system"];
const FAILED: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(503), detail: None };

#[tokio::test]
async fn a_server_without_work_says_so() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    browser.get("/op").await.shows("Fleet health").shows("nothing waits").shows("Nothing failed in the last hour");
    browser.get("/op/queues").await.shows("Nothing waits").shows("Retries due within the next hour: 0.");
    browser.get("/op/accounts").await.shows("Load by account");
    browser.get("/op/problems").await.shows("Nothing failed in the last hour");
    browser.get("/op/nodes").await.shows("A single process on files of its own").lacks("shard-map");
    browser.get("/op/system").await.shows("No folder for backups is configured").lacks("Back up now");
}

#[tokio::test]
async fn what_waits_and_fails_is_told_by_lane_account_host_and_cause() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    for number in 0..3 {
        send(&browser, "invoiceCreated", &format!("{{\"n\":{number}}}")).await;
    }
    let fresh = desk.fresh();
    let due_at = desk.now().saturating_add(Duration::from_secs(605));
    desk.attempt(&fresh[..1], 1, FAILED, After::Retry { due_at, attempts_made: 1 }, "").await;
    desk.attempt(&fresh[1..2], 1, MISSING, After::Ended(Ended::NotRepeated), "<script>alert(1)</script>").await;
    desk.attempt(&fresh[2..], 1, DELIVERED, After::Delivered, "").await;
    desk.app.note_load().await.unwrap();
    desk.clock.advance(Duration::from_secs(10));

    let page = browser.get("/op").await;
    page.shows("1 delivered, 2 failed").shows("Deliveries waiting over the last hour: 1 now, 1 at most");
    page.shows("Retries due within the next hour: 1.").shows("erp.example").shows("503 · unavailable");
    let page = browser.get("/op/queues").await;
    page.shows("ERP sync").shows("1 lane has work").shows("href=\"/a/kopi/urls/");
    browser.get("/op/accounts").await.shows("href=\"/a/kopi\"").shows("33.3 %");
    browser.get("/op/accounts?find=nobody").await.shows("class=\"none\"");
    let page = browser.get("/op/problems").await;
    page.shows("503 · unavailable").shows("404 · not found").shows("receiver’s side").lacks("/hooks");
    let sample = page.text.split("class=\"row\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    browser.get(&sample).await.shows("erp.example");
}

#[tokio::test]
async fn nobody_but_an_operator_comes_in() {
    let desk = Desk::open().await;
    let stranger = desk.browser();
    for path in PAGES {
        assert_eq!(stranger.get(path).await.status, 303, "{path}");
    }
    let operator = desk.operator().await;
    operator.get("/op").await.shows("href=\"/op/queues\"");
    operator.get("/a").await;
    operator.submit("/a", &[("name", "Kopi"), ("uid", "kopi")]).await;
    operator.get("/a/kopi/keys").await;
    let made = operator.post("/a/kopi/keys", &[("name", "shop"), ("use", "all")]).await;
    let token = made.text.split("<code id=\"token\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let merchant = desk.browser();
    let page = merchant.post("/sign-in", &[("key", token)]).await;
    assert_eq!(page.status, 303, "{}", page.text);
    for path in PAGES.into_iter().chain(["/op/support-bundle"]) {
        let page = merchant.get(path).await;
        assert_eq!(page.status, 403, "{path}: {}", page.text);
    }
    merchant.get("/a").await.lacks("href=\"/op\"");
}
