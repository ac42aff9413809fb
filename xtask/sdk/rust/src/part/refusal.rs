//! A stranger, and whoever asks for what is not there, hear it in the SDK's own errors.

use anyhow::Result;
use svix::{api::ApplicationListOptions, models::ApplicationIn};

use crate::{
    call,
    calls::Calls,
    expect::{misfit, refused},
};

pub async fn play(svix: &Calls) -> Result<()> {
    call!(svix, health.get())?;
    let stranger = svix.with_key("rk_nobodyNobodyNobodyNobodyNobodyNobody0");
    refused(call!(stranger, application.list(None)), 401)?;
    refused(call!(svix, endpoint.get("nowhere".into(), "first".into())), 404)?;
    refused(call!(svix, message.get("shop".into(), "nowhere".into(), None)), 404)?;
    // What there is not says so. The SDK asks three times, as it does after every 5xx.
    refused(call!(svix, integration.list("shop".into(), None)), 501)?;
    let options = ApplicationListOptions { limit: Some(100_000), ..Default::default() };
    misfit(call!(svix, application.list(Some(options))), &["query", "limit"])?;
    let bad = ApplicationIn { uid: Some("not a uid!".into()), ..ApplicationIn::new("Bad".into()) };
    misfit(call!(svix, application.create(bad, None)), &["body", "uid"])
}
