//! Test Webhook → Catcher and → Verify signature.

use bytes::Bytes;
use ringup_app::{CatcherDraft, CatcherView, Incoming, Principal};

use crate::desk::{Browser, Desk, OPERATOR};

const EVIL: &str = "<script>alert(1)</script>";

async fn stage() -> (Desk, Browser, CatcherView) {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    browser.get("/a").await;
    browser.submit("/a", &[("name", "Kopi Kita"), ("uid", "shop")]).await;
    let draft = CatcherDraft { name: "lunch test".to_owned(), ..CatcherDraft::default() };
    let made = desk.app.create_catcher(&who(&desk), "shop", draft).await.unwrap();
    (desk, browser, made.view)
}

fn who(desk: &Desk) -> Principal {
    desk.app.authenticate(OPERATOR, Some("live")).unwrap()
}

fn path(view: &CatcherView) -> String {
    format!("/a/shop/test/catchers/{}", view.catcher.id)
}

async fn send(desk: &Desk, view: &CatcherView, id: &str, body: &str) {
    let incoming = Incoming {
        method: "POST".to_owned(),
        target: format!("/c/{}/{EVIL}?q={EVIL}", view.catcher.write_token),
        version: "HTTP/1.1".to_owned(),
        head: Bytes::from(format!("Host: a\r\nwebhook-id: {id}\r\nX-Evil: {EVIL}\r\n")),
        body: Bytes::from(body.to_owned()),
        body_bytes: body.len() as u64,
        peer: None,
    };
    desk.app.catch(&view.catcher.write_token, incoming).await.unwrap();
}

#[tokio::test]
async fn a_catcher_is_made_and_shows_its_address() {
    let (_, browser, _) = stage().await;
    browser.get("/a/shop/test/catchers").await;
    let page = browser.submit("/a/shop/test/catchers", &[("name", "another")]).await;
    assert!(page.text.contains("<h1>another</h1>"), "{}", page.text);
    assert!(page.text.contains("http://127.0.0.1:8080/c/"), "the address");
    assert!(page.text.contains("class=\"qr\""), "its QR code");
    assert!(page.text.contains("Waiting for the first request"));
    let list = browser.get("/a/shop/test/catchers").await.text;
    assert!(list.contains("lunch test") && list.contains("another"));
}

#[tokio::test]
async fn what_came_is_shown_as_text_with_retries_marked() {
    let (desk, browser, view) = stage().await;
    send(&desk, &view, "msg_a", &format!("{{\"note\":\"{EVIL}\"}}")).await;
    send(&desk, &view, "msg_a", EVIL).await;
    for tab in ["body", "headers", "signature", "answer", "raw"] {
        for number in ["1", "2"] {
            let page = browser.get(&format!("{}?n={number}&tab={tab}", path(&view))).await;
            assert_eq!(page.status, 200);
            assert!(!page.text.contains(EVIL), "{tab} of {number}");
            assert!(page.text.contains("retry of #1"), "{tab} of {number}");
        }
    }
    let page = browser.get(&format!("{}?n=2&tab=signature", path(&view))).await.text;
    assert!(page.contains("Signature missing") && page.contains("webhook-timestamp, webhook-signature"), "{page}");
    let file = browser.get(&format!("{}/requests/2/body", path(&view))).await;
    assert_eq!(
        (file.text.as_str(), file.headers["content-type"].to_str().unwrap()),
        (EVIL, "application/octet-stream")
    );
    let page = browser.submit(&format!("{}/requests/2/forget", path(&view)), &[]).await.text;
    assert!(!page.contains("retry of #1"), "{page}");
    let page = browser.submit(&format!("{}/clear", path(&view)), &[]).await.text;
    assert!(page.contains("Waiting for the first request"));
}

#[tokio::test]
async fn a_script_is_drawn_with_its_next_step_or_refused_with_the_place() {
    let (desk, browser, view) = stage().await;
    browser.get(&path(&view)).await;
    let script = format!("{}/script", path(&view));
    let page = browser.submit(&script, &[("script", "503, 200")]).await.text;
    assert!(page.contains("<li class=\"next\"><code>503</code>"), "{page}");
    send(&desk, &view, "msg_a", "{}").await;
    let page = browser.get(&path(&view)).await.text;
    assert!(page.contains("<li class=\"next\"><code>200</code>"), "{page}");
    let refused = browser.post(&script, &[("script", "503, teapot")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("     ^^^^^^"), "{}", refused.text);
    let page = browser.submit(&format!("{}/restart", path(&view)), &[]).await.text;
    assert!(page.contains("<li class=\"next\"><code>503</code>"), "{page}");
}

#[tokio::test]
async fn one_form_makes_a_url_of_it_and_another_sends_a_test_event() {
    let (desk, browser, view) = stage().await;
    browser.get(&path(&view)).await;
    let page = browser.submit(&format!("{}/use", path(&view)), &[]).await.text;
    assert!(page.contains("Used by") && page.contains("Send test event"), "{page}");
    let page = browser.submit(&format!("{}/send", path(&view)), &[]).await.text;
    assert!(page.contains("A test event is on its way."), "{page}");
    let account = desk.app.account(&who(&desk), "shop").unwrap();
    assert_eq!(account.endpoints.iter().filter(|found| found.endpoint.url == view.url).count(), 1);
}

#[tokio::test]
async fn the_read_token_is_shown_once_and_a_deleted_catcher_is_gone() {
    let (_, browser, view) = stage().await;
    browser.get(&path(&view)).await;
    let page = browser.post(&format!("{}/token", path(&view)), &[]).await;
    assert!(page.status == 200 && page.text.contains("rcr_"), "{}", page.text);
    assert!(!browser.get(&path(&view)).await.text.contains("rcr_"));
    browser.submit(&format!("{}/delete", path(&view)), &[]).await;
    assert_eq!(browser.get(&path(&view)).await.status, 404);
}

#[tokio::test]
async fn a_signature_is_verified_step_by_step() {
    let (_, browser, _) = stage().await;
    let page = browser.get("/a/shop/test/verify").await.text;
    let area = |name: &str| {
        let start = page.split_once(&format!("name=\"{name}\"")).unwrap().1.split_once(">\n").unwrap().1;
        start.split_once("</textarea>").unwrap().0.replace("&#34;", "\"").replace("&quot;", "\"")
    };
    let secret = page.split_once("name=\"secret\"").unwrap().1.split_once("value=\"").unwrap().1;
    let secret = secret.split('"').next().unwrap();
    let (headers, body) = (area("headers"), area("body"));
    let check = async |body: &str, line_end: bool, secret: &str| {
        let mut fields = vec![("headers", headers.as_str()), ("body", body), ("secret", secret)];
        fields.extend(line_end.then_some(("line_end", "on")));
        browser.post("/a/shop/test/verify", &fields).await
    };
    assert!(check(&body, false, secret).await.text.contains("Signature valid"));
    assert!(check(&body, true, secret).await.text.contains("without the line end"));
    assert!(check(&body.replace("\":", "\": "), false, secret).await.text.contains("read and written again"));
    assert!(check("{}", false, secret).await.text.contains("Wrong secret"));
    let refused = check(&body, false, "short").await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("whsec_"), "{}", refused.text);
}

#[tokio::test]
async fn two_requests_are_compared_and_all_is_taken_along() {
    let (desk, browser, view) = stage().await;
    send(&desk, &view, "msg_a", r#"{"Total":1,"Note":"same"}"#).await;
    send(&desk, &view, "msg_b", "{}").await;
    send(&desk, &view, "msg_a", &format!("{{\"Total\":2,\"Note\":\"{EVIL}\"}}")).await;
    let at = |tail: &str| format!("{}{tail}", path(&view));
    browser.get(&at("")).await.shows("/compare?n=3").shows("export?as=har");
    // A retry is compared with the first of its event, not with the one before.
    let page = browser.get(&at("/compare?n=3")).await;
    page.shows("<option value=\"1\" selected>").lacks(EVIL);
    assert!(page.text.contains("<del>") && page.text.contains("<ins>"), "{}", page.text);
    browser.get(&at("/compare?n=2&with=2")).await.shows("Both requests are the same");
    browser.get(&at("/compare?n=99&with=1")).await.shows("Two requests are needed");
    let har = browser.get(&at("/export?as=har")).await;
    let har: serde_json::Value = serde_json::from_str(&har.text).unwrap();
    assert_eq!(har.pointer("/log/entries").and_then(|list| list.as_array()).map(Vec::len), Some(3));
    let jsonl = browser.get(&at("/export?as=jsonl")).await;
    let numbers: Vec<_> = jsonl
        .text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["number"].clone())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    let curl = browser.get(&at("/requests/2/export?as=curl")).await;
    assert_eq!(curl.text.matches("curl -X").count(), 1, "{}", curl.text);
    let disposition = curl.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; ") && disposition.ends_with("-2.curl\""), "{disposition}");
}
