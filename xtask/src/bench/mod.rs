//! `cargo xtask bench`: measures the release binary from outside and compares with the numbers to hold.
//!
//! Server, load generator and receivers are processes of their own on one machine. Figures that are ratios compare
//! runs that took turns in one sitting: absolute rates move with what else the machine does.

mod account_log;
mod backlog;
mod catching;
mod cluster;
mod feed;
mod figure;
mod history;
pub mod hooks;
mod latency;
mod moving;
pub mod part;
mod passthrough;
mod process;
mod sizing;
mod throughput;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::figure::{Figure, Results};
use crate::{child, smoke, workspace};

/// What to measure and how long.
#[derive(Args, Debug)]
pub struct Options {
    /// Measure only this group; may be repeated
    #[arg(long, value_name = "GROUP")]
    only: Vec<String>,
    /// List the groups and measure none
    #[arg(long)]
    list: bool,
    /// A hundredth of the rows and shorter runs: to see that it works, not what it amounts to
    #[arg(long)]
    quick: bool,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Worker threads of the server; its default otherwise
    #[arg(long)]
    threads: Option<u32>,
}

/// What the groups share.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    quick: bool,
    threads: Option<u32>,
}

impl Scale {
    /// Rows, events or seconds as said, or a hundredth of them.
    fn rows(self, rows: u64) -> u64 {
        if self.quick { rows / 100 } else { rows }
    }

    fn seconds(self, seconds: u64) -> u64 {
        if self.quick { seconds.div_ceil(5) } else { seconds }
    }
}

struct Group {
    name: &'static str,
    what: &'static str,
    run: fn(Scale) -> Result<Vec<Figure>>,
}

const GROUPS: [Group; 13] = [
    Group { name: "throughput", what: "fan-out 1 and 5 against pass-through; CPU and memory", run: throughput::run },
    Group { name: "steady", what: "publish to receiver at 200 events/s", run: latency::steady },
    Group { name: "neighbour", what: "a dead endpoint with 100,000 waiting", run: latency::neighbour },
    Group { name: "backlog", what: "1,000,000 waiting: memory, restart, drain", run: backlog::run },
    Group { name: "log", what: "a query over 5 M attempts", run: history::query },
    Group { name: "account-log", what: "the log of one account with 300 URLs and 1 M attempts", run: account_log::run },
    Group { name: "catcher", what: "1,000 requests/s for 30 s into a small byte budget", run: catching::run },
    Group { name: "hooks", what: "a till that asks an app that is slow, dead or hostile", run: hooks::run },
    Group { name: "retention", what: "10 M attempts removed while delivering", run: history::retention },
    Group { name: "postgres", what: "CPU with the store in PostgreSQL, by one node and by three", run: cluster::run },
    Group { name: "sizing", what: "what a database must be for a load: a model, and its error", run: sizing::run },
    Group { name: "migrate", what: "1 M waiting and 5 M logged moved into PostgreSQL", run: moving::run },
    Group { name: "idle", what: "memory with nothing to do", run: throughput::idle },
];

/// Builds what it needs for release, then measures with that.
pub fn run(options: &Options) -> Result<()> {
    if options.list {
        GROUPS.iter().for_each(|group| println!("{:<12} {}", group.name, group.what));
        return Ok(());
    }
    if let Some(name) = options.only.iter().find(|name| GROUPS.iter().all(|group| group.name != **name)) {
        bail!("no group is called `{name}`; `cargo xtask bench --list` names them");
    }
    if cfg!(debug_assertions) {
        return again_in_release();
    }
    smoke::release_binary()?;
    let scale = Scale { quick: options.quick, threads: options.threads };
    let mut results = Results::default();
    for group in &GROUPS {
        if !options.only.is_empty() && !options.only.iter().any(|name| name == group.name) {
            continue;
        }
        eprintln!("=== {}: {}", group.name, group.what);
        results.add((group.run)(scale).with_context(|| group.name)?);
    }
    println!("{results}");
    if let Some(path) = &options.json {
        fs::write(path, results.json()?).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The load generator shares the machine with what it measures, so it must be a release build too.
fn again_in_release() -> Result<()> {
    child::run(child::cargo(&["build", "--release", "-p", "ringup", "-p", "xtask"]))?;
    let program = workspace::target().join("release/xtask");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let status = child::command(&program.to_string_lossy(), &arguments).status()?;
    ensure!(status.success(), "the measurement ended with {status}");
    Ok(())
}
