//! What must not be in the files is not in them: read as bytes, free pages and journals included.

mod sqlite_folder;

use std::sync::Arc;

use bytes::Bytes;
use ringup_core::delivery::After;
use ringup_core::event::KeepPayload;
use ringup_store::conformance::sample;
use ringup_store::conformance::scene::Scene;
use ringup_store::log_entry::Attempt;
use ringup_store::seam::{NewEvent, Settlement};
use sqlite_folder::Folder;

const SECRET: &str = "canary-of-the-member";
const PLAIN: &str = "canary-of-the-invoice";
const RESPONSE: &str = "canary-of-the-response";

/// Publishes events that were delivered, some at the second attempt; closes, and answers where each canary lies.
async fn told(keep: KeepPayload, logs_success: bool, logs_failure: bool) -> [usize; 3] {
    let folder = Folder::new();
    let scene = Scene::open(&folder).await;
    for number in 0..60 {
        // Of all sizes, so that some do not fit a page.
        let fill = "x".repeat(number * 300);
        let payload = format!(r#"{{"ID":"{PLAIN}","fill":"{fill}","member":{{"phone":"{SECRET}"}}}}"#);
        let event = NewEvent {
            payload: Bytes::from(payload),
            keep_payload: keep.clone(),
            ..scene.new_event(sample::noon(), &scene.endpoints[..2])
        };
        let event = scene.publish(event).await;
        let settled = |endpoint, after, logged| {
            let settlement = sample::settlement(&event, endpoint, after);
            let attempt = settlement.attempt.clone().filter(|_| logged);
            let attempt = attempt.map(|attempt| Attempt { response_body: RESPONSE.into(), ..attempt });
            Settlement { attempt, ..settlement }
        };
        scene.hand_over(settled(scene.endpoints[0], After::Delivered, logs_success));
        if number % 2 == 0 {
            scene.hand_over(settled(scene.endpoints[1], sample::retry(&event), logs_failure));
        }
        scene.hand_over(settled(scene.endpoints[1], After::Delivered, logs_success));
    }
    scene.settled().await;
    let minute = sample::noon().as_minutes();
    let counts = scene.store.counts(scene.endpoints[1], minute, minute + 1).await.expect("the store reads");
    assert_eq!((counts[0].delivered, counts[0].refused), (60, 30), "counters do not depend on what is logged");
    scene.store.close().await.expect("it closes");
    [SECRET, PLAIN, RESPONSE].map(|canary| folder.files_with(canary.as_bytes()).len())
}

fn pointers() -> Arc<[String]> {
    Arc::from(["/member/phone".to_owned()])
}

#[tokio::test]
async fn what_is_kept_is_found() {
    // The test of the test: the canaries do sing.
    assert_eq!(told(KeepPayload::Whole, true, true).await, [1, 1, 1]);
}

#[tokio::test]
async fn nothing_is_left_without_a_log() {
    assert_eq!(told(KeepPayload::Never, false, false).await, [0, 0, 0]);
}

#[tokio::test]
async fn redacted_values_leave_the_disk() {
    assert_eq!(told(KeepPayload::Redacted(pointers()), true, true).await, [0, 1, 1]);
}

#[tokio::test]
async fn an_error_log_keeps_only_what_went_wrong() {
    assert_eq!(told(KeepPayload::IfLogged(pointers()), false, true).await, [0, 1, 1]);
    // Nothing went wrong anywhere, so nothing stays.
    assert_eq!(told(KeepPayload::IfLogged(pointers()), false, false).await, [0, 0, 0]);
}
