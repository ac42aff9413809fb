//! Programs the checks need from the system, and how to get them.

use std::{fs, process::Command};

use anyhow::{Context, Result, bail};

use crate::child;

/// A program, the Debian package that has it, and what needs it.
const TOOLS: [(&str, &str, &str); 5] = [
    ("cc", "build-essential", "SQLite and the cipher library are compiled"),
    ("curl", "curl", "the README's lines"),
    ("chromium", "chromium", "pages are seen in a real browser"),
    ("chromedriver", "chromium-driver", "the browser is driven"),
    ("initdb", "postgresql", "tests start a database of their own"),
];

/// Parts of the Rust toolchain, as `rustup component` names them.
const COMPONENTS: [(&str, &str); 2] = [("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")];

/// Installs what is missing where it may, or says what is missing.
pub fn prepare() -> Result<()> {
    for (program, component) in COMPONENTS {
        if !child::exists(program) {
            let hint = || format!("{component} is missing: `rustup component add {component}`");
            child::run(child::command("rustup", &["component", "add", component])).with_context(hint)?;
        }
    }
    let missing: Vec<_> = TOOLS.iter().filter(|(program, ..)| !is_there(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package, _)| *package).collect();
    if !is_root() || !child::exists("apt-get") {
        let list: Vec<_> = missing.iter().map(|(program, _, why)| format!("{program} ({why})")).collect();
        bail!("missing: {}; on Debian: apt-get install {}", list.join(", "), packages.join(" "));
    }
    apt(&["update", "-q"])?;
    apt(&[&["install", "-q", "-y", "--no-install-recommends"], packages.as_slice()].concat())
}

/// In `PATH`, or where Debian puts the programs of a database server.
fn is_there(program: &str) -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    child::exists(program) || versions.into_iter().any(|version| version.path().join("bin").join(program).exists())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command: Command = child::command("apt-get", arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    child::run(command)
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uid.and_then(|line| line.split_whitespace().nth(1)) == Some("0")
}
