//! One node of the cluster: a process, its data folder, and its own way to the database, which can be broken.

use std::{path::Path, process::ExitStatus, time::Duration};

use anyhow::{Context, Result};
use ringup_testkit::{
    client::Client,
    postgres::Pair,
    proxy::{Network, Proxy},
    server::{Server, ServerSetup},
};

/// Attempts that may be begun and not yet durable on one node: what the end of one can repeat at most.
pub const IN_FLIGHT_MAX: u64 = 64;

/// The same on every node.
const ENCRYPTION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// A node that waits for its turn may answer nothing; one that works answers this soon.
const HEALTH_WITHIN: Duration = Duration::from_secs(1);

pub struct Node {
    pub server: Server,
    /// One for each member of the database.
    proxies: [Proxy; 2],
    /// It was ended, and is not to be started again by itself.
    pub is_down: bool,
    /// How often it ended by itself, as one does that lost its lease.
    pub gave_up: u32,
}

impl Node {
    /// Not started yet.
    pub async fn new(binary: &Path, data_dir: &Path, database: &Pair, port: u16) -> Result<Self> {
        let [first, second] = database.members();
        let proxies = [Proxy::start(first.socket()).await?, Proxy::start(second.socket()).await?];
        let hosts = proxies.each_ref().map(|proxy| proxy.address().to_string()).join(",");
        let url = format!("postgres://postgres@{hosts}/postgres?target_session_attrs=read-write&sslmode=disable");
        let setup = ServerSetup::with_binary(binary, data_dir)
            .with("STORE__URL", &url)
            .with("STORE__ENCRYPTION_KEY", ENCRYPTION_KEY)
            .with("DELIVERY__IN_FLIGHT_MAX", &IN_FLIGHT_MAX.to_string())
            .with("DELIVERY__COOLDOWN", "50ms")
            .with("LOG__FILTER", "warn");
        Ok(Self { server: Server::down(setup, port), proxies, is_down: true, gave_up: 0 })
    }

    pub fn launch(&mut self) -> Result<()> {
        self.is_down = false;
        self.server.launch()
    }

    pub fn kill9(&mut self) -> Result<()> {
        self.is_down = true;
        match self.server.pid() {
            Some(_) => self.server.kill9(),
            None => Ok(()),
        }
    }

    /// Starts it again if it ended by itself, as its supervisor would; answers how it ended.
    pub fn tend(&mut self) -> Result<Option<ExitStatus>> {
        let ended = self.server.ended()?;
        if ended.is_some() && !self.is_down {
            self.gave_up += 1;
            self.server.launch()?;
        }
        Ok(ended)
    }

    /// Breaks its way to the database, or mends it.
    pub fn set(&self, network: Network) {
        self.proxies.iter().for_each(|proxy| proxy.set(network));
    }

    /// Whether it answers that all is well.
    pub async fn is_ready(&self) -> bool {
        let client = Client::anonymous(self.server.address()).within(HEALTH_WITHIN);
        client.health().await.is_ok_and(|reply| (200..300).contains(&reply.status))
    }

    /// The last lines it printed.
    pub fn said(&self, number: usize) -> String {
        format!("--- node {number}, which ended by itself {} times:\n{}", self.gave_up, self.server.output().tail(25))
    }

    /// Waits for the end that was asked for by SIGTERM.
    pub async fn stop(&mut self, within: Duration) -> Result<ExitStatus> {
        self.is_down = true;
        self.server.sigterm(within).await.context("a clean stop")
    }
}
