//! The end of it: when nothing is under way any more, and what is told then.

use tokio::time::Instant;
use tracing::debug;

use super::Conductor;
use crate::Leftover;

impl Conductor {
    pub(super) fn is_stopped(&self) -> bool {
        let Some(stop) = &self.stop else { return false };
        let too_late = stop.cut && Instant::now() >= stop.deadline;
        self.calling == 0 && (self.in_flight == 0 || too_late)
    }

    pub(super) fn answer_stop(&mut self) {
        debug!(unsettled = self.in_flight, "dispatch stopped");
        if let Some(stop) = &mut self.stop
            && let Some(answer) = stop.answer.take()
        {
            let _ = answer.send(Leftover { interrupted: stop.interrupted });
        }
    }
}
