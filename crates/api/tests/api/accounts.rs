//! `/app`

use serde_json::json;

use crate::desk::Desk;

#[tokio::test]
async fn an_account_is_made_found_changed_and_removed() {
    let desk = Desk::open().await;
    let body = json!({"name": "Kopi Satu", "uid": "kopi-1", "metadata": {"city": "Jakarta"}, "rateLimit": 50});
    let made = desk.post("/app", body.to_string()).await.made();
    for (pointer, expected) in [
        ("/uid", json!("kopi-1")),
        ("/name", json!("Kopi Satu")),
        ("/metadata", json!({"city": "Jakarta"})),
        ("/rateLimit", json!(50)),
        ("/throttleRate", json!(50)),
        ("/createdAt", json!("2026-11-23T08:30:00.000000Z")),
        ("/updatedAt", json!("2026-11-23T08:30:00.000000Z")),
    ] {
        assert_eq!(made.at(pointer), expected, "{pointer}");
    }
    let id = made.id();
    assert!(id.starts_with("app_") && id.len() == 31, "{id}");
    for name in [&id, "kopi-1"] {
        assert_eq!(desk.get(&format!("/app/{name}")).await.is(200).text, made.text);
    }

    let patched = desk.call("PATCH", "/app/kopi-1", r#"{"name":"Kopi Dua","throttleRate":null}"#).await.is(200);
    assert_eq!(patched.at("/name"), "Kopi Dua");
    assert_eq!(patched.at("/uid"), "kopi-1", "absent is left alone");
    assert_eq!(patched.at("/rateLimit"), json!(null), "null is not absent");
    assert_eq!(patched.at("/metadata/city"), "Jakarta");

    let put = desk.call("PUT", "/app/kopi-1", r#"{"name":"Kopi Tiga"}"#).await.is(200);
    assert_eq!((put.id(), put.at("/metadata"), put.at("/uid")), (id.clone(), json!({}), json!("kopi-1")));
    desk.call("PATCH", "/app/kopi-1", r#"{"uid":null}"#).await.is(200);
    desk.get("/app/kopi-1").await.refused(404, "not_found", "application \"kopi-1\" not found");

    desk.call("DELETE", &format!("/app/{id}"), "").await.is(204);
    desk.get(&format!("/app/{id}")).await.refused(404, "not_found", &id);
    desk.call("DELETE", &format!("/app/{id}"), "").await.refused(404, "not_found", &id);
}

#[tokio::test]
async fn a_taken_uid_is_a_conflict_or_what_was_asked_for() {
    let desk = Desk::open().await;
    let id = desk.account("shop").await;
    let body = r#"{"name":"other","uid":"shop"}"#;
    desk.post("/app", body).await.refused(409, "conflict", &id);
    let found = desk.post("/app?get_if_exists=true", body).await.is(200);
    assert_eq!((found.id(), found.at("/name")), (id.clone(), json!("shop")), "untouched");
    desk.post("/app?get_if_exists=true", r#"{"name":"new","uid":"new"}"#).await.made();
    desk.post("/app?get_if_exists=perhaps", body).await.misfit("query.get_if_exists", "type", "true or false");
    desk.account("neighbour").await;
    desk.call("PATCH", "/app/neighbour", r#"{"uid":"shop"}"#).await.refused(409, "conflict", &id);
    desk.call("PATCH", "/app/neighbour", format!(r#"{{"uid":"{id}"}}"#)).await.refused(409, "conflict", &id);
}

#[tokio::test]
async fn put_makes_what_is_not_there() {
    let desk = Desk::open().await;
    let made = desk.call("PUT", "/app/shop-9", r#"{"name":"Shop 9"}"#).await.made();
    assert_eq!(made.at("/uid"), "shop-9");
    assert_eq!(desk.call("PUT", "/app/shop-9", r#"{"name":"Shop 9"}"#).await.is(200).id(), made.id());
    let unknown = "app_2srOrx2ZWZBpBUvZwXKQmoEYga2";
    desk.call("PUT", &format!("/app/{unknown}"), r#"{"name":"x"}"#).await.refused(404, "not_found", unknown);
}

#[tokio::test]
async fn mistakes_are_named() {
    let desk = Desk::open().await;
    let long = "x".repeat(257);
    for (body, place, rule, words) in [
        (json!({}), "body.name", "missing", "missing field `name`"),
        (json!({"name": ""}), "body.name", "empty", "a name is needed"),
        (json!({"name": 5}), "body.name", "type", "expected a string"),
        (json!({"name": "x", "uid": ""}), "body.uid", "name", "1 to 256 characters"),
        (json!({"name": "x", "uid": "a b"}), "body.uid", "name", "letters, digits"),
        (json!({"name": "x", "uid": long}), "body.uid", "name", "256"),
        (json!({"name": "x", "uid": "toko/1"}), "body.uid", "name", "letters, digits"),
        (json!({"name": "x", "metadata": {"a": 1}}), "body.metadata.a", "type", "expected a string"),
        (json!({"name": "x", "metadata": []}), "body.metadata", "type", "expected a map"),
        (json!({"name": "x", "rateLimit": 0}), "body.rateLimit", "range", "1 to 65535"),
        (json!({"name": "x", "rateLimit": -1}), "body.rateLimit", "type", "expected u32"),
        (json!([]), "body", "type", ""),
    ] {
        desk.post("/app", body.to_string()).await.misfit(place, rule, words);
    }
    desk.post("/app", r#"{"name":"x","name":"y"}"#).await.misfit("body.name", "duplicate_key", "name");
    let both = desk.post("/app", r#"{"name":"","uid":"a b"}"#).await;
    both.misfit("body.name", "empty", "");
    both.misfit("body.uid", "name", "");
    desk.post("/app", r#"{"name":"x","somethingNew":{"a":[1]}}"#).await.made();
}
