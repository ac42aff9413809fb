//! Coming in, going out, and forms that come from elsewhere.

use std::time::Duration;

use axum::body::Body;
use ringup_app::{KeyRequest, PortalDraft, Principal};
use ringup_core::key::EnvironmentKey;
use ringup_store::Store as _;
use secrecy::ExposeSecret as _;

use crate::desk::{Desk, OPERATOR};

#[tokio::test]
async fn whoever_is_not_signed_in_is_led_to_the_door_and_back() {
    let desk = Desk::open().await;
    let browser = desk.browser();
    let page = browser.get("/a/kopi/logs?status=failed").await;
    assert_eq!((page.status, page.location().as_str()), (303, "/sign-in?next=%2Fa%2Fkopi%2Flogs%3Fstatus%3Dfailed"));
    browser.get(&page.location()).await.shows("value=\"/a/kopi/logs?status=failed\"");
    let page = browser.post("/sign-in", &[("key", OPERATOR), ("next", "/me")]).await;
    assert_eq!(page.location(), "/me");
    let cookie = page.headers.get("set-cookie").unwrap().to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(browser.get("/me").await.status, 200);
}

#[tokio::test]
async fn a_wrong_key_is_refused_in_words_and_many_must_wait() {
    let desk = Desk::open().await;
    let browser = desk.browser();
    let page = browser.post("/sign-in", &[("key", "rk_wrong")]).await;
    assert_eq!(page.status, 401);
    page.shows("unknown or was revoked");
    for _ in 0..30 {
        browser.post("/sign-in", &[("key", "rk_wrong")]).await;
    }
    assert_eq!(browser.post("/sign-in", &[("key", "rk_wrong")]).await.status, 429);
    desk.clock.advance(Duration::from_mins(10));
    assert_eq!(browser.post("/sign-in", &[("key", OPERATOR)]).await.status, 303);
}

#[tokio::test]
async fn a_link_of_the_first_run_works_once_and_not_for_long() {
    let desk = Desk::open().await;
    let link = desk.first_link().await;
    let browser = desk.browser();
    for _ in 0..3 {
        // Whoever looks where a link leads, such as a scanner of mails, does not use it up.
        browser.get(&link).await.shows(&format!("action=\"{link}\""));
        browser.send("HEAD", &link, &[], Body::empty()).await;
    }
    assert_eq!(browser.get("/a").await.status, 303, "nobody is signed in by looking");
    let elsewhere = [("sec-fetch-site", "cross-site")];
    assert_eq!(browser.send("POST", &link, &elsewhere, Body::empty()).await.status, 403);
    assert_eq!(browser.send("POST", &link, &[], Body::empty()).await.status, 403, "programs press no buttons");
    assert_eq!(browser.post(&link, &[]).await.location(), "/a");
    assert_eq!(browser.get("/a").await.status, 200);
    for used in [desk.browser().get(&link).await, desk.browser().post(&link, &[]).await] {
        assert_eq!(used.status, 410);
    }
    let late = desk.first_link().await;
    desk.clock.advance(Duration::from_mins(31));
    assert_eq!(desk.browser().get(&late).await.status, 410);
    assert_eq!(desk.browser().get("/link/forged").await.status, 410);
    assert_eq!(desk.browser().post(&format!("/link/{OPERATOR}"), &[]).await.status, 410, "a key is no link");
}

#[tokio::test]
async fn whoever_guesses_keys_waits_and_is_told_how_long() {
    let desk = Desk::open().await;
    let guesser = desk.browser().at("192.0.2.1");
    for _ in 0..20 {
        assert_eq!(guesser.post("/sign-in", &[("key", "rk_wrong")]).await.status, 401);
    }
    let page = guesser.post("/sign-in", &[("key", OPERATOR)]).await;
    assert_eq!((page.status, page.headers.get("retry-after").unwrap().to_str().unwrap()), (429, "6"));
    page.shows("Too many tries");
    let neighbour = desk.browser().at("192.0.2.2");
    assert_eq!(neighbour.post("/sign-in", &[("key", OPERATOR)]).await.status, 303, "nobody else has to wait");
    desk.clock.advance(Duration::from_secs(6));
    assert_eq!(guesser.post("/sign-in", &[("key", OPERATOR)]).await.status, 303);
}

#[tokio::test]
async fn sessions_outlive_a_restart_and_are_listed_and_ended_one_by_one() {
    let desk = Desk::open().await;
    let (here, there) = (desk.operator().await, desk.operator().await);
    here.get("/me").await;
    let desk = desk.restarted().await;
    let (here, there) = (here.on(&desk), there.on(&desk));
    let page = here.get("/me").await;
    assert_eq!((page.status, there.get("/me").await.status), (200, 200));
    let ends: Vec<&str> = page.text.split("action=\"/me/sessions/").skip(1).collect();
    assert_eq!(ends.len(), 1, "its own has no button");
    let other = ends[0].split('/').next().unwrap();
    here.submit(&format!("/me/sessions/{other}/end"), &[]).await.shows("The session has ended");
    assert_eq!((here.get("/me").await.status, there.get("/me").await.status), (200, 303));
    assert_eq!(here.post(&format!("/me/sessions/{other}/end"), &[]).await.status, 404);
    // What is stored does not open anything.
    let token = here.cookie("ringup_session").unwrap();
    let stored = desk.store.load_configuration().await.unwrap();
    assert!(!format!("{:?}", stored.keys).contains(&token));
}

#[tokio::test]
async fn signing_out_ends_this_session_or_all_of_the_key() {
    let desk = Desk::open().await;
    let (here, there) = (desk.operator().await, desk.operator().await);
    let stolen = here.cookie("ringup_session").unwrap();
    here.get("/me").await;
    assert_eq!(here.post("/sign-out", &[]).await.location(), "/sign-in");
    here.set_cookie("ringup_session", &stolen);
    assert_eq!(here.get("/me").await.status, 303, "the token is of no use any more");
    assert_eq!(there.get("/me").await.status, 200);
    let third = desk.operator().await;
    third.get("/me").await;
    third.post("/sign-out-everywhere", &[]).await;
    assert_eq!(there.get("/me").await.status, 303);
}

#[tokio::test]
async fn sessions_end_when_idle_and_when_their_key_is_revoked() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    desk.clock.advance(Duration::from_hours(11));
    assert_eq!(browser.get("/me").await.status, 200);
    desk.clock.advance(Duration::from_hours(13));
    assert_eq!(browser.get("/me").await.status, 303);
    let machine = Principal::at_the_machine(EnvironmentKey(0));
    let made = desk.app.create_key(&machine, KeyRequest::of_environment("live", "till")).await.unwrap();
    let page = browser.post("/sign-in", &[("key", made.token.expose_secret())]).await;
    assert_eq!(page.status, 303);
    assert_eq!(browser.get("/me").await.status, 200);
    desk.app.revoke_key(&machine, &made.key.id.to_string()).await.unwrap();
    assert_eq!(browser.get("/me").await.status, 303);
}

#[tokio::test]
async fn forms_from_elsewhere_are_refused() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    browser.get("/a").await;
    let form = "name=Evil&csrf=guess";
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for headers in [
        vec![kind, ("sec-fetch-site", "cross-site")],
        vec![kind, ("sec-fetch-site", "same-site")],
        vec![kind, ("origin", "https://evil.example"), ("host", "ringup.example")],
        vec![kind],
        // Ours, but without the session's word.
        vec![kind, ("sec-fetch-site", "same-origin")],
    ] {
        let page = browser.send("POST", "/a", &headers, Body::from(form)).await;
        assert_eq!(page.status, 403, "{headers:?}");
    }
    browser.get("/a").await.lacks("Evil");
}

#[tokio::test]
async fn every_answer_binds_the_browser() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    for path in ["/", "/a", "/me", "/sign-in", "/a/nobody", "/a/nobody/nothing", "/link/x"] {
        let page = browser.get(path).await;
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(page.headers.get("x-content-type-options").unwrap(), "nosniff");
        assert_eq!(page.headers.get("cache-control").unwrap(), "no-store", "{path}");
        page.lacks("<script>").lacks(" style=").lacks(" onclick");
    }
}

#[tokio::test]
async fn language_theme_and_zone_are_kept() {
    let desk = Desk::open().await;
    let browser = desk.operator().await;
    browser.get("/me").await.shows("Preferences").shows("data-theme=\"system\"");
    let page = browser.submit("/me", &[("lang", "id"), ("theme", "dark"), ("zone", "Asia/Jakarta")]).await;
    page.shows("Preferensi").shows("data-theme=\"dark\"").shows("lang=\"id\"").shows("Asia/Jakarta").shows("Tersimpan");
}

#[tokio::test]
async fn a_portal_link_opens_one_account_and_no_other() {
    let desk = Desk::open().await;
    let operator = desk.operator().await;
    for uid in ["kopi", "toko"] {
        operator.get("/a").await;
        operator.submit("/a", &[("name", uid), ("uid", uid)]).await;
    }
    let machine = desk.app.authenticate(OPERATOR, None).unwrap();
    let access = desk.app.open_portal(&machine, "kopi", PortalDraft::default()).await.unwrap();
    let link = format!("/link/{}", access.link.expose_secret());
    let browser = desk.browser();
    assert_eq!(browser.get(&link).await.status, 200);
    assert_eq!(browser.post(&link, &[]).await.location(), "/a");
    assert_eq!(browser.get("/a").await.location(), "/a/kopi");
    assert_eq!(browser.get("/a/kopi").await.status, 200);
    for path in ["/a/toko", "/a/toko/logs", "/a/toko/urls", "/a/toko/configuration", "/a/toko/test/send"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert_eq!(desk.browser().get(&link).await.status, 410, "a link works once");
    desk.app.end_sessions(&machine, "kopi", &[], Duration::ZERO).await.unwrap();
    assert_eq!(browser.get("/a/kopi").await.status, 303, "its end is the session's end");
}
