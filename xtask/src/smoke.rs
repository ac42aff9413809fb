//! Follows the README word for word: its environment, its three curl lines, and a receiver whose signature check is
//! somebody else's library.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use ringup_testkit::{
    receiver::{Received, Receiver, Setup},
    server::{BINARY_VARIABLE, Server, ServerSetup},
    tempdir::TempDir,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use standardwebhooks::Webhook;

use crate::{child, workspace};

/// Time for one delivery on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// What the README tells a stranger to type.
struct Script {
    /// Assignments before and around `cargo run --release -- serve`.
    environment: Vec<(String, String)>,
    curls: Vec<String>,
    /// Where the receiver listens.
    receiver: u16,
    secret: String,
}

/// The release binary that the steps before have built.
pub fn release_binary() -> Result<PathBuf> {
    let binary = workspace::target().join("release/ringup");
    ensure!(binary.is_file(), "{} is missing: cargo build --release -p ringup", binary.display());
    Ok(binary)
}

/// The binary that `RINGUP_BIN` names, for work on a scenario; else the release binary.
pub fn binary() -> Result<PathBuf> {
    std::env::var_os(BINARY_VARIABLE).map_or_else(release_binary, |path| Ok(path.into()))
}

/// `cargo xtask test --only readme`.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(follow(&Script::read()?))
}

async fn follow(script: &Script) -> Result<()> {
    let folder = TempDir::new("readme")?;
    let address = ([127, 0, 0, 1], script.receiver).into();
    let receiver = Receiver::start_with(Setup { address, ..Setup::default() }).await?;
    let mut setup = ServerSetup::with_binary(child::tethered(&release_binary()?, &folder)?, folder.join("ringup-data"));
    setup.env = script.environment.iter().cloned().collect();
    // The lines name the default port. The environment has the key.
    setup.port = Some(8080);
    setup.key = String::new();
    let server = Server::start(setup).await.context("is port 8080 free?")?;
    for line in &script.curls {
        let mut shell = child::command("bash", &["-c", line]);
        shell.envs(script.environment.iter().cloned());
        // In another thread, because the receiver runs on this one.
        let output = tokio::task::spawn_blocking(move || shell.output()).await??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        ensure!(text.contains("\"id\""), "{line}: {text}");
    }
    let requests = receiver.wait_for(1, SOON).await?;
    let request = requests.first().context("a request")?;
    verify(&script.secret, request).context("the check with the standardwebhooks library")?;
    ensure!(request.body == sample_payload()?, "the payload is not the sample's, byte for byte: {}", request.text());
    eprintln!("{} bytes of invoiceCreated arrived, signed", request.body.len());
    drop(server);
    Ok(())
}

/// The request's signature by the `standardwebhooks` library.
pub fn verify(secret: &str, request: &Received) -> Result<()> {
    let mut headers = http::HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(http::HeaderName::from_bytes(name.as_bytes())?, http::HeaderValue::from_bytes(value)?);
    }
    Ok(Webhook::new(secret)?.verify(&request.body, &headers)?)
}

/// The sample's payload as it is written in the file.
fn sample_payload() -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct Sample<'a> {
        #[serde(borrow)]
        payload: &'a RawValue,
    }
    let text = fs::read_to_string(workspace::root().join("assets/sample/invoiceCreated.json"))?;
    let sample: Sample<'_> = serde_json::from_str(&text)?;
    Ok(sample.payload.get().as_bytes().to_vec())
}

impl Script {
    fn read() -> Result<Self> {
        let text = fs::read_to_string(workspace::root().join("README.md"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut script = Self { environment: Vec::new(), curls: Vec::new(), receiver: 0, secret: String::new() };
        for line in text.lines() {
            if line.starts_with("curl ") {
                script.curls.push(line.to_owned());
            }
            if let Some(assignments) = line.strip_prefix("export ") {
                script.environment.extend(assignments.split_whitespace().filter_map(assignment));
            }
        }
        ensure!(script.curls.len() == 3, "the README has {} curl lines, not three", script.curls.len());
        let create = script.curls[1].clone();
        script.secret = quoted(&create, "\"secret\":")?;
        let url = quoted(&create, "\"url\":")?;
        let port = url.split(':').nth(2).and_then(|rest| rest.split('/').next()).context("a port in the URL")?;
        script.receiver = port.parse().with_context(|| format!("a port in {url}"))?;
        if !script.environment.iter().any(|(name, _)| name == "RINGUP__BOOTSTRAP__KEY") {
            bail!("the README does not set RINGUP__BOOTSTRAP__KEY");
        }
        Ok(script)
    }
}

fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    Some((name.to_owned(), value.trim_matches('"').to_owned()))
}

fn quoted(text: &str, name: &str) -> Result<String> {
    let rest = text.split(name).nth(1).with_context(|| format!("no {name} in {text}"))?;
    Ok(rest.split('"').nth(1).with_context(|| format!("no text after {name}"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_tells_everything_the_smoke_test_needs() {
        let script = Script::read().expect("the README");
        assert!(script.receiver > 1024, "{}", script.receiver);
        assert!(script.secret.starts_with("whsec_"), "{}", script.secret);
    }

    #[test]
    fn the_sample_to_post_is_the_catalogues_example() {
        let read = |path: &str| fs::read_to_string(workspace::root().join(path)).expect(path);
        let catalogue: serde_json::Value = serde_json::from_str(&read("assets/catalogue/events.json")).expect("JSON");
        let event = catalogue.as_array().and_then(|list| list.iter().find(|event| event["name"] == "invoiceCreated"));
        let payload: serde_json::Value = serde_json::from_slice(&sample_payload().expect("a payload")).expect("JSON");
        assert_eq!(event.expect("it is in the catalogue")["example"], payload);
    }
}
