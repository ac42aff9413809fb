//! Rules between keys, checked once each value is right by itself.

use super::mistake::{Mistake, Mistakes};
use super::setting::Settings;
use super::table::Config;

pub fn check(config: &Config, settings: &Settings) -> Result<(), Mistakes> {
    let store = &config.store;
    if store.idempotency_window > store.payload_retention {
        // The key of a publish is kept beside its event, so it cannot be remembered for longer.
        return Err(Mistakes(vec![longer(settings, "store.idempotency_window", "store.payload_retention")]));
    }
    Ok(())
}

fn longer(settings: &Settings, key: &str, limit: &str) -> Mistake {
    let (value, origin) = settings.described(key);
    let (limit_value, limit_origin) = settings.described(limit);
    Mistake::new(format!("{key}: {value} is longer than {limit}, {limit_value} ({limit_origin})"))
        .origin(origin.clone())
        .next(format!("lower {key} or raise {limit}"))
}
