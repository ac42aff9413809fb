//! `/app/{account}/endpoint`, secrets and headers.

use std::time::Duration;

use serde_json::json;

use crate::desk::Desk;

const GIVEN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn an_endpoint_is_made_found_changed_and_removed() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let body = json!({
        "url": "https://example.com/hook", "uid": "erp", "description": "ERP", "filterTypes": ["sale", "refund"],
        "channels": ["outlet-1"], "rateLimit": 20, "metadata": {"owner": "it"}, "version": 1, "unknown": true,
    });
    let made = desk.post("/app/shop/endpoint", body.to_string()).await.made();
    for (pointer, expected) in [
        ("/url", json!("https://example.com/hook")),
        ("/uid", json!("erp")),
        ("/description", json!("ERP")),
        ("/eventTypes", json!(["refund", "sale"])),
        ("/filterTypes", json!(["refund", "sale"])),
        ("/channels", json!(["outlet-1"])),
        ("/rateLimit", json!(20)),
        ("/throttleRate", json!(20)),
        ("/metadata", json!({"owner": "it"})),
        ("/disabled", json!(false)),
        ("/version", json!(1)),
    ] {
        assert_eq!(made.at(pointer), expected, "{pointer}");
    }
    assert!(!made.text.contains("whsec_") && made.json().get("secret").is_none(), "secrets have a place of their own");
    let id = made.id();
    for name in [&id, "erp"] {
        assert_eq!(desk.get(&format!("/app/shop/endpoint/{name}")).await.is(200).text, made.text);
    }

    let patch = r#"{"disabled":true,"eventTypes":null,"description":"off"}"#;
    let patched = desk.call("PATCH", "/app/shop/endpoint/erp", patch).await.is(200);
    assert_eq!((patched.at("/disabled"), patched.at("/disabledBy")), (json!(true), json!("owner")));
    assert_eq!((patched.at("/eventTypes"), patched.at("/channels")), (json!(null), json!(["outlet-1"])));

    let put = desk.call("PUT", "/app/shop/endpoint/erp", r#"{"url":"https://example.com/two"}"#).await.is(200);
    for (pointer, expected) in [
        ("/id", json!(id)),
        ("/uid", json!("erp")),
        ("/description", json!("")),
        ("/channels", json!(null)),
        ("/disabled", json!(false)),
        ("/rateLimit", json!(null)),
    ] {
        assert_eq!(put.at(pointer), expected, "{pointer}");
    }
    let upserted = desk.call("PUT", "/app/shop/endpoint/crm", r#"{"url":"https://example.com/crm"}"#).await.made();
    assert_eq!(upserted.at("/uid"), "crm");

    desk.call("DELETE", "/app/shop/endpoint/erp", "").await.is(204);
    desk.get("/app/shop/endpoint/erp").await.refused(404, "not_found", "endpoint \"erp\" not found");
}

#[tokio::test]
async fn another_accounts_endpoint_is_not_there() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.account("other").await;
    let id = desk.endpoint("shop", "erp", "").await;
    for (method, rest) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/secret"),
        ("POST", "/secret/rotate"),
        ("GET", "/headers"),
        ("PATCH", "/headers"),
        ("GET", "/settings"),
        ("PATCH", "/settings"),
    ] {
        let reply = desk.call(method, &format!("/app/other/endpoint/{id}{rest}"), "{}").await;
        reply.refused(404, "not_found", &id);
    }
    desk.get(&format!("/app/other/attempt/endpoint/{id}")).await.refused(404, "not_found", &id);
    desk.get(&format!("/app/shop/endpoint/{id}")).await.is(200);
}

#[tokio::test]
async fn a_forbidden_url_is_refused_with_its_rule() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    for (url, rule, words) in [
        ("", "url_shape", "full URL"),
        ("example.com/hook", "url_shape", "full URL"),
        ("ftp://example.com/", "url_scheme", "ftp"),
        ("http://example.com/", "plain_http", "https"),
        ("https://169.254.169.254/latest/meta-data", "forbidden_address", "not called"),
        ("https://127.0.0.1/", "forbidden_address", "not called"),
        ("https://0x7f.1/", "forbidden_address", "not called"),
        ("https://[::ffff:10.0.0.1]/", "forbidden_address", "not called"),
        ("https://localhost/", "forbidden_address", "not called"),
        ("https://user:pass@example.com/", "url_userinfo", "password"),
        ("https://example.com/#part", "url_fragment", "#"),
        ("https://example.com/a b", "url_control_character", "spaces"),
        ("https://example.com:0/", "url_port", "port"),
    ] {
        let reply = desk.post("/app/shop/endpoint", json!({"url": url}).to_string()).await;
        reply.misfit("body.url", rule, words);
    }
    desk.endpoint("shop", "erp", "").await;
    let reply = desk.call("PATCH", "/app/shop/endpoint/erp", r#"{"url":"https://10.0.0.1/"}"#).await;
    reply.misfit("body.url", "forbidden_address", "");
    desk.call("PATCH", "/app/shop/endpoint/erp", r#"{"url":null}"#).await.misfit("body.url", "url_shape", "");
}

#[tokio::test]
async fn mistakes_are_named() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let id = desk.endpoint("shop", "taken", "").await;
    let channels: Vec<String> = (0..11).map(|n| format!("c{n}")).collect();
    for (more, place, rule) in [
        (json!({"channels": []}), "body.channels", "count"),
        (json!({"channels": channels}), "body.channels", "count"),
        (json!({"channels": ["a b"]}), "body.channels.0", "name"),
        (json!({"eventTypes": []}), "body.eventTypes", "count"),
        (json!({"eventTypes": ["fine", "x/y"]}), "body.eventTypes.1", "name"),
        (json!({"eventTypes": "sale"}), "body.eventTypes", "type"),
        (json!({"secret": "short"}), "body.secret", "secret"),
        (json!({"secret": format!("whsec_{}", "A".repeat(24))}), "body.secret", "secret"),
        (json!({"secret": format!("whsec_{}", "A".repeat(100))}), "body.secret", "secret"),
        (json!({"throttleRate": 0}), "body.rateLimit", "range"),
        (json!({"headers": {"host": "evil"}}), "body.headers.host", "reserved_header"),
        (json!({"headers": {"webhook-id": "x"}}), "body.headers.webhook-id", "reserved_header"),
        (json!({"headers": {"x-a": "v\r\nhost: evil"}}), "body.headers.x-a", "header_value"),
        (json!({"headers": {"x a": "v"}}), "body.headers.x a", "header_name"),
    ] {
        let mut body = json!({"url": "https://example.com/"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = desk.post("/app/shop/endpoint", body.to_string()).await;
        reply.misfit(place, rule, "");
        assert!(!reply.text.contains("AAAA") && !reply.text.contains("short"), "secrets are not repeated");
    }
    desk.post("/app/shop/endpoint", "{}").await.misfit("body.url", "missing", "url");
    let taken = desk.post("/app/shop/endpoint", r#"{"url":"https://example.com/","uid":"taken"}"#).await;
    taken.refused(409, "conflict", &id);
    desk.post("/app/nobody/endpoint", r#"{"url":"https://example.com/"}"#).await.refused(404, "not_found", "nobody");
}

#[tokio::test]
async fn a_secret_is_made_given_and_rotated() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "own", "").await;
    let made = desk.get("/app/shop/endpoint/own/secret").await.is(200).at("/key");
    let made = made.as_str().unwrap();
    assert!(made.starts_with("whsec_") && made.len() == 38, "{made}");

    desk.endpoint("shop", "given", &format!(r#","secret":"{GIVEN}""#)).await;
    assert_eq!(desk.get("/app/shop/endpoint/given/secret").await.at("/key"), GIVEN);

    let answered = desk.post("/app/shop/endpoint/given/secret/rotate", "").await.is(200).at("/key");
    let rotated = desk.get("/app/shop/endpoint/given/secret").await.at("/key");
    assert_eq!(answered, rotated);
    assert_ne!(rotated, GIVEN);
    let signing = || {
        let who = desk.app.authenticate(&desk.key, None).unwrap();
        let view = desk.app.endpoint(&who, "shop", "given").unwrap();
        view.endpoint.signing_secrets(desk.app.now()).count()
    };
    assert_eq!(signing(), 2, "the old one signs along");
    desk.clock.advance(Duration::from_hours(24));
    assert_eq!(signing(), 1, "for a day");

    let back = format!(r#"{{"key":"{GIVEN}","gracePeriodSeconds":0}}"#);
    desk.post("/app/shop/endpoint/given/secret/rotate", back).await.is(200);
    assert_eq!((desk.get("/app/shop/endpoint/given/secret").await.at("/key"), signing()), (json!(GIVEN), 1));

    let reply = desk.post("/app/shop/endpoint/given/secret/rotate", r#"{"gracePeriodSeconds":604801}"#).await;
    reply.misfit("body.gracePeriodSeconds", "range", "604800");
    desk.post("/app/shop/endpoint/given/secret/rotate", r#"{"key":"no"}"#).await.misfit("body.key", "secret", "");
    for _ in 0..9 {
        desk.post("/app/shop/endpoint/given/secret/rotate", "{}").await.is(200);
    }
    desk.post("/app/shop/endpoint/given/secret/rotate", "{}").await.refused(409, "conflict", "10 secrets");
}

#[tokio::test]
async fn an_asymmetric_secret_shows_its_public_half_only() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    let public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
    desk.endpoint("shop", "given", &format!(r#","secret":"{private}""#)).await;
    let path = "/app/shop/endpoint/given/secret";
    assert_eq!(desk.get(path).await.is(200).json(), json!({"key": public}));

    desk.endpoint("shop", "made", r#","secretType":"ed25519""#).await;
    let made = desk.get("/app/shop/endpoint/made/secret").await.at("/key");
    assert!(made.as_str().is_some_and(|key| key.starts_with("whpk_") && key.len() == 49), "{made}");

    desk.post(&format!("{path}/rotate"), "{}").await.is(200);
    let symmetric = desk.get(path).await.at("/key");
    assert!(symmetric.as_str().is_some_and(|key| key.starts_with("whsec_")), "{symmetric}");
    desk.post(&format!("{path}/rotate"), r#"{"secretType":"ed25519"}"#).await.is(200);
    assert_ne!(desk.get(path).await.at("/key"), public);

    let refused = desk.post(&format!("{path}/rotate"), json!({"key": public}).to_string()).await;
    refused.misfit("body.key", "secret", "public key");
    let other = json!({"key": private, "secretType": "hmac256"}).to_string();
    desk.post(&format!("{path}/rotate"), other).await.misfit("body.key", "secret", "ed25519");
}

#[tokio::test]
async fn headers_are_set_patched_and_masked() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", r#","headers":{"X-Shop":"17"}"#).await;
    let path = "/app/shop/endpoint/erp/headers";
    assert_eq!(desk.get(path).await.is(200).json(), json!({"headers": {"X-Shop": "17"}, "sensitive": []}));
    desk.call("PATCH", path, r#"{"headers":{"Authorization":"Bearer s3cret","x-shop":"18"}}"#).await.is(204);
    let shown = desk.get(path).await;
    assert_eq!(shown.json(), json!({"headers": {"x-shop": "18"}, "sensitive": ["Authorization"]}));
    desk.call("PATCH", path, r#"{"headers":{"x-shop":null},"deleteHeaders":["authorization"]}"#).await.is(204);
    assert_eq!(desk.get(path).await.json(), json!({"headers": {}, "sensitive": []}));
    desk.call("PUT", path, r#"{"headers":{"x-a":"1","x-b":"2"}}"#).await.is(204);
    assert_eq!(desk.get(path).await.at("/headers"), json!({"x-a": "1", "x-b": "2"}));
    desk.call("PUT", path, r#"{"headers":{"x-a":"1","X-A":"2"}}"#).await.misfit("body.headers.x-a", "header_twice", "");
    desk.call("PUT", path, r#"{"headers":{"x-a":"\n"}}"#).await.misfit("body.headers.x-a", "header_value", "");
    desk.call("PUT", path, r#"{}"#).await.misfit("body.headers", "missing", "");
    assert_eq!(desk.get(path).await.at("/headers"), json!({"x-a": "1", "x-b": "2"}), "refused changes change nothing");
}
