//! Catchers of several nodes: each catches for all of them, and shows what another one caught.

use ringup_core::catcher::{Capture, Catcher, Script, Stamp};
use ringup_core::id::CatcherId;
use ringup_core::key::CatcherKey;
use ringup_store::catcher::{
    CatcherFile as _, CatcherStore as _, Limits, PostgresCatchers, Range, Shown, SqliteCatchers, Taken,
};
use ringup_testkit::tempdir::TempDir;

use super::*;

async fn two_nodes(schema: &Schema) -> [(Node, PostgresCatchers); 2] {
    let first = Node::open(schema, "first", LONG).await;
    let second = Node::open(schema, "second", LONG).await;
    [first, second].map(|node| {
        let catchers = node.store.catchers(Limits::default());
        (node, catchers)
    })
}

fn catcher(token: &str) -> Catcher {
    Catcher {
        key: CatcherKey(0),
        id: CatcherId::new(sample::noon(), token.len() as u128),
        account: AccountKey(1),
        name: "lunch test".to_owned(),
        write_token: token.to_owned(),
        read_token_hash: None,
        script: "503 x2, 200".parse().expect("it is a script"),
        body: None,
        seed: 1,
        endpoint: None,
        created_at: sample::noon(),
        updated_at: sample::noon(),
    }
}

fn shown() -> Shown {
    Arc::new(|taken: &Taken| Capture {
        catcher: taken.catcher.key,
        number: taken.number,
        at: sample::noon(),
        method: "POST".to_owned(),
        target: "/c/one".to_owned(),
        version: "HTTP/1.1".to_owned(),
        head: b"host: a\r\n".as_slice().into(),
        kept_bytes: 2,
        body_bytes: 2,
        body: b"{}".as_slice().into(),
        peer: None,
        event: Some("a".to_owned()),
        repeats: taken.sighting.repeats,
        endpoint: None,
        signature: "valid".to_owned(),
        answer: "503".to_owned(),
        step: Some(0),
        stamp: None,
    })
}

#[tokio::test]
async fn a_catcher_counts_what_comes_to_any_node() {
    let schema = Schema::new();
    let [(_one, first), (_two, second)] = two_nodes(&schema).await;
    let made = first.put(catcher("one")).await.expect("it is put");
    let there = second.addressed("one".to_owned()).await.expect("it is read").expect("it is known at once");
    assert_eq!(there, made);
    let mut steps = Vec::new();
    for node in [&first, &second, &second, &first] {
        let taken = node.take(there.key, Some("a".to_owned()), shown()).await.expect("it is taken in");
        steps.push((taken.number, made.script.step_at(taken.sighting.seen)));
    }
    assert_eq!(steps, [(1, Some(0)), (2, Some(0)), (3, Some(1)), (4, Some(1))]);
    for node in [&first, &second] {
        let rows = node.requests(made.key, Range::After { number: 0, rows_max: 9 }, true).await.expect("they are read");
        assert_eq!(
            rows.iter().map(|row| (row.number, row.repeats)).collect::<Vec<_>>(),
            [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(1))]
        );
    }
    second.put(Catcher { script: Script::default(), ..Catcher::clone(&made) }).await.expect("it is put");
    let anew = first.take(made.key, Some("a".to_owned()), shown()).await.expect("it is taken in");
    assert_eq!((anew.sighting.seen, &anew.catcher.script), (0, &Script::default()));
}

#[tokio::test]
async fn many_at_every_node_are_each_counted_once() {
    let schema = Schema::new();
    let [(_one, first), (_two, second)] = two_nodes(&schema).await;
    let made = first.put(catcher("one")).await.expect("it is put");
    let nodes = [&first, &second];
    let taking = (0..60).map(|turn| nodes[turn % 2].take(made.key, Some(format!("event {}", turn % 3)), shown()));
    let taken = futures_util::future::join_all(taking).await;
    let numbers: BTreeSet<u64> = taken.iter().map(|taken| taken.as_ref().expect("it is taken in").number).collect();
    assert_eq!(numbers, (1..=60).collect());
    let standing = second.find(made.id).await.expect("it is read").expect("it is there");
    assert_eq!((standing.requests, standing.of_newest), (60, 20));
}

#[tokio::test]
async fn who_watches_at_one_node_hears_of_what_comes_to_another() {
    let schema = Schema::new();
    let [(_one, first), (_two, second)] = two_nodes(&schema).await;
    let made = first.put(catcher("one")).await.expect("it is put");
    let mut news = second.news(made.key).await.expect("it is read").expect("it is there");
    for number in 1..=2 {
        first.take(made.key, None, shown()).await.expect("it is taken in");
        let heard = tokio::time::timeout(DEADLINE, news.wait_for(|last| *last == number)).await;
        assert_eq!(*heard.expect("it is heard in time").expect("it goes on"), number);
    }
    first.stamp(made.key, 2, Stamp { waited_us: 5, cut_short: false });
    let stamped = async {
        // Woken by whatever is new, which may have been that it came.
        while second.request(made.key, 2).await.expect("it is read").expect("it is there").stamp.is_none() {
            news.changed().await.expect("it goes on");
        }
    };
    tokio::time::timeout(DEADLINE, stamped).await.expect("it is heard in time");
    first.remove(made.key).await.expect("it goes");
    let ended = async { while news.changed().await.is_ok() {} };
    tokio::time::timeout(DEADLINE, ended).await.expect("it ends in time");
}

#[tokio::test]
async fn catchers_of_a_folder_come_along_once() {
    let schema = Schema::new();
    let [(_one, first), _] = two_nodes(&schema).await;
    let folder = TempDir::new("bring").expect("a folder");
    let path = folder.path().to_owned();
    let old = SqliteCatchers::open(path.clone(), Limits::default()).await.expect("it opens");
    old.put(catcher("one")).await.expect("it is put");
    old.put(catcher("third")).await.expect("it is put");
    old.close().await.expect("it closes");
    first.put(catcher("third")).await.expect("an earlier start came as far as this");
    assert_eq!(first.bring(&path).await.expect("they come"), 1);
    assert_eq!(first.bring(&path).await.expect("there are none"), 0);
    assert!(path.join("catcher.db.moved").exists() && !path.join("catcher.db").exists());
    let found = first.of_account(AccountKey(1)).await.expect("they are read");
    assert_eq!(found.iter().map(|found| &*found.catcher.write_token).collect::<Vec<_>>(), ["third", "one"]);
}

#[tokio::test]
async fn a_folder_whose_store_is_its_own_keeps_its_catchers() {
    let schema = Schema::new();
    let [(_one, first), _] = two_nodes(&schema).await;
    let folder = TempDir::new("bring").expect("a folder");
    let path = folder.path().to_owned();
    let old = SqliteCatchers::open(path.clone(), Limits::default()).await.expect("it opens");
    old.put(catcher("one")).await.expect("it is put");
    old.close().await.expect("it closes");
    std::fs::write(path.join("catalog.db"), b"").expect("it is written");
    assert_eq!(first.bring(&path).await.expect("nothing comes"), 0);
    assert!(path.join("catcher.db").exists());
}
