//! A primary and its synchronous standby, and what can happen to them.

use std::{
    fs, process,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{PORT, Postgres};

/// A standby on the same machine catches up within this.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(60);
/// How often a state of the database is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Names the standby to its primary.
const STANDBY: &str = "standby";

/// Two servers, of which one is the primary. A commit is answered when both have it, while the standby follows.
pub struct Pair {
    members: [Postgres; 2],
    primary: usize,
}

impl Pair {
    /// Both are ended when this process is gone, however it ended.
    pub async fn start() -> Result<Pair> {
        let empty = || -> Result<Postgres> {
            let server = Postgres::unmade(String::new(), PORT)?;
            server.hand_over()?;
            server.watch(process::id())?;
            Ok(server)
        };
        let pair = Pair { members: [empty()?, empty()?], primary: 0 };
        pair.primary().make()?;
        pair.primary().start()?;
        pair.follow().await?;
        Ok(pair)
    }

    pub fn members(&self) -> &[Postgres; 2] {
        &self.members
    }

    pub fn primary(&self) -> &Postgres {
        &self.members[self.primary]
    }

    fn standby(&self) -> &Postgres {
        &self.members[1 - self.primary]
    }

    /// Ends the primary at once and makes the standby the new one, which goes without a standby until
    /// [`Pair::rebuild`]. Returns when it can be written to.
    pub fn fail_over(&mut self) -> Result<()> {
        self.primary().stop_at_once()?;
        self.standby().promote()?;
        self.primary = 1 - self.primary;
        Ok(())
    }

    /// Makes the former primary the standby, from a fresh copy.
    pub async fn rebuild(&self) -> Result<()> {
        fs::remove_dir_all(self.standby().data())?;
        self.follow().await
    }

    /// Waits until the standby has everything and commits wait for it.
    pub async fn wait_synchronous(&self) -> Result<()> {
        let until = Instant::now() + CAUGHT_UP_WITHIN;
        loop {
            let state = self.primary().run("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")?;
            if state == "sync" {
                return Ok(());
            }
            ensure!(Instant::now() < until, "the standby does not follow: {state:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Copies the primary, and has commits wait for the copy.
    async fn follow(&self) -> Result<()> {
        self.standby().copy(self.primary())?;
        self.standby().start()?;
        // Not in the copy: a new primary must not wait for a standby that is not there.
        self.primary().run(&format!("ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'"))?;
        self.primary().run("SELECT pg_reload_conf()")?;
        self.wait_synchronous().await
    }
}

impl Postgres {
    fn copy(&self, primary: &Postgres) -> Result<()> {
        let from = format!("host={} user=postgres application_name={STANDBY}", primary.folder.display());
        let data = self.data();
        self.as_owner(
            "pg_basebackup",
            &[
                "-d".as_ref(),
                from.as_ref(),
                "-D".as_ref(),
                data.as_os_str(),
                "-R".as_ref(),
                "-X".as_ref(),
                "stream".as_ref(),
                "-c".as_ref(),
                "fast".as_ref(),
                "--no-sync".as_ref(),
            ],
        )
        .context("copying the primary")
    }

    fn promote(&self) -> Result<()> {
        let data = self.data();
        self.as_owner("pg_ctl", &["promote".as_ref(), "-w".as_ref(), "-s".as_ref(), "-D".as_ref(), data.as_os_str()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_committed_is_there_after_a_fail_over_and_back() -> Result<()> {
        let mut pair = Pair::start().await?;
        pair.primary().run("CREATE TABLE kept (number int)")?;
        for number in 0..2 {
            pair.primary().run(&format!("INSERT INTO kept VALUES ({number})"))?;
            pair.fail_over()?;
            let count = pair.primary().run("SELECT count(*) FROM kept")?;
            ensure!(count == (number + 1).to_string(), "{count} rows after fail-over {number}");
            // It does not wait for the one that is away.
            pair.primary().run("UPDATE kept SET number = number")?;
            pair.rebuild().await?;
        }
        pair.primary().stop_at_once()?;
        pair.primary().start()?;
        pair.wait_synchronous().await
    }
}
