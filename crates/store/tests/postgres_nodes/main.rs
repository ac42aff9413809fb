//! Several nodes on one schema: each does its share, whoever lost a share writes nothing more of it, and what is refused
//! is refused with words.

mod catchers;
mod handing_over;
#[path = "../postgres_schema/mod.rs"]
mod postgres_schema;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use postgres_schema::Schema;
use ringup_core::delivery::{After, DeliveryState};
use ringup_core::event::Event;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::shard::Shard;
use ringup_core::time::Tick;
use ringup_store::StoreError;
use ringup_store::conformance::sample;
use ringup_store::conformance::scene::{Ear, target};
use ringup_store::postgres::{NodeAddress, Plan, PostgresStore};
use ringup_store::sealed::SealingKey;
use ringup_store::seam::{Acceptance, Change, NewEvent, Store};
use ringup_testkit::postgres::Postgres;

const DEADLINE: Duration = Duration::from_secs(60);

/// Longer than any of these tests: what happens before it is over does not happen since it is over.
const LONG: Duration = Duration::from_secs(600);

struct Node {
    store: Arc<PostgresStore>,
    ear: Arc<Ear>,
}

impl Node {
    /// One that speaks to the others through the database alone.
    async fn open(schema: &Schema, name: &str, lease: Duration) -> Node {
        Node::open_at(schema, name, lease, NodeAddress::Nowhere).await
    }

    async fn open_at(schema: &Schema, name: &str, lease: Duration, address: NodeAddress) -> Node {
        let mut plan = schema.plan(name);
        plan.lease = lease;
        plan.node_address = address;
        let store = schema.try_open(plan).await.expect("the schema opens");
        let shared: Arc<dyn Store> = store.clone();
        Node { store, ear: Ear::on(&shared) }
    }

    fn owned(&self, accounts: &[(AccountKey, EndpointKey)]) -> usize {
        accounts.iter().filter(|(account, _)| self.store.owns(*account)).count()
    }
}

/// Accounts with an endpoint each, enough for every node to have some.
async fn accounts(store: &PostgresStore) -> Vec<(AccountKey, EndpointKey)> {
    let environment = store.change(Change::PutEnvironment(sample::environment("live"))).await.expect("it is put");
    let mut accounts = Vec::new();
    for number in 1..=24 {
        let account = store.change(Change::PutAccount(sample::account(environment, number))).await;
        let account = AccountKey(account.expect("it is put"));
        let endpoint = store.change(Change::PutEndpoint(sample::endpoint(account, number))).await;
        accounts.push((account, EndpointKey(endpoint.expect("it is put"))));
    }
    accounts
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("waited for: {what}"));
}

fn event(account: AccountKey, endpoint: EndpointKey) -> NewEvent {
    NewEvent { targets: vec![target(endpoint)], ..sample::event(account, sample::noon()) }
}

async fn accept(store: &PostgresStore, account: AccountKey, endpoint: EndpointKey) -> Arc<Event> {
    let new = event(account, endpoint);
    let accepted = store.accept(vec![new.clone()]).await.expect("any node accepts");
    let [Acceptance::New(id)] = accepted[..] else { panic!("it is new: {accepted:?}") };
    let NewEvent { event_type, payload, keep_payload, .. } = new;
    Arc::new(Event { id, account, event_type, payload, keep_payload })
}

#[tokio::test]
async fn two_nodes_share_the_work_and_each_accepts_all_of_it() {
    let schema = Schema::new();
    let first = Node::open(&schema, "first", LONG).await;
    let accounts = accounts(&first.store).await;
    assert_eq!(first.owned(&accounts), accounts.len(), "alone it does everything");
    let second = Node::open(&schema, "second", LONG).await;
    let nodes = BTreeSet::from(["first".to_owned(), "second".to_owned()]);
    let at_home = |(account, _): &(AccountKey, EndpointKey)| {
        let is_firsts = Shard::of(*account).home(&nodes) == Some("first");
        first.store.owns(*account) == is_firsts && second.store.owns(*account) != is_firsts
    };
    until("each has its share", || accounts.iter().all(at_home)).await;
    assert!(first.owned(&accounts) > 0 && second.owned(&accounts) > 0, "each has some");
    assert!(first.ear.now(|heard| heard.moves) > 0, "it is told what went");
    assert!(first.store.leads() != second.store.leads(), "one of them leads");

    for (account, endpoint) in &accounts {
        let (owner, other) = if first.store.owns(*account) { (&first, &second) } else { (&second, &first) };
        // Accepted by the one that does not deliver it: the other hears of it, and finds it.
        let event = accept(&other.store, *account, *endpoint).await;
        owner.ear.until("the owner hears of it", |heard| heard.found.iter().any(|it| it.event.id == event.id)).await;
        let waiting = owner.store.waiting(*endpoint, Tick(0), false, 10).await.expect("it reads");
        assert_eq!(waiting.len(), 1);
        assert!(other.ear.now(|heard| heard.fresh.iter().all(|fresh| fresh.endpoint != *endpoint)));
        assert!(owner.store.endpoints_with_work().await.expect("it reads").contains(endpoint));
        assert!(!other.store.endpoints_with_work().await.expect("it reads").contains(endpoint));

        // What the wrong one says of it is refused, and what the owner says stands.
        other.store.record(sample::settlement(&event, *endpoint, After::Delivered));
        other.ear.until("it is refused", |heard| heard.refused.iter().any(|key| key.endpoint == *endpoint)).await;
        let state = |found: Vec<ringup_store::query::Destination>| found[0].state;
        let now = other.store.destinations(*account, event.id).await.expect("any node reads");
        assert_eq!(state(now), Some(DeliveryState::Waiting));
        owner.store.record(sample::settlement(&event, *endpoint, After::Delivered));
        owner.ear.until("it is settled", |heard| heard.settled.iter().any(|key| key.endpoint == *endpoint)).await;
        // Also on the first day of an owner that has not accepted anything on it.
        let now = other.store.destinations(*account, event.id).await.expect("any node reads");
        assert_eq!(state(now), None, "it is delivered");

        // Resent and discarded by the wrong one: the owner hears of both.
        other.store.resend(*account, event.id, *endpoint, sample::noon()).await.expect("any node resends");
        owner.ear.until("it is resent", |heard| heard.resent.iter().any(|it| it.event.id == event.id)).await;
        other.store.expunge_event(*account, event.id, sample::noon()).await.expect("any node expunges");
        owner.ear.until("it is discarded", |heard| heard.discarded.iter().any(|key| key.endpoint == *endpoint)).await;
    }
    assert!(first.ear.now(|heard| heard.growths) > 0, "whoever follows the log is woken for what the other logged");

    // Put off: only its owner finds it due, and knows when.
    let (account, endpoint) = accounts[0];
    let (owner, other) = if first.store.owns(account) { (&first, &second) } else { (&second, &first) };
    let mut later = event(account, endpoint);
    later.extras.deliver_at = Some(sample::day(1));
    other.store.accept(vec![later]).await.expect("any node accepts");
    owner.ear.until("the owner knows when", |heard| heard.put_off == [sample::day(1)]).await;
    assert_eq!(owner.store.next_due().await.expect("it reads"), Some(sample::day(1)));
    assert_eq!(owner.store.due(sample::day(2), 10).await.expect("it reads").len(), 1);
    assert_eq!(other.store.next_due().await.expect("it reads"), None);
    assert_eq!(other.store.due(sample::day(2), 10).await.expect("it reads").len(), 0);
    let census = first.store.census().await.expect("any node counts");
    assert_eq!((census.events, census.deliveries_live), (accounts.len() as u64 + 1, 1));
}

#[tokio::test]
async fn what_a_dead_node_did_is_taken_over_when_its_lease_ends_and_a_stopped_ones_at_once() {
    let schema = Schema::new();
    let first = Node::open(&schema, "first", LONG).await;
    let accounts = accounts(&first.store).await;
    let dying = Node::open(&schema, "dying", Duration::from_secs(2)).await;
    until("each has a share", || {
        first.owned(&accounts) + dying.owned(&accounts) == accounts.len() && dying.owned(&accounts) > 0
    })
    .await;
    let (account, endpoint) = *accounts.iter().find(|(account, _)| dying.store.owns(*account)).expect("it has some");
    let event = accept(&dying.store, account, endpoint).await;
    dying.store.abandon();
    until("its share is taken over", || first.owned(&accounts) == accounts.len()).await;
    let waiting = first.store.waiting(endpoint, Tick(0), false, 10).await.expect("it reads");
    assert_eq!(waiting[0].event.id, event.id, "what it had accepted is there");
    assert!(first.store.endpoints_with_work().await.expect("it reads").contains(&endpoint));

    let stopping = Node::open(&schema, "stopping", LONG).await;
    until("it has a share", || stopping.owned(&accounts) > 0).await;
    stopping.store.close().await.expect("it closes");
    until("what it gave back is taken long before its lease is over", || first.owned(&accounts) == accounts.len())
        .await;
}

#[tokio::test]
async fn each_node_tells_who_does_what() {
    let schema = Schema::new();
    let first = Node::open(&schema, "first", LONG).await;
    let accounts = accounts(&first.store).await;
    let second = Node::open(&schema, "second", LONG).await;
    until("each has a share", || second.owned(&accounts) > 0).await;
    let told = loop {
        let told = second.store.nodes().await.expect("it reads").expect("it is shared");
        if told.shards.iter().all(|owned| owned.node.is_some()) {
            break told;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((told.me.as_str(), told.lease), ("second", LONG));
    assert_eq!(told.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    for node in &told.nodes {
        assert!(node.is_alive && node.unheard < DEADLINE && node.up < DEADLINE, "{node:?}");
        assert!(node.version == env!("CARGO_PKG_VERSION") && node.schema >= 4, "{node:?}");
    }
    assert!(told.shards.iter().map(|owned| owned.shard).eq(Shard::all()));
    // Epochs grow where a shard changed hands.
    let epoch_of =
        |name: &str| told.shards.iter().filter(|it| it.node.as_deref() == Some(name)).map(|it| it.epoch).max();
    assert!(epoch_of("second") > epoch_of("first"), "{:?}", told.shards);
    let (account, endpoint) = *accounts.iter().find(|(account, _)| second.store.owns(*account)).expect("it has some");
    accept(&second.store, account, endpoint).await;
    let told_again = first.store.nodes().await.expect("it reads").expect("it is shared");
    assert!(told_again.nodes[1].commits > told.nodes[1].commits, "{told_again:?}");

    second.store.close().await.expect("it closes");
    until("the first one has all of it", || first.owned(&accounts) == accounts.len()).await;
    let told = first.store.nodes().await.expect("it reads").expect("it is shared");
    assert_eq!(
        told.nodes.iter().map(|node| node.is_alive).collect::<Vec<_>>(),
        [true, false],
        "the stopped one is listed"
    );
    assert!(told.shards.iter().all(|owned| owned.node.as_deref() != Some("second")));
}

#[tokio::test]
async fn a_node_that_was_asleep_writes_nothing_of_what_another_took() {
    let schema = Schema::new();
    let node = Node::open(&schema, "sleeper", LONG).await;
    let accounts = accounts(&node.store).await;
    let (account, endpoint) = accounts[0];
    let event = accept(&node.store, account, endpoint).await;
    let server = Postgres::shared().expect("the tests have a database");
    let (_, name) = schema.url.rsplit_once("%3D").expect("the address names its schema");
    // As another node would that had not heard of this one for its lease, and died itself since.
    server.run(&format!("UPDATE {name}.shard SET node = 'gone', epoch = epoch + 1")).expect("done");
    node.store.record(sample::settlement(&event, endpoint, After::Delivered));
    node.ear.until("it is refused", |heard| heard.refused.len() == 1).await;
    // It was not the end: it takes what nobody does, under an epoch of its own, and goes on.
    node.ear.until("it lost its work and has it again", |heard| heard.moves >= 2).await;
    until("it has all of it", || node.owned(&accounts) == accounts.len()).await;
    node.store.record(sample::settlement(&event, endpoint, After::Delivered));
    node.ear.until("it is settled", |heard| heard.settled.len() == 1).await;
}

#[tokio::test]
async fn a_second_process_by_the_same_name_ends_the_first() {
    let schema = Schema::new();
    let first = Node::open(&schema, "same", LONG).await;
    let accounts = accounts(&first.store).await;
    let second = Node::open(&schema, "same", LONG).await;
    assert_eq!(second.owned(&accounts), accounts.len(), "its own work is taken up at once");
    let why = tokio::time::timeout(DEADLINE, first.store.lost()).await.expect("it is told");
    assert!(why.contains("was the data folder copied?"), "{why}");
    let (account, endpoint) = accounts[0];
    let refused = first.store.accept(vec![event(account, endpoint)]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    accept(&second.store, account, endpoint).await;
    assert_eq!(second.store.census().await.expect("the store reads").events, 1, "nothing of the first one's");
}

#[tokio::test]
async fn another_installation_and_a_schema_that_needs_a_newer_program_are_refused_with_words() {
    let schema = Schema::new();
    schema.try_open(schema.plan("one")).await.expect("the schema opens").close().await.expect("it closes");
    let mut other = schema.plan("one");
    other.encryption_key = SealingKey::of([8; 32]);
    let refused = schema.try_open(other).await.err().expect("another key is refused").to_string();
    assert!(refused.contains("belongs to another installation"), "{refused}");

    let server = Postgres::shared().expect("the tests have a database");
    let (_, name) = schema.url.rsplit_once("%3D").expect("the address names its schema");
    server.run(&format!("UPDATE {name}.ringup_schema SET version = 99")).expect("done");
    let beside = schema.try_open(schema.plan("one")).await.expect("a newer schema that only has more is none of ours");
    beside.close().await.expect("it closes");
    server.run(&format!("UPDATE {name}.ringup_schema SET oldest = 98")).expect("done");
    let refused = schema.try_open(schema.plan("one")).await.err().expect("a newer schema is refused").to_string();
    assert!(
        refused.contains("version 99 and needs a ringup that knows 98") && refused.contains("newer ringup"),
        "{refused}"
    );
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
