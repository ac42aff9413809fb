//! What a publisher sees who gets something wrong: a status, words that help, and a server that goes on.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;
use ringup_testkit::{
    client::{Client, Reply},
    receiver::Receiver,
};
use serde_json::json;

use crate::stage::{ACCOUNT, SOON, Stage};

async fn post(stage: &Stage, path: &str, body: impl Into<Bytes>) -> Result<Reply> {
    stage.client.call(Method::POST, &format!("/api/v1/app/{ACCOUNT}{path}"), &[], body).await
}

#[track_caller]
fn check(case: &str, reply: &Reply, status: u16, words: &[&str]) {
    let text = reply.text();
    assert_eq!(reply.status, status, "{case}: {text}");
    for word in words {
        assert!(text.contains(word), "{case}: {word:?} is not in {text}");
    }
    assert!(reply.json().is_ok_and(|json| !json["detail"].is_null()), "{case}: not the shape of a problem: {text}");
}

/// An event still gets through.
async fn assert_alive(stage: &Stage, case: &str) -> Result<()> {
    stage.client.health().await?.expect(204).with_context(|| case.to_owned())?;
    let reply = stage.client.publish(ACCOUNT, "invoiceCreated", r#"{"ID":1}"#, None).await?;
    reply.expect(202).with_context(|| case.to_owned())?;
    Ok(())
}

#[tokio::test]
async fn a_body_that_cannot_be_an_event_is_refused_with_words_that_help() -> Result<()> {
    let stage = Stage::open("body").await?;
    let event = |payload: &str| format!("{{\"eventType\":\"a.b\",\"payload\":{payload}}}").into_bytes();
    let deep = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let invalid_utf8 = [b"{\"eventType\":\"a.b\",\"payload\":{\"a\":\"".as_slice(), b"\xff\xfe", b"\"}}"].concat();
    let over = event(&json!({"a": "x".repeat(300_000)}).to_string());
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<u8>, u16, &[&str])> = vec![
        ("nothing at all",           b"".to_vec(),                                       400, &[]),
        ("not JSON",                 b"hello".to_vec(),                                  400, &["line 1", "column 1"]),
        ("cut off",                  b"{\"eventType\":\"a.b\",\n\"payload\":{".to_vec(), 400, &["line 2", "column"]),
        ("a comma too many",         b"{\"eventType\":\"a.b\",\n \"payload\":{\"a\":1,}}".to_vec(), 400, &["line 2", "column"]),
        ("text after the end",       b"{\"eventType\":\"a.b\",\"payload\":{}} more".to_vec(), 400, &["line 1"]),
        ("invalid UTF-8",            invalid_utf8,                                       400, &["UTF-8"]),
        ("not an object",            b"[1,2]".to_vec(),                                  422, &["object"]),
        ("no event type",            b"{\"payload\":{}}".to_vec(),                       422, &["eventType"]),
        ("no payload",               b"{\"eventType\":\"a.b\"}".to_vec(),                422, &["payload"]),
        ("event type with a space",  b"{\"eventType\":\"a b\",\"payload\":{}}".to_vec(), 422, &["eventType"]),
        ("event type a number",      b"{\"eventType\":7,\"payload\":{}}".to_vec(),       422, &["eventType"]),
        ("payload a list",           event("[1]"),                                     422, &["payload", "object"]),
        ("payload a text",           event("\"x\""),                                   422, &["payload", "object"]),
        ("payload null",             event("null"),                                    422, &["payload"]),
        ("eventType twice",          b"{\"eventType\":\"a\",\"eventType\":\"b\",\"payload\":{}}".to_vec(), 422, &["eventType", "twice"]),
        ("payload twice",            b"{\"eventType\":\"a\",\"payload\":{},\"payload\":{}}".to_vec(), 422, &["payload", "twice"]),
        ("65 levels",                event(&deep(65)),                                 422, &["64"]),
        ("1,000 levels",             event(&deep(1_000)),                              422, &["64"]),
        ("100,000 levels",           event(&deep(100_000)),                            422, &["64"]),
        ("100,000 levels outside",   "[".repeat(100_000).into_bytes(),                   422, &["object"]),
        ("over the limit",           over,                                               413, &["262144"]),
        ("event id with a line end", b"{\"eventType\":\"a\",\"eventId\":\"a\\r\\nb\",\"payload\":{}}".to_vec(), 422, &["eventId"]),
        ("eleven channels",          b"{\"eventType\":\"a\",\"channels\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\"],\"payload\":{}}".to_vec(), 422, &["channels", "10"]),
    ];
    for (case, body, status, words) in cases {
        check(case, &post(&stage, "/msg", body).await?, status, words);
        assert_alive(&stage, case).await?;
    }
    let events: Vec<serde_json::Value> = stage.client.list(&format!("/api/v1/app/{ACCOUNT}/msg")).await?;
    assert!(events.iter().all(|event| event["eventType"] == "invoiceCreated"), "none of them was kept");
    check("64 levels pass", &post(&stage, "/msg", event("[]")).await?, 422, &[]);
    post(&stage, "/msg", event(&deep(64))).await?.expect(202)?;
    Ok(())
}

#[tokio::test]
async fn the_body_limit_is_the_configured_one() -> Result<()> {
    let stage = Stage::open_with("limit", |setup| setup.with("SERVER__BODY_BYTES_MAX", "2KiB")).await?;
    let body = |bytes: usize| {
        let empty = r#"{"eventType":"a","payload":{"a":""}}"#;
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - empty.len())))
    };
    post(&stage, "/msg", body(2_048)).await?.expect(202)?;
    check("one byte more", &post(&stage, "/msg", body(2_049)).await?, 413, &["2048"]);
    assert_alive(&stage, "limit").await
}

#[tokio::test]
async fn what_does_not_exist_is_named() -> Result<()> {
    let stage = Stage::open("missing").await?;
    let missing = stage.client.publish("no-such-shop", "a", "{}", None).await?;
    check("unknown account", &missing, 404, &["no-such-shop"]);
    for path in ["/app/other-shop", "/app/other-shop/endpoint", "/app/other-shop/msg"] {
        check(path, &stage.client.get(&format!("/api/v1{path}")).await?, 404, &["other-shop"]);
    }
    let endpoint = format!("/api/v1/app/{ACCOUNT}/endpoint/ep_none");
    check("unknown endpoint", &stage.client.get(&endpoint).await?, 404, &["ep_none"]);
    check("unknown event", &stage.client.get(&format!("/api/v1/app/{ACCOUNT}/msg/msg_x")).await?, 404, &["msg_x"]);
    check("unknown route", &stage.client.get("/api/v1/nothing-here").await?, 404, &[]);
    check("wrong method", &stage.client.delete("/api/v1/app").await?, 405, &[]);
    let taken = stage.client.post("/api/v1/app", &json!({"name": "again", "uid": ACCOUNT})).await?;
    check("uid taken", &taken, 409, &["uid"]);

    let nobody = Client::anonymous(stage.server.address());
    check("no key", &nobody.get("/api/v1/app").await?, 401, &[]);
    let stranger = Client::new(stage.server.address(), "rk_notAKeyOfOursNotAKeyOfOursNotAKey00");
    check("unknown key", &stranger.get("/api/v1/app").await?, 401, &[]);
    assert_alive(&stage, "missing").await
}

#[tokio::test]
async fn an_unregistered_type_is_noted_or_in_a_strict_environment_refused() -> Result<()> {
    let stage = Stage::open("types").await?;
    let noted = stage.client.publish(ACCOUNT, "never.registered", "{}", None).await?.expect(202)?;
    assert!(noted.text().contains("nregistered"), "accepted and noted: {}", noted.text());
    stage.client.create_event_type("known.type").await?;
    let known = stage.client.publish(ACCOUNT, "known.type", "{}", None).await?.expect(202)?;
    assert!(!known.text().contains("nregistered\":true"), "{}", known.text());

    let create = stage.server.setup().command(&["environment", "create", "audit", "--strict"]).output()?;
    assert!(create.status.success(), "{}", String::from_utf8_lossy(&create.stderr));
    let create = stage.server.setup().command(&["key", "create", "--environment", "audit"]).output()?;
    let key = String::from_utf8(create.stdout)?;
    let strict = Client::new(stage.server.address(), key.trim());
    strict.create_app("strict-shop").await?;
    let refused = strict.publish("strict-shop", "never.registered", "{}", None).await?;
    check("strict", &refused, 422, &["never.registered", "registered", "strict"]);
    strict.create_event_type("never.registered").await?;
    strict.publish("strict-shop", "never.registered", "{}", None).await?.expect(202)?;
    let foreign = strict.publish(ACCOUNT, "known.type", "{}", None).await?;
    check("another environment's account", &foreign, 404, &[ACCOUNT]);
    assert_alive(&stage, "types").await
}

#[tokio::test]
async fn a_url_that_is_not_called_is_refused_with_the_rule() -> Result<()> {
    let stage = Stage::open_with("urls", |setup| setup.with("EGRESS__ALLOW_NETWORKS", "127.0.0.2/32")).await?;
    let strict = Stage::open_with("urls", |setup| setup.with("EGRESS__ALLOW_HTTP", "false")).await?;
    let own = format!("http://{}/", stage.server.address());
    for (url, words) in [
        ("not a url", &[][..]),
        ("/relative", &["full URL"]),
        ("ftp://example.com/", &["ftp"]),
        ("javascript:alert(1)", &[]),
        ("https://user:secret@example.com/", &["user name"]),
        ("https://example.com/#part", &["#"]),
        ("https://exa\nmple.com/", &["control"]),
        ("https:\\\\example.com", &["backslash"]),
        ("https://example.com:0/", &["port"]),
        ("http://10.0.0.1/", &["address"]),
        ("http://169.254.169.254/latest/meta-data/", &["address"]),
        ("http://127.0.0.1:9/", &["address"]),
        ("http://2130706433/", &["address"]),
        ("http://0x7f.1/", &["address"]),
        ("http://[::1]/", &["address"]),
        ("http://[::ffff:10.0.0.1]/", &["address"]),
        ("http://localhost/", &[]),
        (own.as_str(), &["address"]),
    ] {
        let reply = post(&stage, "/endpoint", json!({"url": url}).to_string()).await?;
        check(url, &reply, 422, words);
        assert!(reply.text().contains("url"), "{url}: the field is named: {}", reply.text());
        assert!(!reply.text().contains("secret@"), "{url}: {}", reply.text());
    }
    let reply = post(&strict, "/endpoint", json!({"url": "http://127.0.0.1:9/"}).to_string()).await?;
    check("plain HTTP", &reply, 422, &["https"]);
    let good = stage.endpoint("http://127.0.0.2:9/").await?;
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{good}");
    check("patched", &stage.client.patch(&path, &json!({"url": "http://10.0.0.1/"})).await?, 422, &["address"]);
    assert_eq!(stage.client.get(&path).await?.text_at("url")?, "http://127.0.0.2:9/");
    assert_alive(&stage, "urls").await
}

#[tokio::test]
async fn headers_that_would_change_the_request_are_refused() -> Result<()> {
    let stage = Stage::open("headers").await?;
    let receiver = Receiver::start(200).await?;
    for (name, value) in [
        ("X-A", "one\r\nX-Injected: two"),
        ("X-A", "one\nX-Injected: two"),
        ("X-A", "nul\u{0}"),
        ("X-A\r\nX-Injected", "two"),
        ("X A", "space"),
        ("", "empty"),
        ("X-Ä", "letters"),
        ("Host", "elsewhere"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Webhook-Signature", "v1,forged"),
        ("webhook-id", "msg_forged"),
        ("X-Long", &"x".repeat(5_000)),
    ] {
        let body = json!({"url": receiver.url("/"), "headers": {name: value}});
        let reply = post(&stage, "/endpoint", body.to_string()).await?;
        check(&format!("{name:?}"), &reply, 422, &["headers"]);
    }
    let body = json!({"url": receiver.url("/"), "headers": {"X-Shop": "12", "X-Note": "a b"}});
    stage.endpoint_of(ACCOUNT, &body).await?;
    stage.publish("invoiceCreated", 1).await?;
    let request = &receiver.wait_for(1, SOON).await?[0];
    assert_eq!((request.header("x-shop"), request.header("x-note")), (Some("12"), Some("a b")));
    assert_eq!(request.header("x-injected"), None);

    let huge = "x".repeat(600_000);
    // The server may close before it has read all of it; that it goes on is what counts.
    if let Ok(reply) = stage.client.call(Method::GET, "/api/v1/app", &[("x-huge", &huge)], "").await {
        assert!((400..500).contains(&reply.status), "{}", reply.status);
    }
    assert_alive(&stage, "huge header").await
}

#[tokio::test]
async fn what_is_odd_but_valid_inside_a_payload_travels_untouched() -> Result<()> {
    let stage = Stage::open("bytes").await?;
    let receiver = Receiver::start(200).await?;
    stage.endpoint(&receiver.url("/")).await?;
    let payloads = [
        r#"{"a":1,"a":2,"a":{"b":1,"b":1}}"#,
        "{ \"spaces\" :\t[ 1 ,2 ] ,\r\n \"more\":  { } }",
        r#"{"total":19.990,"id":9007199254740993,"big":1e400,"small":-0.0,"exp":1E+2}"#,
        r#"{"text":"\u0041\/\u00e9\ud83e\uddfe","raw":"é🧾"}"#,
        r#"{"":"","\u0000":"\u0000"}"#,
        "{}",
    ];
    for payload in payloads {
        stage.client.publish(ACCOUNT, "invoiceCreated", payload, None).await?.expect(202)?;
    }
    let requests = receiver.wait_for(payloads.len(), SOON).await?;
    let mut received: Vec<String> = requests.iter().map(|request| request.text()).collect();
    let mut sent = payloads.map(str::to_owned).to_vec();
    sent.sort();
    received.sort();
    assert_eq!(received, sent);
    let stored = stage.client.get(&format!("/api/v1/app/{ACCOUNT}/msg")).await?.expect(200)?.text();
    for payload in payloads {
        assert!(stored.contains(payload), "{payload} is not in {stored}");
    }
    Ok(())
}
