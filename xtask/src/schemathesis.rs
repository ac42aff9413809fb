//! The API, asked by Schemathesis what its own OpenAPI document says can be asked, and what it says cannot, as every
//! role: no answer may be a 5xx, of an undocumented status, or of another shape than documented.
//!
//! Requests are counted by the server's own log of requests, not by the word of the tool.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use http::Method;
use ringup_testkit::{
    client::Client,
    garden::Garden,
    server::{OPERATOR_KEY, Server, ServerSetup},
    tempdir::TempDir,
};
use serde_json::{Value, json};

use crate::{child, package, smoke, test::Outcome, workspace};

const PACKAGE: &str = "schemathesis==4.32.5";

/// Of the random choices, so that a failure can be repeated.
const SEED: u32 = 20_261_125;

/// Requests that the roles make together, at least.
const REQUESTS_MIN: usize = 20_000;

/// Random requests of each operation and role; what the document suggests comes besides.
const EXAMPLES: u32 = 12;

/// Everyone who may ask, with the name of their key below.
const ROLES: [&str; 5] = ["operator", "environment", "read-only", "account", "portal"];

/// Roles at a time: the tool is busier than the server, with one core each.
const TOGETHER: usize = 2;

/// Time for one attempt on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// What all roles need.
#[derive(Clone, Copy)]
struct Place<'a> {
    python: &'a Path,
    binary: &'a Path,
    folder: &'a TempDir,
}

/// What a role asked.
struct Asked {
    role: &'static str,
    requests: usize,
    broken: Vec<String>,
    /// What the tool found, in its words; none if nothing.
    found: Option<String>,
}

/// `cargo xtask test --only schemathesis`.
pub fn run() -> Result<Outcome> {
    let python = match package::python("schemathesis", &[PACKAGE]) {
        Ok(python) => python,
        Err(error) => return Ok(Outcome::Skipped(format!("Schemathesis cannot be had here: {error:#}"))),
    };
    let began = Instant::now();
    let folder = TempDir::new("schemathesis")?;
    let binary = child::tethered(&smoke::binary()?, &folder)?;
    let mut asked = Vec::new();
    for roles in ROLES.chunks(TOGETHER) {
        let place = Place { python: &python, binary: &binary, folder: &folder };
        let answers: Vec<Result<Asked>> = thread::scope(|scope| {
            let ask = |role: &'static str| move || ask(place, role).with_context(|| format!("as {role}"));
            let threads: Vec<_> = roles.iter().map(|role| scope.spawn(ask(role))).collect();
            threads.into_iter().map(|thread| thread.join().expect("asking does not panic")).collect()
        });
        for one in answers {
            let one = one?;
            one.tell();
            asked.push(one);
        }
    }
    let requests: usize = asked.iter().map(|asked| asked.requests).sum();
    eprintln!("{requests} requests as {} roles in {} s, seed {SEED}", asked.len(), began.elapsed().as_secs());
    let failed: Vec<&str> = asked.iter().filter(|asked| !asked.is_agreed()).map(|asked| asked.role).collect();
    if !failed.is_empty() {
        let passed = (asked.len() - failed.len()) as u64;
        let what = format!("the document and the answers differ as {}", failed.join(", "));
        return Ok(Outcome::Failed { passed, failed: failed.len() as u64, what });
    }
    ensure!(requests >= REQUESTS_MIN, "only {requests} requests were made of {REQUESTS_MIN} wanted: raise EXAMPLES");
    Ok(Outcome::Passed(asked.len() as u64))
}

impl Asked {
    fn is_agreed(&self) -> bool {
        self.found.is_none() && self.broken.is_empty()
    }

    fn tell(&self) {
        eprintln!("--- as {}: {} requests", self.role, self.requests);
        if let Some(found) = &self.found {
            eprintln!("{found}");
        }
        for line in self.broken.iter().take(10) {
            eprintln!("a 5xx that nobody planned: {line}");
        }
    }
}

/// One role, with a server of its own: what one changes must not stand in another's way.
fn ask(place: Place<'_>, role: &'static str) -> Result<Asked> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let home = place.folder.join(role);
    fs::create_dir_all(&home)?;
    let setup = ServerSetup::with_binary(place.binary, home.join("data")).with("LOG__REQUESTS", "info");
    let server = runtime.block_on(Server::start(setup))?;
    let (names, key) = runtime.block_on(async {
        let client = server.client();
        let names = furnish(server.address(), &client).await?;
        anyhow::Ok((names, key(&client, role).await?))
    })?;
    let mut tool = tool(place.python, &home, &server, &key);
    for (name, id) in names {
        tool.env(name, id);
    }
    if role == "portal" {
        // It would end the very session that asks.
        tool.args(["--exclude-path", "/api/v1/auth/logout"]);
    }
    let said = tool.output().context("starting Schemathesis")?;
    let words = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    let lines = server.output().lines();
    let statuses = lines.iter().filter_map(|line| Some((line, status(line)?)));
    let (mut requests, mut broken) = (0, Vec::new());
    for (line, status) in statuses {
        requests += 1;
        // 501 is what we say about what we do not have.
        if status >= 500 && status != 501 {
            broken.push(line.clone());
        }
    }
    // What so many requests left behind: neither key is in it.
    let mut garden = Garden::default();
    for secret in [OPERATOR_KEY, &key] {
        garden.put("a key", secret.to_owned());
    }
    garden.assert_in_no_file(&home.join("data"), "after the requests")?;
    lines.iter().try_for_each(|line| garden.assert_not_in(line.as_bytes(), line))?;
    Ok(Asked { role, requests, broken, found: (!said.status.success()).then_some(words) })
}

fn tool(python: &Path, home: &Path, server: &Server, key: &str) -> std::process::Command {
    let program = python.with_file_name("schemathesis");
    let config = workspace::root().join("xtask/schemathesis.toml");
    let mut command = child::command(&text(&program), &["--config-file", &text(&config), "run"]);
    command.arg(format!("{}/openapi.json", server.url()));
    command.args(["--header", &format!("Authorization: Bearer {key}")]);
    command.args(["--max-examples", &EXAMPLES.to_string(), "--seed", &SEED.to_string(), "--workers", "1"]);
    command.args(["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-shrink"]);
    command.args(["--generation-database", "none", "--warnings", "off", "--no-color"]);
    // What it leaves behind goes with the folder.
    let hooks = workspace::root().join("xtask/schemathesis_hooks.py");
    command.current_dir(home).env("PYTHONDONTWRITEBYTECODE", "1").env("SCHEMATHESIS_HOOKS", hooks);
    command
}

/// One of everything; what `xtask/schemathesis.toml` asks about, by the names it has there.
async fn furnish(address: SocketAddr, client: &Client) -> Result<Vec<(&'static str, String)>> {
    let (shop, doomed) = (client.create_app("shop").await?, client.create_app("doomed").await?);
    let made = async |path: &str, body: Value| client.post(path, &body).await?.success()?.id();
    let endpoint = json!({ "url": "http://127.0.0.1:9/" });
    let erp = client.create_endpoint(&shop, &endpoint).await?;
    let doomed_endpoint = client.create_endpoint(&shop, &endpoint).await?;
    let operational = made("/api/v1/operational-webhook/endpoint", endpoint.clone()).await?;
    let doomed_operational = made("/api/v1/operational-webhook/endpoint", endpoint).await?;
    let catcher = client.post(&format!("/api/v1/app/{shop}/catcher"), &json!({})).await?.success()?;
    let doomed_catcher = made(&format!("/api/v1/app/{shop}/catcher"), json!({})).await?;
    client.create_event_type("sale").await?;
    client.create_event_type("doomed").await?;
    let doomed_key = made("/api/v1/key", json!({ "name": "doomed" })).await?;
    let event = client.publish_accepted(&shop, "sale", r#"{"total":"10.50"}"#).await?;
    let url = catcher.text_at("url")?;
    let target = url.splitn(4, '/').nth(3).with_context(|| format!("a path in {url}"))?;
    // Without the key: what is caught is kept as it came.
    Client::anonymous(address).post(&format!("/{target}"), &json!({})).await?.success()?;
    let task = made(&format!("/api/v1/app/{shop}/msg/expunge-all-contents"), json!({})).await?;
    Ok(vec![
        ("APP", shop.clone()),
        ("DOOMED_APP", doomed),
        ("ENDPOINT", erp.clone()),
        ("DOOMED_ENDPOINT", doomed_endpoint),
        ("OPERATIONAL", operational),
        ("DOOMED_OPERATIONAL", doomed_operational),
        ("CATCHER", catcher.id()?),
        ("DOOMED_CATCHER", doomed_catcher),
        ("DOOMED_KEY", doomed_key),
        ("ATTEMPT", attempt(client, &shop, &event).await?),
        ("EVENT", event),
        ("TASK", task),
    ])
}

/// The event's first attempt; nobody listens there, so it comes soon.
async fn attempt(client: &Client, app: &str, event: &str) -> Result<String> {
    let until = Instant::now() + SOON;
    loop {
        if let Some(attempt) = client.attempts_of_event(app, event).await?.first() {
            return Ok(attempt.id.clone());
        }
        ensure!(Instant::now() < until, "no attempt within {SOON:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn key(client: &Client, role: &str) -> Result<String> {
    let asked = match role {
        "operator" => return Ok(OPERATOR_KEY.to_owned()),
        "environment" => json!({ "name": role }),
        "read-only" => json!({ "name": role, "scopes": ["read"] }),
        "account" => json!({ "name": role, "application": "shop" }),
        _ => {
            let reply = client.call(Method::POST, "/api/v1/auth/app-portal-access/shop", &[], "{}").await?;
            return reply.expect(200)?.text_at("token");
        }
    };
    client.post("/api/v1/key", &asked).await?.expect(201)?.text_at("key")
}

/// The status in the line of a request.
fn status(line: &str) -> Option<u16> {
    let rest = line.split("answered").nth(1)?;
    rest.rsplit(" status=").next()?.split(' ').next()?.parse().ok()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_request_is_read() {
        let line = r#"INFO answered request_id="req_1" method=GET path="/ status=1" key=k status=404 duration_us=9"#;
        assert_eq!(status(line), Some(404));
        assert_eq!(status("INFO ready status=200"), None);
    }
}
