//! Applications, which are accounts: by id and uid, made once, listed, changed, removed.

use anyhow::Result;
use svix::{
    api::ApplicationListOptions,
    models::{ApplicationIn, ApplicationPatch, Ordering},
};

use super::map;
use crate::{
    call,
    calls::Calls,
    expect::{Page, both_ways, just_now, matches, refused, same},
    page,
};

pub async fn play(svix: &Calls) -> Result<()> {
    let city = map([("city", "Đà Nẵng")]);
    let shop = ApplicationIn { metadata: Some(city.clone()), ..named("Shop", "shop") };
    let made = call!(svix, application.create(shop, None))?;
    matches(&made.id, "app_")?;
    same((made.name.as_str(), made.uid.as_deref(), &made.metadata), ("Shop", Some("shop"), &city))?;
    just_now(made.created_at)?;
    just_now(made.updated_at)?;
    refused(call!(svix, application.create(named("Other", "shop"), None)), 409)?;
    same(&call!(svix, application.get_or_create(named("Other", "shop"), None))?.id, &made.id)?;
    same(&call!(svix, application.get("shop".into()))?.id, &made.id)?;
    same(call!(svix, application.get(made.id.clone()))?.uid.as_deref(), Some("shop"))?;
    let mut all = vec![made.id.clone()];
    for n in 0..4 {
        all.push(call!(svix, application.create(named("Shop", &format!("shop-{n}")), None))?.id);
    }
    let ids = both_ways(async |iterator| {
        let options = ApplicationListOptions { limit: Some(2), iterator, ..Default::default() };
        Ok(page!(call!(svix, application.list(Some(options)))?, |item| item.id.clone()))
    });
    let mut ids = ids.await?;
    let down = ApplicationListOptions { limit: Some(250), order: Some(Ordering::Descending), ..Default::default() };
    let down = call!(svix, application.list(Some(down)))?;
    same(down.data.iter().rev().map(|item| item.id.clone()).collect::<Vec<_>>(), ids.clone())?;
    ids.sort();
    all.sort();
    same(ids, all)?;

    let patch = ApplicationPatch { name: Some("Corner shop".into()), ..ApplicationPatch::new() };
    let patched = call!(svix, application.patch("shop".into(), patch))?;
    same((patched.name.as_str(), patched.metadata), ("Corner shop", city))?;
    let replaced = call!(svix, application.upsert("shop".into(), named("Shop", "shop")))?;
    same((replaced.id, replaced.metadata), (made.id, map([])))?;
    let fresh = call!(svix, application.upsert("kiosk".into(), named("Kiosk", "kiosk")))?;
    same((fresh.name.as_str(), fresh.uid.as_deref()), ("Kiosk", Some("kiosk")))?;
    call!(svix, application.delete("kiosk".into()))?;
    refused(call!(svix, application.get("kiosk".into())), 404)
}

fn named(name: &str, uid: &str) -> ApplicationIn {
    ApplicationIn { uid: Some(uid.to_owned()), ..ApplicationIn::new(name.to_owned()) }
}
