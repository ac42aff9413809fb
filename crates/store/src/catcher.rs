//! What is remembered of catchers: a seam of its own beside [`Store`](crate::Store).
//!
//! A captured request is a help for whoever tries things out, not a promise: it may be evicted, it is kept for a day,
//! and a power cut may take the last second of it. On one machine it has its own file and its own thread, and can neither
//! slow a delivery down nor fill the disk that deliveries need. Nodes on a database keep it there, in tables of its own and
//! with commits that wait for no disk, so that each of them catches for every catcher and shows what any other one caught.
//!
//! Promise: what is kept never takes more than [`Limits::bytes_max`], whoever sends; the oldest goes first.

pub(crate) mod ledger;
mod local;
mod memory;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use ringup_core::catcher::{Capture, Catcher, Sighting, Stamp};
use ringup_core::id::CatcherId;
use ringup_core::key::{AccountKey, CatcherKey};
use ringup_core::time::Timestamp;
use tokio::sync::watch;

pub use local::LocalCatchers;
pub use memory::MemoryCatchers;

pub use crate::postgres::PostgresCatchers;
use crate::seam::{Answer, StoreError};
pub use crate::sqlite::SqliteCatchers;

/// What is kept, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one catcher.
    pub requests_max: usize,
    /// Bytes of everything: requests, index and journal.
    pub bytes_max: u64,
    /// How long a request is kept.
    pub keep: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { requests_max: 100, bytes_max: 64 * 1024 * 1024, keep: Duration::from_hours(24) }
    }
}

/// The least that [`Limits::bytes_max`] can be: below it the journal alone would not fit.
pub const BYTES_MAX_LEAST: u64 = 16 * 1024 * 1024;

/// Catchers and what they catch, in verbs.
pub trait CatcherStore: Send + Sync + 'static {
    /// All of an account, oldest first.
    fn of_account(&self, account: AccountKey) -> Answer<'_, Vec<Standing>>;

    fn find(&self, id: CatcherId) -> Answer<'_, Option<Standing>>;

    /// Whose URL has this token.
    fn addressed(&self, write_token: String) -> Answer<'_, Option<Arc<Catcher>>>;

    /// Key zero creates; the answer has the key given. Keys are never given twice. A changed script begins anew. Durable
    /// when it answers. `NotFound` for a key that is unknown, `Conflict` for a write token that is taken.
    fn put(&self, catcher: Catcher) -> Answer<'_, Arc<Catcher>>;

    /// With its requests. `NotFound` where there is none.
    fn remove(&self, catcher: CatcherKey) -> Answer<'_, ()>;

    /// Starts its script from the first step, for every event.
    fn restart(&self, catcher: CatcherKey) -> Answer<'_, ()>;

    /// Counts a request of this event, and keeps what `shown` makes of it. Once it answers, the request is read by
    /// everybody. `NotFound` for a catcher that is gone, `Unavailable` while more comes than can be kept.
    fn take(&self, catcher: CatcherKey, event: Option<String>, shown: Shown) -> Answer<'_, Taken>;

    /// How an answer ended. Never waits; lost if the request is gone or too much waits.
    fn stamp(&self, catcher: CatcherKey, number: u64, stamp: Stamp);

    /// Requests of a catcher, without bodies unless asked for.
    fn requests(&self, catcher: CatcherKey, range: Range, bodies: bool) -> Answer<'_, Vec<Arc<Capture>>>;

    fn request(&self, catcher: CatcherKey, number: u64) -> Answer<'_, Option<Arc<Capture>>>;

    /// Forgets one request, or all of a catcher; answers how many.
    fn clear(&self, catcher: CatcherKey, number: Option<u64>) -> Answer<'_, usize>;

    /// Forgets what is older than is kept; answers how many.
    fn expire(&self, now: Timestamp) -> Answer<'_, usize>;

    fn usage(&self) -> Answer<'_, Usage>;

    /// Wakes with each request that comes in, and with whatever else changes what is shown of a catcher, wherever it
    /// happens; the value is the last number given. Ends when the catcher is removed. `None`: there is none.
    fn news(&self, catcher: CatcherKey) -> Answer<'_, Option<watch::Receiver<u64>>>;

    /// Lets everybody go who waits for news.
    fn end_waits(&self);

    /// Writes what was taken in, and lets go of where it is kept. Verbs fail afterwards.
    fn close(&self) -> Answer<'_, ()>;
}

/// A catcher, and where its script stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub catcher: Arc<Catcher>,
    /// Requests since the script began.
    pub requests: u64,
    /// How many of them were of the event that was new last.
    pub of_newest: u64,
}

/// A request that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// As it is when the request is counted.
    pub catcher: Arc<Catcher>,
    pub sighting: Sighting,
    pub number: u64,
}

/// What is kept of a request that was counted. Asked again where keeping it failed.
pub type Shown = Arc<dyn Fn(&Taken) -> Capture + Send + Sync>;

/// What a file remembers of catchers, in verbs: one process has it, and counts.
pub trait CatcherFile: Send + Sync + 'static {
    /// Every catcher, with what is kept of its events. Asked once, at start.
    fn load(&self) -> Answer<'_, Vec<Remembered>>;

    /// Key zero creates and answers the key given; keys are never given twice. Durable when it answers. `NotFound` for
    /// a key that is unknown, `Conflict` for a write token that is taken.
    fn put(&self, catcher: Catcher) -> Answer<'_, CatcherKey>;

    /// With its requests. `NotFound` where there is none.
    fn remove(&self, catcher: CatcherKey) -> Answer<'_, ()>;

    /// Takes a request in: it is read from then on, and is in the file soon. Never waits. Numbers of one catcher must grow; one that
    /// does not, or whose catcher is gone, is dropped. `Unavailable` while more waits for the disk than is sensible.
    fn capture(&self, capture: Capture) -> Result<(), StoreError>;

    /// How an answer ended. Never waits; lost if the request is gone or too much waits.
    fn stamp(&self, catcher: CatcherKey, number: u64, stamp: Stamp);

    /// Requests of a catcher, without bodies unless asked for.
    fn requests(&self, catcher: CatcherKey, range: Range, bodies: bool) -> Answer<'_, Vec<Arc<Capture>>>;

    fn request(&self, catcher: CatcherKey, number: u64) -> Answer<'_, Option<Arc<Capture>>>;

    /// Forgets one request, or all of a catcher; answers how many.
    fn clear(&self, catcher: CatcherKey, number: Option<u64>) -> Answer<'_, usize>;

    /// Forgets what is older than is kept; answers how many.
    fn expire(&self, now: Timestamp) -> Answer<'_, usize>;

    fn usage(&self) -> Answer<'_, Usage>;

    /// Writes what was taken in, and lets go of the file. Verbs fail afterwards.
    fn close(&self) -> Answer<'_, ()>;
}

/// A catcher as it is found at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub catcher: Catcher,
    /// The last number given, even if that request is gone.
    pub last_number: u64,
    /// Events of the requests that are kept, oldest first, with their numbers.
    pub events: Vec<(Option<String>, u64)>,
}

/// A stretch of a catcher's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Those after a number, oldest first.
    After { number: u64, rows_max: usize },
    /// Those before a number, newest first; `u64::MAX` begins with the newest.
    Before { number: u64, rows_max: usize },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub catchers: usize,
    pub requests: usize,
    /// What they count for, at most [`Limits::bytes_max`].
    pub bytes: u64,
    /// Requests that the file could not take since the start.
    pub lost: u64,
}

/// What catchers are found by: so that the time a look takes says nothing about tokens.
pub(crate) fn token_hash(write_token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, write_token.as_bytes()).as_ref());
    hash
}
