//! Retention beside everything else: files go and shrink while events come and settlements arrive.

mod sqlite_folder;

use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::After;
use ringup_store::conformance::scene::{Scene, all_pages, newest};
use ringup_store::conformance::{sample, within_deadline};
use ringup_store::query::{AttemptFilter, Order, Payload, StoredAttempt};
use ringup_store::seam::{NewEvent, Retention};
use sqlite_folder::Folder;

const WEEK: Duration = Duration::from_hours(7 * 24);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_loses_its_payloads_and_keeps_its_log_while_others_go_on() {
    within_deadline(async {
        // Chunks of posting lists are in the file, half written and in memory.
        let folder = Folder::with(|plan| plan.chunk_entries = 64);
        let scene = Scene::open(&folder).await;
        let payload = Bytes::from(vec![b' '; 4_096]);
        let mut old = Vec::new();
        for _ in 0..300 {
            let new = scene.new_event(sample::noon(), &scene.endpoints[..1]);
            old.push(scene.publish(NewEvent { payload: payload.clone(), ..new }).await);
        }
        for event in &old {
            scene.hand_over(sample::settlement(event, scene.endpoints[0], After::Delivered));
        }
        scene.settled().await;
        let today = sample::day(10);
        let plan = Retention { payloads: WEEK, attempts: WEEK * 5 };
        let publish = async {
            for _ in 0..200 {
                scene.publish_at(today).await;
            }
        };
        let read = async {
            for _ in 0..50 {
                let found = scene.attempts_of_endpoint(AttemptFilter::default(), newest(250)).await;
                assert_eq!(found.rows.len(), 250, "the log is whole at every moment");
            }
        };
        let (retained, (), ()) = tokio::join!(scene.store.retain(plan, today), publish, read);
        let retained = retained.expect("the store lets go");
        assert_eq!(retained.days_compacted, 1);
        // 300 payloads of 4 KiB.
        assert!(retained.bytes_freed > 1_000_000, "{} bytes", retained.bytes_freed);
        assert_eq!(scene.payload(old[0].id).await, Payload::Gone);
        assert_eq!(scene.event_ids().await.len(), 250);
        let scene = scene.reopen(&folder).await;
        let logged = all_pages(
            Order::NewestFirst,
            100,
            |row: &StoredAttempt| row.id.tick(),
            async |page| scene.attempts_of_endpoint(AttemptFilter::default(), page).await,
        )
        .await;
        assert_eq!(logged.len(), 300);
        let census = scene.store.census().await.expect("the store reads");
        assert_eq!((census.events, census.deliveries_live), (500, 200));
    })
    .await;
}

#[tokio::test]
async fn a_removed_day_leaves_no_file() {
    let folder = Folder::new();
    let scene = Scene::open(&folder).await;
    let event = scene.publish_at(sample::noon()).await;
    scene.attempt(&event, After::Delivered).await;
    scene.publish_at(sample::day(10)).await;
    let plan = Retention { payloads: WEEK, attempts: WEEK };
    let retained = scene.store.retain(plan, sample::day(10)).await.expect("the store lets go");
    assert_eq!(retained.days_removed, 1);
    assert!(retained.bytes_freed > 0);
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .expect("the folder can be listed")
        .map(|entry| entry.expect("the folder can be listed").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("day-2026-11-23"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    // A settlement that comes for it now is heard and harms nobody.
    scene.record(sample::settlement(&event, scene.endpoints[0], After::Delivered)).await;
    let scene = scene.reopen(&folder).await;
    assert_eq!(scene.event_ids().await.len(), 1);
}
