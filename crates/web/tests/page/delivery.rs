//! The page of one delivery: why, when, what differed, and the request as a program.

use std::time::Duration;

use ringup_core::delivery::{After, Ended};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};

use crate::desk::Desk;
use crate::log::{MISSING, delivery, send, with_url};

const FAILED: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(503), detail: None };
const NO_TOKEN: AttemptResult =
    AttemptResult { outcome: OutcomeWord::Unreachable, status: None, detail: Some("token_refused") };

/// A delivery that failed twice with answers that differ in one member; answers its path.
async fn failed_twice(desk: &Desk, browser: &crate::desk::Browser) -> String {
    send(browser, "invoiceCreated", r#"{"Note":"it's $(1) <b>"}"#).await;
    let fresh = desk.fresh();
    let due_at = desk.now().saturating_add(Duration::from_secs(8));
    let answer = r#"{"error":"starting","since":1,"host":"a","retry":true,"trace":"<i>1</i>"}"#;
    desk.attempt(&fresh, 1, FAILED, After::Retry { due_at, attempts_made: 1 }, answer).await;
    desk.clock.advance(Duration::from_secs(6));
    let answer = r#"{"error":"starting","since":2,"host":"a","retry":true,"trace":"<i>1</i>"}"#;
    desk.attempt(&fresh, 2, FAILED, After::Ended(Ended::Exhausted), answer).await;
    let log = browser.get("/a/kopi/logs").await;
    delivery(&log.text).split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_timeline_goes_from_accepted_to_what_is_planned() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let path = failed_twice(&desk, &browser).await;
    let page = browser.get(&path).await;
    page.shows("Accepted").shows("1 URL asked for it").shows("Attempt 1").shows("pause 6.9 s").shows("Attempt 2");
    page.shows("class=\"ladder-chart\"")
        .shows("Attempts after the event was accepted: 1 s, 8 s.\"")
        .lacks("Next attempt");
    page.shows("aria-label=\"Connect 2 ms, First byte 9 ms, Rest 1 ms\"").shows("Where the time went");
    page.shows("not available (503)").shows("on your server’s side").shows("All attempts are used up");

    send(&browser, "productUpdated", "{}").await;
    let waiting = browser.get("/a/kopi/logs").await;
    waiting.lacks("productUpdated</a>");
    let fresh = desk.fresh();
    let due_at = desk.now().saturating_add(Duration::from_secs(8));
    desk.attempt(&fresh, 1, FAILED, After::Retry { due_at, attempts_made: 1 }, "").await;
    let log = browser.get("/a/kopi/logs?event=productUpdated").await;
    let page = browser.get(&delivery(&log.text)).await;
    page.shows("Next attempt")
        .shows("class=\"planned\"")
        .shows("class=\"wait\"")
        .shows("Planned: ")
        .lacks("if those before it fail");
}

#[tokio::test]
async fn answers_of_two_attempts_are_compared() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let path = failed_twice(&desk, &browser).await;
    let page = browser.get(&path).await;
    let other = page.text.split("<option value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = browser.get(&format!("{path}?with={other}")).await;
    page.shows("<del>  &#34;since&#34;: 1,</del>").shows("<ins>  &#34;since&#34;: 2,</ins>");
    page.shows("<span>  &#34;error&#34;: &#34;starting&#34;,</span>").lacks("<i>1</i>");
    page.shows("Only differences</a>");
    let page = browser.get(&format!("{path}?with={other}&only=1")).await;
    page.shows("<ins>  &#34;since&#34;: 2,</ins>").shows("lines alike").shows("Show all of it");
    browser.get(&format!("{path}?with=atmpt_nobody&only=1")).await.lacks("class=\"diff mono\"");
}

#[tokio::test]
async fn the_request_is_copied_as_a_program_without_its_secret() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let path = failed_twice(&desk, &browser).await;
    browser.get("/a/kopi/urls").await;
    let page = browser.get(&path).await;
    page.shows("BODY=&#39;{&#34;Note&#34;:&#34;it&#39;\\&#39;&#39;s $(1) &#60;b&#62;&#34;}&#39;");
    page.shows("curl &#39;https://erp.example/hooks&#39;").shows("WEBHOOK_SECRET").lacks("whsec_M").lacks("whsec_A");
    for (kind, has) in [
        ("httpie", "http POST &#39;https://erp.example/hooks&#39;"),
        ("php", "curl_init(&#39;https://erp.example/hooks&#39;)"),
        ("csharp", "HMACSHA256.HashData(key, signed)"),
        ("python", "urllib.request.Request(&#34;https://erp.example/hooks&#34;"),
    ] {
        browser.get(&format!("{path}?as={kind}")).await.shows(has).shows(&format!("as={kind}"));
    }
}

#[tokio::test]
async fn why_is_told_for_every_url_of_the_account() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    for fields in [
        &[("url", "https://a.example/"), ("description", "By name"), ("events", "chosen"), ("type", "invoiceCreated")]
            [..],
        &[
            ("url", "https://b.example/"),
            ("description", "Other type"),
            ("events", "chosen"),
            ("type", "productCreated"),
        ],
        &[("url", "https://c.example/"), ("description", "Big ones"), ("events", "all"), ("filter", "data.Total:>100")],
    ] {
        browser.get("/a/kopi/urls/new").await;
        browser.submit("/a/kopi/urls", fields).await;
    }
    let event = send(&browser, "invoiceCreated", r#"{"Total": 3}"#).await;
    let page = browser.get(&event).await;
    page.shows("This URL asks for every event.").shows("This URL asks for invoiceCreated by name.");
    page.shows("It does not ask for invoiceCreated").shows("data.Total:&#62;100 (the event has 3)").shows("Not sent");
    let link = delivery(&page.text);
    browser.get(&link).await.shows("It went to 2 URLs").shows("This URL asks for");
}

#[tokio::test]
async fn an_event_is_sent_again_as_a_new_one() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let event = send(&browser, "invoiceCreated", r#"{"Total": 148000.00}"#).await;
    desk.attempt_all(MISSING, After::Ended(Ended::NotRepeated), "").await;
    let log = browser.get("/a/kopi/logs").await;
    let page = browser.get(&delivery(&log.text)).await;
    page.shows("under the same id").shows("send it as a new event").shows("Send as new event");
    let sent = browser.post(&format!("{event}/again"), &[]).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let new = sent.location().split('?').next().unwrap().to_owned();
    assert_ne!(new, event);
    browser.get(&sent.location()).await.shows("Accepted. This page follows").shows("148000.00");
    assert_eq!(desk.fresh().len(), 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_had_is_told_as_such() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    send(&browser, "invoiceCreated", "{}").await;
    desk.attempt_all(NO_TOKEN, After::Ended(Ended::NotRepeated), "the token server answered 401").await;
    let log = browser.get("/a/kopi/logs").await;
    log.shows("no token");
    let page = browser.get(&delivery(&log.text)).await;
    page.shows("The token server refused to give a token").shows("what this URL is set to");
}
