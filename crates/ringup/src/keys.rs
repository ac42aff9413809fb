//! `ringup key` and `ringup environment`: work on the data folder or the database itself, with the server running or
//! stopped. A server that runs sees the change within a second.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use ringup_app::{KeyDraft, by_machine, new_environment, new_key};
use ringup_core::account::{ApiKey, Environment, KeyKind, Role};
use ringup_core::audit::{AuditVerb, FieldChange};
use ringup_core::id::KeyId;
use ringup_core::ports::Clock as _;
use ringup_core::scope::{Scope, Scopes};
use ringup_core::settings::SystemDefaults;
use ringup_core::time::Timestamp;
use ringup_store::StoreError;
use ringup_store::audit::{self, Place};
use ringup_store::directory::Directory;
use ringup_store::sealed::SealingKey;
use ringup_store::seam::{Change, Configuration};
use ringup_store::sqlite;
use secrecy::ExposeSecret as _;

use crate::cli::{EnvironmentCommand, KeyCommand};
use crate::config::table::Config;
use crate::config::value::secret::EncryptionKey;
use crate::configurator::Configurator;
use crate::serve::founding;
use crate::shell::{SystemClock, SystemRandom};

/// Does it, and answers what goes to standard output.
pub fn key(command: KeyCommand, config: &Config) -> anyhow::Result<String> {
    let mut home = Configurator::open(config)?;
    match command {
        KeyCommand::Create { environment, name, scope, read_only, expires } => {
            let of = named(&home, &environment)?;
            let name = name.as_deref().unwrap_or(&environment);
            let now = SystemClock.now();
            let expires_at = expires.map(|expires| expires.from(now));
            if let Some(at) = expires_at.filter(|at| *at <= now) {
                bail!("the key would be over when it is made: --expires {} lies behind us", text(at));
            }
            let whole = KeyDraft::key(Role::Environment(of.key), name);
            let scopes = match (read_only, scope.is_empty()) {
                (true, _) => Scopes::READ_ONLY,
                (false, true) => whole.scopes,
                (false, false) => scope.into_iter().collect(),
            };
            let made = new_key(KeyDraft { scopes, expires_at, ..whole }, None, now, &SystemRandom)?;
            change(&mut home, Change::PutKey(made.key))?;
            Ok(format!("{}\n", made.token.expose_secret()))
        }
        KeyCommand::List => list_keys(&home),
        KeyCommand::Revoke { id } => {
            revoke(&mut home, &id)?;
            Ok(format!("{id} is revoked\n"))
        }
    }
}

/// Does it, and answers what goes to standard output.
pub fn environment(command: EnvironmentCommand, config: &Config) -> anyhow::Result<String> {
    let mut home = Configurator::open(config)?;
    match command {
        EnvironmentCommand::Create { name, strict } => {
            let made = new_environment(&name, strict, SystemClock.now(), &SystemRandom)?;
            let id = made.id;
            match change(&mut home, founding(config).change(made, &SystemRandom)) {
                Err(StoreError::Conflict(_)) => {
                    bail!("the environment {name:?} exists already; `ringup environment list` lists them")
                }
                result => result.map(|_| format!("{id}  {name}\n")).map_err(Into::into),
            }
        }
        EnvironmentCommand::List => {
            let mut out = String::new();
            for environment in home.load()?.environments {
                let strict = if environment.strict { "  strict" } else { "" };
                let Environment { id, name, validation, .. } = &environment;
                writeln!(out, "{id}  {name}{strict}  validation {validation}")?;
            }
            Ok(out)
        }
    }
}

/// A change and its entry in the audit log, in one commit.
fn change(home: &mut Configurator, change: Change) -> Result<i64, StoreError> {
    let directory = Directory::new(SystemDefaults::default(), home.load()?);
    let by = by_machine(SystemClock.now(), &SystemRandom);
    let entries = audit::entries(&directory, &change, &by);
    home.change(&Change::Recorded(Box::new(change), entries))
}

/// `ringup encryption rotate`, with the server stopped. Answers what goes to standard output.
pub fn rotate(new_key_file: Option<&Path>, config: &Config) -> anyhow::Result<String> {
    if config.store.url.is_some() {
        bail!(
            "store.url is set, and this command works on a data folder only: the key of a database cannot be replaced yet"
        );
    }
    let old = config.store.encryption_key.as_ref().map(EncryptionKey::sealing);
    let new = new_key_file.map(|path| {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        SealingKey::parse(&text).map_err(|why| anyhow!("the key in {} {why}", path.display()))
    });
    let new = new.transpose()?;
    if old.is_some() && new.is_none() {
        bail!(
            "the key in force is store.encryption_key; write the new one into a file and name it: --new-key-file FILE"
        );
    }
    let count = sqlite::Configurator::rotate_key(&config.store.data_dir, old, new.as_ref())?;
    let mut folder = sqlite::Configurator::open(&config.store.data_dir, new.as_ref())?;
    let told = vec![FieldChange::set("endpoints", count)];
    let entry =
        by_machine(SystemClock.now(), &SystemRandom).entry(AuditVerb::EncryptionRotated, Place::default(), told);
    folder.change(&Change::Record(vec![entry]))?;
    let next = match new_key_file {
        Some(path) => format!("let store.encryption_key be the key in {} from now on", path.display()),
        None => "the new key is in encryption.key of the data folder; the old one opens older backups only".to_owned(),
    };
    Ok(format!("the secrets of {count} endpoints are sealed anew; {next}\n"))
}

fn named(home: &Configurator, name: &str) -> anyhow::Result<Environment> {
    let environments = home.load()?.environments;
    let names: Vec<&str> = environments.iter().map(|environment| environment.name.as_str()).collect();
    let there = match names.as_slice() {
        [] => "there is none yet: start the server once, or `ringup environment create`".to_owned(),
        names => format!("there is {}", names.join(", ")),
    };
    let found = environments.iter().find(|environment| environment.name == name).cloned();
    found.with_context(|| format!("no environment is called {name:?}; {there}"))
}

fn list_keys(home: &Configurator) -> anyhow::Result<String> {
    let configuration = home.load()?;
    let mut out = String::new();
    for key in configuration.keys.iter().filter(|key| key.kind == KeyKind::Key) {
        let place = place(&configuration, key.role);
        let (state, scopes) = (state(key, SystemClock.now()), scopes(key));
        writeln!(out, "{}  {place}  {state}  {scopes}  made {}  {}", key.id, text(key.created_at), key.name)?;
    }
    Ok(out)
}

fn state(key: &ApiKey, now: Timestamp) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", text(at)),
        (None, Some(at)) if at <= now => format!("expired {}", text(at)),
        (None, Some(at)) => format!("valid until {}", text(at)),
        (None, None) => "valid".to_owned(),
    }
}

/// As `--scope` takes them.
fn scopes(key: &ApiKey) -> String {
    if key.scopes == ApiKey::ceiling(key.kind, key.role) {
        return "all scopes".to_owned();
    }
    key.scopes.iter().map(Scope::word).collect::<Vec<_>>().join(",")
}

fn place(configuration: &Configuration, role: Role) -> String {
    let environment = |of| configuration.environments.iter().find(|environment| environment.key == of);
    let name = match role {
        Role::Operator => return "(operator)".to_owned(),
        Role::Environment(of) => environment(of).map(|environment| environment.name.clone()),
        Role::Account(of) => {
            let account = configuration.accounts.iter().find(|account| account.key == of);
            account.and_then(|account| Some(format!("{}/{}", environment(account.environment)?.name, account.id)))
        }
    };
    name.unwrap_or_else(|| "(gone)".to_owned())
}

fn revoke(home: &mut Configurator, id: &str) -> anyhow::Result<()> {
    let unknown = || format!("no key has the id {id:?}; `ringup key list` prints the ids");
    let parsed: KeyId = id.parse().with_context(unknown)?;
    let keys = home.load()?.keys;
    let key = keys.iter().find(|key| key.id == parsed).with_context(unknown)?;
    if key.revoked_at.is_none() {
        change(home, Change::RevokeKeys(vec![parsed], SystemClock.now()))?;
    }
    Ok(())
}

fn text(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_secs()).map_or_else(|_| "?".to_owned(), |at| at.to_string())
}
