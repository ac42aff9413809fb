//! Operational webhook endpoints: all that can be done with endpoints, and out of everybody else's sight.

use ringup_store::Store as _;
use serde_json::json;

use crate::desk::Desk;

const LIST: &str = "/operational-webhook/endpoint";

#[tokio::test]
async fn they_are_made_found_changed_and_removed() {
    let desk = Desk::open().await;
    assert_eq!(desk.get(LIST).await.is(200).at("/data"), json!([]));
    desk.get(&format!("{LIST}/none")).await.refused(404, "not_found", "operational");
    let body = r#"{"url":"https://example.com/ops","uid":"ops","eventTypes":["endpoint.disabled"]}"#;
    let made = desk.post(LIST, body).await.made();
    let id = made.id();
    assert_eq!(made.at("/eventTypes"), json!(["endpoint.disabled"]));
    assert_eq!(desk.get(&format!("{LIST}/ops")).await.is(200).json(), made.json());
    assert_eq!(desk.get(LIST).await.at("/data/0/id"), json!(id));
    let secret = desk.get(&format!("{LIST}/{id}/secret")).await.is(200).at("/key");
    assert!(secret.as_str().is_some_and(|key| key.starts_with("whsec_")));
    desk.post(&format!("{LIST}/{id}/secret/rotate"), "{}").await.is(204);
    assert_ne!(desk.get(&format!("{LIST}/{id}/secret")).await.at("/key"), secret);
    let headers = r#"{"headers":{"x-shop":"7","authorization":"Bearer 1"}}"#;
    desk.call("PUT", &format!("{LIST}/ops/headers"), headers).await.is(204);
    let shown = desk.get(&format!("{LIST}/ops/headers")).await.is(200);
    assert_eq!(shown.json(), json!({"headers": {"x-shop": "7"}, "sensitive": ["authorization"]}));
    let replaced = desk.call("PUT", &format!("{LIST}/ops"), r#"{"url":"https://example.com/2"}"#).await.is(200);
    assert_eq!((replaced.at("/url"), replaced.at("/eventTypes")), (json!("https://example.com/2"), json!(null)));
    desk.call("PUT", &format!("{LIST}/late"), r#"{"url":"https://example.com/3"}"#).await.made();
    desk.call("DELETE", &format!("{LIST}/ops"), "").await.is(204);
    desk.get(&format!("{LIST}/{id}")).await.refused(404, "not_found", &id);
    let unknown = r#"{"url":"https://example.com/4","eventTypes":["invoice.paid"]}"#;
    desk.post(LIST, unknown).await.misfit("body.eventTypes.0", "unknown", "message.attempt.exhausted");
}

#[tokio::test]
async fn the_account_behind_them_is_nowhere() {
    let desk = Desk::strict().await;
    desk.account("shop").await;
    let id =
        desk.post(LIST, r#"{"url":"https://example.com/ops","eventTypes":["endpoint.created"]}"#).await.made().id();
    let configuration = desk.store.load_configuration().await.expect("the store reads");
    let hidden = configuration.accounts.iter().find(|account| account.is_operational()).expect("it is stored");
    let listed = desk.get("/app").await.is(200).at("/data");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    for name in [hidden.id.to_string(), "~operational".to_owned(), "%7Eoperational".to_owned()] {
        for path in ["", "/endpoint", "/msg", "/settings"] {
            assert_eq!(desk.get(&format!("/app/{name}{path}")).await.status, 404, "{name}{path}");
        }
        assert_eq!(desk.get(&format!("/app/{name}/endpoint/{id}")).await.status, 404);
        let body = r#"{"eventType":"endpoint.created","payload":{}}"#;
        assert_eq!(desk.post(&format!("/app/{name}/msg"), body).await.status, 404, "nobody publishes to it");
    }
    desk.get(&format!("/app/shop/endpoint/{id}")).await.refused(404, "not_found", &id);
    desk.get("/operational-webhook/endpoint/erp").await.refused(404, "not_found", "erp");
}

#[tokio::test]
async fn changes_are_noted_for_whoever_hears_of_them_and_for_nobody_else() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "early", "").await;
    let count = async || desk.store.notices(100).await.expect("the store reads").len();
    assert_eq!(count().await, 0, "nobody subscribes");
    let body = r#"{"url":"https://example.com/ops","eventTypes":["endpoint.created","endpoint.disabled"]}"#;
    desk.post(LIST, body).await.made();
    assert_eq!(count().await, 0, "nothing is told about those who are told");
    desk.endpoint("shop", "erp", "").await;
    desk.call("PATCH", "/app/shop/endpoint/erp", r#"{"description":"till"}"#).await.is(200);
    desk.call("PATCH", "/app/shop/endpoint/erp", r#"{"disabled":true}"#).await.is(200);
    desk.call("DELETE", "/app/shop/endpoint/erp", "").await.is(204);
    let notices = desk.store.notices(100).await.expect("the store reads");
    let kinds: Vec<String> = notices.iter().map(|(_, notice)| notice.kind.to_string()).collect();
    assert_eq!(kinds, ["endpoint.created", "endpoint.disabled"], "what nobody subscribes to is not noted");
}
