//! Files of every version that was released open, and say what they said then.
//!
//! A version's folder is written once, by `RINGUP_FIXTURE=sqlite-v1 cargo test -p ringup-store --test sqlite_fixture`, and then
//! never changed.

mod sqlite_folder;

use std::path::PathBuf;

use ringup_core::delivery::{After, DeliveryState, Ended};
use ringup_core::key::EndpointKey;
use ringup_core::time::Tick;
use ringup_store::conformance::sample;
use ringup_store::conformance::scene::{Scene, newest, skipped, target};
use ringup_store::query::{AttemptFilter, EventFilter, Payload};
use ringup_store::seam::{NewEvent, Store};
use sqlite_folder::{Folder, TODAY};

fn fixture(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version)
}

/// A bit of everything: two events with deliveries in every state, and posting lists in the file.
async fn write(version: &str) {
    let folder = Folder::with(|plan| plan.page_bytes = 512);
    let scene = Scene::open(&folder).await;
    let [a, b, c] = scene.endpoints;
    let publish = || NewEvent {
        uid: Some("INV-1".to_owned()),
        channels: vec!["kemang".to_owned()],
        targets: vec![target(a), target(b), skipped(c)],
        ..sample::event(scene.account, sample::noon())
    };
    let delivered = scene.publish(publish()).await;
    scene.hand_over(sample::settlement(&delivered, a, After::Delivered));
    scene.hand_over(sample::settlement(&delivered, b, sample::EXHAUSTED));
    let retried = scene.publish(NewEvent { uid: None, ..publish() }).await;
    scene.hand_over(sample::settlement(&retried, a, sample::retry(&retried)));
    scene.settled().await;
    scene.store.close().await.expect("it closes");
    let into = fixture(version);
    std::fs::create_dir_all(&into).expect("the fixture's folder can be made");
    for name in ["catalog.db", TODAY] {
        std::fs::copy(folder.file(name), into.join(name)).expect("the fixture can be written");
    }
}

#[tokio::test]
async fn version_1_opens() {
    if let Ok(version) = std::env::var("RINGUP_FIXTURE") {
        write(&version).await;
    }
    let folder = Folder::new();
    for name in ["catalog.db", TODAY] {
        std::fs::copy(fixture("sqlite-v1").join(name), folder.file(name)).expect("the fixture is there");
    }
    let store = folder.try_start().await.expect("an old folder opens");
    let configuration = store.load_configuration().await.expect("the store reads");
    assert_eq!((configuration.accounts.len(), configuration.endpoints.len()), (2, 4));
    let account = configuration.accounts[0].key;
    let [a, b, c] = [0, 1, 2].map(|at: usize| configuration.endpoints[at].key);

    let events = store.events(account, EventFilter::default(), newest(10)).await.expect("the store reads").rows;
    let [retried, delivered] = events.as_slice() else { panic!("two events, not {}", events.len()) };
    assert_eq!(delivered.payload, Payload::Kept(sample::PAYLOAD.into()));
    assert_eq!(delivered.channels, ["kemang"]);
    assert_eq!(delivered.uid.as_deref(), Some("INV-1"));
    let states = |endpoint: EndpointKey, of: &[ringup_store::query::Destination]| {
        of.iter().find(|destination| destination.endpoint == endpoint).expect("it went there").state
    };
    let of_delivered = store.destinations(account, delivered.id).await.expect("the store reads");
    assert_eq!(states(a, &of_delivered), None);
    assert_eq!(states(b, &of_delivered), Some(DeliveryState::Ended(Ended::Exhausted)));
    assert_eq!(states(c, &of_delivered), Some(DeliveryState::Ended(Ended::Skipped)));
    let of_retried = store.destinations(account, retried.id).await.expect("the store reads");
    assert!(matches!(states(a, &of_retried), Some(DeliveryState::Scheduled(_))));
    assert_eq!(store.waiting(b, Tick(0), false, 10).await.expect("the store reads").len(), 1);

    let attempts = store.attempts_of_endpoint(account, a, AttemptFilter::default(), newest(10)).await;
    let attempts = attempts.expect("the store reads").rows;
    assert_eq!(attempts.iter().map(|attempt| attempt.event).collect::<Vec<_>>(), [retried.id, delivered.id]);
    assert_eq!(&*attempts[0].url, "https://receiver.example/1");
    let minute = sample::noon().as_minutes();
    let counts = store.counts(a, minute, minute + 1).await.expect("the store reads");
    assert_eq!((counts[0].delivered, counts[0].refused), (1, 1));
    let census = store.census().await.expect("the store reads");
    assert_eq!((census.events, census.deliveries_live, census.deliveries_ended), (2, 2, 3));
    store.close().await.expect("it closes");
}
