//! The socket under a recording receiver: notes the raw head of each request, and when the last byte of
//! an answer has left.

use std::{
    collections::BTreeSet,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::record::{End, Log};

/// Bytes of a request's head that are noted; hyper refuses longer heads before this.
const HEAD_BYTES_MAX: usize = 512 * 1024;

/// What is known about one connection.
#[derive(Debug, Default)]
struct Notes {
    /// Bytes read since the last whole request, until its head is complete.
    head: Vec<u8>,
    head_complete: bool,
    /// Requests without a verdict on their answer.
    open: BTreeSet<usize>,
    /// Requests whose answer hyper has taken over entirely; the next flush proves that it left.
    leaving: BTreeSet<usize>,
}

/// One accepted connection. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub number: u64,
    notes: Arc<Mutex<Notes>>,
    log: Arc<Log>,
}

impl Connection {
    pub fn new(number: u64, log: Arc<Log>) -> Self {
        Self { number, notes: Arc::default(), log }
    }

    /// The header lines of the request that was just read, in order and as spelled; empty when a
    /// client pipelined and the boundary is unknown. Starts the next request.
    pub fn take_headers(&self) -> Vec<(String, Vec<u8>)> {
        let mut notes = self.notes();
        notes.head_complete = false;
        let head = std::mem::take(&mut notes.head);
        let lines = head.split(|byte| *byte == b'\n').skip(1);
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).take_while(|line| !line.is_empty());
        lines.filter_map(header_line).collect()
    }

    /// From here on the end of the connection is the end of this request too.
    pub fn opened(&self, request: usize) {
        self.notes().open.insert(request);
    }

    /// The receiver decided to leave the answer unfinished.
    pub fn cut(&self, request: usize) {
        let known = self.notes().open.remove(&request);
        if known {
            self.log.ended(request, End::Cut);
        }
    }

    fn read(&self, bytes: &[u8]) {
        let mut notes = self.notes();
        if notes.head_complete || notes.head.len() > HEAD_BYTES_MAX {
            return;
        }
        let from = notes.head.len().saturating_sub(3);
        notes.head.extend_from_slice(bytes);
        notes.head_complete = notes.head[from..].windows(4).any(|window| window == b"\r\n\r\n");
    }

    fn flushed(&self) {
        let left = std::mem::take(&mut self.notes().leaving);
        for request in left {
            let known = self.notes().open.remove(&request);
            if known {
                self.log.ended(request, End::Answered);
            }
        }
    }

    fn closed(&self) {
        let open = std::mem::take(&mut self.notes().open);
        for request in open {
            self.log.ended(request, End::Lost);
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header_line(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = String::from_utf8_lossy(&line[..colon]).into_owned();
    Some((name, line[colon + 1..].trim_ascii().to_vec()))
}

/// A socket whose reads and flushes are noted on its connection.
pub(super) struct Wire<S> {
    pub socket: S,
    pub connection: Connection,
}

impl<S> Drop for Wire<S> {
    fn drop(&mut self) {
        self.connection.closed();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.socket).poll_read(cx, buf);
        self.connection.read(&buf.filled()[before..]);
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.socket).poll_flush(cx);
        if matches!(poll, Poll::Ready(Ok(()))) {
            self.connection.flushed();
        }
        poll
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// The body of an answer. hyper drops it when it has taken the last byte over, and flushes its own
/// buffer to the socket before it reports a flush; that order is what makes `complete` true.
pub(super) struct AnswerBody {
    pub inner: Full<Bytes>,
    /// The whole length, also where only a part will be sent.
    pub length: u64,
    /// What follows the inner body when the answer is to be cut.
    pub cut: Option<Cut>,
    pub request: usize,
    pub connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Let hyper flush what it has.
    Yield,
    Fail,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut self.inner).poll_frame(cx) {
            return Poll::Ready(Some(Ok(frame)));
        }
        match self.cut {
            None => Poll::Ready(None),
            Some(Cut::Yield) => {
                self.cut = Some(Cut::Fail);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Cut::Fail) => Poll::Ready(Some(Err(io::Error::other("the script cuts the answer here")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if self.cut.is_none() {
            self.connection.notes().leaving.insert(self.request);
        } else {
            self.connection.cut(self.request);
        }
    }
}
