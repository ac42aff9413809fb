//! Stands in for the real binary where the testkit tests its own process handling: it takes the same
//! flags, answers the health check, counts its starts in the data folder and stops on SIGTERM.

use std::{env, fs, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use ringup_testkit::receiver::{Receiver, Script, Setup};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

async fn serve() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_none_or(|command| command != "serve") {
        bail!("unknown command {arguments:?}");
    }
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag).context(flag.to_owned())?;
        arguments.get(at + 1).with_context(|| format!("a value for {flag}"))
    };
    if env::var_os("RINGUP__STAND_IN__REFUSE").is_some() {
        bail!("refused as asked");
    }
    let starts = PathBuf::from(after("--data-dir")?).join("starts");
    let count = fs::read_to_string(&starts).unwrap_or_default().len() + 1;
    fs::write(&starts, "x".repeat(count))?;
    let address: SocketAddr = after("--listen")?.parse()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let server = Receiver::start_with(Setup { address, script: Script::from(204), ..Setup::default() }).await?;
    println!("start {count} at {} with {}", server.address(), env::var("RINGUP__EGRESS__ALLOW_HTTP")?);
    terminate.recv().await;
    eprintln!("stopping");
    Ok(())
}
