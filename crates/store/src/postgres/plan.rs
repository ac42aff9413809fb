//! Where the database is, and within which bounds it is used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::peer::NodeAddress;
use crate::sealed::SealingKey;
use crate::seam::StoreError;

/// How a database is used. Does not print its password.
#[derive(Clone)]
pub struct Plan {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// Seals secrets; the same on every node of one schema.
    pub encryption_key: SealingKey,
    /// Who this node is. The same after a restart, so that it takes up its own work at once; no other node's.
    pub node: String,
    /// Where other nodes hand it events of its accounts.
    pub node_address: NodeAddress,
    pub idempotency_window: Duration,
    /// How long work stays with a node that is not heard of.
    pub lease: Duration,
    /// How long a publisher waits before it is told that nothing was stored.
    pub answer_within: Duration,
    /// How long a connection may take to be made, and a statement of the writer to be answered.
    pub time_limit: Duration,
    /// How long one question of a reader may take.
    pub read_time_limit: Duration,
    /// Connections besides the writer's.
    pub readers_max: usize,
    /// Told what is waited for, each time that the store cannot be opened yet. Never the password.
    pub tell: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Plan {
    /// `roots` are trusted besides the authorities that everybody trusts. The error never repeats the address.
    pub fn new(
        url: &str,
        roots: &[CertificateDer<'static>],
        encryption_key: SealingKey,
        node: String,
    ) -> Result<Plan, StoreError> {
        let refused = |why: &str| StoreError::Unavailable(format!("store.url {why}").into());
        let config: Config = url.parse().map_err(|_| {
            refused("is not an address of a PostgreSQL database: percent-encode what is special in its password, and leave out parameters that are not known")
        })?;
        if config.get_hosts().is_empty() {
            return Err(refused("names no host"));
        }
        let mut trusted = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in roots {
            trusted.add(root.clone()).map_err(|_| refused("is trusted by a certificate that cannot be read"))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| refused("cannot be called: no protocol version of TLS is there"))?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Ok(Plan {
            config,
            tls: MakeRustlsConnect::new(tls),
            encryption_key,
            node,
            node_address: NodeAddress::Automatic,
            idempotency_window: Duration::from_hours(24),
            lease: Duration::from_secs(8),
            answer_within: Duration::from_secs(2),
            time_limit: Duration::from_secs(2),
            read_time_limit: Duration::from_secs(10),
            readers_max: 8,
            tell: Arc::new(|_| {}),
        })
    }

    /// Host, port and database, for people.
    pub fn place(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(number, host)| {
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => path.join(format!(".s.PGSQL.{port}")).display().to_string(),
            }
        });
        let hosts: Vec<String> = hosts.collect();
        format!("{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }

    /// Whether what travels may be read on the way: TLS is off, or only taken where the server offers it.
    pub fn may_be_overheard(&self) -> bool {
        let is_remote = |host: &Host| match host {
            Host::Tcp(name) => !matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            #[cfg(unix)]
            Host::Unix(_) => false,
        };
        self.config.get_ssl_mode() != SslMode::Require && self.config.get_hosts().iter().any(is_remote)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({} as node {})", self.place(), self.node)
    }
}
