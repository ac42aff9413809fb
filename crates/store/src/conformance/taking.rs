//! Catchers as they are used: found by their names, counted by their scripts, watched by whoever waits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use ringup_core::catcher::{Capture, Catcher, Stamp};
use ringup_core::key::{AccountKey, CatcherKey};

use super::CatchersHome;
use super::catching::{capture, catcher};
use crate::catcher::{CatcherStore, Limits, Range, Shown, Standing, Taken};
use crate::seam::StoreError;

const ALL: Range = Range::After { number: 0, rows_max: 1_000 };

fn shown(change: impl Fn(Capture) -> Capture + Send + Sync + 'static) -> Shown {
    Arc::new(move |taken: &Taken| {
        let repeats = taken.sighting.repeats;
        change(Capture { repeats, ..capture(taken.catcher.key, taken.number) })
    })
}

async fn take(store: &dyn CatcherStore, key: CatcherKey, event: Option<&str>) -> Taken {
    let event = event.map(str::to_owned);
    let of_event = event.clone();
    let shown = shown(move |capture| Capture { event: of_event.clone(), ..capture });
    store.take(key, event, shown).await.expect("it is taken in")
}

async fn opened(home: &dyn CatchersHome, limits: Limits, script: &str) -> (Arc<dyn CatcherStore>, Arc<Catcher>) {
    let store = home.open(limits).await;
    let script = script.parse().expect("it is a script");
    let put = store.put(Catcher { script, ..catcher("one") }).await.expect("it is put");
    (store, put)
}

async fn numbers(store: &dyn CatcherStore, key: CatcherKey) -> Vec<u64> {
    store.requests(key, ALL, false).await.expect("they are read").iter().map(|row| row.number).collect()
}

pub async fn a_catcher_is_found_by_each_of_its_names(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "200").await;
    assert!(one.key > CatcherKey(0));
    let two = store.put(catcher("two")).await.expect("it is put");
    let elsewhere = Catcher { account: AccountKey(8), ..catcher("three") };
    store.put(elsewhere).await.expect("it is put");
    let fresh = |catcher: &Arc<Catcher>| Standing { catcher: catcher.clone(), requests: 0, of_newest: 0 };
    assert_eq!(store.of_account(AccountKey(7)).await.expect("it is read"), [fresh(&one), fresh(&two)]);
    assert_eq!(store.find(two.id).await.expect("it is read"), Some(fresh(&two)));
    assert_eq!(store.addressed("two".to_owned()).await.expect("it is read"), Some(two.clone()));
    assert_eq!(store.addressed("four".to_owned()).await.expect("it is read"), None);
    store.remove(two.key).await.expect("it goes");
    assert_eq!(store.find(two.id).await.expect("it is read"), None);
    assert_eq!(store.addressed("two".to_owned()).await.expect("it is read"), None);
    assert_eq!(store.of_account(AccountKey(7)).await.expect("it is read"), [fresh(&one)]);
}

pub async fn what_cannot_be_is_refused(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "200").await;
    let twice = Catcher { id: catcher("two").id, ..catcher("one") };
    assert!(matches!(store.put(twice).await, Err(StoreError::Conflict(_))));
    let unknown = CatcherKey(one.key.0 + 1);
    assert!(matches!(store.put(Catcher { key: unknown, ..catcher("two") }).await, Err(StoreError::NotFound)));
    assert!(matches!(store.remove(unknown).await, Err(StoreError::NotFound)));
    assert!(matches!(store.restart(unknown).await, Err(StoreError::NotFound)));
    assert!(matches!(store.take(unknown, None, shown(|capture| capture)).await, Err(StoreError::NotFound)));
    assert!(store.news(unknown).await.expect("it is read").is_none());
    assert_eq!(store.clear(unknown, None).await.expect("there is nothing"), 0);
}

pub async fn each_event_is_counted_for_itself(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits { requests_max: 2, ..Limits::default() }, "503 x2, 200").await;
    let mut seen = Vec::new();
    for event in [Some("a"), Some("b"), Some("a"), None, None, Some("a")] {
        let Taken { sighting, number, .. } = take(&*store, one.key, event).await;
        seen.push((number, sighting.seen, sighting.requests, sighting.repeats));
    }
    let expected =
        [(1, 0, 0, None), (2, 0, 1, None), (3, 1, 2, Some(1)), (4, 0, 3, None), (5, 1, 4, None), (6, 2, 5, Some(1))];
    assert_eq!(seen, expected, "also of requests that are not kept any more");
    let standing = store.find(one.id).await.expect("it is read").expect("it is there");
    assert_eq!((standing.requests, standing.of_newest), (6, 2), "those of no event were new last");
    assert_eq!(numbers(&*store, one.key).await, [5, 6]);
}

pub async fn a_script_begins_anew_when_it_changes_or_is_told_to(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "503 x2, 200; per:catcher").await;
    take(&*store, one.key, Some("a")).await;
    assert_eq!(take(&*store, one.key, Some("b")).await.sighting.seen, 1);
    let renamed = Catcher { name: "dinner test".to_owned(), ..Catcher::clone(&one) };
    store.put(renamed.clone()).await.expect("it is put");
    let third = take(&*store, one.key, Some("a")).await;
    assert_eq!((third.sighting.seen, &*third.catcher.name), (2, "dinner test"));
    let changed = Catcher { script: "500, 200".parse().expect("it is a script"), ..renamed };
    store.put(changed).await.expect("it is put");
    let fourth = take(&*store, one.key, Some("a")).await;
    assert_eq!((fourth.number, fourth.sighting.seen, fourth.sighting.repeats), (4, 0, None));
    store.restart(one.key).await.expect("it begins anew");
    assert_eq!(store.find(one.id).await.expect("it is read").map(|standing| standing.requests), Some(0));
    let fifth = take(&*store, one.key, Some("a")).await;
    assert_eq!((fifth.number, fifth.sighting.requests, fifth.sighting.seen), (5, 0, 0));
}

pub async fn many_at_once_are_each_counted_once(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "503 x50, 200; per:catcher").await;
    let taken = join_all((0..40).map(|_| take(&*store, one.key, Some("a")))).await;
    let numbers: BTreeSet<(u64, u64)> = taken.iter().map(|taken| (taken.number, taken.sighting.seen)).collect();
    assert_eq!(numbers, (1..=40).map(|number| (number, number - 1)).collect());
}

pub async fn a_taken_request_comes_back_byte_for_byte(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "200").await;
    let odd = |capture: Capture| Capture {
        body: Bytes::from_static(b"\0\xff\r\n{\"a\":1.10}\n"),
        kept_bytes: 15,
        body_bytes: 1_000_000,
        peer: None,
        step: None,
        ..capture
    };
    store.take(one.key, Some("a".to_owned()), shown(odd)).await.expect("it is taken in");
    let stamp = Stamp { waited_us: 35_000_001, cut_short: true };
    store.stamp(one.key, 1, stamp);
    let expected = Capture { stamp: Some(stamp), ..odd(capture(one.key, 1)) };
    let stamped = async {
        loop {
            let found = store.request(one.key, 1).await.expect("it is read").expect("it is there");
            if found.stamp.is_some() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(*stamped.await, expected);
    let bare = store.requests(one.key, ALL, false).await.expect("they are read");
    assert_eq!(bare.iter().map(|row| (row.body.len(), row.kept_bytes)).collect::<Vec<_>>(), [(0, 15)]);
    assert_eq!(store.request(one.key, 2).await.expect("it is read"), None);
}

pub async fn everything_together_stays_within_its_bytes(home: &dyn CatchersHome) {
    let limits = Limits { bytes_max: 16 << 20, ..Limits::default() };
    let (store, one) = opened(home, limits, "200").await;
    let other = store.put(catcher("two")).await.expect("it is put");
    take(&*store, other.key, None).await;
    let body = Bytes::from(vec![b'x'; 256 * 1024]);
    let large = shown(move |capture| Capture { body: body.clone(), kept_bytes: body.len() as u64, ..capture });
    for _ in 0..80 {
        // One that is refused for want of room in the queue is not lost silently: it is asked for again.
        while store.take(one.key, None, large.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    let usage = store.usage().await.expect("it is known");
    assert!(usage.bytes <= limits.bytes_max && (20..65).contains(&usage.requests), "{usage:?}");
    assert_eq!((usage.catchers, usage.lost), (2, 0));
    assert_eq!(numbers(&*store, other.key).await, [0; 0], "the oldest of all went first");
    assert_eq!(numbers(&*store, one.key).await.last(), Some(&80));
}

pub async fn requests_go_when_they_are_old_or_cleared(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "200").await;
    for _ in 0..3 {
        take(&*store, one.key, None).await;
    }
    assert_eq!(store.clear(one.key, Some(2)).await.expect("it goes"), 1);
    assert_eq!(store.clear(one.key, Some(2)).await.expect("it is gone"), 0);
    assert_eq!(numbers(&*store, one.key).await, [1, 3]);
    let day = Limits::default().keep;
    let late = shown(move |capture| Capture { at: capture.at.saturating_add(day), ..capture });
    store.take(one.key, None, late).await.expect("it is taken in");
    let at = |number: i64| capture(one.key, 1).at.saturating_add(day).saturating_add(micros(number));
    assert_eq!(store.expire(at(0)).await.expect("they expire"), 0);
    assert_eq!(store.expire(at(1)).await.expect("they expire"), 1);
    assert_eq!(numbers(&*store, one.key).await, [3, 4]);
    assert_eq!(store.clear(one.key, None).await.expect("they go"), 2);
    assert_eq!(store.usage().await.expect("it is known").bytes, 0);
    assert_eq!(take(&*store, one.key, None).await.number, 5, "numbers are never given twice");
}

fn micros(number: i64) -> Duration {
    Duration::from_micros(u64::try_from(number).unwrap_or(0))
}

pub async fn who_watches_hears_of_everything(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "200").await;
    take(&*store, one.key, None).await;
    let mut news = store.news(one.key).await.expect("it is read").expect("it is there");
    assert_eq!(*news.borrow_and_update(), 1);
    take(&*store, one.key, None).await;
    news.changed().await.expect("it is heard");
    assert_eq!(*news.borrow_and_update(), 2);
    store.clear(one.key, None).await.expect("they go");
    news.changed().await.expect("it is heard");
    assert_eq!(*news.borrow_and_update(), 2);
    let mut second = store.news(one.key).await.expect("it is read").expect("it is there");
    store.remove(one.key).await.expect("it goes");
    while news.changed().await.is_ok() {}
    let three = store.put(catcher("three")).await.expect("it is put");
    let mut waiting = store.news(three.key).await.expect("it is read").expect("it is there");
    store.end_waits();
    while waiting.changed().await.is_ok() {}
    while second.changed().await.is_ok() {}
}

pub async fn catchers_go_on_where_they_stood(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "503 x2, 200").await;
    for _ in 0..2 {
        take(&*store, one.key, Some("a")).await;
    }
    let store = home.reopen(store).await;
    let found = store.find(one.id).await.expect("it is read").expect("it is there");
    assert_eq!((found.catcher, found.requests, found.of_newest), (one.clone(), 2, 2));
    let third = take(&*store, one.key, Some("a")).await;
    assert_eq!((third.number, third.sighting.seen, third.sighting.repeats), (3, 2, Some(1)));
    assert_eq!(numbers(&*store, one.key).await, [1, 2, 3]);
}

pub async fn a_stamp_of_what_is_gone_is_nothing(home: &dyn CatchersHome) {
    let (store, one) = opened(home, Limits::default(), "200").await;
    store.stamp(one.key, 7, Stamp { waited_us: 1, cut_short: false });
    assert_eq!(take(&*store, one.key, None).await.number, 1);
    assert_eq!(store.request(one.key, 1).await.expect("it is read").and_then(|found| found.stamp), None);
}
