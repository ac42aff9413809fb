//! The lanes, for whoever looks on.

use ringup_core::breaker::BreakerState;
use ringup_core::gauge::LaneGauge;

use super::Conductor;

impl Conductor {
    /// Lanes that hold something or whose breaker is not closed.
    pub(super) fn gauges(&self) -> Vec<LaneGauge> {
        let gauges = self.lanes.iter().map(|(endpoint, slot)| LaneGauge {
            endpoint: *endpoint,
            calling: slot.lane.calling(),
            held: slot.lane.held(),
            more: slot.lane.has_more(),
            breaker: slot.lane.breaker.state(),
        });
        gauges
            .filter(|gauge| gauge.calling > 0 || gauge.held > 0 || gauge.more || gauge.breaker != BreakerState::Closed)
            .collect()
    }
}
