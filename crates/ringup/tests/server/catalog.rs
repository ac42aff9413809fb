//! The catalogue of a new environment, and every sample of it on its way to a receiver.

use std::process::Command;

use anyhow::{Context, Result};
use http::Method;
use ringup_app::guide;
use ringup_testkit::client::{Client, Reply};
use ringup_testkit::receiver::Receiver;
use ringup_testkit::tempdir::TempDir;
use serde_json::{Value, json};
use url::form_urlencoded;

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

/// As a stranger sends them: by the command, and by the form of the console with what it offers.
// The command is waited for on a thread: the receiver must answer meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_is_sent_from_the_command_line_and_the_console() -> Result<()> {
    let stage = Stage::open("samples").await?;
    let receiver = Receiver::start(200).await?;
    let endpoint = stage.endpoint(&receiver.url("/hooks")).await?;
    let aside = Receiver::start(200).await?;
    stage.endpoint(&aside.url("/hooks")).await?;
    let (url, to) = (stage.server.url(), receiver.url("/hooks"));
    let ringup = |args: &[&str]| -> Result<(Option<i32>, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringup"));
        command.args(["send", "--account", ACCOUNT, "--url", &url]).args(args);
        let output = command.env("RINGUP_KEY", stage.server.setup().key.as_str()).output()?;
        Ok((output.status.code(), String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?))
    };
    let mut sent = Vec::new();
    for known in guide::all() {
        let (code, words) = ringup(&[known.name, "--to", &to, "--wait", "20s"])?;
        assert_eq!(code, Some(0), "{words}");
        assert!(words.contains("accepted") && words.contains("  delivered "), "{words}");
        sent.push((words.split(' ').next().unwrap_or_default().to_owned(), known.sample().to_owned()));
    }
    let origin = stage.server.url();
    let headers = |cookie: &str| {
        [("origin", origin.clone()), ("sec-fetch-site", "same-origin".to_owned()), ("cookie", cookie.to_owned())]
    };
    let anonymous = Client::anonymous(stage.server.address());
    let post = async |path: &str, cookie: &str, fields: &[(&str, &str)]| -> Result<Reply> {
        let form: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = headers(cookie);
        let mut headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        anonymous.call(Method::POST, path, &headers, form).await?.expect(303)
    };
    let signed_in = post("/sign-in", "", &[("key", &stage.server.setup().key)]).await?;
    let cookie = signed_in.header("set-cookie").context("a session")?.split(';').next().unwrap_or_default().to_owned();
    for known in guide::all() {
        let page = format!("/a/{ACCOUNT}/test/send?type={}", known.name);
        let page = anonymous.call(Method::GET, &page, &[("cookie", &cookie)], "").await?.expect(200)?.text();
        let offered = between(&page, "required>\n", "</textarea>")?;
        let offered = offered
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
            .replace("&#38;", "&");
        assert_eq!(tokens(&offered), tokens(known.sample()), "{}", known.name);
        let csrf = between(&page, "name=\"csrf\" value=\"", "\"")?;
        let fields = [("csrf", csrf), ("type", known.name), ("payload", &*offered), ("to", &endpoint)];
        let reply = post(&format!("/a/{ACCOUNT}/test/send"), &cookie, &fields).await?;
        let page = reply.header("location").context("the event's page")?.to_owned();
        let id = between(&page, "/events/", "?")?.to_owned();
        sent.push((id, offered));
    }
    let requests = receiver.wait_for(sent.len(), SOON).await?;
    for (id, text) in sent {
        let request = requests.iter().find(|request| request.id() == id).with_context(|| format!("{id} arrived"))?;
        assert_eq!(request.text(), text);
    }
    assert!(aside.requests().is_empty(), "the others were sent to one URL alone");

    // Changed, to all, and what a stranger does wrong.
    let (code, words) = ringup(&["invoiceCreated", "--field", "Total=148000.50", "--count", "2", "--rate", "100"])?;
    assert_eq!((code, words.matches("accepted").count()), (Some(0), 2), "{words}");
    let changed = aside.wait_for(2, SOON).await?;
    assert!(changed.iter().all(|request| request.text().contains("\"Total\":148000.50")), "{}", changed[0].text());
    for (args, code, part) in [
        (&["invoiceCreated", "--to", "http://127.0.0.1:9/"][..], 1, "no endpoint of this account has the URL"),
        (&["invoiceCreated", "--to", "nobody"], 1, "nobody"),
        (&["noSuchThing"], 1, "noSuchThing"),
        (&["invoiceCreated", "--field", "Total"], 2, "NAME=VALUE"),
        (&["invoiceCreated", "--payload", "[1]"], 2, "no JSON object"),
        (&["invoiceCreated", "--payload", "@nowhere.json"], 1, "nowhere.json"),
        (&["invoiceCreated", "--count", "0"], 2, "--count"),
    ] {
        let (got, words) = ringup(args)?;
        assert!(got == Some(code) && words.contains(part), "{args:?}: {got:?} {words}");
    }
    Ok(())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Result<&'a str> {
    let (_, rest) = text.split_once(before).with_context(|| format!("{before:?} in {text}"))?;
    Ok(rest.split_once(after).with_context(|| format!("{after:?} in {rest}"))?.0)
}

/// The document without the space between its tokens: numbers and texts as they are written.
fn tokens(text: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let keep = |letter: &char| {
        let inside = is_text;
        is_text ^= *letter == '"' && !is_escaped;
        is_escaped = *letter == '\\' && !is_escaped;
        inside || !letter.is_whitespace()
    };
    text.chars().filter(keep).collect()
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
