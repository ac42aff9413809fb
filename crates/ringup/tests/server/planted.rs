//! Recognisable secrets in every field that takes one, and where they are found afterwards: in the one answer that is
//! there to show them, and nowhere else.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ringup_testkit::{receiver::Receiver, server::Server, tempdir::TempDir};
use serde_json::json;

use crate::stage::{ACCOUNT, SOON, setup};

const OPERATOR: &str = "canary-operator-key-3a77";
/// 32 bytes, and their base64.
const ENCRYPTION: [&str; 2] = ["canary-encryption-key-32-bytes!!", "Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGVzISE="];
const SIGNING: [&str; 2] = ["canary-signing-secret-0815", "Y2FuYXJ5LXNpZ25pbmctc2VjcmV0LTA4MTU="];
const HEADER: &str = "canary-extra-header-b1";
const API_KEY: &str = "canary-header-value-c2";
const PASSWORD: &str = "canary-basic-password-d3";
const BEARER: &str = "canary-bearer-token-e4";
const CLIENT_SECRET: &str = "canary-client-secret-f5";

/// Reads that nobody may find a secret in.
const LOOKS: [&str; 18] = [
    "/app",
    "/app/shop",
    "/app/shop/settings",
    "/app/shop/endpoint",
    "/app/shop/endpoint/E",
    "/app/shop/endpoint/E/headers",
    "/app/shop/endpoint/E/settings",
    "/app/shop/endpoint/E/authorization",
    "/app/shop/attempt/endpoint/E",
    "/app/shop/msg",
    "/key",
    "/auth/whoami",
    "/operator/fleet",
    "/operator/queue",
    "/operator/account",
    "/operator/problem",
    "/operator/system",
    "/operator/support-bundle",
];

#[tokio::test]
async fn planted_secrets_are_found_nowhere() -> Result<()> {
    let dir = TempDir::new("planted")?;
    let mut setup = setup(&dir).with("LOG__FILTER", "debug").with("STORE__ENCRYPTION_KEY", ENCRYPTION[1]);
    setup.key = OPERATOR.to_owned();
    let mut server = Server::start(setup).await?;
    let client = server.client();
    client.create_app(ACCOUNT).await?;
    let receiver = Receiver::start(200).await?;

    let credentials = [
        json!({"kind": "header", "name": "X-Api-Key", "value": API_KEY}),
        json!({"kind": "basic", "username": "till", "password": PASSWORD}),
        json!({"kind": "bearer", "token": BEARER}),
        // Nobody listens there: the token call fails, and its failure is told.
        json!({"kind": "oauth2", "tokenUrl": "http://127.0.0.1:9/", "clientId": "till", "clientSecret": CLIENT_SECRET}),
    ];
    let mut endpoints = Vec::new();
    for authorization in credentials {
        let settings = json!({
            "url": receiver.url("/"),
            "secret": format!("whsec_{}", SIGNING[1]),
            "headers": {"x-shop-token": HEADER},
        });
        let endpoint = client.create_endpoint(ACCOUNT, &settings).await?;
        let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/authorization");
        client.put(&path, &authorization).await?.success()?;
        endpoints.push(endpoint);
    }
    let made = client.post("/api/v1/key", &json!({"name": "planted"})).await?.expect(201)?;
    let access = client.post(&format!("/api/v1/auth/app-portal-access/{ACCOUNT}"), &json!({})).await?.expect(200)?;
    let (key, token, url) = (made.text_at("key")?, access.text_at("token")?, access.text_at("url")?);
    let link = url.rsplit('/').next().context("a link")?.to_owned();
    client.publish_accepted(ACCOUNT, "invoiceCreated", r#"{"total":"1.00"}"#).await?;
    let requests = receiver.wait_ended(3, SOON).await?;
    ensure!(requests.iter().any(|request| request.header("x-api-key") == Some(API_KEY)), "nothing was planted");

    let mut secrets = vec![OPERATOR, HEADER, API_KEY, PASSWORD, BEARER, CLIENT_SECRET, &key, &token, &link];
    secrets.extend(ENCRYPTION.iter().chain(&SIGNING));
    for look in LOOKS {
        for endpoint in &endpoints {
            let path = look.replace("/E", &format!("/{endpoint}"));
            let answer = client.get(&format!("/api/v1{path}")).await?.expect(200)?.text();
            for secret in &secrets {
                ensure!(!answer.contains(secret), "{secret} in GET {path}: {answer}");
            }
        }
    }
    let shown = client.secret(ACCOUNT, &endpoints[0]).await?;
    ensure!(shown.contains(SIGNING[1]), "the one answer that is there to show it: {shown}");

    let data = dir.join("data");
    for state in ["while it runs", "after a kill"] {
        for secret in &secrets {
            assert_in_no_file(&data, secret, state)?;
        }
        if server.pid().is_some() && state == "while it runs" {
            server.kill9()?;
        }
    }
    for line in server.output().lines() {
        for secret in &secrets {
            ensure!(!line.contains(secret), "{secret} in the log: {line}");
        }
    }
    ensure!(server.output().lines().len() > 10, "nothing was logged at this level");
    Ok(())
}

/// As it is, and as a list of numbers, which is how bytes lie in JSON.
fn assert_in_no_file(data: &Path, secret: &str, state: &str) -> Result<()> {
    let numbers = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        for form in [secret, &numbers] {
            let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
            ensure!(!found, "{secret} {state} in {}", path.display());
        }
    }
    Ok(())
}
