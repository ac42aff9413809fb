//! Endpoints that get nothing any more: what waits for them is ended, and what asks to be stopped is stopped.

use ringup_core::delivery::Ended;
use ringup_core::endpoint::{Stopped, StoppedBy};
use ringup_core::key::EndpointKey;
use ringup_core::time::Tick;
use ringup_store::catalogue::Catalogue;
use ringup_store::seam::StoreError;
use tracing::{error, info, warn};

use super::{Conductor, Emptying, READ_AGAIN};
use crate::intake::Message;
use crate::lane::Lane;

/// Times that stopping an endpoint is tried, a second apart; its next bad answer begins anew.
const STOP_AGAIN_MAX: u32 = 60;

/// Deliveries of a stopped endpoint ended in one commit.
const END_AT_ONCE: usize = 1_000;

impl Conductor {
    pub(super) fn on_configuration(&mut self) {
        let directory = self.shell.catalogue.directory();
        let now = self.shell.steady.now();
        let mut stopped = Vec::new();
        for (key, slot) in &mut self.lanes {
            match directory.endpoint(*key) {
                None => stopped.push((*key, Ended::Cancelled)),
                Some(view) if view.endpoint.stopped.is_some() => stopped.push((*key, Ended::Skipped)),
                Some(view) => {
                    slot.emptying = if slot.emptying == Emptying::Done { Emptying::No } else { slot.emptying };
                    slot.lane.configure(&view.settings, now);
                }
            }
        }
        for (endpoint, how) in stopped {
            if self.lanes.get(&endpoint).is_some_and(|slot| slot.emptying == Emptying::No) {
                self.empty(endpoint, how);
            }
        }
    }

    /// Ends what an endpoint has waiting, since it gets nothing any more.
    pub(super) fn empty(&mut self, endpoint: EndpointKey, how: Ended) {
        let Some(slot) = self.lanes.get_mut(&endpoint) else { return };
        if slot.emptying == Emptying::UnderWay {
            return;
        }
        slot.emptying = Emptying::UnderWay;
        let freed = slot.lane.held_bytes();
        slot.lane.drop_held();
        self.held_bytes = self.held_bytes.saturating_sub(freed);
        let except = slot.lane.under_way();
        self.end_waiting(endpoint, how, except);
    }

    pub(super) fn is_emptying(&self, endpoint: EndpointKey) -> bool {
        self.lanes.get(&endpoint).is_some_and(|slot| slot.emptying == Emptying::UnderWay)
    }

    pub(super) fn end_waiting(&self, endpoint: EndpointKey, how: Ended, except: Vec<Tick>) {
        let now = self.shell.steady.now();
        let shell = self.shell.clone();
        self.shell.tasks.spawn(async move {
            let store = shell.catalogue.store();
            let all = loop {
                match is_over(&shell.catalogue, endpoint).await {
                    Ok(true) => {}
                    Ok(false) => break false,
                    Err(error) => {
                        warn!(%error, "cannot read whether an endpoint is stopped, trying again");
                        tokio::time::sleep(READ_AGAIN).await;
                        break false;
                    }
                }
                match store.end_waiting(endpoint, how, now, except.clone(), END_AT_ONCE).await {
                    Ok(count) if count < END_AT_ONCE => break true,
                    Ok(_) => {}
                    Err(error) => {
                        warn!(%error, "cannot end the deliveries of a stopped endpoint, trying again");
                        tokio::time::sleep(READ_AGAIN).await;
                        break false;
                    }
                }
            };
            let _ = shell.messages.send(Message::Emptied { endpoint, all });
        });
    }

    pub(super) fn on_emptied(&mut self, endpoint: EndpointKey, all: bool) {
        let Some(slot) = self.lanes.get_mut(&endpoint) else {
            if !all {
                // A deleted endpoint without a lane: looking for it begins its end anew.
                self.visit(endpoint, Lane::miss);
            }
            return;
        };
        slot.emptying = if all { Emptying::Done } else { Emptying::No };
        if !all {
            slot.lane.read_again();
        }
        // What came meanwhile is looked at now, whether the endpoint is still stopped or was enabled again.
        self.attend(endpoint);
    }

    pub(super) fn stop_endpoint(&self, endpoint: EndpointKey, by: StoppedBy) {
        let shell = self.shell.clone();
        self.shell.tasks.spawn(async move {
            let stopped = Stopped { by, at: shell.steady.now() };
            for _ in 0..STOP_AGAIN_MAX {
                match shell.catalogue.stop_endpoint(endpoint, stopped).await {
                    Ok(true) => return info!(endpoint = endpoint.0, %by, "endpoint stopped"),
                    Ok(false) => return,
                    Err(error) => warn!(%error, endpoint = endpoint.0, %by, "cannot stop an endpoint, trying again"),
                }
                tokio::time::sleep(READ_AGAIN).await;
            }
            error!(endpoint = endpoint.0, %by, "an endpoint that was to be stopped is still called");
        });
    }
}

/// Whether an endpoint gets nothing any more, also by what other nodes did a moment ago: one of them may have made or
/// enabled it, and have accepted events for it since.
async fn is_over(catalogue: &Catalogue, endpoint: EndpointKey) -> Result<bool, StoreError> {
    catalogue.refresh().await?;
    Ok(catalogue.directory().endpoint(endpoint).is_none_or(|view| view.endpoint.stopped.is_some()))
}
