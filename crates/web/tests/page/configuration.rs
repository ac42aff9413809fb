//! Developer → Webhook Configuration.

use crate::desk::Desk;
use crate::url::fresh;

#[tokio::test]
async fn each_setting_says_where_it_comes_from() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    let page = browser.get("/a/kopi/configuration").await;
    page.shows("system default").lacks("set for this account").shows("<span>7 s</span>");
    let fields = [
        ("card", "retry"),
        ("policy", "guide"),
        ("schedule", "own"),
        ("retry", "3"),
        ("cooldown", "2.5"),
        ("class", "no_response"),
    ];
    let page = browser.submit("/a/kopi/configuration", &fields).await;
    page.shows("set for this account").shows("<span>2.5 s</span>").shows("<span>7.5 s</span>").shows("value=\"2.5\"");
    page.shows("value=\"no_response\" checked").lacks("value=\"server_error\" checked");
    let page = browser.submit("/a/kopi/configuration", &[("card", "retry"), ("reset", "1")]).await;
    page.lacks("set for this account").shows("value=\"server_error\" checked");
    let fields = [("card", "retry"), ("policy", "durable"), ("schedule", "policy")];
    browser.submit("/a/kopi/configuration", &fields).await.shows("<span>5 min 5 s</span>");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_nothing_changes() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/configuration").await;
    for fields in [
        [("card", "time"), ("time_limit", "9000")],
        [("card", "time"), ("time_limit", "soon")],
        [("card", "redact"), ("redact", "Customer.Phone")],
        [("card", "retry"), ("retry", "1000")],
        [("card", "nonsense"), ("x", "y")],
    ] {
        let page = browser.post("/a/kopi/configuration", &fields).await;
        assert_eq!(page.status, 422, "{fields:?}");
        page.shows("role=\"alert\"").lacks("set for this account");
    }
}

#[tokio::test]
async fn a_url_can_differ_from_its_account() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/urls/new").await;
    let page = browser.post("/a/kopi/urls", &[("url", "https://erp.example/a"), ("description", "ERP")]).await;
    let path = page.location().split('?').next().unwrap().to_owned();
    browser.get(&format!("{path}/configuration")).await;
    let page = browser.submit(&format!("{path}/configuration"), &[("card", "time"), ("time_limit", "5")]).await;
    page.shows("set for this URL");
    browser.get("/a/kopi/configuration").await.shows("These URLs differ").shows("value=\"30\"");
}

#[tokio::test]
async fn the_signing_style_is_chosen_and_taken_back() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    let page = browser.get("/a/kopi/configuration").await;
    page.shows("name=\"signing\" value=\"both\" checked").shows("class=\"ladder\"");
    let page = browser.submit("/a/kopi/configuration", &[("card", "signing"), ("signing", "svix")]).await;
    page.shows("name=\"signing\" value=\"svix\" checked").shows("set for this account");
    let page = browser.submit("/a/kopi/configuration", &[("card", "signing"), ("reset", "1")]).await;
    page.shows("name=\"signing\" value=\"both\" checked").lacks("set for this account");
}

#[tokio::test]
async fn an_alert_tells_a_url_and_is_deleted_again() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    browser.get("/a/kopi/configuration").await.shows("Told when a URL has taken nothing");
    let alerts = "/a/kopi/configuration/alerts";
    let page = browser.submit(alerts, &[("alert_url", "https://ops.example/ringup")]).await;
    page.shows("https://ops.example/ringup").shows("endpoint.failing").shows("The alert is there");
    let path = page.text.split("action=\"").find(|part| part.starts_with(alerts) && part.contains("/delete")).unwrap();
    let path = path.split('"').next().unwrap().to_owned();
    for (told, why) in [("ftp://ops.example", "ftp"), ("ops@shop.example", "smtp.url")] {
        let refused = browser.post(alerts, &[("alert_url", told)]).await;
        assert_eq!(refused.status, 422);
        refused.shows(why);
    }
    // It is no URL of the account.
    browser.get("/a/kopi/urls").await.lacks("ops.example");
    browser.get("/a/kopi/configuration").await;
    browser.submit(&path, &[]).await.lacks("https://ops.example/ringup").shows("The alert is deleted");
}
