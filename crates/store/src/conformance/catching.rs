//! Catchers and what they caught, as a file remembers them.

use std::sync::Arc;

use bytes::Bytes;
use ringup_core::catcher::{Capture, Catcher, FixedBody, Script, Stamp};
use ringup_core::id::{CatcherId, EndpointId};
use ringup_core::key::{AccountKey, CatcherKey};
use ringup_core::time::Timestamp;

use super::CatcherHome;
use crate::catcher::{CatcherFile, Limits, Range};
use crate::seam::StoreError;

const NOON: i64 = 1_795_521_600;
const ALL: Range = Range::After { number: 0, rows_max: 1_000 };

pub(super) fn catcher(token: &str) -> Catcher {
    Catcher {
        key: CatcherKey(0),
        id: CatcherId::new(Timestamp::from_secs(NOON), token.bytes().fold(0, |sum, byte| sum * 256 + u128::from(byte))),
        account: AccountKey(7),
        name: "lunch test".to_owned(),
        write_token: token.to_owned(),
        read_token_hash: Some([9; 32]),
        script: "503 x2, 200; then:loop seed:18446744073709551615".parse().expect("it is a script"),
        body: Some(FixedBody::Json("{\"ok\":true}".to_owned())),
        seed: u64::MAX,
        endpoint: Some(EndpointId([5; 20])),
        created_at: Timestamp::from_micros(1),
        updated_at: Timestamp::from_micros(2),
    }
}

pub(super) fn capture(catcher: CatcherKey, number: u64) -> Capture {
    let body = Bytes::from(format!("body {number}"));
    Capture {
        catcher,
        number,
        at: Timestamp::from_micros(NOON * 1_000_000 + i64::try_from(number).expect("few")),
        method: "POST".to_owned(),
        target: "/c/abc?x=1".to_owned(),
        version: "HTTP/1.1".to_owned(),
        head: Bytes::from_static(b"Host: a\r\nX-Odd: \xff\x00\r\nhost: b\r\n"),
        kept_bytes: body.len() as u64,
        body_bytes: body.len() as u64,
        body,
        peer: "[::1]:4711".parse().ok(),
        event: Some(format!("msg_{number}")),
        repeats: None,
        endpoint: None,
        signature: "valid".to_owned(),
        answer: "503".to_owned(),
        step: Some(0),
        stamp: None,
    }
}

async fn opened(home: &dyn CatcherHome) -> (Arc<dyn CatcherFile>, CatcherKey) {
    opened_with(home, Limits::default()).await
}

async fn opened_with(home: &dyn CatcherHome, limits: Limits) -> (Arc<dyn CatcherFile>, CatcherKey) {
    let store = home.open(limits).await;
    let key = store.put(catcher("one")).await.expect("it is put");
    (store, key)
}

async fn fill(store: &dyn CatcherFile, catcher: CatcherKey, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        store.capture(capture(catcher, number)).expect("it is taken in");
    }
}

async fn numbers(store: &dyn CatcherFile, catcher: CatcherKey, range: Range) -> Vec<u64> {
    let rows = store.requests(catcher, range, false).await.expect("they are read");
    rows.iter().map(|row| row.number).collect()
}

pub async fn a_catcher_comes_back_as_it_was(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    let bare = Catcher {
        script: Script::default(),
        body: None,
        read_token_hash: None,
        endpoint: None,
        seed: 0,
        ..catcher("two")
    };
    let other = store.put(bare.clone()).await.expect("it is put");
    assert_ne!(key, other);
    let store = home.reopen(store).await;
    let found: Vec<Catcher> = store.load().await.expect("they load").into_iter().map(|one| one.catcher).collect();
    assert_eq!(found, [Catcher { key, ..catcher("one") }, Catcher { key: other, ..bare }]);
}

pub async fn a_put_with_its_key_replaces_and_an_unknown_one_is_not_found(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    let changed = Catcher { key, name: "other".to_owned(), script: Script::default(), ..catcher("three") };
    assert_eq!(store.put(changed.clone()).await.expect("it is put"), key);
    let found = store.load().await.expect("they load");
    assert_eq!(found.iter().map(|one| &one.catcher).collect::<Vec<_>>(), [&changed]);
    let unknown = store.put(Catcher { key: CatcherKey(key.0 + 1), ..catcher("four") }).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)), "{unknown:?}");
    let gone = store.remove(CatcherKey(key.0 + 1)).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
}

pub async fn a_write_token_is_taken_once(home: &dyn CatcherHome) {
    let (store, _) = opened(home).await;
    let twice = Catcher { id: CatcherId([1; 20]), ..catcher("one") };
    let refused = store.put(twice).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

pub async fn a_request_comes_back_byte_for_byte(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    let odd = Capture {
        body: Bytes::from_static(b"\0\xff\r\n{\"a\":1.10}\n"),
        kept_bytes: 15,
        body_bytes: 1_000_000,
        peer: None,
        event: None,
        repeats: Some(1),
        endpoint: Some(EndpointId([3; 20])),
        step: None,
        stamp: Some(Stamp { waited_us: 35_000_001, cut_short: true }),
        ..capture(key, 2)
    };
    store.capture(capture(key, 1)).expect("it is taken in");
    store.capture(odd.clone()).expect("it is taken in");
    same(&*store, key, &odd).await;
    same(&*home.reopen(store).await, key, &odd).await;
}

async fn same(store: &dyn CatcherFile, key: CatcherKey, odd: &Capture) {
    let found = store.requests(key, ALL, true).await.expect("they are read");
    assert_eq!(found.iter().map(|row| Capture::clone(row)).collect::<Vec<_>>(), [capture(key, 1), odd.clone()]);
    let one = store.request(key, 2).await.expect("it is read").expect("it is there");
    assert_eq!(*one, *odd);
    assert!(one.is_cut());
    assert_eq!(store.request(key, 3).await.expect("it is read"), None);
    let bare = store.requests(key, ALL, false).await.expect("they are read");
    let bodies: Vec<_> = bare.iter().map(|row| (row.body.len(), row.kept_bytes, row.is_cut())).collect();
    assert_eq!(bodies, [(0, 6, false), (0, 15, true)]);
}

pub async fn requests_come_in_stretches(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    let other = store.put(catcher("two")).await.expect("it is put");
    fill(&*store, key, 1..=9).await;
    fill(&*store, other, [4, 5]).await;
    assert_eq!(numbers(&*store, key, Range::After { number: 6, rows_max: 2 }).await, [7, 8]);
    assert_eq!(numbers(&*store, key, Range::After { number: 9, rows_max: 2 }).await, [0; 0]);
    assert_eq!(numbers(&*store, key, Range::After { number: u64::MAX, rows_max: 2 }).await, [0; 0]);
    assert_eq!(numbers(&*store, key, Range::Before { number: u64::MAX, rows_max: 3 }).await, [9, 8, 7]);
    assert_eq!(numbers(&*store, key, Range::Before { number: 3, rows_max: 3 }).await, [2, 1]);
    assert_eq!(numbers(&*store, key, Range::Before { number: 0, rows_max: 3 }).await, [0; 0]);
    assert_eq!(numbers(&*store, other, ALL).await, [4, 5]);
    assert_eq!(numbers(&*store, CatcherKey(99), ALL).await, [0; 0]);
}

pub async fn a_full_catcher_loses_its_oldest(home: &dyn CatcherHome) {
    let (store, key) = opened_with(home, Limits { requests_max: 3, ..Limits::default() }).await;
    fill(&*store, key, 1..=5).await;
    assert_eq!(numbers(&*store, key, ALL).await, [3, 4, 5]);
    assert_eq!(store.usage().await.expect("it is known").requests, 3);
}

pub async fn all_together_stay_within_their_bytes(home: &dyn CatcherHome) {
    let limits = Limits { bytes_max: 16 << 20, ..Limits::default() };
    let (store, key) = opened_with(home, limits).await;
    let other = store.put(catcher("two")).await.expect("it is put");
    store.capture(capture(other, 1)).expect("it is taken in");
    let body = Bytes::from(vec![b'x'; 256 * 1024]);
    for number in 1..=80 {
        let large = Capture { body: body.clone(), kept_bytes: body.len() as u64, ..capture(key, number) };
        // One that is refused for want of room in the queue is not lost silently: it is asked for again.
        while store.capture(large.clone()).is_err() {
            tokio::task::yield_now().await;
        }
    }
    let usage = store.usage().await.expect("it is known");
    assert!(usage.bytes <= limits.bytes_max && usage.requests < 60, "{usage:?}");
    assert_eq!(numbers(&*store, other, ALL).await, [0; 0], "the oldest of all went first");
    assert_eq!(numbers(&*store, key, Range::Before { number: u64::MAX, rows_max: 1 }).await, [80]);
    let store = home.reopen(store).await;
    assert_eq!(store.usage().await.expect("it is known"), usage);
}

pub async fn old_requests_expire(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    let day = Limits::default().keep;
    fill(&*store, key, 1..=2).await;
    let late = Capture { at: Timestamp::from_secs(NOON).saturating_add(day), ..capture(key, 3) };
    store.capture(late).expect("it is taken in");
    let first = Timestamp::from_secs(NOON).saturating_add(day);
    assert_eq!(store.expire(first).await.expect("they expire"), 0);
    let second = first.saturating_add(std::time::Duration::from_secs(1));
    assert_eq!(store.expire(second).await.expect("they expire"), 2);
    assert_eq!(numbers(&*store, key, ALL).await, [3]);
}

pub async fn cleared_requests_are_gone_and_their_numbers_stay_given(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    fill(&*store, key, 1..=3).await;
    assert_eq!(store.clear(key, Some(2)).await.expect("it goes"), 1);
    assert_eq!(store.clear(key, Some(2)).await.expect("it is gone"), 0);
    assert_eq!(numbers(&*store, key, ALL).await, [1, 3]);
    assert_eq!(store.clear(key, None).await.expect("they go"), 2);
    assert_eq!(store.usage().await.expect("it is known").bytes, 0);
    let store = home.reopen(store).await;
    assert_eq!(store.load().await.expect("they load").first().map(|one| one.last_number), Some(3));
    // A number that was given before is not taken again.
    fill(&*store, key, [3, 4]).await;
    assert_eq!(numbers(&*store, key, ALL).await, [4]);
}

pub async fn a_removed_catcher_takes_its_requests(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    fill(&*store, key, 1..=3).await;
    store.remove(key).await.expect("it goes");
    fill(&*store, key, [4]).await;
    assert_eq!(numbers(&*store, key, ALL).await, [0; 0]);
    assert_eq!(store.usage().await.expect("it is known").requests, 0);
    let store = home.reopen(store).await;
    assert_eq!(store.load().await.expect("they load"), []);
    assert!(store.put(catcher("two")).await.expect("it is put") > key, "keys are never given twice");
}

pub async fn a_stamp_says_how_an_answer_ended(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    fill(&*store, key, [1]).await;
    let stamp = Stamp { waited_us: 1_500, cut_short: true };
    store.stamp(key, 1, stamp);
    store.stamp(key, 2, stamp);
    let found = store.request(key, 1).await.expect("it is read").expect("it is there");
    assert_eq!(found.stamp, Some(stamp));
}

pub async fn everything_is_there_after_a_restart(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    fill(&*store, key, 1..=3).await;
    let nameless = Capture { event: None, ..capture(key, 4) };
    store.capture(nameless).expect("it is taken in");
    let store = home.reopen(store).await;
    let loaded = store.load().await.expect("they load");
    let [remembered] = loaded.as_slice() else { panic!("one catcher, not {loaded:?}") };
    assert_eq!(remembered.last_number, 4);
    let event = |number: u64| (Some(format!("msg_{number}")), number);
    assert_eq!(remembered.events, [event(1), event(2), event(3), (None, 4)]);
    assert_eq!(numbers(&*store, key, ALL).await, [1, 2, 3, 4]);
}

pub async fn a_closed_store_refuses(home: &dyn CatcherHome) {
    let (store, key) = opened(home).await;
    store.close().await.expect("it closes");
    store.close().await.expect("it is closed");
    assert!(store.load().await.is_err());
    assert!(store.capture(capture(key, 1)).is_err());
    assert!(store.requests(key, ALL, false).await.is_err());
    store.stamp(key, 1, Stamp { waited_us: 0, cut_short: false });
}
