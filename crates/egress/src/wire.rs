//! The socket under a connection, plain or TLS, and what passed through it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What hyper does not tell: whether anything of a request left us, and whether the receiver stopped taking it.
#[derive(Default)]
pub(crate) struct Meter {
    written_bytes: AtomicU64,
    stalled: AtomicBool,
    /// Asks the next read to look at the socket itself first.
    look: AtomicBool,
    disturbed: AtomicBool,
}

impl Meter {
    /// Bytes handed to the socket since it was opened.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Relaxed)
    }

    /// The last write did not fit: the receiver is not reading.
    pub fn is_stalled(&self) -> bool {
        self.stalled.load(Relaxed)
    }

    /// Has the next read ask the kernel what arrived, rather than wait to be told. A busy runtime is told late, and a
    /// request written to a connection that was closed meanwhile is lost.
    pub fn look(&self) {
        self.look.store(true, Relaxed);
    }

    /// What a look found: the receiver closed the connection, or sent something unasked.
    pub fn is_disturbed(&self) -> bool {
        self.disturbed.load(Relaxed)
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        self.stalled.store(result.is_pending(), Relaxed);
        if let Poll::Ready(Ok(bytes)) = result {
            self.written_bytes.fetch_add(*bytes as u64, Relaxed);
        }
    }
}

/// A metered transport.
pub(crate) struct Wire {
    transport: Transport,
    meter: Arc<Meter>,
}

impl Wire {
    pub fn new(transport: Transport) -> (Wire, Arc<Meter>) {
        let meter = Arc::new(Meter::default());
        (Wire { transport, meter: meter.clone() }, meter)
    }

    /// Anything but "nothing yet" means that an idle connection is no longer one.
    fn is_quiet(&self) -> bool {
        let socket = match &self.transport {
            Transport::Plain(socket) => socket,
            Transport::Tls(stream) => stream.get_ref().0,
        };
        recv(socket, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) == Err(Errno::WOULDBLOCK)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.meter.look.load(Relaxed) {
            self.meter.look.store(false, Relaxed);
            self.meter.disturbed.store(!self.is_quiet(), Relaxed);
        }
        match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        self.meter.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        self.meter.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(socket) => socket.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        };
        if result.is_pending() {
            self.meter.stalled.store(true, Relaxed);
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
