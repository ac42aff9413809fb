//! A connection as a catcher needs it: what came on it byte by byte, and other ends than a good answer.
//!
//! Everybody else is served by the same socket and notices nothing: reading costs one look at the first bytes of a
//! request, writing one look at a flag.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

/// Where catchers are. Requests elsewhere are not recorded.
pub const CATCHER_PATH: &str = "/c/";

/// Bytes of a request's head that are recorded: as many as are read at all.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The longest method that a request line may begin with.
const METHOD_BYTES_MAX: usize = 24;

/// Instead of an answer.
#[derive(Debug)]
pub enum Ending {
    /// TCP RST.
    Reset,
    /// The end of the connection, without a byte.
    Close,
    /// These bytes, and then the end.
    Raw(Bytes),
}

/// What a handler may do with the connection that its request came on.
#[derive(Clone)]
pub struct Grip(Arc<Shared>);

struct Shared {
    peer: SocketAddr,
    /// Cancelled when the server stops.
    stop: CancellationToken,
    ending: Mutex<Option<Ending>>,
    is_ending: AtomicBool,
    head: Mutex<Option<Bytes>>,
}

impl Grip {
    pub fn new(peer: SocketAddr, stop: CancellationToken) -> Grip {
        Grip(Arc::new(Shared {
            peer,
            stop,
            ending: Mutex::default(),
            is_ending: AtomicBool::new(false),
            head: Mutex::default(),
        }))
    }

    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Ready when the server stops: whoever waits for nothing in particular waits no longer.
    pub async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// Ends the connection like this as soon as the answer would be written, or goes on being written.
    pub fn end(&self, ending: Ending) {
        *self.0.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending);
        self.0.is_ending.store(true, Ordering::Release);
    }

    /// The head of the request as it came, request line first; `None` if it was not recorded.
    pub fn take_head(&self) -> Option<Bytes> {
        self.0.head.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A served connection.
pub struct Socket {
    stream: TcpStream,
    shared: Arc<Shared>,
    recording: Recording,
    /// Being written instead of an answer.
    raw: Option<Bytes>,
    /// The longest that the other side may take nothing of what we write.
    stall_max: Duration,
    /// Since the other side takes nothing: when that has been too long.
    stalled: Option<Pin<Box<Sleep>>>,
}

enum Recording {
    /// The next bytes begin a request.
    Fresh,
    Head(Vec<u8>),
    /// Nothing of interest until something was written.
    Off,
}

impl Socket {
    pub fn new(stream: TcpStream, grip: &Grip, stall_max: Duration) -> Socket {
        let shared = grip.0.clone();
        Socket { stream, shared, recording: Recording::Fresh, raw: None, stall_max, stalled: None }
    }

    fn record(&mut self, came: &[u8]) {
        let mut head = match std::mem::replace(&mut self.recording, Recording::Off) {
            Recording::Fresh => Vec::new(),
            Recording::Head(head) => head,
            Recording::Off => return,
        };
        // The end may lie across two reads.
        let from = head.len().saturating_sub(3);
        head.extend_from_slice(came);
        if !may_be_for_a_catcher(&head) {
            return;
        }
        let end = head.get(from..).and_then(|tail| tail.windows(4).position(|four| four == b"\r\n\r\n"));
        match end {
            Some(end) => {
                head.truncate(from + end + 4);
                *self.shared.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(head.into());
            }
            None if head.len() < HEAD_BYTES_MAX => self.recording = Recording::Head(head),
            None => {}
        }
    }

    /// Ends the connection as it was asked for. Never ready with success.
    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let asked = self.shared.ending.lock().unwrap_or_else(PoisonError::into_inner).take();
        match asked {
            Some(Ending::Reset) => {
                // A socket that refuses is closed, which is the next best.
                let _ = self.stream.set_zero_linger();
            }
            Some(Ending::Raw(bytes)) => self.raw = Some(bytes),
            Some(Ending::Close) | None => {}
        }
        while let Some(bytes) = self.raw.as_mut().filter(|bytes| bytes.has_remaining()) {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, bytes)) {
                Ok(written) => bytes.advance(written),
                Err(error) => return Poll::Ready(error),
            }
        }
        Poll::Ready(io::Error::new(io::ErrorKind::BrokenPipe, "ended as a catcher's script has it"))
    }

    /// What came of a write. One that takes nothing for too long holds a connection and whatever answers on it: it fails.
    fn watch(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall_max = self.stall_max;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall_max)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other side takes nothing")))
    }

    fn is_ending(&self) -> bool {
        self.shared.is_ending.load(Ordering::Acquire)
    }
}

/// Whether a head that begins like this may be a request to a catcher.
fn may_be_for_a_catcher(head: &[u8]) -> bool {
    let start = head.get(..head.len().min(METHOD_BYTES_MAX + CATCHER_PATH.len())).unwrap_or_default();
    let Some(space) = start.iter().position(|byte| *byte == b' ') else { return head.len() < METHOD_BYTES_MAX };
    let (method, path) = (start.get(..space).unwrap_or_default(), start.get(space + 1..).unwrap_or_default());
    if !method.iter().all(u8::is_ascii_alphabetic) {
        return false;
    }
    path.starts_with(CATCHER_PATH.as_bytes()) || CATCHER_PATH.as_bytes().starts_with(path)
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if !matches!(this.recording, Recording::Off) {
            let came = buf.filled().get(before..).unwrap_or_default();
            if !came.is_empty() {
                this.record(came);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_ending() {
            return this.poll_ending(cx).map(Err);
        }
        this.recording = Recording::Fresh;
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.watch(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_ending() {
            return this.poll_ending(cx).map(Err);
        }
        this.recording = Recording::Fresh;
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bytes);
        this.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_ending() {
            return this.poll_ending(cx).map(Err);
        }
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_to_catchers_are_recorded() {
        for (head, may_be) in [
            ("", true),
            ("PO", true),
            ("POST", true),
            ("POST ", true),
            ("POST /", true),
            ("POST /c", true),
            ("POST /c/", true),
            ("POST /c/abc HTTP/1.1\r\n", true),
            ("POST /api/v1/app HTTP/1.1\r\n", false),
            ("POST /cc", false),
            ("POST /a", false),
            ("POST http://a/c/", false),
            ("\r\nPOST /c/", false),
            ("abcdefghijklmnopqrstuvwxyz", false),
        ] {
            assert_eq!(may_be_for_a_catcher(head.as_bytes()), may_be, "{head:?}");
        }
    }
}
