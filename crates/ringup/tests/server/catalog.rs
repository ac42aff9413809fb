//! The catalogue of a new environment, and every sample of it on its way to a receiver.

use anyhow::{Context, Result};
use ringup_app::guide;
use ringup_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, Stage};

#[tokio::test]
async fn every_sample_arrives_byte_for_byte() -> Result<()> {
    let stage = Stage::open("catalog").await?;
    let types = stage.client.list::<Value>("/api/v1/event-type?with_content=true").await?;
    assert_eq!(types.len(), guide::all().len());
    let receiver = Receiver::start(200).await?;
    stage.endpoint(&receiver.url("/")).await?;
    let mut sent = Vec::new();
    for known in guide::all() {
        let event_type = types.iter().find(|one| one["name"] == known.name).context("it is registered")?;
        assert_eq!(event_type["groupName"], known.family(), "{}", known.name);
        assert_eq!(event_type["description"], *known.summary, "{}", known.name);
        assert_eq!(event_type["schemas"]["1"]["examples"][0], serde_json::from_str::<Value>(known.sample())?);
        let reply = stage.client.publish(ACCOUNT, known.name, known.sample(), None).await?.expect(202)?;
        assert!(reply.json()?.get("misfits").is_none(), "{}", reply.text());
        sent.push((reply.id()?, known.sample()));
    }
    let requests = receiver.wait_for(sent.len(), SOON).await?;
    for (id, sample) in sent {
        let request = requests.iter().find(|request| request.id() == id).context("it arrived")?;
        assert_eq!(request.text(), sample);
    }
    // A payload that does not fit is noted, and sent all the same.
    let bad =
        stage.client.publish(ACCOUNT, "paymentCreated", r#"{"Amount": "ten"}"#, None).await?.expect(202)?.json()?;
    let misfits = bad["misfits"].as_array().context("it is noted")?;
    assert!(misfits.iter().any(|why| why.as_str().is_some_and(|why| why.starts_with("/Amount: "))), "{misfits:?}");
    receiver.wait_for(requests.len() + 1, SOON).await?;
    Ok(())
}

#[tokio::test]
async fn the_operator_can_begin_with_nothing() -> Result<()> {
    let stage =
        Stage::open_with("bare", |setup| setup.with("EVENTS__CATALOGUE", "false").with("EVENTS__VALIDATION", "strict"))
            .await?;
    assert!(stage.client.list::<Value>("/api/v1/event-type").await?.is_empty());
    let found = stage.client.get("/api/v1/environment/validation").await?.success()?.json()?;
    assert_eq!(found, json!({"mode": "strict"}));
    Ok(())
}
