//! Keys, links and sessions: every field comes back, ends are kept, what is over is forgotten.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::account::{ApiKey, KeyKind, Role};
use ringup_core::id::KeyId;
use ringup_core::key::AccountKey;
use ringup_core::scope::{Scope, Scopes};

use super::scene::{Scene, put};
use super::{Home, sample};
use crate::seam::{Change, Store, StoreError};

pub async fn every_field_of_a_key_comes_back(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let parent = sample::api_key(Role::Operator);
    let full = ApiKey {
        kind: KeyKind::Console,
        scopes: [Scope::Read, Scope::EventTypes].into_iter().collect(),
        prefix: "rc_ü".to_owned(),
        parent: Some(parent.id),
        session: Some("user_1".to_owned()),
        feature_flags: Some(vec!["beta".to_owned(), String::new()]),
        expires_at: Some(sample::noon()),
        revoked_at: Some(sample::noon().saturating_add(Duration::from_micros(1))),
        used_at: Some(sample::noon().saturating_add(Duration::from_micros(2))),
        ..sample::api_key(Role::Account(scene.account))
    };
    let nothing = ApiKey {
        kind: KeyKind::Link,
        scopes: Scopes::NONE,
        feature_flags: Some(Vec::new()),
        prefix: String::new(),
        ..sample::api_key(Role::Operator)
    };
    let portal = ApiKey { kind: KeyKind::Portal, ..sample::api_key(Role::Account(scene.other)) };
    let mut keys = vec![parent, full, nothing, portal];
    for key in &keys {
        put(&scene.store, Change::PutKey(key.clone())).await;
    }
    keys.sort_by_key(|key| key.id);
    assert_eq!(stored(&scene.store).await, keys);
    let scene = scene.reopen(home).await;
    assert_eq!(stored(&scene.store).await, keys);
}

pub async fn a_key_of_nobody_is_refused(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let key = sample::api_key(Role::Account(AccountKey(9_999)));
    let answer = scene.store.change(Change::PutKey(key)).await;
    assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
    assert_eq!(stored(&scene.store).await, []);
}

pub async fn keys_are_revoked_together_or_not_at_all(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b] = [sample::api_key(Role::Operator), sample::api_key(Role::Account(scene.account))];
    for key in [&a, &b] {
        put(&scene.store, Change::PutKey(key.clone())).await;
    }
    let unknown = sample::api_key(Role::Operator).id;
    let answer = scene.store.change(Change::RevokeKeys(vec![a.id, unknown], sample::noon())).await;
    assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
    assert!(stored(&scene.store).await.iter().all(|key| key.revoked_at.is_none()));
    put(&scene.store, Change::RevokeKeys(vec![a.id, b.id], sample::noon())).await;
    let scene = scene.reopen(home).await;
    assert!(stored(&scene.store).await.iter().all(|key| key.revoked_at == Some(sample::noon())));
}

pub async fn the_last_use_only_grows(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let key = sample::api_key(Role::Operator);
    put(&scene.store, Change::PutKey(key.clone())).await;
    let later = sample::noon().saturating_add(Duration::from_secs(1));
    let unknown: KeyId = sample::api_key(Role::Operator).id;
    for (at, expected) in [(sample::noon(), sample::noon()), (later, later), (sample::noon(), later)] {
        put(&scene.store, Change::KeysUsed(vec![(unknown, at), (key.id, at)])).await;
        assert_eq!(stored(&scene.store).await, [ApiKey { used_at: Some(expected), ..key.clone() }]);
    }
}

pub async fn sessions_that_are_over_are_forgotten_and_keys_are_not(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let now = sample::noon();
    let earlier = now.saturating_sub(Duration::from_micros(1));
    let session = |kind| ApiKey { kind, ..sample::api_key(Role::Account(scene.account)) };
    let stay = [
        ApiKey { expires_at: Some(earlier), revoked_at: Some(earlier), ..session(KeyKind::Key) },
        ApiKey { expires_at: Some(now), ..session(KeyKind::Portal) },
        ApiKey { revoked_at: Some(now), ..session(KeyKind::Link) },
        session(KeyKind::Console),
    ];
    let go = [
        ApiKey { expires_at: Some(earlier), ..session(KeyKind::Portal) },
        ApiKey { revoked_at: Some(earlier), expires_at: Some(now), ..session(KeyKind::Console) },
        ApiKey { expires_at: Some(earlier), ..session(KeyKind::Link) },
    ];
    for key in stay.iter().chain(&go) {
        put(&scene.store, Change::PutKey(key.clone())).await;
    }
    put(&scene.store, Change::ForgetSessions(now)).await;
    let scene = scene.reopen(home).await;
    let mut expected = stay.to_vec();
    expected.sort_by_key(|key| key.id);
    assert_eq!(stored(&scene.store).await, expected);
}

pub async fn keys_go_with_their_account(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [own, other] = [scene.account, scene.other].map(|account| sample::api_key(Role::Account(account)));
    for key in [&own, &other] {
        put(&scene.store, Change::PutKey(key.clone())).await;
    }
    put(&scene.store, Change::DeleteAccount(scene.account)).await;
    let scene = scene.reopen(home).await;
    assert_eq!(stored(&scene.store).await, [other]);
}

async fn stored(store: &Arc<dyn Store>) -> Vec<ApiKey> {
    let mut keys = store.load_configuration().await.expect("the store reads").keys;
    keys.sort_by_key(|key| key.id);
    keys
}
