//! Opening a connection to one of the addresses that were checked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ringup_core::outcome::{BlockedBy, Cause, Phase};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client_tls::Pair;
use crate::fault::{self, Failure};
use crate::plan::{EgressError, EgressPlan};

/// Addresses of one name that are tried in one call: each needs a share of the connect limit that means something.
const TRIES_MAX: usize = 4;

/// Connects to the first of `addresses` that answers, in their order.
///
/// An address that does not answer gets an equal share of what is left of the connect limit, so that the next has one.
pub(crate) async fn connect(addresses: &[SocketAddr], plan: &EgressPlan) -> Result<TcpStream, Failure> {
    let until = Instant::now() + plan.connect_time_limit;
    let usable = |address: &&SocketAddr| plan.bind_address.is_none_or(|own| own.is_ipv4() == address.is_ipv4());
    let tries = addresses.iter().filter(usable).take(TRIES_MAX);
    let mut left = u32::try_from(tries.clone().count()).unwrap_or(u32::MAX);
    // Without a usable address it is our own bind address that does not fit.
    let mut failure = Failure::Unreachable(Cause::Local);
    for address in tries {
        let now = Instant::now();
        let share = until.saturating_duration_since(now) / left;
        left -= 1;
        match timeout_at(now + share, open(*address, plan.bind_address)).await {
            Ok(Ok(socket)) => return checked(socket, *address, plan),
            Ok(Err(error)) => {
                tracing::debug!(%address, %error, "not connected");
                failure = Failure::Unreachable(fault::of_connect(&error));
            }
            Err(_) => failure = Failure::TimedOut(Phase::Connect),
        }
    }
    Err(failure)
}

/// Connects to our own listener, which is on this machine, so it either answers at once or is gone.
pub(crate) async fn connect_to_ourselves(address: SocketAddr, plan: &EgressPlan) -> Result<TcpStream, Failure> {
    match timeout_at(Instant::now() + plan.connect_time_limit, open(address, None)).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(error)) => Err(Failure::Unreachable(fault::of_connect(&error))),
        Err(_) => Err(Failure::TimedOut(Phase::Connect)),
    }
}

async fn open(address: SocketAddr, bind: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(own) = bind {
        socket.bind(SocketAddr::new(own, 0))?;
    }
    // A request is one write; waiting to fill a segment only delays it.
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

/// The last look: both ends on this machine and our own port means we called ourselves by a public address.
fn checked(socket: TcpStream, address: SocketAddr, plan: &EgressPlan) -> Result<TcpStream, Failure> {
    let here = socket.local_addr().ok().map(|local| local.ip());
    if plan.is_own(address, here) { Err(Failure::Blocked(BlockedBy::Address)) } else { Ok(socket) }
}

/// The trust in receivers' certificates: the public authorities and the operator's.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl Tls {
    pub fn new(plan: &EgressPlan) -> Result<Tls, EgressError> {
        Tls::with(Tls::roots(plan)?, None).map_err(EgressError::Tls)
    }

    pub fn roots(plan: &EgressPlan) -> Result<RootCertStore, EgressError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in &plan.extra_roots {
            roots.add(root.clone()).map_err(EgressError::Root)?;
        }
        Ok(roots)
    }

    /// With a certificate of ours for receivers that ask for one.
    pub fn with(roots: RootCertStore, own: Option<Pair>) -> Result<Tls, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match own {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls(TlsConnector::from(Arc::new(config))))
    }

    pub async fn handshake(
        &self,
        socket: TcpStream,
        name: ServerName<'static>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.0.connect(name, socket).await.inspect_err(|error| tracing::debug!(%error, "no TLS"))
    }
}
