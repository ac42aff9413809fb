//! Who is told of a commit: one task answers publishers and wakes the listener, for a whole group at once.

use std::sync::Arc;

use ringup_core::delivery::DeliveryKey;
use ringup_core::key::EndpointKey;
use ringup_core::time::Tick;
use tokio::sync::mpsc;

use super::inbox::Reply;
use super::shared::Shared;
use crate::seam::{Acceptance, Fresh, Loaded, Recalled, Resent, StoreError};

/// Groups that may be told late. A commit takes longer than telling, so there are seldom two.
pub(super) const GROUPS_MAX: usize = 64;

/// What a commit did.
#[derive(Default)]
pub(super) struct Committed {
    pub(super) answers: Vec<Told>,
    pub(super) fresh: Vec<Fresh>,
    pub(super) settled: Vec<DeliveryKey>,
    pub(super) resent: Vec<Loaded>,
    /// Endpoints, each with the oldest event of what was brought back.
    pub(super) recalled: Vec<(EndpointKey, Tick)>,
    pub(super) discarded: Vec<DeliveryKey>,
}

pub(super) enum Told {
    Accepted(Reply<Vec<Acceptance>>, Result<Vec<Acceptance>, StoreError>),
    Ended(Reply<usize>, Result<usize, StoreError>),
    Resent(Reply<Resent>, Result<Resent, StoreError>),
    Recalled(Reply<Vec<Recalled>>, Result<Vec<Recalled>, StoreError>),
    Expunged(Reply<()>, Result<(), StoreError>),
}

/// Ends with the writer.
pub(super) async fn tell(mut committed: mpsc::Receiver<Committed>, shared: Arc<Shared>) {
    while let Some(committed) = committed.recv().await {
        for answer in committed.answers {
            // Whoever asked may have gone; what they asked for is done all the same.
            match answer {
                Told::Accepted(reply, answer) => drop(reply.send(answer)),
                Told::Ended(reply, answer) => drop(reply.send(answer)),
                Told::Resent(reply, answer) => drop(reply.send(answer)),
                Told::Recalled(reply, answer) => drop(reply.send(answer)),
                Told::Expunged(reply, answer) => drop(reply.send(answer)),
            }
        }
        let Some(listener) = shared.listener() else { continue };
        if !committed.fresh.is_empty() {
            listener.accepted(committed.fresh);
        }
        if !committed.settled.is_empty() {
            listener.settled(committed.settled);
        }
        for loaded in committed.resent {
            listener.resent(loaded);
        }
        for (endpoint, oldest) in committed.recalled {
            listener.recalled(endpoint, oldest);
        }
        if !committed.discarded.is_empty() {
            listener.discarded(committed.discarded);
        }
    }
}
