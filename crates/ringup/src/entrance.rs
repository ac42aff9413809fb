//! An address that is listened at: taken before anything else begins, so that a start that waits can say so there.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use ringup_api::{Front, Left, Router, ServePlan, Wellness};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::shell::SystemRandom;

/// Serves until the token is cancelled.
pub struct Entrance {
    pub address: SocketAddr,
    front: Front,
    server: JoinHandle<Left>,
}

impl Entrance {
    /// Listens, and answers that this server is not ready. The error names the setting.
    pub async fn take(
        address: SocketAddr,
        setting: &str,
        wellness: Wellness,
        plan: ServePlan,
        stop: &CancellationToken,
    ) -> anyhow::Result<Entrance> {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({setting})"))?;
        let address = listener.local_addr()?;
        let front = Front::closed(wellness, Arc::new(SystemRandom));
        let server = tokio::spawn(ringup_api::serve(listener, front.clone(), plan, stop.clone().cancelled_owned()));
        Ok(Entrance { address, front, server })
    }

    /// Everything is served from now on.
    pub fn open(&self, router: Router) {
        self.front.open(router);
    }

    /// Comes back once it was told to stop and whoever was here is served.
    pub async fn ended(self) {
        let _ = self.server.await;
    }
}
