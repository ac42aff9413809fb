//! A data folder of a test's own, removed with it, and the store in it.

#![expect(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use ringup_store::StoreError;
use ringup_store::conformance::{Home, IDEMPOTENCY_WINDOW};
use ringup_store::seam::Store;
use ringup_store::sqlite::{Plan, SqliteStore};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The day file of `conformance::sample::noon`.
pub const TODAY: &str = "day-2026-11-23.db";

pub struct Folder {
    path: PathBuf,
    plan: Plan,
    opened: Mutex<Option<Arc<SqliteStore>>>,
}

impl Folder {
    pub fn new() -> Folder {
        Folder::with(|_| {})
    }

    /// With a plan that differs.
    pub fn with(change: impl FnOnce(&mut Plan)) -> Folder {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringup-store-{}-{number}", std::process::id()));
        // A process of the past may have had this number and died before it tidied up.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder can be made for a test");
        let mut plan = Plan { idempotency_window: IDEMPOTENCY_WINDOW, ..Plan::new(&path) };
        change(&mut plan);
        Folder { path, plan, opened: Mutex::new(None) }
    }

    pub fn plan(&self) -> Plan {
        self.plan.clone()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub async fn try_start(&self) -> Result<Arc<SqliteStore>, StoreError> {
        let store = Arc::new(SqliteStore::open(self.plan.clone()).await?);
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        Ok(store)
    }

    /// What the user is told when it cannot be opened.
    pub async fn refusal(&self) -> StoreError {
        match self.try_start().await {
            Ok(_) => panic!("{} opens as if nothing were wrong", self.path.display()),
            Err(error) => error,
        }
    }

    pub fn opened(&self) -> Arc<SqliteStore> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).take().expect("it was opened")
    }

    /// Names of the files in which these bytes lie.
    pub fn files_with(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path).expect("the folder can be listed") {
            let path = entry.expect("the folder can be listed").path();
            let content = std::fs::read(&path).expect("a file of the folder can be read");
            if content.windows(bytes.len()).any(|window| window == bytes) {
                found.push(path.display().to_string());
            }
        }
        found
    }

    async fn start(&self) -> Arc<dyn Store> {
        self.try_start().await.expect("the folder opens")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of a failed test harms nobody.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Home for Folder {
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
