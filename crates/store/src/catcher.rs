//! What is remembered of catchers: a seam of its own beside [`Store`](crate::Store).
//!
//! A captured request is a help for whoever tries things out, not a promise: it may be evicted, it is kept for a day,
//! and a power cut may take the last second of it. So it has its own file and its own thread, and can neither slow a
//! delivery down nor fill the disk that deliveries need.
//!
//! Promise: what is kept never takes more than [`Limits::bytes_max`], whoever sends; the oldest goes first.

pub(crate) mod ledger;
mod memory;

use std::sync::Arc;
use std::time::Duration;

use ringup_core::catcher::{Capture, Catcher, Stamp};
use ringup_core::key::CatcherKey;
use ringup_core::time::Timestamp;

pub use memory::MemoryCatchers;

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

/// What must be remembered of catchers, in verbs.
pub trait CatcherStore: Send + Sync + 'static {
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
