//! The dialect: shapes of requests and answers as Svix's SDKs know them, and ours in the same manner.
//!
//! The only place that knows the dialect. Inner types are not serialisable; every conversion is written out here.
//! Unknown fields of requests are accepted, as SDKs of other generations send them.

pub mod account;
pub mod attempt;
pub mod audit;
pub mod auth;
pub mod authorization;
pub mod catcher;
pub mod check;
pub mod endpoint;
pub mod envelope;
pub mod event_type;
pub mod example;
pub mod field;
pub mod fleet;
pub mod hook;
pub mod hook_type;
pub mod import;
pub mod json;
pub mod list;
pub mod log;
pub mod message;
pub mod node;
pub mod operational;
pub mod patch;
pub mod policy;
pub mod poll;
pub mod query;
pub mod settings;
pub mod span;
pub mod stats;
pub mod subscription;
pub mod task;
pub mod time;
pub mod validation;
pub mod why;
