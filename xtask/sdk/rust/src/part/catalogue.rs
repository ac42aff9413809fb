//! Event types: made, read, listed in both directions, changed, archived, removed.

use anyhow::{Context, Result};
use js_option::JsOption;
use serde_json::json;
use svix::{
    api::{EventTypeDeleteOptions, EventTypeListOptions},
    models::{EventTypeIn, EventTypePatch, EventTypeUpsertIn},
};

use super::set;
use crate::{
    call,
    calls::Calls,
    expect::{Page, both_ways, holds, just_now, refused, same},
    page,
};

pub async fn play(svix: &Calls) -> Result<()> {
    let schemas =
        json!({"1": {"type": "object", "properties": {"total": {"type": "number"}}, "examples": [{"total": 12.5}]}});
    let sale = EventTypeIn {
        group_name: Some("sale".into()),
        schemas: Some(schemas.clone()),
        feature_flags: Some(set(["beta"])),
        ..EventTypeIn::new("sale.made".into(), "A sale".into())
    };
    let made = call!(svix, event_type.create(sale.clone(), None))?;
    same((made.name.as_str(), made.group_name.as_deref(), made.archived), ("sale.made", Some("sale"), Some(false)))?;
    same(made.schemas.as_ref(), Some(&schemas))?;
    just_now(made.created_at)?;
    just_now(made.updated_at)?;
    for name in ["sale.paid", "sale.void", "stock.low"] {
        call!(svix, event_type.create(EventTypeIn::new(name.into(), name.into()), None))?;
    }
    refused(call!(svix, event_type.create(sale, None)), 409)?;
    let found = call!(svix, event_type.get("sale.made".into()))?;
    same((found.description.as_str(), found.feature_flags, found.deprecated), ("A sale", Some(set(["beta"])), false))?;
    let names = both_ways(async |iterator| {
        let options = EventTypeListOptions { limit: Some(2), iterator, ..Default::default() };
        Ok(page!(call!(svix, event_type.list(Some(options)))?, |item| item.name.clone()))
    });
    let names = names.await?;
    for name in ["sale.made", "sale.paid", "sale.void", "stock.low"] {
        holds(&names, name, true)?;
    }
    let options = EventTypeListOptions { with_content: Some(true), limit: Some(250), ..Default::default() };
    let listed = call!(svix, event_type.list(Some(options)))?;
    let listed = listed.data.into_iter().find(|item| item.name == "sale.made").context("sale.made")?;
    same(listed.schemas, Some(schemas.clone()))?;

    let patch = EventTypePatch {
        description: Some("A sale was made".into()),
        feature_flags: JsOption::Some(set(["soon"])),
        ..EventTypePatch::new()
    };
    let patched = call!(svix, event_type.patch("sale.made".into(), patch))?;
    same((patched.description.as_str(), patched.schemas), ("A sale was made", Some(schemas)))?;
    same(patched.feature_flags, Some(set(["soon"])))?;
    let paid = EventTypeUpsertIn { deprecated: Some(true), ..EventTypeUpsertIn::new("Paid".into()) };
    let replaced = call!(svix, event_type.upsert("sale.paid".into(), paid))?;
    same((replaced.description.as_str(), replaced.deprecated), ("Paid", true))?;
    let fresh = call!(svix, event_type.upsert("sale.back".into(), EventTypeUpsertIn::new("Returned".into())))?;
    same(fresh.name.as_str(), "sale.back")?;

    call!(svix, event_type.delete("sale.void".into(), None))?;
    same(call!(svix, event_type.get("sale.void".into()))?.archived, Some(true))?;
    for include_archived in [false, true] {
        let include = Some(include_archived);
        let options = EventTypeListOptions { limit: Some(250), include_archived: include, ..Default::default() };
        let listed = call!(svix, event_type.list(Some(options)))?;
        let names: Vec<String> = listed.data.into_iter().map(|item| item.name).collect();
        holds(&names, "sale.void", include_archived)?;
    }
    call!(svix, event_type.delete("sale.void".into(), Some(EventTypeDeleteOptions { expunge: Some(true) })))?;
    refused(call!(svix, event_type.get("sale.void".into())), 404)
}
