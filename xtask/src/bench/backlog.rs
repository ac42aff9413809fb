//! A receiver that is away while a million events wait for it: memory, restart, and the return.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    Scale,
    figure::Figure,
    part::LoadOrder,
    process::{self, Receiver, Target, load},
};

/// More than the breaker's pause and the ramp after it.
const RETURN_SECONDS: u64 = 60;
const DRAIN_SECONDS: u64 = 900;

pub fn run(scale: Scale) -> Result<Vec<Figure>> {
    let waiting = scale.rows(1_000_000);
    let port = ringup_testkit::server::free_port()?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut target = Target::start(scale, &[])?;
    target.account("away", &[format!("http://{address}/0")])?;
    let started = Instant::now();
    let order = LoadOrder { events_max: waiting, seconds: 1800, ..target.order("away") };
    ensure!(load(&order)?.acknowledged == waiting, "not all events were accepted");
    let rate = waiting as f64 / started.elapsed().as_secs_f64();
    let loaded = target.usage()?;
    process::settle_disk();

    target.server.kill9()?;
    let restart = target.runtime.block_on(target.server.restart())?;
    let after_restart = target.usage()?;
    // A clean stop folds the journal into the file; the start after it finds less to do.
    target.runtime.block_on(target.server.sigterm(Duration::from_secs(60)))?;
    let clean = target.runtime.block_on(target.server.restart())?;

    // What failed before the breaker opened has ended and is listed; the rest arrives.
    let mut receiver = Receiver::start_at(address)?;
    receiver.wait(1, RETURN_SECONDS)?;
    let (returned, cpu) = (Instant::now(), target.usage()?.cpu);
    let ended_max = waiting / 100 + 100;
    let seen = receiver.wait(waiting - ended_max, DRAIN_SECONDS)?;
    let drain = seen.total as f64 / returned.elapsed().as_secs_f64();
    let used = target.usage()?;
    let cpu = (used.cpu - cpu).as_secs_f64() * 1e6 / seen.total as f64;
    let name = |what: &str| format!("{waiting} waiting: {what}");
    Ok(vec![
        Figure::new(name("accepted"), rate, "/s"),
        Figure::mib(name("memory after accepting"), loaded.rss_bytes).at_most(200.0),
        Figure::mib(name("memory peak while accepting"), loaded.rss_peak_bytes).at_most(200.0),
        Figure::ms(name("restart after kill -9 until ready"), restart).at_most(2000.0),
        Figure::mib(name("memory after restart"), after_restart.rss_bytes).at_most(200.0),
        Figure::ms(name("restart after a clean stop until ready"), clean).at_most(2000.0),
        Figure::new(name("drained when the receiver is back"), drain, "/s"),
        Figure::new(name("server CPU per delivery while draining"), cpu, "µs"),
        Figure::mib(name("memory peak while draining"), used.rss_peak_bytes).at_most(200.0),
    ])
}
