//! Payloads and responses, removed for good.

use anyhow::{Result, ensure};
use serde_json::json;
use svix::{
    api::{MessageAttemptListByEndpointOptions, MessageGetOptions},
    models::{BackgroundTaskType, MessageStatus},
};

use super::task;
use crate::{
    call,
    calls::Calls,
    expect::{refused, same},
};

const SHOP: &str = "shop";

pub async fn play(svix: &Calls) -> Result<()> {
    let whole = || Some(MessageGetOptions { with_content: Some(true) });
    let failed = MessageAttemptListByEndpointOptions {
        status: Some(MessageStatus::Fail),
        with_content: Some(true),
        ..Default::default()
    };
    let failed = call!(svix, message_attempt.list_by_endpoint(SHOP.into(), "flaky".into(), Some(failed)))?;
    let first = &failed.data[0];
    same(first.response.as_str(), "not now")?;
    let (event, attempt) = (first.msg_id.clone(), first.id.clone());
    call!(svix, message_attempt.expunge_content(SHOP.into(), event.clone(), attempt.clone()))?;
    let emptied = call!(svix, message_attempt.get(SHOP.into(), event.clone(), attempt, None))?;
    ensure!(emptied.response != "not now", "the response is still there");
    call!(svix, message.expunge_content(SHOP.into(), event.clone()))?;
    same(call!(svix, message.get(SHOP.into(), event.clone(), whole()))?.payload, json!({"expired": true}))?;
    refused(call!(svix, message_attempt.resend(SHOP.into(), event, "flaky".into(), None)), 409)?;
    let quiet = call!(svix, message.list("van".into(), None))?.data.remove(0);
    let begun = call!(svix, message.expunge_all_contents("van".into(), None))?;
    same(begun.task, BackgroundTaskType::ApplicationPurgeContent)?;
    same(&task::finished(svix, &begun.id, begun.task).await?.data["messagesPurged"], &json!(1))?;
    same(call!(svix, message.get("van".into(), quiet.id, whole()))?.payload, json!({"expired": true}))
}
