//! The store in PostgreSQL keeps the contract.

mod postgres_schema;

use postgres_schema::Schema;
use proptest::prelude::ProptestConfig;
use proptest::proptest;
use ringup_store::conformance::{random, within_deadline};

ringup_store::conformance_tests!(home);

proptest! {
    // Each one makes all tables anew and opens the store several times.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_agree_with_the_model(history in random::histories(40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(within_deadline(random::play(&home(), history)));
    }
}

fn home() -> Schema {
    Schema::new()
}
