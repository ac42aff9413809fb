//! Log lines on standard error, as text or JSON.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::config::table::Log;
use crate::config::value::choice::LogFormat;

/// Starts logging. Called once, before anything is worth a line.
pub fn start(log: &Log) {
    let filter = log.filter.to_env_filter();
    match log.format {
        LogFormat::Text => {
            let layer = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal()).with_target(false);
            registry().with(filter).with(layer).init();
        }
        LogFormat::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(stderr);
            registry().with(filter).with(layer).init();
        }
    }
}
