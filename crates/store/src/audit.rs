//! Which changes leave an entry in the audit log, and what it says.

use std::sync::Arc;

use ringup_core::account::{Account, ApiKey, KeyKind, Role};
use ringup_core::audit::field::{self, Fields};
use ringup_core::audit::{Actor, AuditEntry, AuditVerb, FieldChange};
use ringup_core::endpoint::Endpoint;
use ringup_core::id::{AccountId, AuditId, KeyId};
use ringup_core::key::EnvironmentKey;
use ringup_core::time::{Tick, Timestamp};

use crate::directory::{AccountView, Directory};
use crate::keyring::KnownKey;
use crate::seam::Change;

/// Who changes something, and what entries about it are made with.
#[derive(Clone, Debug)]
pub struct By {
    pub actor: Actor,
    pub at: Timestamp,
    /// The random part of an entry's id.
    pub random: [u8; 12],
}

/// Which entries; all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub environment: Option<EnvironmentKey>,
    pub account: Option<AccountId>,
    /// Done with this key, or in a session that was opened with it.
    pub actor: Option<KeyId>,
    /// Any of these.
    pub verbs: Option<Vec<AuditVerb>>,
    /// Done before this time.
    pub before: Option<Timestamp>,
    /// Done after this time.
    pub after: Option<Timestamp>,
}

impl AuditFilter {
    pub fn wants(&self, entry: &AuditEntry) -> bool {
        let actor = |key: KeyId| entry.actor.key == Some(key) || entry.actor.parent == Some(key);
        self.environment.is_none_or(|environment| entry.environment == Some(environment))
            && self.account.is_none_or(|account| entry.account == Some(account))
            && self.actor.is_none_or(actor)
            && self.verbs.as_ref().is_none_or(|any| any.contains(&entry.verb))
            && self.before.is_none_or(|before| entry.at() < before)
            && self.after.is_none_or(|after| entry.at() > after)
    }
}

/// Where something belongs and what it is called: all of an entry but who, when and what.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub environment: Option<EnvironmentKey>,
    pub account: Option<AccountId>,
    pub subject: String,
    pub label: String,
}

impl By {
    /// One entry about one thing that was done.
    pub fn entry(&self, verb: AuditVerb, place: Place, changes: Vec<FieldChange>) -> AuditEntry {
        let Place { environment, account, subject, label } = place;
        AuditEntry {
            id: AuditId::of_tick(Tick::at(self.at), self.random),
            actor: self.actor.clone(),
            verb,
            environment,
            account,
            subject,
            label: field::cut(&label),
            changes,
        }
    }
}

/// The entries that a change leaves, as things stand before it. None where nothing would be different.
pub fn entries(directory: &Directory, change: &Change, by: &By) -> Vec<AuditEntry> {
    let told = match change {
        Change::PutEnvironment(environment) | Change::FoundEnvironment(environment, _) => {
            let old = directory.environment(environment.key);
            let place = Place {
                environment: old.as_ref().map(|old| old.key),
                subject: environment.id.to_string(),
                label: environment.name.clone(),
                ..Place::default()
            };
            let verbs = (AuditVerb::EnvironmentCreated, AuditVerb::EnvironmentUpdated);
            put(old.as_deref().map(field::of_environment), &field::of_environment(environment), verbs, place)
        }
        Change::PutKey(key) => put_key(directory, key),
        Change::RevokeKeys(ids, at) => revoked(directory, ids, *at, by.at),
        Change::PutAccount(account) => put_account(directory, account),
        Change::DeleteAccount(key) => {
            let gone = directory.account(*key).filter(|view| !view.account.is_operational());
            gone.map(|view| (AuditVerb::AccountDeleted, of_account(&view.account), Vec::new()))
        }
        Change::PutEndpoint(endpoint) => put_endpoint(directory, endpoint),
        Change::DeleteEndpoint(key) => {
            let account = directory.account_of(*key).and_then(|account| directory.account(account));
            let view = account.as_ref().and_then(|account| account.by_key(*key));
            account
                .as_ref()
                .zip(view)
                .map(|(account, view)| (AuditVerb::EndpointDeleted, of_endpoint(account, &view.endpoint), Vec::new()))
        }
        Change::PutEventType(event_type) => {
            let old = directory.event_type(event_type.environment, &event_type.name);
            let verbs = (AuditVerb::EventTypeCreated, AuditVerb::EventTypeUpdated);
            let place = of_name(event_type.environment, &event_type.name);
            put(old.as_deref().map(field::of_event_type), &field::of_event_type(event_type), verbs, place)
        }
        Change::DeleteEventType(id) => directory
            .event_type_by_id(*id)
            .map(|gone| (AuditVerb::EventTypeDeleted, of_name(gone.environment, &gone.name), Vec::new())),
        Change::Announced(change, _) => return entries(directory, change, by),
        // What the house does by itself, and what is an entry already.
        Change::KeysUsed(_)
        | Change::ForgetSessions(_)
        | Change::DropNotice(_)
        | Change::Recorded(..)
        | Change::Record(_) => None,
    };
    told.map(|(verb, place, changes)| by.entry(verb, place, changes)).into_iter().collect()
}

type Told = (AuditVerb, Place, Vec<FieldChange>);

/// The first verb where nothing was, the second where something changed.
fn put(old: Option<Fields>, new: &Fields, verbs: (AuditVerb, AuditVerb), place: Place) -> Option<Told> {
    match old {
        None => Some((verbs.0, place, field::changes(&Fields::default(), new))),
        Some(old) => {
            let changes = field::changes(&old, new);
            (!changes.is_empty()).then_some((verbs.1, place, changes))
        }
    }
}

fn put_account(directory: &Directory, account: &Account) -> Option<Told> {
    // The house keeps it for itself.
    if account.is_operational() {
        return None;
    }
    let old = directory.account(account.key);
    let old = old.as_ref().map(|view| field::of_account(&view.account));
    let verbs = (AuditVerb::AccountCreated, AuditVerb::AccountUpdated);
    let told = put(old, &field::of_account(account), verbs, of_account(account))?;
    Some(configured(told, AuditVerb::AccountUpdated, AuditVerb::AccountConfigured))
}

fn put_endpoint(directory: &Directory, endpoint: &Endpoint) -> Option<Told> {
    let account = directory.account(endpoint.account)?;
    let old = account.by_key(endpoint.key).map(|view| &view.endpoint);
    let verbs = (AuditVerb::EndpointCreated, AuditVerb::EndpointUpdated);
    let fields = field::of_endpoint(endpoint);
    let mut told = put(old.map(field::of_endpoint), &fields, verbs, of_endpoint(&account, endpoint))?;
    if let Some(old) = old {
        told.0 = match (old.stopped, endpoint.stopped) {
            (None, Some(_)) => AuditVerb::EndpointDisabled,
            (Some(_), None) => AuditVerb::EndpointEnabled,
            _ if told.2.iter().all(|change| change.field == "secret") => AuditVerb::SecretRotated,
            _ => told.0,
        };
    }
    Some(configured(told, AuditVerb::EndpointUpdated, AuditVerb::EndpointConfigured))
}

/// A change of settings alone goes by a verb of its own.
fn configured(told: Told, updated: AuditVerb, configured: AuditVerb) -> Told {
    let (verb, place, changes) = told;
    let only_settings = changes.iter().all(|change| change.field.starts_with("settings."));
    (if verb == updated && only_settings { configured } else { verb }, place, changes)
}

fn put_key(directory: &Directory, key: &ApiKey) -> Option<Told> {
    let verb = match key.kind {
        KeyKind::Key => AuditVerb::KeyCreated,
        KeyKind::Portal => AuditVerb::PortalOpened,
        KeyKind::Console => AuditVerb::SessionOpened,
        // Comes with the token that it leads to, and is no more than that.
        KeyKind::Link => return None,
    };
    if directory.key_by_id(key.id).is_some() {
        return None;
    }
    Some((verb, of_key(directory, key), field::changes(&Fields::default(), &field::of_key(key))))
}

/// One entry however many there are: many end at once when somebody is signed out everywhere.
fn revoked(directory: &Directory, ids: &[KeyId], at: Timestamp, now: Timestamp) -> Option<Told> {
    let all: Vec<Arc<KnownKey>> = ids.iter().filter_map(|id| directory.key_by_id(*id)).collect();
    let told: Vec<&ApiKey> = all.iter().map(|known| &known.key).filter(|key| key.kind != KeyKind::Link).collect();
    let first = told.first()?;
    let mut changes = Vec::new();
    if at > now {
        changes.push(FieldChange::set("ends_at", field::moment(at)));
    }
    let mut place = of_key(directory, first);
    if told.len() > 1 {
        changes.push(FieldChange::set("sessions", told.len()));
        place.subject = place.account.map(|account| account.to_string()).unwrap_or(place.subject);
    }
    let verb = if first.kind == KeyKind::Key { AuditVerb::KeyRevoked } else { AuditVerb::SessionEnded };
    Some((verb, place, changes))
}

fn of_name(environment: EnvironmentKey, name: &str) -> Place {
    Place { environment: Some(environment), account: None, subject: name.to_owned(), label: name.to_owned() }
}

pub fn of_account(account: &Account) -> Place {
    Place {
        environment: Some(account.environment),
        account: Some(account.id),
        subject: account.id.to_string(),
        label: account.name.clone(),
    }
}

/// Something of an account. Of the one that hears operational events only the environment is told.
pub fn in_account(account: &Account, subject: String, label: String) -> Place {
    let known = (!account.is_operational()).then_some(account.id);
    Place { environment: Some(account.environment), account: known, subject, label }
}

pub fn of_endpoint(account: &AccountView, endpoint: &Endpoint) -> Place {
    in_account(&account.account, endpoint.id.to_string(), endpoint.url.clone())
}

pub fn of_key(directory: &Directory, key: &ApiKey) -> Place {
    let place = Place { subject: key.id.to_string(), label: key.name.clone(), ..Place::default() };
    match key.role {
        Role::Operator => place,
        Role::Environment(environment) => Place { environment: Some(environment), ..place },
        Role::Account(account) => match directory.account(account) {
            Some(view) => in_account(&view.account, place.subject, place.label),
            None => place,
        },
    }
}
