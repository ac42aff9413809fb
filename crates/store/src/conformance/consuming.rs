//! How far consumers have pulled.

use ringup_core::time::Tick;

use super::Home;
use super::scene::Scene;
use crate::seam::{Change, StoreError};

pub async fn a_consumer_is_where_it_was_put(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    let at = async |scene: &Scene, endpoint, name: &str| {
        scene.store.consumer(endpoint, name.to_owned()).await.expect("the store reads")
    };
    let put = async |endpoint, name: &str, position| {
        scene.store.move_consumer(endpoint, name.to_owned(), Tick(position), 2).await
    };
    assert_eq!(at(&scene, a, "erp").await, None);
    put(a, "erp", 7).await.expect("there is room");
    put(a, "bi", 9).await.expect("there is room");
    put(b, "erp", 1).await.expect("another endpoint has consumers of its own");
    put(a, "erp", 5).await.expect("back, too");
    let refused = put(a, "third", 1).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    put(a, "bi", 10).await.expect("it is there already");
    assert_eq!((at(&scene, a, "erp").await, at(&scene, a, "bi").await), (Some(Tick(5)), Some(Tick(10))));
    assert_eq!((at(&scene, b, "erp").await, at(&scene, a, "third").await), (Some(Tick(1)), None));
    scene.store.change(Change::DeleteEndpoint(b)).await.expect("it is there");
    assert_eq!(at(&scene, b, "erp").await, None, "consumers go with their endpoint");
    let Some(scene) = scene.crash(home).await else { return };
    assert_eq!((at(&scene, a, "erp").await, at(&scene, a, "bi").await), (Some(Tick(5)), Some(Tick(10))));
}
