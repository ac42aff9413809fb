//! What a recording receiver remembers.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Method;
use tokio::sync::watch;

use super::{Answer, Script};
use crate::journal::{Journal, Receipt, Sha256, unix_ns};

/// Requests one receiver records; a test that needs more wants the fast receiver.
pub const REQUESTS_MAX: usize = 1_000_000;

/// One request, raw.
#[derive(Clone, Debug)]
pub struct Received {
    /// Number of the connection it came on, from 0 in order of accepting.
    pub connection: u64,
    /// When its last byte had been read.
    pub at: Instant,
    /// The same by the wall clock.
    pub wall: SystemTime,
    pub method: Method,
    /// Path and query as on the request line.
    pub target: String,
    /// In order, repeats kept, names as spelled.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
    /// The status we answered, wholly or in part; none before that and when none was sent.
    pub status: Option<u16>,
    /// The exchange is over: answered, cut, or the connection ended.
    pub ended: bool,
    /// The answer was handed to the socket to its last byte.
    pub complete: bool,
    /// The script left the answer out or broke it off.
    pub cut: bool,
}

impl Received {
    /// The first header of this name as text; spelling does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        values.next().and_then(|(_, value)| str::from_utf8(value).ok())
    }

    /// Header `webhook-id`; empty when missing.
    pub fn id(&self) -> &str {
        self.header("webhook-id").unwrap_or_default()
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The body as text, for messages and assertions.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The line for the oracle, with the body where it is UTF-8 and `with_body` is set.
    pub fn receipt(&self, with_body: bool) -> Receipt {
        let body = with_body.then(|| str::from_utf8(&self.body).ok().map(str::to_owned)).flatten();
        Receipt {
            id: self.id().to_owned(),
            at_ns: unix_ns(self.wall),
            path: self.target.clone(),
            timestamp: self.header("webhook-timestamp").unwrap_or_default().to_owned(),
            signature: self.header("webhook-signature").unwrap_or_default().to_owned(),
            body_sha256: Sha256::of(&self.body),
            body_len: self.body.len() as u64,
            body,
            status: self.status,
            complete: self.complete,
            cut: self.cut,
        }
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The answer left to its last byte.
    Answered,
    /// By our script.
    Cut,
    /// With its connection.
    Lost,
}

/// Everything one receiver recorded, its script, and the signal that something was added.
#[derive(Debug)]
pub(super) struct Log {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    journal: Option<(Journal, bool)>,
}

#[derive(Debug)]
pub(super) struct State {
    pub requests: Vec<Received>,
    pub script: Script,
    /// How many requests each `webhook-id` has made, for sequences.
    pub seen: HashMap<String, usize>,
    pub connections: u64,
    pub tls_failures: Vec<String>,
    /// Why the record cannot be trusted any more.
    pub broken: Option<String>,
}

impl Log {
    /// The flag beside the journal says whether bodies are written too.
    pub fn new(script: Script, journal: Option<(Journal, bool)>) -> Self {
        let state = State {
            requests: Vec::new(),
            script,
            seen: HashMap::new(),
            connections: 0,
            tls_failures: Vec::new(),
            broken: None,
        };
        Self { state: Mutex::new(state), changed: watch::Sender::new(()), journal }
    }

    /// Records a request and chooses its answer.
    pub fn received(&self, request: Received) -> Result<(usize, Answer)> {
        let mut state = self.state();
        if state.requests.len() >= REQUESTS_MAX {
            state.broken = Some(format!("more than {REQUESTS_MAX} requests"));
        }
        ensure!(state.broken.is_none(), "the receiver stopped recording");
        let State { script, seen, requests, .. } = &mut *state;
        let answer = script.answer(&request, seen);
        requests.push(request);
        let number = requests.len() - 1;
        drop(state);
        self.changed.send_replace(());
        Ok((number, answer))
    }

    /// A status is about to be written.
    pub fn answering(&self, request: usize, status: u16) {
        self.state().requests[request].status = Some(status);
    }

    /// The exchange is over.
    pub fn ended(&self, request: usize, end: End) {
        let mut state = self.state();
        let record = &mut state.requests[request];
        record.ended = true;
        record.complete = end == End::Answered;
        record.cut = end == End::Cut;
        let line = self.journal.as_ref().map(|(journal, with_body)| (journal, record.receipt(*with_body)));
        if let Some((journal, line)) = line
            && let Err(error) = journal.append(&line)
        {
            state.broken = Some(format!("{error:#}"));
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Changes something that waiters may be waiting for.
    pub fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_replace(());
        result
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
