//! Events pulled instead of pushed; the catalogue taken out and in, and from an OpenAPI document.

use anyhow::{Context, Result, ensure};
use chrono::Utc;
use serde_json::json;
use svix::{
    api::{EventTypeListOptions, MessagePollerConsumerPollOptions, MessagePollerPollOptions},
    models::{EnvironmentIn, EventTypeImportOpenApiIn, EventTypeIn, PollingEndpointConsumerSeekIn},
};

use crate::{
    call,
    calls::Calls,
    expect::{holds, just_now, same},
};

const SHOP: &str = "shop";
const LATE: &str = "late";

pub async fn play(svix: &Calls) -> Result<()> {
    let sent = call!(svix, message_attempt.list_attempted_messages(SHOP.into(), LATE.into(), None))?;
    let sent: Vec<String> = sent.data.into_iter().rev().map(|item| item.id).collect();
    let (mut ids, mut iterator, mut done) = (Vec::new(), None, false);
    while !done {
        let options = MessagePollerPollOptions { limit: Some(2), iterator, ..Default::default() };
        let page = call!(svix, message.poller.poll(SHOP.into(), LATE.into(), Some(options)))?;
        ids.extend(page.data.into_iter().map(|item| item.id));
        ensure!(ids.len() <= sent.len(), "the iterator goes in circles");
        (iterator, done) = (Some(page.iterator), page.done);
    }
    same(&ids, &sent)?;
    consumer(svix, &sent).await?;
    taken_out_and_in(svix).await
}

async fn consumer(svix: &Calls, sent: &[String]) -> Result<()> {
    let poll = async |limit, iterator| {
        let options = Some(MessagePollerConsumerPollOptions { limit, iterator });
        let page = call!(svix, message.poller.consumer_poll(SHOP.into(), LATE.into(), "books".into(), options))?;
        let ids: Vec<String> = page.data.into_iter().map(|item| item.id).collect();
        anyhow::Ok((ids, page.iterator, page.done))
    };
    same(poll(Some(2), None).await?.0.as_slice(), &sent[..2])?;
    // What is not confirmed comes again.
    let (again, iterator, _) = poll(Some(2), None).await?;
    same(again.as_slice(), &sent[..2])?;
    same(poll(Some(2), Some(iterator)).await?.0.as_slice(), &sent[2..4])?;
    let later = PollingEndpointConsumerSeekIn::new(Utc::now() + chrono::Duration::seconds(1));
    let sought = call!(svix, message.poller.consumer_seek(SHOP.into(), LATE.into(), "books".into(), later, None))?;
    ensure!(!sought.iterator.is_empty(), "no iterator");
    let (ids, _, done) = poll(None, None).await?;
    same((ids.len(), done), (0, true))
}

async fn taken_out_and_in(svix: &Calls) -> Result<()> {
    let exported = call!(svix, environment.export(None))?;
    just_now(exported.created_at)?;
    let made = exported.event_types.into_iter().find(|item| item.name == "sale.made").context("sale.made")?;
    ensure!(made.schemas.is_some_and(|schemas| schemas["1"]["examples"][0]["total"] == 12.5), "the schema is lost");
    let sent = EventTypeIn::new("sale.sent".into(), "Sent".into());
    let environment = EnvironmentIn { event_types: Some(vec![sent]), ..EnvironmentIn::new() };
    call!(svix, environment.import(environment, None))?;
    same(call!(svix, event_type.get("sale.sent".into()))?.description.as_str(), "Sent")?;
    let spec = json!({
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "webhooks": {"sale.gone": {"post": {
            "description": "A sale is gone",
            "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": {"200": {"description": "ok"}},
        }}},
    });
    for dry_run in [true, false] {
        let asked = EventTypeImportOpenApiIn {
            dry_run: Some(dry_run),
            spec: Some(spec.clone()),
            ..EventTypeImportOpenApiIn::new()
        };
        let imported = call!(svix, event_type.import_openapi(asked, None))?;
        same(imported.data.modified, vec!["sale.gone".to_owned()])?;
        let options = EventTypeListOptions { limit: Some(250), ..Default::default() };
        let names = call!(svix, event_type.list(Some(options)))?.data.into_iter().map(|item| item.name);
        holds(&names.collect::<Vec<_>>(), "sale.gone", !dry_run)?;
    }
    Ok(())
}
