//! One node at a time writes; whoever lost the right writes nothing; and what is refused is refused with words.

mod postgres_schema;

use std::time::Duration;

use postgres_schema::Schema;
use ringup_store::StoreError;
use ringup_store::conformance::sample;
use ringup_store::postgres::{Plan, PostgresStore};
use ringup_store::sealed::SealingKey;
use ringup_store::seam::{Change, Store};
use ringup_testkit::postgres::Postgres;

const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_node_that_was_not_heard_of_writes_nothing_more() {
    let schema = Schema::new();
    let first = schema.try_open(schema.plan("first")).await.expect("the schema opens");
    let environment = first.change(Change::PutEnvironment(sample::environment("live"))).await.expect("it is put");
    let account = sample::account(environment, 1);
    let account = ringup_core::key::AccountKey(first.change(Change::PutAccount(account)).await.expect("it is put"));
    let event = || sample::event(account, sample::noon());
    first.accept(vec![event()]).await.expect("the owner writes");

    // As if the first one had been asleep for longer than its lease.
    let server = Postgres::shared().expect("the tests have a database");
    let (_, name) = schema.url.rsplit_once("%3D").expect("the address names its schema");
    server
        .run(&format!("UPDATE {name}.shard_lease SET until = now() - interval '1 hour', node = 'gone'"))
        .expect("done");
    let second = schema.try_open(schema.plan("second")).await.expect("the lease is over");
    let refused = first.accept(vec![event()]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let why = tokio::time::timeout(DEADLINE, first.lost()).await.expect("it is told");
    assert!(why.contains("another node has taken over"), "{why}");
    second.accept(vec![event()]).await.expect("the new owner writes");
    let census = second.census().await.expect("the store reads");
    assert_eq!(census.events, 2, "nothing of the zombie's");
}

#[tokio::test]
async fn another_installation_and_a_newer_schema_are_refused_with_words() {
    let schema = Schema::new();
    schema.try_open(schema.plan("one")).await.expect("the schema opens").close().await.expect("it closes");
    let mut other = schema.plan("one");
    other.encryption_key = SealingKey::of([8; 32]);
    let refused = schema.try_open(other).await.err().expect("another key is refused").to_string();
    assert!(refused.contains("belongs to another installation"), "{refused}");

    let server = Postgres::shared().expect("the tests have a database");
    let (_, name) = schema.url.rsplit_once("%3D").expect("the address names its schema");
    server.run(&format!("UPDATE {name}.ringup_schema SET version = 99")).expect("done");
    let refused = schema.try_open(schema.plan("one")).await.err().expect("a newer schema is refused").to_string();
    assert!(refused.contains("version 99") && refused.contains("newer ringup"), "{refused}");
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_nothing_is_written_twice() {
    let schema = Schema::new();
    let store = schema.try_open(schema.plan("one")).await.expect("the schema opens");
    let environment = store.change(Change::PutEnvironment(sample::environment("live"))).await.expect("it is put");
    let account = sample::account(environment, 1);
    let account = ringup_core::key::AccountKey(store.change(Change::PutAccount(account)).await.expect("it is put"));
    let server = Postgres::shared().expect("the tests have a database");
    let (_, name) = schema.url.rsplit_once("%3D").expect("the address names its schema");
    let mut taken = 0;
    for _ in 0..5 {
        let writers = format!(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l USING (pid)
             JOIN pg_class c ON c.oid = l.relation WHERE c.relnamespace = '{name}'::regnamespace"
        );
        let (killed, accepted) =
            tokio::join!(async { server.run(&writers) }, store.accept(vec![sample::event(account, sample::noon())]));
        killed.expect("done");
        taken += u64::from(accepted.is_ok());
    }
    let accepted = store.accept(vec![sample::event(account, sample::noon())]).await;
    assert!(accepted.is_ok(), "{accepted:?}");
    let census = store.census().await.expect("the store reads");
    assert_eq!(census.events, taken + 1);
}

#[tokio::test]
async fn a_password_is_never_told() {
    let url = "postgres://u:secretword@127.0.0.1:1/nowhere";
    let mut plan = Plan::new(url, &[], SealingKey::of([7; 32]), "one".to_owned()).expect("an address");
    assert!(!format!("{plan:?} {}", plan.place()).contains("secretword"));
    plan.time_limit = Duration::from_millis(200);
    let opened = tokio::time::timeout(Duration::from_secs(1), PostgresStore::open(plan)).await;
    assert!(opened.is_err(), "it waits for the database");
    let refused = Plan::new("postgres://u:secretword@h/d?what=1", &[], SealingKey::of([7; 32]), "one".to_owned());
    let refused = refused.expect_err("a parameter that is not known").to_string();
    assert!(!refused.contains("secretword"), "{refused}");
}
