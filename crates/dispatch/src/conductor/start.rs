//! Starting what may start, in fair turn.

use std::sync::Arc;

use ringup_core::delivery::Ended;
use ringup_core::key::EndpointKey;
use ringup_core::time::Timestamp;
use ringup_egress::prepared::Prepared;
use ringup_store::directory::EndpointView;

use super::{Conductor, Emptying, Slot};
use crate::attempt::{Begun, Shell};
use crate::lane::Take;

impl Conductor {
    pub(super) fn start_what_may(&mut self) {
        if self.stop.is_some() {
            return;
        }
        let now = self.shell.steady.now();
        while self.in_flight < self.plan.in_flight_max {
            let Some((_, endpoint)) = self.turn.take() else { return };
            self.start_one(endpoint, now);
        }
    }

    fn start_one(&mut self, endpoint: EndpointKey, now: Timestamp) {
        let Some(view) = self.shell.catalogue.directory().endpoint(endpoint) else {
            return self.empty(endpoint, Ended::Cancelled);
        };
        if view.endpoint.stopped.is_some() {
            return self.empty(endpoint, Ended::Skipped);
        }
        if !self.check_epoch(endpoint) {
            return;
        }
        let Some(slot) = self.lanes.get_mut(&endpoint) else { return };
        if slot.emptying == Emptying::UnderWay {
            return;
        }
        let prepared = slot.prepared(&view, &self.shell, now);
        let before = slot.lane.held_bytes();
        let taken = slot.lane.take(now);
        self.held_bytes = (self.held_bytes + slot.lane.held_bytes()).saturating_sub(before);
        match taken {
            Take::Start(entry) => {
                let pass = slot.lane.breaker.on_start(now);
                let (in_flight, backlog, epoch) = (slot.lane.calling(), slot.lane.has_ready(), slot.lane.epoch);
                self.in_flight += 1;
                self.calling += 1;
                self.shell.begin(Begun { entry, view, prepared, pass, in_flight, backlog, epoch });
                self.attend(endpoint);
            }
            Take::Wait(until) => self.set_alarm(endpoint, until),
            Take::Idle => {}
        }
    }
}

impl Slot {
    fn prepared(&mut self, view: &EndpointView, shell: &Shell, now: Timestamp) -> Arc<Prepared> {
        if let Some(prepared) = &self.prepared
            && prepared.revision == view.revision
        {
            return prepared.clone();
        }
        self.lane.configure(&view.settings, now);
        let fresh = Arc::new(Prepared::new(
            &view.endpoint,
            view.settings.retry_plan(),
            view.revision,
            &shell.egress,
            &shell.tokens,
        ));
        self.prepared = Some(fresh.clone());
        fresh
    }
}
