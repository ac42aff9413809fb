//! The list of accounts.

use crate::desk::Desk;

#[tokio::test]
async fn an_account_is_made_found_and_opened() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    browser.get("/a").await.shows("No account yet");
    let page = browser.submit("/a", &[("name", "Kopi <b>Kita</b>"), ("uid", "kopi-kita")]).await;
    page.shows("The account is there").shows("Kopi &#60;b&#62;Kita").lacks("<b>Kita");
    browser.get("/a?find=KOPI").await.shows("href=\"/a/kopi-kita\"");
    browser.get("/a?find=%3Cscript%3E").await.shows("Nothing matches").lacks("<script>");
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_beside_the_form() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    browser.get("/a").await;
    browser.submit("/a", &[("name", "One"), ("uid", "one")]).await;
    browser.get("/a").await;
    let page = browser.post("/a", &[("name", "Two"), ("uid", "one")]).await;
    assert_eq!(page.status, 422);
    page.shows("role=\"alert\"").shows("value=\"Two\"");
    let page = browser.post("/a", &[("name", ""), ("uid", "a b")]).await;
    page.shows("a name is needed").shows("letters, digits");
}

#[tokio::test]
async fn what_does_not_exist_has_a_page_of_its_own() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    let page = browser.get("/a/nobody").await;
    assert_eq!(page.status, 404);
    page.shows("There is no such thing").shows("href=\"/a\"");
}

#[tokio::test]
async fn a_key_is_shown_once_and_can_be_revoked() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    browser.get("/a").await;
    browser.submit("/a", &[("name", "Kopi"), ("uid", "kopi")]).await;
    browser.get("/a/kopi/keys").await.shows("No key yet");
    let page = browser.post("/a/kopi/keys", &[("name", "till 1"), ("use", "publish")]).await;
    let token =
        page.text.split("<code id=\"token\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();
    assert!(desk.app.authenticate(&token, None).is_ok());
    let page = browser.get("/a/kopi/keys").await;
    page.shows("till 1").shows("publish").lacks(&token);
    let path = page.text.split("action=\"").find(|rest| rest.contains("/revoke\"")).unwrap().split('"').next().unwrap();
    browser.submit(path, &[]).await.shows("The key is revoked").shows("Ended");
    assert!(desk.app.authenticate(&token, None).is_err());
    assert_eq!(browser.post("/a/kopi/keys", &[("name", "")]).await.status, 422);
}
