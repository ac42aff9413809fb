//! A catcher under a load that its byte budget cannot hold: it takes everything, keeps the newest, and stays within.

use std::fs;

use anyhow::{Context, Result, ensure};
use http::Method;
use ringup_testkit::client::Client;
use serde_json::json;

use super::{
    Scale,
    figure::Figure,
    latency::us,
    part::LoadOrder,
    process::{Target, load},
};

const PER_SECOND: u32 = 1_000;
const SECONDS: u64 = 30;
const BODY_BYTES: usize = 8 * 1_024;
/// The smallest budget there may be: a fifteenth of what comes.
const BUDGET_MIB: u64 = 16;

/// 1,000 requests each second for 30 s to one catcher.
pub fn run(scale: Scale) -> Result<Vec<Figure>> {
    let budget = format!("{BUDGET_MIB}MiB");
    let settings = [("CATCHER__BYTES_MAX", budget.as_str()), ("CATCHER__REQUESTS_MAX", "10000")];
    let target = Target::start(scale, &settings)?;
    target.account("shop", &[])?;
    let client = target.server.client();
    let made = target.runtime.block_on(client.post("/api/v1/app/shop/catcher", &json!({})))?.success()?;
    let (id, url) = (made.id()?, made.text_at("url")?);
    let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).context("the path of its URL")?;
    let before = target.usage()?.cpu;
    let report = load(&LoadOrder {
        path: path.clone(),
        apps: Vec::new(),
        publishers: 32,
        per_second: Some(PER_SECOND),
        seconds: scale.seconds(SECONDS),
        payload_bytes: BODY_BYTES,
        ..target.order("shop")
    })?;
    let cpu = target.usage()?.cpu.saturating_sub(before);
    let wanted = u64::from(PER_SECOND) * scale.seconds(SECONDS);
    let files = ["catcher.db", "catcher.db-wal"].map(|name| target.folder.join("data").join(name));
    let bytes: u64 = files.iter().filter_map(|file| fs::metadata(file).ok()).map(|data| data.len()).sum();

    let stranger = Client::anonymous(target.server.address());
    target.runtime.block_on(async {
        for path in [format!("/api/v1/app/shop/catcher/{id}/request"), format!("/api/v1/app/shop/catcher/{id}/export")]
        {
            stranger.get(&path).await?.expect(401)?;
        }
        let read = stranger.call(Method::GET, &path, &[], "").await?;
        ensure!(!read.text().contains("\"body\""), "the write URL reads back: {}", read.text());
        let kept = client.get(&format!("/api/v1/app/shop/catcher/{id}/request/1")).await?;
        ensure!(scale.quick || kept.status == 404, "the oldest is still there: nothing was pushed out");
        anyhow::Ok(())
    })?;
    Ok(vec![
        Figure::new(
            "catcher at 1,000/s with 8 KiB: taken, of those sent",
            report.acknowledged as f64 / wanted as f64,
            "",
        )
        .at_least(0.99),
        Figure::ms("… answered after, p50", us(report.latency_p50_us)),
        Figure::ms("… p99", us(report.latency_p99_us)),
        Figure::ms("… CPU for each", cpu / u32::try_from(report.acknowledged.max(1))?),
        Figure::mib(format!("… its files, under a budget of {BUDGET_MIB} MiB"), bytes).at_most(BUDGET_MIB as f64),
        Figure::mib("… memory of the process at its most", target.usage()?.rss_peak_bytes),
    ])
}
