//! Whose turn it is: accounts in a ring, and inside each account its endpoints in a ring.
//!
//! An account with a thousand busy endpoints gets as many turns as an account with one. A lane is in here only while it
//! has work and is allowed to start it, so taking a turn takes it out; push it again if it still has both.
//! Order depends on the calls alone: the maps are only looked into, never walked.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::key::{AccountKey, EndpointKey};

/// Emptied rings kept for the next account, so that accounts that come and go cost no allocation.
const SPARE_RINGS: usize = 64;

#[derive(Debug, Default)]
pub struct Turn {
    accounts: VecDeque<AccountKey>,
    /// One entry for each account in the ring.
    endpoints: HashMap<AccountKey, VecDeque<EndpointKey>>,
    members: HashSet<EndpointKey>,
    spare: Vec<VecDeque<EndpointKey>>,
}

impl Turn {
    pub fn new() -> Turn {
        Turn::default()
    }

    /// Lines up an endpoint behind its account's others, and the account behind the other accounts. One that is in
    /// line keeps its place.
    pub fn push(&mut self, account: AccountKey, endpoint: EndpointKey) {
        if !self.members.insert(endpoint) {
            return;
        }
        let ring = self.endpoints.entry(account).or_insert_with(|| {
            self.accounts.push_back(account);
            self.spare.pop().unwrap_or_default()
        });
        ring.push_back(endpoint);
    }

    /// Takes the endpoint whose turn it is out of the line.
    pub fn take(&mut self) -> Option<(AccountKey, EndpointKey)> {
        while let Some(account) = self.accounts.pop_front() {
            let ring = self.endpoints.get_mut(&account).expect("every account in the ring has one of its own");
            let endpoint = ring.pop_front();
            if ring.is_empty() {
                self.retire(account);
            } else {
                self.accounts.push_back(account);
            }
            if let Some(endpoint) = endpoint {
                self.members.remove(&endpoint);
                return Some((account, endpoint));
            }
        }
        None
    }

    /// Takes an endpoint out of the line, wherever it stands. Costs a walk over its account's ring.
    pub fn remove(&mut self, account: AccountKey, endpoint: EndpointKey) {
        if self.members.remove(&endpoint)
            && let Some(ring) = self.endpoints.get_mut(&account)
        {
            // An account whose ring is now empty is passed over by `take`.
            ring.retain(|other| *other != endpoint);
        }
    }

    pub fn contains(&self, endpoint: EndpointKey) -> bool {
        self.members.contains(&endpoint)
    }

    /// Endpoints in line.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn retire(&mut self, account: AccountKey) {
        if let Some(ring) = self.endpoints.remove(&account)
            && self.spare.len() < SPARE_RINGS
        {
            self.spare.push(ring);
        }
    }
}

#[cfg(test)]
mod tests;
