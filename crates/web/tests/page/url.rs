//! Developer → URL.

use ringup_core::delivery::{After, Ended};

use crate::desk::{Browser, Desk};
use crate::log::{DELIVERED, MISSING};

/// A browser with an account that has nothing yet.
pub async fn fresh(desk: &Desk) -> Browser {
    let browser = desk.operator().await;
    browser.get("/a").await;
    browser.submit("/a", &[("name", "Kopi Kita"), ("uid", "kopi")]).await;
    browser
}

#[tokio::test]
async fn a_url_is_added_looked_at_paused_and_deleted() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls").await.shows("Tell us where to send events");
    browser.get("/a/kopi/urls/new").await.shows("invoiceCreated").shows("customer invoice");
    let fields = [
        ("url", "https://erp.example/hooks"),
        ("description", "ERP <i>sync</i>"),
        ("events", "chosen"),
        ("type", "invoiceCreated"),
        ("type", "productUpdated"),
    ];
    let page = browser.post("/a/kopi/urls", &fields).await;
    let path = page.location().split('?').next().unwrap().to_owned();
    let page = browser.get(&page.location()).await;
    page.shows("The URL is there").shows("productUpdated").shows("ERP &#60;i&#62;sync").lacks("<i>sync");
    browser.get("/a/kopi/urls").await.shows("https://erp.example/hooks").shows("Nothing sent in 24 h");
    browser.get("/a/kopi/urls?find=nowhere").await.shows("Nothing matches");
    browser.get(&path).await;
    browser.submit(&format!("{path}/pause"), &[]).await.shows("Paused").shows("Resume");
    browser.get("/a/kopi/urls?state=paused").await.shows("ERP");
    browser.submit(&format!("{path}/resume"), &[]).await.shows("Resumed");
    browser.submit(&format!("{path}/delete"), &[]).await.shows("The URL is deleted");
    assert_eq!(browser.get(&path).await.status, 404);
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused_in_words() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    for url in ["http://erp.example/", "https://127.0.0.1/", "ftp://erp.example/", "nonsense", ""] {
        browser.get("/a/kopi/urls/new").await;
        let page = browser.post("/a/kopi/urls", &[("url", url), ("description", "ERP")]).await;
        assert_eq!(page.status, 422, "{url}");
        page.shows("role=\"alert\"").shows("value=\"ERP\"");
    }
}

#[tokio::test]
async fn a_url_is_changed_and_keeps_what_the_form_does_not_say() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls/new").await;
    let page = browser.post("/a/kopi/urls", &[("url", "https://erp.example/a"), ("events", "all")]).await;
    let path = page.location().split('?').next().unwrap().to_owned();
    browser.get(&path).await;
    browser.submit(&format!("{path}/pause"), &[]).await;
    browser.get(&format!("{path}/edit")).await.shows("value=\"https://erp.example/a\"");
    let page = browser
        .submit(&format!("{path}/edit"), &[("url", "https://erp.example/b"), ("channels", "kemang, senopati")])
        .await;
    page.shows("https://erp.example/b").shows("senopati").shows("Resume");
}

#[tokio::test]
async fn a_secret_is_shown_when_asked_and_can_be_replaced() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls/new").await;
    let page = browser.post("/a/kopi/urls", &[("url", "https://erp.example/a")]).await;
    let path = page.location().split('?').next().unwrap().to_owned();
    browser.get(&format!("{path}/security")).await.shows("whsec_••••").shows("createHmac");
    browser.get(&format!("{path}/security?lang=php")).await.shows("hash_hmac");
    let page = browser.post(&format!("{path}/security/reveal"), &[]).await;
    let secret = |text: &str| {
        text.split("<code id=\"secret\">").nth(1).and_then(|rest| rest.split('<').next()).map(str::to_owned)
    };
    let first = secret(&page.text).unwrap();
    assert!(first.starts_with("whsec_") && first.len() > 30, "{first}");
    browser
        .submit(&format!("{path}/security/rotate"), &[("grace_hours", "1")])
        .await
        .shows("new secret")
        .shows("signs along");
    let page = browser.post(&format!("{path}/security/reveal"), &[]).await;
    assert_ne!(secret(&page.text).unwrap(), first);
}

#[tokio::test]
async fn the_catalogue_is_by_family_and_each_type_has_a_sample() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/catalog").await.shows("customer invoice").shows("invoiceCreated");
    browser.get("/a/kopi/catalog?find=shift").await.lacks("invoiceCreated");
    browser.get("/a/kopi/catalog/invoiceCreated").await.shows("HS-25-000417").shows("No URL asks for it");
    assert_eq!(browser.get("/a/kopi/catalog/nothing").await.status, 404);
}

#[tokio::test]
async fn a_condition_is_tried_on_events_before_it_is_saved() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    for total in [10, 200, 3000] {
        browser.get("/a/kopi/test/send").await;
        let payload = format!("{{\"Total\":{total}}}");
        browser.post("/a/kopi/test/send", &[("type", "invoiceCreated"), ("payload", &payload)]).await;
    }
    browser.get("/a/kopi/urls/new").await;
    let fields = [("url", "https://erp.example/a"), ("filter", "data.Total:>100"), ("try", "1")];
    browser.post("/a/kopi/urls", &fields).await.shows("matches 2 of the last 3");
    let page = browser.post("/a/kopi/urls", &[("url", "https://erp.example/a"), ("filter", "data.Total:>100 )")]).await;
    assert_eq!(page.status, 422);
    browser.get("/a/kopi/urls/new").await;
    let page = browser.submit("/a/kopi/urls", &[("url", "https://erp.example/a"), ("filter", "data.Total:>100")]).await;
    page.shows("data.Total:&#62;100");
}

#[tokio::test]
async fn the_list_tells_the_answer_time_and_a_pause_its_reason() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls/new").await;
    let page = browser.post("/a/kopi/urls", &[("url", "https://erp.example/a"), ("description", "ERP")]).await;
    let path = page.location().split('?').next().unwrap().to_owned();
    browser.get("/a/kopi/test/send").await;
    browser.post("/a/kopi/test/send", &[("type", "invoiceCreated"), ("payload", "{}")]).await;
    desk.attempt_all(DELIVERED, After::Delivered, "ok").await;
    browser.get("/a/kopi/urls").await.shows("p95").shows("12 ms");
    browser.get(&path).await.shows("p95").shows("12 ms").shows("name=\"reason\"");
    let page = browser.submit(&format!("{path}/pause"), &[("reason", "stock <i>taking</i>")]).await;
    page.shows("Reason: stock &#60;i&#62;taking");
    browser.get("/a/kopi/urls").await.shows("stock &#60;i&#62;taking");
    browser.submit(&format!("{path}/resume"), &[]).await.lacks("stock");
    let page = browser.submit(&format!("{path}/pause"), &[]).await;
    page.shows("Paused").lacks("Reason:");
    let page = browser.post(&format!("{path}/pause"), &[("reason", &"x".repeat(9_000))]).await;
    assert_eq!(page.status, 422);
}

#[tokio::test]
async fn the_overview_leads_to_what_a_failing_url_missed() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls/new").await;
    browser.post("/a/kopi/urls", &[("url", "https://erp.example/a"), ("description", "ERP")]).await;
    browser.get("/a/kopi/test/send").await;
    browser.post("/a/kopi/test/send", &[("type", "invoiceCreated"), ("payload", "{}")]).await;
    desk.attempt_all(MISSING, After::Ended(Ended::NotRepeated), "no").await;
    let page = browser.get("/a/kopi").await;
    let path = page.text.split("href=\"").find(|part| part.starts_with("/a/kopi/logs/resend?")).unwrap();
    let path = path.split('"').next().unwrap().replace("&#38;", "&");
    browser.get(&path).await.lacks("Nothing to resend").lacks("This search cannot be read").shows("ERP");
}
