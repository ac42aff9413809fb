//! Configuration rows and the names that must be unique among them.

use std::collections::BTreeMap;

use ringup_core::account::{Account, ApiKey, Environment, EventType, Role};
use ringup_core::audit::AuditEntry;
use ringup_core::endpoint::Endpoint;
use ringup_core::id::{AuditId, EventTypeId, KeyId};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::limits::AUDIT_FORGOTTEN_AT_ONCE_MAX;
use ringup_core::operational::Notice;
use ringup_core::time::{Tick, Timestamp};

use crate::audit::AuditFilter;
use crate::keyring;
use crate::query::Order;
use crate::seam::{Change, Configuration, StoreError};

#[derive(Clone, Default)]
pub(super) struct ConfigurationRows {
    environments: BTreeMap<EnvironmentKey, Environment>,
    keys: BTreeMap<KeyId, ApiKey>,
    accounts: BTreeMap<AccountKey, Account>,
    endpoints: BTreeMap<EndpointKey, Endpoint>,
    event_types: BTreeMap<EventTypeId, EventType>,
    /// The last key given, of any kind. Keys are never given twice: history outlives what it belongs to.
    last_key: i64,
    notices: BTreeMap<i64, Notice>,
    last_notice: i64,
    consumers: BTreeMap<(EndpointKey, String), Tick>,
    audit: BTreeMap<AuditId, AuditEntry>,
}

impl ConfigurationRows {
    pub(super) fn whole(&self) -> Configuration {
        Configuration {
            environments: self.environments.values().cloned().collect(),
            keys: self.keys.values().cloned().collect(),
            accounts: self.accounts.values().cloned().collect(),
            endpoints: self.endpoints.values().cloned().collect(),
            event_types: self.event_types.values().cloned().collect(),
        }
    }

    pub(super) fn consumer(&self, endpoint: EndpointKey, name: &str) -> Option<Tick> {
        self.consumers.get(&(endpoint, name.to_owned())).copied()
    }

    pub(super) fn move_consumer(
        &mut self,
        endpoint: EndpointKey,
        name: String,
        position: Tick,
        consumers_max: usize,
    ) -> Result<(), StoreError> {
        let others = self.consumers.keys().filter(|(of, other)| *of == endpoint && *other != name).count();
        if others >= consumers_max {
            return Err(StoreError::Conflict("number of consumers"));
        }
        self.consumers.insert((endpoint, name), position);
        Ok(())
    }

    pub(super) fn notices(&self, rows_max: usize) -> Vec<(i64, Notice)> {
        self.notices.iter().take(rows_max).map(|(number, notice)| (*number, notice.clone())).collect()
    }

    /// Answers the key of what was put; zero for what has none.
    pub(super) fn change(&mut self, change: Change) -> Result<i64, StoreError> {
        match change {
            Change::PutEnvironment(environment) => self.put_environment(environment),
            Change::FoundEnvironment(environment, event_types) => {
                let mut changed = self.clone();
                let key = changed.put_environment(environment)?;
                for event_type in event_types {
                    changed.put_event_type(EventType { environment: EnvironmentKey(key), ..event_type })?;
                }
                *self = changed;
                Ok(key)
            }
            Change::PutKey(key) => self.put_key(key),
            Change::RevokeKeys(ids, at) => self.revoke_keys(&ids, at),
            Change::KeysUsed(used) => {
                for (id, at) in used {
                    if let Some(key) = self.keys.get_mut(&id) {
                        key.used_at = key.used_at.max(Some(at));
                    }
                }
                Ok(0)
            }
            Change::ForgetSessions(before) => {
                self.keys.retain(|_, key| !keyring::is_over(key, before));
                Ok(0)
            }
            Change::PutAccount(account) => self.put_account(account),
            Change::DeleteAccount(key) => {
                found(self.accounts.remove(&key))?;
                self.endpoints.retain(|_, endpoint| endpoint.account != key);
                self.consumers.retain(|(endpoint, _), _| self.endpoints.contains_key(endpoint));
                self.keys.retain(|_, kept| kept.role != Role::Account(key));
                Ok(0)
            }
            Change::PutEndpoint(endpoint) => self.put_endpoint(endpoint),
            Change::DeleteEndpoint(key) => {
                found(self.endpoints.remove(&key))?;
                self.consumers.retain(|(endpoint, _), _| *endpoint != key);
                Ok(0)
            }
            Change::PutEventType(event_type) => self.put_event_type(event_type),
            Change::DeleteEventType(id) => found(self.event_types.remove(&id)).map(|_| 0),
            Change::Announced(change, notices) => {
                let key = self.change(*change)?;
                for notice in notices {
                    self.last_notice += 1;
                    self.notices.insert(self.last_notice, notice);
                }
                Ok(key)
            }
            Change::DropNotice(number) => found(self.notices.remove(&number)).map(|_| 0),
            Change::Recorded(change, entries) => {
                let key = self.change(*change)?;
                self.record(entries);
                Ok(key)
            }
            Change::Record(entries) => {
                self.record(entries);
                Ok(0)
            }
        }
    }

    fn record(&mut self, entries: Vec<AuditEntry>) {
        self.audit.extend(entries.into_iter().map(|entry| (entry.id, entry)));
    }

    pub(super) fn audit(
        &self,
        filter: &AuditFilter,
        after: Option<AuditId>,
        order: Order,
        rows_max: usize,
    ) -> Vec<AuditEntry> {
        let behind = |entry: &&AuditEntry| match (after, order) {
            (None, _) => true,
            (Some(after), Order::NewestFirst) => entry.id < after,
            (Some(after), Order::OldestFirst) => entry.id > after,
        };
        let wanted = self.audit.values().filter(behind).filter(|entry| filter.wants(entry));
        match order {
            Order::NewestFirst => wanted.rev().take(rows_max).cloned().collect(),
            Order::OldestFirst => wanted.take(rows_max).cloned().collect(),
        }
    }

    pub(super) fn forget_audit(&mut self, before: Timestamp, rows_max: usize) -> usize {
        let too_many = self.audit.len().saturating_sub(rows_max);
        let too_old = self.audit.values().take_while(|entry| entry.at() < before).count();
        let count = too_old.max(too_many).min(AUDIT_FORGOTTEN_AT_ONCE_MAX);
        for _ in 0..count {
            self.audit.pop_first();
        }
        count
    }

    fn put_environment(&mut self, mut environment: Environment) -> Result<i64, StoreError> {
        let key = environment.key;
        if self.environments.values().any(|kept| kept.key != key && kept.name == environment.name) {
            return Err(StoreError::Conflict("environment name"));
        }
        let key = self.key_for(key.0, self.environments.contains_key(&key))?;
        environment.key = EnvironmentKey(key);
        self.environments.insert(environment.key, environment);
        Ok(key)
    }

    fn put_key(&mut self, key: ApiKey) -> Result<i64, StoreError> {
        match key.role {
            Role::Operator => {}
            Role::Environment(environment) => drop(found(self.environments.get(&environment))?),
            Role::Account(account) => drop(found(self.accounts.get(&account))?),
        }
        if self.keys.values().any(|kept| kept.id != key.id && kept.token_hash == key.token_hash) {
            return Err(StoreError::Conflict("key"));
        }
        self.keys.insert(key.id, key);
        Ok(0)
    }

    fn revoke_keys(&mut self, ids: &[KeyId], at: Timestamp) -> Result<i64, StoreError> {
        if !ids.iter().all(|id| self.keys.contains_key(id)) {
            return Err(StoreError::NotFound);
        }
        for id in ids {
            if let Some(key) = self.keys.get_mut(id) {
                key.revoked_at = Some(at);
            }
        }
        Ok(0)
    }

    fn put_account(&mut self, mut account: Account) -> Result<i64, StoreError> {
        found(self.environments.get(&account.environment))?;
        let key = account.key;
        let taken = |kept: &Account| {
            kept.key != key && kept.environment == account.environment && same_uid(&kept.uid, &account.uid)
        };
        if self.accounts.values().any(taken) {
            return Err(StoreError::Conflict("uid"));
        }
        let key = self.key_for(key.0, self.accounts.contains_key(&key))?;
        account.key = AccountKey(key);
        self.accounts.insert(account.key, account);
        Ok(key)
    }

    fn put_endpoint(&mut self, mut endpoint: Endpoint) -> Result<i64, StoreError> {
        found(self.accounts.get(&endpoint.account))?;
        let key = endpoint.key;
        let taken =
            |kept: &Endpoint| kept.key != key && kept.account == endpoint.account && same_uid(&kept.uid, &endpoint.uid);
        if self.endpoints.values().any(taken) {
            return Err(StoreError::Conflict("uid"));
        }
        let key = self.key_for(key.0, self.endpoints.contains_key(&key))?;
        endpoint.key = EndpointKey(key);
        self.endpoints.insert(endpoint.key, endpoint);
        Ok(key)
    }

    fn put_event_type(&mut self, event_type: EventType) -> Result<i64, StoreError> {
        found(self.environments.get(&event_type.environment))?;
        let taken = |kept: &EventType| {
            kept.id != event_type.id && kept.environment == event_type.environment && kept.name == event_type.name
        };
        if self.event_types.values().any(taken) {
            return Err(StoreError::Conflict("event type name"));
        }
        self.event_types.insert(event_type.id, event_type);
        Ok(0)
    }

    /// A new key for zero, else the one given, which must exist.
    fn key_for(&mut self, given: i64, exists: bool) -> Result<i64, StoreError> {
        match given {
            0 => {
                self.last_key += 1;
                Ok(self.last_key)
            }
            _ if exists => Ok(given),
            _ => Err(StoreError::NotFound),
        }
    }
}

fn found<T>(row: Option<T>) -> Result<T, StoreError> {
    row.ok_or(StoreError::NotFound)
}

fn same_uid(kept: &Option<String>, wanted: &Option<String>) -> bool {
    wanted.is_some() && kept == wanted
}
