//! A store that moved from a folder into a database is the same store: the contract holds across the move, wherever it was
//! broken off; and nobody begins in either of the two meanwhile.

mod postgres_schema;
mod sqlite_folder;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use postgres_schema::Schema;
use proptest::prelude::ProptestConfig;
use proptest::proptest;
use ringup_core::delivery::After;
use ringup_store::StoreError;
use ringup_store::conformance::scene::{ALL, Scene, newest};
use ringup_store::conformance::{Home, random, sample, within_deadline};
use ringup_store::migration::{Arrived, Stage, migrate};
use ringup_store::query::EventFilter;
use ringup_store::seam::Store;
use ringup_testkit::postgres::Postgres;
use sqlite_folder::Folder;
use tokio::sync::Notify;

ringup_store::conformance_tests!(home);

proptest! {
    // Each one makes all tables anew and opens the store several times.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_agree_with_the_model_across_the_move(history in random::histories(40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(within_deadline(random::play(&home(), history)));
    }
}

/// Begins in a folder. When it is opened again, whether it was closed well or not, it has moved.
struct Moving {
    folder: Folder,
    schema: Schema,
    has_moved: AtomicBool,
}

fn home() -> Moving {
    Moving { folder: Folder::new(), schema: Schema::new(), has_moved: AtomicBool::new(false) }
}

impl Moving {
    async fn carry(&self) -> Result<Arrived, StoreError> {
        migrate(self.folder.plan(), self.schema.plan("mover"), "first", |_| {}).await
    }

    /// Broken off as soon as it has told of so many steps; answers whether it got that far.
    async fn carry_until(&self, step: usize) -> bool {
        let (enough, steps) = (Notify::new(), AtomicUsize::new(0));
        let tell = |_| {
            if steps.fetch_add(1, Ordering::SeqCst) + 1 == step {
                enough.notify_one();
            }
        };
        tokio::select! {
            biased;
            () = enough.notified() => true,
            done = migrate(self.folder.plan(), self.schema.plan("mover"), "first", tell) => {
                done.expect("it moves");
                false
            }
        }
    }

    async fn arrive(&self) -> Arc<dyn Store> {
        self.carry().await.expect("it moves");
        self.has_moved.store(true, Ordering::SeqCst);
        self.schema.open().await
    }
}

impl Home for Moving {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>> {
        self.folder.open()
    }

    fn reopen(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Arc<dyn Store>> {
        Box::pin(async move {
            if self.has_moved.load(Ordering::SeqCst) {
                return self.schema.reopen(store).await;
            }
            store.close().await.expect("it closes");
            drop((store, self.folder.opened()));
            self.arrive().await
        })
    }

    fn crash(&self, store: Arc<dyn Store>) -> BoxFuture<'_, Option<Arc<dyn Store>>> {
        Box::pin(async move {
            if self.has_moved.load(Ordering::SeqCst) {
                return self.schema.crash(store).await;
            }
            self.folder.opened().abandon();
            drop(store);
            Some(self.arrive().await)
        })
    }
}

/// Events of three days: delivered, to be repeated, given up and waiting.
async fn three_days(home: &Moving) -> Scene {
    let scene = Scene::open(home).await;
    for number in 0..30 {
        let now = sample::day(number / 10).saturating_add(sample::minutes(number));
        let event = scene.publish(scene.new_event(now, &scene.endpoints[..2])).await;
        match number % 4 {
            0 => scene.attempt(&event, After::Delivered).await,
            1 => scene.attempt(&event, sample::retry(&event)).await,
            2 => scene.attempt(&event, sample::EXHAUSTED).await,
            _ => {}
        }
    }
    scene
}

async fn close(home: &Moving, scene: &Scene) {
    scene.store.close().await.expect("it closes");
    drop(home.folder.opened());
}

fn words<T>(refused: Result<T, StoreError>) -> String {
    refused.map(|_| ()).expect_err("it is refused").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_where_it_was_broken_off_at_any_step() {
    let mut step = 1;
    loop {
        let home = home();
        let scene = three_days(&home).await;
        let before = (scene.event_ids().await, scene.live(scene.endpoints[0]).await.len());
        close(&home, &scene).await;
        let broken_off = home.carry_until(step).await;
        // Then again, a little further.
        let again = broken_off && home.carry_until(3).await;
        if again {
            home.carry_until(5).await;
        }
        let scene = scene.with(home.arrive().await);
        assert_eq!(scene.event_ids().await, before.0, "broken off at step {step}");
        assert_eq!(scene.live(scene.endpoints[0]).await.len(), before.1);
        let attempts = scene.attempts_of_endpoint(Default::default(), newest(ALL)).await;
        assert_eq!(attempts.rows.len(), 23);
        let census = scene.store.census().await.expect("the store reads");
        assert_eq!((census.events, census.deliveries_live, census.deliveries_ended), (30, 30 + 15, 7));
        if !broken_off {
            assert!(step > 12, "three days have more than {step} steps");
            return;
        }
        step += 6;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_begins_in_either_of_the_two_meanwhile_or_in_the_folder_afterwards() {
    let home = home();
    let scene = three_days(&home).await;
    let taken = words(home.carry().await);
    assert!(taken.contains("in use by"), "{taken}");
    close(&home, &scene).await;
    assert!(home.carry_until(3).await);
    let folder = home.folder.refusal().await.to_string();
    assert!(folder.contains("is being moved") && folder.contains("moved.json"), "{folder}");
    let node = words(home.schema.try_open(home.schema.plan("one")).await);
    assert!(node.contains("has not arrived"), "{node}");
    let arrived = home.carry().await.expect("it goes on");
    let expected = Arrived { accounts: 2, endpoints: 4, events: 30, live: 45, attempts: 23, before: false };
    assert_eq!(arrived, expected);
    assert_eq!(home.carry().await.expect("it has arrived"), Arrived { before: true, ..expected });
    let folder = home.folder.refusal().await.to_string();
    assert!(folder.contains("was moved to the database at") && folder.contains("set store.url"), "{folder}");
    // A node runs there now: no move begins, not even of what has arrived.
    let scene = scene.with(home.schema.open().await);
    assert_eq!(scene.events(EventFilter::default(), newest(ALL)).await.rows.len(), 30);
    let busy = words(home.carry().await);
    assert!(busy.contains("1 nodes run on the database"), "{busy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_mixed_with_what_is_there() {
    let (one, two) = (home(), home());
    for home in [&one, &two] {
        let scene = three_days(home).await;
        close(home, &scene).await;
    }
    assert!(one.carry_until(3).await);
    let other = migrate(two.folder.plan(), one.schema.plan("mover"), "second", |_| {}).await;
    let other = words(other);
    assert!(other.contains("from another folder"), "{other}");
    two.arrive().await;
    // What was begun is still whole, and the folder that was refused was not marked by it.
    one.arrive().await;
    let third = home();
    let scene = three_days(&third).await;
    close(&third, &scene).await;
    let used = Schema::new();
    let store = used.open().await;
    let environment = sample::environment("live");
    store.change(ringup_store::seam::Change::PutEnvironment(environment)).await.expect("it is put");
    store.close().await.expect("it closes");
    let mixed = words(migrate(third.folder.plan(), used.plan("mover"), "third", |_| {}).await);
    assert!(mixed.contains("holds the store of a ringup already"), "{mixed}");
    third.folder.try_start().await.expect("the folder is as it was");
    let nowhere = third.folder.path().join("nowhere");
    let plan = ringup_store::sqlite::Plan::new(&nowhere);
    let missing = words(migrate(plan, used.plan("mover"), "fourth", |_| {}).await);
    assert!(missing.contains("there is no store in") && !nowhere.exists(), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_the_end_is_noticed_and_nothing_is_handed_over() {
    let home = home();
    let scene = three_days(&home).await;
    close(&home, &scene).await;
    // All three days are there when the first count is told.
    let (checking, told) = (Notify::new(), AtomicBool::new(false));
    let tell = |progress: ringup_store::migration::Progress| {
        if progress.stage == Stage::Checking && !told.swap(true, Ordering::SeqCst) {
            checking.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = checking.notified() => {}
        done = migrate(home.folder.plan(), home.schema.plan("mover"), "first", tell) => panic!("it was not broken off: {done:?}"),
    }
    let (_, schema) = home.schema.url.rsplit_once("%3D").expect("the address names the schema");
    let sql = format!("DELETE FROM {schema}.attempt WHERE tick = (SELECT max(tick) FROM {schema}.attempt)");
    Postgres::shared().and_then(|server| server.run(&sql)).expect("a row goes");
    let text = words(home.carry().await);
    assert!(text.contains("the table attempt of") && text.contains("Nothing was handed over"), "{text}");
    let node = words(home.schema.try_open(home.schema.plan("one")).await);
    assert!(node.contains("has not arrived"), "{node}");
}
