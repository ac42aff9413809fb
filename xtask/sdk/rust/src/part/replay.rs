//! What an endpoint was sent, and its counts; tasks that send much again; examples.

use std::collections::BTreeSet;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;
use svix::{
    Webhook,
    api::{BackgroundTaskListOptions, MessageAttemptListAttemptedMessagesOptions},
    models::{
        BackgroundTaskStatus, BackgroundTaskType, BulkReplayIn, EndpointIn, EndpointStats, EventExampleIn, MessageIn,
        MessagePrecheckIn, MessageStatus, RecoverIn, ReplayIn,
    },
};

use super::{set, task};
use crate::{
    call,
    calls::Calls,
    expect::{Page, both_ways, eventually, refused, same},
    page,
    receiver::{Received, Receiver},
};

const SHOP: &str = "shop";

pub async fn play(svix: &Calls, receiver: &Receiver) -> Result<()> {
    let whole = Some(true);
    let options = MessageAttemptListAttemptedMessagesOptions { with_content: whole, ..Default::default() };
    let sent = call!(svix, message_attempt.list_attempted_messages(SHOP.into(), "failing".into(), Some(options)))?;
    let sent = &sent.data[0];
    same((sent.event_type.as_str(), &sent.payload), ("stock.low", &json!({"left": 1})))?;
    same(sent.status, MessageStatus::Success)?;
    let counts = call!(svix, endpoint.get_stats(SHOP.into(), "failing".into(), None))?;
    same([counts.success, counts.fail, counts.pending, counts.sending, counts.canceled], [1, 0, 0, 0, 0])?;
    let tries = call!(svix, endpoint.get_attempt_stats(SHOP.into(), "failing".into(), None))?;
    same([tries.success, tries.fail, tries.canceled], [1, 2, 0])?;
    for (event_type, active) in [("stock.low", true), ("stock.high", false)] {
        let asked = MessagePrecheckIn::new(event_type.into());
        same(call!(svix, message.precheck(SHOP.into(), asked, None))?.active, active)?;
    }
    let since = sent.timestamp - chrono::Duration::seconds(1);

    let (low, recovered) = recovered(svix, receiver, since).await?;
    let all: BTreeSet<String> = low.into_iter().chain([sent.id.clone()]).collect();
    let mut tasks = late(svix, receiver, since, &all).await?;
    tasks.push(recovered.clone());
    tasks.sort();
    let listed = both_ways(async |iterator| {
        let options = BackgroundTaskListOptions { limit: Some(2), iterator, ..Default::default() };
        Ok(page!(call!(svix, background_task.list(Some(options)))?, |item| item.id.clone()))
    });
    let mut listed = listed.await?;
    listed.sort();
    same(listed, tasks)?;
    let options = BackgroundTaskListOptions {
        status: Some(BackgroundTaskStatus::Finished),
        task: Some(BackgroundTaskType::EndpointRecover),
        ..Default::default()
    };
    let done = call!(svix, background_task.list(Some(options)))?;
    same(done.data.into_iter().map(|item| item.id).collect::<Vec<_>>(), vec![recovered])?;
    refused(call!(svix, background_task.get("qtask_nowhere".into())), 404)?;

    let example = EventExampleIn::new("sale.made".into());
    let example = call!(svix, endpoint.send_example(SHOP.into(), "late".into(), example, None))?;
    let request = receiver.at("/late", 1, |request| request.id() == example.id).await?.remove(0);
    same((example.event_type.as_str(), request.json()?), ("sale.made", json!({"total": 12.5})))?;
    let secret = call!(svix, endpoint.get_secret(SHOP.into(), "late".into()))?.key;
    Ok(Webhook::new(&secret)?.verify(&request.body, &request.headers)?)
}

/// Three events that a receiver refused, sent again by a task.
async fn recovered(svix: &Calls, receiver: &Receiver, since: DateTime<Utc>) -> Result<(Vec<String>, String)> {
    receiver.answer("/flaky", 503);
    endpoint(svix, receiver, "flaky").await?;
    let mut low = Vec::new();
    for left in 2..=4 {
        let event = MessageIn::new("stock.low".into(), json!({"left": left}));
        low.push(call!(svix, message.create(SHOP.into(), event, None))?.id);
    }
    receiver.at("/flaky", 6, |_| true).await?;
    counted(svix, "flaky", |counts| counts.fail == 3).await?;
    let listed = both_ways(async |iterator| {
        let options = MessageAttemptListAttemptedMessagesOptions {
            limit: Some(2),
            iterator,
            status: Some(MessageStatus::Fail),
            ..Default::default()
        };
        let list = call!(svix, message_attempt.list_attempted_messages(SHOP.into(), "flaky".into(), Some(options)))?;
        Ok(page!(list, |item| item.id.clone()))
    });
    let mut listed = listed.await?;
    listed.reverse();
    same(&listed, &low)?;
    receiver.answer("/flaky", 204);
    let begun = call!(svix, endpoint.recover(SHOP.into(), "flaky".into(), RecoverIn::new(since), None))?;
    same(begun.task, BackgroundTaskType::EndpointRecover)?;
    let done = task::finished(svix, &begun.id, begun.task).await?;
    same(&done.data["messagesSent"], &json!(3))?;
    same(ids(&receiver.at("/flaky", 9, |_| true).await?[6..]), low.iter().cloned().collect())?;
    counted(svix, "flaky", |counts| counts.success == 3).await?;
    Ok((low, begun.id))
}

/// An endpoint that came later gets what it missed, and then all of it once more.
async fn late(svix: &Calls, receiver: &Receiver, since: DateTime<Utc>, all: &BTreeSet<String>) -> Result<Vec<String>> {
    endpoint(svix, receiver, "late").await?;
    let missing = call!(svix, endpoint.replay_missing(SHOP.into(), "late".into(), ReplayIn::new(since), None))?;
    same(missing.task, BackgroundTaskType::EndpointReplay)?;
    same(&task::finished(svix, &missing.id, missing.task).await?.data["messagesSent"], &json!(4))?;
    same(&ids(&receiver.at("/late", 4, |_| true).await?), all)?;
    counted(svix, "late", |counts| counts.success == 4).await?;
    let again = BulkReplayIn {
        event_types: Some(set(["stock.low"])),
        status: Some(MessageStatus::Success),
        ..BulkReplayIn::new(since)
    };
    let bulk = call!(svix, endpoint.bulk_replay(SHOP.into(), "late".into(), again, None))?;
    same(bulk.task, BackgroundTaskType::EndpointBulkReplay)?;
    same(&task::finished(svix, &bulk.id, bulk.task).await?.data["messagesSent"], &json!(4))?;
    same(&ids(&receiver.at("/late", 8, |_| true).await?[4..]), all)?;
    Ok(vec![missing.id, bulk.id])
}

async fn endpoint(svix: &Calls, receiver: &Receiver, uid: &str) -> Result<()> {
    let endpoint = EndpointIn {
        uid: Some(uid.into()),
        event_types: Some(set(["stock.low"])),
        ..EndpointIn::new(receiver.url(&format!("/{uid}")))
    };
    call!(svix, endpoint.create(SHOP.into(), endpoint, None))?;
    Ok(())
}

/// Waits until the endpoint's counts are such.
async fn counted(svix: &Calls, endpoint: &str, such: impl Fn(&EndpointStats) -> bool) -> Result<()> {
    let look = async || {
        let counts = call!(svix, endpoint.get_stats(SHOP.into(), endpoint.into(), None))?;
        Ok(Some(counts).filter(&such).into_iter().collect())
    };
    eventually(look).await.map(drop)
}

fn ids(requests: &[Received]) -> BTreeSet<String> {
    requests.iter().map(|request| request.id().to_owned()).collect()
}
