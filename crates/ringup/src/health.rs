//! Whether this server can be sent work, as `GET /api/v1/health` tells.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Set by whoever knows, read by every look at the health check.
#[derive(Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    stopping: AtomicBool,
    /// Why nothing can be served yet, until it can.
    starting: Mutex<Option<String>>,
    /// What is wrong with the store, if something is.
    store: Mutex<Option<String>>,
}

impl Health {
    pub fn starting() -> Health {
        let health = Health::default();
        health.start_is(Some("starting".to_owned()));
        health
    }

    /// What the start waits for now.
    pub fn waits_for(&self, what: &str) {
        self.start_is(Some(format!("starting: {what}")));
    }

    /// What was waited for is there.
    pub fn goes_on(&self) {
        self.start_is(Some("starting".to_owned()));
    }

    /// Everything is served.
    pub fn started(&self) {
        self.start_is(None);
    }

    fn start_is(&self, trouble: Option<String>) {
        *self.0.starting.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub fn stopping(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    pub fn store_is(&self, trouble: Option<String>) {
        *self.0.store.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub fn wellness(&self) -> ringup_api::Wellness {
        let health = self.clone();
        Arc::new(move || health.look())
    }

    fn look(&self) -> Result<(), String> {
        if self.0.stopping.load(Ordering::Relaxed) {
            return Err("stopping".to_owned());
        }
        let trouble = |told: &Mutex<Option<String>>| told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match trouble(&self.0.starting).or_else(|| trouble(&self.0.store)) {
            Some(trouble) => Err(trouble),
            None => Ok(()),
        }
    }
}
