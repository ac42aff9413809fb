//! `cargo xtask chaos`: three nodes on PostgreSQL, to which everything happens again and again under load, and the oracle
//! that judges what is left.
//!
//! Faults are dealt from a deck by a seed. Publishers turn to the next node when one does not take an event. Rounds share
//! nodes and database; every few of them are a chapter with accounts of its own, at the end of which what publishers saw
//! acknowledged, what receivers got and what the API lists are compared. Nothing here knows which node does which work.

mod cluster;
mod fault;
mod measure;
mod node;
mod scene;
mod tally;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ringup_testkit::tempdir::TempDir;

use self::{cluster::Cluster, fault::Deck, scene::Scene, tally::Tally};
use crate::{
    smoke,
    trial::{
        chance::{self, Chance},
        newest::Newest,
    },
};

/// Rounds of a chapter: as many events as fit in memory with their raw requests several times over.
const CHAPTER_ROUNDS: u32 = 30;
/// Between two rounds at most.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long and how.
#[derive(Args, Debug)]
pub struct Options {
    /// How many faults
    #[arg(long, default_value_t = 30)]
    rounds: u32,
    /// Chooses the faults; the same seed chooses the same ones
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
    /// So many rounds of the release binary, with a new seed.
    pub fn rounds(rounds: u32) -> Self {
        Self { rounds, seed: None, json: None, binary: None }
    }
}

/// Runs all rounds; an error as soon as a promise is broken.
pub fn run(options: &Options) -> Result<()> {
    let seed = options.seed.unwrap_or_else(chance::fresh_seed);
    eprintln!("{} rounds, seed {seed}", options.rounds);
    // Receivers and proxies work on these threads; nodes are started on this one, with which they end.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let tally = runtime.block_on(all(options, seed)).with_context(|| format!("seed {seed}"))?;
    println!("{tally}");
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_vec_pretty(&tally.json(seed))?).with_context(|| path.display().to_string())?;
    }
    tally.verdict()
}

async fn all(options: &Options, seed: u64) -> Result<Tally> {
    let folder = TempDir::new("chaos")?;
    let binary = options.binary.clone().map_or_else(smoke::release_binary, Ok)?;
    let mut chance = Chance::new(seed);
    let mut tally = Tally::default();
    let mut deck = Deck::default();
    let progress = progress(options.rounds);
    let started = Instant::now();
    let mut cluster = Cluster::start(&binary, &folder, &mut chance).await?;
    let mut chapter = 0;
    while tally.rounds() < options.rounds {
        let rounds = CHAPTER_ROUNDS.min(options.rounds - tally.rounds());
        let result =
            tell(&mut cluster, &folder, chapter, rounds, (&mut deck, &mut chance), &mut tally, &progress).await;
        result.with_context(|| format!("round {}; what nodes said last:\n{}", tally.rounds(), cluster.said()))?;
        chapter += 1;
    }
    tally.gave_up = cluster.nodes.iter().map(|node| node.gave_up).sum();
    tally.elapsed = started.elapsed();
    progress.finish_and_clear();
    Ok(tally)
}

/// Some rounds with accounts of their own, then quiet, then the oracle.
async fn tell(
    cluster: &mut Cluster,
    folder: &TempDir,
    chapter: u32,
    rounds: u32,
    (deck, chance): (&mut Deck, &mut Chance),
    tally: &mut Tally,
    progress: &ProgressBar,
) -> Result<()> {
    let scene = Scene::create(cluster, folder, chapter).await?;
    scene.wait_for_flow(cluster).await?;
    let mut newest = Newest::new(&scene.journal);
    let mut done = Vec::new();
    for _ in 0..rounds {
        cluster.pass(chance.within(PAUSE_MAX)).await?;
        let fault = deck.deal(chance);
        progress.set_message(fault.to_string());
        let marks = scene.marks();
        let round = fault.happen(cluster, chance).await.with_context(|| fault.to_string())?;
        scene.wait_for_flow(cluster).await.with_context(|| fault.to_string())?;
        tally.add_round(&round, &scene.silences(&marks, round.began_ns));
        cluster.check(&mut newest).await.with_context(|| fault.to_string())?;
        // The next fault must find the database as this one did.
        cluster.mend_database(fault).await?;
        done.push(round);
        progress.inc(1);
    }
    progress.set_message("waiting for quiet");
    let result = scene.judge(cluster, &done).await?;
    tally.add_chapter(&result, &done);
    Ok(())
}

/// Shown on a terminal only.
fn progress(rounds: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} rounds, {eta} left: {msg}");
    ProgressBar::new(rounds.into()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
