//! The steps of the test command.

use std::fs;

use anyhow::{Context, Result, ensure};
use ringup_testkit::{postgres::Postgres, server::STORE_VARIABLE};

use super::{Outcome, count, tool};
use crate::{api_table, chaos, child, deploy, interop, kill, schemathesis, screenshots, sdk, smoke, tidy, workspace};

/// Cycles of the kill test in every run.
const KILL_CYCLES: u32 = 100;
/// Rounds of the chaos test in every run: every fault at least once, in three to four minutes.
const CHAOS_ROUNDS: u32 = 30;

/// One step.
pub struct Step {
    pub name: &'static str,
    pub what: &'static str,
    pub run: fn() -> Result<Outcome>,
    /// It waits now and then: such steps that follow each other run side by side, and each uses the time of the others.
    pub waits: bool,
}

impl Step {
    const fn new(name: &'static str, what: &'static str, run: fn() -> Result<Outcome>) -> Step {
        Step { name, what, run, waits: false }
    }

    const fn waits(self) -> Step {
        Step { waits: true, ..self }
    }
}

/// In the order they run.
pub const STEPS: &[Step] = &[
    Step::new("tools", "what the other steps need is there", tools),
    Step::new("format", "the source is formatted", format),
    Step::new("tidy", "arrows, words, lengths and links", tidiness),
    Step::new("clippy", "no warnings", clippy),
    Step::new("tests", "unit, property, conformance, simulation and real-server tests", tests),
    Step::new("doc-tests", "examples in doc comments", doc_tests),
    Step::new("deny", "licences, advisories and sources of dependencies", deny),
    Step::new("release", "the release binary builds", release),
    Step::new("docs", "generated documents are fresh", docs),
    Step::new("readme", "the README's commands work word for word", readme),
    Step::new("deploy", "chart and compose file are what Helm, Kubernetes and Compose take", deploy::run),
    Step::new("interop", "signatures hold for other people's verifiers", interop::run),
    Step::new("axe", "every page of the console is accessible, in both themes and widths", screenshots::check),
    Step::new("sdk", "the official SDKs of three languages do all their work here", sdk::run),
    Step::new("postgres", "the same answers, pages and calls with the store in PostgreSQL", on_postgres),
    Step::new("schemathesis", "the API does what its document says, for every role", schemathesis::run).waits(),
    Step::new("kill", "nothing acknowledged is lost when the process is killed", killing).waits(),
    Step::new("chaos", "nothing acknowledged is lost when nodes and database fail", breaking).waits(),
];

fn tools() -> Result<Outcome> {
    tool::prepare()?;
    Ok(Outcome::Passed(1))
}

fn format() -> Result<Outcome> {
    child::run(child::cargo(&["fmt", "--all", "--check"]))?;
    Ok(Outcome::Passed(1))
}

fn tidiness() -> Result<Outcome> {
    tidy::run()?;
    Ok(Outcome::Passed(1))
}

fn clippy() -> Result<Outcome> {
    child::run(child::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    Ok(Outcome::Passed(1))
}

fn tests() -> Result<Outcome> {
    let arguments: &[&str] = if child::exists("cargo-nextest") {
        // All of it: tests of one crate start the program of another.
        &["nextest", "run", "--workspace", "--no-fail-fast"]
    } else {
        eprintln!("cargo-nextest is not installed: using cargo test");
        &["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]
    };
    counted(arguments, &[])
}

/// Real servers, a browser and the SDKs once more, on the other home. Left out is what is about files.
const ON_POSTGRES: &str = "package(ringup) & (test(walk::) | test(/^(bad_input::a_|catalog|\
                           catcher::(use_|a_write_|misbehaviour_|a_request_|a_stop_|what_)|declared|hook_mock|hook_table|\
                           hooks|later|operational|ordering|policy_sockets|reference|requests|resending::a_|reversals|\
                           sales|schedule|cli::(keys_|a_key_))/))";

fn on_postgres() -> Result<Outcome> {
    if let Some(why) = Postgres::missing() {
        return Ok(Outcome::Skipped(why));
    }
    if !child::exists("cargo-nextest") {
        return Ok(Outcome::Skipped("cargo-nextest is not installed: cargo install cargo-nextest --locked".to_owned()));
    }
    let on_it = (STORE_VARIABLE, "postgres");
    let outcome = counted(&["nextest", "run", "--workspace", "--no-fail-fast", "-E", ON_POSTGRES], &[on_it])?;
    let mut sdks = child::cargo(&["xtask", "test", "--only", "sdk"]);
    sdks.env(on_it.0, on_it.1);
    child::run(sdks)?;
    Ok(outcome)
}

fn doc_tests() -> Result<Outcome> {
    counted(&["test", "--workspace", "--doc"], &[])
}

fn counted(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Outcome> {
    let mut command = child::cargo(arguments);
    command.envs(variables.iter().copied());
    let said = child::run_and_listen(command)?;
    let count = count::read(&said.text);
    if said.success {
        return Ok(Outcome::Passed(count.passed));
    }
    let what = match count.failed {
        0 => format!("{} ended with an error", said.name),
        failed => format!("{failed} tests failed"),
    };
    Ok(Outcome::Failed { passed: count.passed, failed: count.failed.max(1), what })
}

fn docs() -> Result<Outcome> {
    let output = child::cargo(&["run", "--quiet", "--release", "-p", "ringup", "--", "config", "docs"]).output()?;
    ensure!(output.status.success(), "ringup config docs: {}", String::from_utf8_lossy(&output.stderr));
    let path = workspace::root().join("docs/configuration.md");
    let committed = fs::read(&path).with_context(|| path.display().to_string())?;
    ensure!(
        committed == output.stdout,
        "docs/configuration.md is stale: cargo run -- config docs > docs/configuration.md"
    );
    api_table::check()?;
    Ok(Outcome::Passed(2))
}

fn deny() -> Result<Outcome> {
    if !child::exists("cargo-deny") {
        return Ok(Outcome::Skipped("cargo-deny is not installed: cargo install cargo-deny --locked".to_owned()));
    }
    child::run(child::cargo(&[
        "deny",
        "--all-features",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))?;
    Ok(Outcome::Passed(1))
}

fn release() -> Result<Outcome> {
    child::run(child::cargo(&["build", "--release", "-p", "ringup"]))?;
    Ok(Outcome::Passed(1))
}

fn readme() -> Result<Outcome> {
    smoke::run()?;
    Ok(Outcome::Passed(1))
}

fn killing() -> Result<Outcome> {
    kill::run(&kill::Options::cycles(KILL_CYCLES))?;
    Ok(Outcome::Passed(1))
}

fn breaking() -> Result<Outcome> {
    if let Some(why) = Postgres::missing() {
        return Ok(Outcome::Skipped(why));
    }
    chaos::run(&chaos::Options::rounds(CHAOS_ROUNDS))?;
    Ok(Outcome::Passed(1))
}
