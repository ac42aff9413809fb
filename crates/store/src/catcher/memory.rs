//! Catchers kept in memory: the home for tests, and for a house without a folder.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use ringup_core::catcher::{Capture, Catcher, Stamp};
use ringup_core::key::CatcherKey;
use ringup_core::time::Timestamp;

use super::ledger::{Ledger, Name, cost};
use super::{CatcherFile, Limits, Range, Remembered, Usage};
use crate::seam::{Answer, StoreError};

/// Clones are handles on the same home.
#[derive(Clone, Debug)]
pub struct MemoryCatchers(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    catchers: BTreeMap<CatcherKey, (Catcher, u64)>,
    requests: BTreeMap<Name, Arc<Capture>>,
    ledger: Ledger,
    last_key: i64,
    open: bool,
}

impl MemoryCatchers {
    pub fn new(limits: Limits) -> MemoryCatchers {
        let ledger = Ledger::new(limits);
        let state = State { catchers: BTreeMap::new(), requests: BTreeMap::new(), ledger, last_key: 0, open: true };
        MemoryCatchers(Arc::new(Mutex::new(state)))
    }

    /// As after a restart: everything is there, and verbs work again.
    pub fn reopen(&self) -> MemoryCatchers {
        self.lock().open = true;
        self.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<'a, T: Send + 'a>(
        &'a self,
        verb: impl FnOnce(&mut State) -> Result<T, StoreError> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let mut state = self.lock();
            if state.open { verb(&mut state) } else { Err(closed()) }
        })
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store of the catchers is closed".into())
}

impl State {
    fn forget(&mut self, gone: &[Name]) -> usize {
        gone.iter().filter(|name| self.requests.remove(name).is_some()).count()
    }
}

impl CatcherFile for MemoryCatchers {
    fn load(&self) -> Answer<'_, Vec<Remembered>> {
        self.run(|state| {
            let events = |key: CatcherKey| {
                let own = state.requests.range((key, 0)..=(key, u64::MAX));
                own.map(|((_, number), capture)| (capture.event.clone(), *number)).collect()
            };
            let remembered = |(key, (catcher, last)): (&CatcherKey, &(Catcher, u64))| Remembered {
                catcher: catcher.clone(),
                last_number: *last,
                events: events(*key),
            };
            Ok(state.catchers.iter().map(remembered).collect())
        })
    }

    fn put(&self, mut catcher: Catcher) -> Answer<'_, CatcherKey> {
        self.run(move |state| {
            let taken =
                |(other, _): &&(Catcher, u64)| other.write_token == catcher.write_token && other.key != catcher.key;
            if state.catchers.values().any(|found| taken(&found)) {
                return Err(StoreError::Conflict("write token"));
            }
            if catcher.key == CatcherKey(0) {
                state.last_key += 1;
                catcher.key = CatcherKey(state.last_key);
                state.catchers.insert(catcher.key, (catcher, 0));
                return Ok(CatcherKey(state.last_key));
            }
            let found = state.catchers.get_mut(&catcher.key).ok_or(StoreError::NotFound)?;
            let key = catcher.key;
            found.0 = catcher;
            Ok(key)
        })
    }

    fn remove(&self, catcher: CatcherKey) -> Answer<'_, ()> {
        self.run(move |state| {
            state.catchers.remove(&catcher).ok_or(StoreError::NotFound)?;
            let gone = state.ledger.remove(catcher, None);
            state.forget(&gone);
            Ok(())
        })
    }

    fn capture(&self, capture: Capture) -> Result<(), StoreError> {
        let mut state = self.lock();
        if !state.open {
            return Err(closed());
        }
        let name = (capture.catcher, capture.number);
        match state.catchers.get_mut(&capture.catcher) {
            Some((_, last)) if *last < capture.number => *last = capture.number,
            _ => return Ok(()),
        }
        let gone = state.ledger.add(name, cost(&capture), capture.at);
        state.requests.insert(name, Arc::new(capture));
        state.forget(&gone);
        Ok(())
    }

    fn stamp(&self, catcher: CatcherKey, number: u64, stamp: Stamp) {
        if let Some(capture) = self.lock().requests.get_mut(&(catcher, number)) {
            Arc::make_mut(capture).stamp = Some(stamp);
        }
    }

    fn requests(&self, catcher: CatcherKey, range: Range, bodies: bool) -> Answer<'_, Vec<Arc<Capture>>> {
        self.run(move |state| {
            let shown = |capture: &Arc<Capture>| {
                if bodies {
                    capture.clone()
                } else {
                    Arc::new(Capture { body: Bytes::new(), ..Capture::clone(capture) })
                }
            };
            let rows = |from: u64, to: u64| state.requests.range((catcher, from)..=(catcher, to)).map(|(_, row)| row);
            Ok(match range {
                Range::After { number: u64::MAX, .. } | Range::Before { number: 0, .. } => Vec::new(),
                Range::After { number, rows_max } => rows(number + 1, u64::MAX).take(rows_max).map(shown).collect(),
                Range::Before { number, rows_max } => rows(0, number - 1).rev().take(rows_max).map(shown).collect(),
            })
        })
    }

    fn request(&self, catcher: CatcherKey, number: u64) -> Answer<'_, Option<Arc<Capture>>> {
        self.run(move |state| Ok(state.requests.get(&(catcher, number)).cloned()))
    }

    fn clear(&self, catcher: CatcherKey, number: Option<u64>) -> Answer<'_, usize> {
        self.run(move |state| {
            let gone = state.ledger.remove(catcher, number);
            Ok(state.forget(&gone))
        })
    }

    fn expire(&self, now: Timestamp) -> Answer<'_, usize> {
        self.run(move |state| {
            let gone = state.ledger.expire(now);
            Ok(state.forget(&gone))
        })
    }

    fn usage(&self) -> Answer<'_, Usage> {
        self.run(|state| {
            let (requests, bytes) = (state.ledger.len(), state.ledger.bytes());
            Ok(Usage { catchers: state.catchers.len(), requests, bytes, lost: 0 })
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.lock().open = false;
            Ok(())
        })
    }
}
