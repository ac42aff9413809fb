//! Environments, and the keys that open them. All of this takes an operator.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ringup_core::account::{ApiKey, Environment, Role};
use ringup_core::id::{EnvironmentId, KeyId};
use ringup_core::key::EnvironmentKey;
use ringup_core::ports::Random;
use ringup_core::time::Timestamp;
use ringup_store::directory::Directory;
use ringup_store::seam::Change;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::App;
use crate::check::{Faults, TITLE_BYTES_MAX};
use crate::error::AppError;
use crate::principal::{DEFAULT_ENVIRONMENT, Principal, token_hash};

/// What a key's text begins with, so that scanners for leaked secrets can tell it. Without a dot: some SDKs take what
/// follows one for a region.
const TOKEN_PREFIX: &str = "rk_";

/// Random bytes of a key.
const TOKEN_BYTES: usize = 32;

/// A key just made. Its text is shown this once: only its hash is kept.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub key: ApiKey,
    pub token: SecretString,
}

/// What the first start on a store made. `None` twice on every later one.
#[derive(Clone, Debug, Default)]
pub struct FirstStart {
    pub environment: Option<Arc<Environment>>,
    pub key: Option<NewKey>,
}

impl App {
    /// Makes the environment `live` if there is none at all, and an operator's key if nobody could come in.
    ///
    /// A key that is `given` is accepted from then on, also where others exist; one that was revoked stays so.
    pub async fn first_start(&self, given: Option<&SecretString>, strict: bool) -> Result<FirstStart, AppError> {
        let mut made = FirstStart::default();
        if self.directory().environments().is_empty() {
            made.environment = Some(self.make_environment(DEFAULT_ENVIRONMENT, strict).await?);
        }
        let known = given.is_some_and(|token| self.directory().key(&token_hash(token.expose_secret())).is_some());
        let nobody =
            || !self.directory().keys().iter().any(|key| key.role == Role::Operator && key.revoked_at.is_none());
        if !known && (given.is_some() || nobody()) {
            made.key = Some(self.make_key(Role::Operator, "first start", given.cloned()).await?);
        }
        Ok(made)
    }

    pub fn environments(&self, principal: &Principal) -> Result<Vec<Arc<Environment>>, AppError> {
        principal.needs_operator()?;
        Ok(self.directory().environments())
    }

    pub fn environment_named(&self, principal: &Principal, name: &str) -> Result<Arc<Environment>, AppError> {
        principal.needs_operator()?;
        self.directory().environment_named(name).ok_or_else(|| AppError::not_found("environment", name))
    }

    /// `Conflict` if the name is taken.
    pub async fn create_environment(
        &self,
        principal: &Principal,
        name: &str,
        strict: bool,
    ) -> Result<Arc<Environment>, AppError> {
        principal.needs_operator()?;
        self.make_environment(name, strict).await
    }

    /// All keys, revoked ones included, oldest first.
    pub fn keys(&self, principal: &Principal) -> Result<Vec<Arc<ApiKey>>, AppError> {
        principal.needs_operator()?;
        let mut keys = self.directory().keys();
        keys.sort_by_key(|key| (key.created_at, key.id));
        Ok(keys)
    }

    /// A key for one environment, or for an operator.
    pub async fn create_key(
        &self,
        principal: &Principal,
        environment: Option<&str>,
        name: &str,
    ) -> Result<NewKey, AppError> {
        principal.needs_operator()?;
        let role = match environment {
            Some(environment) => Role::Environment(self.environment_named(principal, environment)?.key),
            None => Role::Operator,
        };
        self.make_key(role, name, None).await
    }

    /// Ends a key at once. A key that was revoked before stays so.
    pub async fn revoke_key(&self, principal: &Principal, id: &str) -> Result<(), AppError> {
        principal.needs_operator()?;
        let not_found = || AppError::not_found("key", id);
        let id: KeyId = id.parse().map_err(|_| not_found())?;
        let key = self.directory().keys().into_iter().find(|key| key.id == id).ok_or_else(not_found)?;
        if key.revoked_at.is_some() {
            return Ok(());
        }
        let now = self.now();
        self.catalogue.change(|_: &Directory| Ok::<_, AppError>(Change::RevokeKey(id, now))).await.map(drop)
    }

    async fn make_environment(&self, name: &str, strict: bool) -> Result<Arc<Environment>, AppError> {
        let made = new_environment(name, strict, self.now(), &*self.random)?;
        let decide = |directory: &Directory| match directory.environment_named(name) {
            Some(_) => Err(AppError::Conflict(format!("the environment {name:?} exists already"))),
            None => Ok(Change::PutEnvironment(made)),
        };
        let key = self.catalogue.change(decide).await?;
        let made = self.directory().environment(EnvironmentKey(key));
        made.ok_or_else(|| AppError::not_found("environment", name))
    }

    async fn make_key(&self, role: Role, name: &str, token: Option<SecretString>) -> Result<NewKey, AppError> {
        let made = new_key(role, name, token, self.now(), &*self.random)?;
        let change = Change::PutKey(made.key.clone());
        self.catalogue.change(|_: &Directory| Ok::<_, AppError>(change)).await?;
        Ok(made)
    }
}

/// An environment as it will be stored, its name checked. Who stores it sees to it that the name is free.
pub fn new_environment(name: &str, strict: bool, now: Timestamp, random: &dyn Random) -> Result<Environment, AppError> {
    let mut faults = Faults::default();
    faults.name("name", name);
    faults.done()?;
    let id = EnvironmentId::new(now, random_128(random));
    Ok(Environment { key: EnvironmentKey(0), id, name: name.to_owned(), strict, created_at: now })
}

/// A key as it will be stored, and its text: the one given, or one of our own making.
pub fn new_key(
    role: Role,
    name: &str,
    token: Option<SecretString>,
    now: Timestamp,
    random: &dyn Random,
) -> Result<NewKey, AppError> {
    let mut faults = Faults::default();
    faults.text("name", name, TITLE_BYTES_MAX);
    faults.done()?;
    let token = token.unwrap_or_else(|| {
        let mut bytes = [0; TOKEN_BYTES];
        random.fill(&mut bytes);
        SecretString::from(format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    });
    let key = ApiKey {
        id: KeyId::new(now, random_128(random)),
        role,
        name: name.to_owned(),
        token_hash: token_hash(token.expose_secret()),
        created_at: now,
        revoked_at: None,
    };
    Ok(NewKey { key, token })
}

fn random_128(random: &dyn Random) -> u128 {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    u128::from_le_bytes(bytes)
}
