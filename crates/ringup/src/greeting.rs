//! What a start says to whoever started it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use ringup_app::{App, FirstStart};
use secrecy::ExposeSecret as _;
use tracing::info;

/// Says where the server listens, and on the first start prints the operator key, the only time it is seen, and a link
/// that signs in once.
pub async fn say(
    first: &FirstStart,
    given: bool,
    app: &App,
    address: SocketAddr,
    data_dir: &Path,
) -> anyhow::Result<()> {
    if let Some(environment) = &first.environment {
        info!(environment = environment.name, "first start: environment created");
    }
    if let Some(made) = &first.key
        && !given
    {
        let link = app.first_link(&made.token).await?;
        let link = link.expose_secret();
        let mut out = std::io::stdout().lock();
        writeln!(out, "operator key (shown this once): {}", made.token.expose_secret())
            .and_then(|()| writeln!(out, "console (works once, for half an hour): http://{address}/link/{link}"))
            .and_then(|()| out.flush())
            .context("cannot print the operator key; start again with RINGUP__BOOTSTRAP__KEY set")?;
    }
    info!(%address, data_dir = %data_dir.display(), version = env!("CARGO_PKG_VERSION"), "ringup is ready");
    Ok(())
}
