//! What the user sees when files are damaged, missing, too new or in use; and that nothing is started empty.

mod sqlite_folder;

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use ringup_core::delivery::After;
use ringup_store::StoreError;
use ringup_store::conformance::sample;
use ringup_store::conformance::scene::Scene;
use ringup_store::query::EventFilter;
use ringup_store::seam::{Change, Configuration, Store};
use ringup_store::sqlite::{Configurator, SqliteStore};
use sqlite_folder::{Folder, TODAY};

/// A folder with some events in it, closed.
async fn filled() -> Folder {
    let folder = Folder::new();
    let scene = Scene::open(&folder).await;
    for _ in 0..50 {
        let event = scene.publish_at(sample::noon()).await;
        scene.attempt(&event, After::Delivered).await;
    }
    scene.store.close().await.expect("it closes");
    folder
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).expect("the file is there");
    file.seek(SeekFrom::Start(at)).expect("the file can be written");
    file.write_all(bytes).expect("the file can be written");
}

#[track_caller]
fn check_corrupt(error: &StoreError, words: &[&str]) {
    let StoreError::Corrupt(text) = error else { panic!("expected `Corrupt`, got {error:?}") };
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in {text:?}");
    }
}

#[tokio::test]
async fn a_damaged_header_is_named() {
    for (at, bytes) in [(0, b"RIFF".as_slice()), (68, b"Hell")] {
        let folder = filled().await;
        overwrite(&folder.file(TODAY), at, bytes);
        check_corrupt(&folder.refusal().await, &[TODAY, "damaged", "backup"]);
        assert!(folder.file(TODAY).exists(), "it is left as it was found");
    }
}

#[tokio::test]
async fn a_damaged_page_is_named_and_never_read_as_something_else() {
    let folder = filled().await;
    let path = folder.file(TODAY);
    let bytes = std::fs::metadata(&path).expect("the file is there").len();
    // The page header of every page but the first: whichever table it belongs to.
    for page in 1..bytes / 8_192 {
        overwrite(&path, page * 8_192, &[0xff; 64]);
    }
    check_corrupt(&folder.refusal().await, &[TODAY, "damaged"]);
}

#[tokio::test]
async fn a_file_cut_short_is_named() {
    for keep in [0, 40, 8_192] {
        let folder = filled().await;
        let file = std::fs::OpenOptions::new().write(true).open(folder.file(TODAY)).expect("the file is there");
        file.set_len(keep).expect("it can be cut");
        check_corrupt(&folder.refusal().await, &[TODAY, "damaged"]);
    }
}

#[tokio::test]
async fn missing_files_are_named() {
    let folder = filled().await;
    std::fs::remove_file(folder.file("catalog.db")).expect("it was there");
    check_corrupt(&folder.refusal().await, &["catalog.db", "missing"]);
    let Err(error) = Configurator::open(folder.path(), None) else { panic!("it opens without its catalogue") };
    check_corrupt(&error, &["catalog.db", "missing"]);
    assert!(!folder.file("catalog.db").exists(), "none is made in its place");

    let folder = filled().await;
    std::fs::remove_file(folder.file(TODAY)).expect("it was there");
    check_corrupt(&folder.refusal().await, &[TODAY, "missing"]);
    assert!(!folder.file(TODAY).exists(), "none is made in its place");
}

#[tokio::test]
async fn a_newer_file_is_refused() {
    for name in ["catalog.db", TODAY] {
        let folder = filled().await;
        let connection = rusqlite::Connection::open(folder.file(name)).expect("it opens");
        connection.pragma_update(None, "user_version", 99).expect("it can be changed");
        drop(connection);
        check_corrupt(&folder.refusal().await, &[name, "newer ringup"]);
    }
}

#[tokio::test]
async fn damage_found_while_running_stops_the_store_with_words() {
    let folder = filled().await;
    let store = folder.try_start().await.expect("it opens");
    let path = folder.file(TODAY);
    let bytes = std::fs::metadata(&path).expect("the file is there").len();
    for page in 1..bytes / 8_192 {
        overwrite(&path, page * 8_192, &[0xff; 64]);
    }
    let configuration = store.load_configuration().await.expect("the catalogue is sound");
    let account = configuration.accounts[0].key;
    let page = ringup_store::conformance::scene::newest(10);
    let error = store.events(account, EventFilter::default(), page).await.expect_err("the file is damaged");
    check_corrupt(&error, &[TODAY, "damaged"]);
    // From now on every verb says so.
    let error = store.accept(vec![sample::event(account, sample::noon())]).await.expect_err("the store has stopped");
    check_corrupt(&error, &[TODAY]);
    check_corrupt(&store.census().await.expect_err("the store has stopped"), &[TODAY]);
}

/// A commit that was being written when the power went: everything before it is there, and nothing of it.
#[tokio::test]
async fn a_torn_journal_keeps_what_was_acknowledged() {
    let folder = Folder::new();
    let scene = Scene::open(&folder).await;
    let mut events = Vec::new();
    for _ in 0..20 {
        events.push(scene.publish_at(sample::noon()).await.id);
    }
    folder.opened().abandon();
    let journal = folder.file(&format!("{TODAY}-wal"));
    let content = std::fs::read(&journal).expect("a killed process leaves its journal");
    for torn in [7, 100, 5_000, content.len() / 2] {
        let mut longer = content.clone();
        longer.extend_from_slice(&content[content.len() - torn..]);
        std::fs::write(&journal, &longer).expect("the journal can be written");
        let store = folder.try_start().await.expect("a torn tail is no damage");
        let page = ringup_store::conformance::scene::oldest(250);
        let found = store.events(scene.account, EventFilter::default(), page).await.expect("the store reads");
        assert_eq!(found.rows.iter().map(|event| event.id).collect::<Vec<_>>(), events);
        folder.opened().abandon();
        std::fs::write(&journal, &content).expect("the journal can be written");
        // The old index of the journal does not fit the old journal any more.
        std::fs::remove_file(folder.file(&format!("{TODAY}-shm"))).expect("it was there");
    }
}

#[tokio::test]
async fn a_second_process_is_told_who_has_the_folder() {
    let folder = filled().await;
    let store = folder.try_start().await.expect("it opens");
    let second = SqliteStore::open(ringup_store::sqlite::Plan::new(folder.path())).await;
    let Err(StoreError::Unavailable(text)) = second else { panic!("two own one folder") };
    let pid = std::process::id().to_string();
    assert!(text.contains(&folder.path().display().to_string()) && text.contains(&pid), "{text}");
    store.close().await.expect("it closes");
    folder.try_start().await.expect("it is free again");
}

#[tokio::test]
async fn another_process_changes_the_configuration_beside_a_server() {
    let folder = filled().await;
    let store = folder.try_start().await.expect("it opens");
    assert_eq!(store.outside_changes().await.expect("the store reads"), 0);
    store.change(Change::PutEnvironment(sample::environment("ours"))).await.expect("it is stored");
    assert_eq!(store.outside_changes().await.expect("the store reads"), 0, "our own change is none");

    let mut beside = Configurator::open(folder.path(), None).expect("it opens beside the server");
    assert!(names(&beside.load().expect("it reads")).contains(&"ours".to_owned()));
    beside.change(&Change::PutEnvironment(sample::environment("theirs"))).expect("it is stored");
    let taken = beside.change(&Change::PutEnvironment(sample::environment("ours")));
    assert!(matches!(taken, Err(StoreError::Conflict("environment name"))), "{taken:?}");

    assert_eq!(store.outside_changes().await.expect("the store reads"), 1);
    assert!(names(&store.load_configuration().await.expect("the store reads")).contains(&"theirs".to_owned()));
    drop(beside);
    store.close().await.expect("it closes");
}

fn names(configuration: &Configuration) -> Vec<String> {
    configuration.environments.iter().map(|environment| environment.name.clone()).collect()
}
