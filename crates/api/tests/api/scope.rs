//! What each role and each scope opens, and what it does not.

use std::time::Duration;

use axum::body::Body;
use ringup_app::{KeyPlace, KeyRequest, NewKey, Principal};
use ringup_core::key::EnvironmentKey;
use ringup_core::scope::{Scope, Scopes};
use secrecy::ExposeSecret as _;

use crate::desk::{Desk, Reply};

fn operator() -> Principal {
    Principal::at_the_machine(EnvironmentKey(0))
}

fn live() -> KeyRequest {
    KeyRequest::of_environment("live", "test")
}

async fn key(desk: &Desk, request: KeyRequest) -> NewKey {
    // Accounts are named in the environment where the caller acts.
    let by = desk.app.authenticate(crate::desk::OPERATOR, Some("live")).unwrap();
    desk.app.create_key(&by, request).await.unwrap()
}

async fn ask(desk: &Desk, key: &NewKey, method: &str, path: &str, body: &str) -> Reply {
    let bearer = format!("Bearer {}", key.token.expose_secret());
    desk.send(method, path, &[("authorization", &bearer)], body.to_owned()).await
}

/// A request for each scope, and the answer to whoever has it.
const TAKES: [(Scope, &str, &str, &str, u16); 24] = [
    (Scope::Read, "GET", "/app", "", 200),
    (Scope::Read, "GET", "/app/shop", "", 200),
    (Scope::Read, "GET", "/app/shop/settings", "", 200),
    (Scope::Read, "GET", "/app/shop/endpoint", "", 200),
    (Scope::Read, "GET", "/app/shop/endpoint/till/headers", "", 200),
    (Scope::Read, "GET", "/app/shop/msg", "", 200),
    (Scope::Read, "GET", "/app/shop/attempt/endpoint/till", "", 200),
    (Scope::Read, "GET", "/app/shop/endpoint/till/attempt-stats", "", 200),
    (Scope::Read, "GET", "/event-type", "", 200),
    (Scope::Read, "GET", "/app/shop/catcher", "", 200),
    (Scope::Publish, "POST", "/app/shop/msg", r#"{"eventType":"a","payload":{}}"#, 202),
    (Scope::Publish, "POST", "/app/shop/msg/batch", r#"{"messages":[{"eventType":"a","payload":{}}]}"#, 202),
    (Scope::Publish, "POST", "/app/shop/msg/precheck/active", r#"{"eventType":"a"}"#, 200),
    (Scope::Accounts, "POST", "/app?get_if_exists=true", r#"{"name":"shop","uid":"shop"}"#, 200),
    (Scope::Accounts, "PATCH", "/app/shop", r#"{"name":"renamed"}"#, 200),
    (Scope::Settings, "PATCH", "/app/shop/settings", r#"{"retry":2}"#, 200),
    (Scope::Endpoints, "PATCH", "/app/shop/endpoint/till", r#"{"description":"x"}"#, 200),
    (Scope::Endpoints, "PATCH", "/app/shop/endpoint/till/settings", r#"{"retry":2}"#, 200),
    (Scope::Endpoints, "PUT", "/app/shop/endpoint/till/headers", r#"{"headers":{}}"#, 204),
    (Scope::Endpoints, "POST", "/app/shop/catcher", "{}", 201),
    (Scope::Secrets, "GET", "/app/shop/endpoint/till/secret", "", 200),
    (Scope::Rotate, "POST", "/app/shop/endpoint/till/secret/rotate", r#"{"gracePeriodSeconds":0}"#, 0),
    (Scope::Recover, "POST", "/app/shop/msg/EVENT/endpoint/till/resend", "", 202),
    (Scope::EventTypes, "PUT", "/event-type/a.b", r#"{"description":"x"}"#, 0),
];

async fn stage() -> (Desk, String) {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.account("other").await;
    desk.endpoint("shop", "till", "").await;
    let event = desk.publish("shop", "a", "{}").await;
    (desk, event)
}

/// Zero in the table stands for any success.
#[track_caller]
fn opened(reply: &Reply, expected: u16, what: &str) {
    let fits = if expected == 0 { (200..300).contains(&reply.status) } else { reply.status == expected };
    assert!(fits, "{what}: {} {}", reply.status, reply.text);
}

#[tokio::test]
async fn a_scope_opens_its_own_and_nothing_else() {
    let (desk, event) = stage().await;
    for scope in Scope::ALL {
        let one = key(&desk, KeyRequest { scopes: Some([scope].into_iter().collect()), ..live() }).await;
        for (takes, method, path, body, status) in TAKES {
            let path = path.replace("EVENT", &event);
            let reply = ask(&desk, &one, method, &path, body).await;
            let what = format!("{method} {path} with {scope}");
            if takes == scope {
                opened(&reply, status, &what);
            } else {
                reply.refused(403, "forbidden", takes.word());
            }
        }
    }
}

#[tokio::test]
async fn whoever_rotates_a_secret_sees_it_only_with_the_scope_for_that() {
    let (desk, _) = stage().await;
    for (scopes, status) in [(vec![Scope::Rotate], 204), (vec![Scope::Rotate, Scope::Secrets], 200)] {
        let key = key(&desk, KeyRequest { scopes: Some(scopes.into_iter().collect()), ..live() }).await;
        let reply = ask(&desk, &key, "POST", "/app/shop/endpoint/till/secret/rotate", "").await.is(status);
        assert_eq!(reply.text.contains("whsec_"), status == 200, "{}", reply.text);
    }
}

#[tokio::test]
async fn a_read_only_key_changes_nothing() {
    let (desk, event) = stage().await;
    let reader = key(&desk, KeyRequest { scopes: Some(Scopes::READ_ONLY), ..live() }).await;
    for (takes, method, path, body, _) in TAKES {
        let reply = ask(&desk, &reader, method, &path.replace("EVENT", &event), body).await;
        assert_eq!(reply.status == 403, takes != Scope::Read, "{method} {path}: {}", reply.text);
    }
    let reply = ask(&desk, &reader, "DELETE", "/app/shop", "").await;
    reply.refused(403, "forbidden", "accounts");
    desk.get("/app/shop").await.is(200);
}

#[tokio::test]
async fn a_key_of_one_account_sees_no_other() {
    let (desk, event) = stage().await;
    let place = KeyPlace::Account("shop".to_owned());
    let own = key(&desk, KeyRequest { place, ..live() }).await;
    for (takes, method, path, body, status) in TAKES {
        let reply = ask(&desk, &own, method, &path.replace("EVENT", &event), body).await;
        match takes {
            Scope::Accounts | Scope::EventTypes => reply.refused(403, "forbidden", ""),
            _ => opened(&reply, status, path),
        }
        // The same of another account is the same as of none at all.
        let [foreign, missing] = ["other", "nobody"].map(|name| path.replace("shop", name));
        if foreign != path && !matches!(takes, Scope::Accounts | Scope::EventTypes) {
            let foreign = ask(&desk, &own, method, &foreign.replace("EVENT", &event), body).await;
            let missing = ask(&desk, &own, method, &missing.replace("EVENT", &event), body).await;
            foreign.refused(404, "not_found", "application \"other\" not found");
            assert_eq!(foreign.text.replace("other", "nobody"), missing.text, "{method} {path}");
        }
    }
    let seen = ask(&desk, &own, "GET", "/app", "").await;
    assert_eq!(seen.at("/data").as_array().unwrap().len(), 1, "{}", seen.text);
    ask(&desk, &own, "POST", "/app", r#"{"name":"mine"}"#).await.refused(403, "forbidden", "whole environment");
    ask(&desk, &own, "DELETE", "/app/shop", "").await.refused(403, "forbidden", "accounts");
}

#[tokio::test]
async fn a_key_does_not_outlive_its_account() {
    let (desk, _) = stage().await;
    let own = key(&desk, KeyRequest { place: KeyPlace::Account("shop".to_owned()), ..live() }).await;
    ask(&desk, &own, "GET", "/app/shop", "").await.is(200);
    desk.call("DELETE", "/app/shop", Body::empty()).await.is(204);
    ask(&desk, &own, "GET", "/app/shop", "").await.refused(401, "authentication_failed", "unknown");
    desk.account("shop").await;
    ask(&desk, &own, "GET", "/app/shop", "").await.refused(401, "authentication_failed", "unknown");
}

#[tokio::test]
async fn a_key_ends_at_its_time() {
    let (desk, _) = stage().await;
    let expires_at = Some(desk.clock_now().saturating_add(Duration::from_secs(60)));
    let short = key(&desk, KeyRequest { expires_at, ..live() }).await;
    ask(&desk, &short, "GET", "/app", "").await.is(200);
    desk.clock.advance(Duration::from_micros(59_999_999));
    ask(&desk, &short, "GET", "/app", "").await.is(200);
    desk.clock.advance(Duration::from_micros(1));
    ask(&desk, &short, "GET", "/app", "").await.refused(401, "authentication_failed", "expired");
    let past = KeyRequest { expires_at, ..live() };
    assert!(desk.app.create_key(&operator(), past).await.is_err(), "a time that is over");
}

#[tokio::test]
async fn nobody_gives_away_what_they_do_not_have() {
    let (desk, _) = stage().await;
    let scopes = |scopes: &[Scope]| Some(scopes.iter().copied().collect::<Scopes>());
    let maker = key(&desk, KeyRequest { scopes: scopes(&[Scope::Read, Scope::Keys]), ..live() }).await;
    let maker = desk.app.authenticate(maker.token.expose_secret(), None).unwrap();
    let make = |request| desk.app.create_key(&maker, request);
    assert!(make(KeyRequest { scopes: scopes(&[Scope::Publish]), ..live() }).await.is_err());
    assert!(make(KeyRequest { scopes: Some(Scopes::ALL), ..live() }).await.is_err());
    assert!(make(KeyRequest { scopes: scopes(&[]), ..live() }).await.is_err(), "a key for nothing");
    assert!(make(KeyRequest { place: KeyPlace::Operator, ..live() }).await.is_err());
    let child = make(live()).await.unwrap();
    assert_eq!(child.key.scopes, scopes(&[Scope::Read, Scope::Keys]).unwrap());
    let beyond = KeyRequest { place: KeyPlace::Account("shop".to_owned()), scopes: scopes(&[Scope::Keys]), ..live() };
    assert!(make(beyond).await.is_err(), "a key of one account makes no keys");
}

#[tokio::test]
async fn the_last_use_is_known_at_once_and_stored_later() {
    let (desk, _) = stage().await;
    let used = key(&desk, live()).await;
    let known = || desk.app.key(&operator(), &used.key.id.to_string()).unwrap();
    assert_eq!(known().used_at(), None);
    ask(&desk, &used, "GET", "/app", "").await.is(200);
    assert_eq!((known().used_at(), known().key.used_at), (Some(desk.clock_now()), None));
}
