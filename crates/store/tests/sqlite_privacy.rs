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

#[tokio::test]
async fn what_was_expunged_leaves_the_disk_while_the_store_goes_on() {
    let folder = Folder::with(|plan| plan.idle = std::time::Duration::from_millis(50));
    let scene = Scene::open(&folder).await;
    let (mut events, mut attempts) = (Vec::new(), Vec::new());
    for number in 0..40 {
        // Of all sizes, so that some do not fit a page; each beside one that stays.
        let fill = "x".repeat(number * 300);
        for canary in [SECRET, PLAIN] {
            let payload = Bytes::from(format!(r#"{{"ID":"{canary}","fill":"{fill}"}}"#));
            let new = NewEvent { payload, ..scene.new_event(sample::noon(), &scene.endpoints[..1]) };
            let event = scene.publish(new).await;
            let settlement = sample::settlement(&event, scene.endpoints[0], sample::EXHAUSTED);
            let response = if canary == SECRET { format!("{RESPONSE} {fill}") } else { "fine".to_owned() };
            let attempt = settlement.attempt.clone();
            let attempt = attempt.map(|attempt| Attempt { response_body: response.into(), ..attempt });
            scene.record(Settlement { attempt, ..settlement }).await;
            if canary == SECRET {
                attempts.push(scene.attempts_of_event(event.id).await[0].id);
                events.push(event.id);
            }
        }
    }
    let found = |canary: &str| folder.files_with(canary.as_bytes()).len();
    // A look while the journal is folded may miss what moves from one file to the other.
    let there = async {
        while ![SECRET, PLAIN, RESPONSE].iter().all(|canary| found(canary) > 0) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), there).await.expect("they are there before");
    for (event, attempt) in events.iter().zip(attempts) {
        scene.store.expunge_event(scene.account, *event, sample::noon()).await.expect("it is there");
        scene.store.expunge_attempt(scene.account, *event, attempt).await.expect("it is there");
    }
    // The journal goes with the first rest of the writer; nobody has to close the store for it.
    let gone = async {
        while found(SECRET) + found(RESPONSE) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), gone).await.expect("they leave the disk");
    assert_eq!(found(PLAIN), 1, "others stay");
}
