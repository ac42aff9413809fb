//! The catchers of one process: found by token and id, with what their scripts have counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringup_core::catcher::{Capture, Catcher, Seen, Stamp};
use ringup_core::id::CatcherId;
use ringup_core::key::{AccountKey, CatcherKey};
use ringup_core::time::Timestamp;
use tokio::sync::watch;

use super::{
    CatcherFile, CatcherStore, Limits, MemoryCatchers, Range, Remembered, Shown, Standing, Taken, Usage, token_hash,
};
use crate::seam::{Answer, StoreError};

/// Catchers that this process alone has.
pub struct LocalCatchers {
    file: Arc<dyn CatcherFile>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    live: HashMap<CatcherKey, Live>,
    by_token: HashMap<[u8; 32], CatcherKey>,
    by_id: HashMap<CatcherId, CatcherKey>,
}

/// One catcher.
struct Live {
    catcher: Arc<Catcher>,
    seen: Seen,
    /// The last number given.
    last: u64,
    /// Tells that number to whoever waits, and every other change by being told again.
    news: watch::Sender<u64>,
}

impl LocalCatchers {
    /// Nothing yet, in memory only.
    pub fn in_memory(limits: Limits) -> LocalCatchers {
        LocalCatchers { file: Arc::new(MemoryCatchers::new(limits)), inner: Mutex::default() }
    }

    /// What a file has. Counters go on where they stood as far as requests are kept.
    pub async fn load(file: Arc<dyn CatcherFile>) -> Result<LocalCatchers, StoreError> {
        let mut inner = Inner::default();
        for Remembered { catcher, last_number, events } in file.load().await? {
            let mut seen = Seen::default();
            for (event, number) in &events {
                seen.remember(event.as_deref(), *number);
            }
            inner.put(Arc::new(catcher), seen, last_number);
        }
        Ok(LocalCatchers { file, inner: Mutex::new(inner) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, key: CatcherKey) {
        if let Some(live) = self.lock().live.get(&key) {
            live.tell();
        }
    }

    fn count(&self, key: CatcherKey, event: Option<&str>, shown: &Shown) -> Result<Taken, StoreError> {
        let mut inner = self.lock();
        let live = inner.live.get_mut(&key).ok_or(StoreError::NotFound)?;
        let number = live.last + 1;
        let sighting = live.seen.count(&live.catcher.script, event, number);
        let taken = Taken { catcher: live.catcher.clone(), sighting, number };
        // Inside the lock, so that numbers reach the file in their order; it only hands over.
        self.file.capture(shown(&taken))?;
        live.last = number;
        live.tell();
        Ok(taken)
    }
}

impl CatcherStore for LocalCatchers {
    fn of_account(&self, account: AccountKey) -> Answer<'_, Vec<Standing>> {
        let inner = self.lock();
        let own = inner.live.values().filter(|live| live.catcher.account == account);
        let mut all: Vec<Standing> = own.map(Live::standing).collect();
        all.sort_by_key(|standing| standing.catcher.key);
        Box::pin(std::future::ready(Ok(all)))
    }

    fn find(&self, id: CatcherId) -> Answer<'_, Option<Standing>> {
        let inner = self.lock();
        let found = inner.by_id.get(&id).and_then(|key| inner.live.get(key)).map(Live::standing);
        Box::pin(std::future::ready(Ok(found)))
    }

    fn addressed(&self, write_token: String) -> Answer<'_, Option<Arc<Catcher>>> {
        let inner = self.lock();
        let found = inner.by_token.get(&token_hash(&write_token)).and_then(|key| inner.live.get(key));
        let found = found.map(|live| live.catcher.clone());
        Box::pin(std::future::ready(Ok(found)))
    }

    fn put(&self, mut catcher: Catcher) -> Answer<'_, Arc<Catcher>> {
        Box::pin(async move {
            catcher.key = self.file.put(catcher.clone()).await?;
            let catcher = Arc::new(catcher);
            let mut inner = self.lock();
            match inner.live.get_mut(&catcher.key) {
                Some(live) => {
                    if live.catcher.script != catcher.script {
                        live.seen = Seen::default();
                    }
                    live.catcher = catcher.clone();
                    live.tell();
                }
                None => inner.put(catcher.clone(), Seen::default(), 0),
            }
            Ok(catcher)
        })
    }

    fn remove(&self, catcher: CatcherKey) -> Answer<'_, ()> {
        Box::pin(async move {
            self.file.remove(catcher).await?;
            let mut inner = self.lock();
            if let Some(live) = inner.live.remove(&catcher) {
                inner.by_id.remove(&live.catcher.id);
                inner.by_token.remove(&token_hash(&live.catcher.write_token));
            }
            Ok(())
        })
    }

    fn restart(&self, catcher: CatcherKey) -> Answer<'_, ()> {
        let mut inner = self.lock();
        let restarted = inner.live.get_mut(&catcher).ok_or(StoreError::NotFound).map(|live| {
            live.seen = Seen::default();
            live.tell();
        });
        Box::pin(std::future::ready(restarted))
    }

    fn take(&self, catcher: CatcherKey, event: Option<String>, shown: Shown) -> Answer<'_, Taken> {
        let taken = self.count(catcher, event.as_deref(), &shown);
        Box::pin(std::future::ready(taken))
    }

    fn stamp(&self, catcher: CatcherKey, number: u64, stamp: Stamp) {
        self.file.stamp(catcher, number, stamp);
        self.tell(catcher);
    }

    fn requests(&self, catcher: CatcherKey, range: Range, bodies: bool) -> Answer<'_, Vec<Arc<Capture>>> {
        self.file.requests(catcher, range, bodies)
    }

    fn request(&self, catcher: CatcherKey, number: u64) -> Answer<'_, Option<Arc<Capture>>> {
        self.file.request(catcher, number)
    }

    fn clear(&self, catcher: CatcherKey, number: Option<u64>) -> Answer<'_, usize> {
        Box::pin(async move {
            let gone = self.file.clear(catcher, number).await?;
            self.tell(catcher);
            Ok(gone)
        })
    }

    fn expire(&self, now: Timestamp) -> Answer<'_, usize> {
        self.file.expire(now)
    }

    fn usage(&self) -> Answer<'_, Usage> {
        self.file.usage()
    }

    fn news(&self, catcher: CatcherKey) -> Answer<'_, Option<watch::Receiver<u64>>> {
        let news = self.lock().live.get(&catcher).map(|live| live.news.subscribe());
        Box::pin(std::future::ready(Ok(news)))
    }

    fn end_waits(&self) {
        for live in self.lock().live.values_mut() {
            live.news = watch::Sender::new(live.last);
        }
    }

    fn close(&self) -> Answer<'_, ()> {
        self.file.close()
    }
}

impl Inner {
    fn put(&mut self, catcher: Arc<Catcher>, seen: Seen, last: u64) {
        self.by_id.insert(catcher.id, catcher.key);
        self.by_token.insert(token_hash(&catcher.write_token), catcher.key);
        self.live.insert(catcher.key, Live { catcher, seen, last, news: watch::Sender::new(last) });
    }
}

impl Live {
    fn tell(&self) {
        self.news.send_replace(self.last);
    }

    fn standing(&self) -> Standing {
        let of_newest = self.seen.newest().map_or(0, |event| self.seen.of_event(event));
        Standing { catcher: self.catcher.clone(), requests: self.seen.requests(), of_newest }
    }
}
