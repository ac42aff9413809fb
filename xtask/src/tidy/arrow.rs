//! Which room may import which, and the libraries that only one room may use.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Finding;
use crate::workspace;

const RULE: &str = "arrow";

/// A room and the rooms it may import. Lower floors only: never up, never sideways.
struct Room {
    name: &'static str,
    imports: &'static [&'static str],
}

const CORE: &str = "ringup-core";
const STORE: &str = "ringup-store";
const EGRESS: &str = "ringup-egress";
const APP: &str = "ringup-app";
const DISPATCH: &str = "ringup-dispatch";
const API: &str = "ringup-api";
const WEB: &str = "ringup-web";
const LOYALTY: &str = "ringup-loyalty";
const TESTKIT: &str = "ringup-testkit";
const XTASK: &str = "xtask";

const ROOMS: [Room; 12] = [
    Room { name: CORE, imports: &[] },
    Room { name: STORE, imports: &[CORE] },
    Room { name: EGRESS, imports: &[CORE] },
    Room { name: APP, imports: &[CORE, STORE, EGRESS] },
    Room { name: DISPATCH, imports: &[CORE, STORE, EGRESS] },
    // The vendor's side of the hooks: knows neither store nor account.
    Room { name: LOYALTY, imports: &[CORE, EGRESS] },
    Room { name: API, imports: &[CORE, APP, LOYALTY] },
    Room { name: WEB, imports: &[CORE, APP] },
    Room { name: "ringup", imports: &[CORE, STORE, EGRESS, APP, DISPATCH, LOYALTY, API, WEB] },
    // Development only.
    Room { name: TESTKIT, imports: &[] },
    Room { name: "ringup-sim", imports: &[CORE, STORE, EGRESS, APP, DISPATCH] },
    Room { name: XTASK, imports: &[CORE, STORE, EGRESS, APP, LOYALTY, API, TESTKIT] },
];

/// Rooms below that tests may build their world with, besides what the room itself imports.
const TEST_IMPORTS: [&str; 5] = [TESTKIT, CORE, STORE, EGRESS, APP];

/// Libraries that belong to some rooms, with the reason.
const LIBRARIES: [(&str, &[&str], &str); 7] = [
    ("rusqlite", &[STORE, XTASK], "only store touches files and tables"),
    ("postgres-types", &[STORE], "only store touches files and tables"),
    ("tokio-postgres", &[STORE], "only store touches files and tables"),
    ("tokio-rustls", &[EGRESS, STORE, TESTKIT], "only egress calls receivers, and nodes each other"),
    ("hickory-resolver", &[EGRESS], "only egress resolves names"),
    ("clap", &["ringup", XTASK], "only the binary reads a command line"),
    ("tracing-subscriber", &["ringup", "ringup-sim"], "only the binary decides where the log goes"),
];

/// What core is built from: no async, no I/O, no clock, no randomness, no serialisation.
const CORE_LIBRARIES: [&str; 3] = ["bytes", "httpdate", "svix-ksuid"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None is a normal dependency.
    kind: Option<String>,
    optional: bool,
}

/// Arrows that point the wrong way.
pub fn findings() -> Result<Vec<Finding>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(workspace::root())
        .output()
        .context("running cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let manifest = fs::read_to_string(&package.manifest_path)?;
        if !manifest.contains("[lints]\nworkspace = true") {
            findings.push(finding(package, "add `[lints] workspace = true`: it forbids unsafe code".to_owned()));
        }
        findings.extend(of_package(package));
    }
    Ok(findings)
}

fn of_package(package: &Package) -> Vec<Finding> {
    let rooms: BTreeMap<&str, &Room> = ROOMS.iter().map(|room| (room.name, room)).collect();
    let Some(room) = rooms.get(package.name.as_str()) else {
        return vec![finding(package, "a new room: name what it may import in xtask/src/tidy/arrow.rs".to_owned())];
    };
    let mut findings = Vec::new();
    for Dependency { name, kind, optional } in &package.dependencies {
        if *optional && room.name == XTASK {
            // Named for the features that it brings, and imported by nobody: see its feature `as-tested`.
            continue;
        }
        let in_tests = kind.as_deref() == Some("dev");
        if rooms.contains_key(name.as_str()) {
            let by_tests = in_tests && room.name != CORE && TEST_IMPORTS.contains(&name.as_str());
            if !room.imports.contains(&name.as_str()) && !by_tests {
                findings.push(finding(package, format!("{} must not import {name}", room.name)));
            }
            continue;
        }
        if in_tests {
            continue;
        }
        if room.name == CORE && !CORE_LIBRARIES.contains(&name.as_str()) {
            findings.push(finding(package, format!("core decides and nothing else: does it need {name}?")));
        }
        for (library, owners, reason) in LIBRARIES {
            if library == name && !owners.contains(&room.name) {
                findings.push(finding(package, format!("{name} belongs to {owners:?}: {reason}")));
            }
        }
    }
    findings
}

fn finding(package: &Package, what: String) -> Finding {
    let path = package.manifest_path.strip_prefix(&*workspace::root().to_string_lossy());
    let path = path.unwrap_or(&package.manifest_path).trim_start_matches('/').to_owned();
    Finding { path, line: 0, rule: RULE, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, dependency: &str, kind: Option<&str>, expected: &str) {
        let dependency = Dependency { name: dependency.to_owned(), kind: kind.map(str::to_owned), optional: false };
        let package = Package { name: name.to_owned(), manifest_path: "x".to_owned(), dependencies: vec![dependency] };
        let found: Vec<String> = of_package(&package).into_iter().map(|finding| finding.what).collect();
        assert_eq!(found.join("; "), expected);
    }

    #[test]
    fn rooms_import_lower_floors_only() {
        check("ringup-app", "ringup-store", None, "");
        check("ringup-store", "ringup-app", None, "ringup-store must not import ringup-app");
        check("ringup-app", "ringup-dispatch", None, "ringup-app must not import ringup-dispatch");
        check("ringup-api", "ringup-store", None, "ringup-api must not import ringup-store");
        check("ringup-api", "ringup-store", Some("dev"), "");
        check("ringup-egress", "ringup-testkit", Some("dev"), "");
        check("ringup-egress", "ringup-testkit", None, "ringup-egress must not import ringup-testkit");
        check("ringup-core", "ringup-testkit", Some("dev"), "ringup-core must not import ringup-testkit");
    }

    #[test]
    fn libraries_have_owners() {
        check("ringup-store", "rusqlite", None, "");
        check("ringup-core", "proptest", Some("dev"), "");
        check("ringup-core", "serde", None, "core decides and nothing else: does it need serde?");
        check(
            "ringup-app",
            "rusqlite",
            None,
            "rusqlite belongs to [\"ringup-store\", \"xtask\"]: only store touches files and tables",
        );
    }

    #[test]
    fn a_room_nobody_described_is_found() {
        check("ringup-misc", "x", None, "a new room: name what it may import in xtask/src/tidy/arrow.rs");
    }
}
