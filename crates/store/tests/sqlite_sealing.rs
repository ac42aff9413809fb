//! Secrets are sealed in the folder: found in none of its files, opened by the right key only, sealed anew with another.

mod sqlite_folder;

use std::fs;

use ringup_core::endpoint::Endpoint;
use ringup_store::StoreError;
use ringup_store::conformance::sample;
use ringup_store::conformance::scene::{Scene, put};
use ringup_store::sealed::SealingKey;
use ringup_store::seam::{Change, Store};
use ringup_store::sqlite::{Configurator, Plan};
use sqlite_folder::{Folder, TODAY};

const PLANTED: &str = "planted-secret-0815";

fn key(number: u8) -> SealingKey {
    SealingKey::of([number; 32])
}

/// An endpoint with a secret in its headers and in its signing secret, in a store that was closed.
async fn planted(folder: &Folder) -> Endpoint {
    let scene = Scene::open(folder).await;
    let mut endpoint = sample::endpoint(scene.account, 100);
    endpoint.headers = vec![("x-token".to_owned(), PLANTED.to_owned())];
    endpoint.secrets[0].key = PLANTED.bytes().collect();
    endpoint.key.0 = put(&scene.store, Change::PutEndpoint(endpoint.clone())).await;
    scene.store.close().await.expect("it closes");
    endpoint
}

fn assert_nowhere(folder: &Folder) {
    let as_numbers = PLANTED.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
    for entry in fs::read_dir(folder.path()).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let bytes = fs::read(&path).expect("it can be read");
        for form in [PLANTED, &as_numbers] {
            let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!found, "{form} in {}", path.display());
        }
    }
}

fn kept(folder: &Folder, with: Option<&SealingKey>, endpoint: &Endpoint) {
    let found = Configurator::open(folder.path(), with).expect("it opens").load().expect("it reads").endpoints;
    assert!(found.contains(endpoint));
}

#[tokio::test]
async fn secrets_lie_in_no_file() {
    let folder = Folder::new();
    let endpoint = planted(&folder).await;
    assert_nowhere(&folder);
    kept(&folder, None, &endpoint);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.file("encryption.key")).expect("it was made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_told_in_words() {
    let folder = Folder::new();
    planted(&folder).await;
    let refusal = |with: Option<&SealingKey>| match Configurator::open(folder.path(), with) {
        Err(StoreError::Corrupt(why)) => why.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opens"),
    };
    assert!(refusal(Some(&key(7))).contains("store.encryption_key is not the key"));
    let file = folder.file("encryption.key");
    let right = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").expect("it can be written");
    assert!(refusal(None).contains("encryption.key is not the key"));
    fs::remove_file(&file).expect("it can be removed");
    assert!(refusal(None).contains("missing"));
    fs::write(&file, right).expect("it can be written");
    Configurator::open(folder.path(), None).expect("it opens again");
}

#[tokio::test]
async fn another_key_takes_over_all_secrets() {
    let folder = Folder::new();
    let endpoint = planted(&folder).await;
    let first = fs::read_to_string(folder.file("encryption.key")).expect("it was made");
    assert_eq!(Configurator::rotate_key(folder.path(), None, None).expect("a key of its own"), 5);
    let second = fs::read_to_string(folder.file("encryption.key")).expect("it is there");
    assert_ne!(first, second);
    kept(&folder, None, &endpoint);
    Configurator::rotate_key(folder.path(), None, Some(&key(7))).expect("a key of the configuration");
    assert!(!folder.file("encryption.key").exists());
    kept(&folder, Some(&key(7)), &endpoint);
    assert!(Configurator::open(folder.path(), Some(&key(8))).is_err());
    assert_nowhere(&folder);
    // A crash between the commit and the renaming of the file.
    Configurator::rotate_key(folder.path(), Some(&key(7)), None).expect("back to a file");
    fs::rename(folder.file("encryption.key"), folder.file("encryption.key.next")).expect("it can be renamed");
    kept(&folder, None, &endpoint);
    assert!(folder.file("encryption.key").exists());
}

#[tokio::test]
async fn a_running_server_keeps_its_key() {
    let folder = Folder::with(|plan: &mut Plan| plan.encryption_key = Some(key(7)));
    let store = folder.try_start().await.expect("it starts");
    let refused = Configurator::rotate_key(folder.path(), Some(&key(7)), None);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    store.close().await.expect("it closes");
    assert!(!folder.file("encryption.key").exists());
}

#[tokio::test]
async fn what_lay_open_in_an_old_folder_is_sealed() {
    let folder = Folder::new();
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sqlite-v1");
    for name in ["catalog.db", TODAY] {
        fs::copy(fixture.join(name), folder.file(name)).expect("the fixture is there");
    }
    let open = |bytes: &[u8]| bytes.windows(8).any(|window| window == b"[{\"key\":");
    assert!(open(&fs::read(folder.file("catalog.db")).expect("it can be read")), "nothing to seal");
    let store = folder.try_start().await.expect("an old folder opens");
    assert_eq!(store.load_configuration().await.expect("it reads").endpoints.len(), 4);
    store.close().await.expect("it closes");
    assert!(!open(&fs::read(folder.file("catalog.db")).expect("it can be read")));
}
