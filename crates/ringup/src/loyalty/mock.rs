//! `ringup loyalty mock`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use ringup_loyalty::mock::{Line, Mock, Setup};
use ringup_loyalty::table::Table;
use ringup_loyalty::{Fault, HOOKS};

use super::{fault, signing_key};
use crate::argument::{duration, usage};
use crate::shell::SystemClock;
use crate::signal::StopSignal;

/// Where it listens unless told otherwise.
pub const LISTEN: &str = "127.0.0.1:8099";

#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct MockArguments {
    /// Members and coupons, as `--print-table` writes them [otherwise: two members and four coupons]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What is to be wrong with the app; may be repeated. `--list-faults` explains them
    #[arg(long, value_name = "NAME", value_parser = fault)]
    pub fault: Vec<Fault>,
    /// Wait this long before each answer, such as 300ms
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub delay: Option<Duration>,
    /// Refuse what is not signed with this secret, whsec_… or @FILE
    #[arg(long, value_name = "SECRET")]
    pub secret: Option<String>,
    /// Print the faults that can be played, and end
    #[arg(long)]
    pub list_faults: bool,
    /// Print the table it would answer from, and end
    #[arg(long)]
    pub print_table: bool,
}

/// Answers until it is ended. It reads no configuration.
pub fn mock(arguments: &MockArguments, listen: Option<&str>) -> anyhow::Result<ExitCode> {
    if arguments.list_faults {
        return crate::print(&faults());
    }
    let table = match &arguments.file {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            match Table::read(&text) {
                Ok(table) => table,
                Err(why) => return usage(format!("{}: {why}", path.display())),
            }
        }
        None => Table::default(),
    };
    if arguments.print_table {
        return crate::print(&format!("{}\n", serde_json::to_string_pretty(&table)?));
    }
    let listen = listen.unwrap_or(LISTEN);
    let Ok(address) = listen.parse::<SocketAddr>() else {
        return usage(format!("--listen: {listen:?} is no address and port such as {LISTEN}"));
    };
    let setup = Setup {
        table,
        faults: arguments.fault.iter().copied().collect(),
        delay: arguments.delay.unwrap_or_default(),
        key: signing_key(arguments.secret.as_deref())?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(address, setup))
}

async fn serve(address: SocketAddr, setup: Setup) -> anyhow::Result<ExitCode> {
    let mut signal = StopSignal::listen().context("cannot listen for signals")?;
    let words = described(&setup);
    let tell = |line: &Line| {
        // Whoever reads may have seen enough; the app goes on.
        let _ = std::io::stdout().lock().write_all(told(line).as_bytes());
    };
    let started = Mock::start(address, setup, Arc::new(SystemClock), Some(Box::new(tell))).await;
    let mut mock = started.with_context(|| format!("cannot listen on {address}"))?;
    let mut greeting = format!("a loyalty app listens on {}; Ctrl-C ends it\n", mock.url());
    for hook in HOOKS {
        let _ = writeln!(greeting, "  {hook:<17} {}/{hook}", mock.url());
    }
    crate::print(&format!("{greeting}{words}"))?;
    tokio::select! {
        _ = signal.next() => {}
        () = mock.wait() => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn described(setup: &Setup) -> String {
    let mut text = String::new();
    for member in &setup.table.members {
        let names = [&member.phone, &member.email, &member.code].map(|name| if name.is_empty() { "–" } else { name });
        let _ = writeln!(text, "  member            {}: {} points", names.join("  "), member.point);
    }
    for coupon in &setup.table.coupons {
        let (kind, state) = (format!("{:?}", coupon.kind), format!("{:?}", coupon.state));
        let (kind, state) = (kind.to_lowercase(), state.to_lowercase());
        let _ = writeln!(text, "  coupon            {}: {kind} {}, {state}", coupon.code, coupon.amount);
    }
    let signed = if setup.key.is_some() { "must be signed" } else { "signatures are not looked at" };
    let _ = writeln!(text, "  questions         {signed}");
    for fault in &setup.faults {
        let _ = writeln!(text, "  fault             {fault}: {}", fault.what());
        if fault.needs_secret() && setup.key.is_none() && *fault != Fault::RejectsGoodSignature {
            let _ = writeln!(text, "                    it shows only with --secret");
        }
    }
    text
}

fn told(line: &Line) -> String {
    let status = line.status.map_or("–".to_owned(), |status| status.to_string());
    let (millis, bytes) = (line.took.as_millis(), line.question_bytes);
    format!("{:<17} {status}  {millis} ms  {bytes} bytes asked  {}\n", line.what, line.answer)
}

fn faults() -> String {
    Fault::playable().map(|fault| format!("{:<25} the app {}\n", fault.word(), fault.what())).collect()
}
