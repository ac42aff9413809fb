//! Deliveries whose publishers put them off, in memory since their time is near. They hold up nobody; when their time
//! has come they stand where their acceptance puts them among those that wait.

use std::collections::BTreeMap;

use ringup_core::time::{Tick, Timestamp};

use super::Entry;

#[derive(Default)]
pub(super) struct Later {
    by_time: BTreeMap<(Timestamp, Tick), Entry>,
    times: BTreeMap<Tick, Timestamp>,
}

impl Later {
    pub(super) fn put(&mut self, at: Timestamp, entry: Entry) {
        let entry = Entry { put_off: true, ..entry };
        self.times.insert(entry.tick(), at);
        self.by_time.insert((at, entry.tick()), entry);
    }

    pub(super) fn holds(&self, tick: Tick) -> bool {
        self.times.contains_key(&tick)
    }

    pub(super) fn take(&mut self, tick: Tick) -> Option<Entry> {
        let at = self.times.remove(&tick)?;
        self.by_time.remove(&(at, tick))
    }

    /// One whose time has come.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Entry> {
        let tick = self.first_at().filter(|at| *at <= now).and(self.by_time.keys().next().map(|(_, tick)| *tick))?;
        self.take(tick)
    }

    pub(super) fn first_at(&self) -> Option<Timestamp> {
        self.by_time.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.by_time.clear();
        self.times.clear();
    }
}
