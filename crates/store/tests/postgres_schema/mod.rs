//! A schema of a test's own, in the database that the tests share, and the store in it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ringup_store::StoreError;
use ringup_store::conformance::{Home, IDEMPOTENCY_WINDOW};
use ringup_store::postgres::{Plan, PostgresStore};
use ringup_store::sealed::SealingKey;
use ringup_store::seam::Store;
use ringup_testkit::postgres::Postgres;

pub struct Schema {
    pub url: String,
    opened: Mutex<Option<Arc<PostgresStore>>>,
}

impl Schema {
    pub fn new() -> Schema {
        Schema::on(&Postgres::shared().expect("the tests have a database"))
    }

    pub fn on(server: &Postgres) -> Schema {
        Schema { url: server.schema().expect("a schema is made"), opened: Mutex::default() }
    }

    /// Limits that a busy machine keeps; the test that is about a limit sets it.
    pub fn plan(&self, node: &str) -> Plan {
        let mut plan = Plan::new(&self.url, &[], SealingKey::of([7; 32]), node.to_owned()).expect("the address is one");
        plan.idempotency_window = IDEMPOTENCY_WINDOW;
        plan.answer_within = Duration::from_secs(60);
        plan.time_limit = Duration::from_secs(30);
        plan.read_time_limit = Duration::from_secs(60);
        plan.readers_max = 4;
        plan
    }

    pub async fn try_open(&self, plan: Plan) -> Result<Arc<PostgresStore>, StoreError> {
        let store = Arc::new(PostgresStore::open(plan).await?);
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        Ok(store)
    }

    pub fn opened(&self) -> Arc<PostgresStore> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).take().expect("it was opened")
    }

    async fn start(&self) -> Arc<dyn Store> {
        self.try_open(self.plan("one")).await.expect("the schema opens")
    }
}

impl Home for Schema {
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
