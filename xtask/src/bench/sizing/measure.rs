//! One load on a running cluster, and what the nodes and the database used for it.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use ringup_testkit::{postgres::Postgres, server::cpu_with_children};
use serde::Serialize;

use super::super::{
    Scale,
    part::{LoadOrder, LoadReport},
    process::{Receiver, Target, load},
};

const WARM_SECONDS: u64 = 2;
const SECONDS: u64 = 10;
const DRAIN_SECONDS: u64 = 120;
const PUBLISHERS: usize = 64;

/// Enough that a node's commits touch about as many shards as those of a large installation do.
pub const ACCOUNTS: usize = 128;

const ENCRYPTION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// For each node to know the accounts and have its share.
const SETTLING: Duration = Duration::from_secs(6);

/// What is asked of the cluster.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Order {
    pub nodes: usize,
    pub events_per_second: u32,
    pub fan_out: usize,
    pub payload_bytes: usize,
}

/// What came of it, as sums over its time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    pub order: Order,
    pub seconds: f64,
    pub events: f64,
    pub groups: f64,
    pub database_us: f64,
    pub nodes_us: f64,
    /// With the images of pages that are changed for the first time since the checkpoint before the load.
    pub wal_bytes: f64,
    pub wal_syncs: f64,
    /// Of 8 KiB, written into the tables, with a checkpoint at the end.
    pub pages: f64,
    /// How many of these images.
    pub page_images: f64,
    /// Bytes in the tables of days, with indices.
    pub stored_bytes: f64,
    /// As the disk counts them; `None` where it does not say.
    pub disk_writes: Option<f64>,
    pub publish_p99_ms: f64,
}

/// Nodes, their database, and a receiver.
pub struct Cluster {
    /// First: they end before their database does.
    targets: Vec<Target>,
    receiver: Receiver,
    database: Postgres,
    url: String,
    scale: Scale,
    arrived: u64,
}

impl Cluster {
    /// Of one node, with accounts for each of these fan-outs.
    pub fn start(scale: Scale, fan_outs: &[usize]) -> Result<Self> {
        let (database, receiver) = (Postgres::durable()?, Receiver::start()?);
        let version: u32 = database.run("SHOW server_version_num")?.parse()?;
        ensure!(version < 170_000, "this reads the views of PostgreSQL 15 and 16");
        // Each load has its share of vacuuming, however short.
        database.run("ALTER SYSTEM SET autovacuum_naptime = '5s'")?;
        database.run("SELECT pg_reload_conf()")?;
        let url = database.schema()?;
        let mut cluster = Self { database, url, receiver, targets: Vec::new(), scale, arrived: 0 };
        cluster.grow(1)?;
        for fan_out in fan_outs {
            let urls: Vec<String> =
                (0..*fan_out).map(|number| format!("http://{}/{number}", cluster.receiver.address)).collect();
            for app in apps(*fan_out) {
                cluster.targets[0].account(&app, &urls)?;
            }
        }
        cluster.settle();
        Ok(cluster)
    }

    /// To this number of nodes.
    pub fn grow(&mut self, nodes: usize) -> Result<()> {
        let settings = [("STORE__URL", self.url.as_str()), ("STORE__ENCRYPTION_KEY", ENCRYPTION_KEY)];
        if self.targets.len() < nodes {
            while self.targets.len() < nodes {
                self.targets.push(Target::start(self.scale, &settings)?);
            }
            self.settle();
        }
        Ok(())
    }

    fn settle(&self) {
        self.wait(SETTLING);
    }

    fn wait(&self, time: Duration) {
        if let Some(target) = self.targets.first() {
            target.runtime.block_on(async { tokio::time::sleep(time).await });
        }
    }

    pub fn measure(&mut self, order: Order) -> Result<Sample> {
        ensure!(order.nodes == self.targets.len(), "{} nodes", self.targets.len());
        self.play(order, self.scale.seconds(WARM_SECONDS))?;
        // From one checkpoint to the next: all that it costs falls into the time that is measured.
        self.database.run("CHECKPOINT")?;
        let before = self.counters()?;
        let reports = self.play(order, self.scale.seconds(SECONDS))?;
        self.database.run("CHECKPOINT")?;
        let after = self.counters()?;
        Ok(Sample {
            order,
            seconds: (after.at - before.at).as_secs_f64(),
            events: reports.iter().map(|report| report.acknowledged as f64).sum(),
            groups: after.groups - before.groups,
            database_us: (after.database.saturating_sub(before.database)).as_secs_f64() * 1e6,
            nodes_us: (after.nodes.saturating_sub(before.nodes)).as_secs_f64() * 1e6,
            wal_bytes: after.wal_bytes - before.wal_bytes,
            wal_syncs: after.wal_syncs - before.wal_syncs,
            pages: after.pages - before.pages,
            page_images: after.page_images - before.page_images,
            stored_bytes: after.stored_bytes - before.stored_bytes,
            disk_writes: before.disk_writes.zip(after.disk_writes).map(|(before, after)| after - before),
            publish_p99_ms: reports.iter().map(|report| report.latency_p99_us as f64 / 1e3).fold(0.0, f64::max),
        })
    }

    /// On every node at once, as a load balancer would, until all of it has arrived.
    fn play(&mut self, order: Order, seconds: u64) -> Result<Vec<LoadReport>> {
        if order.events_per_second == 0 {
            self.wait(Duration::from_secs(seconds));
            return Ok(Vec::new());
        }
        let nodes = self.targets.len();
        let orders = self.targets.iter().map(|target| LoadOrder {
            apps: apps(order.fan_out),
            publishers: PUBLISHERS / nodes,
            per_second: u32::try_from(nodes).ok().map(|nodes| order.events_per_second / nodes),
            seconds,
            payload_bytes: order.payload_bytes,
            is_dense: true,
            ..target.order("")
        });
        let orders: Vec<LoadOrder> = orders.collect();
        let reports: Result<Vec<LoadReport>> = std::thread::scope(|scope| {
            let running: Vec<_> = orders.iter().map(|order| scope.spawn(|| load(order))).collect();
            running.into_iter().map(|run| run.join().map_err(|_| anyhow::anyhow!("a load panicked"))?).collect()
        });
        let reports = reports?;
        self.arrived += reports.iter().map(|report| report.acknowledged).sum::<u64>() * order.fan_out as u64;
        self.receiver.wait(self.arrived, DRAIN_SECONDS)?;
        Ok(reports)
    }

    fn counters(&self) -> Result<Counters> {
        let schema = self.url.rsplit("%3D").next().context("a schema")?;
        let row = self.database.run(&format!(
            "SELECT (SELECT coalesce(sum(commits), 0) FROM {schema}.node),
                    pg_current_wal_insert_lsn() - '0/0', w.wal_sync, w.wal_fpi,
                    b.buffers_checkpoint + b.buffers_clean + b.buffers_backend,
                    (SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
                     WHERE relkind = 'r' AND relname ~ '^(event|payload|ended|attempt|counter)_20')
             FROM pg_stat_wal w, pg_stat_bgwriter b"
        ))?;
        let values: Result<Vec<f64>, _> = row.split('|').map(str::parse).collect();
        let values = values.with_context(|| row.clone())?;
        let [groups, wal_bytes, wal_syncs, page_images, pages, stored_bytes] = values[..] else {
            anyhow::bail!("{row}")
        };
        let nodes: Result<Vec<Duration>> = self.targets.iter().map(|target| Ok(target.usage()?.cpu)).collect();
        Ok(Counters {
            at: since_boot()?,
            database: cpu_with_children(self.database.pid()?)?,
            nodes: nodes?.iter().sum(),
            groups,
            wal_bytes,
            wal_syncs,
            page_images,
            pages,
            stored_bytes,
            disk_writes: disk_writes(&self.database.socket()),
        })
    }
}

fn apps(fan_out: usize) -> Vec<String> {
    (0..ACCOUNTS).map(|number| format!("shop-{fan_out}-{number}")).collect()
}

/// Sums since the start.
struct Counters {
    at: Duration,
    database: Duration,
    nodes: Duration,
    groups: f64,
    wal_bytes: f64,
    wal_syncs: f64,
    page_images: f64,
    pages: f64,
    stored_bytes: f64,
    disk_writes: Option<f64>,
}

fn since_boot() -> Result<Duration> {
    let text = fs::read_to_string("/proc/uptime")?;
    Ok(Duration::from_secs_f64(text.split(' ').next().unwrap_or_default().parse()?))
}

/// Writes that the disk with this file has finished, after neighbours were joined; `None` where the disk does not say.
fn disk_writes(file: &Path) -> Option<f64> {
    let device = fs::metadata(file.parent()?).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let text = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?;
    text.split_whitespace().nth(4)?.parse().ok()
}
