//! The audit log: one with the change it tells of, listed, and forgotten when it is old.

use std::time::Duration;

use ringup_core::account::KeyKind;
use ringup_core::audit::{Actor, ActorRole, AuditEntry, AuditVerb, FieldChange};
use ringup_core::id::{AccountId, AuditId, KeyId};
use ringup_core::key::{EndpointKey, EnvironmentKey};
use ringup_core::limits::AUDIT_FORGOTTEN_AT_ONCE_MAX;
use ringup_core::time::{Tick, Timestamp};

use super::scene::{Scene, put};
use super::{Home, sample};
use crate::audit::AuditFilter;
use crate::query::Order;
use crate::seam::{Change, StoreError};

pub async fn every_field_of_an_entry_comes_back(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let bare = entry(0);
    let full = AuditEntry {
        actor: Actor {
            role: ActorRole::Account,
            key: Some(KeyId([7; 20])),
            parent: Some(KeyId([8; 20])),
            kind: KeyKind::Console,
            name: "till \"ü\"".to_owned(),
            session: Some("user_1".to_owned()),
            address: Some("2001:db8::1".parse().expect("an address")),
            request: Some("req_1".to_owned()),
        },
        environment: Some(EnvironmentKey(1)),
        account: Some(AccountId([9; 20])),
        changes: vec![
            FieldChange { before: Some(String::new()), after: None, ..FieldChange::set("description", "") },
            FieldChange { before: None, after: None, hidden: true, ..FieldChange::set("secret", "") },
            FieldChange::set("url", "https://receiver.example/"),
        ],
        ..entry(1)
    };
    let of_each = AuditVerb::ALL.iter().zip(2..).map(|(verb, number)| AuditEntry { verb: *verb, ..entry(number) });
    let mut entries = vec![bare, full];
    entries.extend(of_each);
    put(&scene.store, Change::Record(entries.clone())).await;
    assert_eq!(all(&scene, AuditFilter::default()).await, entries);
    let scene = scene.reopen(home).await;
    assert_eq!(all(&scene, AuditFilter::default()).await, entries);
}

pub async fn a_change_and_its_entry_are_one(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let made = Change::PutEndpoint(sample::endpoint(scene.account, 7));
    let told = Change::Announced(Box::new(made), Vec::new());
    let key = put(&scene.store, Change::Recorded(Box::new(told), vec![entry(1)])).await;
    let configuration = scene.store.load_configuration().await.expect("the store reads");
    assert!(configuration.endpoints.iter().any(|endpoint| endpoint.key == EndpointKey(key)), "the key is answered");
    assert_eq!(all(&scene, AuditFilter::default()).await, [entry(1)]);

    let unknown = Change::DeleteEndpoint(EndpointKey(9_999));
    let refused = scene.store.change(Change::Recorded(Box::new(unknown), vec![entry(2)])).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    assert_eq!(all(&scene, AuditFilter::default()).await, [entry(1)], "what did not happen is not told");
}

pub async fn entries_are_listed_by_each_filter_in_pages(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut entries = Vec::new();
    for number in 1..=6_u8 {
        let mut new = entry(number.into());
        new.environment = (number != 6).then_some(EnvironmentKey(if number == 5 { 2 } else { 1 }));
        new.account = (number % 2 == 0).then_some(AccountId([1; 20]));
        new.actor.key = Some(KeyId([number; 20]));
        new.actor.parent = (number == 4).then_some(KeyId([2; 20]));
        new.verb = if number < 4 { AuditVerb::EndpointUpdated } else { AuditVerb::KeyCreated };
        entries.push(new);
    }
    put(&scene.store, Change::Record(entries)).await;
    let none = AuditFilter::default;
    for (filter, expected) in [
        (none(), vec![1, 2, 3, 4, 5, 6]),
        (AuditFilter { environment: Some(EnvironmentKey(1)), ..none() }, vec![1, 2, 3, 4]),
        (AuditFilter { account: Some(AccountId([1; 20])), ..none() }, vec![2, 4, 6]),
        (AuditFilter { actor: Some(KeyId([2; 20])), ..none() }, vec![2, 4]),
        (AuditFilter { verbs: Some(vec![AuditVerb::KeyCreated]), ..none() }, vec![4, 5, 6]),
        (
            AuditFilter { verbs: Some(vec![AuditVerb::KeyCreated, AuditVerb::EndpointUpdated]), ..none() },
            vec![1, 2, 3, 4, 5, 6],
        ),
        (AuditFilter { before: Some(at(3)), ..none() }, vec![1, 2]),
        (AuditFilter { after: Some(at(3)), ..none() }, vec![4, 5, 6]),
        (
            AuditFilter {
                environment: Some(EnvironmentKey(1)),
                account: Some(AccountId([1; 20])),
                actor: Some(KeyId([2; 20])),
                verbs: Some(vec![AuditVerb::KeyCreated]),
                before: Some(at(5)),
                after: Some(at(1)),
            },
            vec![4],
        ),
        (AuditFilter { account: Some(AccountId([2; 20])), ..none() }, vec![]),
    ] {
        assert_eq!(numbers(&all(&scene, filter.clone()).await), expected, "{filter:?}");
    }
    let page = async |after, order| {
        let found = scene.store.audit(none(), after, order, 4).await.expect("the store reads");
        numbers(&found)
    };
    assert_eq!(page(None, Order::OldestFirst).await, [1, 2, 3, 4]);
    assert_eq!(page(Some(id(4)), Order::OldestFirst).await, [5, 6]);
    assert_eq!(page(None, Order::NewestFirst).await, [6, 5, 4, 3]);
    assert_eq!(page(Some(id(3)), Order::NewestFirst).await, [2, 1]);
}

pub async fn the_oldest_are_forgotten(home: &dyn Home) {
    let scene = Scene::open(home).await;
    put(&scene.store, Change::Record((1..=6).map(entry).collect())).await;
    let forget = async |before, rows_max| scene.store.forget_audit(before, rows_max).await.expect("the store takes it");
    assert_eq!(forget(at(3), 100).await, 2);
    assert_eq!(numbers(&all(&scene, AuditFilter::default()).await), [3, 4, 5, 6]);
    assert_eq!(forget(at(3), 100).await, 0, "at its time it is not yet over");
    assert_eq!(forget(at(3), 3).await, 1);
    assert_eq!(forget(at(6), 2).await, 2, "whichever is more");
    assert_eq!(numbers(&all(&scene, AuditFilter::default()).await), [6]);

    let many = AUDIT_FORGOTTEN_AT_ONCE_MAX + 1;
    let numbers = 7..7 + u64::try_from(many).expect("small");
    put(&scene.store, Change::Record(numbers.map(entry).collect())).await;
    assert_eq!(forget(Timestamp::MAX, 0).await, AUDIT_FORGOTTEN_AT_ONCE_MAX, "not all at once");
    assert_eq!(forget(Timestamp::default(), 1).await, 1);
    assert_eq!(all(&scene, AuditFilter::default()).await.len(), 1);
}

pub async fn entries_survive_a_crash_and_their_account(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let gone = Change::DeleteAccount(scene.account);
    put(&scene.store, Change::Recorded(Box::new(gone), vec![entry(1)])).await;
    let Some(scene) = scene.crash(home).await else { return };
    assert_eq!(all(&scene, AuditFilter::default()).await, [entry(1)]);
}

fn at(number: u64) -> Timestamp {
    sample::noon().saturating_add(Duration::from_micros(number))
}

fn id(number: u64) -> AuditId {
    AuditId::of_tick(Tick::at(at(number)), [0; 12])
}

fn entry(number: u64) -> AuditEntry {
    AuditEntry {
        id: id(number),
        actor: Actor::machine(),
        verb: AuditVerb::AccountCreated,
        environment: None,
        account: None,
        subject: format!("app_{number}"),
        label: String::new(),
        changes: Vec::new(),
    }
}

fn numbers(entries: &[AuditEntry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.at().as_micros() - sample::noon().as_micros()).collect()
}

async fn all(scene: &Scene, filter: AuditFilter) -> Vec<AuditEntry> {
    scene.store.audit(filter, None, Order::OldestFirst, 100).await.expect("the store reads")
}
