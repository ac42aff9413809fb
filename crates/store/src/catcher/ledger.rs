//! Who pays for what is kept, and who goes when it is too much. No file, no lock, no clock.

use std::collections::{BTreeMap, VecDeque};

use ringup_core::catcher::Capture;
use ringup_core::key::CatcherKey;
use ringup_core::time::Timestamp;

use super::Limits;

/// A request counts in whole pages of this many bytes, as a file keeps it; so the sum bounds the file, whatever sizes
/// come in which order.
pub(crate) const PAGE_BYTES: u64 = 4_096;

/// What a row takes besides what is counted one by one.
const ROW_BYTES: u64 = 256;

/// The share of all bytes that is left to the journal, the catchers themselves and half-empty pages.
const RESERVE_SHARE: u64 = 4;

/// What is kept, oldest first.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: Limits,
    bytes: u64,
    entries: BTreeMap<u64, Entry>,
    /// For each catcher the places of its entries.
    places: BTreeMap<CatcherKey, VecDeque<u64>>,
    next_place: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    catcher: CatcherKey,
    number: u64,
    bytes: u64,
    at: Timestamp,
}

pub(crate) type Name = (CatcherKey, u64);

impl Ledger {
    pub(crate) fn new(limits: Limits) -> Ledger {
        Ledger { limits, bytes: 0, entries: BTreeMap::new(), places: BTreeMap::new(), next_place: 0 }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a request; answers who has to go for it, which may be itself.
    pub(crate) fn add(&mut self, name: Name, bytes: u64, at: Timestamp) -> Vec<Name> {
        let (catcher, number) = name;
        self.entries.insert(self.next_place, Entry { catcher, number, bytes, at });
        self.places.entry(catcher).or_default().push_back(self.next_place);
        self.next_place += 1;
        self.bytes += bytes;
        let mut gone = Vec::new();
        while self.places.get(&catcher).is_some_and(|places| places.len() > self.limits.requests_max) {
            let oldest = self.places.get(&catcher).and_then(|places| places.front().copied());
            gone.extend(oldest.and_then(|place| self.take(place)));
        }
        while self.bytes > room(self.limits) {
            let Some(oldest) = self.entries.keys().next().copied() else { break };
            gone.extend(self.take(oldest));
        }
        gone
    }

    /// What is older than is kept.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<Name> {
        let before = now.saturating_sub(self.limits.keep);
        // Looked at whole: after a step of the clock the oldest need not lie first.
        let old: Vec<u64> =
            self.entries.iter().filter(|(_, entry)| entry.at < before).map(|(place, _)| *place).collect();
        old.into_iter().filter_map(|place| self.take(place)).collect()
    }

    /// One request, or all of a catcher.
    pub(crate) fn remove(&mut self, catcher: CatcherKey, number: Option<u64>) -> Vec<Name> {
        let wanted = |place: &u64| {
            let entry = self.entries.get(place);
            entry.is_some_and(|entry| number.is_none_or(|number| entry.number == number))
        };
        let places: Vec<u64> = self.places.get(&catcher).into_iter().flatten().copied().filter(wanted).collect();
        places.into_iter().filter_map(|place| self.take(place)).collect()
    }

    fn take(&mut self, place: u64) -> Option<Name> {
        let entry = self.entries.remove(&place)?;
        self.bytes -= entry.bytes;
        if let Some(places) = self.places.get_mut(&entry.catcher) {
            // Nearly always the first one.
            if let Some(at) = places.iter().position(|other| *other == place) {
                places.remove(at);
            }
            if places.is_empty() {
                self.places.remove(&entry.catcher);
            }
        }
        Some((entry.catcher, entry.number))
    }
}

/// What requests may count for, all together.
pub(crate) fn room(limits: Limits) -> u64 {
    limits.bytes_max - limits.bytes_max / RESERVE_SHARE
}

/// What a request counts for.
pub(crate) fn cost(capture: &Capture) -> u64 {
    let texts = [&capture.method, &capture.target, &capture.version, &capture.signature, &capture.answer];
    let texts: usize = texts.iter().map(|text| text.len()).sum();
    let event = capture.event.as_ref().map_or(0, String::len);
    let bytes = (texts + event + capture.head.len()) as u64 + capture.kept_bytes + ROW_BYTES;
    bytes.div_ceil(PAGE_BYTES) * PAGE_BYTES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn ledger(requests_max: usize, bytes_max: u64) -> Ledger {
        Ledger::new(Limits { requests_max, bytes_max, ..Limits::default() })
    }

    #[test]
    fn a_full_catcher_loses_its_oldest() {
        let mut ledger = ledger(2, 64 * MIB);
        let one = CatcherKey(1);
        assert_eq!(ledger.add((one, 1), 4_096, Timestamp::default()), []);
        assert_eq!(ledger.add((CatcherKey(2), 1), 4_096, Timestamp::default()), []);
        assert_eq!(ledger.add((one, 2), 4_096, Timestamp::default()), []);
        assert_eq!(ledger.add((one, 3), 4_096, Timestamp::default()), [(one, 1)]);
        assert_eq!((ledger.len(), ledger.bytes()), (3, 3 * 4_096));
    }

    #[test]
    fn a_full_house_loses_its_oldest_whoever_has_it() {
        let mut ledger = ledger(100, 16 * MIB);
        ledger.add((CatcherKey(1), 1), 6 * MIB, Timestamp::default());
        ledger.add((CatcherKey(2), 1), 6 * MIB, Timestamp::default());
        let gone = ledger.add((CatcherKey(2), 2), 6 * MIB, Timestamp::default());
        assert_eq!(gone, [(CatcherKey(1), 1)]);
        assert_eq!(ledger.bytes(), 12 * MIB);
    }

    proptest! {
        #[test]
        fn the_bounds_hold_whatever_comes(
            requests in prop::collection::vec((0_i64..5, 1_u64..400_000, 0_i64..100), 1..300),
        ) {
            let mut ledger = ledger(10, 16 * MIB);
            let mut kept = std::collections::BTreeMap::new();
            for (number, (catcher, bytes, at)) in requests.into_iter().enumerate() {
                let name = (CatcherKey(catcher), number as u64);
                kept.insert(name, bytes);
                for gone in ledger.add(name, bytes, Timestamp::from_secs(at)) {
                    prop_assert!(kept.remove(&gone).is_some());
                }
                prop_assert!(ledger.bytes() <= 12 * MIB);
                prop_assert_eq!(ledger.bytes(), kept.values().sum::<u64>());
                prop_assert_eq!(ledger.len(), kept.len());
                prop_assert!(kept.keys().filter(|(key, _)| *key == CatcherKey(catcher)).count() <= 10);
            }
        }
    }
}
