//! What goes wrong, and how one round of it is carried out.

use std::{fmt, time::Duration};

use anyhow::{Context, Result, ensure};
use ringup_testkit::{journal::now_ns, proxy::Network};
use rustix::process::Signal;

use super::cluster::{Cluster, NODES};
use crate::trial::chance::Chance;

/// A clean stop is over within this.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
/// Between two nodes of a rolling restart, at least.
const ROLL_EVERY: Duration = Duration::from_secs(1);
/// The lease of a node that is not heard of. What lasts longer costs it its work.
const LEASE: Duration = Duration::from_secs(8);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `kill -9` of a node, which is started again at once.
    Kill,
    /// `kill -9` of a node that stays away until others have its work.
    KillForLong,
    /// SIGTERM, and a start when others have its work.
    Stop,
    /// SIGSTOP for longer than the lease.
    Pause,
    /// The database ends at once and comes back some seconds later.
    DatabaseStop,
    /// A node dies while the database is away: what it sent and could not record is gone with it.
    KillWhileAway,
    /// The primary ends at once and the standby takes its place.
    FailOver,
    /// A node does not reach the database, in one of three ways, for longer than the lease.
    Partition,
    /// All nodes are stopped and started, one after the other.
    Rolling,
}

/// How often each comes in a deck that is dealt to its end.
const DECK: [(Fault, usize); 9] = [
    (Fault::Kill, 3),
    (Fault::KillForLong, 2),
    (Fault::Stop, 2),
    (Fault::Pause, 2),
    (Fault::DatabaseStop, 2),
    (Fault::KillWhileAway, 1),
    (Fault::FailOver, 1),
    (Fault::Partition, 3),
    (Fault::Rolling, 1),
];

/// What was done, for the measures.
#[derive(Debug)]
pub struct Done {
    pub fault: Fault,
    /// Unix time in nanoseconds when it began, and when all that was broken had been mended.
    pub began_ns: u64,
    pub mended_ns: u64,
    /// How many nodes may have had attempts that were not recorded.
    pub struck: u64,
}

/// A shuffled deck of faults; a new one when it is dealt out.
#[derive(Debug, Default)]
pub struct Deck(Vec<Fault>);

impl Deck {
    pub fn deal(&mut self, chance: &mut Chance) -> Fault {
        loop {
            if !self.0.is_empty() {
                let place = usize::try_from(chance.between(0, self.0.len() as u64)).expect("an index fits");
                return self.0.swap_remove(place);
            }
            self.0 = DECK.iter().flat_map(|(fault, count)| std::iter::repeat_n(*fault, *count)).collect();
        }
    }
}

impl Fault {
    /// The database is not there for a while: publishers must be told so.
    pub fn takes_the_database(self) -> bool {
        matches!(self, Self::DatabaseStop | Self::KillWhileAway | Self::FailOver)
    }

    /// Breaks, waits and mends. What ended by itself meanwhile was started again.
    pub async fn happen(self, cluster: &mut Cluster, chance: &mut Chance) -> Result<Done> {
        let victim = victim(cluster, chance).await;
        let beyond = LEASE + Duration::from_secs(1) + chance.within(Duration::from_secs(3));
        let began_ns = now_ns();
        let mut struck = 1;
        match self {
            Self::Kill => {
                cluster.nodes[victim].kill9()?;
                cluster.nodes[victim].launch()?;
            }
            Self::KillForLong => {
                cluster.nodes[victim].kill9()?;
                cluster.pass(beyond).await?;
                cluster.nodes[victim].launch()?;
            }
            Self::Stop => {
                stop(cluster, victim).await?;
                cluster.pass(chance.within(Duration::from_secs(3))).await?;
                cluster.nodes[victim].launch()?;
            }
            Self::Pause => {
                cluster.nodes[victim].server.signal(Signal::STOP)?;
                cluster.pass(beyond).await?;
                cluster.nodes[victim].server.signal(Signal::CONT)?;
            }
            Self::DatabaseStop => {
                struck = NODES as u64;
                cluster.database.primary().stop_at_once()?;
                cluster.pass(Duration::from_secs(1) + chance.within(Duration::from_secs(6))).await?;
                cluster.database.primary().start()?;
            }
            Self::KillWhileAway => {
                struck = NODES as u64;
                cluster.database.primary().stop_at_once()?;
                cluster.pass(chance.within(Duration::from_secs(3))).await?;
                cluster.nodes[victim].kill9()?;
                cluster.pass(chance.within(Duration::from_secs(1))).await?;
                cluster.nodes[victim].launch()?;
                cluster.database.primary().start()?;
            }
            Self::FailOver => {
                struck = NODES as u64;
                cluster.database.fail_over()?;
            }
            Self::Partition => {
                let network = chance.of(&[Network::Refuses, Network::Swallows, Network::SwallowsAnswers]);
                cluster.nodes[victim].set(network);
                cluster.pass(beyond).await?;
                cluster.nodes[victim].set(Network::Good);
            }
            Self::Rolling => {
                struck = NODES as u64;
                for number in 0..NODES {
                    stop(cluster, number).await?;
                    cluster.nodes[number].launch()?;
                    cluster.pass(ROLL_EVERY).await?;
                }
            }
        }
        Ok(Done { fault: self, began_ns, mended_ns: now_ns(), struck })
    }
}

/// Mostly a node that works.
async fn victim(cluster: &Cluster, chance: &mut Chance) -> usize {
    let ready = cluster.ready().await;
    let any = usize::try_from(chance.between(0, NODES as u64)).expect("an index fits");
    if ready.is_empty() || chance.percent(15) { any } else { chance.of(&ready) }
}

async fn stop(cluster: &mut Cluster, number: usize) -> Result<()> {
    let node = &mut cluster.nodes[number];
    let status = node.stop(STOPPED_WITHIN).await.with_context(|| format!("node {number}"))?;
    ensure!(status.success(), "node {number} was asked to stop and ended with {status}");
    Ok(())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kill => "kill -9, started again at once",
            Self::KillForLong => "kill -9, away for more than the lease",
            Self::Stop => "clean stop and start",
            Self::Pause => "paused for more than the lease",
            Self::DatabaseStop => "immediate stop of the database",
            Self::KillWhileAway => "immediate stop of the database, kill -9 of a node",
            Self::FailOver => "fail-over to the standby",
            Self::Partition => "cut off from the database",
            Self::Rolling => "rolling restart",
        })
    }
}
