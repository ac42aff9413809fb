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
