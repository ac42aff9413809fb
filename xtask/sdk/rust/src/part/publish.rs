//! Events: published once, delivered, and their signatures verified by the SDK, with old and new secrets.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use svix::{
    Webhook,
    api::{MessageCreateOptions, MessageGetOptions, MessageListOptions},
    models::{ApplicationIn, MessageIn},
    webhooks::WebhookError,
};

use super::{SECRET, set};
use crate::{
    call,
    calls::Calls,
    expect::{Page, both_ways, just_now, matches, refused, same},
    page,
    receiver::{Received, Receiver},
};

const SHOP: &str = "shop";

pub async fn play(svix: &Calls, receiver: &Receiver) -> Result<()> {
    let payload = json!({"total": 12.5, "buyer": "Zoë ☕", "lines": [], "note": null});
    let sale = MessageIn {
        event_id: Some("sale-1".into()),
        channels: Some(set(["north"])),
        ..MessageIn::new("sale.made".into(), payload.clone())
    };
    let sent = call!(svix, message.create(SHOP.into(), sale.clone(), None))?;
    matches(&sent.id, "msg_")?;
    same((sent.event_type.as_str(), sent.event_id.as_deref()), ("sale.made", Some("sale-1")))?;
    // No payload in answers unless it is asked for.
    same((sent.channels, sent.payload), (Some(set(["north"])), json!({})))?;
    just_now(sent.timestamp)?;
    let request = receiver.at("/first", 1, |_| true).await?.remove(0);
    same((request.id(), request.json()?), (sent.id.as_str(), payload.clone()))?;
    same((text(&request, "x-b"), text(&request, "x-c")), ("2", "3"))?;
    verify(&call!(svix, endpoint.get_secret(SHOP.into(), "first".into()))?.key, &request)?;

    refused(call!(svix, message.create(SHOP.into(), sale, None)), 409)?;
    let once = || Some(MessageCreateOptions { idempotency_key: Some("one-sale".into()), ..Default::default() });
    let paid = |n: u32| MessageIn::new("sale.paid".into(), json!({"n": n}));
    let first = call!(svix, message.create(SHOP.into(), paid(1), once()))?;
    same(&call!(svix, message.create(SHOP.into(), paid(1), once()))?.id, &first.id)?;
    refused(call!(svix, message.create(SHOP.into(), paid(2), once())), 409)?;
    let delivered = receiver.at("/first", 1, |request| request.id() == first.id).await?;
    same(delivered[0].json()?, json!({"n": 1}))?;
    // Without an endpoint that asked for it, and of an account that comes with it.
    let van = ApplicationIn { uid: Some("van".into()), ..ApplicationIn::new("Van".into()) };
    let low = MessageIn { application: Some(van), ..MessageIn::new("stock.low".into(), json!({"left": 0})) };
    let quiet = call!(svix, message.create("van".into(), low, None))?;
    let whole = || Some(MessageGetOptions { with_content: Some(true) });
    same(call!(svix, message.get("van".into(), quiet.id, whole()))?.payload, json!({"left": 0}))?;
    same(call!(svix, application.get("van".into()))?.name.as_str(), "Van")?;

    same(&call!(svix, message.get(SHOP.into(), "sale-1".into(), None))?.id, &sent.id)?;
    same(call!(svix, message.get(SHOP.into(), sent.id.clone(), whole()))?.payload, payload)?;
    same(call!(svix, message.get(SHOP.into(), sent.id.clone(), None))?.payload, json!({}))?;
    for n in 0..3 {
        let sale = MessageIn::new("sale.made".into(), json!({"n": n}));
        call!(svix, message.create(SHOP.into(), sale, None))?;
    }
    let ids = both_ways(async |iterator| {
        let options = MessageListOptions { limit: Some(2), iterator, ..Default::default() };
        Ok(page!(call!(svix, message.list(SHOP.into(), Some(options)))?, |item| item.id.clone()))
    });
    let ids = ids.await?;
    same((ids.len(), ids.last(), ids.is_sorted_by(|a, b| a > b)), (5, Some(&sent.id), true))?;
    let list = async |options| {
        let list = call!(svix, message.list(SHOP.into(), Some(options)))?;
        anyhow::Ok(list.data.into_iter().map(|item| (item.id, item.payload)).collect::<Vec<_>>())
    };
    let only =
        MessageListOptions { event_types: Some(set(["sale.paid"])), with_content: Some(true), ..Default::default() };
    same(list(only).await?, vec![(first.id, json!({"n": 1}))])?;
    let north = MessageListOptions { channel: Some("north".into()), ..Default::default() };
    same(list(north).await?, vec![(sent.id, json!({}))])?;
    let before = Some(sent.timestamp - chrono::Duration::minutes(1));
    same(list(MessageListOptions { before, ..Default::default() }).await?, Vec::new())
}

/// With the new secret and the one that signs along; what was changed is refused.
fn verify(newest: &str, request: &Received) -> Result<()> {
    let webhook = Webhook::new(newest)?;
    webhook.verify(&request.body, &request.headers)?;
    Webhook::new(SECRET)?.verify(&request.body, &request.headers).context("with the old secret")?;
    let refuses = |body: &[u8], headers: &http::HeaderMap| {
        matches!(webhook.verify(body, headers), Err(WebhookError::InvalidSignature))
    };
    ensure!(refuses(&[&request.body[..], b" "].concat(), &request.headers), "another body was accepted");
    for (name, value) in [("id", format!("{}x", request.id())), ("signature", "v1,AAAA".to_owned())] {
        let mut headers = request.headers.clone();
        for prefix in ["svix", "webhook"] {
            headers.insert(http::HeaderName::try_from(format!("{prefix}-{name}"))?, value.parse()?);
        }
        ensure!(refuses(&request.body, &headers), "another {name} was accepted");
    }
    Ok(())
}

fn text<'a>(request: &'a Received, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
