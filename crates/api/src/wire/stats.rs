//! Counts.

use ringup_app::EndpointStats;
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
