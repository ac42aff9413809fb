//! A TCP proxy that stands for the network between two machines, and can break it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Bytes under way in one direction of one connection.
const BUFFER_BYTES: usize = 64 * 1024;

/// The state of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Good,
    /// Connections are ended, new ones too, at once.
    Refuses,
    /// Nothing arrives and nobody is told. What was sent meanwhile arrives when it is good again, as by TCP's repeats.
    Swallows,
    /// Requests arrive, answers do not: the caller cannot know what was done.
    SwallowsAnswers,
}

/// A proxy in front of a Unix socket. It runs on the runtime that started it and ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free loopback port. Nobody needs to listen at the socket yet.
    pub async fn start(socket: PathBuf) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listening for a proxy")?;
        let address = listener.local_addr()?;
        let network = watch::Sender::new(Network::Good);
        let accepting = tokio::spawn(accept(listener, socket.into(), network.subscribe()));
        Ok(Self { address, network, accepting })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, socket: Arc<std::path::Path>, network: watch::Receiver<Network>) {
    // Connections end with this task: dropping the set aborts them.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // One that was gone before it was taken.
                let Ok((near, _)) = accepted else { continue };
                let (socket, network) = (socket.clone(), network.clone());
                // Either side may end a connection at any time: that is what a proxy passes on.
                connections.spawn(async move { carry(near, &socket, network).await.unwrap_or_default() });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(near: TcpStream, socket: &std::path::Path, network: watch::Receiver<Network>) -> io::Result<()> {
    near.set_nodelay(true)?;
    let mut refusal = network.clone();
    let whole = async {
        passes(&mut network.clone(), |network| network != Network::Swallows).await?;
        let far = UnixStream::connect(socket).await?;
        let (near_reads, near_writes) = near.into_split();
        let (far_reads, far_writes) = far.into_split();
        // The end of one direction ends both: a database and its callers end connections whole.
        tokio::select! {
            ended = copy(near_reads, far_writes, network.clone(), |network| network != Network::Swallows) => ended,
            ended = copy(far_reads, near_writes, network.clone(), |network| network == Network::Good) => ended,
        }
    };
    tokio::select! {
        ended = whole => ended,
        _ = refusal.wait_for(|network| *network == Network::Refuses) => Ok(()),
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut network: watch::Receiver<Network>,
    open: impl Fn(Network) -> bool,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let bytes = from.read(&mut buffer).await?;
        passes(&mut network, &open).await?;
        if bytes == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..bytes]).await?;
    }
}

/// Waits until the network lets this direction through.
async fn passes(network: &mut watch::Receiver<Network>, open: impl Fn(Network) -> bool) -> io::Result<()> {
    network.wait_for(|network| open(*network)).await.map(drop).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::ensure;
    use tokio::{net::UnixListener, time::timeout};

    use super::*;
    use crate::tempdir::TempDir;

    const SOON: Duration = Duration::from_secs(30);
    const A_WHILE: Duration = Duration::from_millis(100);

    async fn echo(listener: UnixListener) -> Result<()> {
        loop {
            let (mut socket, _) = listener.accept().await?;
            tokio::spawn(async move {
                let (mut reads, mut writes) = socket.split();
                tokio::io::copy(&mut reads, &mut writes).await
            });
        }
    }

    #[tokio::test]
    async fn what_is_swallowed_arrives_later_and_what_is_refused_never() -> Result<()> {
        let folder = TempDir::new("proxy")?;
        let path = folder.join("socket");
        tokio::spawn(echo(UnixListener::bind(&path)?));
        let proxy = Proxy::start(path).await?;
        let mut caller = TcpStream::connect(proxy.address()).await?;
        let mut letter = [0; 1];
        for network in [Network::Good, Network::Swallows, Network::SwallowsAnswers] {
            proxy.set(network);
            caller.write_all(b"x").await?;
            if network != Network::Good {
                ensure!(timeout(A_WHILE, caller.read(&mut letter)).await.is_err(), "{network:?} let an answer through");
                proxy.set(Network::Good);
            }
            timeout(SOON, caller.read_exact(&mut letter)).await??;
        }
        proxy.set(Network::Refuses);
        ensure!(!matches!(timeout(SOON, caller.read(&mut letter)).await?, Ok(1..)), "the old connection lives");
        let mut late = TcpStream::connect(proxy.address()).await?;
        ensure!(!matches!(timeout(SOON, late.read(&mut letter)).await?, Ok(1..)), "a new connection lives");
        Ok(())
    }
}
