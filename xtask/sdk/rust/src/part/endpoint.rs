//! Endpoints: their subscription, their headers, their secrets.

use anyhow::{Context, Result, ensure};
use js_option::JsOption;
use svix::{
    api::EndpointListOptions,
    models::{
        EndpointHeadersIn, EndpointHeadersPatchIn, EndpointIn, EndpointPatch, EndpointSecretRotateIn, EndpointUpsertIn,
    },
};

use super::{SECRET, map, set};
use crate::{
    call,
    calls::Calls,
    expect::{Page, both_ways, just_now, matches, misfit, refused, same},
    page,
    receiver::Receiver,
};

const SHOP: &str = "shop";

pub async fn play(svix: &Calls, receiver: &Receiver) -> Result<()> {
    made(svix, receiver).await?;
    changed(svix, receiver).await?;
    headers(svix).await?;
    secrets(svix).await
}

async fn made(svix: &Calls, receiver: &Receiver) -> Result<()> {
    let types = set(["sale.made", "sale.paid"]);
    let first = EndpointIn {
        uid: Some("first".into()),
        description: Some("the till".into()),
        secret: Some(SECRET.into()),
        channels: Some(set(["north"])),
        metadata: Some(map([("till", "1")])),
        headers: Some(map([("x-till", "1"), ("authorization", "Bearer till")])),
        event_types: Some(types.clone()),
        throttle_rate: Some(50),
        ..EndpointIn::new(receiver.url("/first"))
    };
    let made = call!(svix, endpoint.create(SHOP.into(), first, None))?;
    matches(&made.id, "ep_")?;
    same((&made.url, made.uid.as_deref()), (&receiver.url("/first"), Some("first")))?;
    same((&made.event_types, &made.channels), (&Some(types), &Some(set(["north"]))))?;
    same((made.description.as_str(), made.throttle_rate, made.disabled), ("the till", Some(50), Some(false)))?;
    same(&made.metadata, &map([("till", "1")]))?;
    just_now(made.created_at)?;
    just_now(made.updated_at)?;
    let again = EndpointIn { uid: Some("first".into()), ..EndpointIn::new(receiver.url("/first")) };
    refused(call!(svix, endpoint.create(SHOP.into(), again, None)), 409)?;
    misfit(call!(svix, endpoint.create(SHOP.into(), EndpointIn::new("no address".into()), None)), &["body", "url"])?;
    same(&call!(svix, endpoint.get(SHOP.into(), "first".into()))?.id, &made.id)?;
    let shop = call!(svix, application.get(SHOP.into()))?.id;
    same(call!(svix, endpoint.get(shop, made.id))?.uid.as_deref(), Some("first"))?;
    for uid in ["second", "third", "fourth", "fifth"] {
        let endpoint = EndpointIn {
            uid: Some(uid.into()),
            event_types: Some(set(["stock.low"])),
            ..EndpointIn::new(receiver.url(&format!("/{uid}")))
        };
        call!(svix, endpoint.create(SHOP.into(), endpoint, None))?;
    }
    let uids = both_ways(async |iterator| {
        let options = EndpointListOptions { limit: Some(2), iterator, ..Default::default() };
        let list = call!(svix, endpoint.list(SHOP.into(), Some(options)))?;
        Ok(page!(list, |item| item.uid.clone().unwrap_or_default()))
    });
    let mut uids = uids.await?;
    uids.sort();
    same(uids, ["fifth", "first", "fourth", "second", "third"].map(str::to_owned).to_vec())
}

async fn changed(svix: &Calls, receiver: &Receiver) -> Result<()> {
    let patch = EndpointPatch { disabled: Some(true), channels: JsOption::Null, ..EndpointPatch::new() };
    let patched = call!(svix, endpoint.patch(SHOP.into(), "first".into(), patch))?;
    same((patched.disabled, patched.channels, patched.description.as_str()), (Some(true), None, "the till"))?;
    let patch = EndpointPatch { disabled: Some(false), ..EndpointPatch::new() };
    let patched = call!(svix, endpoint.patch(SHOP.into(), "first".into(), patch))?;
    same((patched.disabled, patched.event_types), (Some(false), Some(set(["sale.made", "sale.paid"]))))?;
    let named = |path: &str, uid: &str| EndpointUpsertIn {
        uid: Some(uid.to_owned()),
        ..EndpointUpsertIn::new(receiver.url(path))
    };
    let replaced = call!(svix, endpoint.upsert(SHOP.into(), "second".into(), named("/again", "second")))?;
    same((replaced.url, replaced.event_types), (receiver.url("/again"), None))?;
    let fresh = call!(svix, endpoint.upsert(SHOP.into(), "sixth".into(), named("/sixth", "sixth")))?;
    same(fresh.uid.as_deref(), Some("sixth"))?;
    for uid in ["second", "third", "fourth", "fifth", "sixth"] {
        call!(svix, endpoint.delete(SHOP.into(), uid.into()))?;
    }
    refused(call!(svix, endpoint.get(SHOP.into(), "sixth".into())), 404)
}

async fn headers(svix: &Calls) -> Result<()> {
    let found = call!(svix, endpoint.get_headers(SHOP.into(), "first".into()))?;
    same((found.headers, found.sensitive.into_iter().collect()), (map([("x-till", "1")]), set(["authorization"])))?;
    let two = EndpointHeadersIn::new(map([("x-a", "1"), ("x-b", "2")]));
    call!(svix, endpoint.set_headers(SHOP.into(), "first".into(), two.clone()))?;
    same(call!(svix, endpoint.get_headers(SHOP.into(), "first".into()))?.headers, two.headers)?;
    let patch = EndpointHeadersPatchIn {
        delete_headers: Some(vec!["x-a".into()]),
        ..EndpointHeadersPatchIn::new(map([("x-c", "3")]))
    };
    call!(svix, endpoint.patch_headers(SHOP.into(), "first".into(), patch))?;
    let left = call!(svix, endpoint.get_headers(SHOP.into(), "first".into()))?.headers;
    same(left, map([("x-b", "2"), ("x-c", "3")]))
}

async fn secrets(svix: &Calls) -> Result<()> {
    same(call!(svix, endpoint.get_secret(SHOP.into(), "first".into()))?.key.as_str(), SECRET)?;
    let own = EndpointSecretRotateIn::new();
    let rotated = call!(svix, endpoint.rotate_secret(SHOP.into(), "first".into(), own, None)).context("rotate")?;
    let newest = call!(svix, endpoint.get_secret(SHOP.into(), "first".into()))?;
    matches(&newest.key, "whsec_")?;
    same(&rotated.key, &newest.key)?;
    ensure!(newest.key != SECRET, "the secret is the old one");
    Ok(())
}
