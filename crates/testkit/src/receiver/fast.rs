//! A receiver for benches: counts requests and measures how old they are, on a thread of its own.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinSet,
    time::timeout_at,
};

use crate::{histogram::Histogram, journal::now_ns};

/// The text before the time of sending in generated payloads; its digits are Unix nanoseconds.
pub const SENT_FIELD: &str = "\"sentNs\":";

/// How a fast receiver is set up.
#[derive(Clone, Debug)]
pub struct FastSetup {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    pub status: u16,
    /// Where a request says when it was sent, in Unix nanoseconds.
    pub sent_at: SentAt,
    /// Remembers each `webhook-id` (one allocation per request).
    pub keep_ids: bool,
    /// Answers this much later, as a receiver far away does.
    pub delay: Duration,
}

/// Where a request says when it was sent.
#[derive(Clone, Copy, Debug)]
pub enum SentAt {
    Unknown,
    Header(&'static str),
    /// The digits after this text in the first part of the body, such as `"sentNs":`.
    Body(&'static str),
}

impl Default for FastSetup {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            status: 200,
            sent_at: SentAt::Body(SENT_FIELD),
            keep_ids: false,
            delay: Duration::ZERO,
        }
    }
}

/// What a fast receiver has seen since it started or was last taken from.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub requests: u64,
    pub body_bytes: u64,
    /// From the time in the request to its whole arrival here.
    pub age: Histogram,
    pub ids: Vec<Box<str>>,
}

/// A counting receiver on its own thread; it ends when dropped.
#[derive(Debug)]
pub struct FastReceiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl FastReceiver {
    /// Starts listening before it returns.
    pub fn start(setup: FastSetup) -> Result<Self> {
        let listener = std::net::TcpListener::bind(setup.address);
        let listener = listener.with_context(|| format!("listening on {}", setup.address))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(setup)?);
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = shared.clone();
        let thread = thread::Builder::new().name("fast-receiver".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    error = accept(listener, work) => complain(&error),
                    _ = ended => {}
                }
            });
        })?;
        Ok(Self { address, shared, end: Some(end), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL with this path (which starts with `/`).
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Requests since the start.
    pub fn count(&self) -> u64 {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// What was tallied since the last call; the count goes on.
    pub fn take(&self) -> Tally {
        std::mem::take(&mut *self.shared.tally())
    }

    /// Waits until `count` requests have arrived since the start.
    pub async fn wait_for(&self, count: u64, deadline: Duration) -> Result<()> {
        let until = tokio::time::Instant::now() + deadline;
        loop {
            let mut reached = std::pin::pin!(self.shared.reached.notified());
            reached.as_mut().enable();
            self.shared.target.fetch_min(count, Ordering::SeqCst);
            if self.count() >= count {
                return Ok(());
            }
            if timeout_at(until, reached).await.is_err() {
                bail!("{} of {count} requests within {deadline:?}", self.count());
            }
        }
    }
}

impl Drop for FastReceiver {
    fn drop(&mut self) {
        drop(self.end.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            complain(&anyhow!("its thread panicked"));
        }
    }
}

#[derive(Debug)]
struct Shared {
    setup: FastSetup,
    status: StatusCode,
    count: AtomicU64,
    /// The lowest count anyone waits for.
    target: AtomicU64,
    reached: Notify,
    tally: Mutex<Tally>,
}

impl Shared {
    fn new(setup: FastSetup) -> Result<Self> {
        Ok(Self {
            status: StatusCode::from_u16(setup.status)?,
            setup,
            count: AtomicU64::new(0),
            target: AtomicU64::new(u64::MAX),
            reached: Notify::new(),
            tally: Mutex::default(),
        })
    }

    fn received(&self, headers: &HeaderMap, body_start: &[u8], body_bytes: u64) {
        let sent_ns = match self.setup.sent_at {
            SentAt::Unknown => None,
            SentAt::Header(name) => headers.get(name).and_then(|value| leading_number(value.as_bytes())),
            SentAt::Body(field) => after(body_start, field.as_bytes()).and_then(leading_number),
        };
        let mut tally = self.tally();
        tally.requests += 1;
        tally.body_bytes += body_bytes;
        if let Some(sent_ns) = sent_ns {
            tally.age.record(now_ns().saturating_sub(sent_ns));
        }
        if self.setup.keep_ids {
            let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
            tally.ids.push(id.unwrap_or_default().into());
        }
        drop(tally);
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 >= self.target.load(Ordering::SeqCst) {
            // Waiters whose count is higher register again.
            self.target.store(u64::MAX, Ordering::SeqCst);
            self.reached.notify_waiters();
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after<'a>(text: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(field.len()).position(|window| window == field)?;
    Some(&text[at + field.len()..])
}

fn leading_number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) -> anyhow::Error {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return error.into(),
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => { connections.spawn(serve(socket, shared.clone())); }
                Err(error) => return error.into(),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(|request| answer(request, &shared));
    // A peer that goes away ends its connection; what it sent is counted.
    let _ended = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(socket), service).await;
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let (head, mut body) = request.into_parts();
    let mut start = Bytes::new();
    let mut body_bytes = 0;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            body_bytes += data.len() as u64;
            if start.is_empty() {
                start = data;
            }
        }
    }
    shared.received(&head.headers, &start, body_bytes);
    if !shared.setup.delay.is_zero() {
        tokio::time::sleep(shared.setup.delay).await;
    }
    let mut response = Response::new(Empty::new());
    *response.status_mut() = shared.status;
    Ok(response)
}

/// Stderr is all that is left to a thread nobody listens to; a missing stderr is no reason to stop.
fn complain(error: &anyhow::Error) {
    let _unheard = writeln!(std::io::stderr(), "fast receiver: {error:#}");
}
