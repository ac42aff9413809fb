//! `cargo xtask kill`: kills the release binary again and again under load, and lets the oracle judge what is left.
//!
//! Half of the kills come from outside at a random instant (`kill -9`), the other half from inside at a named point of
//! a commit. Rounds share one data folder; each has accounts of its own and ends with a full comparison of what
//! publishers saw acknowledged, what receivers got and what the API lists. Receivers are never killed.

mod crash;
mod evidence;
mod live;
mod round;
mod sales;
mod scene;
mod tally;

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ringup_testkit::{server::Server, tempdir::TempDir};

use self::{round::Round, scene::Scene, tally::Tally};
use crate::{
    smoke,
    trial::chance::{self, Chance},
};

/// Cycles in a round: as many events as fit in memory with their raw requests several times over.
const ROUND_CYCLES: u32 = 25;

/// How long and how.
#[derive(Args, Debug)]
pub struct Options {
    /// How often the process is killed
    #[arg(long, default_value_t = 100)]
    cycles: u32,
    /// Chooses the instants; the same seed chooses the same ones
    #[arg(long)]
    seed: Option<u64>,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Use this binary instead of target/release/ringup
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

impl Options {
    /// So many cycles of the release binary, with a new seed.
    pub fn cycles(cycles: u32) -> Self {
        Self { cycles, seed: None, json: None, binary: None }
    }
}

/// Runs all cycles; an error as soon as a promise is broken.
pub fn run(options: &Options) -> Result<()> {
    let seed = options.seed.unwrap_or_else(chance::fresh_seed);
    eprintln!("{} cycles, seed {seed}", options.cycles);
    // Receivers work on these threads; children are started on this one, with which they end.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let tally = runtime.block_on(cycle(options, seed)).with_context(|| format!("seed {seed}"))?;
    println!("{tally}");
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_vec_pretty(&tally.json(seed))?).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

async fn cycle(options: &Options, seed: u64) -> Result<Tally> {
    let folder = TempDir::new("kill")?;
    let binary = options.binary.clone().map_or_else(smoke::release_binary, Ok)?;
    let mut chance = Chance::new(seed);
    let mut tally = Tally::default();
    let progress = progress(options.cycles);
    let started = Instant::now();
    let mut server = Server::start(scene::setup(&binary, &folder)?).await?;
    while tally.cycles < options.cycles {
        let cycles = ROUND_CYCLES.min(options.cycles - tally.cycles);
        let scene = Scene::create(&server, tally.rounds, &mut chance).await?;
        let round = Round { scene, folder: &folder, cycles, progress: &progress };
        let result = round.run(&mut server, &mut chance, &mut tally).await;
        result.with_context(|| {
            format!("round {}; the server's last lines:\n{}", tally.rounds, server.output().tail(30))
        })?;
        tally.rounds += 1;
    }
    tally.elapsed = started.elapsed();
    progress.finish_and_clear();
    Ok(tally)
}

/// Shown on a terminal only.
fn progress(cycles: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} kills, {eta} left {msg}");
    ProgressBar::new(cycles.into()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
