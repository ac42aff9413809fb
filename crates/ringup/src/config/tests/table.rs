//! The table of keys: its defaults, its bounds, and the reference made from it.

use std::path::Path;
use std::time::Duration;

use ringup_core::limits;
use ringup_core::log::LogMode;
use ringup_core::policy::Policy;

use super::super::value::Raw;
use super::super::{reference, table};
use super::Scene;

#[test]
fn without_any_layer_the_defaults_are_in_force() {
    let config = Scene::new().load().config;
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.body_bytes_max.as_usize(), limits::BODY_BYTES_DEFAULT);
    assert_eq!(config.server.threads, None);
    assert_eq!(config.store.data_dir, Path::new("./ringup-data"));
    assert!(config.store.url.is_none() && config.bootstrap.key.is_none());
    assert!(config.egress.allow_networks.is_empty() && !config.egress.allow_http);
    assert_eq!(config.delivery.policy, Policy::Guide);
    assert_eq!((config.delivery.retry, config.delivery.cooldown), (1, Duration::from_secs(7)));
    assert_eq!(config.delivery.time_limit, Duration::from_secs(30));
    assert_eq!(config.delivery.log_mode, LogMode::Full);
    assert_eq!(config.delivery.pause_after, Some(Duration::from_secs(5 * 24 * 3600)));
}

#[test]
fn the_table_agrees_with_itself() {
    for key in table::keys() {
        let text = |text: &str| Raw::Text(text.to_owned());
        // It also reads the bounds, and panics if they are of another kind than the key.
        assert!(key.check(&text(key.default)).is_ok(), "the default of {}", key.name);
        assert!(key.doc.trim().ends_with('.'), "the sentence of {}", key.name);
        assert!(!key.expected().contains('|') && !key.doc.contains('|'), "{} would break its row", key.name);
        assert_eq!(table::key(key.name).map(|found| found.name), Some(key.name));
    }
}

#[test]
fn the_bounds_are_those_of_core() {
    let text = |duration: Duration| format!("{}ms", duration.as_millis());
    let millisecond = Duration::from_millis(1);
    for (key, at, beyond) in [
        ("delivery.retry", limits::RETRIES_MAX.to_string(), (limits::RETRIES_MAX + 1).to_string()),
        ("delivery.cooldown", text(limits::RETRY_DELAY_MAX), text(limits::RETRY_DELAY_MAX + millisecond)),
        ("delivery.time_limit", text(limits::TIME_LIMIT_MAX), text(limits::TIME_LIMIT_MAX + millisecond)),
        ("delivery.time_limit", text(limits::TIME_LIMIT_MIN), text(limits::TIME_LIMIT_MIN - millisecond)),
        (
            "delivery.endpoint_in_flight_max",
            limits::ENDPOINT_IN_FLIGHT_MAX.to_string(),
            (limits::ENDPOINT_IN_FLIGHT_MAX + 1).to_string(),
        ),
    ] {
        Scene::new().set(&format!("{key}={at}")).load();
        let said = Scene::new().set(&format!("{key}={beyond}")).only_mistake();
        assert!(said.contains(" allowed, "), "{said}");
    }
}

#[test]
fn the_committed_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == reference(),
        "write it anew with: cargo run --bin ringup -- config docs > docs/configuration.md"
    );
}
