//! The part of a server that catches: where, how much, and until when.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ringup_api::Router;
use ringup_app::{App, CatcherPlan};
use ringup_egress::OwnCatcher;
use ringup_store::CatcherStore;
use ringup_store::catcher::Limits;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::table::Config;
use crate::data::{self, Opened};
use crate::entrance::Entrance;

/// Between looks for requests that were kept long enough.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// Everything that is needed before the first request.
pub struct Catching {
    pub store: Arc<dyn CatcherStore>,
    pub plan: CatcherPlan,
    /// Where deliveries to our own catchers go.
    pub own: OwnCatcher,
    /// An address of its own, if there is one.
    pub entrance: Option<Entrance>,
}

/// What runs.
pub struct Running {
    entrance: Option<Entrance>,
    expiry: JoinHandle<()>,
    store: Arc<dyn CatcherStore>,
}

impl Catching {
    /// `main` is where everything else is served.
    pub async fn open(
        config: &Config,
        opened: &Opened,
        main: SocketAddr,
        entrance: Option<Entrance>,
    ) -> anyhow::Result<Catching> {
        let catcher = &config.catcher;
        let address = reachable(entrance.as_ref().map_or(main, |entrance| entrance.address));
        let base_url = catcher.base_url.as_ref().map(|base| base.as_str().to_owned());
        let base_url = base_url.unwrap_or_else(|| base_of(address));
        let limits = Limits {
            requests_max: usize::try_from(catcher.requests_max)?,
            bytes_max: catcher.bytes_max.as_usize() as u64,
            keep: catcher.keep,
        };
        let plan =
            CatcherPlan { base_url: base_url.clone(), body_bytes_max: catcher.body_bytes_max.as_usize(), limits };
        let store = data::open_catchers(opened, &config.store, limits).await?;
        Ok(Catching { store, plan, own: OwnCatcher { base: base_url, address }, entrance })
    }

    /// Our own addresses: deliveries to them would go round for ever, except to catchers, which pass nothing on.
    pub fn own_addresses(&self, main: SocketAddr) -> Vec<SocketAddr> {
        [main].into_iter().chain(self.entrance.as_ref().map(|entrance| entrance.address)).collect()
    }

    /// Serves the address of its own, if there is one, and lets old requests go.
    pub fn start(self, app: Arc<App>, router: Router, stop: &CancellationToken) -> Running {
        if let Some(entrance) = &self.entrance {
            entrance.open(router);
            info!(address = %entrance.address, base_url = self.plan.base_url, "catchers have an address of their own");
        }
        let expiry = expire(app, self.store.clone());
        let expiry = tokio::spawn(stop.clone().run_until_cancelled_owned(expiry));
        let expiry = tokio::spawn(async move { drop(expiry.await) });
        Running { entrance: self.entrance, expiry, store: self.store }
    }
}

impl Running {
    /// Ends after whoever could still send was served.
    pub async fn stop(self) {
        if let Some(entrance) = self.entrance {
            entrance.ended().await;
        }
        let _ = self.expiry.await;
        if let Err(error) = self.store.close().await {
            warn!(%error, "the catchers did not close cleanly; the next start repairs it");
        }
    }
}

async fn expire(app: Arc<App>, store: Arc<dyn CatcherStore>) {
    let mut turns = interval(EXPIRE_EVERY);
    loop {
        turns.tick().await;
        if let Err(error) = store.expire(app.now()).await {
            warn!(%error, "old requests to catchers stay for now");
        }
    }
}

/// An address of this machine at which a listener is reached from this machine.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

/// As a URL parser writes it: the port of plain HTTP is left out.
fn base_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) if v4.port() == 80 => format!("http://{}", v4.ip()),
        SocketAddr::V6(v6) if v6.port() == 80 => format!("http://[{}]", v6.ip()),
        address => format!("http://{address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_where_this_machine_reaches_us() {
        for (listening, base) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("192.0.2.7:80", "http://192.0.2.7"),
            ("[2001:db8::1]:80", "http://[2001:db8::1]"),
        ] {
            assert_eq!(base_of(reachable(listening.parse().expect("an address"))), base, "{listening}");
        }
    }
}
