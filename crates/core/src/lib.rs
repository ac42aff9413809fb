//! Ringup's decisions: nouns, ids, delivery states, retry policy, subscription match, log mode, signing text, lanes.
//!
//! Everything here is a total, repeatable function of what it is handed. No async, no I/O, no clock, no randomness, no
//! serialisation: time, draws and ids are arguments, so a test or the simulator can replay any run.

pub mod account;
pub mod audit;
pub mod authorization;
pub mod breaker;
pub mod catcher;
pub mod delivery;
pub mod draw;
pub mod endpoint;
pub mod event;
pub mod filter;
pub mod gauge;
pub mod health;
pub mod hook;
pub mod id;
pub mod invariants;
pub mod json;
pub mod key;
pub mod limits;
pub mod log;
pub mod operational;
pub mod order;
pub mod outcome;
pub mod permits;
pub mod pointer;
pub mod policy;
pub mod ports;
pub mod rate;
pub mod retry_after;
pub mod scope;
pub mod search;
pub mod settings;
pub mod shard;
pub mod signing;
pub mod subscription;
pub mod task;
pub mod time;
pub mod timing;
pub mod turn;
