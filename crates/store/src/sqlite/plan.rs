//! How the embedded store is set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::fault::Failpoint;
use crate::sealed::SealingKey;

/// How the embedded store is set up. The defaults are measured; tests change some.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Made if it is not there. One server at a time owns it.
    pub data_dir: PathBuf,
    /// Seals secrets; the one in the folder where none is given.
    pub encryption_key: Option<SealingKey>,
    /// How long an event's uid stays taken.
    pub idempotency_window: Duration,
    /// Events that may wait for the writer. Beyond it a publish is refused: the disk is slower than the publishers.
    pub inbox_events_max: usize,
    /// Payload bytes that may wait for the writer.
    pub inbox_bytes_max: usize,
    /// How long settlements wait for an accept to ride along with.
    pub settlement_linger: Duration,
    /// How long a group waits for company while there is load. Never when idle.
    pub company_wait: Duration,
    /// Settlements commit without a sync of their own while the last sync is younger than this: what a power cut may
    /// cost. A killed process loses none.
    pub sync_interval: Duration,
    /// Bytes of a journal from which it is folded into its file beside the writer.
    pub journal_bytes: u64,
    /// Entries of posting lists that are kept in memory before they are sorted and written: 24 bytes each.
    pub chunk_entries: usize,
    /// How long the writer has nothing to do before journals are folded away and leave the disk.
    pub idle: Duration,
    /// Bytes of one page of a new file, a power of two from 512 to 65,536.
    pub page_bytes: u32,
    /// Pages that one day's file may have: a disk that is full and gets room again, for tests.
    pub pages_max: Option<Arc<AtomicU32>>,
    pub failpoint: Option<Arc<Failpoint>>,
}

impl Plan {
    pub fn new(data_dir: impl Into<PathBuf>) -> Plan {
        Plan {
            data_dir: data_dir.into(),
            encryption_key: None,
            idempotency_window: Duration::from_hours(24),
            inbox_events_max: 8_192,
            inbox_bytes_max: 64 * 1024 * 1024,
            settlement_linger: Duration::from_millis(5),
            company_wait: Duration::from_millis(1),
            sync_interval: Duration::from_millis(50),
            journal_bytes: 16 * 1024 * 1024,
            chunk_entries: 65_536,
            idle: Duration::from_secs(3),
            page_bytes: 8 * 1024,
            pages_max: None,
            failpoint: None,
        }
    }
}
