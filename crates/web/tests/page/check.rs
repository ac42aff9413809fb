//! Checking a URL, its authorisation and its headers, against servers on this machine.

use ringup_testkit::receiver::{Answer, Receiver};

use crate::desk::{Browser, Desk, Page};
use crate::url::fresh;

/// Adds a URL and answers its path.
async fn added(browser: &Browser, url: &str) -> String {
    browser.get("/a/kopi/urls/new").await;
    let page = browser.post("/a/kopi/urls", &[("url", url), ("events", "all")]).await;
    let path = page.location().split('?').next().unwrap().to_owned();
    browser.get(&path).await;
    path
}

#[tokio::test]
async fn a_url_is_checked_step_by_step_before_and_after_it_is_saved() {
    let receiver = Receiver::start(Answer::status(204)).await.unwrap();
    let desk = Desk::calling().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls/new").await.shows("name=\"check\"");
    let url = receiver.url("/hooks");
    let fields = [("url", url.as_str()), ("description", "ERP"), ("check", "1")];
    let page = browser.post("/a/kopi/urls", &fields).await;
    assert_eq!(page.status, 200);
    page.shows("Plain HTTP").shows("Your server answered 204 to a signed ping").shows("value=\"ERP\"");
    assert!(browser.get("/a/kopi/urls").await.text.contains("Tell us where to send events"), "nothing is saved");
    let path = added(&browser, &url).await;
    browser.get(&format!("{path}/check")).await.shows("Can it be reached?").lacks("Your server answered");
    let page = browser.post(&format!("{path}/check"), &[]).await;
    page.shows("answered 204").shows("It can be reached. Look at what is marked.");
    let seen = receiver.requests();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.header("webhook-signature").is_some()), "pings are signed");
    assert_eq!(seen[1].header("ringup-event"), Some("ringup.ping"));
}

#[tokio::test]
async fn a_check_says_what_fails_and_what_to_do_in_both_languages() {
    let receiver = Receiver::start(Answer::status(401)).await.unwrap();
    let desk = Desk::calling().await;
    let browser = fresh(&desk).await;
    let path = added(&browser, &receiver.url("/")).await;
    let check = format!("{path}/check");
    browser.post(&check, &[]).await.shows("state warn").shows("401");
    let url = receiver.url("/");
    drop(receiver);
    let gone = browser.post("/a/kopi/urls", &[("url", &url), ("check", "1")]).await;
    gone.shows("Deliveries will not arrive").shows("Not reached, because of what is above");
    browser.set_cookie("ringup_lang", "id");
    let page = browser.get(&check).await;
    assert!(page.text.contains("lang=\"id\""), "{}", page.text);
    browser.post(&check, &[]).await.shows("Sambungan");
    // What is not called at all is a fault of the form.
    let page = browser.post("/a/kopi/urls", &[("url", "ftp://erp.example/"), ("check", "1")]).await;
    assert_eq!(page.status, 422);
}

fn token_server_form(url: &str) -> [(&str, &str); 6] {
    [
        ("scheme", "oauth2"),
        ("token_url", url),
        ("client_id", "ringup"),
        ("client_secret", "s3cret-of-oauth"),
        ("scope", "hooks"),
        ("try", "1"),
    ]
}

#[tokio::test]
async fn a_token_is_tried_and_its_secret_is_never_shown_again() {
    let good = Answer::status(200).body(r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":3600}"#);
    let tokens = Receiver::start(good).await.unwrap();
    let desk = Desk::calling().await;
    let browser = fresh(&desk).await;
    let path = added(&browser, "https://erp.example/hooks").await;
    let to = format!("{path}/security/authorization");
    let hidden = |page: &Page| page.lacks("s3cret-of-oauth").lacks("t0ken").status;
    let page = browser.post(&to, &token_server_form(&tokens.url("/token"))).await;
    assert_eq!(hidden(page.shows("The token server gave a token in")), 200);
    let page = browser.get(&format!("{path}/security")).await;
    assert_eq!(hidden(page.shows("•••••••• (kept)").shows("value=\"ringup\"")), 200);
    // An empty secret keeps what is there.
    let url = tokens.url("/token");
    let kept = [("scheme", "oauth2"), ("token_url", url.as_str()), ("client_id", "ringup"), ("try", "1")];
    browser.post(&to, &kept).await.shows("The token server gave a token in");
    let asked = tokens.requests();
    assert!(asked.len() == 2 && asked[0].header("authorization") == asked[1].header("authorization"));
    let refusing = Receiver::start(Answer::status(401).body(r#"{"error":"invalid_client"}"#)).await.unwrap();
    let page = browser.post(&to, &token_server_form(&refusing.url("/token"))).await;
    assert_eq!(hidden(page.shows("No token after").shows("state fail")), 200);
    let page = browser.post(&to, &[("scheme", "bearer"), ("auth_token", "")]).await;
    assert_eq!(page.status, 422);
}

#[tokio::test]
async fn headers_are_set_with_the_url_and_changed_later_and_secret_ones_stay_hidden() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls/new").await;
    let fields = [
        ("url", "https://erp.example/hooks"),
        ("header", "X-Shop"),
        ("value", "17"),
        ("header", "X-Api-Key"),
        ("value", "do-not-show-me"),
    ];
    let page = browser.post("/a/kopi/urls", &fields).await;
    let path = page.location().split('?').next().unwrap().to_owned();
    let security = format!("{path}/security");
    browser.get(&security).await.shows("value=\"17\"").lacks("do-not-show-me");
    let to = format!("{security}/headers");
    let fields = [("header", "X-Shop"), ("value", "18"), ("header", "X-Api-Key"), ("value", "")];
    browser
        .submit(&to, &fields)
        .await
        .shows("value=\"18\"")
        .shows("Deliveries carry these headers")
        .lacks("do-not-show-me");
    let who = desk.app.authenticate(crate::desk::OPERATOR, Some("live")).unwrap();
    let kept = desk.app.endpoint(&who, "kopi", path.rsplit('/').next().unwrap()).unwrap().endpoint.headers.clone();
    assert_eq!(kept[1].1, "do-not-show-me", "an empty field of a secret header keeps it");
    let page = browser.post(&to, &[("header", "Host"), ("value", "evil.example")]).await;
    assert_eq!(page.status, 422);
    page.shows("set by us").shows("value=\"evil.example\"");
}
