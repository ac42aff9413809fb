//! Where a caller acts.

use std::sync::Arc;

use ringup_core::account::Environment;

use crate::app::App;
use crate::principal::Principal;

impl App {
    /// The environment in which the caller acts; `None` once it was removed.
    pub fn own_environment(&self, principal: &Principal) -> Option<Arc<Environment>> {
        self.directory().environment(principal.environment)
    }
}
