//! What cannot be read, and how that is said.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;

use crate::desk::{BODY_BYTES_MAX, Desk};

#[tokio::test]
async fn what_is_not_json_is_refused_with_its_position() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    for (body, words) in [
        ("", "line 1, column 0 (byte 0)"),
        ("{", "line 1, column 1"),
        ("nonsense", "line 1, column 2 (byte 1)"),
        ("{\"eventType\":\"sale\",\n \"payload\":{\"a\":01}}", "invalid number at line 2, column 18 (byte 38)"),
        ("{\"eventType\":\"sale\",\"payload\":{}} tail", "trailing characters at line 1, column 35 (byte 34)"),
        ("{\"eventType\":\"sale\",\"payload\":{},}", "line 1"),
        ("{\"eventType\":\"sale\",\"payload\":{\"a\":\"\n\"}}", "control character"),
        ("{\"eventType\":\"sale\",\"payload\":{\"a\":\"\\x\"}}", "invalid escape"),
        ("{\"eventType\":\"sale\",\"payload\":{\"a\":NaN}}", "line 1"),
        ("{\"eventType\":\"sale\",\"payload\":{'a':1}}", "line 1"),
        ("{\"eventType\":\"sale\",\"payload\":{}", "EOF"),
    ] {
        desk.post("/app/shop/msg", body).await.refused(400, "malformed_json", words);
    }
}

#[tokio::test]
async fn the_byte_offset_counts_from_the_start_of_the_body() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let body = "{\n\"eventType\": \"sale\",\n\"payload\": {\"a\": ?}}";
    let offset = body.find('?').unwrap();
    desk.post("/app/shop/msg", body).await.refused(
        400,
        "malformed_json",
        &format!("line 3, column 18 (byte {offset})"),
    );
}

#[tokio::test]
async fn invalid_utf_8_is_refused_with_its_place() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let mut body = br#"{"eventType":"sale","payload":{"a":"b"}}"#.to_vec();
    body[36] = 0xff;
    desk.post("/app/shop/msg", body).await.refused(400, "malformed_json", "byte 36");
    desk.post("/app", vec![0xc3, 0x28]).await.refused(400, "malformed_json", "byte 0");
}

#[tokio::test]
async fn a_message_says_what_it_must() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    for (body, place, rule) in [
        (r#"{"payload":{}}"#, "body.eventType", "missing"),
        (r#"{"eventType":"sale"}"#, "body.payload", "missing"),
        (r#"{}"#, "body.payload", "missing"),
        (r#"[]"#, "body", "type"),
        (r#"null"#, "body", "type"),
        (r#"{"eventType":5,"payload":{}}"#, "body.eventType", "type"),
        (r#"{"eventType":null,"payload":{}}"#, "body.eventType", "type"),
        (r#"{"eventType":"","payload":{}}"#, "body.eventType", "name"),
        (r#"{"eventType":"a/b","payload":{}}"#, "body.eventType", "name"),
        (r#"{"eventType":"sale","payload":[]}"#, "body.payload", "object"),
        (r#"{"eventType":"sale","payload":"{}"}"#, "body.payload", "object"),
        (r#"{"eventType":"sale","payload":null}"#, "body.payload", "object"),
        (r#"{"eventType":"sale","payload":7}"#, "body.payload", "object"),
        (r#"{"eventType":"sale","payload":{},"eventId":"a b"}"#, "body.eventId", "name"),
        (r#"{"eventType":"sale","payload":{},"eventId":7}"#, "body.eventId", "type"),
        (r#"{"eventType":"sale","payload":{},"deliverAt":"tomorrow"}"#, "body.deliverAt", "time"),
        (r#"{"eventType":"sale","payload":{},"channels":"x"}"#, "body.channels", "type"),
        (r#"{"eventType":"sale","payload":{},"channels":["x",7]}"#, "body.channels.1", "type"),
        (r#"{"eventType":"sale","payload":{},"channels":["ok","a b"]}"#, "body.channels.1", "name"),
        (
            r#"{"eventType":"sale","payload":{},"channels":["1","2","3","4","5","6","7","8","9","10","11"]}"#,
            "body.channels",
            "count",
        ),
    ] {
        desk.post("/app/shop/msg", body).await.misfit(place, rule, "");
    }
}

#[tokio::test]
async fn keys_of_the_envelope_are_there_once() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    for (body, key) in [
        (r#"{"eventType":"sale","payload":{},"payload":{}}"#, "payload"),
        (r#"{"eventType":"sale","payload":{},"data":{}}"#, "data"),
        (r#"{"eventType":"a","eventType":"b","payload":{}}"#, "eventType"),
        (r#"{"eventType":"a","payload":{},"pay\u006coad":{}}"#, "payload"),
        (r#"{"eventType":"a","payload":{},"eventId":"x","eventId":"x"}"#, "eventId"),
        (r#"{"eventType":"a","payload":{},"new":1,"n\u0065w":2}"#, "new"),
    ] {
        desk.post("/app/shop/msg", body).await.misfit(&format!("body.{key}"), "duplicate_key", "there twice");
    }
    desk.post("/app/shop/msg", r#"{"eventType":"sale","payload":{"a":1,"a":2},"new":{"x":1,"x":2}}"#).await.is(202);
}

#[tokio::test]
async fn nesting_has_a_bound_and_never_hurts() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let nested = |levels: usize| {
        let inner = levels - 1;
        format!(r#"{{"eventType":"sale","payload":{{"a":{}{}}}}}"#, "[".repeat(inner), "]".repeat(inner))
    };
    desk.post("/app/shop/msg", nested(64)).await.is(202);
    desk.post("/app/shop/msg", nested(65)).await.misfit("body.payload", "too_deep", "64 levels");
    desk.post("/app/shop/msg", nested(1_000)).await.misfit("body.payload", "too_deep", "64 levels");
    desk.post("/app/shop/msg", nested(30_000)).await.misfit("body.payload", "too_deep", "64 levels");
    let beside = format!(r#"{{"eventType":"sale","payload":{{}},"new":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    desk.post("/app/shop/msg", beside).await.is(202);
    let brackets_in_text = format!(r#"{{"eventType":"sale","payload":{{"a":"{}"}}}}"#, "[{".repeat(1_000));
    desk.post("/app/shop/msg", brackets_in_text).await.is(202);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_limit_said() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let pad = |bytes: usize| {
        let empty = r#"{"eventType":"sale","payload":{"a":""}}"#.len();
        format!(r#"{{"eventType":"sale","payload":{{"a":"{}"}}}}"#, "x".repeat(bytes - empty))
    };
    desk.post("/app/shop/msg", pad(BODY_BYTES_MAX)).await.is(202);
    let limit = BODY_BYTES_MAX.to_string();
    desk.post("/app/shop/msg", pad(BODY_BYTES_MAX + 1)).await.refused(413, "payload_too_large", &limit);
    // Without a length, and in pieces.
    for (bytes, expected) in [(BODY_BYTES_MAX, 202), (BODY_BYTES_MAX + 1, 413), (10 * BODY_BYTES_MAX, 413)] {
        let text = pad(bytes);
        let pieces: Vec<_> =
            text.as_bytes().chunks(1_000).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
        desk.post("/app/shop/msg", Body::from_stream(stream::iter(pieces))).await.is(expected);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let pieces = [Ok(Bytes::from_static(b"{\"eventType\":")), Err(std::io::Error::other("gone"))];
    let reply = desk.post("/app/shop/msg", Body::from_stream(stream::iter(pieces))).await;
    reply.refused(400, "body_broken_off", "before its end");
}

#[tokio::test]
async fn an_unknown_account_is_named() {
    let desk = Desk::open().await;
    let body = r#"{"eventType":"sale","payload":{}}"#;
    desk.post("/app/toko-77/msg", body).await.refused(404, "not_found", "application \"toko-77\" not found");
    desk.get("/app/toko-77/msg").await.refused(404, "not_found", "toko-77");
    desk.get("/app/toko-77/endpoint").await.refused(404, "not_found", "toko-77");
}

#[tokio::test]
async fn content_types_do_not_matter() {
    let desk = Desk::open().await;
    let bearer = format!("Bearer {}", desk.key);
    for (uid, content_type) in [("a", "text/plain"), ("b", "application/x-www-form-urlencoded"), ("c", "nonsense")] {
        let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
        desk.send("POST", "/app", &headers, format!(r#"{{"name":"x","uid":"{uid}"}}"#)).await.made();
    }
}
