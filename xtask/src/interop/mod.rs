//! Deliveries of the real binary, verified by the Python packages `standardwebhooks` and `svix`, which share no code
//! with us nor with the Rust library that the other checks use.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use ringup_testkit::{
    receiver::Receiver,
    server::{Server, ServerSetup},
    tempdir::TempDir,
};
use serde_json::json;

use crate::{child, smoke, workspace};

/// Deliveries to verify.
const DELIVERIES: usize = 300;
const SOON: Duration = Duration::from_secs(60);

/// What came of it.
pub enum Verdict {
    Agreed,
    /// Python or its packages cannot be had here.
    Unavailable(String),
}

/// `cargo xtask test --only interop`.
pub fn run() -> Result<Verdict> {
    let python = match environment() {
        Ok(python) => python,
        Err(error) => return Ok(Verdict::Unavailable(format!("{error:#}"))),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let records = runtime.block_on(record())?;
    let script = workspace::root().join("xtask/src/interop/verify.py");
    let mut command = child::command(&python.to_string_lossy(), &[&script.to_string_lossy()]);
    let mut verifier = command.stdin(Stdio::piped()).spawn().context("starting the verifier")?;
    verifier.stdin.take().context("its input is piped")?.write_all(records.as_bytes())?;
    ensure!(verifier.wait()?.success(), "a verifier disagrees");
    Ok(Verdict::Agreed)
}

/// A Python with the packages, in a folder of its own under `target`.
fn environment() -> Result<PathBuf> {
    let folder = workspace::target().join("interop");
    let python = folder.join("bin/python");
    let has_packages =
        |python: &Path| child::command(&python.to_string_lossy(), &["-c", "import standardwebhooks, svix"]).output();
    if python.is_file() && has_packages(&python)?.status.success() {
        return Ok(python);
    }
    ensure!(child::exists("python3"), "python3 is not installed");
    let quiet = |program: &str, arguments: &[&str]| -> Result<()> {
        let output = child::command(program, arguments).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    };
    quiet("python3", &["-m", "venv", &folder.to_string_lossy()]).context("python3 -m venv")?;
    quiet(&python.to_string_lossy(), &["-m", "pip", "install", "--quiet", "standardwebhooks", "svix"])
        .context("pip install standardwebhooks svix")?;
    Ok(python)
}

/// Publishes bodies of many shapes and writes down what arrived, as JSON lines.
async fn record() -> Result<String> {
    let folder = TempDir::new("interop")?;
    let receiver = Receiver::start(200).await?;
    let server = Server::start(ServerSetup::with_binary(
        child::tethered(&smoke::release_binary()?, &folder)?,
        folder.join("data"),
    ))
    .await?;
    let client = server.client();
    client.create_app("interop").await?;
    let endpoint = client.create_endpoint("interop", &json!({"url": receiver.url("/hook")})).await?;
    let secret = client.secret("interop", &endpoint).await?;
    for number in 0..DELIVERIES {
        client.publish_accepted("interop", "sample", &body(number)).await?;
    }
    let requests = receiver.wait_ended(DELIVERIES, SOON).await?;
    let mut lines = String::new();
    for request in requests {
        let header = |name| request.header(name).unwrap_or_default();
        let line = json!({
            "secret": secret,
            "webhook-id": header("webhook-id"),
            "webhook-timestamp": header("webhook-timestamp"),
            "webhook-signature": header("webhook-signature"),
            "body": request.text(),
        });
        writeln!(lines, "{line}")?;
    }
    Ok(lines)
}

/// Objects that a parser which prints them again would change.
fn body(number: usize) -> String {
    let spaces = " ".repeat(number % 5);
    let value = match number % 8 {
        0 => "1.10",
        1 => "1e3",
        2 => "12345678901234567890.123456789",
        3 => "\"\\u00e9\\/\\ud83d\\ude00\"",
        4 => "\"\u{e9} \u{1F600} \u{2028}\"",
        5 => "[ ]",
        6 => "{\"b\" : 1 ,\"a\":2}",
        _ => "-0.0",
    };
    let filling = "x".repeat(number * 7 % 2000);
    format!("{{{spaces}\"n\":{number},{spaces}\"v\" :{value},\"fill\":\"{filling}\"{spaces}}}")
}
