//! Receivers: HTTP/1.1 servers on a loopback port that write down what reaches them.
//!
//! [`Receiver`] keeps every request raw and answers by script; [`fast::FastReceiver`] only counts, for
//! benches. Both live until they are dropped, whatever happens to the server under test.

mod answer;
pub mod fast;
mod record;
mod wire;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, bail};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::timeout_at,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

pub use self::{
    answer::{Answer, Ending, Gate, Script},
    record::{REQUESTS_MAX, Received},
};
use self::{
    record::{Log, State},
    wire::{AnswerBody, Connection, Cut, Wire},
};
use crate::journal::{Journal, Receipt};

/// Bytes of a request body that a receiver takes; Ringup's own limits are far below.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How a receiver is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    pub script: Script,
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Speaks TLS with this configuration.
    pub tls: Option<Arc<ServerConfig>>,
    /// Appends a line per ended exchange, for a checker in another process.
    pub journal: Option<PathBuf>,
    /// Writes bodies into the journal too.
    pub journal_bodies: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            script: Script::from(200),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            journal: None,
            journal_bodies: false,
        }
    }
}

/// A recording receiver. It runs on the runtime that started it and ends when dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    log: Arc<Log>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    /// A plain receiver on a free port: `Receiver::start(200)`, `start("503 x2, 200".parse::<Script>()?)`,
    /// `start(Script::by(|request| ..))`.
    pub async fn start(script: impl Into<Script>) -> Result<Self> {
        Self::start_with(Setup { script: script.into(), ..Setup::default() }).await
    }

    /// A receiver with everything chosen.
    pub async fn start_with(setup: Setup) -> Result<Self> {
        let listener = TcpListener::bind(setup.address).await;
        let listener = listener.with_context(|| format!("listening on {}", setup.address))?;
        let journal = setup.journal.as_deref().map(Journal::open).transpose()?;
        let log = Arc::new(Log::new(setup.script, journal.map(|journal| (journal, setup.journal_bodies))));
        Ok(Self {
            address: listener.local_addr()?,
            scheme: if setup.tls.is_some() { "https" } else { "http" },
            accepting: tokio::spawn(accept(listener, setup.tls.map(TlsAcceptor::from), log.clone())),
            log,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL with this path (which starts with `/`).
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Answers by another script from the next request on; sequences start over.
    pub fn set_script(&self, script: impl Into<Script>) {
        let script = script.into();
        self.log.update(|state| {
            state.script = script;
            state.seen.clear();
        });
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Received> {
        self.log.state().requests.clone()
    }

    /// Number of requests so far.
    pub fn count(&self) -> usize {
        self.log.state().requests.len()
    }

    /// When requests arrived by the wall clock, without the first `skipped`.
    pub fn arrivals(&self, skipped: usize) -> Vec<SystemTime> {
        self.log.state().requests.iter().skip(skipped).map(|request| request.wall).collect()
    }

    /// Every request so far as lines for the oracle, with bodies.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.log.state().requests.iter().map(|request| request.receipt(true)).collect()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.log.state().connections
    }

    /// Why TLS handshakes failed, in order.
    pub fn tls_failures(&self) -> Vec<String> {
        self.log.state().tls_failures.clone()
    }

    /// Waits until at least `count` requests have arrived.
    pub async fn wait_for(&self, count: usize, deadline: Duration) -> Result<Vec<Received>> {
        self.wait_until(deadline, |requests| requests.len() >= count).await
    }

    /// Waits until at least `count` exchanges are over.
    pub async fn wait_ended(&self, count: usize, deadline: Duration) -> Result<Vec<Received>> {
        let over = |requests: &[Received]| requests.iter().filter(|request| request.ended).count() >= count;
        self.wait_until(deadline, over).await
    }

    /// Waits until the requests so far meet a condition; fails after `deadline` and says what is there.
    pub async fn wait_until(
        &self,
        deadline: Duration,
        condition: impl Fn(&[Received]) -> bool,
    ) -> Result<Vec<Received>> {
        self.wait_state(deadline, |state| condition(&state.requests)).await?;
        Ok(self.requests())
    }

    /// Waits until a TLS handshake has failed; says why.
    pub async fn wait_tls_failure(&self, deadline: Duration) -> Result<String> {
        self.wait_state(deadline, |state| !state.tls_failures.is_empty()).await?;
        Ok(self.tls_failures().remove(0))
    }

    async fn wait_state(&self, deadline: Duration, condition: impl Fn(&State) -> bool) -> Result<()> {
        let until = tokio::time::Instant::now() + deadline;
        let mut changed = self.log.subscribe();
        loop {
            {
                let state = self.log.state();
                if let Some(broken) = &state.broken {
                    bail!("the record of {} is broken: {broken}", self.address);
                }
                if condition(&state) {
                    return Ok(());
                }
            }
            if timeout_at(until, changed.changed()).await.is_err() {
                bail!("not seen within {deadline:?} at {}: {}", self.address, summary(&self.log.state().requests));
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn summary(requests: &[Received]) -> String {
    let over = requests.iter().filter(|request| request.ended).count();
    let last = requests.iter().rev().take(5).map(|request| {
        let status = request.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        format!("{} {} {} {status}", request.method, request.target, request.id())
    });
    format!("{} requests, {over} over, the last: [{}]", requests.len(), last.collect::<Vec<_>>().join("; "))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, log: Arc<Log>) {
    // Connections end with this task: dropping the set aborts them.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let socket = match accepted {
                    Ok((socket, _)) => socket,
                    Err(error) => return log.update(|state| state.broken = Some(format!("accepting: {error}"))),
                };
                let number = log.update(|state| {
                    state.connections += 1;
                    state.connections - 1
                });
                let connection = Connection::new(number, log.clone());
                connections.spawn(greet(socket, tls.clone(), connection, log.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn greet(socket: TcpStream, tls: Option<TlsAcceptor>, connection: Connection, log: Arc<Log>) {
    // Without this an answer in two parts waits for a delayed acknowledgement.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    match tls {
        None => serve(socket, connection, log).await,
        Some(tls) => match tls.accept(socket).await {
            Ok(socket) => serve(socket, connection, log).await,
            Err(error) => log.update(|state| state.tls_failures.push(error.to_string())),
        },
    }
}

async fn serve<S>(socket: S, connection: Connection, log: Arc<Log>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wire = Wire { socket, connection: connection.clone() };
    let service = service_fn(move |request| exchange(request, connection.clone(), log.clone()));
    // How a connection ends is in the record: the exchange is complete or not.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(wire), service).await;
}

async fn exchange(
    request: Request<Incoming>,
    connection: Connection,
    log: Arc<Log>,
) -> io::Result<Response<AnswerBody>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(io::Error::other)?.to_bytes();
    let mut headers = connection.take_headers();
    if headers.len() != head.headers.len() {
        let parsed = head.headers.iter();
        headers = parsed.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    }
    let received = Received {
        connection: connection.number,
        at: Instant::now(),
        wall: SystemTime::now(),
        method: head.method,
        target: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers,
        body,
        status: None,
        ended: false,
        complete: false,
        cut: false,
    };
    let (number, answer) = log.received(received).map_err(io::Error::other)?;
    connection.opened(number);
    answer.ready().await;
    if answer.ending == Ending::Nothing {
        connection.cut(number);
        return Err(io::Error::other("the script gives no answer"));
    }
    log.answering(number, answer.status);
    respond(answer, number, connection).map_err(io::Error::other)
}

fn respond(answer: Answer, request: usize, connection: Connection) -> Result<Response<AnswerBody>, http::Error> {
    let length = answer.body.len() as u64;
    let (inner, cut) = match answer.ending {
        Ending::Cut(bytes) => (answer.body.slice(..bytes.min(answer.body.len())), Some(Cut::Yield)),
        Ending::Whole | Ending::Nothing => (answer.body, None),
    };
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(AnswerBody { inner: Full::new(inner), length, cut, request, connection })
}
