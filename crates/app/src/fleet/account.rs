//! Accounts of all environments, by what waits and fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringup_core::key::AccountKey;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::directory::AccountView;

use super::COUNTED_MAX;
use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

/// Accounts that are told one by one.
const ACCOUNTS_MAX: usize = 200;

#[derive(Clone, Debug)]
pub struct Loads {
    /// The most waiting first, then the most failed.
    pub accounts: Vec<AccountLoad>,
    /// How many match altogether.
    pub all: usize,
}

#[derive(Clone, Debug)]
pub struct AccountLoad {
    pub account: Arc<AccountView>,
    pub environment: String,
    pub waiting: u64,
    /// Whether `waiting` is all of it.
    pub is_whole: bool,
    pub oldest: Option<Timestamp>,
    /// Attempts of the last hour.
    pub delivered: u64,
    pub failed: u64,
    /// Endpoints to which nothing was delivered in the last hour and something failed.
    pub failing: usize,
}

impl App {
    /// `find` narrows to names, uids and ids that contain it.
    pub async fn loads(&self, principal: &Principal, find: Option<&str>) -> Result<Loads, AppError> {
        principal.operator(Scope::Read)?;
        let now = self.now();
        let find = find.unwrap_or_default().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&find);
        let mut loads: BTreeMap<AccountKey, AccountLoad> = BTreeMap::new();
        for account in self.all_accounts() {
            let one = &account.account;
            if has(&one.name) || one.uid.as_deref().is_some_and(has) || has(&one.id.to_string()) {
                let environment = self.environment_of(&account);
                let (waiting, oldest, delivered, failed, failing) = (0, None, 0, 0, 0);
                let key = one.key;
                let load =
                    AccountLoad { account, environment, waiting, is_whole: true, oldest, delivered, failed, failing };
                loads.insert(key, load);
            }
        }
        for lane in self.store().backlog(now, COUNTED_MAX).await?.lanes {
            let account = self.directory().account_of(lane.endpoint);
            if let Some(load) = account.and_then(|account| loads.get_mut(&account)) {
                load.waiting += lane.waiting;
                load.is_whole &= lane.is_whole;
                load.oldest = Some(load.oldest.map_or(lane.oldest, |oldest| oldest.min(lane.oldest)));
            }
        }
        for (endpoint, sum) in self.tally(now).await?.endpoints {
            let account = self.directory().account_of(endpoint);
            if let Some(load) = account.and_then(|account| loads.get_mut(&account)) {
                load.delivered += sum.delivered;
                load.failed += sum.failed();
                load.failing += usize::from(sum.delivered == 0 && sum.failed() > 0);
            }
        }
        let all = loads.len();
        let mut accounts: Vec<AccountLoad> = loads.into_values().collect();
        accounts.sort_by_key(|load| std::cmp::Reverse((load.waiting, load.failed, load.delivered)));
        accounts.truncate(ACCOUNTS_MAX);
        Ok(Loads { accounts, all })
    }

    /// Of every environment.
    pub(super) fn all_accounts(&self) -> Vec<Arc<AccountView>> {
        let environments = self.directory().environments();
        environments.iter().flat_map(|environment| self.directory().accounts(environment.key)).collect()
    }
}
