//! The same work with the store in files, and in PostgreSQL by one node and by three: CPU of all processes together. By three
//! twice: with as many publishers as the one node has, and with as many for each.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ringup_testkit::{
    postgres::Postgres,
    server::{Usage, cpu_with_children},
};

use super::{
    Scale,
    figure::Figure,
    part::{LoadOrder, LoadReport},
    process::{self, Receiver, Target, load},
};

const SECONDS: u64 = 10;
const DRAIN_SECONDS: u64 = 180;
const TURNS: usize = 3;

/// Enough that each node has its share.
const ACCOUNTS: usize = 24;
const PUBLISHERS: usize = 64;

/// What is compared: nodes on PostgreSQL, or the store in files, and publishers for all nodes together.
const SETTINGS: [(&str, Option<usize>, usize); 4] = [
    ("in files", None, PUBLISHERS),
    ("PostgreSQL, one node", Some(1), PUBLISHERS),
    ("PostgreSQL, three nodes", Some(3), PUBLISHERS),
    ("PostgreSQL, three nodes with 64 publishers each", Some(3), 3 * PUBLISHERS),
];

/// Long enough for each node to know the accounts and have its share.
const SETTLING: Duration = Duration::from_secs(6);

const ENCRYPTION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

struct Run {
    deliveries: f64,
    per_second: f64,
    nodes: Duration,
    database: Duration,
    /// A yardstick: the same work for each delivery, whoever sends it.
    receiver: Duration,
    /// Commits, with those of settlements alone. None of files.
    groups: f64,
    publish_p50: Duration,
}

impl Run {
    fn us(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.deliveries
    }
}

pub fn run(scale: Scale) -> Result<Vec<Figure>> {
    let mut runs: [Vec<Run>; 4] = Default::default();
    for _ in 0..if scale.quick { 1 } else { TURNS } {
        for (runs, (_, nodes, publishers)) in runs.iter_mut().zip(SETTINGS) {
            runs.push(one(scale, nodes, publishers)?);
            process::settle_disk();
        }
    }
    let middle = |runs: &[Run], of: fn(&Run) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let mut figures = Vec::new();
    for (runs, (label, nodes, _)) in runs.iter().zip(SETTINGS) {
        figures.push(Figure::new(format!("{label}: deliveries"), middle(runs, |run| run.per_second), "/s"));
        figures.push(Figure::new(
            format!("{label}: CPU of the nodes per delivery"),
            middle(runs, |run| run.us(run.nodes)),
            "µs",
        ));
        figures.push(Figure::new(
            format!("{label}: CPU of the database per delivery"),
            middle(runs, |run| run.us(run.database)),
            "µs",
        ));
        figures.push(Figure::new(
            format!("{label}: CPU of the receiver per delivery"),
            middle(runs, |run| run.us(run.receiver)),
            "µs",
        ));
        if nodes.is_some() {
            let filling = middle(runs, |run| run.deliveries / run.groups);
            figures.push(Figure::new(format!("{label}: events for each commit"), filling, ""));
        }
        let p50 = middle(runs, |run| run.publish_p50.as_secs_f64() * 1e3);
        figures.push(Figure::new(format!("{label}: publish answered, p50"), p50, "ms"));
    }
    let all = |runs: &[Run]| middle(runs, |run| run.us(run.nodes + run.database));
    let [files, one, three, thrice] = [all(&runs[0]), all(&runs[1]), all(&runs[2]), all(&runs[3])];
    figures.push(Figure::new("PostgreSQL, one node: CPU of all, of in files", one / files, "").at_most(2.5));
    figures.push(Figure::new("three nodes: CPU of all, of one node", three / one, "").at_most(1.15));
    let label = "three nodes with 64 publishers each: CPU of all, of one node";
    figures.push(Figure::new(label, thrice / one, "").at_most(1.15));
    Ok(figures)
}

/// Sums since the start.
#[derive(Default)]
struct Used {
    nodes: Duration,
    database: Duration,
    receiver: Duration,
    groups: f64,
}

/// Commits of all nodes in the schema of this address.
fn groups(database: &Postgres, url: &str) -> Result<f64> {
    let schema = url.rsplit("%3D").next().context("a schema")?;
    Ok(database.run(&format!("SELECT coalesce(sum(commits), 0) FROM {schema}.node"))?.parse()?)
}

/// `None`: in files.
fn one(scale: Scale, nodes: Option<usize>, publishers: usize) -> Result<Run> {
    let mut receiver = Receiver::start()?;
    let database = nodes.map(|_| Postgres::durable()).transpose()?;
    let url = database.as_ref().map(Postgres::schema).transpose()?;
    let settings: Vec<(&str, &str)> =
        url.iter().flat_map(|url| [("STORE__URL", url.as_str()), ("STORE__ENCRYPTION_KEY", ENCRYPTION_KEY)]).collect();
    let mut targets = Vec::new();
    for _ in 0..nodes.unwrap_or(1) {
        targets.push(Target::start(scale, &settings)?);
    }
    let first = targets.first().context("there is one")?;
    let apps: Vec<String> = (0..ACCOUNTS).map(|number| format!("shop-{number}")).collect();
    for app in &apps {
        first.account(app, &[format!("http://{}/0", receiver.address)])?;
    }
    first.runtime.block_on(async { tokio::time::sleep(SETTLING).await });

    let warm = loads(&targets, &apps, publishers, 2)?;
    let before: u64 = warm.iter().map(|report| report.acknowledged).sum();
    receiver.wait(before, DRAIN_SECONDS)?;
    let receiver_pid = receiver.pid();
    let used = || -> Result<Used> {
        let nodes: Result<Vec<Usage>> = targets.iter().map(Target::usage).collect();
        let nodes = nodes?.iter().map(|usage| usage.cpu).sum();
        let mut used = Used { nodes, receiver: Usage::of(receiver_pid)?.cpu, ..Used::default() };
        if let Some((database, url)) = database.as_ref().zip(url.as_ref()) {
            used.database = cpu_with_children(database.pid()?)?;
            used.groups = groups(database, url)?;
        }
        Ok(used)
    };
    let (used_before, began) = (used()?, Instant::now());
    let reports = loads(&targets, &apps, publishers, scale.seconds(SECONDS))?;
    let accepted: u64 = reports.iter().map(|report| report.acknowledged).sum();
    receiver.wait(before + accepted, DRAIN_SECONDS)?;
    let elapsed = began.elapsed();
    let used_after = used()?;
    let p50 = reports.iter().map(|report| report.latency_p50_us).max().unwrap_or_default();
    Ok(Run {
        deliveries: accepted as f64,
        per_second: accepted as f64 / elapsed.as_secs_f64(),
        nodes: used_after.nodes.saturating_sub(used_before.nodes),
        database: used_after.database.saturating_sub(used_before.database),
        receiver: used_after.receiver.saturating_sub(used_before.receiver),
        groups: used_after.groups - used_before.groups,
        publish_p50: Duration::from_micros(p50),
    })
}

/// On every node at once, as a load balancer would: each gets events of all accounts.
fn loads(targets: &[Target], apps: &[String], publishers: usize, seconds: u64) -> Result<Vec<LoadReport>> {
    let orders = targets.iter().map(|target| LoadOrder {
        apps: apps.to_vec(),
        publishers: publishers / targets.len(),
        seconds,
        ..target.order("")
    });
    let orders: Vec<LoadOrder> = orders.collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = orders.iter().map(|order| scope.spawn(|| load(order))).collect();
        running.into_iter().map(|run| run.join().map_err(|_| anyhow::anyhow!("a load panicked"))?).collect()
    })
}
