//! Audit: what was done is told in words, to whom it concerns, and without secrets.

use ringup_app::PortalDraft;
use secrecy::ExposeSecret as _;

use crate::desk::{Desk, OPERATOR};

#[tokio::test]
async fn what_was_done_is_told_in_words() {
    let desk = Desk::open().await;
    let browser = desk.operator().await.at("192.0.2.7");
    browser.get("/a").await;
    browser.submit("/a", &[("name", "Kopi <b>"), ("uid", "kopi")]).await;
    browser.get("/a/kopi/configuration").await;
    let machine = desk.app.authenticate(OPERATOR, None).unwrap();
    desk.app.edit_account(&machine, "kopi", |draft| draft.name = "Kopi Kita".to_owned()).await.unwrap();
    let page = browser.get("/a/kopi/audit").await;
    page.shows("created the account Kopi &#60;b&#62;").shows("192.0.2.7").shows("changed the account Kopi Kita");
    page.shows("Kopi Kita</td>").lacks("Kopi <b>").lacks("signed in");
    let all = browser.get("/op/audit").await;
    all.shows("signed in").shows("Somebody at the server made the key first start");
    let only = browser.get("/op/audit?verb=account.created").await;
    only.shows("created the account").lacks("changed the account Kopi");
    browser.get("/op/audit?until=2020-01-01").await.shows("Nothing matches");
    browser.get("/op/audit?actor=nonsense").await.shows("expected an id");
    let indonesian = browser.submit("/me", &[("lang", "id")]).await;
    indonesian.shows("Preferensi");
    browser.get("/a/kopi/audit").await.shows("membuat akun");
}

#[tokio::test]
async fn a_revealed_secret_leaves_a_line_and_is_not_in_it() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    browser.get("/a").await;
    browser.submit("/a", &[("name", "Kopi"), ("uid", "kopi")]).await;
    browser.get("/a/kopi/urls/new").await;
    let page = browser.post("/a/kopi/urls", &[("url", "https://erp.example/hooks"), ("which", "all")]).await;
    let url = page.location();
    let url = url.split('?').next().unwrap();
    browser.get(&format!("{url}/security")).await;
    let page = browser.post(&format!("{url}/security/reveal"), &[]).await;
    let (_, secret) = page.text.split_once("whsec_").expect("it is shown");
    let secret: String = secret.chars().take_while(char::is_ascii_alphanumeric).collect();
    let log = browser.get("/a/kopi/audit").await;
    log.shows("looked at the secret of https://erp.example/hooks").lacks(&secret);
}

#[tokio::test]
async fn a_person_in_an_account_sees_it_alone_and_not_who_stands_above() {
    let desk = Desk::open().await;
    let operator = desk.operator().await.at("192.0.2.7");
    for uid in ["kopi", "toko"] {
        operator.get("/a").await;
        operator.submit("/a", &[("name", uid), ("uid", uid)]).await;
    }
    let machine = desk.app.authenticate(OPERATOR, None).unwrap();
    let access = desk.app.open_portal(&machine, "kopi", PortalDraft::default()).await.unwrap();
    let browser = desk.browser();
    browser.post(&format!("/link/{}", access.link.expose_secret()), &[]).await;
    let page = browser.get("/a/kopi/audit").await;
    page.shows("An operator created the account kopi").lacks("192.0.2.7").lacks("first start").lacks("toko");
    assert_eq!(browser.get("/a/toko/audit").await.status, 404);
    assert_eq!(browser.get("/op/audit").await.status, 404);
}
