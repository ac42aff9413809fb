//! `cargo xtask receiver`: shows what arrives and whether its signature holds, for trying things out.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use ringup_testkit::receiver::{Receiver, Setup};

use crate::smoke;

/// How often it looks up from waiting; nothing depends on it.
const WATCH: Duration = Duration::from_secs(3600);

/// Where to listen, and the secret that requests are signed with.
#[derive(Args, Debug)]
pub struct Options {
    /// Port on this machine
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// The endpoint's secret, whsec_…; without it signatures are not checked
    #[arg(long)]
    secret: Option<String>,
}

/// Until it is interrupted.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(show(options))
}

async fn show(options: &Options) -> Result<()> {
    let address = ([127, 0, 0, 1], options.port).into();
    let receiver = Receiver::start_with(Setup { address, ..Setup::default() }).await?;
    println!("waiting at {}", receiver.url("/"));
    let mut shown = 0;
    loop {
        let Ok(requests) = receiver.wait_for(shown + 1, WATCH).await else { continue };
        for request in &requests[shown..] {
            let verdict = match options.secret.as_deref().map(|secret| smoke::verify(secret, request)) {
                None => "signature not checked".to_owned(),
                Some(Ok(())) => "signature valid".to_owned(),
                Some(Err(error)) => format!("SIGNATURE NOT VALID: {error:#}"),
            };
            println!("\n{} {} {} ({verdict})\n{}", request.method, request.target, request.id(), request.text());
        }
        shown = requests.len();
    }
}
