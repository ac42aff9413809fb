//! Who waits to hear what comes of a delivery: a till, while its sale goes the way of deliveries.
//!
//! In memory alone and only a hint: what came is in the store before it is told, and whoever comes later looks there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringup_core::breaker::Verdict;
use ringup_core::hook::Judgement;
use tokio::sync::watch;

/// The random part of the event's id, which is known before the event is stored.
type Name = [u8; 12];

#[derive(Clone, Default)]
pub struct Waits(Arc<Mutex<HashMap<Name, watch::Sender<Option<Came>>>>>);

/// What came of one attempt of a question that writes; durable when it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Came {
    pub judgement: Judgement,
    pub verdict: Verdict,
    /// It is asked again by the retry policy.
    pub queued: bool,
}

/// Hears of attempts that end from its beginning on.
pub struct Wait {
    name: Name,
    came: watch::Receiver<Option<Came>>,
    waits: Waits,
}

impl Waits {
    /// Bounded by its callers: each till that waits holds one.
    pub fn begin(&self, name: Name) -> Wait {
        let came = self.lock().entry(name).or_insert_with(|| watch::Sender::new(None)).subscribe();
        Wait { name, came, waits: self.clone() }
    }

    pub fn tell(&self, name: Name, came: Came) {
        if let Some(sender) = self.lock().get(&name) {
            sender.send_replace(Some(came));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, watch::Sender<Option<Came>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait {
    /// What comes of the next attempt.
    pub async fn next(&mut self) -> Option<Came> {
        self.came.changed().await.ok()?;
        self.came.borrow_and_update().clone()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut waits = self.waits.lock();
        // This one is still counted.
        if waits.get(&self.name).is_some_and(|sender| sender.receiver_count() <= 1) {
            waits.remove(&self.name);
        }
    }
}
