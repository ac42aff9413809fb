//! The catalogue of misbehaviour, each as steps on a socket.

use std::time::Duration;

use bytes::Bytes;

/// Pieces that endless answers are written in, in bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// How a hostile receiver behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Reads the request and never says anything.
    Silence,
    /// Resets (`SO_LINGER` 0) right after accepting.
    ResetAfterAccept,
    /// Resets after it has read the request.
    ResetAfterRequest,
    /// Resets in the middle of the body it announced.
    ResetInBody,
    /// Closes right after accepting.
    CloseAfterAccept,
    /// Closes after it has read the request, without a byte of answer.
    CloseWithoutAnswer,
    /// Answers well, says keep-alive, and closes.
    CloseAfterKeepAlive,
    /// One byte of an endless header each `pause`.
    SlowHeaders { pause: Duration },
    /// A good head, then one byte of a long body each `pause`.
    SlowBody { pause: Duration },
    /// Header lines without end.
    EndlessHeaders,
    /// A body without length and without end.
    EndlessBody,
    /// Chunks without end.
    EndlessChunks,
    /// A body of this announced length, streamed until the peer has enough.
    HugeBody { bytes: u64 },
    /// One header of this many bytes.
    GiantHeader { bytes: usize },
    /// This many small headers.
    ManyHeaders { count: usize },
    /// This many `103 Early Hints` before the answer.
    InterimFlood { count: usize },
    /// `100 Continue` without end.
    EndlessInterim,
    /// Bytes that are no HTTP.
    Garbage,
    /// A TLS alert on a plain port.
    TlsAlert,
    /// A bare body without a status line, as before HTTP/1.0.
    Http09,
    /// A status line and then the end.
    HalfHead,
    /// This as the status line.
    StatusLine(&'static str),
    /// A chunk size that is not a number.
    BadChunkSize,
    /// A chunk size of more than 64 bits.
    HugeChunkSize,
    /// Ends within a chunk.
    ChunkCutOff,
    /// Announces 100 bytes, sends 10 and closes.
    ShortBody,
    /// Announces 2 bytes and sends 100, keep-alive.
    LongBody,
    /// Two lengths that contradict each other.
    TwoLengths,
    /// A length and chunked coding together.
    LengthAndChunks,
    /// This as `content-length`, no body.
    Length(&'static str),
    /// A good answer and a second one nobody asked for, keep-alive.
    UnaskedAnswer,
    /// This redirect, with a body.
    Redirect { status: u16, location: String },
    /// Says the body is gzip, and it is not, or it is a bomb; the bytes go out as they are.
    Encoded { encoding: &'static str, body: Vec<u8> },
    /// 200 with this body; see [`POISON_BODIES`].
    Body(Vec<u8>),
    /// This status with this `retry-after`; see [`RETRY_AFTER_ODDITIES`].
    RetryAfter { status: u16, value: String },
    /// Header values with control bytes, 8-bit text and folding.
    OddHeaders,
}

/// Bodies that break storage, logs and terminals, with a name each.
pub const POISON_BODIES: [(&str, &[u8]); 9] = [
    ("nul", b"before\0after"),
    ("invalid utf-8", b"\xff\xfe\x80 text \xc3"),
    ("lone surrogate", b"\"\xed\xa0\x80\""),
    ("four-byte", "\u{1F9FE}\u{10FFFF}".as_bytes()),
    ("bidi override", "\u{202E}txt.exe\u{2066}".as_bytes()),
    ("ansi", b"\x1b[2J\x1b]0;title\x07\x1b[31mred"),
    ("markup", b"<script>alert(1)</script><img src=x onerror=alert(1)>"),
    ("log line", b"ok\n2026-01-01T00:00:00Z ERROR forged\r\n"),
    ("spreadsheet", b"=cmd|' /C calc'!A0"),
];

/// `Retry-After` values: valid, borderline and absurd.
pub const RETRY_AFTER_ODDITIES: [&str; 20] = [
    "0",
    "1",
    "-1",
    "+5",
    "1.5",
    "1e300",
    "NaN",
    "inf",
    "",
    " 7 ",
    "0x10",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999",
    "5, 10",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Thursday, 01-Jan-70 00:00:00 GMT",
    "2030-01-01T00:00:00Z",
    "soon",
];

/// What a connection does, one after the other; after the last step it starts over.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Reads one request.
    Read,
    Write(Bytes),
    Drip {
        bytes: Bytes,
        pause: Duration,
    },
    /// Writes these bytes over and over, to this total or without end.
    Stream {
        bytes: Bytes,
        total: Option<u64>,
    },
    /// Waits for the peer to end it.
    Hold,
    Close,
    Reset,
}

impl Behaviour {
    pub(super) fn steps(&self) -> Vec<Step> {
        const OK: &str = "HTTP/1.1 200 OK\r\n";
        let ok = |rest: &str| write(format!("{OK}{rest}"));
        match self {
            Self::Silence => vec![Step::Read, Step::Hold],
            Self::ResetAfterAccept => vec![Step::Reset],
            Self::ResetAfterRequest => vec![Step::Read, Step::Reset],
            Self::ResetInBody => vec![Step::Read, ok("content-length: 100\r\n\r\nten bytes."), Step::Reset],
            Self::CloseAfterAccept => vec![Step::Close],
            Self::CloseWithoutAnswer => vec![Step::Read, Step::Close],
            Self::CloseAfterKeepAlive => {
                vec![Step::Read, ok("connection: keep-alive\r\ncontent-length: 2\r\n\r\nok"), Step::Close]
            }
            Self::SlowHeaders { pause } => {
                let head = format!("{OK}x-slow: {}", "z".repeat(100_000));
                vec![Step::Read, Step::Drip { bytes: head.into(), pause: *pause }, Step::Hold]
            }
            Self::SlowBody { pause } => {
                let body = Step::Drip { bytes: "z".repeat(100_000).into(), pause: *pause };
                vec![Step::Read, ok("content-length: 100000\r\n\r\n"), body, Step::Hold]
            }
            Self::EndlessHeaders => vec![Step::Read, ok(""), stream("x-more: and more\r\n", None)],
            Self::EndlessBody => vec![Step::Read, ok("connection: close\r\n\r\n"), stream("endless ", None)],
            Self::EndlessChunks => {
                vec![Step::Read, ok("transfer-encoding: chunked\r\n\r\n"), stream("8\r\nendless \r\n", None)]
            }
            Self::HugeBody { bytes } => {
                let head = ok(&format!("content-length: {bytes}\r\n\r\n"));
                vec![Step::Read, head, stream("z", Some(*bytes)), Step::Hold]
            }
            Self::GiantHeader { bytes } => {
                answer(&format!("{OK}x-giant: {}\r\ncontent-length: 2\r\n\r\nok", "z".repeat(*bytes)))
            }
            Self::ManyHeaders { count } => {
                let lines: String = (0..*count).map(|number| format!("x-{number}: {number}\r\n")).collect();
                answer(&format!("{OK}{lines}content-length: 2\r\n\r\nok"))
            }
            Self::InterimFlood { count } => {
                let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(*count);
                answer(&format!("{hints}{OK}content-length: 2\r\n\r\nok"))
            }
            Self::EndlessInterim => vec![Step::Read, stream("HTTP/1.1 100 Continue\r\n\r\n", None)],
            Self::Garbage => vec![Step::Read, write((0..=255).rev().collect::<Vec<u8>>()), Step::Close],
            Self::TlsAlert => vec![Step::Read, write(vec![0x15, 3, 3, 0, 2, 2, 40]), Step::Close],
            Self::Http09 => vec![Step::Read, write("<html>1991</html>".to_owned()), Step::Close],
            Self::HalfHead => vec![Step::Read, ok("content-le"), Step::Close],
            Self::StatusLine(line) => {
                vec![Step::Read, write(format!("{line}\r\ncontent-length: 0\r\n\r\n")), Step::Close]
            }
            Self::BadChunkSize => vec![Step::Read, ok("transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n"), Step::Close],
            Self::HugeChunkSize => {
                let size = "f".repeat(17);
                vec![Step::Read, ok(&format!("transfer-encoding: chunked\r\n\r\n{size}\r\nab")), Step::Close]
            }
            Self::ChunkCutOff => vec![Step::Read, ok("transfer-encoding: chunked\r\n\r\n64\r\nab"), Step::Close],
            Self::ShortBody => vec![Step::Read, ok("content-length: 100\r\n\r\nten bytes."), Step::Close],
            Self::LongBody => answer(&format!("{OK}content-length: 2\r\n\r\nok{}", "!".repeat(98))),
            Self::TwoLengths => answer(&format!("{OK}content-length: 2\r\ncontent-length: 4\r\n\r\nokok")),
            Self::LengthAndChunks => {
                answer(&format!("{OK}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n4\r\nokok\r\n0\r\n\r\n"))
            }
            Self::Length(value) => vec![Step::Read, ok(&format!("content-length: {value}\r\n\r\n")), Step::Close],
            Self::UnaskedAnswer => {
                let second = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
                vec![Step::Read, ok(&format!("content-length: 2\r\n\r\nok{second}")), Step::Hold]
            }
            Self::Redirect { status, location } => {
                answer(&format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 4\r\n\r\nover"))
            }
            Self::Encoded { encoding, body } => {
                let head = format!("{OK}content-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", body.len());
                vec![Step::Read, write(head), write(body.clone())]
            }
            Self::Body(body) => {
                vec![Step::Read, ok(&format!("content-length: {}\r\n\r\n", body.len())), write(body.clone())]
            }
            Self::RetryAfter { status, value } => {
                answer(&format!("HTTP/1.1 {status} Later\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n"))
            }
            Self::OddHeaders => {
                let odd = b"x-bytes: \x80\xff\r\nx-control: a\x1b[31mb\r\nx-folded: one\r\n two\r\n".as_slice();
                let bytes = [OK.as_bytes(), odd, b"content-length: 2\r\n\r\nok"].concat();
                vec![Step::Read, write(bytes), Step::Close]
            }
        }
    }
}

fn write(bytes: impl Into<Bytes>) -> Step {
    Step::Write(bytes.into())
}

/// One request and this answer, as often as the peer likes.
fn answer(text: &str) -> Vec<Step> {
    vec![Step::Read, write(text.to_owned())]
}

fn stream(unit: &str, total: Option<u64>) -> Step {
    Step::Stream { bytes: unit.repeat(PIECE_BYTES / unit.len()).into(), total }
}
