//! Nodes that speak to each other: an event is accepted by the node that delivers it, whichever was asked, and by the one
//! that was asked where that cannot be.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use ringup_core::id::EventId;
use ringup_store::query::{EventFilter, Order, PageRequest};
use ringup_store::seam::{EventName, Loaded};

use super::*;

/// Two of them, each with its share, that reach each other.
async fn pair(schema: &Schema) -> (Node, Node, Vec<(AccountKey, EndpointKey)>) {
    let first = Node::open_at(schema, "first", LONG, NodeAddress::Automatic).await;
    let accounts = accounts(&first.store).await;
    let second = Node::open_at(schema, "second", LONG, NodeAddress::Automatic).await;
    until("each has its share", || {
        let (of_first, of_second) = (first.owned(&accounts), second.owned(&accounts));
        of_first > 0 && of_second > 0 && of_first + of_second == accounts.len()
    })
    .await;
    for (asked, owner) in [(&first, &second), (&second, &first)] {
        hand_over(asked, owner, owned_by(owner, &accounts)[0]).await;
    }
    (first, second, accounts)
}

/// Publishes to a node until it has handed an event to the other: it does not while it has no connection, or the other was
/// slow a moment ago.
async fn hand_over(asked: &Node, owner: &Node, (account, endpoint): (AccountKey, EndpointKey)) -> EventId {
    let handed_over = async {
        loop {
            let id = accept(&asked.store, account, endpoint).await.id;
            let is_found = |found: &Loaded| found.event.id == id;
            owner
                .ear
                .until("the owner hears of it", |heard| {
                    heard.found.iter().any(is_found) || heard.fresh.iter().any(|fresh| fresh.event.id == id)
                })
                .await;
            if is_fresh(owner, id) {
                return id;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, handed_over).await.expect("they reach each other")
}

fn owned_by(node: &Node, accounts: &[(AccountKey, EndpointKey)]) -> Vec<(AccountKey, EndpointKey)> {
    accounts.iter().copied().filter(|(account, _)| node.store.owns(*account)).collect()
}

/// Whether the node accepted it itself, with what it delivers.
fn is_fresh(node: &Node, event: EventId) -> bool {
    node.ear.now(|heard| heard.fresh.iter().any(|fresh| fresh.event.id == event))
}

async fn stored(store: &PostgresStore, account: AccountKey) -> Vec<EventId> {
    let page = PageRequest { after: None, order: Order::OldestFirst, rows_max: 1_000 };
    let found = store.events(account, EventFilter::default(), page).await.expect("any node reads");
    found.rows.iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn an_event_is_accepted_by_the_node_that_delivers_it_whichever_was_asked() {
    let schema = Schema::new();
    let (first, second, accounts) = pair(&schema).await;
    for (account, endpoint) in accounts {
        let (owner, asked) = if first.store.owns(account) { (&first, &second) } else { (&second, &first) };
        let event = hand_over(asked, owner, (account, endpoint)).await;
        assert!(!is_fresh(asked, event));
        assert!(owner.ear.now(|heard| heard.found.iter().all(|it| it.event.id != event)), "it was written once");

        let mut named = NewEvent { uid: Some("order-7".to_owned()), ..self::event(account, endpoint) };
        named.extras.tags = vec!["till 3".to_owned()];
        let batch = vec![named.clone(), self::event(account, endpoint), named.clone()];
        let accepted = asked.store.accept(batch).await.expect("it is taken");
        let [Acceptance::New(one), Acceptance::New(two), Acceptance::UidTaken(same)] = accepted[..] else {
            panic!("in their order, the name once: {accepted:?}")
        };
        assert!(one == same && one < two);
        let again = asked.store.accept(vec![named]).await.expect("it is answered");
        assert_eq!(again, [Acceptance::UidTaken(one)]);
        let found = asked.store.event(account, EventName::Id(one)).await.expect("it reads");
        assert_eq!(found.expect("it is there").extras.tags, ["till 3"]);
    }
}

#[tokio::test]
async fn a_node_that_stops_answers_what_it_was_brought_and_the_other_goes_on_alone() {
    let schema = Schema::new();
    let (first, second, accounts) = pair(&schema).await;
    let theirs = owned_by(&second, &accounts);
    let publish = async |number: usize| {
        let (account, endpoint) = theirs[number % theirs.len()];
        let mut ids = Vec::new();
        for _ in 0..40 {
            ids.push((account, accept(&first.store, account, endpoint).await.id));
        }
        ids
    };
    let stop = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        second.store.close().await.expect("it closes");
    };
    let (published, ()) = tokio::join!(join_all((0..16).map(publish)), stop);
    let published: BTreeSet<_> = published.into_iter().flatten().collect();
    assert_eq!(published.len(), 16 * 40, "each was told an id of its own, also while the other stopped");
    for account in published.iter().map(|(account, _)| *account).collect::<BTreeSet<_>>() {
        let told = published.iter().filter(|(whose, _)| *whose == account).map(|(_, id)| *id);
        let told: BTreeSet<EventId> = told.collect();
        let stored = stored(&first.store, account).await;
        assert!(told.iter().all(|id| stored.contains(id)), "what was told to be stored is");
    }
}

#[tokio::test]
async fn a_node_that_died_is_not_waited_for() {
    let schema = Schema::new();
    let (first, second, accounts) = pair(&schema).await;
    let theirs = owned_by(&second, &accounts);
    second.store.abandon();
    for (account, endpoint) in theirs {
        // Sent to it before anybody knew that it is dead, it may stand or not.
        let told = first.store.accept(vec![event(account, endpoint)]).await;
        if let Err(error) = told {
            assert!(error.to_string().contains("may stand"), "{error}");
            assert!(first.store.accept(vec![event(account, endpoint)]).await.is_ok(), "the next one is accepted here");
        }
        assert!(!stored(&first.store, account).await.is_empty());
    }
}
