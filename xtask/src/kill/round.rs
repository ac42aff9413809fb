//! One round: some lives of the process, then quiet, then the oracle.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use ringup_testkit::{journal::now_ns, load::Load, server::Server, tempdir::TempDir};

use super::{
    crash::{self, Crash, End},
    evidence::{self, Snapshot},
    live,
    sales::Sales,
    scene::Scene,
    tally::Tally,
};
use crate::trial::{chance::Chance, newest::Newest};

/// After the last kill everything must be delivered or ended within this time; breakers pause ten seconds.
const QUIET_WITHIN: Duration = Duration::from_secs(180);
/// How often the files are looked into while waiting for that.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Round<'a> {
    pub scene: Scene,
    pub folder: &'a TempDir,
    pub cycles: u32,
    pub progress: &'a ProgressBar,
}

impl Round<'_> {
    /// Ends with a running server that has nothing left to do.
    pub async fn run(mut self, server: &mut Server, chance: &mut Chance, tally: &mut Tally) -> Result<()> {
        let data_dir = self.folder.join("data");
        let mut newest = Newest::new(&self.scene.journal);
        let mut snapshots = Vec::new();
        // This life began before the round; the others are prepared for their end.
        let mut crash = Crash::Outside(chance.within(Duration::from_secs(1)));
        let mut ended = None;
        for cycle in 1..=self.cycles {
            let end = match (ended.take(), crash) {
                (Some(end), _) => end,
                (None, Crash::Starting(after)) => crash::start_and_kill(server, after).await?,
                (None, crash) => crash.happen(server).await?,
            };
            tally.ended_by(end);
            self.progress.inc(1);
            let live = live::deliveries(&data_dir)?;
            crash::disarm(server);
            if cycle == self.cycles {
                self.scene.load.iter().for_each(Load::stop);
                self.scene.sales.iter().for_each(Sales::end);
                self.scene.revive().await?;
                snapshots.push(Snapshot { live, until_ns: now_ns() });
                break;
            }
            crash = Crash::choose(chance);
            crash.arm(server);
            snapshots.push(Snapshot { live, until_ns: now_ns() });
            ended = start(server, crash, &mut newest, tally).await?;
        }
        tally.ready.push(server.restart().await?);
        newest.check(&server.client()).await?;
        self.judge(server, &data_dir, &snapshots, tally).await
    }

    async fn judge(
        mut self,
        server: &Server,
        data_dir: &Path,
        snapshots: &[Snapshot],
        tally: &mut Tally,
    ) -> Result<()> {
        self.progress.set_message("waiting for quiet");
        wait_for_quiet(data_dir).await?;
        self.progress.set_message("");
        let load = self.scene.load.take().context("nobody else ends the generator")?;
        let load = tokio::task::block_in_place(|| load.join())?;
        let history = evidence::collect(&self.scene, &server.client(), snapshots).await?;
        history.in_flight_at_kills.iter().for_each(|count| tally.repeatable_at_kill(*count));
        let counts = history.check().into_result()?;
        ensure!(counts.acknowledged > 0 && counts.received > 0, "nothing was published: {load}");
        tally.add(&counts);
        let sales = self.scene.sales.take().context("they are judged once")?;
        tally.add_sales(&sales.judge(&server.client()).await?);
        Ok(())
    }
}

/// Starts a life that is to end by `crash`; answers how it ended if it ended before it was ready.
async fn start(server: &mut Server, crash: Crash, newest: &mut Newest, tally: &mut Tally) -> Result<Option<End>> {
    if let Crash::Starting(_) = crash {
        return Ok(None);
    }
    match (server.restart().await, crash) {
        (Ok(ready), _) => tally.ready.push(ready),
        // The point lay on the way to readiness.
        (Err(error), Crash::Inside(point, _)) if format!("{error:#}").contains("the server ended with") => {
            return Ok(Some(End::Inside(point)));
        }
        (Err(error), _) => return Err(error),
    }
    match (newest.check(&server.client()).await, crash) {
        // It may have reached its point meanwhile.
        (Err(error), Crash::Inside(..)) if !format!("{error:#}").contains("expected 200") => Ok(None),
        (result, _) => result.map(|()| None),
    }
}

async fn wait_for_quiet(data_dir: &Path) -> Result<()> {
    let until = Instant::now() + QUIET_WITHIN;
    loop {
        let live = live::deliveries(data_dir)?;
        if live.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            let some: Vec<_> = live.iter().take(5).collect();
            bail!("{} deliveries are still live after {QUIET_WITHIN:?}, such as {some:?}", live.len());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
