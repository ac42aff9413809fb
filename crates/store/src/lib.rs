//! What Ringup remembers: the [`Store`] seam in verbs, its homes, and the catalogue of configuration kept in memory.
//!
//! Promise: an accepted event is durable together with all its deliveries and its idempotency key, or not at all; an
//! attempt is durable together with its delivery's new state and its counters, or not at all.

pub mod audit;
pub mod catalogue;
pub mod catcher;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod directory;
pub mod keyring;
mod listener;
pub mod log_entry;
pub mod log_query;
pub mod memory;
pub mod migration;
pub mod node;
pub mod operational;
pub mod overview;
pub mod postgres;
pub mod query;
mod retention;
pub mod sealed;
pub mod seam;
mod shape;
pub mod sqlite;
pub mod task;
pub mod waits;

pub use catcher::CatcherStore;
pub use seam::{Store, StoreError};
