//! Which shards this node has, under which epoch, and until when. Read wherever something is written or begun; never
//! waits.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use ringup_core::shard::{Epoch, SHARDS, Shard};
use tokio::time::Instant;

pub(super) struct Holding {
    /// Until then nobody else takes what is held, if nothing is heard of this node from now on: nanoseconds from `start`.
    /// Asked with each start of an attempt, since a process that was stopped goes on before it has looked at anything.
    safe: AtomicU64,
    start: Instant,
    losses: AtomicU64,
    /// Those whose work this node begins, a bit for each.
    owned: AtomicU64,
    /// Under which epoch what comes of it is written; zero: it is another node's.
    epochs: [AtomicI64; SHARDS as usize],
}

impl Default for Holding {
    fn default() -> Holding {
        Holding {
            safe: AtomicU64::new(0),
            start: Instant::now(),
            losses: AtomicU64::new(0),
            owned: AtomicU64::new(0),
            epochs: [const { AtomicI64::new(0) }; SHARDS as usize],
        }
    }
}

impl Holding {
    pub(super) fn safe_until(&self) -> Instant {
        self.start + Duration::from_nanos(self.safe.load(Ordering::Acquire))
    }

    /// What is held is known to be so until then. Answers whether there was a time before in which it was not: whoever
    /// asked then was told that nothing is owned.
    pub(super) fn trust(&self, until: Instant) -> bool {
        let until = until.saturating_duration_since(self.start).as_nanos();
        let before = self.safe.swap(u64::try_from(until).unwrap_or(u64::MAX), Ordering::AcqRel);
        self.start + Duration::from_nanos(before) <= Instant::now()
    }

    pub(super) fn owns(&self, shard: Shard) -> bool {
        self.owned.load(Ordering::Acquire) & bit(shard) != 0 && self.is_safe()
    }

    /// Under which epoch work is begun.
    pub(super) fn owned_under(&self, shard: Shard) -> Option<Epoch> {
        // The epoch first: a shard that is lost and taken anew in between is then told under the old one, and refused.
        let epoch = self.epoch(shard)?;
        self.owns(shard).then_some(Epoch(epoch))
    }

    pub(super) fn holds(&self, shard: Shard, epoch: Epoch) -> bool {
        self.epoch(shard) == Some(epoch.0) && self.is_safe()
    }

    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    fn is_safe(&self) -> bool {
        Instant::now() < self.safe_until()
    }

    pub(super) fn owned(&self) -> Vec<Shard> {
        Shard::all().filter(|shard| self.owns(*shard)).collect()
    }

    pub(super) fn owned_numbers(&self) -> Vec<i32> {
        self.owned().into_iter().map(Shard::number).collect()
    }

    pub(super) fn epoch(&self, shard: Shard) -> Option<i64> {
        self.epochs.get(shard.index()).map(|epoch| epoch.load(Ordering::Acquire)).filter(|epoch| *epoch > 0)
    }

    pub(super) fn take(&self, shard: Shard, epoch: i64) {
        self.set_epoch(shard, epoch);
        self.owned.fetch_or(bit(shard), Ordering::AcqRel);
    }

    /// Nothing more of it begins; what is under way is still written.
    pub(super) fn part(&self, shard: Shard) {
        self.owned.fetch_and(!bit(shard), Ordering::AcqRel);
    }

    /// Its work is begun again: it was to be given back, and is not.
    pub(super) fn resume(&self, shard: Shard) {
        self.owned.fetch_or(bit(shard), Ordering::AcqRel);
    }

    /// Nothing of it is written any more. Answers whether it was held.
    pub(super) fn lose(&self, shard: Shard) -> bool {
        self.part(shard);
        let lost = self.set_epoch(shard, 0) > 0;
        self.losses.fetch_add(lost.into(), Ordering::AcqRel);
        lost
    }

    /// The same, unless it was taken anew under another epoch since.
    pub(super) fn lose_under(&self, shard: Shard, epoch: i64) -> bool {
        let cell = self.epochs.get(shard.index());
        let lost =
            cell.is_some_and(|cell| cell.compare_exchange(epoch, 0, Ordering::AcqRel, Ordering::Acquire).is_ok());
        if lost {
            self.part(shard);
            self.losses.fetch_add(1, Ordering::AcqRel);
        }
        lost
    }

    pub(super) fn lose_all(&self) -> bool {
        Shard::all().filter(|shard| self.lose(*shard)).count() > 0
    }

    pub(super) fn has_some(&self) -> bool {
        Shard::all().any(|shard| self.epoch(shard).is_some())
    }

    fn set_epoch(&self, shard: Shard, epoch: i64) -> i64 {
        self.epochs.get(shard.index()).map_or(0, |cell| cell.swap(epoch, Ordering::AcqRel))
    }
}

fn bit(shard: Shard) -> u64 {
    1 << shard.index()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(8);

    fn held() -> (Holding, Shard) {
        let (holding, shard) = (Holding::default(), Shard::all().next().expect("there are some"));
        holding.take(shard, 3);
        (holding, shard)
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_owned_or_goes_out_once_the_lease_is_over_whoever_has_noticed() {
        let (holding, shard) = held();
        assert!(!holding.owns(shard), "before the database was told of this node");
        assert!(holding.trust(Instant::now() + LEASE));
        assert_eq!(holding.owned_under(shard), Some(Epoch(3)));
        assert!(holding.holds(shard, Epoch(3)) && !holding.holds(shard, Epoch(2)));
        tokio::time::advance(LEASE).await;
        assert_eq!(holding.owned_under(shard), None);
        assert!(!holding.owns(shard) && !holding.holds(shard, Epoch(3)));
        assert_eq!(holding.epoch(shard), Some(3), "the database may still say that it is ours");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_was_over_for_a_moment_is_told() {
        let (holding, shard) = held();
        holding.trust(Instant::now() + LEASE);
        tokio::time::advance(LEASE / 2).await;
        assert!(!holding.trust(Instant::now() + LEASE));
        tokio::time::advance(LEASE).await;
        assert!(holding.trust(Instant::now() + LEASE));
        assert!(holding.owns(shard));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_may_still_go_out_and_what_is_lost_may_not() {
        let (holding, shard) = held();
        holding.trust(Instant::now() + LEASE);
        holding.part(shard);
        assert!(!holding.owns(shard) && holding.holds(shard, Epoch(3)));
        assert_eq!(holding.losses(), 0);
        assert!(holding.lose(shard) && !holding.lose(shard));
        assert!(!holding.holds(shard, Epoch(3)));
        assert_eq!(holding.losses(), 1);
    }
}
