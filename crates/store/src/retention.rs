//! How long what is kept, and how much there is.

use std::time::Duration;

/// Payloads and attempts separately; zero keeps nothing beyond its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub payloads: Duration,
    pub attempts: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    pub days_removed: usize,
    pub days_compacted: usize,
    /// Payloads that went since their event's own time was over.
    pub payloads_removed: usize,
    pub bytes_freed: u64,
}

/// Totals that must add up: accepted deliveries = delivered + live + ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    pub events: u64,
    pub deliveries_live: u64,
    pub deliveries_ended: u64,
    pub bytes: u64,
}
