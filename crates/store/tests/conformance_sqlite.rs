//! The store in SQLite files keeps the contract.

mod sqlite_folder;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use proptest::prelude::ProptestConfig;
use proptest::proptest;
use ringup_store::conformance::{Home, IDEMPOTENCY_WINDOW, random, within_deadline};
use ringup_store::seam::Store;
use ringup_store::sqlite::{Plan, SqliteStore};
use sqlite_folder::Folder;

ringup_store::conformance_tests!(home);

proptest! {
    // Each one opens and closes real files several times.
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_agree_with_the_model(history in random::histories(60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        runtime.block_on(within_deadline(random::play(&home(), history)));
    }
}

fn home() -> Files {
    Files { folder: Folder::new(), opened: Mutex::new(None) }
}

struct Files {
    folder: Folder,
    opened: Mutex<Option<Arc<SqliteStore>>>,
}

impl Files {
    async fn start(&self) -> Arc<dyn Store> {
        let plan = Plan { idempotency_window: IDEMPOTENCY_WINDOW, ..Plan::new(self.folder.path()) };
        let store = Arc::new(SqliteStore::open(plan).await.expect("the folder opens"));
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        store
    }

    fn opened(&self) -> Arc<SqliteStore> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).take().expect("it was opened")
    }
}

impl Home for Files {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        Box::pin(self.start())
    }

    fn reopen(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        Box::pin(async move {
            store.close().await.expect("it closes");
            self.start().await
        })
    }

    fn crash(&self, _store: Arc<dyn Store>) -> BoxFuture<'_, Option<Arc<dyn Store>>> {
        Box::pin(async move {
            self.opened().abandon();
            Some(self.start().await)
        })
    }
}
