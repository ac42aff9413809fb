//! Calls over real sockets: what goes out, what comes back, and what never happens.
#![expect(clippy::unwrap_used, reason = "tests")]

mod catcher;
mod exchange;
mod fence;
mod hostile;
mod mail;
mod name;
mod probe;
mod reuse;
mod support;
mod time_limit;
mod tls;
mod token;
