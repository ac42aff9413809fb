//! Portal access: a token that reaches one account, and a link that opens the console.

use anyhow::{Result, ensure};
use serde_json::json;
use svix::{
    api::EndpointListOptions,
    models::{
        AppPortalAccessIn, AppPortalCapability, ApplicationIn, ApplicationTokenExpireIn, EndpointIn, EventTypeIn,
        MessageIn,
    },
};

use super::set;
use crate::{
    call,
    calls::Calls,
    expect::{holds, matches, refused, same},
    receiver::Receiver,
};

const SHOP: &str = "shop";
const OWN: &str = "own";

pub async fn play(svix: &Calls, receiver: &Receiver) -> Result<()> {
    let asked = AppPortalAccessIn { session_id: Some("ana".into()), ..AppPortalAccessIn::new() };
    let access = call!(svix, authentication.app_portal_access(SHOP.into(), asked, None))?;
    ensure!(access.url.starts_with("http"), "{}", access.url);
    let ana = svix.with_key(&access.token);
    within(svix, &ana, receiver).await?;
    without(&ana).await?;
    read_only(svix).await?;
    same(call!(ana, application.get(SHOP.into()))?.uid.as_deref(), Some(SHOP))?;
    call!(svix, authentication.expire_all(SHOP.into(), ApplicationTokenExpireIn::new(), None))?;
    refused(call!(ana, application.get(SHOP.into())), 401)?;
    Ok(call!(svix, endpoint.delete(SHOP.into(), OWN.into()))?)
}

async fn within(svix: &Calls, ana: &Calls, receiver: &Receiver) -> Result<()> {
    let shop = call!(ana, application.get(SHOP.into()))?;
    let who = call!(ana, authentication.whoami())?;
    same((who.app_id.as_deref(), who.session_id.as_deref()), (Some(shop.id.as_str()), Some("ana")))?;
    let all = call!(ana, application.list(None))?;
    same(all.data.into_iter().map(|item| item.id).collect::<Vec<_>>(), vec![shop.id])?;
    let options = EndpointListOptions { limit: Some(250), ..Default::default() };
    let endpoints = call!(ana, endpoint.list(SHOP.into(), Some(options)))?;
    let uids: Vec<String> = endpoints.data.into_iter().filter_map(|item| item.uid).collect();
    holds(&uids, "first", true)?;
    let endpoint = EndpointIn {
        uid: Some(OWN.into()),
        event_types: Some(set(["sale.own"])),
        ..EndpointIn::new(receiver.url("/own"))
    };
    let own = call!(ana, endpoint.create(SHOP.into(), endpoint, None))?;
    same(call!(svix, endpoint.get(SHOP.into(), OWN.into()))?.id, own.id)?;
    matches(&call!(ana, endpoint.get_secret(SHOP.into(), OWN.into()))?.key, "whsec_")?;
    same(call!(ana, message.get(SHOP.into(), "sale-1".into(), None))?.event_id.as_deref(), Some("sale-1"))
}

/// Another account is not there for it, and what concerns all of them is not its business.
async fn without(ana: &Calls) -> Result<()> {
    refused(call!(ana, endpoint.list("van".into(), None)), 404)?;
    let event = MessageIn::new("sale.own".into(), json!({}));
    refused(call!(ana, message.create(SHOP.into(), event, None)), 403)?;
    refused(call!(ana, application.create(ApplicationIn::new("Mine".into()), None)), 403)?;
    refused(call!(ana, event_type.create(EventTypeIn::new("sale.own".into(), "mine".into()), None)), 403)
}

async fn read_only(svix: &Calls) -> Result<()> {
    let session = || Some("budi".to_owned());
    let asked = AppPortalAccessIn {
        capabilities: Some([AppPortalCapability::ViewBase].into()),
        session_id: session(),
        ..AppPortalAccessIn::new()
    };
    let access = call!(svix, authentication.app_portal_access(SHOP.into(), asked, None))?;
    let budi = svix.with_key(&access.token);
    same(call!(budi, endpoint.get(SHOP.into(), OWN.into()))?.uid.as_deref(), Some(OWN))?;
    refused(call!(budi, endpoint.delete(SHOP.into(), OWN.into())), 403)?;
    refused(call!(budi, endpoint.get_secret(SHOP.into(), OWN.into())), 403)?;
    call!(budi, authentication.logout(None))?;
    refused(call!(budi, endpoint.list(SHOP.into(), None)), 401)?;
    let ended = ApplicationTokenExpireIn { session_ids: session().map(|name| vec![name]), ..Default::default() };
    Ok(call!(svix, authentication.expire_all(SHOP.into(), ended, None))?)
}
