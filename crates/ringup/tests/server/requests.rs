//! The line about each request in the log of the process.

use anyhow::Result;
use http::Method;
use serde_json::Value;

use crate::stage::{ACCOUNT, SOON, Stage};

#[tokio::test]
async fn each_request_has_one_line_without_secrets() -> Result<()> {
    let stage = Stage::open_with("requests", |setup| setup.with("LOG__REQUESTS", "info").with("LOG__FORMAT", "json"));
    let stage = stage.await?;
    stage.client.health().await?;
    let secret = "whsec_c2VjcmV0LWluLWEtcmVxdWVzdC1ib2R5";
    let body = serde_json::json!({ "url": "https://erp.example/", "secret": secret });
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint?note=canary-query");
    stage.client.call(Method::POST, &path, &[], body.to_string()).await?.expect(201)?;
    stage.client.get("/api/v1/nowhere").await?.expect(404)?;
    let is_last = |line: &str| line.contains("/api/v1/nowhere");
    stage.server.output().wait_line(SOON, is_last).await?;
    let lines: Vec<String> = stage.server.output().lines();
    let answered: Vec<Value> = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == "answered")
        .collect();
    assert!(answered.iter().all(|line| !line["path"].as_str().unwrap_or_default().contains("health")), "{answered:?}");
    let made: Vec<_> = answered.iter().filter(|line| line["status"] == 201 && line["route"].is_string()).collect();
    let line = made.last().expect("a line about the endpoint");
    assert_eq!(line["method"], "POST");
    assert_eq!(line["path"], format!("/api/v1/app/{ACCOUNT}/endpoint"));
    assert_eq!(line["route"], "/api/v1/app/{app_id}/endpoint");
    for field in ["request_id", "key", "environment", "duration_us", "body_bytes", "answer_bytes"] {
        assert!(!line[field].is_null(), "no {field} in {line}");
    }
    let all = lines.join("\n");
    for hidden in [secret, "canary-query", stage.server.setup().key.as_str()] {
        assert!(!all.contains(hidden), "{hidden} is in the log");
    }
    Ok(())
}
