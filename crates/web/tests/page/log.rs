//! Test Webhook → Send event, Developer → Logs, and the pages of a delivery and an event.

use std::time::Duration;

use ringup_core::delivery::{After, Ended};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};

use crate::desk::{Browser, Desk};
use crate::url::fresh;

pub const DELIVERED: AttemptResult = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };
pub const MISSING: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(404), detail: None };
const DNS: AttemptResult = AttemptResult { outcome: OutcomeWord::Unreachable, status: None, detail: Some("dns") };

const EVIL: &str = "<script>alert(1)</script>";

pub async fn with_url(desk: &Desk) -> Browser {
    let browser = fresh(desk).await;
    browser.get("/a/kopi/urls/new").await;
    browser.submit("/a/kopi/urls", &[("url", "https://erp.example/hooks"), ("description", "ERP sync")]).await;
    browser
}

/// Sends an event; answers its page's path.
pub async fn send(browser: &Browser, kind: &str, payload: &str) -> String {
    browser.get("/a/kopi/test/send").await;
    let page = browser.post("/a/kopi/test/send", &[("type", kind), ("payload", payload)]).await;
    assert_eq!(page.status, 303, "{}", page.text);
    page.location().split('?').next().unwrap().to_owned()
}

/// The first link that a page has to a delivery.
pub fn delivery(text: &str) -> String {
    let at = text.find("/a/kopi/logs/msg_").expect("a link to a delivery");
    text[at..].split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_sample_is_sent_and_its_delivery_is_followed_to_the_end() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    browser.get("/a/kopi/logs").await.shows("Nothing was sent yet");
    browser.get("/a/kopi/test/send?type=productUpdated").await.shows("ERP sync").shows("&#34;ID&#34;");
    let event = send(&browser, "invoiceCreated", r#"{"Total": 148000.00, "Note": "<script>alert(1)</script>"}"#).await;
    let page = browser.get(&event).await;
    page.shows("Pending").shows("hx-trigger=\"every 1s\"").shows("148000.00").lacks(EVIL);
    desk.attempt_all(DELIVERED, After::Delivered, "<script>alert(1)</script>").await;
    browser.get(&event).await.shows("Delivered").lacks("hx-trigger");
    let log = browser.get("/a/kopi/logs").await;
    log.shows("invoiceCreated").shows("ERP sync").shows("100 % delivered in the last hour");
    let page = browser.get(&delivery(&log.text)).await;
    page.shows("Your server took it and answered 200").shows("x-evil").shows("148000.00").lacks(EVIL);
    page.shows("curl &#39;https://erp.example/hooks&#39;");
    let path = delivery(&log.text).split('?').next().unwrap().to_owned();
    browser.submit(&format!("{path}/resend"), &[]).await.shows("One more attempt was asked for");
    let raw = browser.get(&format!("{event}/payload")).await;
    assert_eq!(raw.text, r#"{"Total": 148000.00, "Note": "<script>alert(1)</script>"}"#);
    assert_eq!(raw.headers.get("content-type").unwrap(), "application/octet-stream");
    assert!(raw.headers.get("content-disposition").unwrap().to_str().unwrap().starts_with("attachment"));
}

#[tokio::test]
async fn failures_say_what_happened_and_what_to_do() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    send(&browser, "invoiceCreated", "{}").await;
    desk.attempt_all(MISSING, After::Ended(Ended::NotRepeated), "nothing here").await;
    send(&browser, "productUpdated", "{}").await;
    let due_at = desk.now().saturating_add(Duration::from_secs(7));
    desk.attempt_all(DNS, After::Retry { due_at, attempts_made: 1 }, "").await;
    let log = browser.get("/a/kopi/logs").await;
    log.shows("Failed").shows("Retrying").shows("no address").shows(">404<");
    browser.get("/a/kopi/logs?status=4xx").await.shows("invoiceCreated").lacks("row mono\" href=\"/a/kopi/logs/msg_x");
    let page = browser.get("/a/kopi/logs?event=productUpdated").await;
    let page = browser.get(&delivery(&page.text)).await;
    page.shows("has no address right now").shows("The next attempt is at").shows("Next attempt");
    let page = browser.get("/a/kopi/logs?status=4xx").await;
    let page = browser.get(&delivery(&page.text)).await;
    page.shows("does not exist (404)").shows("not repeated by the settings in force");
    browser.get("/a/kopi/logs?status=delivered").await.shows("No attempt matches");
    browser.get("/a/kopi").await.shows("One URL is failing").shows("Recent failures").shows("Failing since");
    browser.get("/a/kopi/urls?state=failing").await.shows("ERP sync");
}

#[tokio::test]
async fn a_payload_that_is_not_json_is_refused_with_its_place() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    browser.get("/a/kopi/test/send").await;
    let page = browser.post("/a/kopi/test/send", &[("type", "invoiceCreated"), ("payload", "{\n \"a\": 1,,\n}")]).await;
    assert_eq!(page.status, 422);
    page.shows("role=\"alert\"").shows("^</span>").shows("&#34;a&#34;: 1,,");
    let page = browser.post("/a/kopi/test/send", &[("type", "invoiceCreated"), ("payload", "[1]")]).await;
    assert_eq!(page.status, 422);
    page.shows("JSON object");
}

#[tokio::test]
async fn a_sample_is_sent_to_one_url_alone() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    browser.get("/a/kopi/urls/new").await;
    browser.submit("/a/kopi/urls", &[("url", "https://till.example/hooks"), ("description", "Till")]).await;
    let form = browser.get("/a/kopi/test/send").await.shows("All URLs that ask for it").text.clone();
    let before = &form[..form.find("\">Till</option>").expect("the URL is offered")];
    let id = before.rsplit('"').next().unwrap().to_owned();
    browser.get(&format!("/a/kopi/test/send?to={id}")).await.shows(&format!("value=\"{id}\" selected>Till"));
    let fields = [("type", "invoiceCreated"), ("payload", "{}"), ("to", id.as_str())];
    let page = browser.post("/a/kopi/test/send", &fields).await;
    assert_eq!(page.status, 303, "{}", page.text);
    let sent = browser.get(&page.location()).await;
    sent.shows(&format!("/{id}\">Till</a>"));
    assert_eq!(sent.text.matches("class=\"row\" href=\"/a/kopi/logs/").count(), 1, "{}", sent.text);
    let page =
        browser.post("/a/kopi/test/send", &[("type", "invoiceCreated"), ("payload", "{}"), ("to", "ep_x")]).await;
    assert_eq!(page.status, 404, "{}", page.text);
}

#[tokio::test]
async fn modes_that_keep_less_say_so() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    browser.get("/a/kopi/configuration").await;
    browser.submit("/a/kopi/configuration", &[("card", "log"), ("log_mode", "none")]).await;
    send(&browser, "invoiceCreated", "{}").await;
    let page = browser.get("/a/kopi/logs").await;
    page.shows("Recording None").shows("Retries still happen").shows("Nothing is listed in this mode");
    let fields = [("card", "full"), ("back", "/a/kopi/logs?done=full")];
    let page = browser.submit("/a/kopi/configuration", &fields).await;
    page.shows("Recording all for one hour").shows("Recording all until");
    desk.clock.advance(Duration::from_mins(61));
    browser.get("/a/kopi/logs").await.shows("Recording None");
}

#[tokio::test]
async fn a_long_log_is_read_page_by_page() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    for number in 0..60 {
        send(&browser, "invoiceCreated", &format!("{{\"n\":{number}}}")).await;
    }
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
    let page = browser.get("/a/kopi/logs").await;
    let rows = |text: &str| text.matches("class=\"row mono\"").count();
    assert_eq!(rows(&page.text), 50);
    let older = page.text.split("href=\"").find(|rest| rest.starts_with("/a/kopi/logs?older=")).expect("an older page");
    let page = browser.get(older.split('"').next().unwrap()).await;
    assert_eq!(rows(&page.text), 10);
    page.shows("Newest").lacks("hx-trigger=\"every");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let event = "msg_0ujtsYcgvSTl8PAuAdqWYSMnLOv";
    for path in
        ["/events/x", &format!("/events/{event}"), &format!("/logs/{event}/x"), &format!("/events/{event}/payload")]
    {
        assert_eq!(browser.get(&format!("/a/kopi{path}")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_log_is_searched_and_says_how_to_go_on() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    send(&browser, "invoiceCreated", r#"{"Total": 148000.50}"#).await;
    desk.attempt_all(MISSING, After::Ended(Ended::NotRepeated), "").await;
    send(&browser, "closeShift", "{}").await;
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
    let has = "<a class=\"row mono\" href=\"/a/kopi/logs/msg_";
    browser
        .get("/a/kopi/logs?query=data.Total:%3E148000")
        .await
        .shows(has)
        .shows("2 attempts searched")
        .shows("Failed")
        .lacks("closeShift</a>");
    browser
        .get("/a/kopi/logs?query=url:%22ERP+sync%22+event:close*")
        .await
        .shows("closeShift</a>")
        .lacks("invoiceCreated</a>");
    let page = browser.get("/a/kopi/logs?query=status:failed+event:close*").await;
    page.shows("No attempt matches")
        .shows("Without status:failed")
        .shows("/a/kopi/logs?query=event%3Aclose*")
        .lacks(has);
    let page = browser.get("/a/kopi/logs?query=status:failed+after:-1h").await;
    page.shows(has).shows("/a/kopi/logs?query=status%3Afailed+after%3A-7d").shows("query=status%3Afailed\"");
    let views = browser.get("/a/kopi/logs").await;
    views.shows("Failing now").shows("href=\"/a/kopi/logs?query=took%3A%3E2s+after%3A-24h\"").shows("Last test events");
    browser.get("/a/kopi").await.lacks("Failing now");
    browser.get("/a/kopi/logs?query=test:true").await.shows("invoiceCreated</a>").shows("closeShift</a>");
    // The page of an older address.
    browser.get("/a/kopi/logs?status=failed&since=1h").await.shows("value=\"status:error after:-1h\"").shows(has);
}

#[tokio::test]
async fn a_search_that_cannot_be_read_shows_a_caret_under_the_place() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    let page = browser.get("/a/kopi/logs?query=code:5xx+stauts:failed").await;
    assert_eq!(page.status, 422);
    page.shows("role=\"alert\"")
        .shows("code:5xx stauts:failed\n<span class=\"fail\">         ^</span>")
        .shows("did you mean status:");
    page.shows("aria-invalid=\"true\"").lacks("hx-trigger=\"every");
    let evil = browser.get("/a/kopi/logs?query=%3Cscript%3Ealert(1)%3C/script%3E:1").await;
    evil.lacks(EVIL);
}

#[tokio::test]
async fn keys_and_values_are_offered() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    send(&browser, "invoiceCreated", r#"{"Total": 1, "Customer": {"Name": "Sari"}}"#).await;
    browser.get("/a/kopi/logs").await.shows("<option value=\"status:\">").shows("<option value=\"took:\">");
    let offered = async |text: &str| browser.get(&format!("/a/kopi/logs/complete?query={text}")).await;
    offered("status:f").await.shows("<option value=\"status:failed\">").lacks("delivered");
    offered("code:5xx+url:E").await.shows("<option value=\"code:5xx url:&#34;ERP sync&#34;\">");
    offered("data.Cust").await.shows("<option value=\"data.Customer.Name:\">");
    offered("event:closeS").await.shows("<option value=\"event:closeShift\">");
}

#[tokio::test]
async fn all_that_is_found_is_resent_after_a_look_at_what_it_means() {
    let desk = Desk::open().await;
    let browser = with_url(&desk).await;
    for _ in 0..3 {
        send(&browser, "invoiceCreated", "{}").await;
    }
    desk.attempt_all(MISSING, After::Ended(Ended::NotRepeated), "").await;
    send(&browser, "closeShift", "{}").await;
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
    // What is found is what was there before the question.
    desk.clock.advance(Duration::from_secs(1));
    browser.get("/a/kopi/logs").await.lacks("/logs/resend");
    browser.get("/a/kopi/logs?query=code:404").await.shows("href=\"/a/kopi/logs/resend?query=code%3A404\"");
    let page = browser.get("/a/kopi/logs/resend?query=code:404").await;
    page.shows("3 deliveries").shows("ERP sync").shows("Done in a moment.").lacks("delivered already");
    browser
        .get("/a/kopi/logs/resend?query=url:erp.example")
        .await
        .shows("4 deliveries")
        .shows("1 of them was delivered already");
    browser.get("/a/kopi/logs/resend?query=code:500").await.shows("Nothing to resend");
    let everything = browser.get("/a/kopi/logs/resend").await;
    assert_eq!(everything.status, 422);
    everything.shows("a search for everything is refused");
    browser.get("/a/kopi/logs/resend?query=code:404").await;
    let page = browser.submit("/a/kopi/logs/resend", &[("query", "code:404"), ("rate", "20")]).await;
    page.shows("Running").shows("0 of 3").shows("20 a second").shows("<progress").shows("hx-trigger=\"every 1s\"");
    let (_, rest) = page.text.split_once("/a/kopi/tasks/").expect("its own address");
    let task = format!("/a/kopi/tasks/{}", rest.split(['"', '/']).next().unwrap());
    browser.submit(&format!("{task}/cancel"), &[]).await.shows("Cancelled").lacks("hx-trigger");
    assert_eq!(browser.get("/a/kopi/tasks/qtask_0ujtsYcgvSTl8PAuAdqWYSMnLOv").await.status, 404);
}

#[tokio::test]
async fn what_is_found_is_saved_as_a_file() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls/new").await;
    browser.submit("/a/kopi/urls", &[("url", "https://erp.example/hooks"), ("description", "=1+1, \"ERP\"")]).await;
    for _ in 0..300 {
        send(&browser, "invoiceCreated", "{}").await;
    }
    desk.attempt_all(MISSING, After::Ended(Ended::NotRepeated), "").await;
    browser.get("/a/kopi/logs?query=code:404").await.shows("/logs/export?as=csv&amp;query=code%3A404");
    let file = browser.get("/a/kopi/logs/export?as=csv&query=code:404").await;
    assert_eq!(file.headers.get("content-type").unwrap(), "text/csv; charset=utf-8");
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!((lines.len(), lines[0].split(',').next()), (301, Some("time")));
    assert!(
        lines[1].contains(",failed,invoiceCreated,\"'=1+1, \"\"ERP\"\"\",https://erp.example/hooks,404,"),
        "{}",
        lines[1]
    );
    let file = browser.get("/a/kopi/logs/export?as=jsonl&query=code:404").await;
    let ids: std::collections::BTreeSet<String> = file
        .text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["attempt_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 300, "each once");
    assert_eq!(browser.get("/a/kopi/logs/export?query=code:500").await.text.lines().count(), 1);
}

#[tokio::test]
async fn a_search_is_saved_as_a_view_of_this_account_in_this_browser() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/logs").await.lacks("Save this view");
    browser.get("/a/kopi/logs?query=status%3Afailed").await.shows("Save this view");
    let fields = [("query", "status:failed url:\"ERP sync\""), ("name", "ERP <i>down</i>")];
    let page = browser.submit("/a/kopi/logs/views", &fields).await;
    page.shows("The view is in the menu").shows("ERP &#60;i&#62;down&#60;/i&#62;").shows("Delete the view");
    page.shows("/a/kopi/logs?query=status%3Afailed+url%3A%22ERP+sync%22");
    browser.get("/a/kopi/logs").await.shows("ERP &#60;i&#62;down");
    // Nothing is saved that could not be shown, and a name means one view.
    let page = browser.submit("/a/kopi/logs/views", &[("query", "status:failed"), ("name", "ERP <i>down</i>")]).await;
    assert_eq!(page.text.matches("ERP &#60;i&#62;down").count(), 3, "in the menu, and in the form that deletes it");
    let page = browser.post("/a/kopi/logs/views", &[("query", "status:nonsense("), ("name", "wrong")]).await;
    assert_eq!(page.status, 303);
    browser.get("/a/kopi/logs").await.lacks(">wrong<");
    for number in 0..12 {
        let name = format!("view {number} {}", "é".repeat(30));
        let query = format!("data.Note:{}", "x".repeat(150));
        browser.post("/a/kopi/logs/views", &[("query", &query), ("name", &name)]).await;
    }
    let page = browser.get("/a/kopi/logs").await;
    page.shows("view 11 ").lacks("view 0 ");
    let page =
        browser.submit("/a/kopi/logs/views", &[("query", "status:failed"), ("delete", "view 11 ".trim_end())]).await;
    page.shows("The view is gone");
    browser.get("/a").await;
    browser.submit("/a", &[("name", "Other"), ("uid", "other")]).await;
    browser.get("/a/other/logs").await.lacks("view 11");
}
