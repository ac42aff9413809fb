//! Other nodes, spoken to directly: what a publisher brings to a node that does not do the account's work is handed to the
//! one that does, which accepts it among its own. So it is written once, by whoever delivers it.
//!
//! Nothing depends on it. Whatever cannot be handed over is accepted by the node that was asked, and left for its owner in
//! the database. What was handed over and not answered may stand: its publisher is told to repeat it.

mod door;
mod frame;
mod identity;
mod line;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use ringup_core::shard::{SHARDS, Shard};
use tokio::net::{TcpListener, UdpSocket, lookup_host};
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;

use super::plan::Plan;
use super::shared::{Shared, unavailable};
use super::turn::Right;
use crate::seam::{Acceptance, NewEvent, StoreError};
use frame::Answer;
use identity::Identity;
use line::{Line, Passed};

pub(super) use line::Peer;

/// Where a node listens for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NodeAddress {
    /// At the address from which it reaches the database, and a free port.
    #[default]
    Automatic,
    At(SocketAddr),
    /// Nowhere, and it asks no other node.
    Nowhere,
}

/// What other nodes are told of it.
pub(super) struct Door {
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

/// Opens where other nodes reach this one. `None`: nowhere, which costs time and breaks nothing.
pub(super) async fn open(plan: &Plan) -> Result<Option<Door>, StoreError> {
    match plan.node_address {
        NodeAddress::Nowhere => Ok(None),
        NodeAddress::At(address) => {
            let refused = |error| unavailable(&format!("store.node_address {address} cannot be listened at: {error}"));
            let mut door = listen(address).await.map_err(refused)?;
            if door.address.ip().is_unspecified() {
                let ip = own_address(plan).await.map_err(refused)?;
                door.address.set_ip(ip);
            }
            Ok(Some(door))
        }
        NodeAddress::Automatic => {
            let opened = async { listen(SocketAddr::new(own_address(plan).await?, 0)).await };
            Ok(opened.await.map_or_else(
                |error| {
                    tracing::warn!(
                        %error,
                        "other nodes cannot reach this one: it has no address of its own; name one in store.node_address"
                    );
                    None
                },
                Some,
            ))
        }
    }
}

async fn listen(address: SocketAddr) -> std::io::Result<Door> {
    let listener = TcpListener::bind(address).await?;
    Ok(Door { address: listener.local_addr()?, listener })
}

/// From which address this machine reaches the database. Nothing is sent.
async fn own_address(plan: &Plan) -> std::io::Result<IpAddr> {
    let port = plan.config.get_ports().first().copied().unwrap_or(5432);
    let name = match plan.config.get_hosts().first() {
        Some(Host::Tcp(name)) => name,
        // All its users are on this machine.
        _ => return Ok(Ipv4Addr::LOCALHOST.into()),
    };
    let no_address = || std::io::Error::other(format!("{name} has no address"));
    let database = lookup_host((name.as_str(), port)).await?.next().ok_or_else(no_address)?;
    let any: IpAddr = if database.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(database).await?;
    Ok(socket.local_addr()?.ip())
}

/// Which other node has which shard, and the way to it.
#[derive(Default)]
pub(super) struct Peers {
    identity: Option<Arc<Identity>>,
    lines: RwLock<Vec<Option<Arc<Line>>>>,
}

impl Peers {
    pub(super) fn new(plan: &Plan) -> Peers {
        if plan.node_address == NodeAddress::Nowhere {
            return Peers::default();
        }
        match Identity::of(&plan.encryption_key) {
            Ok(identity) => Peers { identity: Some(Arc::new(identity)), lines: RwLock::default() },
            Err(error) => {
                tracing::warn!(error, "other nodes cannot be spoken to");
                Peers::default()
            }
        }
    }

    /// Takes what other nodes bring, until the store closes.
    pub(super) fn serve(&self, door: Door, shared: &Arc<Shared>, right: &Right) -> Option<JoinHandle<()>> {
        let identity = self.identity.clone()?;
        Some(tokio::spawn(door::serve(door.listener, identity, shared.clone(), right.clone())))
    }

    /// As the database says: the nodes that are heard of, without this one, and who has each shard.
    pub(super) fn learn(&self, live: &[Peer], owners: &[Option<&str>]) {
        let Some(identity) = &self.identity else { return };
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        let mut known: BTreeMap<String, Arc<Line>> = BTreeMap::new();
        for line in lines.iter().flatten().filter(|line| live.contains(&line.peer)) {
            known.insert(line.peer.node.clone(), line.clone());
        }
        for peer in live {
            let line = || Arc::new(Line::to(peer.clone(), identity.clone()));
            known.entry(peer.node.clone()).or_insert_with(line);
        }
        *lines = owners.iter().map(|owner| known.get((*owner)?).cloned()).collect();
    }

    /// Hands events over to the node that does their accounts' work. `None`: they are this node's to accept.
    pub(super) async fn pass(&self, events: &[NewEvent]) -> Option<Result<Vec<Acceptance>, StoreError>> {
        let line = self.line_for(events)?;
        match line.pass(events).await {
            Passed::Answered(Answer::Accepted(acceptances)) if acceptances.len() == events.len() => {
                Some(Ok(acceptances))
            }
            Passed::Answered(Answer::Declined) => None,
            Passed::Answered(Answer::Failed(why)) => Some(Err(StoreError::Unavailable(why.into()))),
            Passed::Answered(Answer::Accepted(_)) | Passed::Unknown => Some(Err(unanswered())),
        }
    }

    fn line_for(&self, events: &[NewEvent]) -> Option<Arc<Line>> {
        let shard = Shard::of(events.first()?.account);
        if !events.iter().all(|event| Shard::of(event.account) == shard && event.asked.is_none()) {
            return None;
        }
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(lines.is_empty() || lines.len() == usize::from(SHARDS));
        lines.get(shard.index())?.clone()
    }

    pub(super) fn forget(&self) {
        self.lines.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What is told of events that were handed over and not heard of again.
pub(super) fn unanswered() -> StoreError {
    unavailable("the node that has the account did not answer, and the event may stand")
}
