//! Whether this server can be sent work, as `GET /api/v1/health` tells.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Set by whoever knows, read by every look at the health check.
#[derive(Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    stopping: AtomicBool,
    /// What is wrong with the store, if something is.
    store: Mutex<Option<String>>,
}

impl Health {
    pub fn ready() -> Health {
        Health::default()
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
        match &*self.0.store.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(()),
        }
    }
}
