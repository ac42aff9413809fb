//! What is to be told of changes, kept with them until it was told.

use ringup_core::id::{AccountId, EndpointId};
use ringup_core::key::{EndpointKey, EnvironmentKey};
use ringup_core::operational::{Notice, OperationalKind, Subject};

use super::scene::{Scene, put};
use super::{Home, sample};
use crate::seam::{Change, StoreError};

pub async fn a_change_and_what_is_told_of_it_are_one(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let notices: Vec<Notice> = OperationalKind::ALL.iter().map(|kind| notice(*kind)).collect();
    let made = Change::PutEndpoint(sample::endpoint(scene.account, 7));
    let key = put(&scene.store, Change::Announced(Box::new(made), notices.clone())).await;
    let configuration = scene.store.load_configuration().await.expect("the store reads");
    assert!(configuration.endpoints.iter().any(|endpoint| endpoint.key == EndpointKey(key)), "the key is answered");
    let kept = waiting(&scene, 100).await;
    assert_eq!(kept.iter().map(|(_, notice)| notice.clone()).collect::<Vec<_>>(), notices, "in their order");
    assert_eq!(waiting(&scene, 2).await, kept[..2]);

    let unknown = Change::DeleteEndpoint(EndpointKey(9_999));
    let refused = Change::Announced(Box::new(unknown), vec![notice(OperationalKind::EndpointDeleted)]);
    let refused = scene.store.change(refused).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    assert_eq!(waiting(&scene, 100).await.len(), notices.len(), "what did not happen is not told");

    let (first, _) = kept[0];
    put(&scene.store, Change::DropNotice(first)).await;
    assert_eq!(waiting(&scene, 100).await, kept[1..]);
    let again = scene.store.change(Change::DropNotice(first)).await;
    assert!(matches!(again, Err(StoreError::NotFound)), "{again:?}");
}

pub async fn what_was_not_told_survives_a_crash(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let gone = Change::DeleteEndpoint(scene.endpoints[2]);
    put(&scene.store, Change::Announced(Box::new(gone), vec![notice(OperationalKind::EndpointDeleted)])).await;
    let [(number, kept)] = waiting(&scene, 100).await.try_into().expect("one waits");
    let Some(scene) = scene.crash(home).await else { return };
    assert_eq!(waiting(&scene, 100).await, [(number, kept)]);
    put(&scene.store, Change::DropNotice(number)).await;
    let next = Change::DeleteEndpoint(scene.endpoints[1]);
    put(&scene.store, Change::Announced(Box::new(next), vec![notice(OperationalKind::EndpointDeleted)])).await;
    assert!(waiting(&scene, 100).await[0].0 > number, "no number is given twice: events are known by it");
}

fn notice(kind: OperationalKind) -> Notice {
    let with_uids = kind == OperationalKind::EndpointDisabled;
    Notice {
        kind,
        environment: EnvironmentKey(1),
        subject: Subject {
            account: AccountId([1; 20]),
            account_uid: with_uids.then(|| "shop".to_owned()),
            endpoint: EndpointId([2; 20]),
            endpoint_uid: with_uids.then(|| "erp".to_owned()),
        },
        automatic: with_uids,
    }
}

async fn waiting(scene: &Scene, rows_max: usize) -> Vec<(i64, Notice)> {
    scene.store.notices(rows_max).await.expect("the store reads")
}
