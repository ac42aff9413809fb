//! With much history: the log's usual question, and taking old history away while delivering.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ringup_testkit::tempdir::TempDir;
use serde_json::json;

use super::{
    Scale,
    figure::Figure,
    latency::{measure, us},
    process::{self, Process, Receiver, Target},
};

const ACCOUNTS: usize = 10;
const ENDPOINTS: usize = 100;
const QUERIES: usize = 500;
/// A baseline and a run with retention in it, in seconds.
const WINDOW: u64 = 30;
const STOP_WITHIN: Duration = Duration::from_secs(60);
/// Retention may start late and take long; it must be over by then.
const GONE_WITHIN: Duration = Duration::from_secs(900);

/// One endpoint, failed, newest 50, with 5 M attempts stored.
pub fn query(scale: Scale) -> Result<Vec<Figure>> {
    let attempts = scale.rows(5_000_000);
    let History { folder, endpoints, per_second } = History::write(scale, [ACCOUNTS, ENDPOINTS], attempts, 5, 0)?;
    let bytes = folder_bytes(&folder)?;
    let target = Target::start_in(folder, scale, &[])?;
    let client = target.server.client();
    let mut times = Vec::new();
    for number in 0..QUERIES {
        // In leaps, so that neighbouring queries share no pages.
        let (app, endpoint) = &endpoints[number * 619 % endpoints.len()];
        let path = format!("/api/v1/app/{app}/attempt/endpoint/{endpoint}?status=2&limit=50");
        let started = Instant::now();
        let reply = target.runtime.block_on(client.get(&path))?.success()?;
        times.push(started.elapsed());
        let found = reply.json()?["data"].as_array().map_or(0, Vec::len);
        ensure!(found == 50 || scale.quick, "{found} rows of {endpoint}");
    }
    let first = times[0];
    times.sort_unstable();
    Ok(vec![
        Figure::new(format!("history written through the store, {attempts} attempts"), per_second, "/s"),
        Figure::new("… on disk", bytes as f64 / attempts as f64, "B per attempt"),
        Figure::ms("log query (one endpoint, failed, newest 50): first", first),
        Figure::ms("log query: p50", times[QUERIES / 2]),
        Figure::ms("log query: p99", times[QUERIES * 99 / 100]).at_most(10.0),
    ])
}

/// 10 M attempts, all old enough to go, while 200 events each second are delivered.
pub fn retention(scale: Scale) -> Result<Vec<Figure>> {
    let attempts = scale.rows(10_000_000);
    let folder = History::write(scale, [ACCOUNTS, ENDPOINTS], attempts, 50, 40)?.folder;
    let (old, freed) = (day_files(&folder)?, folder_bytes(&folder)?);
    ensure!(old.len() > 5, "history lies in {} days only", old.len());
    let mut receiver = Receiver::start()?;
    let mut target = Target::start_in(folder, scale, &[])?;
    target.account("present", &[format!("http://{}/0", receiver.address)])?;
    measure(scale, &target, &mut receiver, "present", 2)?;
    let without = measure(scale, &target, &mut receiver, "present", WINDOW)?;
    target.runtime.block_on(target.server.sigterm(STOP_WITHIN))?;
    for name in ["PAYLOAD_RETENTION", "ATTEMPT_RETENTION"] {
        target.server.setup_mut().env.insert(format!("RINGUP__STORE__{name}"), "30d".to_owned());
    }
    target.runtime.block_on(target.server.restart())?;
    let started = Instant::now();
    let mut worst = 0;
    while day_files(&target.folder)?.iter().any(|file| old.contains(file)) {
        ensure!(started.elapsed() < GONE_WITHIN, "old days are still there");
        worst = measure(scale, &target, &mut receiver, "present", WINDOW)?.age_p99_us.max(worst);
    }
    let ratio = worst as f64 / without.age_p99_us.max(1) as f64;
    Ok(vec![
        Figure::ms("steady 200/s with old history: p99", us(without.age_p99_us)),
        Figure::ms(format!("… while {attempts} attempts are removed: p99"), us(worst)),
        Figure::new("… of without", ratio, "").at_most(1.5),
        Figure::mib("… freed", freed),
    ])
}

/// A data folder with much history.
pub struct History {
    pub folder: TempDir,
    /// Account and endpoint.
    pub endpoints: Vec<(String, String)>,
    /// Attempts written each second.
    pub per_second: f64,
}

impl History {
    /// Many endpoints, and so many attempts whose ages lie between these, in days.
    pub fn write(
        scale: Scale,
        [accounts, endpoints_each]: [usize; 2],
        attempts: u64,
        from_days: u32,
        until_days: u32,
    ) -> Result<Self> {
        let forever = [("STORE__PAYLOAD_RETENTION", "3650d"), ("STORE__ATTEMPT_RETENTION", "3650d")];
        let mut target = Target::start(scale, &forever)?;
        let endpoints = target.runtime.block_on(endpoints(&target, accounts, endpoints_each))?;
        target.runtime.block_on(target.server.sigterm(STOP_WITHIN))?;
        let data = target.folder.join("data");
        let started = Instant::now();
        let (from, until) = (from_days.to_string(), until_days.to_string());
        let arguments = ["feed", &data.to_string_lossy(), &attempts.to_string(), &from, &until];
        let written: u64 = Process::start(&arguments)?.hear().context("feeding history")?;
        process::settle_disk();
        Ok(Self { folder: target.folder, endpoints, per_second: written as f64 / started.elapsed().as_secs_f64() })
    }
}

async fn endpoints(target: &Target, accounts: usize, each: usize) -> Result<Vec<(String, String)>> {
    let client = target.server.client();
    let mut endpoints = Vec::new();
    for account in 0..accounts {
        let app = format!("history{account}");
        client.create_app(&app).await?;
        for number in 0..each {
            let url = json!({"url": format!("http://127.0.0.1:9/{number}")});
            endpoints.push((app.clone(), client.create_endpoint(&app, &url).await?));
        }
    }
    Ok(endpoints)
}

fn day_files(folder: &TempDir) -> Result<Vec<String>> {
    let names =
        std::fs::read_dir(folder.join("data"))?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names = names.collect::<Result<Vec<String>>>()?;
    Ok(names.into_iter().filter(|name| name.starts_with("day-") && name.ends_with(".db")).collect())
}

fn folder_bytes(folder: &TempDir) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder.join("data"))? {
        // A file may go between being listed and being looked at.
        bytes += entry?.metadata().map_or(0, |metadata| metadata.len());
    }
    Ok(bytes)
}
