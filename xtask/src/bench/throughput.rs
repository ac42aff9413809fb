//! As much as it can: fan-out 1 and 5 against the pass-through and the bare client.

use std::time::{Duration, Instant};

use anyhow::Result;
use ringup_testkit::server::Usage;

use super::{
    Scale,
    figure::Figure,
    part::LoadOrder,
    passthrough,
    process::{self, Receiver, Target, load},
};

/// Each side is measured so often, in turn; the median counts.
const TURNS: usize = 3;
const SECONDS: u64 = 8;
/// Everything sent must have arrived within this time after the load's end.
const DRAIN_SECONDS: u64 = 120;

/// One run of one side.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// From the first publish to the last arrival.
    events_per_second: f64,
    deliveries: u64,
    cpu: Duration,
    rss_peak: u64,
    publish_p50: Duration,
    publish_p99: Duration,
}

pub fn run(scale: Scale) -> Result<Vec<Figure>> {
    let mut figures = vec![bare(scale)?];
    for (fan_out, cpu_max) in [(1, 90.0), (5, 50.0)] {
        let (mut yardsticks, mut products) = (Vec::new(), Vec::new());
        for _ in 0..if scale.quick { 1 } else { TURNS } {
            yardsticks.push(yardstick(scale, fan_out)?);
            process::settle_disk();
            products.push(product(scale, fan_out)?);
            process::settle_disk();
        }
        let rate = |runs: &[Run]| median(runs.iter().map(|run| run.events_per_second));
        let (yardstick, product) = (rate(&yardsticks), rate(&products));
        let us = |runs: &[Run]| median(runs.iter().map(|run| run.cpu.as_secs_f64() * 1e6 / run.deliveries as f64));
        let label = format!("fan-out {fan_out}");
        let deliveries = fan_out as f64;
        figures.push(Figure::new(format!("pass-through, {label}: deliveries"), yardstick * deliveries, "/s"));
        figures.push(Figure::new(format!("pass-through, {label}: CPU per delivery"), us(&yardsticks), "µs"));
        figures.push(Figure::new(format!("{label}: events accepted durably and delivered"), product, "/s"));
        figures.push(Figure::new(format!("{label}: deliveries"), product * deliveries, "/s"));
        figures.push(Figure::new(format!("{label}: of pass-through"), product / yardstick, "").at_least(0.60));
        figures.push(Figure::new(format!("{label}: server CPU per delivery"), us(&products), "µs").at_most(cpu_max));
        let latency = |pick: fn(&Run) -> Duration| {
            Duration::from_secs_f64(median(products.iter().map(|run| pick(run).as_secs_f64())))
        };
        figures.push(Figure::ms(format!("{label}: publish answered, p50"), latency(|run| run.publish_p50)));
        figures.push(Figure::ms(format!("{label}: publish answered, p99"), latency(|run| run.publish_p99)));
        let peak = products.iter().map(|run| run.rss_peak).max().unwrap_or_default();
        figures.push(Figure::mib(format!("{label}: memory under load, peak"), peak).at_most(100.0));
    }
    Ok(figures)
}

/// Memory of a server that has answered a few calls and has nothing to do.
pub fn idle(scale: Scale) -> Result<Vec<Figure>> {
    let mut receiver = Receiver::start()?;
    let target = Target::start(scale, &[])?;
    target.account("idle", &[format!("http://{}/0", receiver.address)])?;
    let report = load(&LoadOrder { events_max: 10, publishers: 1, ..target.order("idle") })?;
    receiver.wait(report.acknowledged, DRAIN_SECONDS)?;
    Ok(vec![Figure::mib("memory idle", target.usage()?.rss_bytes).at_most(40.0)])
}

/// Publishers straight to the receiver: what HTTP alone allows here.
fn bare(scale: Scale) -> Result<Figure> {
    let receiver = Receiver::start()?;
    let order = LoadOrder { apps: Vec::new(), seconds: scale.seconds(SECONDS), ..process::order(receiver.address, "") };
    let report = load(&order)?;
    let per_second = report.acknowledged as f64 / (report.elapsed_us as f64 / 1e6);
    Ok(Figure::new("bare client to receiver, 64 sockets", per_second, "/s"))
}

fn yardstick(scale: Scale, fan_out: usize) -> Result<Run> {
    let mut receiver = Receiver::start()?;
    let threads = scale.threads.map_or_else(cores, |threads| threads as usize);
    let (process, address) = passthrough::start(receiver.address, fan_out, threads)?;
    measure(scale, &mut receiver, &process::order(address, "any"), fan_out, || Usage::of(process.pid()))
}

fn product(scale: Scale, fan_out: usize) -> Result<Run> {
    let mut receiver = Receiver::start()?;
    let target = Target::start(scale, &[])?;
    let urls: Vec<String> = (0..fan_out).map(|number| format!("http://{}/{number}", receiver.address)).collect();
    target.account("bench", &urls)?;
    measure(scale, &mut receiver, &target.order("bench"), fan_out, || target.usage())
}

fn measure(
    scale: Scale,
    receiver: &mut Receiver,
    order: &LoadOrder,
    fan_out: usize,
    usage: impl Fn() -> Result<Usage>,
) -> Result<Run> {
    // Connections, caches and permits as they are in the long run.
    let warm = load(&LoadOrder { seconds: 2, ..order.clone() })?;
    let before = warm.acknowledged * fan_out as u64;
    receiver.wait(before, DRAIN_SECONDS)?;
    let (cpu, started) = (usage()?.cpu, Instant::now());
    let report = load(&LoadOrder { seconds: scale.seconds(SECONDS), ..order.clone() })?;
    let deliveries = report.acknowledged * fan_out as u64;
    receiver.wait(before + deliveries, DRAIN_SECONDS)?;
    let elapsed = started.elapsed();
    let after = usage()?;
    Ok(Run {
        events_per_second: report.acknowledged as f64 / elapsed.as_secs_f64(),
        deliveries,
        cpu: after.cpu.saturating_sub(cpu),
        rss_peak: after.rss_peak_bytes,
        publish_p50: Duration::from_micros(report.latency_p50_us),
        publish_p99: Duration::from_micros(report.latency_p99_us),
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
