//! External Loyalty App.

use std::time::Duration;

use ringup_testkit::receiver::{Answer, Receiver};

use crate::desk::{Browser, Desk};
use crate::url::fresh;

const POINTS: &str = "/a/kopi/loyalty/fetchMemberPoint";

/// Loads a page until this is on it: calls are in the log a moment after their answer.
async fn until_shown(browser: &Browser, path: &str, what: &str) {
    for _ in 0..2_000 {
        if browser.get(path).await.text.contains(what) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    browser.get(path).await.shows(what);
}

#[tokio::test]
async fn a_hook_is_set_tried_and_removed() {
    let desk = Desk::calling().await;
    let browser = fresh(&desk).await;
    let page = browser.get("/a/kopi/loyalty").await;
    page.shows("Which app keeps your points?").shows("Fetch Member Point").shows("Validate Coupon").shows("not set");
    browser.get(POINTS).await.lacks("id=\"try\"");
    let app = Receiver::start(Answer::status(200).body(r#"{"point": 1240.50}"#)).await.unwrap();
    let url = app.url("/member");
    let page = browser.submit(POINTS, &[("url", &url), ("deadline", "800"), ("generation", "newer")]).await;
    page.shows("Tills are answered by this app").shows(&url).shows("value=\"800\"");

    let asked = [("q.Outlet", "Kemang"), ("q.Phone", "0812<b>"), ("q.Email", ""), ("q.Code", "C-1")];
    let page = browser.post(&format!("{POINTS}/try"), &asked).await;
    assert_eq!(page.status, 200);
    page.shows("The app answers").shows("1240.50").shows("0812&#60;b&#62;");
    let body = String::from_utf8(app.requests()[0].body.to_vec()).unwrap();
    assert_eq!(body, r#"{"Outlet":"Kemang","Phone":"0812<b>","Email":"","Code":"C-1"}"#);
    let calls = "/a/kopi/loyalty-calls";
    until_shown(&browser, calls, "1240.50").await;
    browser.get(calls).await.shows("0812&#60;b&#62;").shows("fetchMemberPoint");
    browser.get(POINTS).await.shows("class=\"latency\"").shows("Last calls");
    // It answers hooks, and so is none of the URLs that get events.
    browser.get("/a/kopi/urls").await.lacks(&url);
    browser.get("/a/kopi/loyalty").await.lacks("Which app keeps").shows(&url);

    let page = browser.submit(&format!("{POINTS}/remove"), &[]).await;
    page.shows("The hook is removed").shows("Which app keeps your points?");
}

#[tokio::test]
async fn what_is_wrong_with_a_hook_stands_beside_what_was_written() {
    let desk = Desk::calling().await;
    let browser = fresh(&desk).await;
    browser.get(POINTS).await;
    for (fields, why) in [
        ([("url", "ftp://points.example"), ("deadline", "800"), ("fallback", "")], "ftp"),
        ([("url", "http://127.0.0.1:9/"), ("deadline", "soon"), ("fallback", "")], "is no number of milliseconds"),
        ([("url", "http://127.0.0.1:9/"), ("deadline", "50"), ("fallback", "")], "100"),
        ([("url", "http://127.0.0.1:9/"), ("deadline", "800"), ("fallback", "{\"Point\":-1}")], "Point"),
    ] {
        let page = browser.post(POINTS, &fields).await;
        assert_eq!(page.status, 422, "{fields:?}");
        page.shows(why).shows(fields[0].1);
    }
    browser.submit(POINTS, &[("url", "http://127.0.0.1:9/"), ("deadline", "800"), ("fallback", "{\"Point\":0}")]).await;
    // Nobody is there, and the till is told what was declared for that.
    let asked = [("q.Outlet", "Kemang"), ("q.Phone", ""), ("q.Email", ""), ("q.Code", "C-1")];
    let page = browser.post(&format!("{POINTS}/try"), &asked).await;
    page.shows("The fallback").shows("unreachable");
    // Another URL takes its place, since whoever sends the form saw which one stands there.
    let replaced = [("url", "http://127.0.0.1:10/"), ("deadline", "800"), ("replaces", "http://127.0.0.1:9/")];
    browser.submit(POINTS, &replaced).await.shows("http://127.0.0.1:10/");
    let stale = [("url", "http://127.0.0.1:11/"), ("deadline", "800"), ("replaces", "http://127.0.0.1:9/")];
    let page = browser.post(POINTS, &stale).await;
    assert_eq!(page.status, 422);
    page.shows("a till needs one answer");

    let coupon = "/a/kopi/loyalty/validateCoupon";
    browser.submit(coupon, &[("url", "http://127.0.0.1:9/"), ("deadline", "800")]).await;
    let asked = [("q.Code", "A"), ("q.Outlet", "Kemang"), ("q.Customer", "{oops")];
    let page = browser.post(&format!("{coupon}/try"), &asked).await;
    assert_eq!(page.status, 422);
    page.shows("Customer").shows("{oops");
    assert_eq!(browser.get("/a/kopi/loyalty/nothing").await.status, 404);
}

#[tokio::test]
async fn a_sale_is_tried_only_by_somebody_who_knows_that_it_gives_points() {
    let desk = Desk::calling().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/loyalty").await.shows("Order Complete");
    let path = "/a/kopi/loyalty/orderComplete";
    browser.get(path).await;
    let page = browser.submit(path, &[("url", "http://127.0.0.1:9/"), ("deadline", "300")]).await;
    page.shows("Asking gives points").shows("HS-25-000417").lacks("name=\"fallback\"");
    let asked = [("q.document", r#"{"ID":"INV-1"}"#)];
    let page = browser.post(&format!("{path}/try"), &asked).await;
    assert_eq!(page.status, 422);
    assert!(desk.fresh().is_empty(), "nothing is asked");
    // No dispatcher runs here, so the sale is kept and nobody answers in time.
    let asked = [("q.document", r#"{"ID":"INV-1"}"#), ("confirm", "1")];
    let page = browser.post(&format!("{path}/try"), &asked).await;
    page.shows("No answer").shows("kept, and asked again by the retry policy");
    assert_eq!(desk.fresh().len(), 1);
    let page = browser.post(&format!("{path}/try"), &[("q.document", "{"), ("confirm", "1")]).await;
    assert_eq!(page.status, 422);
    let page = browser.post(&format!("{path}/try"), &[("q.document", r#"{"id":1}"#), ("confirm", "1")]).await;
    assert_eq!(page.status, 422);
    page.shows("ID");
}

#[tokio::test]
async fn an_operator_declares_a_hook_and_it_is_set_and_tried_like_the_others() {
    let desk = Desk::calling().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/loyalty").await.shows("Declare a hook");
    let path = "/a/kopi/hook-type";
    browser.get(path).await.shows("JSON Schema of the question");
    let question = r#"{"type":"object","required":["Sku"],"properties":{"Sku":{"type":"string"}}}"#;
    let answer = r#"{"type":"object","required":["Available"],"properties":{"Available":{"type":"integer"}}}"#;
    let mut fields = vec![
        ("name", "stock"),
        ("title", "Stock <b>check"),
        ("description", "Before a sale"),
        ("mode", "read"),
        ("question_schema", question),
        ("question_sample", r#"{"Sku":"A-1"}"#),
        ("answer_schema", answer),
        ("answer_sample", r#"{"Available":"many"}"#),
        ("fresh_ms", "0"),
        ("stale_ms", "60000"),
        ("refusal_statuses", "404, none"),
        ("refusal_reason", "/message"),
        ("key", ""),
    ];
    let page = browser.post(path, &fields).await;
    assert_eq!(page.status, 422);
    page.shows("is no status").shows("Stock &#60;b&#62;check").shows("404, none");
    fields[10] = ("refusal_statuses", "404 409");
    let page = browser.post(path, &fields).await;
    assert_eq!(page.status, 422);
    page.shows("answer_sample").shows("/Available");
    fields[7] = ("answer_sample", r#"{"Available":12}"#);
    let page = browser.submit(path, &fields).await;
    page.shows("Declared")
        .shows("Stock &#60;b&#62;check")
        .shows("Change what is declared")
        .lacks("name=\"generation\"");
    let page = browser.post(path, &fields).await;
    assert_eq!(page.status, 422);
    page.shows("in the catalogue already");
    browser.get("/a/kopi/catalog/stock").await.shows("a question that a till waits for");

    let hook = "/a/kopi/loyalty/stock";
    let app = Receiver::start(Answer::status(409).body(r#"{"message":"sold <out>"}"#)).await.unwrap();
    browser.submit(hook, &[("url", &app.url("/")), ("deadline", "5000")]).await.shows("A-1");
    let page = browser.post(&format!("{hook}/try"), &[("q.document", r#"{"Sku":7}"#)]).await;
    assert_eq!(page.status, 422);
    page.shows("/Sku");
    let page = browser.post(&format!("{hook}/try"), &[("q.document", r#"{"Sku":"A-1"}"#)]).await;
    page.shows("The app says no").shows("sold &#60;out&#62;");
    until_shown(&browser, "/a/kopi/loyalty-calls", "sold &#60;out&#62;").await;
    browser.get("/a/kopi/loyalty").await.shows("Stock &#60;b&#62;check");

    // It is not removed from under those who ask it.
    let own = "/a/kopi/hook-type/stock";
    browser.get(own).await.shows("404, 409").shows("60000");
    let page = browser.post(&format!("{own}/remove"), &[]).await;
    assert_eq!(page.status, 422);
    page.shows("while applications ask it");
    fields[2] = ("description", "Before each sale");
    browser.submit(own, &fields[1..]).await.shows("Before each sale");
    browser.submit(&format!("{hook}/remove"), &[]).await;
    browser
        .submit(&format!("{own}/remove"), &[])
        .await
        .shows("no longer in the catalogue")
        .lacks("Stock &#60;b&#62;check");
    assert_eq!(browser.get("/a/kopi/hook-type/fetchMemberPoint").await.status, 404);
}

#[tokio::test]
async fn a_catcher_plays_the_app_that_there_is_not_yet() {
    let desk = Desk::calling().await;
    let browser = fresh(&desk).await;
    let hook = "/a/kopi/loyalty/validateCoupon";
    browser.get(hook).await.shows("A catcher can play one").shows("Use the mock");
    let page = browser.submit(&format!("{hook}/mock"), &[]).await;
    page.shows("/c/").lacks("Use the mock");
    browser.submit("/a/kopi/loyalty/fetchMemberPoint/mock", &[]).await.shows("/c/");
    let catchers = browser.get("/a/kopi/test/catchers").await;
    assert_eq!(catchers.text.matches("Loyalty app to try with").count(), 1, "one plays for all: {}", catchers.text);
    // Whoever is asked already is not pushed aside.
    browser.get(hook).await;
    let page = browser.post(&format!("{hook}/mock"), &[]).await;
    assert_eq!((page.status, page.location()), (303, hook.to_owned()));
}
