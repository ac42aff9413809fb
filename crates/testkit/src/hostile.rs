//! Receivers that misbehave, on raw TCP, and report how the peer took it.

mod behaviour;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout, timeout_at},
};

use self::behaviour::Step;
pub use self::behaviour::{Behaviour, POISON_BODIES, RETRY_AFTER_ODDITIES};

/// The longest a connection lives; far beyond every deadline under test.
const LIFETIME_MAX: Duration = Duration::from_secs(180);
/// How long a closed connection is watched for the peer's own end.
const LINGER: Duration = Duration::from_secs(10);
/// Connections one server takes; more are closed at once.
const CONNECTIONS_MAX: usize = 4096;
/// Bytes of a request that are read.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The socket's send buffer, in bytes: small, so that what was written is close to what was taken.
const SEND_BUFFER_BYTES: u32 = 16 * 1024;

/// What happened on one connection.
#[derive(Clone, Debug)]
pub struct Sighting {
    pub accepted_at: Instant,
    /// Whole requests read.
    pub requests: u64,
    /// The last request, head and body.
    pub request: Vec<u8>,
    /// Bytes the socket took from us; the peer has read these less what its and our kernel buffers hold.
    pub written: u64,
    pub end: Option<(Instant, End)>,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer closed in order.
    PeerClosed,
    /// The peer reset, or closed while we were writing.
    PeerReset,
    /// We closed, and the peer did not follow in time.
    WeClosed,
    /// We reset.
    WeReset,
    /// Nobody did anything for the longest time a connection may live.
    Expired,
}

impl Sighting {
    /// From accepting to the end.
    pub fn lasted(&self) -> Option<Duration> {
        self.end.map(|(at, _)| at.duration_since(self.accepted_at))
    }
}

/// A server of one behaviour. It runs on the runtime that started it and ends when dropped.
#[derive(Debug)]
pub struct HostileServer {
    address: SocketAddr,
    log: Arc<Log>,
    accepting: JoinHandle<()>,
}

impl HostileServer {
    /// Listens on a free loopback port.
    pub async fn start(behaviour: Behaviour) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).context("looking for a free port")?;
        let listener = socket.listen(1024)?;
        let log = Arc::new(Log::default());
        let steps = behaviour.steps().into();
        Ok(Self { address: listener.local_addr()?, accepting: tokio::spawn(accept(listener, steps, log.clone())), log })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL with this path (which starts with `/`).
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Every connection so far.
    pub fn sightings(&self) -> Vec<Sighting> {
        self.log.sightings().clone()
    }

    /// Waits until at least `count` connections were accepted.
    pub async fn wait_accepted(&self, count: usize, deadline: Duration) -> Result<Vec<Sighting>> {
        self.wait_until(deadline, |sightings| sightings.len() >= count).await
    }

    /// Waits until at least `count` connections have ended.
    pub async fn wait_ended(&self, count: usize, deadline: Duration) -> Result<Vec<Sighting>> {
        let ended = |sightings: &[Sighting]| sightings.iter().filter(|sighting| sighting.end.is_some()).count();
        self.wait_until(deadline, |sightings| ended(sightings) >= count).await
    }

    /// Waits until the connections so far meet a condition.
    pub async fn wait_until(
        &self,
        deadline: Duration,
        condition: impl Fn(&[Sighting]) -> bool,
    ) -> Result<Vec<Sighting>> {
        let until = tokio::time::Instant::now() + deadline;
        let mut changed = self.log.changed.subscribe();
        loop {
            let sightings = self.sightings();
            if condition(&sightings) {
                return Ok(sightings);
            }
            if timeout_at(until, changed.changed()).await.is_err() {
                let brief = sightings.iter().map(|seen| (seen.requests, seen.written, seen.end.map(|(_, end)| end)));
                bail!("not seen within {deadline:?}; (requests, written, end): {:?}", brief.collect::<Vec<_>>());
            }
        }
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Debug, Default)]
struct Log {
    sightings: Mutex<Vec<Sighting>>,
    changed: watch::Sender<()>,
}

impl Log {
    fn sightings(&self) -> MutexGuard<'_, Vec<Sighting>> {
        self.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accepted(&self) -> usize {
        let sighting =
            Sighting { accepted_at: Instant::now(), requests: 0, request: Vec::new(), written: 0, end: None };
        let mut sightings = self.sightings();
        sightings.push(sighting);
        let index = sightings.len() - 1;
        drop(sightings);
        self.changed.send_replace(());
        index
    }

    fn update(&self, index: usize, change: impl FnOnce(&mut Sighting)) {
        change(&mut self.sightings()[index]);
        self.changed.send_replace(());
    }
}

async fn accept(listener: TcpListener, steps: Arc<[Step]>, log: Arc<Log>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of descriptors: the test fails on its own deadline.
                let Ok((socket, _)) = accepted else { return };
                if connections.len() < CONNECTIONS_MAX {
                    connections.spawn(serve(socket, steps.clone(), log.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(socket: TcpStream, steps: Arc<[Step]>, log: Arc<Log>) {
    let index = log.accepted();
    let mut connection = Connection { socket, log: log.clone(), index };
    let end = timeout(LIFETIME_MAX, connection.follow(&steps)).await.unwrap_or(End::Expired);
    log.update(index, |sighting| sighting.end = Some((Instant::now(), end)));
}

struct Connection {
    socket: TcpStream,
    log: Arc<Log>,
    index: usize,
}

impl Connection {
    async fn follow(&mut self, steps: &[Step]) -> End {
        loop {
            for step in steps {
                let done = match step {
                    Step::Read => self.read_request().await,
                    Step::Write(bytes) => self.write(bytes).await,
                    Step::Drip { bytes, pause } => self.drip(bytes, *pause).await,
                    Step::Stream { bytes, total } => self.stream(bytes, *total).await,
                    Step::Hold => return self.peer_end().await,
                    Step::Close => return self.close().await,
                    Step::Reset => return self.reset(),
                };
                if let Err(error) = done {
                    return ended_by_peer(&error);
                }
            }
        }
    }

    async fn read_request(&mut self) -> io::Result<()> {
        let mut request = Vec::new();
        while !is_whole(&request) && request.len() < REQUEST_BYTES_MAX {
            if self.socket.read_buf(&mut request).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.log.update(self.index, |sighting| {
            sighting.requests += 1;
            sighting.request = request;
        });
        Ok(())
    }

    async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.socket.write(bytes).await?;
            self.log.update(self.index, |sighting| sighting.written += count as u64);
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// One byte at a time; the pause ends early when the peer goes.
    async fn drip(&mut self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        for byte in bytes.chunks(1) {
            self.write(byte).await?;
            let mut unread = [0; 1024];
            tokio::select! {
                () = sleep(pause) => {}
                read = self.socket.read(&mut unread) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
        Ok(())
    }

    async fn stream(&mut self, bytes: &[u8], total: Option<u64>) -> io::Result<()> {
        let mut left = total.unwrap_or(u64::MAX);
        while left > 0 {
            let part = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.write(&bytes[..part]).await?;
            left -= part as u64;
        }
        Ok(())
    }

    async fn peer_end(&mut self) -> End {
        let mut unread = [0; 4096];
        loop {
            match self.socket.read(&mut unread).await {
                Ok(0) => return End::PeerClosed,
                Ok(_) => {}
                Err(error) => return ended_by_peer(&error),
            }
        }
    }

    async fn close(&mut self) -> End {
        if let Err(error) = self.socket.shutdown().await {
            return ended_by_peer(&error);
        }
        timeout(LINGER, self.peer_end()).await.unwrap_or(End::WeClosed)
    }

    /// The reset itself goes out when the socket is dropped, right after this.
    fn reset(&mut self) -> End {
        match self.socket.set_zero_linger() {
            Ok(()) => End::WeReset,
            Err(error) => ended_by_peer(&error),
        }
    }
}

fn ended_by_peer(error: &io::Error) -> End {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => End::PeerClosed,
        _ => End::PeerReset,
    }
}

/// Head and as much body as its `content-length` says.
fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse::<usize>().ok()).unwrap_or(0);
    request.len() >= head + 4 + length
}
