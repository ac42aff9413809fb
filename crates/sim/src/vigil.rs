//! Watches the process's own log: an `ERROR` line means that someone should act, and in a simulation nobody does.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber, level_filters::LevelFilter};

/// `ERROR` lines of this thread while it lives.
pub struct Vigil {
    lines: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Vigil {
    pub fn begin() -> Vigil {
        let lines = Arc::default();
        let watcher = Watcher { lines: Arc::clone(&lines) };
        Vigil { lines, _guard: tracing::subscriber::set_default(watcher) }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Watcher {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for Watcher {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::ERROR)
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_are_seen() {
        let vigil = Vigil::begin();
        tracing::warn!("not this");
        tracing::error!(endpoint = 7, "this");
        assert_eq!(vigil.lines().len(), 1);
        assert!(vigil.lines()[0].contains("endpoint=7"));
    }
}
