//! What a receiver sees over time: time limits, cooldowns that survive a restart, `Retry-After`, 410, resends.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use ringup_testkit::receiver::{Answer, Gate, Receiver, Script};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, Entry, SOON, Stage, eventually};

/// What timers and a busy machine may add to a pause.
const SLACK: Duration = Duration::from_secs(5);

fn script(text: &str) -> Result<Script> {
    text.parse()
}

#[tokio::test]
async fn the_time_limit_is_a_408_that_is_told_apart_from_the_servers_own() -> Result<()> {
    let limit = Duration::from_millis(400);
    let stage = Stage::open_with("limit", |setup| setup.with("DELIVERY__TIME_LIMIT", "400ms")).await?;
    let never = Gate::closed();
    let ours = Receiver::start(Answer::status(200).gated(&never)).await?;
    let theirs = Receiver::start(408).await?;
    stage.endpoint_for("ours", &ours.url("/")).await?;
    stage.endpoint_for("theirs", &theirs.url("/")).await?;

    let event = stage.publish("ours", 1).await?;
    assert_eq!(stage.ended_one(&event).await?, "exhausted");
    let attempts = stage.attempts(&event).await?;
    assert_eq!(attempts.len(), 2, "repeated like a 408");
    for attempt in &attempts {
        let entry = Entry::of(attempt);
        assert_eq!((entry.status, entry.timed_out, entry.outcome.as_str()), (408, true, "timed_out"));
        let took = attempt.rest["responseDurationMs"].as_u64().context("a duration")?;
        assert!((400..400 + 5_000).contains(&took), "{took} ms");
    }
    let requests = ours.requests();
    assert!(requests[1].at - requests[0].at >= limit, "the first one had its time");
    eventually("our end of both connections", async || {
        let open = ours.requests().iter().filter(|request| !request.ended).count();
        Ok(if open == 0 { Ok(()) } else { Err(open) })
    })
    .await?;

    let event = stage.publish("theirs", 2).await?;
    assert_eq!(stage.ended_one(&event).await?, "exhausted");
    for attempt in stage.attempts(&event).await? {
        let entry = Entry::of(&attempt);
        assert_eq!((entry.status, entry.timed_out, entry.outcome.as_str()), (408, false, "refused"));
    }
    Ok(())
}

#[tokio::test]
async fn the_cooldown_begins_when_the_failed_attempt_ends() -> Result<()> {
    let stage = Stage::open_with("cooldown", |setup| setup.with("DELIVERY__COOLDOWN", "600ms")).await?;
    let slow = Duration::from_millis(700);
    let receiver = Receiver::start(Answer::status(503).after(slow)).await?;
    stage.endpoint(&receiver.url("/")).await?;
    stage.publish("invoiceCreated", 1).await?;
    let requests = receiver.wait_for(2, SOON).await?;
    let gap = requests[1].at - requests[0].at;
    let least = slow + Duration::from_millis(600);
    assert!(gap >= least && gap < least + SLACK, "{gap:?}");
    Ok(())
}

#[derive(Clone, Copy)]
enum Death {
    Asked,
    Killed,
}

/// The server dies in the middle of a cooldown and comes back before its end.
async fn a_restart_keeps_the_cooldown(death: Death) -> Result<()> {
    let cooldown = Duration::from_secs(3);
    let mut stage = Stage::open_with("restart", |setup| setup.with("DELIVERY__COOLDOWN", "3s")).await?;
    let receiver = Receiver::start(script("503, 200")?).await?;
    stage.endpoint(&receiver.url("/")).await?;
    let event = stage.publish("invoiceCreated", 1).await?;
    receiver.wait_ended(1, SOON).await?;
    let failed = stage.attempts_when(&event, 1).await?;
    match death {
        Death::Asked => assert!(stage.server.sigterm(SOON).await?.success()),
        Death::Killed => stage.server.kill9()?,
    }
    assert_eq!(receiver.count(), 1, "the repeat is not hurried by a stop");
    stage.server.restart().await?;

    let requests = receiver.wait_for(2, SOON).await?;
    let gap = requests[1].at - requests[0].at;
    assert!(gap >= cooldown && gap < cooldown + SLACK, "{gap:?}");
    assert_eq!(requests[0].id(), requests[1].id());
    assert_eq!(stage.ended_one(&event).await?, "delivered");
    let attempts = stage.attempts(&event).await?;
    assert_eq!(attempts.iter().map(|attempt| attempt.response_status_code).collect::<Vec<_>>(), [503, 200]);
    assert_eq!(attempts[0], failed[0], "the log of before is the log of after");
    assert_eq!(receiver.count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_cooldown_survives_sigterm() -> Result<()> {
    a_restart_keeps_the_cooldown(Death::Asked).await
}

#[tokio::test]
async fn a_cooldown_survives_kill_9() -> Result<()> {
    a_restart_keeps_the_cooldown(Death::Killed).await
}

#[tokio::test]
async fn what_falls_due_while_the_server_is_down_is_sent_when_it_is_back() -> Result<()> {
    let mut stage = Stage::open_with("overdue", |setup| setup.with("DELIVERY__COOLDOWN", "1s")).await?;
    let receiver = Receiver::start(script("503, 200")?).await?;
    stage.endpoint(&receiver.url("/")).await?;
    let event = stage.publish("invoiceCreated", 1).await?;
    let due = receiver.wait_ended(1, SOON).await?[0].at + Duration::from_secs(1);
    stage.attempts_when(&event, 1).await?;
    stage.server.kill9()?;
    tokio::time::sleep_until(tokio::time::Instant::from_std(due)).await;
    let restarted = Instant::now();
    stage.server.restart().await?;
    let requests = receiver.wait_for(2, SOON).await?;
    assert!(requests[1].at - restarted < SLACK, "{:?}", requests[1].at - restarted);
    assert_eq!(stage.ended_one(&event).await?, "delivered");
    Ok(())
}

/// Publishes to an endpoint whose first answer is this one; the pause until the second request.
async fn pause_after(stage: &Stage, name: &str, settings: &Value, first: Answer) -> Result<Duration> {
    let receiver = Receiver::start(Script::Sequence(vec![first, Answer::status(200)])).await?;
    let endpoint = stage.endpoint_for(name, &receiver.url("/")).await?;
    stage.set(&endpoint, settings).await?;
    stage.publish(name, 1).await?;
    let requests = receiver.wait_ended(2, SOON).await?;
    Ok(requests[1].at - requests[0].at)
}

#[tokio::test]
async fn retry_after_lengthens_a_pause_under_durable_and_does_nothing_under_guide() -> Result<()> {
    let stage = Stage::open("retryafter").await?;
    let durable = json!({"policy": "durable", "schedule": ["100ms"]});
    let seconds = Answer::status(429).header("retry-after", "2");
    let pause = pause_after(&stage, "seconds", &durable, seconds.clone()).await?;
    assert!(pause >= Duration::from_secs(2) && pause < Duration::from_secs(2) + SLACK, "{pause:?}");

    // A date has whole seconds, so the pause may be one shorter.
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(4));
    let pause = pause_after(&stage, "date", &durable, Answer::status(503).header("retry-after", &date)).await?;
    assert!(pause >= Duration::from_secs(2) && pause < Duration::from_secs(4) + SLACK, "{pause:?}");

    let short = Answer::status(503).header("retry-after", "0");
    let durable = json!({"policy": "durable", "schedule": ["1s"]});
    let pause = pause_after(&stage, "short", &durable, short).await?;
    assert!(pause >= Duration::from_secs(1), "never shortened: {pause:?}");

    let pause = pause_after(&stage, "guide", &json!({"policy": "guide", "cooldown": "100ms"}), seconds).await?;
    assert!(pause >= Duration::from_millis(100) && pause < Duration::from_millis(1_900), "{pause:?}");
    Ok(())
}

#[tokio::test]
async fn a_410_disables_the_endpoint_and_what_follows_is_listed_and_can_be_resent() -> Result<()> {
    let stage = Stage::open("gone").await?;
    let receiver = Receiver::start(410).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}");
    let first = stage.publish("invoiceCreated", 1).await?;
    assert_eq!(stage.ended_one(&first).await?, "gone");
    eventually("a disabled endpoint", async || {
        let shown = stage.client.get(&path).await?.success()?.json()?;
        Ok(if shown["disabled"] == true { Ok(()) } else { Err(shown) })
    })
    .await?;

    let later = [stage.publish("invoiceCreated", 2).await?, stage.publish("invoiceCreated", 3).await?];
    for event in &later {
        assert_eq!(stage.ended_one(event).await?, "skipped");
        assert!(stage.attempts(event).await?.is_empty());
        let refused = stage.client.resend(ACCOUNT, event, &endpoint).await?.expect(409)?;
        assert!(refused.text().contains("disabled"), "{}", refused.text());
    }
    assert_eq!(receiver.count(), 1);

    receiver.set_script(200);
    stage.client.patch(&path, &json!({"disabled": false})).await?.success()?;
    for event in &later {
        stage.client.resend(ACCOUNT, event, &endpoint).await?.expect(202)?;
        assert_eq!(stage.attempts_when(event, 1).await?[0].trigger_type, 1, "asked for by hand");
        assert_eq!(stage.ended_one(event).await?, "delivered");
    }
    let ids: Vec<String> = receiver.requests().iter().map(|request| request.id().to_owned()).collect();
    assert_eq!(ids, [&first, &later[0], &later[1]].map(String::as_str));
    Ok(())
}

#[tokio::test]
async fn an_endpoint_that_keeps_failing_is_paused_until_somebody_enables_it() -> Result<()> {
    let stage = Stage::open_with("paused", |setup| setup.with("DELIVERY__PAUSE_AFTER", "1s")).await?;
    let receiver = Receiver::start(404).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}");
    let paused = eventually("a paused endpoint", async || {
        let event = stage.publish("invoiceCreated", 1).await?;
        stage.ended_one(&event).await?;
        let shown = stage.client.get(&path).await?.success()?.json()?;
        Ok(if shown["disabled"] == true { Ok(shown) } else { Err(shown) })
    })
    .await?;
    assert_eq!(paused["disabledBy"], "failing", "{paused}");
    let requests = receiver.requests();
    let failing = requests[requests.len() - 1].at - requests[0].at;
    assert!(failing >= Duration::from_millis(950), "{failing:?}");

    let skipped = stage.publish("invoiceCreated", 2).await?;
    assert_eq!(stage.ended_one(&skipped).await?, "skipped");
    assert_eq!(receiver.count(), requests.len());
    receiver.set_script(200);
    stage.client.patch(&path, &json!({"disabled": false})).await?.success()?;
    stage.client.resend(ACCOUNT, &skipped, &endpoint).await?.expect(202)?;
    let next = stage.publish("invoiceCreated", 3).await?;
    for event in [&skipped, &next] {
        stage.attempts_when(event, 1).await?;
        assert_eq!(stage.ended_one(event).await?, "delivered");
    }
    Ok(())
}

#[tokio::test]
async fn a_resend_is_one_attempt_with_the_same_id_and_the_same_bytes() -> Result<()> {
    let stage = Stage::open("resend").await?;
    let receiver = Receiver::start(500).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    let event = stage.publish("invoiceCreated", 1).await?;
    assert_eq!(stage.ended_one(&event).await?, "exhausted");
    assert_eq!(receiver.count(), 2);

    stage.client.resend(ACCOUNT, &event, &endpoint).await?.expect(202)?;
    let attempts = stage.attempts_when(&event, 3).await?;
    assert_eq!(stage.ended_one(&event).await?, "exhausted", "one that fails is not repeated");
    assert_eq!(attempts.iter().map(|attempt| attempt.trigger_type).collect::<Vec<_>>(), [0, 0, 1]);

    receiver.set_script(200);
    stage.client.resend(ACCOUNT, &event, &endpoint).await?.expect(202)?;
    stage.attempts_when(&event, 4).await?;
    assert_eq!(stage.ended_one(&event).await?, "delivered");
    stage.client.resend(ACCOUNT, &event, &endpoint).await?.expect(202)?;
    let requests = receiver.wait_ended(5, SOON).await?;
    assert!(requests.iter().all(|request| request.id() == event && request.body == requests[0].body));
    assert_eq!(requests.len(), 5);

    let missing = stage.client.resend(ACCOUNT, "msg_none", &endpoint).await?.expect(404)?;
    assert!(missing.text().contains("msg_none"), "{}", missing.text());
    Ok(())
}

#[tokio::test]
async fn removing_an_endpoint_cancels_what_waits_for_it_and_nothing_else() -> Result<()> {
    let stage = Stage::open_with("removal", |setup| setup.with("DELIVERY__COOLDOWN", "700ms")).await?;
    let (removed, kept) = (Receiver::start(script("503, 200")?).await?, Receiver::start(script("503, 200")?).await?);
    let endpoint = stage.endpoint(&removed.url("/")).await?;
    let event = stage.publish("invoiceCreated", 1).await?;
    stage.attempts_when(&event, 1).await?;
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}");
    stage.client.delete(&path).await?.expect(204)?;

    // Its repeat was due before that of this one.
    stage.endpoint(&kept.url("/")).await?;
    let other = stage.publish("invoiceCreated", 2).await?;
    kept.wait_ended(2, SOON).await?;
    assert_eq!(stage.ended_one(&other).await?, "delivered");
    assert_eq!(removed.count(), 1, "no repeat after the removal");
    assert!(stage.client.get(&path).await?.expect(404)?.text().contains(&endpoint));
    stage.client.get(&format!("/api/v1/app/{ACCOUNT}/msg/{event}")).await?.expect(200)?;
    assert_eq!(stage.attempts(&event).await?.len(), 1, "the log outlives the endpoint");
    Ok(())
}
