//! The store in memory keeps the contract.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use proptest::prelude::ProptestConfig;
use proptest::proptest;
use ringup_store::conformance::{Home, IDEMPOTENCY_WINDOW, random, within_deadline};
use ringup_store::memory::{MemoryStore, Plan};
use ringup_store::seam::Store;

ringup_store::conformance_tests!(home);

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_agree_with_the_model(history in random::histories(60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        runtime.block_on(within_deadline(random::play(&home(), history)));
    }
}

fn home() -> Memory {
    Memory::default()
}

/// Holds what a folder would: the handle from which a restart goes on.
#[derive(Default)]
struct Memory {
    opened: Mutex<Option<MemoryStore>>,
}

impl Memory {
    fn keep(&self, store: MemoryStore) -> Arc<dyn Store> {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        Arc::new(store)
    }

    fn restarted(&self) -> Arc<dyn Store> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.keep(opened.expect("it was opened").crash())
    }
}

impl Home for Memory {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        let plan = Plan { idempotency_window: IDEMPOTENCY_WINDOW, ..Plan::default() };
        Box::pin(async move { self.keep(MemoryStore::new(plan)) })
    }

    fn reopen(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        Box::pin(async move {
            store.close().await.expect("it closes");
            self.restarted()
        })
    }

    fn crash(&self, _store: Arc<dyn Store>) -> BoxFuture<'_, Option<Arc<dyn Store>>> {
        Box::pin(async move { Some(self.restarted()) })
    }
}
