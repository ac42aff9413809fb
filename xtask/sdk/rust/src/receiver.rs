//! An HTTP receiver on a free loopback port: keeps what reaches it and answers as it is told.

use std::{cell::RefCell, collections::HashMap, convert::Infallible, net::SocketAddr, rc::Rc};

use anyhow::{Context, Result};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::Notify, task::spawn_local, time::timeout};

use crate::expect::SOON;

/// One request.
#[derive(Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn id(&self) -> &str {
        self.headers.get("webhook-id").and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// Answers 204 to every path; where [`Receiver::answer`] says otherwise, with that status and the words "not now".
pub struct Receiver {
    address: SocketAddr,
    log: Rc<Log>,
}

#[derive(Default)]
struct Log {
    requests: RefCell<Vec<Received>>,
    statuses: RefCell<HashMap<String, u16>>,
    arrived: Notify,
}

impl Receiver {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let log = Rc::<Log>::default();
        spawn_local(accept(listener, log.clone()));
        Ok(Self { address, log })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn answer(&self, path: &str, status: u16) {
        self.log.statuses.borrow_mut().insert(path.to_owned(), status);
    }

    /// The first `number` requests to this path that are such; waits for them.
    pub async fn at(&self, path: &str, number: usize, such: impl Fn(&Received) -> bool) -> Result<Vec<Received>> {
        let found = async {
            loop {
                let requests = self.log.requests.borrow();
                let found = requests.iter().filter(|request| request.path == path && such(request));
                let found: Vec<Received> = found.take(number).cloned().collect();
                drop(requests);
                if found.len() == number {
                    return found;
                }
                self.log.arrived.notified().await;
            }
        };
        timeout(SOON, found).await.with_context(|| format!("not {number} requests reached {path}"))
    }
}

async fn accept(listener: TcpListener, log: Rc<Log>) {
    while let Ok((socket, _)) = listener.accept().await {
        let log = log.clone();
        spawn_local(async move {
            let service = service_fn(|request| take(request, log.clone()));
            // How a connection ends says nothing about the requests on it.
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn take(request: Request<Incoming>, log: Rc<Log>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let status = log.statuses.borrow().get(&path).copied().unwrap_or(204);
    if let Ok(body) = body.collect().await {
        log.requests.borrow_mut().push(Received { path, headers: head.headers, body: body.to_bytes() });
        log.arrived.notify_waiters();
    }
    let mut response = Response::new(Full::from(if status == 204 { "" } else { "not now" }));
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status of ours");
    Ok(response)
}
