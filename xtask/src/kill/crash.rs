//! One end of the process: when and where it is killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ringup_testkit::server::Server;

use crate::trial::chance::Chance;

/// The environment variable that makes the binary end itself at a point.
const FAILPOINT: &str = "RINGUP_FAILPOINT";

/// Points inside a commit at which the binary can end itself, with the highest visit that is chosen.
const POINTS: [(&str, u64); 3] = [("before-commit", 400), ("after-commit-before-ack", 400), ("during-checkpoint", 2)];

/// How long after readiness a kill from outside comes at most.
const LIFE_MAX: Duration = Duration::from_millis(1200);
/// How long a kill in the middle of a start waits at most.
const START_MAX: Duration = Duration::from_millis(40);
/// A point that was not reached by then is given up for a kill from outside.
const POINT_MAX: Duration = Duration::from_secs(2);
/// A start must be done by then.
const READY_MAX: Duration = Duration::from_secs(30);

/// How one life of the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// `kill -9` this long after readiness.
    Outside(Duration),
    /// `kill -9` this long after the start, ready or not; then it is started again.
    Starting(Duration),
    /// By itself at the nth visit of a point.
    Inside(&'static str, u64),
}

/// What really ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Outside,
    Starting,
    Inside(&'static str),
}

impl Crash {
    pub fn choose(chance: &mut Chance) -> Self {
        if chance.percent(50) {
            let (point, visits) = chance.of(&POINTS);
            return Self::Inside(point, chance.between(1, visits + 1));
        }
        match chance.percent(15) {
            true => Self::Starting(chance.within(START_MAX)),
            false => Self::Outside(chance.within(LIFE_MAX)),
        }
    }

    /// Sets up the next start so that this end can come; undone by [`disarm`].
    pub fn arm(self, server: &mut Server) {
        disarm(server);
        if let Self::Inside(point, visit) = self {
            server.setup_mut().env.insert(FAILPOINT.to_owned(), format!("{point}:{visit}"));
        }
    }

    /// Lets a ready server live until it ends so. Starting ones have ended before.
    pub async fn happen(self, server: &mut Server) -> Result<End> {
        match self {
            Self::Outside(life) => {
                tokio::time::sleep(life).await;
                server.kill9()?;
                Ok(End::Outside)
            }
            Self::Starting(_) => {
                server.kill9()?;
                Ok(End::Outside)
            }
            Self::Inside(point, _) => {
                if server.wait_exit(POINT_MAX).await.is_ok() {
                    return Ok(End::Inside(point));
                }
                server.kill9()?;
                Ok(End::Outside)
            }
        }
    }
}

/// The next start ends at no point by itself.
pub fn disarm(server: &mut Server) {
    server.setup_mut().env.remove(FAILPOINT);
    server.setup_mut().ready_within = READY_MAX;
}

/// Starts and kills before it is ready, if it is not ready sooner; how it ended.
pub async fn start_and_kill(server: &mut Server, after: Duration) -> Result<End> {
    server.setup_mut().ready_within = after;
    let started = Instant::now();
    let outcome = server.restart().await;
    server.setup_mut().ready_within = READY_MAX;
    if let Err(error) = outcome {
        let text = format!("{error:#}");
        ensure!(text.contains("not ready after"), "a start failed after {:?}: {text}", started.elapsed());
    }
    server.kill9().context("killing a starting server")?;
    Ok(End::Starting)
}
