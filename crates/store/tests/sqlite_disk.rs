//! A disk that is full, and files that are folded and removed.

mod sqlite_folder;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::After;
use ringup_store::StoreError;
use ringup_store::conformance::scene::Scene;
use ringup_store::conformance::{sample, within_deadline};
use ringup_store::seam::NewEvent;
use sqlite_folder::{Folder, TODAY};

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_by_itself() {
    within_deadline(async {
        let pages = Arc::new(AtomicU32::new(64));
        let limit = pages.clone();
        let folder = Folder::with(|plan| plan.pages_max = Some(limit));
        let scene = Scene::open(&folder).await;
        let big = || NewEvent {
            payload: Bytes::from(vec![b' '; 4_096]),
            ..scene.new_event(sample::noon(), &scene.endpoints[..1])
        };
        let mut kept = Vec::new();
        let refusal = loop {
            match scene.store.accept(vec![big(), big()]).await {
                Ok(acceptances) => kept.push(acceptances),
                Err(error) => break error,
            }
            assert!(kept.len() < 1_000, "64 pages hold no more");
        };
        let StoreError::Unavailable(text) = &refusal else { panic!("expected `Unavailable`, got {refusal:?}") };
        assert!(text.contains(TODAY) && text.contains("full"), "{text}");
        assert!(!kept.is_empty());
        // Nothing of what was refused is there, and reading goes on.
        assert_eq!(scene.event_ids().await.len(), kept.len() * 2);
        // A settlement is kept until it fits.
        let live = scene.live(scene.endpoints[0]).await;
        for loaded in &live {
            let mut settlement = sample::settlement(&loaded.event, scene.endpoints[0], After::Delivered);
            settlement.attempt = settlement.attempt.map(|mut attempt| {
                attempt.response_body = Bytes::from(vec![b'x'; 8_192]);
                attempt
            });
            scene.hand_over(settlement);
        }
        let again = scene.store.accept(vec![big()]).await;
        assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");

        pages.store(1_000_000, Ordering::SeqCst);
        scene.settled().await;
        scene.publish(big()).await;
        assert_eq!(scene.event_ids().await.len(), kept.len() * 2 + 1);
        assert_eq!(scene.live(scene.endpoints[0]).await.len(), 1);
        let scene = scene.reopen(&folder).await;
        assert_eq!(scene.event_ids().await.len(), kept.len() * 2 + 1);
    })
    .await;
}

/// Under load without a pause, so that the journal can only start over between two commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_does_not_grow_without_end() {
    within_deadline(async {
        let folder = Folder::with(|plan| plan.journal_bytes = 256 * 1_024);
        let scene = Scene::open(&folder).await;
        let payload = Bytes::from(vec![b' '; 16 * 1_024]);
        for _ in 0..600 {
            let event = || NewEvent { payload: payload.clone(), ..scene.new_event(sample::noon(), &[]) };
            scene.accept(vec![event(), event()]).await;
        }
        let length = std::fs::metadata(folder.file(&format!("{TODAY}-wal"))).expect("a journal is there").len();
        // 20 MB went through it.
        assert!(length < 8 * 1_024 * 1_024, "the journal has {length} bytes");
        scene.store.close().await.expect("it closes");
        assert!(!folder.file(&format!("{TODAY}-wal")).exists(), "a closed store leaves no journal");
    })
    .await;
}

#[tokio::test]
async fn an_idle_store_folds_its_journal_away() {
    within_deadline(async {
        let folder = Folder::with(|plan| plan.idle = Duration::from_millis(20));
        let scene = Scene::open(&folder).await;
        scene.publish_at(sample::noon()).await;
        let journal = folder.file(&format!("{TODAY}-wal"));
        while std::fs::metadata(&journal).expect("a journal is there").len() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(scene.event_ids().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn too_much_waiting_is_refused() {
    let folder = Folder::with(|plan| plan.inbox_events_max = 10);
    let scene = Scene::open(&folder).await;
    let batch = || (0..8).map(|_| scene.new_event(sample::noon(), &[])).collect::<Vec<_>>();
    let calls: Vec<_> = (0..50).map(|_| scene.store.accept(batch())).collect();
    let answers = futures_util::future::join_all(calls).await;
    let refused = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Unavailable(_)))).count();
    assert!(refused > 0, "50 batches of 8 do not wait in an inbox of 10");
    assert_eq!(scene.event_ids().await.len(), (answers.len() - refused) * 8, "what was taken is kept, the rest is not");
}
