//! Who asks, where they may act, and what they may do there.
//!
//! A [`Principal`] tells its environment only to whoever says what for: [`Principal::within`], [`Principal::whole`],
//! [`Principal::operator`], and [`App::owned`] for what lies in an account. So a verb that reaches anything at all has
//! named the scope that it takes.

use std::sync::Arc;

use aws_lc_rs::digest;
use ringup_core::account::{ApiKey, Environment, KeyKind, Role};
use ringup_core::id::KeyId;
use ringup_core::key::{AccountKey, EnvironmentKey};
use ringup_core::scope::{Scope, Scopes};
use ringup_store::directory::AccountView;
use ringup_store::keyring::KnownKey;
use tracing::warn;

use crate::app::App;
use crate::error::AppError;
use crate::origin::Origin;

/// The environment in which an operator's key acts unless told otherwise.
pub(crate) const DEFAULT_ENVIRONMENT: &str = "live";

/// Whoever asks, and in which environment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Principal {
    environment: EnvironmentKey,
    role: Role,
    scopes: Scopes,
    /// `None` for whoever has the data folder itself in hand.
    key: Option<KeyId>,
    origin: Origin,
    /// Acts on the endpoints that hear operational events, and on nothing else.
    operational: bool,
}

/// The key of a caller and where it acts. Good for nothing but comparing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CallerName(EnvironmentKey, Option<KeyId>);

impl CallerName {
    /// The number of the environment, for the log.
    pub fn environment(self) -> i64 {
        self.0.0
    }
}

impl Principal {
    /// The person at the machine: may do what an operator may.
    pub fn at_the_machine(environment: EnvironmentKey) -> Principal {
        Principal {
            environment,
            role: Role::Operator,
            scopes: Scopes::ALL,
            key: None,
            origin: Origin::default(),
            operational: false,
        }
    }

    /// The same, asking from there.
    #[must_use]
    pub fn from(self, origin: Origin) -> Principal {
        Principal { origin, ..self }
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn key(&self) -> Option<KeyId> {
        self.key
    }

    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Tells callers apart, for whoever keeps something for one of them.
    pub fn name(&self) -> CallerName {
        CallerName(self.environment, self.key)
    }

    /// For whoever draws what can be asked for; the verbs decide for themselves.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }

    pub(crate) fn scopes(&self) -> Scopes {
        self.scopes
    }

    pub(crate) fn needs(&self, scope: Scope) -> Result<(), AppError> {
        if self.scopes.has(scope) { Ok(()) } else { Err(AppError::Forbidden(lacking(scope))) }
    }

    /// The environment, for what whoever acts in one of its accounts may see, too.
    pub(crate) fn within(&self, scope: Scope) -> Result<EnvironmentKey, AppError> {
        self.needs(scope)?;
        Ok(self.environment)
    }

    /// The environment, for what concerns all of it.
    pub(crate) fn whole(&self, scope: Scope) -> Result<EnvironmentKey, AppError> {
        match self.role {
            Role::Operator | Role::Environment(_) => self.within(scope),
            Role::Account(_) => Err(AppError::Forbidden("this takes a key of the whole environment")),
        }
    }

    /// For what concerns all environments.
    pub(crate) fn operator(&self, scope: Scope) -> Result<(), AppError> {
        match self.role {
            Role::Operator => self.needs(scope),
            Role::Environment(_) | Role::Account(_) => Err(AppError::Forbidden("this takes an operator's key")),
        }
    }

    /// The only account that it reaches, for whoever looks through all.
    pub(crate) fn own_account(&self) -> Option<AccountKey> {
        match self.role {
            Role::Operator | Role::Environment(_) => None,
            Role::Account(own) => Some(own),
        }
    }

    /// The same, acting on the operational endpoints of its environment.
    pub(crate) fn operational(self) -> Principal {
        Principal { operational: true, ..self }
    }

    pub(crate) fn is_operational(&self) -> bool {
        self.operational
    }

    /// Whether it may reach into an account of its environment.
    pub(crate) fn reaches(&self, account: AccountKey) -> bool {
        self.own_account().is_none_or(|own| own == account)
    }
}

impl App {
    /// As [`App::authenticate`], also for a key or an environment that another process made a moment ago.
    pub async fn admit(&self, token: &str, environment: Option<&str>) -> Result<Principal, AppError> {
        match self.authenticate(token, environment) {
            Err(unknown @ (AppError::Unauthenticated(_) | AppError::NotFound { .. })) => {
                if let Err(error) = self.catalogue.refresh().await {
                    warn!(%error, "cannot look for keys that were just made");
                    return Err(unknown);
                }
                self.authenticate(token, environment)
            }
            admitted => admitted,
        }
    }

    /// Looks at the configuration once more before an account, or an endpoint of it, is told to be missing.
    pub async fn look_for(&self, principal: &Principal, account: &str, endpoint: Option<&str>) {
        let found = self.directory().account_named(principal.environment, account);
        let is_known = |view: Arc<AccountView>| endpoint.is_none_or(|name| view.endpoint_named(name).is_some());
        if !found.is_some_and(is_known) {
            self.look_again().await;
        }
    }

    /// Another process may have changed the configuration less than a second ago.
    pub async fn look_again(&self) {
        if let Err(error) = self.catalogue.refresh().await {
            warn!(%error, "cannot look for what was just made");
        }
    }

    /// Who a bearer token belongs to. `environment` is where an operator wants to act; a key of one environment may
    /// name only that. Links and console sessions are no bearer tokens.
    ///
    /// Tokens are found by their SHA-256, so the time this takes says nothing about them.
    pub fn authenticate(&self, token: &str, environment: Option<&str>) -> Result<Principal, AppError> {
        let known = self.valid_key(token)?;
        match known.key.kind {
            KeyKind::Key | KeyKind::Portal => self.principal(&known.key, environment),
            KeyKind::Link | KeyKind::Console => Err(UNKNOWN),
        }
    }

    /// The environment in which the caller acts; `None` once it was removed.
    pub fn own_environment(&self, principal: &Principal) -> Option<Arc<Environment>> {
        self.directory().environment(principal.environment)
    }

    /// Whether the key behind a caller is still valid, for whoever goes on after the request was admitted.
    pub(crate) fn still_admits(&self, principal: &Principal) -> bool {
        let now = self.now();
        let is_valid = |id: KeyId| self.directory().key_by_id(id).filter(|known| known.key.is_valid_at(now));
        let Some(id) = principal.key else { return true };
        is_valid(id).is_some_and(|known| known.key.parent.is_none_or(|parent| is_valid(parent).is_some()))
    }

    /// The key of this token, if it is valid now. Its use is noted.
    pub(crate) fn valid_key(&self, token: &str) -> Result<Arc<KnownKey>, AppError> {
        let now = self.now();
        let is_valid = |known: &Arc<KnownKey>| known.key.is_valid_at(now);
        let known = self.directory().key(&token_hash(token)).filter(is_valid).ok_or(UNKNOWN)?;
        if let Some(parent) = known.key.parent {
            self.directory().key_by_id(parent).filter(is_valid).ok_or(UNKNOWN)?;
        }
        known.use_at(now);
        Ok(known)
    }

    /// Whoever holds a valid key, in the environment where they want to act.
    pub(crate) fn principal(&self, key: &ApiKey, environment: Option<&str>) -> Result<Principal, AppError> {
        let named = |name: &str| {
            let found = self.directory().environment_named(name);
            found.map(|found| found.key).ok_or_else(|| AppError::not_found("environment", name))
        };
        let own = match key.role {
            Role::Operator => None,
            Role::Environment(own) => Some(own),
            // A key does not outlive its account.
            Role::Account(account) => Some(self.directory().account(account).ok_or(UNKNOWN)?.account.environment),
        };
        let environment = match (own, environment) {
            (None, name) => named(name.unwrap_or(DEFAULT_ENVIRONMENT))?,
            (Some(own), None) => own,
            (Some(own), Some(name)) if named(name).is_ok_and(|found| found == own) => own,
            (Some(_), Some(_)) => return Err(AppError::Forbidden("the key belongs to another environment")),
        };
        let scopes = key.scopes.within(ApiKey::ceiling(key.kind, key.role));
        Ok(Principal {
            environment,
            role: key.role,
            scopes,
            key: Some(key.id),
            origin: Origin::default(),
            operational: false,
        })
    }
}

pub(crate) const UNKNOWN: AppError = AppError::Unauthenticated("the key is unknown, expired or revoked");

pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

fn lacking(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "this takes the scope `read`, which the key does not have",
        Scope::Publish => "this takes the scope `publish`, which the key does not have",
        Scope::Accounts => "this takes the scope `accounts`, which the key does not have",
        Scope::Settings => "this takes the scope `settings`, which the key does not have",
        Scope::Endpoints => "this takes the scope `endpoints`, which the key does not have",
        Scope::Secrets => "this takes the scope `secrets`, which the key does not have",
        Scope::Rotate => "this takes the scope `rotate`, which the key does not have",
        Scope::Recover => "this takes the scope `recover`, which the key does not have",
        Scope::EventTypes => "this takes the scope `event_types`, which the key does not have",
        Scope::Keys => "this takes the scope `keys`, which the key does not have",
    }
}
