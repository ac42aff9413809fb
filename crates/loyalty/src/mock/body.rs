//! Bodies of answers, good ones and others.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Between two bytes of a drip.
const DRIP: Duration = Duration::from_secs(1);

/// Between the half of an answer and the end of the connection.
const BREAK: Duration = Duration::from_millis(50);

impl Body {
    pub fn broken(bytes: Bytes) -> Body {
        Body::Broken { bytes: Some(bytes), pause: Box::pin(sleep(BREAK)) }
    }
}

pub enum Body {
    Whole(Option<Bytes>),
    /// As many bytes, in parts.
    Flood {
        part: Bytes,
        left: u64,
    },
    /// One byte, and then a pause.
    Drip {
        bytes: Bytes,
        pause: Option<Pin<Box<Sleep>>>,
    },
    /// These, and then the end of the connection.
    Broken {
        bytes: Option<Bytes>,
        pause: Pin<Box<Sleep>>,
    },
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = |bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        match self.get_mut() {
            Body::Whole(bytes) => bytes.take().map_or(Poll::Ready(None), frame),
            Body::Flood { left: 0, .. } => Poll::Ready(None),
            Body::Flood { part, left } => {
                let size = usize::try_from(*left).map_or(part.len(), |left| left.min(part.len()));
                *left -= size as u64;
                frame(part.slice(..size))
            }
            Body::Drip { bytes, pause } => {
                if let Some(waiting) = pause {
                    ready!(waiting.as_mut().poll(cx));
                }
                if bytes.is_empty() {
                    return Poll::Ready(None);
                }
                *pause = Some(Box::pin(sleep(DRIP)));
                frame(bytes.split_to(1))
            }
            Body::Broken { bytes, pause } => match bytes.take() {
                Some(bytes) => frame(bytes),
                // An error right away would take back what is not written yet.
                None => {
                    ready!(pause.as_mut().poll(cx));
                    Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())))
                }
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Flood { left, .. } => SizeHint::with_exact(*left),
            Body::Drip { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Body::Broken { .. } => SizeHint::default(),
        }
    }
}
