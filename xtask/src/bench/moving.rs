//! A large data folder that moves into PostgreSQL, broken off twice on the way; then what waited in it is delivered there.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ringup_testkit::{postgres::Postgres, tempdir::TempDir};

use super::{
    Scale,
    figure::Figure,
    history::History,
    part::LoadOrder,
    process::{self, Receiver, Target, load},
};
use crate::{child, smoke};

const ENCRYPTION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const FOREVER: [(&str, &str); 2] = [("STORE__PAYLOAD_RETENTION", "3650d"), ("STORE__ATTEMPT_RETENTION", "3650d")];

/// Lines of twenty that it says before it is killed.
const LINES: usize = 5;

const DRAIN_SECONDS: u64 = 1_800;

pub fn run(scale: Scale) -> Result<Vec<Figure>> {
    let (waiting, attempts) = (scale.rows(1_000_000), scale.rows(5_000_000));
    let history = History::write(scale, [10, 10], attempts, 5, 0)?;
    let address = SocketAddr::from(([127, 0, 0, 1], ringup_testkit::server::free_port()?));
    let mut target = Target::start_in(history.folder, scale, &FOREVER)?;
    target.account("away", &[format!("http://{address}/0")])?;
    let order = LoadOrder { events_max: waiting, seconds: 1800, ..target.order("away") };
    ensure!(load(&order)?.acknowledged == waiting, "not all events were accepted");
    target.server.kill9()?;
    let folder = target.folder;
    process::settle_disk();

    let database = Postgres::durable()?;
    let url = database.schema()?;
    let mut took = Duration::ZERO;
    for _ in 0..2 {
        took += killed(&folder, &url)?;
    }
    let began = Instant::now();
    let output = mover(&folder, &url)?.output()?;
    took += began.elapsed();
    let (said, words) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{words}");
    eprint!("{said}");
    let number = |before: &str| -> Result<u64> {
        let head = said.split_once(before).with_context(|| format!("{before} in {said}"))?.0;
        Ok(head.rsplit([' ', '\n']).next().unwrap_or_default().parse()?)
    };
    let (live, logged) = (number(" deliveries waiting")?, number(" attempts in the log")?);
    ensure!(logged >= attempts, "{logged} of {attempts} attempts");
    let rows = database.run("SELECT sum(reltuples)::bigint FROM pg_class WHERE relkind = 'r' AND relname ~ '_20'")?;
    let rows: f64 = rows.parse()?;

    // Before the server: whoever is refused is not sent again by the guide's policy.
    let mut receiver = Receiver::start_at(address)?;
    let settings = [("STORE__URL", url.as_str()), ("STORE__ENCRYPTION_KEY", ENCRYPTION_KEY)];
    let began = Instant::now();
    let target = Target::start_in(folder, scale, &[&settings[..], &FOREVER[..]].concat())?;
    let ready = began.elapsed();
    let seen = receiver.wait(live, DRAIN_SECONDS)?;
    let drained = seen.total as f64 / began.elapsed().as_secs_f64();
    ensure!(seen.total == live, "{} requests for {live} deliveries", seen.total);
    drop(target);
    Ok(vec![
        Figure::new(format!("moved: {logged} attempts, {live} waiting, killed twice"), took.as_secs_f64(), "s"),
        Figure::new("… rows", rows / took.as_secs_f64(), "/s"),
        Figure::ms("… then ready on PostgreSQL within", ready),
        Figure::new("… delivered from there", drained, "/s"),
    ])
}

fn mover(folder: &TempDir, url: &str) -> Result<Command> {
    let binary = smoke::release_binary()?;
    let mut command = child::command(&binary.to_string_lossy(), &["migrate-store", "--to", url, "--from"]);
    command.arg(folder.join("data")).env("RINGUP__STORE__ENCRYPTION_KEY", ENCRYPTION_KEY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Killed on its way; answers how long it lived.
fn killed(folder: &TempDir, url: &str) -> Result<Duration> {
    let began = Instant::now();
    let mut child = mover(folder, url)?.spawn()?;
    let mut said = BufReader::new(child.stderr.take().context("standard error")?).lines();
    for _ in 0..LINES {
        eprintln!("{}", said.next().context("it ended before it was killed")??);
    }
    child.kill()?;
    ensure!(!child.wait()?.success(), "it ended before it was killed");
    Ok(began.elapsed())
}
