//! Whom a store tells of its commits.

use ringup_core::delivery::DeliveryKey;
use ringup_core::key::EndpointKey;
use ringup_core::time::{Tick, Timestamp};
use tokio::sync::oneshot;

use crate::seam::{Fresh, Loaded};

/// Told of commits, once for each commit group. Must not block: it runs where publishers are being answered.
pub trait Listener: Send + Sync {
    /// Deliveries that are durable now and want their first attempt.
    fn accepted(&self, fresh: Vec<Fresh>);
    /// These settlements are durable.
    fn settled(&self, keys: Vec<DeliveryKey>);
    /// A delivery was brought back by `resend`.
    fn resent(&self, loaded: Loaded);
    /// Deliveries of the endpoint were brought back; the oldest is of this event.
    fn recalled(&self, endpoint: EndpointKey, oldest: Tick);
    /// These were live and are cancelled: their payload is gone.
    fn discarded(&self, keys: Vec<DeliveryKey>);

    // --- from a home that several nodes share

    /// Other accounts are this node's now than before, as `Store::owns` says: what it holds of others goes, and what it has
    /// got is looked for. `parted` is told once nothing is under way of what it has no more.
    fn moved(&self, _parted: Option<oneshot::Sender<()>>) {}
    /// What came of these is not kept, since they are another node's by now.
    fn refused(&self, _keys: Vec<DeliveryKey>) {}
    /// What other nodes accepted for this one is about to be read: what is settled from now on may look live in it.
    fn looking(&self) {}
    /// Another node accepted these for this one, and they are durable.
    fn found(&self, _found: Vec<Loaded>) {}
    /// Other nodes have logged attempts.
    fn grown(&self) {}
    /// Another node accepted something for this one that is due then.
    fn put_off(&self, _until: Timestamp) {}
}
