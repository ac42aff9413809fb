//! Environments, and the keys that open them.
//!
//! Nobody gives away what they do not have: a key made by a key has no scope that the other lacks, and opens nothing that
//! the other does not.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ringup_core::account::{ApiKey, Environment, KeyKind, Role, Validation};
use ringup_core::id::{EnvironmentId, KeyId};
use ringup_core::key::EnvironmentKey;
use ringup_core::ports::Random;
use ringup_core::scope::{Scope, Scopes};
use ringup_core::time::Timestamp;
use ringup_store::audit::By;
use ringup_store::directory::Directory;
use ringup_store::keyring::KnownKey;
use ringup_store::seam::Change;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::{App, owned};
use crate::check::{Faults, TITLE_BYTES_MAX};
use crate::error::{AppError, Fault};
use crate::origin::Origin;
use crate::principal::{DEFAULT_ENVIRONMENT, Principal, token_hash};

/// Random bytes of a key.
const TOKEN_BYTES: usize = 32;

/// Characters of a key that are shown, and which part of it that is at most: a key that somebody chose may be short.
const PREFIX_CHARS: usize = 8;
const PREFIX_PART: usize = 4;

/// Keys of one environment that are valid at a time; more are a mistake in a loop.
const KEYS_MAX: usize = 1_000;

/// What a caller may say about a new key.
#[derive(Clone, Debug)]
pub struct KeyRequest {
    pub name: String,
    pub place: KeyPlace,
    /// `None`: all that is possible in this place and that the caller has.
    pub scopes: Option<Scopes>,
    pub expires_at: Option<Timestamp>,
}

/// What a key opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyPlace {
    /// Every environment.
    Operator,
    /// The environment of this name.
    Environment(String),
    /// The account of this id or uid, in the environment where the caller acts.
    Account(String),
}

/// What a key opens, by name; nothing for an operator's, which opens all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PlaceOfKey {
    pub environment: Option<String>,
    /// The account's id.
    pub account: Option<String>,
}

impl KeyRequest {
    /// An unrestricted key of one environment.
    pub fn of_environment(environment: &str, name: &str) -> KeyRequest {
        let place = KeyPlace::Environment(environment.to_owned());
        KeyRequest { name: name.to_owned(), place, scopes: None, expires_at: None }
    }
}

/// A key as it is to be made.
#[derive(Clone, Debug)]
pub struct KeyDraft {
    pub kind: KeyKind,
    pub role: Role,
    pub scopes: Scopes,
    pub name: String,
    pub expires_at: Option<Timestamp>,
    pub parent: Option<KeyId>,
    pub session: Option<String>,
    pub feature_flags: Option<Vec<String>>,
}

impl KeyDraft {
    /// An unrestricted key for programs.
    pub fn key(role: Role, name: &str) -> KeyDraft {
        KeyDraft::of(KeyKind::Key, role, name)
    }

    /// Of any kind, with all that one of it can have.
    pub fn of(kind: KeyKind, role: Role, name: &str) -> KeyDraft {
        KeyDraft {
            kind,
            role,
            scopes: ApiKey::ceiling(kind, role),
            name: name.to_owned(),
            expires_at: None,
            parent: None,
            session: None,
            feature_flags: None,
        }
    }
}

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
            made.environment = Some(self.make_environment(&self.by_machine(), DEFAULT_ENVIRONMENT, strict).await?);
        }
        let known = given.is_some_and(|token| self.directory().key(&token_hash(token.expose_secret())).is_some());
        let now = self.now();
        let opens = |key: &ApiKey| key.role == Role::Operator && key.kind == KeyKind::Key && key.is_valid_at(now);
        let nobody = || !self.directory().keys().iter().any(|known| opens(&known.key));
        if !known && (given.is_some() || nobody()) {
            let draft = KeyDraft::key(Role::Operator, "first start");
            made.key = Some(self.make_key(&self.by_machine(), draft, given.cloned()).await?);
        }
        Ok(made)
    }

    pub fn environments(&self, principal: &Principal) -> Result<Vec<Arc<Environment>>, AppError> {
        principal.operator(Scope::Read)?;
        Ok(self.directory().environments())
    }

    pub fn environment_named(&self, principal: &Principal, name: &str) -> Result<Arc<Environment>, AppError> {
        principal.operator(Scope::Read)?;
        self.directory().environment_named(name).ok_or_else(|| AppError::not_found("environment", name))
    }

    /// `Conflict` if the name is taken.
    pub async fn create_environment(
        &self,
        principal: &Principal,
        name: &str,
        strict: bool,
    ) -> Result<Arc<Environment>, AppError> {
        principal.operator(Scope::Accounts)?;
        self.make_environment(&self.by(principal), name, strict).await
    }

    /// All keys that the caller may see, revoked and expired ones included, oldest first: an operator's are all there are.
    pub fn keys(&self, principal: &Principal) -> Result<Vec<Arc<KnownKey>>, AppError> {
        let environment = principal.whole(Scope::Keys)?;
        let mut keys = self.directory().keys();
        keys.retain(|known| known.key.kind == KeyKind::Key && self.sees_key(principal, environment, &known.key));
        keys.sort_by_key(|known| (known.key.created_at, known.key.id));
        Ok(keys)
    }

    pub fn key(&self, principal: &Principal, id: &str) -> Result<Arc<KnownKey>, AppError> {
        let environment = principal.whole(Scope::Keys)?;
        let found = id.parse().ok().and_then(|id| self.directory().key_by_id(id));
        let found = found.filter(|known| known.key.kind == KeyKind::Key);
        let found = found.filter(|known| self.sees_key(principal, environment, &known.key));
        found.ok_or_else(|| AppError::not_found("key", id))
    }

    /// `Forbidden` for more than the caller has.
    pub async fn create_key(&self, principal: &Principal, request: KeyRequest) -> Result<NewKey, AppError> {
        let draft = self.key_draft(principal, request)?;
        self.make_key(&self.by(principal), draft, None).await
    }

    /// Ends a key at once, and all sessions that it was exchanged for. A key that was revoked before stays so.
    pub async fn revoke_key(&self, principal: &Principal, id: &str) -> Result<(), AppError> {
        let known = self.key(principal, id)?;
        let now = self.now();
        if known.key.revoked_at.is_some_and(|at| at <= now) {
            return Ok(());
        }
        self.revoke(principal, vec![known.key.id], now).await
    }

    /// What a key opens, by name.
    pub fn place_of_key(&self, known: &KnownKey) -> PlaceOfKey {
        let directory = self.directory();
        let name = |key| directory.environment(key).map(|environment| environment.name.clone());
        match known.key.role {
            Role::Operator => PlaceOfKey::default(),
            Role::Environment(key) => PlaceOfKey { environment: name(key), account: None },
            Role::Account(account) => match directory.account(account) {
                Some(view) => {
                    let account = Some(view.account.id.to_string());
                    PlaceOfKey { environment: name(view.account.environment), account }
                }
                None => PlaceOfKey::default(),
            },
        }
    }

    pub(crate) async fn revoke(&self, principal: &Principal, ids: Vec<KeyId>, at: Timestamp) -> Result<(), AppError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.change(principal, |_: &Directory| Ok(Change::RevokeKeys(ids, at))).await.map(drop)
    }

    fn by_machine(&self) -> By {
        self.by_key(None, Role::Operator, Origin::default())
    }

    fn sees_key(&self, principal: &Principal, environment: EnvironmentKey, key: &ApiKey) -> bool {
        match (principal.role(), key.role) {
            (Role::Operator, _) => true,
            (_, Role::Operator) => false,
            (_, Role::Environment(of)) => of == environment,
            (_, Role::Account(account)) => {
                self.directory().account(account).is_some_and(|view| view.account.environment == environment)
            }
        }
    }

    fn key_draft(&self, principal: &Principal, request: KeyRequest) -> Result<KeyDraft, AppError> {
        let environment = principal.whole(Scope::Keys)?;
        let role = match &request.place {
            KeyPlace::Operator => {
                principal.operator(Scope::Keys)?;
                Role::Operator
            }
            KeyPlace::Environment(name) => {
                let found = self.directory().environment_named(name).map(|found| found.key);
                let reaches = |of: &EnvironmentKey| principal.role() == Role::Operator || *of == environment;
                Role::Environment(found.filter(reaches).ok_or_else(|| AppError::not_found("environment", name))?)
            }
            KeyPlace::Account(name) => {
                Role::Account(owned(self.directory(), principal, name, Scope::Keys)?.account.key)
            }
        };
        let ceiling = ApiKey::ceiling(KeyKind::Key, role);
        let scopes = request.scopes.unwrap_or_else(|| ceiling.within(principal.scopes()));
        let now = self.now();
        let mut faults = Faults::default();
        faults.title("name", &request.name);
        faults.check(!scopes.is_empty(), || Fault::new("scopes", "count", "a key without scopes opens nothing"));
        faults.check(scopes.is_within(ceiling), || {
            Fault::new("scopes", "scope", format!("a key of one account can have: {ceiling}"))
        });
        faults.check(request.expires_at.is_none_or(|at| at > now), || {
            Fault::new("expires_at", "range", "a time that lies ahead")
        });
        faults.done()?;
        if !scopes.is_within(principal.scopes()) {
            return Err(AppError::Forbidden("a key cannot give a scope that it does not have"));
        }
        let valid = |known: &&Arc<KnownKey>| {
            known.key.kind == KeyKind::Key && known.key.role == role && known.key.is_valid_at(now)
        };
        if self.directory().keys().iter().filter(valid).count() >= KEYS_MAX {
            return Err(AppError::Conflict(format!("there are {KEYS_MAX} valid keys already; revoke some")));
        }
        Ok(KeyDraft { scopes, expires_at: request.expires_at, ..KeyDraft::key(role, &request.name) })
    }

    async fn make_environment(&self, by: &By, name: &str, strict: bool) -> Result<Arc<Environment>, AppError> {
        let made = new_environment(name, strict, self.now(), &*self.random)?;
        let decide = |directory: &Directory| match directory.environment_named(name) {
            Some(_) => Err(AppError::Conflict(format!("the environment {name:?} exists already"))),
            None => Ok(self.founding.change(made, &*self.random)),
        };
        let key = self.catalogue.change_by(by, decide).await?;
        let made = self.directory().environment(EnvironmentKey(key));
        made.ok_or_else(|| AppError::not_found("environment", name))
    }

    pub(crate) async fn make_key(
        &self,
        by: &By,
        draft: KeyDraft,
        token: Option<SecretString>,
    ) -> Result<NewKey, AppError> {
        let made = new_key(draft, token, self.now(), &*self.random)?;
        let change = Change::PutKey(made.key.clone());
        self.catalogue.change_by(by, |_: &Directory| Ok::<_, AppError>(change)).await?;
        Ok(made)
    }
}

/// An environment as it will be stored, its name checked. Who stores it sees to it that the name is free.
pub fn new_environment(name: &str, strict: bool, now: Timestamp, random: &dyn Random) -> Result<Environment, AppError> {
    let mut faults = Faults::default();
    faults.name("name", name);
    faults.done()?;
    let id = EnvironmentId::new(now, random_128(random));
    let validation = Validation::Off;
    Ok(Environment { key: EnvironmentKey(0), id, name: name.to_owned(), strict, validation, created_at: now })
}

/// A key as it will be stored, and its text: the one given, or one of our own making.
pub fn new_key(
    draft: KeyDraft,
    token: Option<SecretString>,
    now: Timestamp,
    random: &dyn Random,
) -> Result<NewKey, AppError> {
    let mut faults = Faults::default();
    faults.text("name", &draft.name, TITLE_BYTES_MAX);
    faults.done()?;
    let token = token.unwrap_or_else(|| {
        let mut bytes = [0; TOKEN_BYTES];
        random.fill(&mut bytes);
        SecretString::from(format!("{}{}", token_prefix(draft.kind), URL_SAFE_NO_PAD.encode(bytes)))
    });
    let shown = PREFIX_CHARS.min(token.expose_secret().len() / PREFIX_PART);
    let key = ApiKey {
        id: KeyId::new(now, random_128(random)),
        kind: draft.kind,
        role: draft.role,
        scopes: draft.scopes,
        name: draft.name,
        prefix: token.expose_secret().chars().take(shown).collect(),
        token_hash: token_hash(token.expose_secret()),
        parent: draft.parent,
        session: draft.session,
        feature_flags: draft.feature_flags,
        created_at: now,
        expires_at: draft.expires_at,
        revoked_at: None,
        used_at: None,
    };
    Ok(NewKey { key, token })
}

/// What a token's text begins with, so that scanners for leaked secrets can tell it. Without a dot: some SDKs take what
/// follows one for a region.
fn token_prefix(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Key => "rk_",
        KeyKind::Link => "rl_",
        KeyKind::Portal => "rp_",
        KeyKind::Console => "rc_",
    }
}

fn random_128(random: &dyn Random) -> u128 {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    u128::from_le_bytes(bytes)
}
