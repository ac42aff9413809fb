//! What a publisher does with the official SDK, the crate `svix`, against a running server.
//!
//! Takes `RINGUP_URL` and `RINGUP_KEY` from the environment, starts a receiver of its own, makes every call through the
//! SDK and checks what each answer says. Prints how many calls it made.

mod calls;
mod expect;
mod part;
mod receiver;

use anyhow::{Context, Result, ensure};
use calls::Calls;
use receiver::Receiver;

/// The version that `Cargo.toml` names.
const VERSION: &str = "2.9.1";
const CALLS_MIN: usize = 60;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The receiver runs between the calls, on the same thread.
    tokio::task::LocalSet::new().block_on(&runtime, play())
}

async fn play() -> Result<()> {
    let variable = |name| std::env::var(name).context(name);
    let svix = Calls::new(&variable("RINGUP_URL")?, &variable("RINGUP_KEY")?);
    let receiver = Receiver::start().await?;
    part::catalogue::play(&svix).await.context("catalogue")?;
    part::account::play(&svix).await.context("accounts")?;
    part::endpoint::play(&svix, &receiver).await.context("endpoints")?;
    part::publish::play(&svix, &receiver).await.context("publishing")?;
    part::history::play(&svix, &receiver).await.context("history")?;
    part::replay::play(&svix, &receiver).await.context("replaying")?;
    part::removal::play(&svix).await.context("removing")?;
    part::pull::play(&svix).await.context("pulling")?;
    part::operational::play(&svix, &receiver).await.context("operational webhooks")?;
    part::portal::play(&svix, &receiver).await.context("portal access")?;
    part::refusal::play(&svix).await.context("refusals")?;
    let (calls, operations) = svix.made();
    println!("rust svix {VERSION}: {calls} calls of {operations} operations");
    ensure!(calls >= CALLS_MIN, "fewer than {CALLS_MIN} calls");
    Ok(())
}
