//! The program as a stranger meets it: its words, its exit codes, and what it leaves alone.

use std::{
    net::{TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use ringup_testkit::{
    client::Client,
    receiver::{Answer, Gate, Receiver},
    server::{Server, ServerSetup, free_port},
    tempdir::TempDir,
};
use rustix::process::Signal;
use serde_json::json;

use crate::stage::{ACCOUNT, SOON, Stage, eventually, setup};

/// The program's words, and how it ended.
pub fn run(command: &mut Command) -> Result<(Option<i32>, String, String)> {
    let Output { status, stdout, stderr } = command.output()?;
    Ok((status.code(), String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

/// A command that ended well; what it printed on standard output.
pub fn printed(setup: &ServerSetup, args: &[&str]) -> Result<String> {
    let (code, stdout, stderr) = run(&mut setup.command(args))?;
    assert_eq!(code, Some(0), "{args:?}: {stderr}");
    Ok(stdout)
}

/// Flags, variables, and what is said of them.
type Mistake<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn a_mistake_in_the_configuration_is_named_before_a_port_is_bound() -> Result<()> {
    let dir = TempDir::new("mistakes")?;
    let file = dir.join("ringup.toml");
    std::fs::write(&file, "[delivery]\nretry = 3\ncooldwn = \"9s\"\n")?;
    let file = file.display().to_string();
    // If it listened, it would fail on this port instead.
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let listen = taken.local_addr()?.to_string();
    #[rustfmt::skip]
    let cases: [Mistake; 9] = [
        (&["--set", "delivery.retries=2"], &[],               &["delivery.retries", "--set", "delivery.retry"]),
        (&["--set", "delivery.cooldown=soon"], &[],           &["delivery.cooldown", "--set", "soon", "7s"]),
        (&[], &[("RINGUP__DELIVERY__COOLDWN", "9s")],         &["RINGUP__DELIVERY__COOLDWN", "RINGUP__DELIVERY__COOLDOWN"]),
        (&[], &[("RINGUP__DELIVERY__TIME_LIMIT", "5 parsecs")], &["delivery.time_limit", "RINGUP__DELIVERY__TIME_LIMIT", "5 parsecs"]),
        (&[], &[("RINGUP__DELIVERY__TIME_LIMIT", "1h")],      &["delivery.time_limit", "2m"]),
        (&[], &[("RINGUP__EGRESS__ALLOW_NETWORKS", "127.0.0.0/8,10.0.0.0/33")], &["egress.allow_networks", "10.0.0.0/33"]),
        (&[], &[("RINGUP__BOOTSTRAP__KEY", "sec ret")],       &["bootstrap.key", "RINGUP__BOOTSTRAP__KEY"]),
        (&["--config", &file], &[],                           &["delivery.cooldwn", "ringup.toml", "delivery.cooldown"]),
        (&["--listen", "here"], &[],                          &["server.listen", "--listen", "here"]),
    ];
    for (args, env, words) in cases {
        let data = dir.join("data");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringup"));
        command.args(["serve", "--data-dir"]).arg(&data).stdin(Stdio::null()).env_clear();
        if !args.contains(&"--listen") {
            command.args(["--listen", &listen]);
        }
        let (code, stdout, stderr) = run(command.args(args).envs(env.iter().copied()))?;
        assert_eq!(code, Some(2), "{args:?} {env:?}: {stderr}");
        assert_eq!(stdout, "", "{args:?} {env:?}");
        for word in words {
            assert!(stderr.contains(word), "{args:?} {env:?}: {word} is not in\n{stderr}");
        }
        assert!(!stderr.contains("sec ret"), "a secret is not repeated: {stderr}");
        assert!(!data.exists(), "{args:?} {env:?}: nothing was created");
    }
    Ok(())
}

#[test]
fn a_command_line_that_makes_no_sense_says_how_it_would() -> Result<()> {
    for (args, words) in [
        (&[][..], &["serve", "key create"][..]),
        (&["srve"], &["srve", "serve"]),
        (&["serve", "now"], &["now"]),
        (&["key", "create"], &["--environment"]),
        (&["environment", "create"], &["NAME"]),
        (&["config", "show", "--orgin"], &["--origin"]),
    ] {
        let (code, stdout, stderr) = run(Command::new(env!("CARGO_BIN_EXE_ringup")).args(args).env_clear())?;
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        assert_eq!(stdout, "", "{args:?}");
        for word in words {
            assert!(stderr.contains(word), "{args:?}: {word} is not in\n{stderr}");
        }
    }
    let (code, stdout, _) = run(Command::new(env!("CARGO_BIN_EXE_ringup")).arg("--help").env_clear())?;
    assert_eq!(code, Some(0));
    assert!(stdout.contains("ringup serve"), "{stdout}");
    Ok(())
}

#[test]
fn every_value_in_force_says_where_it_was_set() -> Result<()> {
    let dir = TempDir::new("show")?;
    let file = dir.join("ringup.toml");
    std::fs::write(&file, "[delivery]\nretry = 3\ncooldown = \"9s\"\n")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringup"));
    command.args(["config", "show", "--origin", "--set", "delivery.log_mode=error", "--config"]).arg(&file);
    command.env_clear().env("RINGUP__DELIVERY__COOLDOWN", "11s").env("RINGUP__BOOTSTRAP__KEY", "aVerySecretKey");
    let (code, stdout, stderr) = run(&mut command)?;
    assert_eq!(code, Some(0), "{stderr}");
    for (key, value, origin) in [
        ("delivery.retry", "3", "ringup.toml"),
        ("delivery.cooldown", "11s", "RINGUP__DELIVERY__COOLDOWN"),
        ("delivery.log_mode", "error", "--set"),
        ("delivery.time_limit", "30s", "default"),
        ("bootstrap.key", "hidden", "RINGUP__BOOTSTRAP__KEY"),
    ] {
        let line = stdout.lines().find(|line| line.starts_with(key)).with_context(|| format!("no {key}: {stdout}"))?;
        assert!(line.contains(value) && line.contains(origin), "{line}");
    }
    assert!(!stdout.contains("aVerySecretKey"), "{stdout}");
    Ok(())
}

/// The key in a line of the first start.
fn operator_keys(server: &Server) -> Vec<String> {
    let lines = server.output().lines();
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    words.filter(|word| word.starts_with("rk_")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_first_start_prints_an_operator_key_once() -> Result<()> {
    let dir = TempDir::new("first")?;
    let mut server = Server::start(ServerSetup { key: String::new(), ..setup(&dir) }).await?;
    server.output().wait_line(SOON, |line| line.contains("rk_")).await?;
    let keys = operator_keys(&server);
    let [key] = keys.as_slice() else { panic!("one key, not {keys:?}") };
    let client = Client::new(server.address(), key);
    client.create_app(ACCOUNT).await?;
    server.sigterm(SOON).await?;
    server.restart().await?;
    client.get(&format!("/api/v1/app/{ACCOUNT}")).await?.expect(200)?;
    server.sigterm(SOON).await?;
    assert_eq!(operator_keys(&server).len(), 1, "not a second time");
    assert!(printed(server.setup(), &["environment", "list"])?.contains("live"));
    Ok(())
}

#[tokio::test]
async fn a_given_operator_key_works_and_is_not_printed() -> Result<()> {
    let dir = TempDir::new("given")?;
    let mut server = Server::start(setup(&dir)).await?;
    server.client().create_app(ACCOUNT).await?;
    server.sigterm(SOON).await?;
    let key = server.setup().key.clone();
    assert!(!server.output().lines().iter().any(|line| line.contains(&key)), "{}", server.output().tail(20));
    assert_eq!(operator_keys(&server), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn keys_are_made_and_revoked_while_the_server_runs() -> Result<()> {
    let stage = Stage::open("keys").await?;
    let setup = stage.server.setup();
    printed(setup, &["environment", "create", "sandbox"])?;
    let environments = printed(setup, &["environment", "list"])?;
    assert!(environments.contains("live") && environments.contains("sandbox"), "{environments}");

    let stdout = printed(setup, &["key", "create", "--environment", "sandbox", "--name", "till software"])?;
    let key = stdout.trim_end_matches('\n');
    assert!(!key.is_empty() && !key.contains(char::is_whitespace), "only the key, on one line: {stdout:?}");
    let sandbox = Client::new(stage.server.address(), key);
    let asked = Instant::now();
    sandbox.get("/api/v1/app").await?.expect(200)?;
    assert!(asked.elapsed() < Duration::from_secs(1), "known at once: {:?}", asked.elapsed());
    sandbox.create_app("sandbox-shop").await?;
    let hidden = sandbox.get(&format!("/api/v1/app/{ACCOUNT}")).await?.expect(404)?;
    assert!(hidden.text().contains(ACCOUNT), "{}", hidden.text());
    let headers = [("ringup-environment", "sandbox")];
    let operator = stage.client.call(http::Method::GET, "/api/v1/app/sandbox-shop", &headers, "").await?;
    operator.expect(200).context("an operator acts where it is told to")?;
    stage.client.get("/api/v1/app/sandbox-shop").await?.expect(404)?;

    let list = printed(setup, &["key", "list"])?;
    assert!(list.contains("till software") && list.contains("sandbox") && !list.contains(key), "{list}");
    let line = list.lines().find(|line| line.contains("till software")).context("a line")?;
    let id = line.split_whitespace().next().context("an id")?;
    printed(setup, &["key", "revoke", id])?;
    let revoked = Instant::now();
    eventually("the key is refused", async || {
        let status = sandbox.get("/api/v1/app").await?.status;
        Ok(if status == 401 { Ok(()) } else { Err(status) })
    })
    .await?;
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    stage.publish("invoiceCreated", 1).await?;

    let (code, stdout, stderr) = run(&mut setup.command(&["key", "create", "--environment", "nowhere"]))?;
    assert!(code != Some(0) && stdout.is_empty() && stderr.contains("nowhere"), "{code:?} {stdout} {stderr}");
    let (code, _, stderr) = run(&mut setup.command(&["environment", "create", "sandbox"]))?;
    assert!(code != Some(0) && stderr.contains("sandbox"), "{code:?} {stderr}");
    let (code, _, stderr) = run(&mut setup.command(&["key", "revoke", "no-such-key"]))?;
    assert!(code != Some(0) && stderr.contains("no-such-key"), "{code:?} {stderr}");
    Ok(())
}

#[tokio::test]
async fn keys_and_environments_are_made_while_the_server_is_stopped() -> Result<()> {
    let mut stage = Stage::open("stopped").await?;
    stage.server.sigterm(SOON).await?;
    printed(stage.server.setup(), &["environment", "create", "staging"])?;
    let key = printed(stage.server.setup(), &["key", "create", "--environment", "staging"])?;
    let doomed = printed(stage.server.setup(), &["key", "create", "--environment", "staging", "--name", "doomed"])?;
    let list = printed(stage.server.setup(), &["key", "list"])?;
    let line = list.lines().find(|line| line.contains("doomed")).context("a line")?;
    printed(stage.server.setup(), &["key", "revoke", line.split_whitespace().next().context("an id")?])?;
    stage.server.restart().await?;
    Client::new(stage.server.address(), key.trim()).create_app("staging-shop").await?;
    let refused = Client::new(stage.server.address(), doomed.trim()).get("/api/v1/app").await?;
    assert_eq!(refused.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_key_has_the_scopes_and_the_end_it_was_made_with() -> Result<()> {
    let stage = Stage::open("scoped").await?;
    let setup = stage.server.setup();
    let make = |more: &[&str]| {
        let line = [&["key", "create", "--environment", "live"], more].concat();
        printed(setup, &line).map(|key| Client::new(stage.server.address(), key.trim()))
    };
    let till = make(&["--name", "till", "--scope", "publish", "--expires", "90d"])?;
    let reader = make(&["--name", "reader", "--read-only"])?;
    let short = make(&["--name", "short", "--expires", "1s"])?;
    assert_eq!(till.get("/api/v1/app").await?.status, 403, "a till looks at nothing");
    assert_eq!(reader.get("/api/v1/app").await?.status, 200);
    assert!(reader.create_app("shop").await.is_err());
    eventually("the key is over", async || {
        let status = short.get("/api/v1/app").await?.status;
        Ok(if status == 401 { Ok(()) } else { Err(status) })
    })
    .await?;
    let list = printed(setup, &["key", "list"])?;
    let line = |name: &str| list.lines().find(|line| line.ends_with(name)).unwrap_or_default().to_owned();
    assert!(line("till").contains("valid until ") && line("till").contains("  publish  "), "{list}");
    assert!(line("reader").contains("  valid  read  "), "{list}");
    assert!(line("short").contains("expired ") && line("short").contains("  all scopes  "), "{list}");
    for (wrong, told) in [
        (&["--scope", "everything"][..], "there are: read, publish"),
        (&["--expires", "soon"], "such as 90d"),
        (&["--expires", "2020-01-01T00:00:00Z"], "lies behind us"),
        (&["--scope", "read", "--read-only"], "cannot be used with"),
    ] {
        let line = [&["key", "create", "--environment", "live"], wrong].concat();
        let (code, stdout, stderr) = run(&mut setup.command(&line))?;
        assert!(code != Some(0) && stdout.is_empty() && stderr.contains(told), "{wrong:?}: {code:?} {stderr}");
    }
    let log = stage.client.get("/api/v1/audit?verb=key.created").await?;
    let log = String::from_utf8_lossy(&log.body).into_owned();
    assert!(log.contains(r#""role":"machine""#) && log.contains("till"), "what is done at the machine is told: {log}");
    Ok(())
}

#[tokio::test]
async fn health_asks_the_server_that_is_configured() -> Result<()> {
    let mut stage = Stage::open("health").await?;
    let listen = stage.server.address().to_string();
    let health = |setup: &ServerSetup| run(setup.command(&["health"]).args(["--listen", &listen]));
    let (code, stdout, _) = health(stage.server.setup())?;
    assert_eq!(code, Some(0));
    assert!(stdout.contains(&listen), "{stdout}");
    stage.server.kill9()?;
    let (code, stdout, stderr) = health(stage.server.setup())?;
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert!(stderr.contains(&listen) && stderr.contains("ringup serve"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_named() -> Result<()> {
    let dir = TempDir::new("port")?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let error = Server::start(ServerSetup { port: Some(port), ..setup(&dir) }).await.err().context("it started")?;
    let said = format!("{error:#}");
    assert!(said.contains(&format!("127.0.0.1:{port}")) && said.contains("server.listen"), "{said}");
    Ok(())
}

/// A server with one attempt in flight that is answered when the gate opens, and two deliveries behind it.
async fn in_flight(label: &str, grace: &str) -> Result<(Stage, Receiver, Gate, Vec<String>)> {
    let stage = Stage::open_with(label, |setup| setup.with("SERVER__SHUTDOWN_GRACE", grace)).await?;
    let gate = Gate::closed();
    let receiver = Receiver::start(Answer::status(200).gated(&gate)).await?;
    let endpoint = stage.endpoint(&receiver.url("/")).await?;
    stage.set(&endpoint, &json!({"ordering": "strict"})).await?;
    let mut events = Vec::new();
    for number in 0..3 {
        events.push(stage.publish("invoiceCreated", number).await?);
    }
    receiver.wait_for(1, SOON).await?;
    Ok((stage, receiver, gate, events))
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_says_what_is_left() -> Result<()> {
    let (mut stage, receiver, gate, events) = in_flight("drain", "30s").await?;
    stage.server.signal(Signal::TERM)?;
    stage.server.output().wait_line(SOON, |line| line.contains("stopping")).await?;
    let address = stage.server.address();
    eventually("no new connections", async || Ok(TcpStream::connect(address).map_or(Ok(()), |_| Err("open")))).await?;
    assert!(stage.server.pid().is_some(), "it waits for the attempt in flight");
    gate.open();
    assert!(stage.server.wait_exit(SOON).await?.success());
    let last = stage.server.output().wait_line(SOON, |line| line.contains("stopped")).await?;
    assert!(last.contains("interrupted=0") && last.contains("waiting=2"), "{last}");
    assert_eq!(receiver.count(), 1, "no attempt begins after the signal");

    stage.server.restart().await?;
    receiver.wait_ended(3, SOON).await?;
    for event in &events {
        assert_eq!(stage.ended_one(event).await?, "delivered");
        assert_eq!(stage.attempts(event).await?.len(), 1);
    }
    assert_eq!(receiver.count(), 3, "nothing was sent twice");
    Ok(())
}

#[tokio::test]
async fn what_is_cut_off_at_the_deadline_is_not_counted_against_the_receiver() -> Result<()> {
    let (mut stage, receiver, gate, events) = in_flight("deadline", "300ms").await?;
    assert!(stage.server.sigterm(SOON).await?.success());
    let last = stage.server.output().wait_line(SOON, |line| line.contains("stopped")).await?;
    assert!(last.contains("interrupted=1") && last.contains("waiting=3"), "{last}");
    gate.open();
    stage.server.restart().await?;
    for event in &events {
        assert_eq!(stage.ended_one(event).await?, "delivered");
    }
    let attempts = stage.attempts(&events[0]).await?;
    let delivered: Vec<&str> = attempts.iter().filter_map(|attempt| attempt.rest["outcome"].as_str()).collect();
    assert_eq!(delivered.iter().filter(|outcome| **outcome == "delivered").count(), 1, "{delivered:?}");
    assert!(!delivered.iter().any(|outcome| matches!(*outcome, "refused" | "unreachable" | "timed_out")));
    assert_eq!(receiver.count(), 4, "the one that was cut off came again");
    Ok(())
}

#[tokio::test]
async fn a_second_sigterm_stops_at_once_and_loses_nothing() -> Result<()> {
    let (mut stage, receiver, gate, events) = in_flight("twice", "30s").await?;
    stage.server.signal(Signal::TERM)?;
    stage.server.output().wait_line(SOON, |line| line.contains("stopping")).await?;
    let asked = Instant::now();
    let status = stage.server.sigterm(SOON).await?;
    assert!(!status.success(), "{status}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    gate.open();
    stage.server.restart().await?;
    for event in &events {
        assert_eq!(stage.ended_one(event).await?, "delivered");
    }
    assert!(receiver.count() <= 4);
    Ok(())
}

#[tokio::test]
async fn the_port_of_a_refused_start_stays_free() -> Result<()> {
    let dir = TempDir::new("free")?;
    let port = free_port()?;
    let setup = ServerSetup { port: Some(port), ..setup(&dir) }.with("STORE__URL", "postgres://u:secretword@db/ringup");
    let error = Server::start(setup).await.err().context("it started")?;
    let said = format!("{error:#}");
    assert!(said.contains("store.url needs store.encryption_key") && !said.contains("secretword"), "{said}");
    TcpListener::bind(("127.0.0.1", port)).context("the port is free")?;
    Ok(())
}
