//! Payloads against the schemas of their types: the switch, and what is noted with an event.

use ringup_app::{PortalDraft, Publish};
use secrecy::ExposeSecret as _;

use crate::desk::{Desk, OPERATOR};
use crate::url::fresh;

#[tokio::test]
async fn the_switch_is_in_the_catalogue_and_what_does_not_fit_is_shown() {
    let desk = Desk::open().await;
    let browser = fresh(&desk).await;
    let page = browser.get("/a/kopi/catalog").await;
    page.shows("Payload validation").shows(r#"<option value="off" selected>"#);
    let machine = desk.app.authenticate(OPERATOR, None).unwrap();
    desk.app.load_guide(&machine, false).await.unwrap();
    let page = browser.submit("/a/kopi/validation", &[("mode", "warn")]).await;
    page.shows(r#"<option value="warn" selected>"#);
    let bad = || Publish { event_type: "paymentCreated", payload: r#"{"Amount":"ten"}"#.into(), ..Publish::default() };
    let made = desk.app.publish(&machine, "kopi", bad(), None).await.unwrap();
    let event = browser.get(&format!("/a/kopi/events/{}", made.id)).await;
    event.shows("Not as its schema says").shows("/Amount: ");
    browser.get("/a/kopi/catalog").await;
    let page = browser.submit("/a/kopi/validation", &[("mode", "strict")]).await;
    page.shows(r#"<option value="strict" selected>"#);
    assert!(desk.app.publish(&machine, "kopi", bad(), None).await.is_err(), "it is refused now");
    browser.get("/a/kopi/catalog").await;
    assert_eq!(browser.post("/a/kopi/validation", &[("mode", "sometimes")]).await.status, 422);
}

#[tokio::test]
async fn a_person_in_one_account_sees_it_and_may_not_change_it() {
    let desk = Desk::open().await;
    fresh(&desk).await;
    let machine = desk.app.authenticate(OPERATOR, None).unwrap();
    let access = desk.app.open_portal(&machine, "kopi", PortalDraft::default()).await.unwrap();
    let browser = desk.browser();
    browser.post(&format!("/link/{}", access.link.expose_secret()), &[]).await;
    let page = browser.get("/a/kopi/catalog").await;
    page.shows("is sent, nobody looks").lacks("name=\"mode\"");
    // The page has no form, so the token comes from another one.
    browser.get("/me").await;
    assert_eq!(browser.post("/a/kopi/validation", &[("mode", "off")]).await.status, 403);
}
