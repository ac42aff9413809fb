//! Every page through the router, without script, on a store in memory.

#![expect(clippy::unwrap_used, reason = "tests")]

mod account;
mod audit;
mod catcher;
mod check;
mod configuration;
mod delivery;
mod desk;
mod door;
mod live;
mod log;
mod loyalty;
mod operator;
mod reference;
mod text;
mod url;
mod validation;
