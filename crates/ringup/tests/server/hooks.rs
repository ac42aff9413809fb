//! Hooks on a real server with real apps on sockets: who is asked, when a call ends, what is refused. What each app's
//! behaviour means is in [`crate::hook_table`].

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Result, ensure};
use http::Method;
use ringup_testkit::{
    client::{Client, Reply},
    hostile::{Behaviour, HostileServer},
    receiver::{Answer, Gate, Receiver, Script},
};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, Stage, eventually};

/// What the hooks of these tests are given: silent apps are waited for this long.
const DEADLINE_MS: u64 = 400;

fn path(hook: &str) -> String {
    format!("/api/v1/app/{ACCOUNT}/hook/{hook}")
}

fn question(hook: &str) -> Value {
    match hook {
        // Each is another sale.
        "orderComplete" => {
            static SALES: AtomicUsize = AtomicUsize::new(0);
            let sale = SALES.fetch_add(1, Ordering::Relaxed);
            json!({"ID": format!("INV-{sale}"), "Outlet": "Kemang", "Total": 12.50})
        }
        "validateCoupon" => json!({"Code": "A1", "Outlet": "Kemang", "Customer": {"Email": "", "Phone": "1"}}),
        _ => json!({"Outlet": "Kemang", "Phone": "0812", "Email": "", "Code": ""}),
    }
}

/// Sets a hook anew; the id of its endpoint.
async fn set(stage: &Stage, hook: &str, url: &str, more: Value) -> Result<String> {
    let settings = format!("{}/settings", path(hook));
    let removed = stage.client.delete(&settings).await?;
    ensure!([204, 404].contains(&removed.status), "{removed:?}");
    let mut body = json!({"url": url, "deadlineMs": DEADLINE_MS});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    stage.client.put(&settings, &body).await?.expect(200)?.text_at("endpointId")
}

async fn ask(client: &Client, hook: &str) -> Result<Value> {
    client.post(&path(hook), &question(hook)).await?.expect(200)?.json()
}

#[tokio::test]
async fn a_till_is_answered_in_its_own_time_and_the_call_is_cut() -> Result<()> {
    let stage = Stage::open("hooks-deadline").await?;
    let app = HostileServer::start(Behaviour::Silence).await?;
    set(&stage, "fetchMemberPoint", &app.url("/"), json!({"deadlineMs": 30_000})).await?;
    let hurried = async |millis: &str| -> Result<Reply> {
        let body = question("fetchMemberPoint").to_string();
        let path = path("fetchMemberPoint");
        stage.client.call(Method::POST, &path, &[("ringup-deadline-ms", millis)], body).await
    };
    let answer = hurried("150").await?.expect(200)?.json()?;
    assert_eq!((&answer["kind"], &answer["cause"]), (&json!("failed"), &json!("late")), "{answer}");
    assert!(answer["tookMs"].as_u64() < Some(10_000), "{answer}");
    // The app sees its connection end.
    app.wait_ended(1, SOON).await?;
    for senseless in ["0", "-1", "31536000000", "soon", ""] {
        hurried(senseless).await?.expect(422)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_till_that_hangs_up_ends_the_call() -> Result<()> {
    let stage = Stage::open("hooks-cancel").await?;
    let app = HostileServer::start(Behaviour::Silence).await?;
    set(&stage, "fetchMemberPoint", &app.url("/"), json!({"deadlineMs": 30_000})).await?;
    let till = stage.server.client().within(Duration::from_millis(300));
    assert!(ask(&till, "fetchMemberPoint").await.is_err());
    drop(till);
    app.wait_ended(1, SOON).await?;
    Ok(())
}

#[tokio::test]
async fn the_same_question_at_the_same_time_is_asked_once_and_signed() -> Result<()> {
    let stage = Stage::open("hooks-together").await?;
    let gate = Gate::closed();
    let app = Receiver::start(Answer::status(200).body("{\"POINT\": 12.50}").gated(&gate)).await?;
    set(&stage, "fetchMemberPoint", &app.url("/"), json!({"deadlineMs": 30_000})).await?;
    let (one, two) = (stage.server.client(), stage.server.client());
    let opened = async {
        let seen = app.wait_for(1, SOON).await;
        gate.open();
        seen
    };
    let (first, second, seen) = tokio::join!(ask(&one, "fetchMemberPoint"), ask(&two, "fetchMemberPoint"), opened);
    let (first, second) = (first?, second?);
    assert_eq!(first["answer"], json!({"Point": 12.50}));
    assert_eq!(second["answer"], first["answer"]);
    assert_eq!(app.count(), 1, "{first} {second}");
    let seen = seen?.remove(0);
    assert_eq!(first["callId"].as_str(), Some(seen.id()));
    // By the id that the till was given the call is found, and how it went.
    let call = format!("/api/v1/app/{ACCOUNT}/msg/{}", seen.id());
    let event = eventually("the call in the log", async || {
        let reply = stage.client.get(&call).await?;
        Ok(if reply.status == 200 { Ok(reply.json()?) } else { Err(reply.status) })
    })
    .await?;
    assert_eq!(event["eventType"], "fetchMemberPoint", "{event}");
    let attempts = format!("/api/v1/app/{ACCOUNT}/attempt/msg/{}", seen.id());
    assert_eq!(stage.client.list::<Value>(&attempts).await?.len(), 1);
    // Whoever pulls what happened does not get what was asked.
    let pulled = format!("/api/v1/app/{ACCOUNT}/events");
    assert_eq!(stage.client.get(&pulled).await?.expect(200)?.json()?["data"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_hook_asks_one_app_and_what_makes_no_sense_is_refused_with_the_reason() -> Result<()> {
    let stage = Stage::open("hooks-settings").await?;
    let settings = format!("{}/settings", path("validateCoupon"));
    let (first, second) = ("http://127.0.0.1:9/one", "http://127.0.0.1:9/two");
    stage.client.put(&settings, &json!({"url": first})).await?.expect(200)?;
    let refused = stage.client.put(&settings, &json!({"url": second})).await?.expect(409)?;
    assert!(refused.text_at("detail")?.contains(first), "{refused:?}");
    stage.client.put(&settings, &json!({"url": second, "replaces": first})).await?.expect(200)?;
    for senseless in [
        json!({"url": second, "deadlineMs": 99}),
        json!({"url": second, "deadlineMs": 30_001}),
        json!({"url": second, "fallback": {"Type": "Amount", "Amount": 1}}),
        json!({"url": second, "generation": "newest"}),
        json!({"url": "ftp://x/", "replaces": second}),
    ] {
        stage.client.put(&settings, &senseless).await?.expect(422)?;
    }
    let points = format!("{}/settings", path("fetchMemberPoint"));
    stage.client.put(&points, &json!({"url": first, "fallback": {"Point": -1}})).await?.expect(422)?;
    stage.client.post(&path("stockCheck"), &json!({})).await?.expect(404)?;
    for question in [json!({}), json!([]), json!({"Code": 7, "Outlet": ""})] {
        stage.client.post(&path("validateCoupon"), &question).await?.expect(422)?;
    }
    // It survives a restart of the question: the list is what was set.
    let listed = stage.client.get(&format!("/api/v1/app/{ACCOUNT}/hook")).await?.expect(200)?.json()?;
    assert_eq!(listed["data"][0]["url"], second);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    Ok(())
}

/// An app whose first call of each question hangs until the gate opens.
async fn slow_at_first(gate: &Gate, second: Answer) -> Result<Receiver> {
    let asked = AtomicUsize::new(0);
    let gate = gate.clone();
    Receiver::start(Script::by(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::status(200).body("{\"Point\":1}").gated(&gate),
        _ => second.clone(),
    }))
    .await
}

#[tokio::test]
async fn a_question_is_asked_again_where_the_first_call_takes_its_time() -> Result<()> {
    let stage = Stage::open("hooks-hedge").await?;
    let gate = Gate::closed();
    let app = slow_at_first(&gate, Answer::status(200).body("{\"Point\":2}")).await?;
    let hedged = json!({"deadlineMs": 30_000, "hedgeMs": 50});
    let endpoint = set(&stage, "fetchMemberPoint", &app.url("/"), hedged.clone()).await?;
    let answer = ask(&stage.client, "fetchMemberPoint").await?;
    assert_eq!((&answer["kind"], &answer["answer"]["Point"]), (&json!("live"), &json!(2)), "{answer}");
    let calls = app.wait_for(2, SOON).await?;
    assert_ne!(calls[0].id(), calls[1].id(), "two calls, each with its own id");
    assert_eq!((Some(calls[1].id()), &calls[0].body), (answer["callId"].as_str(), &calls[1].body));
    let log = format!("/api/v1/app/{ACCOUNT}/attempt/endpoint/{endpoint}");
    let logged = eventually("both calls are in the log", async || {
        let rows = stage.client.list::<Value>(&log).await?;
        Ok(if rows.len() == 2 { Ok(rows) } else { Err(rows) })
    })
    .await?;
    let mut outcomes: Vec<&str> = logged.iter().filter_map(|row| row["outcome"].as_str()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["delivered", "interrupted"], "{logged:?}");

    // The second one fails: the first is waited for, and is the answer.
    let gate = Gate::closed();
    let app = slow_at_first(&gate, Answer::status(503)).await?;
    set(&stage, "fetchMemberPoint", &app.url("/"), hedged).await?;
    let opened = async {
        let seen = app.wait_for(2, SOON).await;
        gate.open();
        seen
    };
    let other = stage.server.client();
    let (answer, seen) = tokio::join!(ask(&other, "fetchMemberPoint"), opened);
    seen?;
    let answer = answer?;
    assert_eq!((&answer["kind"], &answer["answer"]["Point"]), (&json!("live"), &json!(1)), "{answer}");
    Ok(())
}

#[tokio::test]
async fn no_question_is_asked_twice_where_that_is_not_wanted_or_not_possible() -> Result<()> {
    let stage = Stage::open("hooks-no-hedge").await?;
    let gate = Gate::closed();
    let app = slow_at_first(&gate, Answer::status(200).body("{\"Point\":2}")).await?;
    let url = app.url("/");
    // One place: the second call finds none.
    let endpoint = set(&stage, "fetchMemberPoint", &url, json!({"deadlineMs": 900, "hedgeMs": 50})).await?;
    stage.set(&endpoint, &json!({"inFlightMax": 1})).await?;
    let answer = ask(&stage.client, "fetchMemberPoint").await?;
    assert_eq!((&answer["cause"], app.count()), (&json!("late"), 1), "{answer}");
    // One that fails at once is not asked again.
    let down = Receiver::start(503).await?;
    set(&stage, "fetchMemberPoint", &down.url("/"), json!({"deadlineMs": 5_000, "hedgeMs": 4_000})).await?;
    assert_eq!(ask(&stage.client, "fetchMemberPoint").await?["cause"], "status");
    assert_eq!(down.count(), 1);
    for (hook, hedge_ms) in [("fetchMemberPoint", 9), ("fetchMemberPoint", 5_000), ("orderComplete", 100)] {
        let body = json!({"url": url, "replaces": down.url("/"), "deadlineMs": 5_000, "hedgeMs": hedge_ms});
        let why = stage.client.put(&format!("{}/settings", path(hook)), &body).await?.expect(422)?.text();
        assert!(why.contains("hedgeMs"), "{why}");
    }
    Ok(())
}
