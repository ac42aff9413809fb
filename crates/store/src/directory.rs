//! The configuration as publishing and dispatch see it: in memory, with every effective setting worked out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ringup_core::account::{Account, Environment, EventType};
use ringup_core::endpoint::Endpoint;
use ringup_core::id::{AccountId, EndpointId, EventTypeId, KeyId};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::operational::OPERATIONAL_UID;
use ringup_core::settings::{EffectiveSettings, SystemDefaults};
use ringup_core::time::Timestamp;

use crate::keyring::{Keyring, KnownKey};
use crate::seam::{Change, Configuration};

/// An account with its endpoints, as of one moment. Shared; a change replaces it.
#[derive(Debug)]
pub struct AccountView {
    pub account: Account,
    /// In force for the account itself.
    pub settings: EffectiveSettings,
    /// By key, which is the order of creation.
    pub endpoints: Vec<Arc<EndpointView>>,
}

#[derive(Debug)]
pub struct EndpointView {
    pub endpoint: Endpoint,
    pub settings: EffectiveSettings,
    /// Grows with each change of this endpoint or its account, so that what was derived from it can be kept.
    pub revision: u64,
}

/// All configuration, for lookups that must not wait.
pub struct Directory {
    system: SystemDefaults,
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    revision: u64,
    environments: BTreeMap<EnvironmentKey, Arc<Environment>>,
    keys: Keyring,
    accounts: BTreeMap<AccountKey, Arc<AccountView>>,
    account_ids: HashMap<AccountId, AccountKey>,
    account_uids: HashMap<(EnvironmentKey, String), AccountKey>,
    endpoint_accounts: HashMap<EndpointKey, AccountKey>,
    event_types: BTreeMap<(EnvironmentKey, String), Arc<EventType>>,
}

impl Directory {
    pub fn new(system: SystemDefaults, configuration: Configuration) -> Directory {
        let directory = Directory { system, inner: RwLock::default() };
        directory.replace(configuration);
        directory
    }

    pub fn system_defaults(&self) -> &SystemDefaults {
        &self.system
    }

    pub fn environment(&self, key: EnvironmentKey) -> Option<Arc<Environment>> {
        self.read().environments.get(&key).cloned()
    }

    pub fn environment_named(&self, name: &str) -> Option<Arc<Environment>> {
        self.read().environments.values().find(|environment| environment.name == name).cloned()
    }

    pub fn environments(&self) -> Vec<Arc<Environment>> {
        self.read().environments.values().cloned().collect()
    }

    /// The key with this token hash, revoked ones included.
    pub fn key(&self, token_hash: &[u8; 32]) -> Option<Arc<KnownKey>> {
        self.read().keys.by_hash(token_hash).cloned()
    }

    pub fn key_by_id(&self, id: KeyId) -> Option<Arc<KnownKey>> {
        self.read().keys.by_id(id).cloned()
    }

    /// All keys, links and sessions, those that ended included, in any order.
    pub fn keys(&self) -> Vec<Arc<KnownKey>> {
        self.read().keys.all().cloned().collect()
    }

    /// When keys were used, as far as that is later than what is stored.
    pub fn keys_used(&self) -> Vec<(KeyId, Timestamp)> {
        self.read().keys.used()
    }

    pub fn account(&self, key: AccountKey) -> Option<Arc<AccountView>> {
        self.read().accounts.get(&key).cloned()
    }

    /// The account whose endpoints hear of the environment's deliveries themselves, once somebody wanted that. It is in no
    /// list and has no name: it is found here alone.
    pub fn operational_account(&self, environment: EnvironmentKey) -> Option<Arc<AccountView>> {
        let inner = self.read();
        let key = inner.account_uids.get(&(environment, OPERATIONAL_UID.to_owned()))?;
        inner.accounts.get(key).cloned()
    }

    /// By wire id or by uid, within one environment.
    pub fn account_named(&self, environment: EnvironmentKey, name: &str) -> Option<Arc<AccountView>> {
        let inner = self.read();
        let by_id = name.parse().ok().and_then(|id: AccountId| inner.account_ids.get(&id));
        let key = by_id.or_else(|| inner.account_uids.get(&(environment, name.to_owned())))?;
        let found = inner.accounts.get(key).filter(|view| view.account.environment == environment);
        found.filter(|view| !view.account.is_operational()).cloned()
    }

    /// All accounts of an environment, oldest first.
    pub fn accounts(&self, environment: EnvironmentKey) -> Vec<Arc<AccountView>> {
        let wanted =
            |view: &&Arc<AccountView>| view.account.environment == environment && !view.account.is_operational();
        self.read().accounts.values().filter(wanted).cloned().collect()
    }

    pub fn endpoint(&self, key: EndpointKey) -> Option<Arc<EndpointView>> {
        let inner = self.read();
        let account = inner.accounts.get(inner.endpoint_accounts.get(&key)?)?;
        account.by_key(key).cloned()
    }

    pub fn account_of(&self, endpoint: EndpointKey) -> Option<AccountKey> {
        self.read().endpoint_accounts.get(&endpoint).copied()
    }

    pub fn event_type(&self, environment: EnvironmentKey, name: &str) -> Option<Arc<EventType>> {
        self.read().event_types.get(&(environment, name.to_owned())).cloned()
    }

    pub fn event_type_by_id(&self, id: EventTypeId) -> Option<Arc<EventType>> {
        self.read().event_types.values().find(|event_type| event_type.id == id).cloned()
    }

    /// All event types of an environment, by name.
    pub fn event_types(&self, environment: EnvironmentKey) -> Vec<Arc<EventType>> {
        let inner = self.read();
        let from = (environment, String::new());
        inner
            .event_types
            .range(from..)
            .take_while(|((of, _), _)| *of == environment)
            .map(|(_, kept)| kept.clone())
            .collect()
    }

    /// Takes a change that the store has committed.
    pub fn apply(&self, change: Change) {
        if let Change::Announced(change, _) | Change::Recorded(change, _) = change {
            return self.apply(*change);
        }
        let mut inner = self.write();
        inner.revision += 1;
        match change {
            Change::PutEnvironment(environment) => {
                inner.environments.insert(environment.key, Arc::new(environment));
            }
            Change::FoundEnvironment(environment, event_types) => {
                for event_type in event_types {
                    let event_type = EventType { environment: environment.key, ..event_type };
                    inner.event_types.insert((environment.key, event_type.name.clone()), Arc::new(event_type));
                }
                inner.environments.insert(environment.key, Arc::new(environment));
            }
            Change::PutKey(key) => inner.keys.put(key),
            Change::RevokeKeys(ids, at) => inner.keys.revoke(&ids, at),
            Change::KeysUsed(used) => inner.keys.stored_use(&used),
            Change::ForgetSessions(before) => inner.keys.forget_sessions(before),
            Change::PutAccount(account) => inner.put_account(account, &self.system),
            Change::DeleteAccount(key) => inner.delete_account(key),
            Change::PutEndpoint(endpoint) => inner.put_endpoint(endpoint, &self.system),
            Change::DeleteEndpoint(key) => inner.delete_endpoint(key),
            Change::PutEventType(event_type) => {
                inner.event_types.insert((event_type.environment, event_type.name.clone()), Arc::new(event_type));
            }
            Change::DeleteEventType(id) => inner.event_types.retain(|_, event_type| event_type.id != id),
            // What is to be told, or was done, is no configuration.
            Change::Announced(..) | Change::DropNotice(_) | Change::Recorded(..) | Change::Record(_) => {}
        }
    }

    /// Takes the whole configuration anew, as after a change by another process.
    pub fn replace(&self, configuration: Configuration) {
        let mut fresh = Inner::default();
        let mut inner = self.write();
        fresh.revision = inner.revision + 1;
        for environment in configuration.environments {
            fresh.environments.insert(environment.key, Arc::new(environment));
        }
        fresh.keys = std::mem::take(&mut inner.keys).replaced(configuration.keys);
        let mut endpoints: HashMap<AccountKey, Vec<Endpoint>> = HashMap::new();
        for endpoint in configuration.endpoints {
            endpoints.entry(endpoint.account).or_default().push(endpoint);
        }
        for account in configuration.accounts {
            let own = endpoints.remove(&account.key).unwrap_or_default();
            fresh.insert_view(account, own, &self.system);
        }
        for event_type in configuration.event_types {
            fresh.event_types.insert((event_type.environment, event_type.name.clone()), Arc::new(event_type));
        }
        *inner = fresh;
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccountView {
    pub fn by_key(&self, key: EndpointKey) -> Option<&Arc<EndpointView>> {
        let at = self.endpoints.binary_search_by_key(&key, |view| view.endpoint.key).ok()?;
        self.endpoints.get(at)
    }

    /// By wire id or by uid.
    pub fn endpoint_named(&self, name: &str) -> Option<&Arc<EndpointView>> {
        let id = name.parse::<EndpointId>().ok();
        self.endpoints.iter().find(|view| Some(view.endpoint.id) == id || view.endpoint.uid.as_deref() == Some(name))
    }
}

impl Inner {
    fn put_account(&mut self, account: Account, system: &SystemDefaults) {
        let endpoints = self.forget_account(account.key);
        self.insert_view(account, endpoints, system);
    }

    fn insert_view(&mut self, account: Account, endpoints: Vec<Endpoint>, system: &SystemDefaults) {
        self.account_ids.insert(account.id, account.key);
        if let Some(uid) = &account.uid {
            self.account_uids.insert((account.environment, uid.clone()), account.key);
        }
        for endpoint in &endpoints {
            self.endpoint_accounts.insert(endpoint.key, account.key);
        }
        self.accounts.insert(account.key, Arc::new(view(account, endpoints, system, self.revision)));
    }

    /// Removes an account's names and gives back its endpoints.
    fn forget_account(&mut self, key: AccountKey) -> Vec<Endpoint> {
        let Some(old) = self.accounts.remove(&key) else { return Vec::new() };
        self.account_ids.remove(&old.account.id);
        if let Some(uid) = &old.account.uid {
            self.account_uids.remove(&(old.account.environment, uid.clone()));
        }
        old.endpoints.iter().map(|view| view.endpoint.clone()).collect()
    }

    fn delete_account(&mut self, key: AccountKey) {
        self.keys.forget_account(key);
        for endpoint in self.forget_account(key) {
            self.endpoint_accounts.remove(&endpoint.key);
        }
    }

    fn put_endpoint(&mut self, endpoint: Endpoint, system: &SystemDefaults) {
        self.change_endpoints(endpoint.account, system, |endpoints| {
            match endpoints.iter_mut().find(|kept| kept.key == endpoint.key) {
                Some(kept) => *kept = endpoint,
                None => endpoints.push(endpoint),
            }
        });
    }

    fn delete_endpoint(&mut self, key: EndpointKey) {
        if let Some(account) = self.endpoint_accounts.remove(&key) {
            // The others keep their views: only the list shrinks.
            let Some(old) = self.accounts.get(&account) else { return };
            let endpoints = old.endpoints.iter().filter(|view| view.endpoint.key != key).cloned().collect();
            let settings = old.settings.clone();
            let shrunk = AccountView { account: old.account.clone(), settings, endpoints };
            self.accounts.insert(account, Arc::new(shrunk));
        }
    }

    fn change_endpoints(
        &mut self,
        account: AccountKey,
        system: &SystemDefaults,
        change: impl FnOnce(&mut Vec<Endpoint>),
    ) {
        let Some(old) = self.accounts.get(&account) else { return };
        let owner = old.account.clone();
        let mut endpoints = self.forget_account(account);
        change(&mut endpoints);
        self.insert_view(owner, endpoints, system);
    }
}

fn view(account: Account, mut endpoints: Vec<Endpoint>, system: &SystemDefaults, revision: u64) -> AccountView {
    endpoints.sort_by_key(|endpoint| endpoint.key);
    let settings = EffectiveSettings::resolve(system, &account.settings, None);
    let endpoints = endpoints
        .into_iter()
        .map(|endpoint| {
            let settings = EffectiveSettings::resolve(system, &account.settings, Some(&endpoint.settings));
            Arc::new(EndpointView { endpoint, settings, revision })
        })
        .collect();
    AccountView { account, settings, endpoints }
}
