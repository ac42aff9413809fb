//! `/app/{account}/endpoint/{endpoint}/authorization`, `oauth` and `mtls`.

use serde_json::json;

use crate::desk::Desk;

const PATH: &str = "/app/shop/endpoint/erp/authorization";
const OAUTH: &str = "/app/shop/endpoint/erp/oauth";
const MTLS: &str = "/app/shop/endpoint/erp/mtls";

async fn desk() -> Desk {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    desk
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let desk = desk().await;
    let none = json!({"kind": "none", "fingerprint": null, "certificate": null, "authorities": null});
    assert_eq!(desk.get(PATH).await.is(200).json(), none);
    let mut fingerprints = Vec::new();
    for (body, shown) in [
        (json!({"kind": "header", "name": "X-Key", "value": "pl4nted"}), json!({"name": "X-Key"})),
        (json!({"kind": "basic", "username": "till", "password": "pl4nted"}), json!({"username": "till"})),
        (json!({"kind": "bearer", "token": "pl4nted"}), json!({})),
        (json!({"kind": "bearer", "token": "pl4nted2"}), json!({})),
        (
            json!({
                "kind": "oauth2", "tokenUrl": "https://id.example/token", "clientId": "till-7",
                "clientSecret": "pl4nted", "credentialsIn": "body", "bodyFormat": "json", "scope": "a b",
                "extraParams": {"audience": "pl4nted"}, "extraHeaders": {"x-tenant": "pl4nted"},
            }),
            json!({
                "tokenUrl": "https://id.example/token", "clientId": "till-7", "credentialsIn": "body",
                "bodyFormat": "json", "scope": "a b", "extraParams": ["audience"], "extraHeaders": ["x-tenant"],
            }),
        ),
    ] {
        let put = desk.call("PUT", PATH, body.to_string()).await.is(200);
        assert!(!put.text.contains("pl4nted"), "{}", put.text);
        assert_eq!(desk.get(PATH).await.text, put.text);
        assert_eq!(put.at("/kind"), body["kind"]);
        for (name, value) in shown.as_object().unwrap() {
            assert_eq!(put.at(&format!("/{name}")), *value, "{name}");
        }
        let fingerprint = put.at("/fingerprint").as_str().unwrap().to_owned();
        assert!(fingerprint.len() == 8 && !fingerprints.contains(&fingerprint), "{fingerprint}");
        fingerprints.push(fingerprint);
        let endpoint = desk.get("/app/shop/endpoint/erp").await;
        assert!(!endpoint.text.contains("pl4nted"), "{}", endpoint.text);
    }
    let again = json!({"kind": "bearer", "token": "pl4nted"}).to_string();
    assert_eq!(desk.call("PUT", PATH, again).await.at("/fingerprint"), fingerprints[2], "it tells what is the same");
    desk.call("DELETE", PATH, "").await.is(204);
    assert_eq!(desk.get(PATH).await.json(), none);
}

#[tokio::test]
async fn mistakes_are_named_and_secrets_are_not_repeated() {
    let desk = desk().await;
    let long = "pl4nted".repeat(1_000);
    for (body, place, rule) in [
        (json!({}), "body.kind", "missing"),
        (json!({"kind": "digest"}), "body.kind", "type"),
        (json!({"kind": "header", "value": "pl4nted"}), "body.name", "missing"),
        (json!({"kind": "header", "name": "host", "value": "pl4nted"}), "body.name", "header"),
        (json!({"kind": "header", "name": "x", "value": "pl4nted\r\nhost: evil"}), "body.name", "header"),
        (json!({"kind": "basic", "username": "a:b", "password": "pl4nted"}), "body.username", "colon"),
        (json!({"kind": "basic", "username": "a", "password": "pl4nted\n"}), "body.password", "characters"),
        (json!({"kind": "bearer", "token": "pl4nted x"}), "body.token", "characters"),
        (json!({"kind": "bearer", "token": long}), "body.token", "length"),
        (json!({"kind": "bearer", "token": "x", "certificate": "pl4nted"}), "body.certificate", "pem"),
        (json!({"kind": "none", "authorities": "pl4nted"}), "body.authorities", "pem"),
        (
            json!({"kind": "oauth2", "tokenUrl": "https://10.0.0.1/", "clientId": "x", "clientSecret": "pl4nted"}),
            "body.tokenUrl",
            "forbidden_address",
        ),
        (json!({"kind": "oauth2", "clientId": "x", "clientSecret": "pl4nted"}), "body.tokenUrl", "missing"),
    ] {
        let reply = desk.call("PUT", PATH, body.to_string()).await;
        reply.misfit(place, rule, "");
        assert!(!reply.text.contains("pl4nted"), "{}", reply.text);
    }
    desk.post(&format!("{PATH}/try"), "").await.refused(409, "conflict", "no token to try");
    let path = PATH.replace("shop", "other");
    desk.account("other").await;
    for (method, path) in [("GET", path.as_str()), ("DELETE", &path), ("POST", &format!("{path}/try"))] {
        desk.call(method, path, "").await.refused(404, "not_found", "erp");
    }
}

#[tokio::test]
async fn the_dialects_oauth_is_the_same_thing() {
    let desk = desk().await;
    desk.get(OAUTH).await.refused(404, "not_found", "OAuth");
    desk.call("DELETE", OAUTH, "").await.refused(404, "not_found", "OAuth");
    assert_eq!(desk.get(&format!("{OAUTH}-config")).await.json(), json!({"enabled": false, "config": null}));
    let config = json!({
        "grantType": "clientCredentials", "authMethod": "clientSecretPost", "clientId": "till-7",
        "clientSecret": "pl4nted", "tokenUrl": "https://id.example/token", "scopes": ["a", "b"],
    });
    desk.call("PUT", OAUTH, config.to_string()).await.is(204);
    let shown = json!({
        "grantType": "clientCredentials", "authMethod": "clientSecretPost", "clientId": "till-7",
        "tokenUrl": "https://id.example/token", "scopes": ["a", "b"],
    });
    assert_eq!(desk.get(OAUTH).await.json(), shown);
    assert_eq!(desk.get(&format!("{OAUTH}-config")).await.json(), json!({"enabled": true, "config": shown}));
    assert_eq!(desk.get(PATH).await.at("/kind"), "oauth2");
    for (field, value) in [("grantType", "refreshToken"), ("authMethod", "clientSecretJwt")] {
        let mut other = config.clone();
        other[field] = value.into();
        desk.call("PUT", OAUTH, other.to_string()).await.misfit(&format!("body.{field}"), "not_implemented", value);
    }
    desk.call("DELETE", OAUTH, "").await.is(204);
    assert_eq!(desk.get(PATH).await.at("/kind"), "none");
}

#[tokio::test]
async fn the_dialects_mtls_is_the_certificate() {
    let desk = desk().await;
    desk.get(MTLS).await.refused(404, "not_found", "mTLS");
    assert_eq!(desk.get(&format!("{MTLS}-config")).await.json(), json!({"enabled": false, "config": null}));
    desk.call("PUT", MTLS, r#"{"identity":"pl4nted"}"#).await.misfit("body.certificate", "pem", "PEM");
    desk.call("DELETE", MTLS, "").await.refused(404, "not_found", "mTLS");
}
