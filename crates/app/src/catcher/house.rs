//! All catchers as of now: found by token and id, with what their scripts have counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringup_core::catcher::{Catcher, Seen};
use ringup_core::id::CatcherId;
use ringup_core::key::{AccountKey, CatcherKey};
use ringup_store::catcher::{CatcherStore, Limits, MemoryCatchers};
use ringup_store::{StoreError, catcher};
use tokio::sync::watch;

use crate::principal::token_hash;

/// What the operator decides about catchers.
#[derive(Clone, Debug)]
pub struct CatcherPlan {
    /// Scheme, host and port of write URLs, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    /// Bytes of a request's body that are kept.
    pub body_bytes_max: usize,
    pub limits: Limits,
}

impl Default for CatcherPlan {
    fn default() -> CatcherPlan {
        let base_url = "http://127.0.0.1:8080".to_owned();
        CatcherPlan { base_url, body_bytes_max: 256 * 1024, limits: Limits::default() }
    }
}

/// The catchers of one server, and where they are kept.
pub struct Catchers {
    pub(crate) store: Arc<dyn CatcherStore>,
    pub(crate) plan: CatcherPlan,
    inner: Mutex<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) live: HashMap<CatcherKey, Live>,
    by_token: HashMap<[u8; 32], CatcherKey>,
    by_id: HashMap<CatcherId, CatcherKey>,
}

/// One catcher.
pub(super) struct Live {
    pub(super) catcher: Arc<Catcher>,
    pub(super) seen: Seen,
    /// The last number given.
    pub(super) last: u64,
    /// Tells that number to whoever waits, and every other change by being told again.
    pub(super) news: watch::Sender<u64>,
}

impl Catchers {
    /// Nothing yet, in memory only.
    pub fn in_memory(plan: CatcherPlan) -> Catchers {
        let store = Arc::new(MemoryCatchers::new(plan.limits));
        Catchers { store, plan, inner: Mutex::default() }
    }

    /// What a store has. Counters go on where they stood as far as requests are kept.
    pub async fn load(store: Arc<dyn CatcherStore>, plan: CatcherPlan) -> Result<Catchers, StoreError> {
        let mut inner = Inner::default();
        for catcher::Remembered { catcher, last_number, events } in store.load().await? {
            let mut seen = Seen::default();
            for (event, number) in &events {
                seen.remember(event.as_deref(), *number);
            }
            inner.put(Arc::new(catcher), seen, last_number);
        }
        Ok(Catchers { store, plan, inner: Mutex::new(inner) })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL that requests are sent to.
    pub fn write_url(&self, catcher: &Catcher) -> String {
        format!("{}/c/{}", self.plan.base_url, catcher.write_token)
    }

    /// All of an account, oldest first.
    pub(super) fn of_account(&self, account: AccountKey) -> Vec<Arc<Catcher>> {
        let inner = self.lock();
        let own = inner.live.values().map(|live| &live.catcher).filter(|catcher| catcher.account == account);
        let mut all: Vec<Arc<Catcher>> = own.cloned().collect();
        all.sort_by_key(|catcher| catcher.key);
        all
    }

    pub(super) fn by_id(&self, id: CatcherId) -> Option<Arc<Catcher>> {
        let inner = self.lock();
        inner.by_id.get(&id).and_then(|key| inner.live.get(key)).map(|live| live.catcher.clone())
    }

    /// Wakes with each request that comes in, and with whatever else changes what is shown.
    pub(super) fn news(&self, key: CatcherKey) -> Option<watch::Receiver<u64>> {
        self.lock().live.get(&key).map(|live| live.news.subscribe())
    }

    /// Keeps it, then shows it. A changed script begins anew.
    pub(super) async fn put(&self, mut catcher: Catcher) -> Result<Arc<Catcher>, StoreError> {
        catcher.key = self.store.put(catcher.clone()).await?;
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
    }

    pub(super) async fn remove(&self, catcher: &Catcher) -> Result<(), StoreError> {
        self.store.remove(catcher.key).await?;
        let mut inner = self.lock();
        inner.live.remove(&catcher.key);
        inner.by_id.remove(&catcher.id);
        inner.by_token.remove(&token_hash(&catcher.write_token));
        Ok(())
    }

    /// Starts the script of a catcher from its first step.
    pub(super) fn restart(&self, key: CatcherKey) {
        if let Some(live) = self.lock().live.get_mut(&key) {
            live.seen = Seen::default();
            live.tell();
        }
    }

    /// Lets everybody go who waits for news.
    pub(super) fn end_waits(&self) {
        for live in self.lock().live.values_mut() {
            live.news = watch::Sender::new(live.last);
        }
    }

    /// Says that what is shown of a catcher has changed.
    pub(super) fn tell(&self, key: CatcherKey) {
        if let Some(live) = self.lock().live.get(&key) {
            live.tell();
        }
    }
}

impl Inner {
    fn put(&mut self, catcher: Arc<Catcher>, seen: Seen, last: u64) {
        self.by_id.insert(catcher.id, catcher.key);
        // By its hash, so that the time a look takes says nothing about tokens.
        self.by_token.insert(token_hash(&catcher.write_token), catcher.key);
        self.live.insert(catcher.key, Live { catcher, seen, last, news: watch::Sender::new(last) });
    }

    pub(super) fn by_token(&mut self, token: &str) -> Option<&mut Live> {
        let key = self.by_token.get(&token_hash(token))?;
        self.live.get_mut(key)
    }
}

impl Live {
    pub(super) fn tell(&self) {
        self.news.send_replace(self.last);
    }
}
