//! Event types taken out and in, from our own export and from OpenAPI documents.

use serde_json::{Value, json};

use crate::desk::Desk;

const DOCUMENT: &str = r##"{"openapi":"3.1.0","webhooks":{
    "sale":{"post":{"description":"A sale","tags":["invoice"],"requestBody":{"content":{"application/json":
        {"schema":{"$ref":"#/components/schemas/Sale"}}}}}},
    "stock":{"post":{"summary":"Stock moved","deprecated":true,"x-feature-flags":["beta"]}}},
  "components":{"schemas":{
    "Sale":{"type":"object","properties":{"lines":{"type":"array","items":{"$ref":"#/components/schemas/Line"}}}},
    "Line":{"type":"object","properties":{"sub":{"$ref":"#/components/schemas/Line"},"price":{"minimum":0}}},
    "Unused":{"type":"string"}}}}"##;

fn import(document: &str, more: &str) -> String {
    format!(r#"{{"spec":{document}{more}}}"#)
}

#[tokio::test]
async fn a_documents_webhooks_become_event_types() {
    let desk = Desk::open().await;
    desk.post("/event-type", r#"{"name":"old","description":"Of before"}"#).await.made();
    let path = "/event-type/import/openapi";
    let dry = desk.post(path, import(DOCUMENT, r#","dryRun":true,"replaceAll":true"#)).await.is(200);
    assert_eq!(dry.at("/data/modified"), json!(["sale", "stock", "old"]));
    desk.get("/event-type/sale").await.refused(404, "not_found", "sale");
    let done = desk.post(path, import(DOCUMENT, "")).await.is(200);
    assert_eq!(done.at("/data/modified"), json!(["sale", "stock"]));
    let sale = desk.get("/event-type/sale").await.is(200);
    assert_eq!((sale.at("/description"), sale.at("/groupName")), (json!("A sale"), json!("invoice")));
    let schema = sale.at("/schemas/1");
    assert_eq!(schema["properties"]["lines"]["items"]["$ref"], "#/$defs/Line");
    assert_eq!(schema["$defs"]["Line"]["properties"]["sub"]["$ref"], "#/$defs/Line", "it may refer to itself");
    assert_eq!(schema["$defs"].as_object().map(|defs| defs.len()), Some(1), "only what is referred to");
    let stock = desk.get("/event-type/stock").await.is(200);
    assert_eq!((stock.at("/deprecated"), stock.at("/featureFlag")), (json!(true), json!("beta")));
    let again = desk.post(path, import(DOCUMENT, r#","replaceAll":true"#)).await.is(200);
    assert_eq!(again.at("/data/modified"), json!(["old"]), "what is so already is left alone");
    assert_eq!(desk.get("/event-type/old").await.at("/archived"), json!(true));
    let raw = json!({"specRaw": DOCUMENT}).to_string();
    assert_eq!(desk.post(path, raw).await.is(200).at("/data/modified"), json!([]));
}

#[tokio::test]
async fn references_are_followed_nowhere_else() {
    let desk = Desk::open().await;
    let path = "/event-type/import/openapi";
    for to in [
        "https://example.com/schema.json",
        "other.json#/Sale",
        "#/paths/x",
        "#/components/schemas/a/b",
        "file:///etc/passwd",
    ] {
        let document = DOCUMENT.replace("#/components/schemas/Line\"}}}", &format!("{to}\"}}}}}}"));
        assert_ne!(document, DOCUMENT);
        desk.post(path, import(&document, "")).await.misfit("body.spec", "import", "not followed");
    }
    let missing = DOCUMENT.replace("\"Line\":", "\"Other\":");
    desk.post(path, import(&missing, "")).await.misfit("body.spec", "import", "nothing at #/components/schemas/Line");
    desk.post(path, r#"{"specRaw":"openapi: 3.1.0"}"#).await.misfit("body.specRaw", "import", "YAML");
    desk.post(path, "{}").await.misfit("body.spec", "import", "either");
    desk.post(path, r#"{"spec":{"openapi":"3.1.0"}}"#).await.misfit("body.spec", "import", "no `webhooks`");
    let named = DOCUMENT.replace("\"stock\":", "\"st ock\":");
    assert_eq!(desk.post(path, import(&named, "")).await.status, 422);
    assert_eq!(desk.get("/event-type").await.at("/data"), json!([]), "all are checked before the first is stored");
}

#[tokio::test]
async fn an_environment_comes_back_as_it_was() {
    let (from, to) = (Desk::open().await, Desk::open().await);
    let schemas = r#"{"1":{"type":"object","minimum":1.50}}"#;
    let body = format!(r#"{{"name":"sale","description":"A sale","groupName":"invoice","schemas":{schemas}}}"#);
    from.post("/event-type", body).await.made();
    from.post("/event-type", r#"{"name":"gone","description":"x","archived":true}"#).await.made();
    let exported = from.post("/environment/export", "").await.is(200);
    assert_eq!((exported.at("/version"), exported.at("/connectors")), (json!(1), json!([])));
    assert!(exported.text.contains("1.50"), "as it stands: {}", exported.text);
    to.post("/environment/import", exported.text.clone()).await.is(204);
    let again = to.post("/environment/export", "").await.is(200);
    let without_times = |value: Value| -> Vec<Value> {
        let rows = value.as_array().expect("a list").clone();
        let strip = |mut row: Value| {
            let row_fields = row.as_object_mut().expect("an object");
            row_fields.remove("createdAt");
            row_fields.remove("updatedAt");
            row
        };
        rows.into_iter().map(strip).collect()
    };
    assert_eq!(without_times(again.at("/eventTypes")), without_times(exported.at("/eventTypes")));
    let connector = r#"{"connectors":[{"name":"x"}]}"#;
    to.post("/environment/import", connector).await.misfit("body.connectors", "import", "no connectors");
    to.post("/environment/import", r#"{"settings":{"displayName":"x"}}"#).await.misfit(
        "body.settings",
        "import",
        "no settings",
    );
}

#[tokio::test]
async fn small_questions_are_answered() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", r#","eventTypes":["sale"],"channels":["outlet-1"]"#).await;
    desk.endpoint("shop", "off", r#","disabled":true"#).await;
    let count = desk.get("/stats/endpoint/count").await.is(200);
    assert_eq!(count.json(), json!({"active": 1, "disabled": 1}));
    for (body, active) in [
        (r#"{"eventType":"sale","channels":["outlet-1"]}"#, true),
        (r#"{"eventType":"sale"}"#, false),
        (r#"{"eventType":"stock","channels":["outlet-1"]}"#, false),
    ] {
        let asked = desk.post("/app/shop/msg/precheck/active", body).await.is(200);
        assert_eq!(asked.json(), json!({"active": active}), "{body}");
    }
    let event = desk.publish("shop", "sale", r#"{"phone":"1"}"#).await;
    let body = format!(r#"{{"ids":["{event}","none"]}}"#);
    let expunged = desk.post("/app/shop/msg/bulk-expunge", body).await.is(200);
    assert_eq!(expunged.at(&format!("/results/{event}")), json!("expunged"));
    assert_eq!(expunged.at("/results/none"), json!("not-found"));
    assert_eq!(desk.get(&format!("/app/shop/msg/{event}")).await.at("/payload"), json!({"expired": true}));
}
