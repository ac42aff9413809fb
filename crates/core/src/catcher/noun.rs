//! A catcher, and what it catches.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use super::Script;
use crate::id::{CatcherId, EndpointId};
use crate::key::{AccountKey, CatcherKey};
use crate::time::Timestamp;

/// A built-in receiver: a URL that shows what comes, and answers as its script says.
#[derive(Clone, PartialEq, Eq)]
pub struct Catcher {
    pub key: CatcherKey,
    pub id: CatcherId,
    pub account: AccountKey,
    /// For people; says nothing about the URL.
    pub name: String,
    /// The part of its URL that cannot be guessed. Who knows it may send, and see nothing.
    pub write_token: String,
    /// SHA-256 of the token that reads what was caught without a session, if one was made.
    pub read_token_hash: Option<[u8; 32]>,
    pub script: Script,
    /// What answers carry where the script does not say a size.
    pub body: Option<FixedBody>,
    /// Where draws begin unless the script has a seed of its own.
    pub seed: u64,
    /// Whose secret checks signatures; without it that of the endpoint that has this URL.
    pub endpoint: Option<EndpointId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Never HTML: a catcher may be served where the console is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FixedBody {
    Json(String),
    Text(String),
}

impl fmt::Debug for Catcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catcher").field("id", &self.id).field("account", &self.account).finish_non_exhaustive()
    }
}

/// One request as it came, and what it was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capture {
    pub catcher: CatcherKey,
    /// Counts up in its catcher, from 1, and is never given twice.
    pub number: u64,
    pub at: Timestamp,
    pub method: String,
    /// Path and query as they stood on the request line.
    pub target: String,
    /// Such as `HTTP/1.1`.
    pub version: String,
    /// The header lines as they came, in order and with repeats, each with its line end.
    pub head: Bytes,
    /// What was kept of the body; empty where it was not asked for.
    pub body: Bytes,
    pub kept_bytes: u64,
    /// How much came.
    pub body_bytes: u64,
    pub peer: Option<SocketAddr>,
    /// Its `webhook-id`.
    pub event: Option<String>,
    /// The number of the first request with the same `webhook-id`, if this is not the first.
    pub repeats: Option<u64>,
    /// Whose secret it was checked with, and the word for what came of it.
    pub endpoint: Option<EndpointId>,
    pub signature: String,
    /// What it was answered, as in a script.
    pub answer: String,
    /// The step of the script; `None` after the last one.
    pub step: Option<u32>,
    /// What the wait before the answer came to, once it is over.
    pub stamp: Option<Stamp>,
}

/// The end of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Microseconds from the whole request to the end of the answer.
    pub waited_us: u64,
    /// The caller went away before.
    pub cut_short: bool,
}

impl Capture {
    /// Header lines as names and values, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        headers(&self.head)
    }

    /// Whether more came than was kept.
    pub fn is_cut(&self) -> bool {
        self.body_bytes > self.kept_bytes
    }
}

/// Names and values of header lines, without the space around values. A line without a colon is a name without a value.
pub fn headers(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).map(|line| {
        match line.iter().position(|byte| *byte == b':') {
            Some(colon) => {
                let (name, rest) = line.split_at(colon);
                (name, rest.get(1..).unwrap_or_default().trim_ascii())
            }
            None => (line, b"".as_slice()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_keep_order_case_and_repeats() {
        let head = b"Host: a.example\r\nX-Two:1\r\nx-two:  2  \r\nEmpty:\r\nodd line\r\n";
        let read: Vec<_> = headers(head).collect();
        let expected: [(&[u8], &[u8]); 5] =
            [(b"Host", b"a.example"), (b"X-Two", b"1"), (b"x-two", b"2"), (b"Empty", b""), (b"odd line", b"")];
        assert_eq!(read, expected);
    }
}
