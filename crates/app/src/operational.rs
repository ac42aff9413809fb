//! Endpoints that hear operational events. They are endpoints of an account that is in no list and has no name, so all
//! that can be done with endpoints can be done with them, by a [`Principal`] that acts on them alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringup_core::account::Account;
use ringup_core::id::AccountId;
use ringup_core::key::AccountKey;
use ringup_core::operational::OPERATIONAL_UID;
use ringup_core::scope::Scope;
use ringup_core::settings::Settings;
use ringup_store::directory::{Directory, EndpointView};
use ringup_store::seam::Change;

use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

impl App {
    /// The same caller, acting on the operational endpoints of its environment; whatever account it names is not asked
    /// for.
    pub fn operational(&self, principal: &Principal) -> Principal {
        principal.operational()
    }

    /// As [`App::operational`], and makes the account behind it if this is the first endpoint.
    pub async fn operational_to_be(&self, principal: &Principal) -> Result<Principal, AppError> {
        let environment = principal.whole(Scope::Endpoints)?;
        while self.directory().operational_account(environment).is_none() {
            let now = self.now();
            let account = Account {
                key: AccountKey(0),
                id: AccountId::new(now, self.random_128()),
                environment,
                uid: Some(OPERATIONAL_UID.to_owned()),
                name: "Operational webhooks".to_owned(),
                metadata: BTreeMap::new(),
                settings: Settings::default(),
                created_at: now,
                updated_at: now,
            };
            match self.change(principal, |_: &Directory| Ok(Change::PutAccount(account))).await {
                // Somebody else was faster.
                Ok(_) | Err(AppError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.operational(principal))
    }

    /// Whether an operational endpoint may be a `mailto:` address.
    pub fn sends_letters(&self) -> bool {
        self.plan.egress.mail.is_some()
    }

    /// All operational endpoints of the caller's environment, by id.
    pub fn operational_endpoints(&self, principal: &Principal) -> Result<Vec<Arc<EndpointView>>, AppError> {
        match self.endpoints(&self.operational(principal), "") {
            Err(AppError::NotFound { .. }) => Ok(Vec::new()),
            listed => listed,
        }
    }
}
