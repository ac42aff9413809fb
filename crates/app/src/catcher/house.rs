//! The catchers of this installation: where they are kept, and what the operator decides about them.

use std::sync::Arc;

use ringup_core::catcher::Catcher;
use ringup_store::catcher::{CatcherStore, Limits, LocalCatchers};

/// What the operator decides about catchers.
#[derive(Clone, Debug)]
pub struct CatcherPlan {
    /// Scheme, host and port of write URLs, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    /// Bytes of a request's body that are kept.
    pub body_bytes_max: usize,
    pub limits: Limits,
}

impl Default for CatcherPlan {
    fn default() -> CatcherPlan {
        let base_url = "http://127.0.0.1:8080".to_owned();
        CatcherPlan { base_url, body_bytes_max: 256 * 1024, limits: Limits::default() }
    }
}

/// Where catchers are kept, and how they are used.
pub struct Catchers {
    pub(crate) store: Arc<dyn CatcherStore>,
    pub(crate) plan: CatcherPlan,
}

impl Catchers {
    pub fn new(store: Arc<dyn CatcherStore>, plan: CatcherPlan) -> Catchers {
        Catchers { store, plan }
    }

    /// Nothing yet, in memory only.
    pub fn in_memory(plan: CatcherPlan) -> Catchers {
        Catchers { store: Arc::new(LocalCatchers::in_memory(plan.limits)), plan }
    }

    /// The URL that requests are sent to.
    pub fn write_url(&self, catcher: &Catcher) -> String {
        format!("{}/c/{}", self.plan.base_url, catcher.write_token)
    }
}
