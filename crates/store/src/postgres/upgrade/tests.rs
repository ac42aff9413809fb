//! Programs that know two versions, on one schema: this one is the older, and the newer has a longer ladder.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ringup_core::key::AccountKey;
use ringup_testkit::postgres::Postgres;

use super::*;
use crate::conformance::sample;
use crate::postgres::{Plan, PostgresStore};
use crate::query::{EventFilter, Order, PageRequest};
use crate::sealed::SealingKey;
use crate::seam::{Acceptance, Change, Store};

const DEADLINE: Duration = Duration::from_secs(60);

/// What a release may do beside nodes of the one before.
const MORE: Step = Step::Expand(
    "ALTER TABLE account ADD COLUMN later text; ALTER TABLE event ADD COLUMN later bigint NOT NULL DEFAULT 0;
     ALTER TABLE node ADD COLUMN later text; CREATE TABLE later (number bigint PRIMARY KEY)",
);

/// And what the next one may: nodes of before never knew of it.
const UNUSED: Step = Step::Contract { oldest: KNOWN, sql: "DROP TABLE later; ALTER TABLE account DROP COLUMN later" };

/// What they cannot do without.
const LESS: Step = Step::Contract { oldest: KNOWN + 2, sql: "ALTER TABLE environment DROP COLUMN strict" };

fn and(more: &[Step]) -> Vec<Step> {
    LADDER.iter().chain(more).copied().collect()
}

fn plan(url: &str, node: &str) -> Plan {
    let mut plan = Plan::new(url, &[], SealingKey::of([7; 32]), node.to_owned()).expect("an address");
    plan.answer_within = DEADLINE;
    plan.time_limit = Duration::from_secs(30);
    plan.read_time_limit = DEADLINE;
    plan
}

fn schema() -> String {
    Postgres::shared().expect("the tests have a database").schema().expect("a schema is made")
}

async fn link(url: &str) -> Link {
    let plan = plan(url, "newer");
    Link::connect(&plan, plan.read_time_limit).await.expect("the database answers")
}

async fn version(link: &Link) -> (i32, i32) {
    let stored = stored(link).await.expect("it is read").expect("it is there");
    (stored.version, stored.oldest)
}

async fn open(url: &str, node: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(plan(url, node)).await.expect("the schema opens"))
}

async fn account(store: &PostgresStore, number: u32) -> AccountKey {
    let environment = Change::PutEnvironment(sample::environment(&format!("live-{number}")));
    let environment = store.change(environment).await.expect("it is put");
    AccountKey(store.change(Change::PutAccount(sample::account(environment, number))).await.expect("it is put"))
}

async fn accept(store: &PostgresStore, account: AccountKey) {
    let accepted = store.accept(vec![sample::event(account, sample::noon())]).await.expect("it is accepted");
    assert!(matches!(accepted[..], [Acceptance::New(_)]), "{accepted:?}");
}

#[tokio::test]
async fn programs_that_start_at_once_take_each_step_once() {
    let (url, ladder) = (schema(), and(&[MORE, LESS]));
    let climbers = (0..6).map(|_| async {
        let link = link(&url).await;
        climb_ladder(&link, "here", &ladder).await
    });
    for climbed in join_all(climbers).await {
        climbed.expect("each finds it done or does it");
    }
    let there = KNOWN + 2;
    assert_eq!(version(&link(&url).await).await, (there, there));
}

#[tokio::test]
async fn nodes_of_before_go_on_and_start_beside_a_schema_that_has_more() {
    let url = schema();
    let older = open(&url, "older").await;
    let first = account(&older, 1).await;
    accept(&older, first).await;
    older.load_configuration().await.expect("it reads");
    let newer = link(&url).await;
    let another = open(&url, "another").await;
    climb_ladder(&newer, "here", &and(&[MORE])).await.expect("older nodes do not keep it from adding");
    let (known, oldest) = version(&newer).await;
    assert!(known == KNOWN + 1 && oldest <= KNOWN, "version {known}, for those who know {oldest}");
    go_on(&older, first, 2).await;
    climb_ladder(&newer, "here", &and(&[MORE, UNUSED])).await.expect("nor from taking away what they do not use");
    assert_eq!(version(&newer).await, (KNOWN + 2, KNOWN));
    another.close().await.expect("it closes");
    let another = open(&url, "another").await;
    go_on(&another, first, 3).await;
    go_on(&older, first, 4).await;
    for store in [older, another] {
        store.close().await.expect("it closes");
    }
}

async fn go_on(store: &PostgresStore, first: AccountKey, number: u32) {
    let configuration = store.load_configuration().await.expect("a statement of before is prepared anew");
    assert!(configuration.accounts.iter().any(|account| account.key == first));
    let more = account(store, number).await;
    for account in [first, more] {
        accept(store, account).await;
    }
    // A day of its own, which a node of before makes.
    let elsewhen = sample::event(more, sample::day(u64::from(number)));
    store.accept(vec![elsewhen]).await.expect("it is accepted");
    let page = PageRequest { after: None, order: Order::NewestFirst, rows_max: 10 };
    let listed = store.events(more, EventFilter::default(), page).await.expect("it lists");
    assert_eq!(listed.rows.len(), 2);
}

#[tokio::test]
async fn what_takes_away_waits_for_nodes_of_before_and_keeps_them_out() {
    let url = schema();
    let older = open(&url, "older").await;
    let (newer, ladder) = (link(&url).await, and(&[MORE, LESS]));
    let waits = climb_ladder(&newer, "here", &ladder).await.expect_err("a node of before is at work");
    let Fault::Lost(said) = waits else { panic!("it is tried again: {waits:?}") };
    assert!(said.contains("older (ringup ") && said.contains("until they are stopped"), "{said}");
    assert_eq!(version(&newer).await.0, KNOWN + 1, "what adds was done");
    let first = account(&older, 1).await;
    accept(&older, first).await;

    older.close().await.expect("it closes");
    climb_ladder(&newer, "here", &ladder).await.expect("nobody is at work");
    assert_eq!(version(&newer).await, (KNOWN + 2, KNOWN + 2));
    let refused = PostgresStore::open(plan(&url, "older")).await.err().expect("it knows too little").to_string();
    assert!(refused.contains("start the newer ringup"), "{refused}");
    assert!(
        refused.contains(&format!("version {} and needs a ringup that knows {}", KNOWN + 2, KNOWN + 2)),
        "{refused}"
    );
    // Also one that had looked at the version before the step was taken.
    let registered = crate::postgres::lease::register(&newer, &plan(&url, "late"), None).await;
    assert!(matches!(registered, Err(Fault::Refused(StoreError::Corrupt(_)))), "{registered:?}");
}

#[tokio::test]
async fn a_node_of_before_that_was_not_heard_of_writes_nothing_once_it_comes_back() {
    let url = schema();
    let older = open(&url, "older").await;
    let first = account(&older, 1).await;
    accept(&older, first).await;
    let (newer, ladder) =
        (link(&url).await, and(&[Step::Contract { oldest: KNOWN + 1, sql: "CREATE TABLE later (number bigint)" }]));
    let climbed = async {
        loop {
            // As if its lease were over, until it says that it is alive: twice a second.
            newer.batch("UPDATE node SET until = clock_timestamp()").await.expect("done");
            match climb_ladder(&newer, "here", &ladder).await {
                Err(Fault::Lost(_)) => {}
                done => break done,
            }
        }
    };
    tokio::time::timeout(DEADLINE, climbed).await.expect("in time").expect("nobody is heard of");
    let refused = older.accept(vec![sample::event(first, sample::noon())]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let why = tokio::time::timeout(DEADLINE, older.lost()).await.expect("it is told");
    assert!(why.contains("start the newer one in its place"), "{why}");
    assert_eq!(newer.query("SELECT 1 FROM event", &[]).await.expect("it reads").len(), 1);
}
