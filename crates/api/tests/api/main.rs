//! Every route and every bad input, through the router, on a store in memory.

#![expect(clippy::unwrap_used, reason = "tests")]

mod access;
mod accounts;
mod audit;
mod auth;
mod authorization;
mod bad_input;
mod batch;
mod desk;
mod dialect;
mod edges;
mod endpoints;
mod event_types;
mod extras;
mod history;
mod idempotency;
mod importing;
mod lists;
mod log;
mod matrix;
mod operational;
mod payload;
mod publish;
mod pulling;
mod scope;
mod served;
mod settings;
mod standing;
mod subscriptions;
mod tasks;
mod twin;
mod validation;
mod why;
