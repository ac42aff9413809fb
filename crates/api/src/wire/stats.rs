//! Counts.

use ringup_app::{AttemptStats, EndpointStats};
use serde::Serialize;
use utoipa::ToSchema;

/// `EndpointStats`. Sending is counted as pending: only the lane knows the difference, and only for a moment.
#[derive(Serialize, ToSchema)]
pub struct EndpointStatsOut {
    success: u64,
    pending: u64,
    sending: u64,
    fail: u64,
    canceled: u64,
}

/// `EndpointCountOut`.
#[derive(Serialize, ToSchema)]
pub struct EndpointCountOut {
    pub active: usize,
    pub disabled: usize,
}

impl EndpointStatsOut {
    pub fn of(stats: EndpointStats) -> EndpointStatsOut {
        let EndpointStats { delivered, standings } = stats;
        EndpointStatsOut {
            success: delivered,
            pending: standings.live,
            sending: 0,
            fail: standings.failed,
            canceled: standings.left_out,
        }
    }
}

/// `EndpointAttemptStats`. What is cancelled was never attempted.
#[derive(Serialize, ToSchema)]
pub struct AttemptStatsOut {
    success: u64,
    fail: u64,
    canceled: u64,
}

impl AttemptStatsOut {
    pub fn of(stats: AttemptStats) -> AttemptStatsOut {
        AttemptStatsOut { success: stats.delivered, fail: stats.failed, canceled: 0 }
    }
}
