//! The named retry policies.

use ringup_core::policy::{Policy, RetryPlan};
use ringup_core::scope::Scope;

use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

/// A named policy and what it stands for.
#[derive(Clone, Debug)]
pub struct PolicyView {
    pub policy: Policy,
    pub plan: RetryPlan,
    /// In force where nobody says otherwise.
    pub is_default: bool,
}

impl App {
    /// All of them.
    pub fn policies(&self, principal: &Principal) -> Result<Vec<PolicyView>, AppError> {
        principal.within(Scope::Read)?;
        let default = self.directory().system_defaults().policy;
        let view =
            |policy: &Policy| PolicyView { policy: *policy, plan: policy.plan(), is_default: *policy == default };
        Ok(Policy::ALL.iter().map(view).collect())
    }
}
