//! Every claim of the fuzz targets, on every input of their corpora: needs neither the fuzzer nor its toolchain.

use std::{fs, path::Path};

#[path = "../../fuzz/src/claim.rs"]
mod claim;
#[path = "../../fuzz/src/publish.rs"]
mod publish;

#[track_caller]
fn replay(target: &str, claim: fn(&[u8]), inputs_min: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&folder).expect("a corpus") {
        let path = entry.expect("an entry").path();
        eprintln!("{}", path.display());
        claim(&fs::read(&path).expect("an input"));
        inputs += 1;
    }
    assert!(inputs >= inputs_min, "{inputs} inputs in {}", folder.display());
}

#[test]
fn publishes() {
    replay("publish", publish::publish, 16);
}

#[test]
fn payload() {
    replay("payload", claim::payload, 16);
}

#[test]
fn retry_after() {
    replay("retry_after", claim::retry_after, 16);
}

#[test]
fn url_policy() {
    replay("url_policy", claim::url_policy, 16);
}

#[test]
fn settings() {
    replay("settings", claim::settings, 16);
}

#[test]
fn filter() {
    replay("filter", claim::filter, 10);
}
