//! How long an event takes from its publisher to its receiver when there is time enough.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{
    Scale,
    figure::Figure,
    part::{LoadOrder, Seen},
    process::{self, Receiver, Target, load},
};

const PER_SECOND: u32 = 200;
const SECONDS: u64 = 20;
const DRAIN_SECONDS: u64 = 60;

/// 200 events each second to one endpoint.
pub fn steady(scale: Scale) -> Result<Vec<Figure>> {
    let mut receiver = Receiver::start()?;
    let target = Target::start(scale, &[])?;
    target.account("steady", &[format!("http://{}/0", receiver.address)])?;
    measure(scale, &target, &mut receiver, "steady", 2)?;
    let seen = measure(scale, &target, &mut receiver, "steady", SECONDS)?;
    Ok(vec![
        Figure::ms("steady 200/s: publish to receiver, p50", us(seen.age_p50_us)).at_most(1.5),
        Figure::ms("steady 200/s: publish to receiver, p99", us(seen.age_p99_us)).at_most(8.0),
        Figure::ms("steady 200/s: publish to receiver, max", us(seen.age_max_us)),
    ])
}

/// The same beside an endpoint of another account that nobody answers for, with 100,000 events waiting.
pub fn neighbour(scale: Scale) -> Result<Vec<Figure>> {
    let waiting = scale.rows(100_000);
    let mut receiver = Receiver::start()?;
    let target = Target::start(scale, &[])?;
    target.account("alive", &[format!("http://{}/0", receiver.address)])?;
    // A port that nobody listens on.
    let port = ringup_testkit::server::free_port()?;
    target.account("dead", &[format!("http://127.0.0.1:{port}/0")])?;
    measure(scale, &target, &mut receiver, "alive", 2)?;
    let without = measure(scale, &target, &mut receiver, "alive", SECONDS)?;
    let order = LoadOrder { events_max: waiting, seconds: 600, ..target.order("dead") };
    ensure!(load(&order)?.acknowledged == waiting, "not all events were accepted");
    process::settle_disk();
    let with = measure(scale, &target, &mut receiver, "alive", SECONDS)?;
    let ratio = with.age_p99_us as f64 / without.age_p99_us.max(1) as f64;
    Ok(vec![
        Figure::ms("neighbour alone: p99", us(without.age_p99_us)),
        Figure::ms(format!("neighbour of a dead endpoint with {waiting} waiting: p99"), us(with.age_p99_us)),
        Figure::new("… of alone", ratio, "").at_most(1.2),
    ])
}

/// A steady load for so long; what the receiver saw of it.
pub fn measure(scale: Scale, target: &Target, receiver: &mut Receiver, app: &str, seconds: u64) -> Result<Seen> {
    let before = receiver.take()?.total;
    let order = LoadOrder {
        publishers: 16,
        per_second: Some(PER_SECOND),
        seconds: scale.seconds(seconds),
        ..target.order(app)
    };
    let report = load(&order)?;
    let seen = receiver.wait(before + report.acknowledged, DRAIN_SECONDS)?;
    ensure!(seen.requests == report.acknowledged, "{} published, {} arrived", report.acknowledged, seen.requests);
    Ok(seen)
}

pub fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}
