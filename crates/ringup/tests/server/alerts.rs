//! Whoever is responsible is told by letter that a URL fails, once for each trouble, and that it is over.

use anyhow::Result;
use ringup_testkit::mail_server::{Letter, MailServer};
use ringup_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, Stage, eventually};

const LIST: &str = "/api/v1/operational-webhook/endpoint";

/// What an alert hears of, as the console sets it.
fn alert(url: &str) -> Value {
    json!({"url": url, "filterTypes": ["endpoint.failing", "endpoint.recovered", "endpoint.disabled"]})
}

/// Publishes until there are as many letters; the newest.
async fn letter(stage: &Stage, relay: &MailServer, count: usize) -> Result<Letter> {
    eventually(&format!("letter {count}"), async || {
        stage.publish("invoiceCreated", count).await?;
        let mut letters = relay.letters();
        Ok(if letters.len() >= count { letters.pop().ok_or(letters) } else { Err(letters) })
    })
    .await
}

#[tokio::test]
async fn a_trouble_is_one_letter_and_its_end_another_even_across_a_kill() -> Result<()> {
    let relay = MailServer::start().await?;
    let configured = |setup: ringup_testkit::server::ServerSetup| {
        setup
            .with("SMTP__URL", &relay.url())
            .with("SMTP__FROM", "Ringup <ringup@till.example>")
            .with("DELIVERY__ALERT_AFTER", "1s")
            .with("DELIVERY__BREAKER_FAILURES", "1000")
    };
    let mut stage = Stage::open_with("alerts", configured).await?;
    stage.client.post(LIST, &alert("mailto:ops@shop.example")).await?.expect(201)?;
    let shop = Receiver::start(500).await?;
    let endpoint = stage.endpoint(&shop.url("/in")).await?;

    // Whoever greylists gets it a moment later.
    relay.refuse("451 4.7.1 greylisted, come back");
    let failing = letter(&stage, &relay, 1).await?;
    assert_eq!(failing.to, ["RCPT TO:<ops@shop.example>"]);
    let subject = format!("A URL is failing: {}", shop.url("/in"));
    assert_eq!(failing.header("Subject"), Some(subject.as_str()), "{}", failing.text);
    assert!(failing.body().contains("The newest answer was 500."), "{}", failing.text);
    assert!(failing.body().contains(&format!("/urls/{endpoint}")), "{}", failing.text);

    // The same trouble is not told again by the process that comes next.
    stage.server.kill9()?;
    stage.server.restart().await?;
    stage.client = stage.server.client();
    for number in 0..20 {
        let event = stage.publish("invoiceCreated", number).await?;
        stage.attempts_when(&event, 1).await?;
    }
    shop.set_script(200);
    let well = letter(&stage, &relay, 2).await?;
    let subject = format!("A URL is well again: {}", shop.url("/in"));
    assert_eq!(well.header("Subject"), Some(subject.as_str()), "{}", well.text);
    assert_eq!(relay.letters().len(), 2);

    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}");
    stage.client.patch(&path, &json!({"disabled": true})).await?.success()?;
    let paused = eventually("the letter of the pause", async || {
        let mut letters = relay.letters();
        Ok(if letters.len() == 3 { letters.pop().ok_or(0) } else { Err(letters.len()) })
    })
    .await?;
    assert!(paused.body().contains("Somebody paused it."), "{}", paused.text);
    Ok(())
}

#[tokio::test]
async fn a_webhook_hears_the_same_and_letters_need_a_relay() -> Result<()> {
    let stage = Stage::open_with("alerts-none", |setup| {
        setup.with("DELIVERY__ALERT_AFTER", "1s").with("DELIVERY__BREAKER_FAILURES", "1000")
    })
    .await?;
    let refused = stage.client.post(LIST, &alert("mailto:ops@shop.example")).await?.expect(422)?;
    assert!(refused.text().contains("smtp.url"), "{}", refused.text());
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint");
    let refused = stage.client.post(&path, &json!({"url": "mailto:ops@shop.example"})).await?.expect(422)?;
    assert!(refused.text().contains("`mailto` is not called"), "{}", refused.text());

    let ops = Receiver::start(200).await?;
    stage.client.post(LIST, &alert(&ops.url("/ops"))).await?.expect(201)?;
    let shop = Receiver::start(503).await?;
    stage.endpoint(&shop.url("/in")).await?;
    let told = eventually("endpoint.failing", async || {
        stage.publish("invoiceCreated", 1).await?;
        Ok(ops.requests().pop().ok_or("nothing"))
    })
    .await?;
    let told: Value = serde_json::from_slice(&told.body)?;
    assert_eq!(told["type"], "endpoint.failing");
    assert_eq!(told["data"]["url"], shop.url("/in"));
    assert_eq!(told["data"]["responseStatusCode"], 503);
    Ok(())
}
