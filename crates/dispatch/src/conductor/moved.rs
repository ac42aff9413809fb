//! Sharing the work with other nodes: lanes go and come with the accounts that are this node's.

use std::collections::BTreeSet;

use ringup_core::delivery::DeliveryKey;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::shard::Epoch;
use ringup_store::seam::Loaded;
use tokio::sync::oneshot;

use super::{Conductor, entry};

/// What the conductor knows of the other nodes.
#[derive(Default)]
pub struct Others {
    /// Told once nothing is under way of what is another node's.
    parting: Vec<oneshot::Sender<()>>,
    /// While what they accepted is being read: settled since that began, so it may look live there.
    settled: Option<BTreeSet<DeliveryKey>>,
}

impl Others {
    pub fn look(&mut self) {
        self.settled = Some(BTreeSet::new());
    }

    pub fn on_settled(&mut self, key: DeliveryKey) {
        if let Some(settled) = &mut self.settled {
            settled.insert(key);
        }
    }
}

impl Conductor {
    /// Lets go of what is another node's, and looks for what is this one's.
    pub(super) fn on_moved(&mut self, parted: Option<oneshot::Sender<()>>) {
        let endpoints: Vec<EndpointKey> = self.lanes.keys().copied().collect();
        for endpoint in endpoints {
            self.attend(endpoint);
        }
        self.others.parting.extend(parted);
        self.find_work();
        self.sweep.want(self.shell.steady.now());
    }

    /// Of a lane that was begun under another epoch than its account has now, what is not under way is let go: another
    /// node may have done some of it. Answers whether there is a lane that may begin something.
    pub(super) fn check_epoch(&mut self, endpoint: EndpointKey) -> bool {
        let Some(slot) = self.lanes.get_mut(&endpoint) else { return false };
        let epoch = self.shell.catalogue.store().epoch(slot.lane.account);
        if epoch == Some(slot.lane.epoch) {
            return true;
        }
        let before = slot.lane.held_bytes();
        slot.lane.part();
        self.held_bytes = self.held_bytes.saturating_sub(before);
        if slot.lane.is_over() {
            self.forget(endpoint);
        } else if let Some(epoch) = epoch {
            slot.lane.epoch = epoch;
            slot.lane.read_again();
        }
        false
    }

    /// Whether another node may have had the account since.
    pub(super) fn is_stale(&self, account: AccountKey, epoch: Epoch) -> bool {
        self.shell.catalogue.store().epoch(account).is_some_and(|current| current != epoch)
    }

    /// What another node accepted for this one.
    pub(super) fn on_found(&mut self, found: Vec<Loaded>) {
        self.intake.taken(found.len());
        let settled = self.others.settled.take().unwrap_or_default();
        for loaded in found.into_iter().filter(|loaded| !settled.contains(&loaded.delivery.key)) {
            let room = self.has_room() && !self.is_emptying(loaded.delivery.key.endpoint);
            self.visit(loaded.delivery.key.endpoint, |lane| lane.find(entry(loaded), room));
        }
    }

    /// Whoever has them now makes these deliveries again; if that is this node once more, it does.
    pub(super) fn on_refused(&mut self, keys: Vec<DeliveryKey>) {
        for key in keys {
            self.in_flight = self.in_flight.saturating_sub(1);
            self.announced.remove(&key);
            self.heard.remove(&key);
            self.visit(key.endpoint, |lane| {
                lane.settled(key.event);
                lane.read_again_from(key.event);
            });
        }
    }

    pub(super) fn tell_parted(&mut self) {
        let store = self.shell.catalogue.store();
        if self.others.parting.is_empty() || self.lanes.values().any(|slot| !store.owns(slot.lane.account)) {
            return;
        }
        for parted in self.others.parting.drain(..) {
            // Whoever asked may not wait any more.
            let _ = parted.send(());
        }
    }
}
