//! Operational webhooks: whoever runs the shops hears of endpoints that come and of events that do not arrive.

use anyhow::Result;
use serde_json::{Value, json};
use svix::{
    Webhook,
    api::OperationalWebhookEndpointListOptions,
    models::{
        EndpointIn, MessageIn, OperationalWebhookEndpointHeadersIn, OperationalWebhookEndpointIn,
        OperationalWebhookEndpointSecretIn, OperationalWebhookEndpointUpsertIn,
    },
};

use super::{SECRET, map, set};
use crate::{
    call,
    calls::Calls,
    expect::{Page, both_ways, just_now, matches, refused, same},
    page,
    receiver::Receiver,
};

const SHOP: &str = "shop";

pub async fn play(svix: &Calls, receiver: &Receiver) -> Result<()> {
    let kinds = set(["endpoint.created", "message.attempt.exhausted"]);
    let endpoint = OperationalWebhookEndpointIn {
        uid: Some("told".into()),
        description: Some("the operator".into()),
        metadata: Some(map([("team", "1")])),
        event_types: Some(kinds.clone()),
        ..OperationalWebhookEndpointIn::new(receiver.url("/told"))
    };
    let made = call!(svix, operational_webhook.endpoint.create(endpoint, None))?;
    matches(&made.id, "ep_")?;
    same((&made.url, made.uid.as_deref()), (&receiver.url("/told"), Some("told")))?;
    same((made.description.as_str(), made.event_types, made.disabled), ("the operator", Some(kinds), Some(false)))?;
    same(made.metadata, map([("team", "1")]))?;
    just_now(made.created_at)?;
    told(svix, receiver).await?;
    changed(svix, receiver).await?;
    same(call!(svix, operational_webhook.endpoint.get(made.id))?.uid.as_deref(), Some("told"))
}

async fn told(svix: &Calls, receiver: &Receiver) -> Result<()> {
    let secret = call!(svix, operational_webhook.endpoint.get_secret("told".into()))?.key;
    let webhook = Webhook::new(&secret)?;
    let told = async |kind: &str| {
        let is_told = |body: Result<Value>| body.is_ok_and(|body| body["type"] == kind);
        let request = receiver.at("/told", 1, |request| is_told(request.json())).await?.remove(0);
        webhook.verify(&request.body, &request.headers)?;
        anyhow::Ok(request.json()?["data"].take())
    };
    receiver.answer("/sad", 500);
    let sad = EndpointIn {
        uid: Some("sad".into()),
        event_types: Some(set(["sale.sad"])),
        ..EndpointIn::new(receiver.url("/sad"))
    };
    let sad = call!(svix, endpoint.create(SHOP.into(), sad, None))?.id;
    let shop = call!(svix, application.get(SHOP.into()))?.id;
    let mut subject = json!({"appId": shop, "appUid": SHOP, "endpointId": sad, "endpointUid": "sad"});
    same(&told("endpoint.created").await?, &subject)?;
    let event = MessageIn { event_id: Some("sad-1".into()), ..MessageIn::new("sale.sad".into(), json!({})) };
    let lost = call!(svix, message.create(SHOP.into(), event, None))?.id;
    let mut data = told("message.attempt.exhausted").await?;
    let last = data["lastAttempt"].take();
    let attempt = last["id"].as_str().unwrap_or_default().to_owned();
    let attempt = call!(svix, message_attempt.get(SHOP.into(), lost.clone(), attempt, None))?;
    same((attempt.endpoint_id, attempt.response_status_code), (sad, 500))?;
    subject["msgId"] = json!(lost);
    subject["msgEventId"] = json!("sad-1");
    subject["lastAttempt"] = Value::Null;
    same((data, &last["responseStatusCode"]), (subject, &json!(500)))
}

async fn changed(svix: &Calls, receiver: &Receiver) -> Result<()> {
    let other = OperationalWebhookEndpointIn {
        uid: Some("other".into()),
        ..OperationalWebhookEndpointIn::new(receiver.url("/told"))
    };
    call!(svix, operational_webhook.endpoint.create(other, None))?;
    let uids = both_ways(async |iterator| {
        let options = OperationalWebhookEndpointListOptions { limit: Some(1), iterator, ..Default::default() };
        let list = call!(svix, operational_webhook.endpoint.list(Some(options)))?;
        Ok(page!(list, |item| item.uid.clone().unwrap_or_default()))
    });
    let mut uids = uids.await?;
    uids.sort();
    same(uids, vec!["other".to_owned(), "told".to_owned()])?;
    let other = OperationalWebhookEndpointUpsertIn {
        uid: Some("other".into()),
        disabled: Some(true),
        ..OperationalWebhookEndpointUpsertIn::new(receiver.url("/other"))
    };
    let replaced = call!(svix, operational_webhook.endpoint.upsert("other".into(), other))?;
    same((replaced.url, replaced.disabled, replaced.event_types), (receiver.url("/other"), Some(true), None))?;
    let headers = OperationalWebhookEndpointHeadersIn::new(map([("x-team", "2")]));
    call!(svix, operational_webhook.endpoint.set_headers("other".into(), headers))?;
    let headers = call!(svix, operational_webhook.endpoint.get_headers("other".into()))?.headers;
    same(headers, map([("x-team", "2")]))?;
    let key = OperationalWebhookEndpointSecretIn { key: Some(SECRET.into()), ..Default::default() };
    call!(svix, operational_webhook.endpoint.rotate_secret("other".into(), key, None))?;
    same(call!(svix, operational_webhook.endpoint.get_secret("other".into()))?.key.as_str(), SECRET)?;
    call!(svix, operational_webhook.endpoint.delete("other".into()))?;
    refused(call!(svix, operational_webhook.endpoint.get("other".into())), 404)
}
