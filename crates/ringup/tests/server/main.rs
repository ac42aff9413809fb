//! The real binary over real sockets: what its users, its operators and its receivers see.
//!
//! Every test starts servers of its own, on folders and ports of their own, and ends them.
#![expect(clippy::disallowed_methods, reason = "the outside world reads the real clock")]

mod alerts;
mod authorization;
mod backup;
mod bad_input;
mod catalog;
mod catcher;
mod cli;
mod declared;
mod disk;
mod durable;
mod hook_mock;
mod hook_table;
mod hooks;
mod hostile;
mod later;
mod logs;
mod loyalty;
mod migrating;
mod operational;
mod ordering;
mod planted;
mod policy_sockets;
mod postgres;
mod postgres_backup;
mod recovering;
mod reference;
mod requests;
mod resending;
mod reversals;
mod sales;
mod schedule;
mod stage;
mod starting;
