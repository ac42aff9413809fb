//! The official SDKs from their registries, without a patch, against the real binary.
//!
//! Each scenario in `xtask/sdk` is a program in the SDK's own language with a receiver of its own: it makes its calls,
//! checks every answer, and counts. What cannot be had here is said, and makes the step a skipped one.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use ringup_testkit::{
    server::{OPERATOR_KEY, Server, ServerSetup},
    tempdir::TempDir,
};
use tokio::time::timeout;

use crate::{child, package, smoke, test::Outcome, workspace};

/// Time for one scenario on a busy machine; one takes seconds.
const SCENARIO_TIME_MAX: Duration = Duration::from_secs(120);

/// A scenario with one version of an SDK.
struct Scenario {
    sdk: &'static str,
    /// Installs what it needs; an error says what cannot be had here.
    prepare: fn() -> Result<Prepared>,
}

enum Prepared {
    Program(Command),
    /// Everything is here, and our part of it does not build.
    Broken(anyhow::Error),
}

const SCENARIOS: [Scenario; 5] = [
    Scenario { sdk: "svix 1.99.1 of npm", prepare: || javascript("sdk-javascript-1", 18, "svix@1.99.1") },
    // It asks for Node 22.
    Scenario { sdk: "svix 2.5.0 of npm", prepare: || javascript("sdk-javascript-2", 22, "svix@2.5.0") },
    Scenario { sdk: "svix 1.99.1 of PyPI", prepare: || python("sdk-python-1", "svix==1.99.1") },
    Scenario { sdk: "svix 2.9.1 of PyPI", prepare: || python("sdk-python-2", "svix==2.9.1") },
    Scenario { sdk: "svix 2.9.1 of crates.io", prepare: rust },
];

/// `cargo xtask test --only sdk`.
pub fn run() -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut passed, mut failed, mut missing) = (0, Vec::new(), Vec::new());
    for Scenario { sdk, prepare } in SCENARIOS {
        let result = match prepare() {
            Ok(Prepared::Program(program)) => runtime.block_on(play(program)),
            Ok(Prepared::Broken(error)) => Err(error),
            Err(error) => {
                eprintln!("{sdk} cannot be had here: {error:#}");
                missing.push(format!("{sdk}: {error:#}"));
                continue;
            }
        };
        match result {
            Ok(()) => passed += 1,
            Err(error) => {
                eprintln!("{sdk}: {error:#}");
                failed.push(sdk);
            }
        }
    }
    if !failed.is_empty() {
        return Ok(Outcome::Failed { passed, failed: failed.len() as u64, what: failed.join(", ") });
    }
    if missing.is_empty() {
        return Ok(Outcome::Passed(passed));
    }
    Ok(Outcome::Skipped(format!("{passed} of {} SDKs passed; missing: {}", SCENARIOS.len(), missing.join("; "))))
}

/// Runs a scenario against a server of its own.
async fn play(program: Command) -> Result<()> {
    let folder = TempDir::new("sdk")?;
    let binary = child::tethered(&smoke::binary()?, &folder)?;
    // A failing receiver is given up soon.
    let setup = ServerSetup::with_binary(binary, folder.join("data")).with("DELIVERY__COOLDOWN", "100ms");
    let server = Server::start(setup).await?;
    let mut program = tokio::process::Command::from(program);
    program.env("RINGUP_URL", server.url()).env("RINGUP_KEY", OPERATOR_KEY).kill_on_drop(true);
    let status = timeout(SCENARIO_TIME_MAX, program.status()).await.context("the scenario does not end")??;
    ensure!(status.success(), "{status}; the server's last lines:\n{}", server.output().tail(20));
    Ok(())
}

fn javascript(folder: &str, node_major_min: u32, sdk: &str) -> Result<Prepared> {
    let node = package::node(folder, node_major_min, &[sdk])?;
    // Packages are looked for from where the script lies.
    for name in ["counted.mjs", "expect.mjs", "receiver.mjs", "scenario.mjs"] {
        fs::copy(scenario("javascript").join(name), node.folder.join(name)).context(name)?;
    }
    let script = node.folder.join("scenario.mjs");
    Ok(Prepared::Program(child::command(&node.program.to_string_lossy(), &[&script.to_string_lossy()])))
}

fn python(folder: &str, sdk: &str) -> Result<Prepared> {
    let python = package::python(folder, &[sdk])?;
    let script = scenario("python").join("scenario.py");
    // `-B` leaves no compiled files in the source.
    Ok(Prepared::Program(child::command(&python.to_string_lossy(), &["-B", &script.to_string_lossy()])))
}

/// A cargo workspace of its own: what the SDK depends on is no dependency of ours.
fn rust() -> Result<Prepared> {
    let manifest = scenario("rust").join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let target = workspace::target().join("package/sdk-rust");
    let fetched = child::cargo(&["fetch", "--quiet", "--locked", "--manifest-path", &manifest]).output()?;
    let complaint = String::from_utf8_lossy(&fetched.stderr);
    ensure!(fetched.status.success(), "cargo fetch: {}", complaint.trim().lines().last().unwrap_or_default());
    let target_text = target.to_string_lossy();
    let build = ["build", "--quiet", "--locked", "--manifest-path", &manifest, "--target-dir", &target_text];
    Ok(match child::run(child::cargo(&build)) {
        Ok(()) => Prepared::Program(child::command(&target.join("debug/ringup-sdk-scenario").to_string_lossy(), &[])),
        Err(error) => Prepared::Broken(error),
    })
}

fn scenario(language: &str) -> PathBuf {
    workspace::root().join("xtask/sdk").join(language)
}
