//! All homes of catchers keep their contract, and the file keeps its bound.

mod postgres_schema;
mod sqlite_folder;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use postgres_schema::Schema;
use ringup_store::catcher::{CatcherFile, CatcherStore, Limits, LocalCatchers, MemoryCatchers, SqliteCatchers};
use ringup_store::conformance::{CatcherHome, CatchersHome};
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
        fn open(&self, limits: Limits) -> BoxFuture<'_, Arc<dyn CatcherFile>> {
            let store = MemoryCatchers::new(limits);
            *self.0.lock().expect("nobody panicked") = Some(store.clone());
            Box::pin(async move { Arc::new(store) as Arc<dyn CatcherFile> })
        }

        fn reopen(&self, store: Arc<dyn CatcherFile>) -> BoxFuture<'_, Arc<dyn CatcherFile>> {
            Box::pin(async move {
                store.close().await.expect("it closes");
                let found = self.0.lock().expect("nobody panicked").as_ref().expect("it was opened").reopen();
                Arc::new(found) as Arc<dyn CatcherFile>
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
        fn opened(&self) -> BoxFuture<'_, Arc<dyn CatcherFile>> {
            let limits = *self.limits.lock().expect("nobody panicked");
            Box::pin(async move {
                let opened = SqliteCatchers::open(self.data_dir(), limits).await.expect("it opens");
                Arc::new(opened) as Arc<dyn CatcherFile>
            })
        }

        fn data_dir(&self) -> PathBuf {
            let path = self.folder.path().to_owned();
            std::fs::create_dir_all(&path).expect("the folder is made");
            path
        }
    }

    impl CatcherHome for Files {
        fn open(&self, limits: Limits) -> BoxFuture<'_, Arc<dyn CatcherFile>> {
            *self.limits.lock().expect("nobody panicked") = limits;
            self.opened()
        }

        fn reopen(&self, store: Arc<dyn CatcherFile>) -> BoxFuture<'_, Arc<dyn CatcherFile>> {
            Box::pin(async move {
                store.close().await.expect("it closes");
                drop(store);
                self.opened().await
            })
        }
    }
}

mod local {
    use super::*;

    ringup_store::conformance_tests!(taking home);

    struct Files(Folder);

    fn home() -> Files {
        Files(Folder::new())
    }

    impl CatchersHome for Files {
        fn open(&self, limits: Limits) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            Box::pin(async move {
                std::fs::create_dir_all(self.0.path()).expect("the folder is made");
                let file = SqliteCatchers::open(self.0.path().to_owned(), limits).await.expect("it opens");
                let opened = LocalCatchers::load(Arc::new(file)).await.expect("it loads");
                Arc::new(opened) as Arc<dyn CatcherStore>
            })
        }

        fn reopen(&self, store: Arc<dyn CatcherStore>) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            Box::pin(async move {
                store.close().await.expect("it closes");
                drop(store);
                CatchersHome::open(self, Limits::default()).await
            })
        }
    }
}

mod postgres {
    use super::*;

    ringup_store::conformance_tests!(taking home);

    struct Tables {
        schema: Schema,
        node: Mutex<Option<Arc<ringup_store::postgres::PostgresStore>>>,
    }

    fn home() -> Tables {
        Tables { schema: Schema::new(), node: Mutex::default() }
    }

    impl CatchersHome for Tables {
        fn open(&self, limits: Limits) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            Box::pin(async move {
                let node = self.schema.try_open(self.schema.plan("one")).await.expect("the schema opens");
                let catchers = node.catchers(limits);
                *self.node.lock().expect("nobody panicked") = Some(node);
                Arc::new(catchers) as Arc<dyn CatcherStore>
            })
        }

        fn reopen(&self, store: Arc<dyn CatcherStore>) -> BoxFuture<'_, Arc<dyn CatcherStore>> {
            Box::pin(async move {
                store.close().await.expect("it closes");
                let node = self.node.lock().expect("nobody panicked").take().expect("it was opened");
                ringup_store::Store::close(&*node).await.expect("it closes");
                CatchersHome::open(self, Limits::default()).await
            })
        }
    }
}
