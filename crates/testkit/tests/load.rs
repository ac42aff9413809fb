//! The load generator, against scripted receivers.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use ringup_testkit::{
    journal::{self, Sent, Sha256},
    load::{Keep, Load, Pace, Payload, Plan, Report, Shape},
    receiver::{
        Answer, Gate, Receiver, Script,
        fast::{FastReceiver, FastSetup},
    },
    tempdir::TempDir,
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(20);

/// Joining blocks, and the receiver runs on this runtime.
async fn join(load: Load) -> Result<Report> {
    tokio::task::spawn_blocking(|| load.join()).await?
}

fn accepting() -> Script {
    Script::by(|request| {
        let event: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let uid = event["eventId"].as_str().unwrap_or("?").to_owned();
        Answer::status(202).body(format!(r#"{{"id":"msg_{uid}"}}"#))
    })
}

#[tokio::test]
async fn every_event_is_sent_once_and_remembered_as_it_went_out() -> Result<()> {
    let server = Receiver::start(accepting()).await?;
    let mut plan = Plan::publish(server.address(), "key", "shop", "sale");
    let sample = "{ \"total\": 1.10 }";
    (plan.publishers, plan.events_max, plan.ordered, plan.payload) = (3, 40, true, Payload::from_sample(sample));
    plan.shape = Shape::Publish { key: "key".into(), apps: vec!["a".into(), "b".into()], event_type: "sale".into() };
    let report = join(Load::start(plan)?).await?;

    assert_eq!((report.acknowledged, report.requests, report.sent.len()), (40, 40, 40));
    assert_eq!((report.refused.len(), report.unanswered, report.latency.count()), (0, 0, 40));
    assert_eq!(server.connections(), 3);
    let requests = server.requests();
    assert_eq!(requests.len(), 40);
    for sent in &report.sent {
        let request = requests.iter().find(|request| request.text().contains(&format!("\"{}\"", sent.uid)));
        let request = request.with_context(|| format!("{} arrived", sent.uid))?;
        let payload = sent.payload.as_ref().context("payloads are kept")?;
        let Sent { uid, app, .. } = sent;
        assert_eq!(request.text(), format!(r#"{{"eventType":"sale","eventId":"{uid}","payload":{payload}}}"#));
        assert!(payload.ends_with(" \"total\": 1.10 }"), "{payload}");
        assert_eq!(request.target, format!("/api/v1/app/{app}/msg"));
        assert_eq!(sent.body_sha256, Sha256::of(payload.as_bytes()));
        assert_eq!(sent.event, Some(format!("msg_{uid}")));
        assert!(sent.answered_at_ns >= Some(sent.sent_at_ns));
        assert!(serde_json::from_str::<Value>(payload)?["sentNs"].as_u64() <= Some(sent.sent_at_ns));
    }
    let places: BTreeSet<_> = report.sent.iter().map(|sent| sent.order.clone()).collect();
    assert_eq!(places.len(), 40, "no place is taken twice");
    Ok(())
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again_under_the_same_uid() -> Result<()> {
    let answers = [Answer::status(503), Answer::nothing(), Answer::status(202).cut(0).body("x"), Answer::status(429)];
    let server = Receiver::start(Script::by(move |request| {
        let turn = usize::try_from(request.connection).expect("few connections");
        answers
            .get(turn)
            .cloned()
            .unwrap_or_else(|| Answer::status(202).body("{\"id\":\"msg_1\"}"))
            .header("connection", "close")
    }))
    .await?;
    let plan = Plan { events_max: 1, ..Plan::publish(server.address(), "key", "shop", "sale") };
    let report = join(Load::start(plan)?).await?;

    assert_eq!((report.acknowledged, report.requests, report.unanswered), (1, 5, 2));
    assert_eq!(report.refused.into_iter().collect::<Vec<_>>(), [(429, 1), (503, 1)]);
    let statuses: Vec<_> = report.sent.iter().map(|sent| sent.status).collect();
    assert_eq!(statuses, [Some(503), None, None, Some(429), Some(202)]);
    assert!(report.sent.iter().all(|sent| sent.uid == "e-0" && sent.body_sha256 == report.sent[0].body_sha256));
    Ok(())
}

#[tokio::test]
async fn a_request_in_flight_at_the_stop_is_remembered_as_unanswered() -> Result<()> {
    let gate = Gate::closed();
    let server = Receiver::start(Answer::status(202).gated(&gate)).await?;
    let load = Load::start(Plan::publish(server.address(), "key", "shop", "sale"))?;
    server.wait_for(1, DEADLINE).await?;
    load.stop();
    let report = join(load).await?;
    assert_eq!((report.requests, report.acknowledged, report.unanswered), (1, 0, 1));
    assert_eq!((report.sent.len(), report.sent[0].status, report.sent[0].answered_at_ns), (1, None, None));
    Ok(())
}

#[tokio::test]
async fn the_journal_file_holds_the_same_lines() -> Result<()> {
    let dir = TempDir::new("load")?;
    let path = dir.join("sent.jsonl");
    let server = Receiver::start(accepting()).await?;
    let mut plan = Plan { events_max: 5, ..Plan::publish(server.address(), "key", "shop", "sale") };
    plan.journal = Keep::File(path.clone());
    let load = Load::start(plan)?;
    load.wait_acknowledged(5, DEADLINE).await?;
    let report = join(load).await?;
    let lines: Vec<Sent> = journal::read(&path)?;
    let uids: Vec<_> = lines.iter().map(|line| line.uid.as_str()).collect();
    assert_eq!(uids, ["e-0", "e-1", "e-2", "e-3", "e-4"]);
    assert!(lines.iter().all(|line| line.status == Some(202) && line.payload.is_some()));
    assert!(report.sent.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_steady_pace_is_kept() -> Result<()> {
    let receiver = FastReceiver::start(FastSetup::default())?;
    let plan =
        Plan { publishers: 4, pace: Pace::PerSecond(500), events_max: 100, ..Plan::bare(receiver.address(), "/") };
    let report = join(Load::start(plan)?).await?;
    assert_eq!(report.acknowledged, 100);
    // The last of 100 events is due at 198 ms.
    assert!(report.elapsed >= Duration::from_millis(198), "{report}");
    assert_eq!((receiver.count(), receiver.take().age.count()), (100, 100));
    Ok(())
}
