//! Deliveries of the real binary, verified by three `standardwebhooks` libraries, from PyPI, npm and crates.io. They
//! share no code with us. What they must refuse is the same deliveries with one bit turned.

mod payload;
mod record;

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ringup_testkit::{
    client::Client,
    receiver::{Received, Receiver},
    server::{Server, ServerSetup},
    tempdir::TempDir,
};
use serde_json::json;
use standardwebhooks::{Webhook, WebhookError};

use self::record::{Record, Signed};
use crate::{child, package, smoke, test::Outcome, workspace};

/// Deliveries to verify.
const DELIVERIES: usize = 1_000;
/// Changes of each.
const CHANGES: usize = 5;
/// After so many the endpoint gets another secret, and the ones before sign along.
const ROTATE_EVERY: usize = 250;
const SOON: Duration = Duration::from_secs(60);

/// A secret of 64 bytes, the longest; those of our own making have 24.
const LONG_SECRET: &str =
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

const PYTHON_PACKAGE: &str = "standardwebhooks==1.1.0";
const NODE_PACKAGE: &str = "standardwebhooks@1.1.1";
const NODE_MAJOR_MIN: u32 = 18;

/// `cargo xtask test --only interop`.
pub fn run() -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let records = runtime.block_on(records())?;
    verify_here(&records)?;
    let mut lines = String::new();
    for record in &records {
        writeln!(lines, "{}", serde_json::to_string(record)?)?;
    }
    let mut missing = Vec::new();
    for (name, verifier) in [("PyPI", python()), ("npm", node())] {
        match verifier {
            Ok(command) => feed(command, &lines).with_context(|| format!("standardwebhooks of {name}"))?,
            Err(error) => missing.push(format!("{name}: {error:#}")),
        }
    }
    if missing.is_empty() {
        return Ok(Outcome::Passed(3));
    }
    Ok(Outcome::Skipped(format!("not checked by all three libraries: {}", missing.join("; "))))
}

fn python() -> Result<Command> {
    let python = package::python("interop-python", &[PYTHON_PACKAGE])?;
    let script = workspace::root().join("xtask/src/interop/verify.py");
    Ok(verifier(&python, &script))
}

fn node() -> Result<Command> {
    let node = package::node("interop-javascript", NODE_MAJOR_MIN, &[NODE_PACKAGE])?;
    // Packages are looked for from where the script lies.
    let script = node.folder.join("verify.mjs");
    std::fs::copy(workspace::root().join("xtask/src/interop/verify.mjs"), &script)?;
    Ok(verifier(&node.program, &script))
}

fn verifier(program: &Path, script: &Path) -> Command {
    let count = DELIVERIES.to_string();
    child::command(&program.to_string_lossy(), &[&script.to_string_lossy(), &count])
}

fn feed(mut command: Command, lines: &str) -> Result<()> {
    let mut verifier = command.stdin(Stdio::piped()).spawn().context("starting the verifier")?;
    verifier.stdin.take().context("its input is piped")?.write_all(lines.as_bytes())?;
    ensure!(verifier.wait()?.success(), "it disagrees");
    Ok(())
}

/// The library from crates.io.
fn verify_here(records: &[Record]) -> Result<()> {
    let (mut valid, mut refused, mut wrong) = (0, 0, 0);
    for record in records {
        *if verifies(&record.signed)? { &mut valid } else { &mut wrong } += 1;
        for changed in &record.changed {
            *if verifies(&record.signed.with(changed))? { &mut wrong } else { &mut refused } += 1;
        }
    }
    println!("crates.io standardwebhooks: {valid} valid, {refused} changed ones refused, {wrong} wrong verdicts");
    ensure!(
        (valid, refused, wrong) == (DELIVERIES, DELIVERIES * CHANGES, 0),
        "standardwebhooks of crates.io disagrees"
    );
    Ok(())
}

fn verifies(signed: &Signed) -> Result<bool> {
    let mut headers = HeaderMap::new();
    let parts = [("id", &signed.id), ("timestamp", &signed.timestamp), ("signature", &signed.signature)];
    for (name, value) in parts {
        headers.insert(HeaderName::try_from(format!("webhook-{name}"))?, HeaderValue::from_str(value)?);
    }
    match Webhook::new(&signed.secret)?.verify(signed.body.as_bytes(), &headers) {
        Ok(()) => Ok(true),
        Err(WebhookError::InvalidSignature) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Publishes payloads of many shapes and writes down what arrived.
async fn records() -> Result<Vec<Record>> {
    let folder = TempDir::new("interop")?;
    let receiver = Receiver::start(200).await?;
    let binary = child::tethered(&smoke::binary()?, &folder)?;
    let setup = ServerSetup::with_binary(binary, folder.join("data")).with("SERVER__BODY_BYTES_MAX", "2MiB");
    let server = Server::start(setup).await?;
    let client = server.client();
    client.create_app("interop").await?;
    let endpoint = client.create_endpoint("interop", &json!({"url": receiver.url("/hook")})).await?;
    let mut secrets = vec![client.secret("interop", &endpoint).await?];
    let mut records = Vec::new();
    while records.len() < DELIVERIES {
        let first = records.len();
        let mut payloads = HashMap::new();
        for number in first..first + ROTATE_EVERY {
            let payload = payload::numbered(number);
            payloads.insert(publish(&client, &payload).await?, payload);
        }
        for request in receiver.wait_ended(first + ROTATE_EVERY, SOON).await?.split_off(first) {
            arrived_whole(&request, &payloads)?;
            let secret = &secrets[records.len() % secrets.len()];
            records.push(Record::of(&request, secret, records.len())?);
        }
        let rotated = json!({"key": (secrets.len() == 1).then_some(LONG_SECRET)});
        let path = format!("/api/v1/app/interop/endpoint/{endpoint}/secret/rotate");
        client.post(&path, &rotated).await?.success()?;
        secrets.push(client.secret("interop", &endpoint).await?);
    }
    Ok(records)
}

/// The answer comes without the payload, which need not be JSON that we can read.
async fn publish(client: &Client, payload: &str) -> Result<String> {
    let body = format!("{{\"eventType\":\"sample\",\"payload\":{payload}}}");
    let path = "/api/v1/app/interop/msg?with_content=false";
    client.call(Method::POST, path, &[], body).await?.expect(202)?.id()
}

/// What was signed is what was published, byte for byte.
fn arrived_whole(request: &Received, payloads: &HashMap<String, String>) -> Result<()> {
    let payload = payloads.get(request.id()).with_context(|| format!("nobody published {}", request.id()))?;
    ensure!(request.body == payload.as_bytes(), "{} arrived with other bytes", request.id());
    Ok(())
}
