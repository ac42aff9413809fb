//! Order, rates and names that must hold: strict and by-key lanes, the rate limit, batches, idempotency across
//! `kill -9`, and signatures checked with somebody else's library.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use http::{HeaderMap, HeaderValue};
use ringup_testkit::{
    client::Reply,
    receiver::{Answer, Received, Receiver, Script},
};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::stage::{ACCOUNT, SOON, Stage};

/// The numbers that events were given, in the order of arrival.
fn numbers(requests: &[Received]) -> Result<Vec<u64>> {
    let number = |request: &Received| -> Result<u64> {
        let payload: Value = serde_json::from_slice(&request.body)?;
        payload["number"].as_u64().context("a number")
    };
    requests.iter().map(number).collect()
}

#[tokio::test]
async fn a_strict_endpoint_waits_for_its_failing_head() -> Result<()> {
    let stage = Stage::open("strict").await?;
    let receiver = Receiver::start("503 x2, 200".parse::<Script>()?).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    stage.set(&endpoint, &json!({"ordering": "strict", "retry": 3, "cooldown": "150ms"})).await?;
    for number in 0..4 {
        stage.publish("invoiceCreated", number).await?;
    }
    let requests = receiver.wait_ended(12, SOON).await?;
    assert_eq!(numbers(&requests)?, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    for pair in requests.windows(2) {
        let pause = pair[1].at - pair[0].at;
        assert!(pair[0].id() != pair[1].id() || pause >= Duration::from_millis(150), "{pause:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_head_that_fails_for_good_gives_way() -> Result<()> {
    let stage = Stage::open("giveway").await?;
    let is_first = |request: &Received| request.text().contains("\"number\":0");
    let receiver =
        Receiver::start(Script::by(
            move |request| {
                if is_first(request) { Answer::status(500) } else { Answer::status(200) }
            },
        ))
        .await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    stage.set(&endpoint, &json!({"ordering": "strict", "retry": 1, "cooldown": "200ms"})).await?;
    let first = stage.publish("invoiceCreated", 0).await?;
    for number in 1..4 {
        stage.publish("invoiceCreated", number).await?;
    }
    let requests = receiver.wait_ended(5, SOON).await?;
    assert_eq!(numbers(&requests)?, [0, 0, 1, 2, 3]);
    assert_eq!(stage.ended_one(&first).await?, "exhausted");
    Ok(())
}

#[tokio::test]
async fn an_order_key_holds_back_its_own_events_alone() -> Result<()> {
    let stage = Stage::open("bykey").await?;
    // The first event of invoice 1 fails twice; everything else is fine.
    let receiver = Receiver::start(Script::by(|_| Answer::status(200))).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    let settings = json!({"ordering": "key", "orderKey": "/ID", "retry": 2, "cooldown": "1s"});
    stage.set(&endpoint, &settings).await?;
    let failures = std::sync::atomic::AtomicU32::new(2);
    receiver.set_script(Script::by(move |request| {
        use std::sync::atomic::Ordering::SeqCst;
        let head = request.text().contains("\"ID\":1,\"number\":0");
        let fails = head && failures.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        Answer::status(if fails { 503 } else { 200 })
    }));
    for number in 0..3 {
        for invoice in 1..=4 {
            let payload = format!("{{\"ID\":{invoice},\"number\":{number}}}");
            stage.client.publish_accepted(ACCOUNT, "invoiceUpdated", &payload).await?;
        }
    }
    let requests = receiver.wait_ended(14, SOON).await?;
    let mut by_invoice: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (request, number) in requests.iter().zip(numbers(&requests)?) {
        let payload: Value = serde_json::from_slice(&request.body)?;
        by_invoice.entry(payload["ID"].as_u64().context("an id")?).or_default().push(number);
    }
    let others = (2..=4).map(|invoice| (invoice, vec![0, 1, 2]));
    let expected: BTreeMap<u64, Vec<u64>> = [(1, vec![0, 0, 0, 1, 2])].into_iter().chain(others).collect();
    assert_eq!(by_invoice, expected);
    let last_other = requests.iter().rposition(|request| !request.text().contains("\"ID\":1,")).context("others")?;
    let heads = |requests: &[Received]| requests.iter().filter(|request| request.text().contains("\"ID\":1,")).count();
    assert_eq!(heads(&requests[..last_other]), 1, "the others did not wait for invoice 1");
    Ok(())
}

#[tokio::test]
async fn a_rate_limit_is_kept() -> Result<()> {
    let stage = Stage::open("rate").await?;
    let receiver = Receiver::start(200).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    stage.set(&endpoint, &json!({"rateLimit": 20})).await?;
    for number in 0..50 {
        stage.publish("invoiceCreated", number).await?;
    }
    let requests = receiver.wait_for(50, SOON).await?;
    // A tenth of a second may come at once, and arrivals spread by what the machine adds.
    for (start, request) in requests.iter().enumerate() {
        let window =
            requests[start..].iter().take_while(|other| other.at - request.at < Duration::from_secs(1)).count();
        assert!(window <= 20 + 2 + 2, "{window} within a second");
    }
    let took = requests[49].at - requests[0].at;
    assert!(took >= Duration::from_millis(2_200), "{took:?}");
    assert!(took < Duration::from_secs(8), "not much slower than it may: {took:?}");
    Ok(())
}

#[tokio::test]
async fn a_batch_is_answered_event_by_event() -> Result<()> {
    let stage = Stage::open("batch").await?;
    let receiver = Receiver::start(200).await?;
    stage.endpoint(&receiver.url("/")).await?;
    stage.client.publish(ACCOUNT, "a", "{}", Some("taken")).await?.expect(202)?;
    let batch = concat!(
        r#"{"messages":[{"eventType":"invoiceCreated","payload":{"number":1,"total":1.10}},"#,
        r#"{"eventType":"invoiceCreated","payload":[2]},"#,
        r#"{"eventType":"invoiceCreated","eventId":"taken","payload":{"number":3}},"#,
        r#"{"eventType":"invoiceCreated","payload":{ "number": 4 }}]}"#,
    );
    let path = format!("/api/v1/app/{ACCOUNT}/msg/batch");
    let reply = stage.client.call(http::Method::POST, &path, &[], batch).await?.success()?;
    let answers = reply.json()?;
    let statuses: Vec<u64> =
        answers["data"].as_array().context("answers")?.iter().filter_map(|answer| answer["status"].as_u64()).collect();
    assert_eq!(statuses, [202, 422, 409, 202], "{answers}");
    let requests = receiver.wait_for(3, SOON).await?;
    let bodies: BTreeSet<String> = requests.iter().map(Received::text).collect();
    let expected = ["{}", r#"{"number":1,"total":1.10}"#, r#"{ "number": 4 }"#];
    assert_eq!(bodies, expected.map(str::to_owned).into());

    let many: Vec<Value> = (0..501).map(|number| json!({"eventType": "a", "payload": {"number": number}})).collect();
    let refused = stage.client.post(&path, &json!({"messages": many})).await?.expect(422)?;
    assert!(refused.text().contains("500"), "{}", refused.text());
    let full = stage.client.post(&path, &json!({"messages": many[..500]})).await?.success()?.json()?;
    assert_eq!(full["data"].as_array().map(Vec::len), Some(500));
    receiver.wait_for(503, SOON).await?;
    Ok(())
}

#[tokio::test]
async fn a_publish_repeated_after_kill_9_is_recognised() -> Result<()> {
    let mut stage = Stage::open("repeated").await?;
    let receiver = Receiver::start(200).await?;
    stage.endpoint(&receiver.url("/")).await?;
    let payload = json!({"number": 1});
    let first = stage.publish_with_key("invoiceCreated", &payload, "key-1").await?.expect(202)?.id()?;
    let named = stage.client.publish(ACCOUNT, "invoiceCreated", r#"{"number":2}"#, Some("invoice-17")).await?;
    let named = named.expect(202)?.id()?;
    stage.server.kill9()?;
    stage.server.restart().await?;

    let again = stage.publish_with_key("invoiceCreated", &payload, "key-1").await?.expect(202)?;
    assert_eq!(again.id()?, first);
    let other = stage.publish_with_key("invoiceCreated", &json!({"number": 9}), "key-1").await?.expect(409)?;
    assert!(other.text().contains(&first), "{}", other.text());
    let taken = stage.client.publish(ACCOUNT, "invoiceCreated", r#"{"number":2}"#, Some("invoice-17")).await?;
    assert!(taken.expect(409)?.text().contains(&named));
    let by_uid = stage.client.get(&format!("/api/v1/app/{ACCOUNT}/msg/invoice-17")).await?.expect(200)?;
    assert_eq!(by_uid.id()?, named);

    let last = stage.publish("invoiceCreated", 3).await?;
    for event in [&first, &named, &last] {
        assert_eq!(stage.ended_one(event).await?, "delivered");
    }
    let ids: BTreeSet<String> = receiver.requests().iter().map(|request| request.id().to_owned()).collect();
    assert_eq!(ids, [first, named, last].into(), "three events and no fourth one");
    // What was in flight when the process died may have come twice, and nothing else.
    ensure!(receiver.count() <= 5, "{}", receiver.count());
    Ok(())
}

/// Whether the library takes the request as signed with this secret.
fn verifies(request: &Received, secret: &str) -> Result<bool> {
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, HeaderValue::from_str(request.header(name).context(name)?)?);
    }
    Ok(Webhook::new(secret)?.verify(&request.body, &headers).is_ok())
}

#[tokio::test]
async fn signatures_verify_with_a_library_of_others_also_during_a_rotation() -> Result<()> {
    let stage = Stage::open("signed").await?;
    let receiver = Receiver::start("500, 200".parse::<Script>()?).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    let old = stage.client.secret(ACCOUNT, &endpoint).await?;
    stage.client.publish_accepted(ACCOUNT, "invoiceCreated", "{\"total\": 19.990, \"é\":\"🧾\"}").await?;
    let requests = receiver.wait_for(2, SOON).await?;
    for request in &requests {
        assert!(verifies(request, &old)?);
        assert!(!verifies(request, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?, "the check can fail");
    }

    receiver.set_script(200);
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/secret/rotate");
    stage.client.post(&path, &json!({"gracePeriodSeconds": 3_600})).await?.success()?;
    let new = stage.client.secret(ACCOUNT, &endpoint).await?;
    assert_ne!(old, new);
    stage.publish("invoiceCreated", 2).await?;
    let request = receiver.wait_for(3, SOON).await?.remove(2);
    assert!(verifies(&request, &old)? && verifies(&request, &new)?);
    assert_eq!(request.header("webhook-signature").unwrap_or_default().split(' ').count(), 2);

    stage.client.post(&path, &json!({"gracePeriodSeconds": 0})).await?.success()?;
    let newest = stage.client.secret(ACCOUNT, &endpoint).await?;
    stage.publish("invoiceCreated", 3).await?;
    let request = receiver.wait_for(4, SOON).await?.remove(3);
    assert!(verifies(&request, &newest)? && !verifies(&request, &new)?, "no grace, no old signature");
    let chosen: Reply = stage.client.post(&path, &json!({"key": "whsec_tooShort"})).await?.expect(422)?;
    assert!(!chosen.text().contains("tooShort"), "a secret is not repeated: {}", chosen.text());
    Ok(())
}
