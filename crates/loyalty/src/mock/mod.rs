//! A loyalty app on a real socket: members, coupons and rewards, and every fault by name.

mod app;
mod body;
mod play;
mod socket;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ringup_core::ports::Clock;
use ringup_egress::sign::{self, SignatureProblem, SigningKey};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::fault::Fault;
use crate::table::Table;
use app::{Asked, Book, Said};
use body::Body;
use socket::Socket;

/// Connections at once; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 1_024;

/// Bytes of a question.
const QUESTION_BYTES_MAX: usize = 1024 * 1024;

/// The longest that a request's head may take, and a connection may be idle.
const HEAD_TIME_MAX: Duration = Duration::from_secs(75);

/// How much too late [`Fault::Slow`] answers, where no delay is set: beyond the default deadline of a hook.
pub const SLOW: Duration = Duration::from_secs(8);

/// Between tries to take a connection when the system has none to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How an app behaves.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub table: Table,
    pub faults: BTreeSet<Fault>,
    /// Before each answer.
    pub delay: Duration,
    /// Signatures are checked with this one, if there is one.
    pub key: Option<SigningKey>,
}

/// One question and what came of it, for whoever watches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The hook, or what was asked for instead.
    pub what: String,
    pub question_bytes: usize,
    /// `None`: no answer.
    pub status: Option<u16>,
    pub answer: String,
    pub took: Duration,
}

/// What the app says with the sample's table and without a memory: status and JSON.
pub fn honest(path: &str, event: Option<&str>, question: &[u8]) -> (u16, String) {
    let none = BTreeSet::new();
    let said = match Asked::read(path, event, question, &none) {
        Ok(asked) => Book::new(Table::default()).answer(&asked, &none),
        Err(said) => said,
    };
    (said.status, said.text(&none))
}

/// Told of each question.
pub type Watcher = Box<dyn Fn(&Line) + Send + Sync>;

/// A running app. It ends when dropped, with all its connections.
pub struct Mock {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    setup: Setup,
    faults: Mutex<BTreeSet<Fault>>,
    book: Mutex<Book>,
    clock: Arc<dyn Clock>,
    watcher: Option<Watcher>,
}

impl Mock {
    /// Listens from now on.
    pub async fn start(
        address: SocketAddr,
        setup: Setup,
        clock: Arc<dyn Clock>,
        watcher: Option<Watcher>,
    ) -> io::Result<Mock> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let book = Mutex::new(Book::new(setup.table.clone()));
        let faults = Mutex::new(setup.faults.clone());
        let shared = Arc::new(Shared { setup, faults, book, clock, watcher });
        Ok(Mock { address, accepting: tokio::spawn(accept(listener, shared.clone())), shared })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Under which each hook is asked by its name.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Plays other faults from the next question on.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        *locked(&self.shared.faults) = faults.into_iter().collect();
    }

    /// The points that the app has for somebody; `None` for a stranger.
    pub fn points_of(&self, phone: &str) -> Option<u64> {
        locked(&self.shared.book).points_of(phone)
    }

    /// Sales that were rewarded.
    pub fn sales(&self) -> usize {
        locked(&self.shared.book).sales()
    }

    /// Ends it: afterwards nobody listens at its address.
    pub async fn stop(mut self) {
        self.accepting.abort();
        self.wait().await;
    }

    /// Runs until it is ended.
    pub async fn wait(&mut self) {
        // It ends by itself only if it failed, and then there is nothing to add.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = shared.clone();
                connections.spawn(async move {
                    serve(stream, shared).await;
                    drop(place);
                });
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let resets = Arc::new(AtomicBool::new(false));
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream, resets.clone());
    let service = service_fn(|request| answered(request, &shared, &resets));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    // Whoever asked has gone, or was sent away on purpose.
    let _ = server.serve_connection(TokioIo::new(socket), service).await;
}

async fn answered(request: Request<Incoming>, shared: &Shared, resets: &AtomicBool) -> io::Result<Response<Body>> {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let question = Limited::new(body, QUESTION_BYTES_MAX).collect().await.map(|whole| whole.to_bytes()).ok();
    let faults = locked(&shared.faults).clone();
    let (what, said) = match (&question, &head.method) {
        (_, method) if *method != Method::POST => ("no question".to_owned(), Said::of(405, "a hook is asked by POST")),
        (None, _) => ("too much".to_owned(), Said::of(413, "a question has at most 1 MiB")),
        (Some(question), _) => shared.said(&head.headers, head.uri.path(), question, &faults),
    };
    let slow = faults.contains(&Fault::Slow) && shared.setup.delay.is_zero();
    let delay = if slow { SLOW } else { shared.setup.delay };
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let played = play::response(&said, &faults);
    if let Some(watcher) = &shared.watcher {
        let (status, answer) = match &played {
            Ok(played) => (Some(played.response.status().as_u16()), played.shown.clone()),
            Err(none) => (None, none.shown().to_owned()),
        };
        let question_bytes = question.as_ref().map_or(QUESTION_BYTES_MAX, Bytes::len);
        watcher(&Line { what, question_bytes, status, answer, took: began.elapsed() });
    }
    match played {
        Ok(played) => Ok(played.response),
        Err(play::Unsaid::Silent) => std::future::pending().await,
        Err(play::Unsaid::Reset) => {
            resets.store(true, Ordering::Release);
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

impl Shared {
    fn said(&self, headers: &HeaderMap, path: &str, question: &[u8], faults: &BTreeSet<Fault>) -> (String, Said) {
        if faults.contains(&Fault::BreaksOnLarge) && question.len() > 64 * 1024 {
            return ("large".to_owned(), Said::of(500, "out of memory"));
        }
        if let Err(why) = self.signed(headers, question, faults) {
            return ("not ours".to_owned(), Said::of(401, &why));
        }
        let event = headers.get("ringup-event").and_then(|value| value.to_str().ok());
        let asked = match Asked::read(path, event, question, faults) {
            Ok(asked) => asked,
            Err(said) => return ("nonsense".to_owned(), said),
        };
        let mut book = locked(&self.book);
        (asked.hook().to_owned(), book.answer(&asked, faults))
    }

    fn signed(&self, headers: &HeaderMap, question: &[u8], faults: &BTreeSet<Fault>) -> Result<(), String> {
        if faults.contains(&Fault::RejectsGoodSignature) {
            return Err("the signature does not match".to_owned());
        }
        let Some(key) = &self.setup.key else { return Ok(()) };
        let text = |name: &str| {
            let own = headers.get(format!("webhook-{name}")).or_else(|| headers.get(format!("svix-{name}")));
            own.and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let (id, at, signature) = (text("id"), text("timestamp"), text("signature"));
        match sign::verify(key, id, at, signature, question, self.clock.now()) {
            Err(SignatureProblem::TooOld | SignatureProblem::TooNew)
                if faults.contains(&Fault::AcceptsOldSignature) =>
            {
                Ok(())
            }
            Err(SignatureProblem::Mismatch | SignatureProblem::NoV1 | SignatureProblem::Timestamp)
                if faults.contains(&Fault::AcceptsBadSignature) =>
            {
                Ok(())
            }
            verified => verified.map_err(|problem| problem.to_string()),
        }
    }
}
