//! Reading the store for lanes: what had work at the start, what waits behind a cursor, what has become due.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::{After, DeliveryState};
use ringup_core::key::EndpointKey;
use ringup_core::limits::LANE_REFILL_ROWS;
use ringup_core::time::{Tick, Timestamp};
use ringup_store::Store;
use ringup_store::seam::{Loaded, StoreError};
use tokio::sync::mpsc;
use tracing::warn;

use super::{Conductor, READ_AGAIN, entry};
use crate::intake::Message;
use crate::lane::{Entry, Lane};
use crate::sweep::WINDOW;

impl Conductor {
    pub(super) fn find_work(&self) {
        self.read_later(Duration::ZERO, |store, messages| async move {
            let found = store.endpoints_with_work().await;
            let _ = messages.send(Message::WorkFound(found));
        });
    }

    pub(super) fn on_work_found(&mut self, found: Result<Vec<EndpointKey>, StoreError>) {
        match found {
            Ok(endpoints) => {
                let is_first = !std::mem::replace(&mut self.work_known, true);
                for endpoint in endpoints {
                    // Behind the cursor of a lane that was another node's meanwhile lies what that one left.
                    self.visit(endpoint, if is_first { Lane::miss } else { Lane::read_again });
                }
            }
            Err(error) => {
                warn!(%error, "cannot read what is waiting, trying again");
                self.read_later(READ_AGAIN, |store, messages| async move {
                    let found = store.endpoints_with_work().await;
                    let _ = messages.send(Message::WorkFound(found));
                });
            }
        }
    }

    pub(super) fn refill(&self, endpoint: EndpointKey, after: Tick, scheduled_too: bool) {
        self.read_later(Duration::ZERO, move |store, messages| async move {
            let loaded = store.waiting(endpoint, after, scheduled_too, LANE_REFILL_ROWS).await;
            let _ = messages.send(Message::Refilled { endpoint, asked: LANE_REFILL_ROWS, loaded });
        });
    }

    pub(super) fn on_refilled(&mut self, endpoint: EndpointKey, asked: usize, loaded: Result<Vec<Loaded>, StoreError>) {
        let now = self.shell.steady.now();
        let entries = match loaded {
            Ok(loaded) => Some(loaded.into_iter().map(|loaded| begun(loaded, now)).collect()),
            Err(error) => {
                warn!(%error, "cannot read a lane's deliveries, trying again");
                None
            }
        };
        let failed = entries.is_none();
        self.check_epoch(endpoint);
        if let Some(slot) = self.lanes.get_mut(&endpoint) {
            let before = slot.lane.held_bytes();
            slot.lane.refilled(entries, asked);
            self.held_bytes = (self.held_bytes + slot.lane.held_bytes()).saturating_sub(before);
        }
        if failed {
            self.set_alarm(endpoint, now.saturating_add(READ_AGAIN));
        } else {
            self.attend(endpoint);
        }
    }

    pub(super) fn read_due(&self, now: Timestamp) {
        let held: usize = self.lanes.values().map(|slot| slot.lane.scheduled_held()).sum();
        let asked = self.sweep.rows(held);
        self.read_later(Duration::ZERO, move |store, messages| async move {
            let losses = store.losses();
            let loaded = store.due(now.saturating_add(WINDOW), asked).await;
            let _ = messages.send(Message::Swept { asked, losses, loaded });
        });
    }

    pub(super) fn on_swept(&mut self, asked: usize, losses: u64, loaded: Result<Vec<Loaded>, StoreError>) {
        let now = self.shell.steady.now();
        let settled = self.sweep.end();
        if self.shell.catalogue.store().losses() != losses {
            // Another node may have made some of these meanwhile.
            self.sweep.want(now);
            return;
        }
        let rows = match loaded {
            Ok(rows) => rows,
            Err(error) => {
                warn!(%error, "cannot read what is due, trying again");
                self.sweep.want(now.saturating_add(READ_AGAIN));
                return;
            }
        };
        let full = rows.len() >= asked;
        let mut brought = false;
        for loaded in rows {
            if settled.contains(&loaded.delivery.key) {
                continue;
            }
            if !self.has_room() {
                self.sweep.want(now.saturating_add(READ_AGAIN));
                return;
            }
            brought |= self.visit(loaded.delivery.key.endpoint, |lane| lane.bring(entry(loaded))) == Some(true);
        }
        // As long as there are more, on they come: thousands may have been put off to the same minute.
        let next = match (full, brought) {
            (true, true) => Duration::ZERO,
            (true, false) => READ_AGAIN,
            (false, _) => WINDOW / 2,
        };
        self.sweep.want(now.saturating_add(next));
    }

    pub(super) fn read_later<F>(
        &self,
        pause: Duration,
        read: impl FnOnce(Arc<dyn Store>, mpsc::UnboundedSender<Message>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        let (store, messages) = (self.shell.catalogue.store().clone(), self.shell.messages.clone());
        self.shell.tasks.spawn(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            read(store, messages).await;
        });
    }
}

/// As a lane reads it from the store: what was put off until a time that has passed waits like any other.
fn begun(loaded: Loaded, now: Timestamp) -> Entry {
    let mut entry = entry(loaded);
    match entry.delivery.state {
        DeliveryState::Scheduled(at) if entry.delivery.is_put_off() && at <= now => {
            entry.delivery.state = DeliveryState::Waiting;
        }
        DeliveryState::Scheduled(_) | DeliveryState::Waiting | DeliveryState::Ended(_) => {}
    }
    entry
}

/// Whether a retry is due before the next sweep could bring it; later ones sleep in the store.
pub(super) fn is_near(after: After, now: Timestamp) -> bool {
    match after {
        After::Retry { due_at, .. } => due_at <= now.saturating_add(WINDOW),
        After::Delivered | After::Ended(_) | After::Unchanged => true,
    }
}
