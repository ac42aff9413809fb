//! From a name to the addresses that may be dialled for it.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{TokioResolver, system_conf};
use ringup_core::outcome::Cause;
use tokio::time::Instant;

use crate::fault;
use crate::plan::{EgressError, EgressPlan};

/// Addresses of one answer that are used; more serve only to exhaust a client.
pub const ADDRESSES_MAX: usize = 32;

/// Names whose addresses are remembered; a node that calls more asks the name server's cache.
const NAMES_MAX: usize = 4_096;

/// Longest time an answer is believed, so that a moved receiver is found even where its TTL says days.
const TTL_MAX: Duration = Duration::from_secs(300);

/// The same for "no such name": short, since it is what an owner fixes and tries again.
const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(30);

/// Asks name servers. The seam for tests and other resolvers: what comes out of it is not trusted but checked.
pub trait Resolve: Send + Sync + 'static {
    /// All IPv4 and IPv6 addresses of `name`, which is absolute although it has no trailing dot.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Resolved, Cause>> + Send + 'a>>;

/// The addresses of a name, and how long they may be remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    pub addresses: Vec<IpAddr>,
    pub ttl: Duration,
}

/// A resolver with a memory in front: a remembered name costs one lock and no allocation.
pub(crate) struct Names {
    resolver: Box<dyn Resolve>,
    known: Mutex<HashMap<Arc<str>, Known>>,
}

struct Known {
    addresses: Arc<[IpAddr]>,
    until: Instant,
}

impl Names {
    pub fn new(resolver: Box<dyn Resolve>) -> Names {
        Names { resolver, known: Mutex::default() }
    }

    /// Never empty: a name without an address is [`Cause::Dns`]. Not cut to [`ADDRESSES_MAX`], so that a forbidden
    /// address is seen wherever it stands.
    pub async fn addresses(&self, name: &Arc<str>) -> Result<Arc<[IpAddr]>, Cause> {
        if let Some(addresses) = self.known(name, Instant::now()) {
            return Ok(addresses);
        }
        let resolved = self.resolver.resolve(name).await?;
        if resolved.addresses.is_empty() {
            return Err(Cause::Dns);
        }
        let addresses: Arc<[IpAddr]> = resolved.addresses.into();
        self.remember(name, &addresses, resolved.ttl.min(TTL_MAX));
        Ok(addresses)
    }

    fn known(&self, name: &str, now: Instant) -> Option<Arc<[IpAddr]>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).filter(|entry| now < entry.until).map(|entry| entry.addresses.clone())
    }

    fn remember(&self, name: &Arc<str>, addresses: &Arc<[IpAddr]>, ttl: Duration) {
        if ttl.is_zero() {
            return;
        }
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_MAX {
            known.retain(|_, entry| now < entry.until);
        }
        if known.len() < NAMES_MAX || known.contains_key(name) {
            known.insert(name.clone(), Known { addresses: addresses.clone(), until: now + ttl });
        }
    }
}

/// The name servers of the plan or of the system, asked over UDP and, for long answers, TCP.
pub(crate) struct NameServers(TokioResolver);

impl NameServers {
    pub fn new(plan: &EgressPlan) -> Result<NameServers, EgressError> {
        let (config, mut options) = if plan.dns_servers.is_empty() { system()? } else { listed(&plan.dns_servers) };
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.positive_max_ttl = Some(TTL_MAX);
        options.negative_max_ttl = Some(NEGATIVE_TTL_MAX);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Ok(NameServers(builder.with_options(options).build().map_err(EgressError::Dns)?))
    }
}

/// Only these servers: the hosts file belongs to the system's configuration, which the operator replaced.
fn listed(servers: &[SocketAddr]) -> (ResolverConfig, ResolverOpts) {
    let mut options = ResolverOpts::default();
    options.use_hosts_file = ResolveHosts::Never;
    (ResolverConfig::from_name_servers(servers.iter().copied().map(server).collect()), options)
}

/// As the C library: without a configuration there is a name server on this machine.
fn system() -> Result<(ResolverConfig, ResolverOpts), EgressError> {
    match system_conf::read_system_conf() {
        Ok(found) => Ok(found),
        Err(NetError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            let local = server(SocketAddr::from(([127, 0, 0, 1], 53)));
            Ok((ResolverConfig::from_name_servers(vec![local]), ResolverOpts::default()))
        }
        Err(error) => Err(EgressError::SystemDns(error)),
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

impl Resolve for NameServers {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let mut absolute = Name::from_ascii(name).map_err(|_| Cause::Dns)?;
            // Search domains would turn a receiver's name into one of ours.
            absolute.set_fqdn(true);
            let found = self.0.lookup_ip(absolute).await.map_err(|error| {
                tracing::debug!(name, %error, "name not resolved");
                cause(&error)
            })?;
            let ttl = found.valid_until().saturating_duration_since(Instant::now().into_std());
            Ok(Resolved { addresses: found.iter().collect(), ttl })
        })
    }
}

fn cause(error: &NetError) -> Cause {
    match error {
        NetError::Io(error) if fault::is_local(error) => Cause::Local,
        _ => Cause::Dns,
    }
}
