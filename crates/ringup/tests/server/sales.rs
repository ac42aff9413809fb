//! Order Complete: kept, brought to the app by the retry policy, its reward recorded once, whatever dies meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use ringup_testkit::{
    client::Client,
    receiver::{Answer, Gate, Received, Receiver, Script},
};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, Stage, eventually};

const PATH: &str = "/api/v1/app/shop/hook/orderComplete";

async fn set(stage: &Stage, url: &str, more: &Value) -> Result<String> {
    let mut body = json!({"url": url, "deadlineMs": 20_000});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    stage.client.put(&format!("{PATH}/settings"), &body).await?.expect(200)?.text_at("endpointId")
}

async fn submit(client: &Client, invoice: &str) -> Result<Value> {
    client.post(PATH, &json!({"ID": invoice, "Total": 12.50})).await?.expect(200)?.json()
}

/// What was recorded, by invoice.
async fn rewards(stage: &Stage) -> Result<Vec<Value>> {
    let events = stage.client.list::<Value>(&format!("/api/v1/app/{ACCOUNT}/msg")).await?;
    let settled = events.into_iter().filter(|event| event["eventType"] == "loyaltyRewardSettled");
    Ok(settled.map(|event| event["payload"].clone()).collect())
}

fn invoice(request: &Received) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    body["ID"].as_str().unwrap_or_default().to_lowercase()
}

#[tokio::test]
async fn the_same_invoice_is_asked_about_once_and_its_reward_recorded_once() -> Result<()> {
    let stage = Stage::open("sales-twice").await?;
    let gate = Gate::closed();
    let app = Receiver::start(Answer::status(200).body("{\"REWARD\": 120}").gated(&gate)).await?;
    let told = Receiver::start(200).await?;
    stage.endpoint_for("loyaltyRewardSettled", &told.url("/")).await?;
    set(&stage, &app.url("/"), &json!({})).await?;
    let (one, two) = (stage.server.client(), stage.server.client());
    let opened = async {
        let seen = app.wait_for(1, SOON).await;
        gate.open();
        seen
    };
    let (first, second, seen) = tokio::join!(submit(&one, "INV-1"), submit(&two, "inv-1"), opened);
    // Either of the two may be the one that is asked about.
    let (first, second) = match (first?, second?) {
        (cached, live) if cached["kind"] == "cache" => (live, cached),
        answers => answers,
    };
    assert_eq!((&first["kind"], &first["answer"]["reward"]), (&json!("live"), &json!(120)), "{first}");
    assert_eq!(first["answer"], second["answer"], "{second}");
    assert_eq!((&first["queued"], first["callId"].as_str()), (&json!(false), Some(seen?.remove(0).id())));
    let third = submit(&stage.client, "Inv-1").await?;
    assert_eq!((&third["kind"], &third["answer"]), (&json!("cache"), &first["answer"]), "{third}");
    assert_eq!(app.count(), 1);
    let events = rewards(&stage).await?;
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(["INV-1", "inv-1"].contains(&events[0]["invoiceId"].as_str().unwrap_or_default()), "{events:?}");
    assert_eq!(events[0]["answer"]["reward"], 120);
    let heard = told.wait_for(1, SOON).await?;
    assert_eq!(serde_json::from_slice::<Value>(&heard[0].body)?, events[0]);
    for without in [json!({}), json!({"ID": ""}), json!({"ID": 7}), json!({"Number": "INV-1"})] {
        stage.client.post(PATH, &without).await?.expect(422)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_sale_that_failed_is_queued_and_its_reward_told_later() -> Result<()> {
    let stage = Stage::open("sales-queued").await?;
    let app = Receiver::start(503).await?;
    let endpoint = set(&stage, &app.url("/"), &json!({})).await?;
    stage.set(&endpoint, &json!({"schedule": ["300ms", "300ms", "300ms", "300ms", "300ms", "300ms"]})).await?;
    let answer = submit(&stage.client, "INV-7").await?;
    assert_eq!((&answer["kind"], &answer["cause"]), (&json!("failed"), &json!("status")), "{answer}");
    assert_eq!(answer["queued"], true);
    app.set_script(Answer::status(200).body("{\"reward\":3}"));
    let events = eventually("the reward", async || {
        let events = rewards(&stage).await?;
        Ok(if events.is_empty() { Err("none yet") } else { Ok(events) })
    })
    .await?;
    assert_eq!((&events[0]["invoiceId"], &events[0]["answer"]), (&json!("INV-7"), &json!({"reward": 3})));
    assert_eq!(events[0]["callId"], answer["callId"]);
    let asked = app.count();
    let again = submit(&stage.client, "INV-7").await?;
    assert_eq!((&again["kind"], &again["answer"]["reward"]), (&json!("cache"), &json!(3)), "{again}");
    assert_eq!((app.count(), rewards(&stage).await?.len()), (asked, 1));
    Ok(())
}

#[tokio::test]
async fn a_dead_app_is_not_waited_for_once_it_is_known_to_be_dead() -> Result<()> {
    let stage = Stage::open("sales-dead").await?;
    let app = Receiver::start(503).await?;
    set(&stage, &app.url("/"), &json!({})).await?;
    for number in 0..5 {
        let answer = submit(&stage.client, &format!("D-{number}")).await?;
        assert_eq!((&answer["kind"], &answer["queued"]), (&json!("failed"), &json!(true)), "{answer}");
    }
    let answer = submit(&stage.client, "D-5").await?;
    assert_eq!((&answer["cause"], &answer["queued"]), (&json!("breaker_open"), &json!(true)), "{answer}");
    Ok(())
}

/// Invoices, each submitted again and again by two tills.
const INVOICES: usize = 12;
const LIVES: usize = 6;

#[tokio::test]
async fn rewards_survive_kill_9_and_are_recorded_once() -> Result<()> {
    let mut stage = Stage::open("sales-killed").await?;
    // No two answers are the same, and some fail.
    let given: Arc<Mutex<Vec<(String, u64)>>> = Arc::default();
    let gives = given.clone();
    let app = Receiver::start(Script::by(move |request| {
        let mut given = gives.lock().unwrap_or_else(PoisonError::into_inner);
        let reward = u64::try_from(given.len()).unwrap_or_default();
        given.push((invoice(request), reward));
        let answer = if reward % 5 == 3 { Answer::status(503) } else { Answer::status(200) };
        answer.body(format!("{{\"reward\":{reward}}}")).after(Duration::from_millis(5))
    }))
    .await?;
    let endpoint = set(&stage, &app.url("/"), &json!({})).await?;
    let pauses = vec!["50ms"; 20];
    stage.set(&endpoint, &json!({"schedule": pauses})).await?;

    let told: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    for life in 0..LIVES {
        let before = app.count();
        let tills: Vec<_> = (0..2)
            .map(|till| {
                let (client, told) = (stage.server.client().within(Duration::from_secs(30)), told.clone());
                tokio::spawn(async move {
                    for number in 0..INVOICES {
                        let name = format!("Inv-{}", (number + life) % INVOICES);
                        let name = if till == 0 { name } else { name.to_uppercase() };
                        // Whatever a dying server does is no answer.
                        let Ok(answer) = submit(&client, &name).await else { return };
                        if !answer["answer"].is_null() {
                            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                            told.push((name.to_lowercase(), answer["answer"]["reward"].clone()));
                        }
                    }
                })
            })
            .collect();
        let enough = before + 1 + life % 3;
        let reached = app.wait_for(enough, Duration::from_secs(2)).await.is_ok();
        ensure!(reached || life > 1, "life {life}: nobody asked");
        stage.server.kill9()?;
        for till in tills {
            till.await?;
        }
        stage.server.restart().await?;
        stage.client = stage.server.client();
    }
    for number in 0..INVOICES {
        let name = format!("INV-{number}");
        eventually(&name, async || {
            let answer = submit(&stage.client, &name).await?;
            let reward = answer["answer"]["reward"].clone();
            Ok(if reward.is_null() { Err(answer) } else { Ok(reward) })
        })
        .await?;
    }
    let mut recorded: HashMap<String, Value> = HashMap::new();
    for event in rewards(&stage).await? {
        let name = event["invoiceId"].as_str().context("an id")?.to_lowercase();
        let twice = recorded.insert(name, event["answer"]["reward"].clone());
        assert!(twice.is_none(), "recorded twice: {event}");
    }
    assert_eq!(recorded.len(), INVOICES);
    let given = given.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, reward) in &recorded {
        let asked = given.iter().any(|(asked, gave)| asked == name && reward.as_u64() == Some(*gave));
        assert!(asked, "{name}: {reward} was never given: {given:?}");
    }
    for (name, reward) in told.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        assert_eq!(Some(reward), recorded.get(name), "{name}: a till was told another reward");
    }
    Ok(())
}
