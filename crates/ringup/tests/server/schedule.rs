//! The retry schedule of an event type: which events it holds for, and what is stronger.

use anyhow::Result;
use ringup_testkit::receiver::Receiver;
use serde_json::json;

use crate::stage::{ACCOUNT, Stage};

#[tokio::test]
async fn an_event_types_schedule_holds_where_nobody_stronger_has_one() -> Result<()> {
    let mut stage = Stage::open("schedule").await?;
    for name in ["patient", "plain"] {
        stage.client.create_event_type(name).await?;
    }
    let (pause, path) = (json!({ "secs": 0, "nanos": 20_000_000 }), "/api/v1/event-type/patient/retry-schedule");
    stage.client.put(path, &json!({ "retrySchedule": [pause, pause, pause] })).await?.expect(200)?;
    let (usual, own) = (Receiver::start(503).await?, Receiver::start(503).await?);
    stage.endpoint(&usual.url("/")).await?;
    let strict = stage.endpoint(&own.url("/")).await?;
    stage.set(&strict, &json!({ "retry": 0 })).await?;

    // What was set is there after a crash, too.
    stage.server.kill9()?;
    stage.server.restart().await?;
    let counts = async |name: &str| {
        let (before, before_own) = (usual.count(), own.count());
        let event = stage.publish(name, 1).await?;
        stage.ended(ACCOUNT, &event).await?;
        anyhow::Ok((usual.count() - before, own.count() - before_own))
    };
    assert_eq!(counts("patient").await?, (4, 1), "three repeats by the type; the endpoint's own word is none");
    assert_eq!(counts("plain").await?, (2, 1), "one repeat, as the guide has it");

    stage.client.put(path, &json!({ "retrySchedule": null })).await?.expect(200)?;
    assert_eq!(counts("patient").await?, (2, 1), "taken away again");
    Ok(())
}
