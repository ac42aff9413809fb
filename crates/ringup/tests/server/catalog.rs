//! The catalogue of a new environment, and every sample of it on its way to a receiver.

use std::process::Command;

use anyhow::{Context, Result};
use ringup_app::guide;
use ringup_testkit::receiver::Receiver;
use ringup_testkit::tempdir::TempDir;
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
async fn a_catalogue_is_exported_drawn_and_compared() -> Result<()> {
    let stage = Stage::open("compared").await?;
    let dir = TempDir::new("catalogues")?;
    let url = stage.server.url();
    let ringup = |args: &[&str]| -> Result<(Option<i32>, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringup"));
        command.args(args).env("RINGUP_KEY", stage.server.setup().key.as_str());
        let output = command.output()?;
        let words = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
        Ok((output.status.code(), words))
    };
    let (code, exported) = ringup(&["catalog", "export", "--url", &url])?;
    assert_eq!(code, Some(0), "{exported}");
    let old = dir.join("old.json").display().to_string();
    std::fs::write(&old, &exported)?;
    let (code, page) = ringup(&["catalog", "html", &old])?;
    assert_eq!(code, Some(0), "{page}");
    for known in guide::all() {
        assert!(page.contains(&format!("<h3 id=\"{}\">", known.name)), "{}", known.name);
    }
    assert_eq!(ringup(&["catalog", "diff", &old, &old])?, (Some(0), "nothing changed\n".to_owned()));
    // What is compiled in is what the environment began with, but for the questions, which nobody is sent.
    let document = dir.join("openapi.json").display().to_string();
    std::fs::write(&document, ringup(&["openapi"])?.1)?;
    let (_, words) = ringup(&["catalog", "diff", &document, &old])?;
    let questions = guide::all().iter().filter(|known| known.is_question()).count();
    assert_eq!(words.matches(": is new").count(), questions, "{words}");
    assert!(!words.contains("BREAKING"), "{words}");

    let mut changed: Value = serde_json::from_str(&exported)?;
    let event_types = changed["eventTypes"].as_array_mut().context("event types")?;
    let invoice = event_types.iter_mut().find(|one| one["name"] == "invoiceCreated").context("the invoice")?;
    let fields = invoice["schemas"]["1"]["properties"].as_object_mut().context("fields")?;
    fields.remove("Tax").context("it was there")?;
    fields.insert("Tip".to_owned(), json!({"type": "number"}));
    let new = dir.join("new.json").display().to_string();
    std::fs::write(&new, changed.to_string())?;
    let (code, words) = ringup(&["catalog", "diff", &old, &new])?;
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("BREAKING  invoiceCreated /Tax: is gone (breaks receivers)"), "{words}");
    assert!(words.contains("invoiceCreated /Tip: is new\n2 changed, 1 of them breaking"), "{words}");
    let (code, words) = ringup(&["catalog", "diff", &old, "nowhere.json"])?;
    assert!(code == Some(1) && words.contains("nowhere.json"), "{words}");
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
