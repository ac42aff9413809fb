//! The audit log: written with every change, read by whoever the changes concern.

use std::sync::atomic::Ordering::Relaxed;

use ringup_core::account::{ApiKey, KeyKind, Role};
use ringup_core::audit::{Actor, ActorRole, AuditEntry, AuditVerb, FieldChange};
use ringup_core::id::{AccountId, AuditId, KeyId};
use ringup_core::key::EnvironmentKey;
use ringup_core::ports::Random;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::audit::{AuditFilter, By, Place};
use ringup_store::directory::Directory;
use ringup_store::query::{Order, Page};
use ringup_store::seam::Change;

use crate::app::App;
use crate::error::{AppError, Fault};
use crate::origin::Origin;
use crate::principal::Principal;

/// What a caller may narrow the log to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Name of an environment; only an operator sees more than one.
    pub environment: Option<String>,
    /// Id or uid of an account; the id also of one that is gone.
    pub account: Option<String>,
    /// Id of a key, with all sessions that were opened with it.
    pub actor: Option<String>,
    pub verbs: Option<Vec<AuditVerb>>,
    pub before: Option<Timestamp>,
    pub after: Option<Timestamp>,
}

impl App {
    /// A page of the audit log. An operator sees all of it, a key of one environment what was done there, and whoever acts
    /// in one account what was done in it; of those above an account it sees that it was them, and nothing more.
    pub async fn audit(
        &self,
        principal: &Principal,
        query: AuditQuery,
        after: Option<AuditId>,
        order: Order,
        rows_max: usize,
    ) -> Result<Page<AuditEntry>, AppError> {
        let filter = self.audit_filter(principal, query)?;
        let mut rows = self.store().audit(filter, after, order, rows_max.saturating_add(1)).await?;
        let done = rows.len() <= rows_max;
        rows.truncate(rows_max);
        if principal.own_account().is_some() {
            rows.iter_mut().for_each(|entry| veil(&mut entry.actor));
        }
        Ok(Page { rows, done })
    }

    /// The name of an environment that an entry tells of, unless it is gone.
    pub fn environment_name(&self, environment: EnvironmentKey) -> Option<String> {
        self.directory().environment(environment).map(|found| found.name.clone())
    }

    fn audit_filter(&self, principal: &Principal, query: AuditQuery) -> Result<AuditFilter, AppError> {
        let own = principal.within(Scope::Read)?;
        let named = |name: &str| self.directory().environment_named(name).map(|found| found.key);
        let environment = match (principal.role(), query.environment.as_deref()) {
            (Role::Operator, None) => None,
            (Role::Operator, Some(name)) => Some(named(name).ok_or_else(|| AppError::not_found("environment", name))?),
            (_, Some(name)) if named(name) != Some(own) => {
                return Err(AppError::Forbidden("the key belongs to another environment"));
            }
            _ => Some(own),
        };
        let account = match (principal.own_account(), query.account.as_deref()) {
            (None, None) => None,
            (None, Some(name)) => Some(self.audited_account(environment.unwrap_or(own), name)?),
            (Some(key), name) => {
                let not_found = || AppError::not_found("application", name.unwrap_or_default());
                let view = self.directory().account(key).ok_or_else(not_found)?;
                let is_own =
                    |name: &str| name.parse() == Ok(view.account.id) || view.account.uid.as_deref() == Some(name);
                Some(Some(view.account.id).filter(|_| name.is_none_or(is_own)).ok_or_else(not_found)?)
            }
        };
        let actor = query.actor.map(|id| id.parse::<KeyId>()).transpose();
        let actor = actor.map_err(|error| Fault::new("query.actor", "id", error.to_string()))?;
        Ok(AuditFilter { environment, account, actor, verbs: query.verbs, before: query.before, after: query.after })
    }

    /// By uid only while it is there; by its id for ever.
    fn audited_account(&self, environment: EnvironmentKey, name: &str) -> Result<AccountId, AppError> {
        let found = self.directory().account_named(environment, name).map(|view| view.account.id);
        found.or_else(|| name.parse().ok()).ok_or_else(|| AppError::not_found("application", name))
    }

    /// A change that somebody asked for: stored, seen, and told to the audit log in one commit.
    pub(crate) async fn change(
        &self,
        principal: &Principal,
        decide: impl FnOnce(&Directory) -> Result<Change, AppError>,
    ) -> Result<i64, AppError> {
        self.catalogue.change_by(&self.by(principal), decide).await
    }

    /// Tells the audit log of something that is no change of the configuration.
    pub(crate) async fn record(
        &self,
        principal: &Principal,
        verb: AuditVerb,
        place: Place,
        changes: Vec<FieldChange>,
    ) -> Result<(), AppError> {
        let entry = self.by(principal).entry(verb, place, changes);
        Ok(self.catalogue.record(entry).await?)
    }

    pub(crate) fn by(&self, principal: &Principal) -> By {
        let key = principal.key().and_then(|id| self.directory().key_by_id(id));
        self.by_key(key.as_ref().map(|known| &known.key), principal.role(), principal.origin())
    }

    /// `None` for whoever is at the machine.
    pub(crate) fn by_key(&self, key: Option<&ApiKey>, role: Role, origin: Origin) -> By {
        let parent = key.and_then(|key| key.parent).and_then(|id| self.directory().key_by_id(id));
        let named = parent.as_ref().map(|known| &known.key).or(key);
        let actor = Actor {
            role: match (key, role) {
                (None, _) => ActorRole::Machine,
                (Some(_), Role::Operator) => ActorRole::Operator,
                (Some(_), Role::Environment(_)) => ActorRole::Environment,
                (Some(_), Role::Account(_)) => ActorRole::Account,
            },
            key: key.map(|key| key.id),
            parent: key.and_then(|key| key.parent),
            kind: key.map_or(KeyKind::Key, |key| key.kind),
            name: named.map(|key| key.name.clone()).unwrap_or_default(),
            session: key.and_then(|key| key.session.clone()),
            address: origin.address,
            request: origin.request.map(|id| id.as_str().to_owned()),
        };
        By { actor, at: self.audit_time(), random: self.random_bytes() }
    }

    /// Now, or just behind the last entry where the clock stood still or went back.
    fn audit_time(&self) -> Timestamp {
        let now = self.now().as_micros();
        let last = self.audited_at.fetch_max(now, Relaxed);
        if last < now {
            return Timestamp::from_micros(now);
        }
        Timestamp::from_micros(self.audited_at.fetch_add(1, Relaxed) + 1)
    }
}

/// Whoever has the data folder in hand, with the server running or stopped.
pub fn by_machine(now: Timestamp, random: &dyn Random) -> By {
    let mut bytes = [0; 12];
    random.fill(&mut bytes);
    By { actor: Actor::machine(), at: now, random: bytes }
}

/// Takes away what is none of an account's business: which key, from where.
fn veil(actor: &mut Actor) {
    match actor.role {
        ActorRole::Account => {}
        ActorRole::Machine | ActorRole::Operator | ActorRole::Environment => {
            let (role, kind) = (actor.role, actor.kind);
            let (name, session, address, request) = (String::new(), None, None, None);
            *actor = Actor { role, kind, key: None, parent: None, name, session, address, request };
        }
    }
}
