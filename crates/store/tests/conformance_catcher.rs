//! Both homes of catchers keep their contract, and the file keeps its bound.

mod sqlite_folder;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use ringup_store::CatcherStore;
use ringup_store::catcher::{Limits, MemoryCatchers, SqliteCatchers};
use ringup_store::conformance::CatcherHome;
use sqlite_folder::Folder;

mod memory {
    use super::*;

    ringup_store::conformance_tests!(catchers home);

    #[derive(Default)]
    struct Memory(Mutex<Option<MemoryCatchers>>);

    fn home() -> Memory {
        Memory::default()
    }

    impl CatcherHome for Memory {
        fn open(&self, limits: Limits) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            let store = MemoryCatchers::new(limits);
            *self.0.lock().expect("nobody panicked") = Some(store.clone());
            Box::pin(async move { Arc::new(store) as Arc<dyn CatcherStore> })
        }

        fn reopen(&self, store: Arc<dyn CatcherStore>) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            Box::pin(async move {
                store.close().await.expect("it closes");
                let found = self.0.lock().expect("nobody panicked").as_ref().expect("it was opened").reopen();
                Arc::new(found) as Arc<dyn CatcherStore>
            })
        }
    }
}

mod sqlite {
    use super::*;

    ringup_store::conformance_tests!(catchers home);

    struct Files {
        folder: Folder,
        limits: Mutex<Limits>,
    }

    fn home() -> Files {
        Files { folder: Folder::new(), limits: Mutex::default() }
    }

    impl Files {
        fn opened(&self) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            let limits = *self.limits.lock().expect("nobody panicked");
            Box::pin(async move {
                let opened = SqliteCatchers::open(self.data_dir(), limits).await.expect("it opens");
                Arc::new(opened) as Arc<dyn CatcherStore>
            })
        }

        fn data_dir(&self) -> PathBuf {
            let path = self.folder.path().to_owned();
            std::fs::create_dir_all(&path).expect("the folder is made");
            path
        }
    }

    impl CatcherHome for Files {
        fn open(&self, limits: Limits) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            *self.limits.lock().expect("nobody panicked") = limits;
            self.opened()
        }

        fn reopen(&self, store: Arc<dyn CatcherStore>) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            Box::pin(async move {
                store.close().await.expect("it closes");
                drop(store);
                self.opened().await
            })
        }
    }
}
