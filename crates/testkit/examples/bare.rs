//! The yardstick of a bare client: 64 publishers on one thread post 1 KiB straight to the fast receiver
//! on another. `cargo run --release -p ringup-testkit --example bare [seconds] [publishers]`.

use std::time::Duration;

use anyhow::Result;
use ringup_testkit::{
    load::{Load, Plan},
    receiver::fast::{FastReceiver, FastSetup},
    server::Usage,
};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    let (seconds, publishers) = (number(5)?, number(64)?);
    let receiver = FastReceiver::start(FastSetup::default())?;
    let plan = Plan {
        publishers: usize::try_from(publishers)?,
        time_max: Duration::from_secs(seconds),
        ..Plan::bare(receiver.address(), "/hook")
    };
    let report = Load::start(plan)?.join()?;
    let cpu = Usage::of(std::process::id())?.cpu;
    println!("{report}");
    println!("age on arrival: {}", receiver.take().age);
    println!("cpu of both ends: {:.1} µs per request", cpu.as_secs_f64() * 1e6 / report.acknowledged as f64);
    Ok(())
}
