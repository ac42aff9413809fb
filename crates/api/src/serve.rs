//! Takes connections and serves requests on them, within bounds, until told to stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ringup_app::Peer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::front::Front;
use crate::socket::{CATCHER_PATH, Grip, Socket};

/// Header fields of a request: more than any client sends, fewer than cost time to look through.
const HEADERS_MAX: usize = 100;

/// Bytes of a request's head, and of what is read ahead of a body.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Between tries to take a connection when the system has none to give, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How connections are served.
#[derive(Clone, Copy, Debug)]
pub struct ServePlan {
    /// Connections open at once. Further ones wait in the system's queue.
    pub connections_max: usize,
    /// The longest that a request's head may take, which also bounds how long a connection is kept idle.
    pub head_time_max: Duration,
    /// The longest that whoever asked may take nothing of the answer.
    pub stall_max: Duration,
    /// How long a stop waits for requests that are being served.
    pub grace: Duration,
}

impl Default for ServePlan {
    fn default() -> ServePlan {
        ServePlan {
            connections_max: 4_096,
            head_time_max: Duration::from_secs(75),
            stall_max: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

/// What was not finished when serving stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Connections cut off at the end of the grace.
    pub connections: usize,
}

/// Serves until `shutdown` is ready: then takes no more connections, finishes what is being served, and returns.
pub async fn serve(
    listener: TcpListener,
    front: impl Into<Front>,
    plan: ServePlan,
    shutdown: impl Future<Output = ()>,
) -> Left {
    let front = front.into();
    let stop = CancellationToken::new();
    let places = Arc::new(Semaphore::new(plan.connections_max));
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        // The place before the connection: what cannot be served is not taken.
        let accepted = async {
            let place = places.clone().acquire_owned().await.expect("nobody closes it");
            (listener.accept().await, place)
        };
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => note(ended),
            (accepted, place) = accepted => match accepted {
                Ok((socket, peer)) => {
                    let connection = connection(socket, peer, front.clone(), plan, stop.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        warn!(%error, "no connection can be taken, trying again");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            },
        }
    }
    // Nobody new may come while those who are here are finished.
    drop(listener);
    stop.cancel();
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    };
    let in_time = timeout(plan.grace, all_ended).await.is_ok();
    let left = if in_time { 0 } else { connections.len() };
    connections.shutdown().await;
    Left { connections: left }
}

/// Serves one connection to its end. When told to stop it finishes the request it is at.
async fn connection(socket: TcpStream, peer: SocketAddr, front: Front, plan: ServePlan, stop: CancellationToken) {
    // Answers are written whole; waiting for more to send only delays them. A socket that refuses is about to fail.
    let _ = socket.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(plan.head_time_max)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX);
    let grip = Grip::new(peer, stop.clone());
    let socket = Socket::new(socket, &grip, plan.stall_max);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        if request.uri().path().starts_with(CATCHER_PATH) {
            request.extensions_mut().insert(grip.clone());
        }
        TowerToHyperService::new(front.router().clone()).call(request)
    });
    let connection = builder.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "a connection broke");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "serving a connection met a defect");
    }
}

/// Whether only the connection that was about to be taken is gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
