//! The database and the nodes.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use ringup_testkit::{client::Client, postgres::Pair, tempdir::TempDir};

use super::{fault::Fault, node::Node};
use crate::{
    child,
    trial::{chance::Chance, newest::Newest},
};

pub const NODES: usize = 3;

/// A node must be ready within this when nothing is wrong any more.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often what cannot be waited for is looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the database is asked, which costs a process.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// Everything must be delivered or ended so long after the last fault; breakers pause ten seconds.
const QUIET_WITHIN: Duration = Duration::from_secs(180);

pub struct Cluster {
    pub database: Pair,
    pub nodes: Vec<Node>,
}

impl Cluster {
    /// All nodes were started, and one at least is ready.
    pub async fn start(binary: &Path, folder: &TempDir, chance: &mut Chance) -> Result<Self> {
        let binary = child::tethered(binary, folder)?;
        let database = Pair::start().await?;
        let mut nodes = Vec::new();
        for number in 0..NODES {
            let port = quiet_port(chance)?;
            nodes.push(Node::new(&binary, &folder.join(format!("node-{number}")), &database, port).await?);
        }
        let mut cluster = Self { database, nodes };
        for number in 0..NODES {
            cluster.nodes[number].launch()?;
            cluster.client().await?;
        }
        Ok(cluster)
    }

    /// A client of a node that is ready.
    pub async fn client(&mut self) -> Result<Client> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            self.tend()?;
            if let Some(node) = self.ready().await.first() {
                return Ok(self.nodes[*node].server.client());
            }
            ensure!(Instant::now() < until, "no node is ready within {READY_WITHIN:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Numbers of the nodes that are ready now.
    pub async fn ready(&self) -> Vec<usize> {
        let mut ready = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            if !node.is_down && node.is_ready().await {
                ready.push(number);
            }
        }
        ready
    }

    /// Starts again what ended by itself.
    pub fn tend(&mut self) -> Result<()> {
        for (number, node) in self.nodes.iter_mut().enumerate() {
            node.tend().with_context(|| format!("node {number}"))?;
        }
        Ok(())
    }

    /// Lets this time pass, with ended nodes started again.
    pub async fn pass(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.tend()?;
            tokio::time::sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now()))).await;
        }
        Ok(())
    }

    /// Waits until every node that runs knows this. One that is still starting may have read the configuration of before, and
    /// learns of what is new within a second.
    pub async fn wait_known(&mut self, path: &str) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        for (number, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.is_down) {
            let client = node.server.client();
            while !client.get(path).await.is_ok_and(|reply| reply.status == 200) {
                ensure!(Instant::now() < until, "node {number} does not know {path}");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Every node that is ready must know what was acknowledged last, whoever took it.
    pub async fn check(&self, newest: &mut Newest) -> Result<()> {
        for number in self.ready().await {
            match newest.check(&self.nodes[number].server.client()).await {
                Err(error) if format!("{error:#}").contains("got 404") => {
                    return Err(error.context(format!("asked at node {number}")));
                }
                // It may have ended meanwhile, as one does that lost its lease.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Waits until no delivery is live.
    pub async fn wait_for_quiet(&mut self) -> Result<()> {
        let until = Instant::now() + QUIET_WITHIN;
        loop {
            let live = self.database.primary().run("SELECT count(*) FROM live")?;
            if live == "0" {
                return Ok(());
            }
            if Instant::now() > until {
                let sql = "SELECT account, endpoint, attempts_made, count(*), min(due_at) FROM live GROUP BY 1, 2, 3";
                let some = self.database.primary().run(sql)?;
                bail!("{live} deliveries are still live after {QUIET_WITHIN:?}:\n{some}");
            }
            self.pass(ASK_EVERY).await?;
        }
    }

    /// Gives the primary a standby again that commits wait for.
    pub async fn mend_database(&self, fault: Fault) -> Result<()> {
        if fault == Fault::FailOver {
            self.database.rebuild().await?;
        }
        self.database.wait_synchronous().await
    }

    /// What every node printed last, who does what, and what waits.
    pub fn said(&self) -> String {
        let nodes = self.nodes.iter().enumerate().map(|(number, node)| node.said(number));
        let asked = [
            "SELECT name, session, commits, until - clock_timestamp() AS rest FROM node",
            "SELECT coalesce(node, 'nobody'), count(*), string_agg(shard::text, ' ' ORDER BY shard) FROM shard GROUP BY 1",
            "SELECT a.uid, l.endpoint, count(*), count(due_at), min(tick), max(attempts_made)
             FROM live l JOIN account a ON a.key = l.account GROUP BY 1, 2 ORDER BY 1, 2",
            "SELECT shard, kind, account, endpoint, count(*) FROM nudge GROUP BY 1, 2, 3, 4",
        ];
        let told = asked.map(|sql| {
            let told = self.database.primary().run(sql).unwrap_or_else(|error| format!("{error:#}"));
            format!("--- {sql}\n{told}")
        });
        nodes.chain(told).collect::<Vec<_>>().join("\n")
    }
}

/// A free port that the system does not give to outgoing connections, so that it is still free when a node comes back.
fn quiet_port(chance: &mut Chance) -> Result<u16> {
    for _ in 0..1000 {
        let port = u16::try_from(chance.between(15_000, 32_000))?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port")
}
