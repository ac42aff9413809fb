//! `cargo xtask test`: the one test command. Its steps run in turn, cheap ones first, and the last ones, which wait now
//! and then, side by side; a table tells how each ended.

mod count;
mod step;
mod tool;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;

use self::step::{STEPS, Step};

/// Which steps to run.
#[derive(Args, Debug)]
pub struct Options {
    /// Run only this step; may be repeated
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// List the steps and run none
    #[arg(long)]
    list: bool,
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Checks that passed: one, or as many tests as the step ran.
    Passed(u64),
    Failed {
        passed: u64,
        failed: u64,
        what: String,
    },
    /// Something it needs is missing.
    Skipped(String),
}

impl Outcome {
    fn failed(what: String) -> Self {
        Outcome::Failed { passed: 0, failed: 1, what }
    }
}

struct Row {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

impl Row {
    fn panicked(step: &Step) -> Self {
        Row { name: step.name, took: Duration::ZERO, outcome: Outcome::failed("it panicked, see above".to_owned()) }
    }
}

/// Runs the steps; an error unless all passed.
pub fn run(options: &Options) -> Result<()> {
    if options.list {
        for step in STEPS {
            println!("{:<12} {}", step.name, step.what);
        }
        return Ok(());
    }
    if let Some(name) = options.only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        bail!("no step is called `{name}`; `cargo xtask test --list` names them");
    }
    let chosen = |step: &&Step| options.only.is_empty() || options.only.iter().any(|name| name == step.name);
    let steps: Vec<&Step> = STEPS.iter().filter(chosen).collect();
    let mut rows = Vec::new();
    for group in steps.chunk_by(|one, next| one.waits && next.waits) {
        thread::scope(|scope| {
            let running: Vec<_> = group.iter().map(|step| (*step, scope.spawn(|| play(step)))).collect();
            rows.extend(running.into_iter().map(|(step, row)| row.join().unwrap_or_else(|_| Row::panicked(step))));
        });
    }
    summarise(&rows)
}

fn play(step: &Step) -> Row {
    eprintln!("\n=== {}: {}", step.name, step.what);
    let started = Instant::now();
    let outcome = (step.run)().unwrap_or_else(|error| Outcome::failed(format!("{error:#}")));
    Row { name: step.name, took: started.elapsed(), outcome }
}

fn summarise(rows: &[Row]) -> Result<()> {
    println!("\n{:<12} {:>8}  result", "step", "time");
    let (mut passed, mut failed) = (0, 0);
    for Row { name, took, outcome } in rows {
        let result = match outcome {
            Outcome::Passed(1) => "passed".to_owned(),
            Outcome::Passed(count) => format!("passed ({count} tests)"),
            Outcome::Failed { what, .. } => format!("FAILED: {what}"),
            Outcome::Skipped(why) => format!("skipped: {why}"),
        };
        let (good, bad) = match outcome {
            Outcome::Passed(count) => (*count, 0),
            Outcome::Failed { passed, failed, .. } => (*passed, *failed),
            Outcome::Skipped(_) => (0, 0),
        };
        passed += good;
        failed += bad;
        println!("{name:<12} {:>7.1}s  {result}", took.as_secs_f64());
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        bail!("not all checks passed");
    }
    Ok(())
}
