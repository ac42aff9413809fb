//! A catcher that plays the loyalty app, asked by a till over sockets.

use anyhow::Result;
use serde_json::json;

use crate::stage::{ACCOUNT, Stage};

#[tokio::test]
async fn a_catcher_answers_all_three_hooks() -> Result<()> {
    let stage = Stage::open("hook-mock").await?;
    let client = &stage.client;
    let account = format!("/api/v1/app/{ACCOUNT}");
    let catcher = client.post(&format!("{account}/catcher"), &json!({"script": "loyalty"})).await?.success()?;
    let url = catcher.text_at("url")?;
    for (hook, question, answer) in [
        (
            "fetchMemberPoint",
            json!({"Outlet": "", "Phone": "+628110000222", "Email": "", "Code": ""}),
            json!({"kind": "live", "answer": {"Point": 1240}, "cause": null}),
        ),
        (
            "fetchMemberPoint",
            json!({"Outlet": "", "Phone": "+620", "Email": "", "Code": ""}),
            json!({"kind": "failed", "answer": null, "cause": "status"}),
        ),
        (
            "validateCoupon",
            json!({"Code": "SPRING-7Q2", "Outlet": "", "Customer": {}}),
            json!({"kind": "live", "answer": {"Type": "Percentage", "Amount": 15}, "cause": null}),
        ),
        (
            "validateCoupon",
            json!({"Code": "USED-1AX", "Outlet": "", "Customer": {}}),
            json!({"kind": "refused", "answer": {"Notification": "this coupon is used already"}}),
        ),
        (
            "orderComplete",
            json!({"ID": "INV-1", "Customer": {"Mobile": "+628110000222"}, "Sales": 75600}),
            json!({"kind": "live", "answer": {"reward": 7560}, "cause": null}),
        ),
    ] {
        let path = format!("{account}/hook/{hook}");
        client.put(&format!("{path}/settings"), &json!({"url": url})).await?.success()?;
        let told = client.post(&path, &question).await?.expect(200)?.json()?;
        for (name, value) in answer.as_object().into_iter().flatten() {
            let is = &told[name];
            let same =
                value.as_object().map_or(is == value, |parts| parts.iter().all(|(name, value)| &is[name] == value));
            assert!(same, "{hook} {question}: {name} of {told}");
        }
    }
    // Later than the till waits, and it says so.
    let slow = client.post(&format!("{account}/catcher"), &json!({"script": "loyalty delay=8s"})).await?.success()?;
    let path = format!("{account}/hook/validateCoupon");
    let replaced = json!({"url": slow.text_at("url")?, "replaces": url, "deadlineMs": 300});
    client.put(&format!("{path}/settings"), &replaced).await?.success()?;
    let told = client.post(&path, &json!({"Code": "SPRING-7Q2", "Outlet": "", "Customer": {}})).await?.expect(200)?;
    assert_eq!(told.json()?["cause"], "late", "{}", told.text());
    Ok(())
}
