//! The store in SQLite files keeps the contract.

mod sqlite_folder;

use proptest::prelude::ProptestConfig;
use proptest::proptest;
use ringup_store::conformance::{random, within_deadline};
use sqlite_folder::Folder;

ringup_store::conformance_tests!(home);

proptest! {
    // Each one opens and closes real files several times.
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_agree_with_the_model(history in random::histories(60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        runtime.block_on(within_deadline(random::play(&home(), history)));
    }

    /// Posting lists go through memory, half written chunks and the file, where usually a day would hardly fill one.
    #[test]
    fn so_they_do_when_lists_are_written_out_all_the_time(history in random::histories(60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        let home = Folder::with(|plan| plan.chunk_entries = 3);
        runtime.block_on(within_deadline(random::play(&home, history)));
    }
}

fn home() -> Folder {
    Folder::new()
}
