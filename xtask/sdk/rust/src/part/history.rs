//! Attempts: of an event, of an endpoint, one alone; a failing receiver; sending again by hand.

use anyhow::Result;
use serde_json::json;
use svix::{
    Webhook,
    api::{MessageAttemptListByEndpointOptions, MessageAttemptListByMsgOptions},
    models::{EndpointIn, MessageAttemptTriggerType, MessageIn, MessageStatus, MessageStatusText, StatusCodeClass},
};

use super::set;
use crate::{
    call,
    calls::Calls,
    expect::{Page, both_ways, eventually, just_now, matches, refused, same},
    page,
    receiver::Receiver,
};

const SHOP: &str = "shop";
const FAILING: &str = "failing";

type Options = MessageAttemptListByEndpointOptions;

pub async fn play(svix: &Calls, receiver: &Receiver) -> Result<()> {
    delivered(svix).await?;
    let lost = given_up(svix, receiver).await?;
    sent_again(svix, receiver, &lost).await
}

async fn delivered(svix: &Calls) -> Result<()> {
    let point = call!(svix, endpoint.get(SHOP.into(), "first".into()))?;
    let sent = call!(svix, message.get(SHOP.into(), "sale-1".into(), None))?;
    let look = async || Ok(call!(svix, message_attempt.list_by_msg(SHOP.into(), sent.id.clone(), None))?.data);
    let done = eventually(look).await?.remove(0);
    matches(&done.id, "atmpt_")?;
    same((&done.msg_id, &done.endpoint_id, &done.url), (&sent.id, &point.id, &point.url))?;
    same((done.status, done.status_text), (MessageStatus::Success, MessageStatusText::Success))?;
    same((done.response_status_code, done.response_duration_ms >= 0), (204, true))?;
    same(done.trigger_type, MessageAttemptTriggerType::Scheduled)?;
    just_now(done.timestamp)?;
    let alone = call!(svix, message_attempt.get(SHOP.into(), sent.id.clone(), done.id.clone(), None))?;
    same(alone.id, done.id)?;
    let there = call!(svix, message_attempt.list_attempted_destinations(SHOP.into(), sent.id, None))?;
    let there: Vec<_> = there.data.into_iter().map(|item| (item.id, item.status, item.next_attempt)).collect();
    same(there, vec![(point.id, MessageStatus::Success, None)])
}

async fn given_up(svix: &Calls, receiver: &Receiver) -> Result<String> {
    receiver.answer("/failing", 500);
    let endpoint = EndpointIn {
        uid: Some(FAILING.into()),
        event_types: Some(set(["stock.low"])),
        ..EndpointIn::new(receiver.url("/failing"))
    };
    let endpoint = call!(svix, endpoint.create(SHOP.into(), endpoint, None))?;
    let low = MessageIn::new("stock.low".into(), json!({"left": 1}));
    let lost = call!(svix, message.create(SHOP.into(), low, None))?.id;
    receiver.at("/failing", 2, |_| true).await?;
    let look = async || {
        let there = call!(svix, message_attempt.list_attempted_destinations(SHOP.into(), lost.clone(), None))?;
        let failed = there.data.into_iter().filter(|item| item.status == MessageStatus::Fail);
        Ok(failed.map(|item| (item.id, item.next_attempt)).collect())
    };
    same(eventually(look).await?, vec![(endpoint.id, None)])?;
    let whole = Some(Options { with_content: Some(true), ..Default::default() });
    let tried = call!(svix, message_attempt.list_by_endpoint(SHOP.into(), FAILING.into(), whole))?;
    let tried = tried.data.into_iter().map(|item| (item.msg_id, item.response, item.status));
    same(tried.collect::<Vec<_>>(), vec![(lost.clone(), "not now".to_owned(), MessageStatus::Fail); 2])?;
    for (options, count) in [
        (Options { status: Some(MessageStatus::Success), ..Default::default() }, 0),
        (Options { status: Some(MessageStatus::Fail), ..Default::default() }, 2),
        (Options { status_code_class: Some(StatusCodeClass::Code5xx), ..Default::default() }, 2),
        (Options { status_code_class: Some(StatusCodeClass::Code2xx), ..Default::default() }, 0),
        (Options { event_types: Some(set(["sale.made"])), ..Default::default() }, 0),
        (Options { limit: Some(1), ..Default::default() }, 1),
    ] {
        let list = call!(svix, message_attempt.list_by_endpoint(SHOP.into(), FAILING.into(), Some(options)))?;
        same(list.data.len(), count)?;
    }
    Ok(lost)
}

async fn sent_again(svix: &Calls, receiver: &Receiver, lost: &str) -> Result<()> {
    receiver.answer("/failing", 204);
    call!(svix, message_attempt.resend(SHOP.into(), lost.into(), FAILING.into(), None))?;
    let again = receiver.at("/failing", 3, |_| true).await?;
    same(again.iter().map(|request| request.id()).collect::<Vec<_>>(), vec![lost; 3])?;
    let secret = call!(svix, endpoint.get_secret(SHOP.into(), FAILING.into()))?.key;
    Webhook::new(&secret)?.verify(&again[2].body, &again[2].headers)?;
    let look = async || {
        let options = MessageAttemptListByMsgOptions {
            status: Some(MessageStatus::Success),
            endpoint_id: Some(FAILING.into()),
            ..Default::default()
        };
        Ok(call!(svix, message_attempt.list_by_msg(SHOP.into(), lost.into(), Some(options)))?.data)
    };
    let by_hand = eventually(look).await?.remove(0);
    same(by_hand.trigger_type, MessageAttemptTriggerType::Manual)?;
    let ids = both_ways(async |iterator| {
        let options = MessageAttemptListByEndpointOptions { limit: Some(1), iterator, ..Default::default() };
        let list = call!(svix, message_attempt.list_by_endpoint(SHOP.into(), FAILING.into(), Some(options)))?;
        Ok(page!(list, |item| item.id.clone()))
    });
    let ids = ids.await?;
    same((ids.len(), &ids[0]), (3, &by_hand.id))?;
    refused(call!(svix, message_attempt.resend(SHOP.into(), "msg_nowhere".into(), FAILING.into(), None)), 404)
}
