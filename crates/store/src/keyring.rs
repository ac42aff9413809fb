//! Keys as authentication sees them: found by the hash of their token, or by id.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use ringup_core::account::{ApiKey, KeyKind, Role};
use ringup_core::id::KeyId;
use ringup_core::key::AccountKey;
use ringup_core::time::Timestamp;

/// Uses of a key that are closer together are one: the last use is told to the minute, not to the request.
const USE_GRAIN: Duration = Duration::from_secs(1);

/// A key, and when it was used since that was stored last.
#[derive(Debug)]
pub struct KnownKey {
    pub key: ApiKey,
    /// Microseconds since 1970; zero for not at all.
    used_at: AtomicI64,
}

impl KnownKey {
    fn new(key: ApiKey, used_at: i64) -> Arc<KnownKey> {
        Arc::new(KnownKey { key, used_at: AtomicI64::new(used_at) })
    }

    /// Remembers in memory that it was used. Costs a read for all but one use a second.
    pub fn use_at(&self, now: Timestamp) {
        let last = Timestamp::from_micros(self.used_at.load(Relaxed));
        if now.saturating_since(last) >= USE_GRAIN {
            self.used_at.store(now.as_micros(), Relaxed);
        }
    }

    /// The last use, stored or not.
    pub fn used_at(&self) -> Option<Timestamp> {
        let since = Some(self.used_at.load(Relaxed)).filter(|at| *at != 0).map(Timestamp::from_micros);
        self.key.used_at.max(since)
    }
}

/// All keys, links and sessions.
#[derive(Default)]
pub struct Keyring {
    by_hash: HashMap<[u8; 32], Arc<KnownKey>>,
    hashes: HashMap<KeyId, [u8; 32]>,
}

impl Keyring {
    pub fn by_hash(&self, token_hash: &[u8; 32]) -> Option<&Arc<KnownKey>> {
        self.by_hash.get(token_hash)
    }

    pub fn by_id(&self, id: KeyId) -> Option<&Arc<KnownKey>> {
        self.by_hash(self.hashes.get(&id)?)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<KnownKey>> {
        self.by_hash.values()
    }

    pub(crate) fn put(&mut self, key: ApiKey) {
        let used_at = self.remove(key.id).map_or(0, |old| old.used_at.load(Relaxed));
        self.hashes.insert(key.id, key.token_hash);
        self.by_hash.insert(key.token_hash, KnownKey::new(key, used_at));
    }

    pub(crate) fn revoke(&mut self, ids: &[KeyId], at: Timestamp) {
        for id in ids {
            self.edit(*id, |key| key.revoked_at = Some(at));
        }
    }

    pub(crate) fn stored_use(&mut self, used: &[(KeyId, Timestamp)]) {
        for (id, at) in used {
            self.edit(*id, |key| key.used_at = key.used_at.max(Some(*at)));
        }
    }

    pub(crate) fn forget_sessions(&mut self, before: Timestamp) {
        self.retain(|key| !is_over(key, before));
    }

    pub(crate) fn forget_account(&mut self, account: AccountKey) {
        self.retain(|key| key.role != Role::Account(account));
    }

    /// Uses that are later than what is stored.
    pub(crate) fn used(&self) -> Vec<(KeyId, Timestamp)> {
        let later = |known: &Arc<KnownKey>| {
            let used_at = known.used_at().filter(|at| Some(*at) > known.key.used_at)?;
            Some((known.key.id, used_at))
        };
        self.all().filter_map(later).collect()
    }

    /// The keys as they were read anew; what was not stored yet about their use is kept.
    pub(crate) fn replaced(mut self, keys: Vec<ApiKey>) -> Keyring {
        let mut fresh = Keyring::default();
        for key in keys {
            let used_at = self.remove(key.id).map_or(0, |old| old.used_at.load(Relaxed));
            fresh.hashes.insert(key.id, key.token_hash);
            fresh.by_hash.insert(key.token_hash, KnownKey::new(key, used_at));
        }
        fresh
    }

    fn edit(&mut self, id: KeyId, edit: impl FnOnce(&mut ApiKey)) {
        if let Some(known) = self.by_id(id) {
            let mut key = known.key.clone();
            edit(&mut key);
            self.put(key);
        }
    }

    fn remove(&mut self, id: KeyId) -> Option<Arc<KnownKey>> {
        self.by_hash.remove(&self.hashes.remove(&id)?)
    }

    fn retain(&mut self, stays: impl Fn(&ApiKey) -> bool) {
        self.by_hash.retain(|_, known| stays(&known.key));
        let by_hash = &self.by_hash;
        self.hashes.retain(|_, hash| by_hash.contains_key(hash));
    }
}

/// Whether it is a link or a session that ended before a time. Keys are never over: they stay listed.
pub(crate) fn is_over(key: &ApiKey, before: Timestamp) -> bool {
    let ended = |end: Option<Timestamp>| end.is_some_and(|end| end < before);
    key.kind != KeyKind::Key && (ended(key.expires_at) || ended(key.revoked_at))
}

#[cfg(test)]
mod tests {
    use ringup_core::scope::Scopes;

    use super::*;

    fn key(number: u8, role: Role) -> ApiKey {
        ApiKey {
            id: KeyId([number; 20]),
            kind: KeyKind::Key,
            role,
            scopes: Scopes::ALL,
            name: String::new(),
            prefix: String::new(),
            token_hash: [number; 32],
            parent: None,
            session: None,
            feature_flags: None,
            created_at: Timestamp::from_secs(0),
            expires_at: None,
            revoked_at: None,
            used_at: None,
        }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn the_last_use_outlives_changes_and_is_told_until_it_is_stored() {
        let mut keys = Keyring::default();
        keys.put(key(1, Role::Operator));
        keys.put(key(2, Role::Operator));
        let id = KeyId([1; 20]);
        assert_eq!(keys.used(), []);
        keys.by_id(id).expect("it was put").use_at(at(10));
        keys.by_id(id).expect("it was put").use_at(Timestamp::from_micros(10_999_999));
        assert_eq!(keys.used(), [(id, at(10))], "uses within a second are one");
        keys.revoke(&[id], at(11));
        let mut keys = keys.replaced(vec![key(1, Role::Operator)]);
        assert_eq!(keys.used(), [(id, at(10))]);
        assert!(keys.by_id(KeyId([2; 20])).is_none());
        keys.stored_use(&[(id, at(10))]);
        assert_eq!(keys.used(), []);
        assert_eq!(keys.by_hash(&[1; 32]).expect("it is there").used_at(), Some(at(10)));
    }

    #[test]
    fn what_is_forgotten_is_found_by_nothing() {
        let mut keys = Keyring::default();
        keys.put(key(1, Role::Account(AccountKey(7))));
        keys.put(ApiKey { kind: KeyKind::Console, expires_at: Some(at(5)), ..key(2, Role::Operator) });
        keys.put(key(3, Role::Operator));
        keys.forget_account(AccountKey(7));
        keys.forget_sessions(at(6));
        let left: Vec<KeyId> = keys.all().map(|known| known.key.id).collect();
        assert_eq!(left, [KeyId([3; 20])]);
        assert!([1, 2].iter().all(|gone| keys.by_id(KeyId([*gone; 20])).is_none()));
        assert!([1, 2].iter().all(|gone| keys.by_hash(&[*gone; 32]).is_none()));
    }
}
