//! Which shards this node has, and under which epoch. Read wherever something is written or begun; never waits.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use ringup_core::shard::{SHARDS, Shard};

pub(super) struct Holding {
    /// Those whose work this node begins, a bit for each.
    owned: AtomicU64,
    /// Under which epoch what comes of it is written; zero: it is another node's.
    epochs: [AtomicI64; SHARDS as usize],
}

impl Default for Holding {
    fn default() -> Holding {
        Holding { owned: AtomicU64::new(0), epochs: [const { AtomicI64::new(0) }; SHARDS as usize] }
    }
}

impl Holding {
    pub(super) fn owns(&self, shard: Shard) -> bool {
        self.owned.load(Ordering::Acquire) & bit(shard) != 0
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
        self.set_epoch(shard, 0) > 0
    }

    /// The same, unless it was taken anew under another epoch since.
    pub(super) fn lose_under(&self, shard: Shard, epoch: i64) -> bool {
        let cell = self.epochs.get(shard.index());
        let lost =
            cell.is_some_and(|cell| cell.compare_exchange(epoch, 0, Ordering::AcqRel, Ordering::Acquire).is_ok());
        if lost {
            self.part(shard);
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
