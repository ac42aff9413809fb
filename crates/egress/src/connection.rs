//! One HTTP/1.1 connection to a receiver, and one exchange on it.
//!
//! The connection is driven by the call that uses it, not by a task of its own: dropping the call closes it, nothing is
//! left behind, and a request costs no wake of another task. An idle one is looked at by the pool.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, Version};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ringup_core::limits;
use ringup_core::outcome::{Answer, BodyEnd, Cause};

use crate::fault;
use crate::wire::{Meter, Transport, Wire};

/// Taken off the idle time that a receiver announces: its clock started before ours, and the request needs to arrive.
const KEEP_ALIVE_MARGIN: Duration = Duration::from_secs(1);

pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
    pub meter: Arc<Meter>,
    pub remote: SocketAddr,
    /// As the receiver announced with its last answer.
    pub keep_alive: Option<Duration>,
}

/// An exchange that failed before a complete response head.
pub(crate) enum NoAnswer {
    Failed {
        cause: Cause,
        /// Not one byte of the request left us, so the receiver cannot have acted on it.
        unsent: bool,
    },
    /// It was not to go out, or not to go on, any more.
    FencedOff,
}

impl Connection {
    pub async fn over(transport: Transport, remote: SocketAddr) -> Result<Connection, Cause> {
        let (wire, meter) = Wire::new(transport);
        // hyper's own default for the number of headers is the same, and cheaper than setting it.
        const { assert!(limits::RESPONSE_HEADERS_MAX == 100) };
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(limits::RESPONSE_HEAD_BYTES_MAX)
            .max_header_size(limits::RESPONSE_HEAD_BYTES_MAX)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| fault::of_exchange(&error))?;
        Ok(Connection { sender, driver: Driver(Some(Box::pin(connection))), meter, remote, keep_alive: None })
    }

    /// Whether it can carry a request: alive, as far as the runtime has been told, and nothing outstanding.
    pub fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        self.driver.drive(cx);
        self.driver.is_alive() && self.sender.is_ready()
    }

    /// Whether it can carry a request after having been kept: the kernel is asked too.
    pub fn is_still_ready(&mut self, cx: &mut Context<'_>) -> bool {
        self.meter.look();
        self.is_ready(cx) && !self.meter.is_disturbed()
    }

    /// Sends the request and waits for the response head, as long as it may.
    pub async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
        may: impl Fn() -> bool,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let before = self.meter.written_bytes();
        let mut response = std::pin::pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let answer = poll_fn(|cx| {
            if !may() {
                return Poll::Ready(Err(None));
            }
            driver.drive(cx);
            response.as_mut().poll(cx).map_err(Some)
        });
        answer.await.map_err(|error| match error {
            None => NoAnswer::FencedOff,
            Some(error) => {
                tracing::debug!(error = %error.error(), "no response head");
                let unsent = self.meter.written_bytes() == before;
                NoAnswer::Failed { cause: fault::of_exchange(error.error()), unsent }
            }
        })
    }

    /// Reads at most the cap of the body. Afterwards the connection can be used again if it [`is_ready`](Self::is_ready).
    pub async fn read(&mut self, response: Response<Incoming>) -> Answer {
        let (head, mut body) = response.into_parts();
        self.keep_alive = keep_alive(&head.headers);
        if head.version == Version::HTTP_10 && !head.headers.contains_key("keep-alive") {
            self.keep_alive = Some(Duration::ZERO);
        }
        let (kept, body_end) = read_capped(&mut self.driver, &mut body).await;
        Answer {
            status: head.status.as_u16(),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())))
                .collect(),
            body: kept,
            body_end,
            retry_after: retry_after(&head.headers),
        }
    }
}

/// hyper's half of the connection; `None` once it has ended.
struct Driver(Option<Pin<Box<HyperConnection>>>);

type HyperConnection = http1::Connection<TokioIo<Wire>, Full<Bytes>>;

impl Driver {
    fn drive(&mut self, cx: &mut Context<'_>) {
        // How it ended is told to whoever waits for a response or a body.
        if let Some(connection) = &mut self.0
            && connection.as_mut().poll(cx).is_ready()
        {
            self.0 = None;
        }
    }

    fn is_alive(&self) -> bool {
        self.0.is_some()
    }
}

/// The body, copied so that what is kept does not hold hyper's read buffer.
async fn read_capped(driver: &mut Driver, body: &mut Incoming) -> (Bytes, BodyEnd) {
    const CAP: usize = limits::RESPONSE_BODY_BYTES_MAX;
    let announced = body.size_hint().exact().map_or(0, |length| usize::try_from(length).unwrap_or(CAP));
    let mut kept = BytesMut::with_capacity(announced.min(CAP));
    let end = loop {
        if body.is_end_stream() {
            break BodyEnd::Complete;
        }
        match poll_fn(|cx| poll_frame(driver, body, cx)).await {
            None => break BodyEnd::Complete,
            Some(Err(_)) => break BodyEnd::Broken,
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                let room = CAP - kept.len();
                kept.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    break BodyEnd::Capped;
                }
            }
        }
    };
    (kept.freeze(), end)
}

/// Asking for a frame is what makes the driver read it, so it is driven again before giving up the turn.
fn poll_frame(
    driver: &mut Driver,
    body: &mut Incoming,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
    driver.drive(cx);
    let first = Pin::new(&mut *body).poll_frame(cx);
    if first.is_ready() {
        return first;
    }
    driver.drive(cx);
    Pin::new(body).poll_frame(cx)
}

/// `Retry-After` as it came, unless it is there twice or is not text.
fn retry_after(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(RETRY_AFTER).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    first.to_str().ok().map(str::to_owned)
}

/// How long we may keep the connection idle: `timeout=` of `Keep-Alive`, less a margin.
///
/// Source: RFC 2068 §19.7.1.1, as Apache, Node.js and others send it.
fn keep_alive(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
    let announced = Duration::from_secs(seconds.trim().parse().ok()?);
    Some(announced.saturating_sub(KEEP_ALIVE_MARGIN))
}
