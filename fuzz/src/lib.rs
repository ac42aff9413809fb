//! What the fuzz targets claim. Each takes any bytes and panics where a claim does not hold.
//!
//! `cargo +nightly fuzz run TARGET` looks for such bytes; a test of `xtask` runs each target's corpus in every test run.

mod claim;
mod publish;

pub use claim::{filter, payload, retry_after, settings, url_policy};
pub use publish::publish;
