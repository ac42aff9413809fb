//! Hooks of an account: set, shown, removed, and asked. Which hooks there are: the published ones, and those that operators
//! declare in the catalogue.
//!
//! Who answers a hook is an endpoint that subscribes to nothing: so its secrets, headers, authorisation and settings are set
//! as those of any other, by its id.

mod ask;
mod declared;
mod hedge;
mod kind;
mod line;
mod reversal;
mod sale;

use std::sync::Arc;
use std::time::Duration;

use ringup_core::endpoint::{Endpoint, Stopped, StoppedBy};
use ringup_core::hook::{self, Contract, Contracts as _, Generation, HookPlan, Mode};
use ringup_core::id::EndpointId;
use ringup_core::key::{EndpointKey, EnvironmentKey};
use ringup_core::limits::ENDPOINTS_PER_ACCOUNT_MAX;
use ringup_core::policy::Policy;
use ringup_core::scope::Scope;
use ringup_core::settings::Settings;
use ringup_core::subscription::Subscription;
use ringup_egress::url_policy;
use ringup_store::directory::{AccountView, Directory, EndpointView};
use ringup_store::seam::Change;

use crate::app::{App, owned};
use crate::check::Faults;
use crate::error::{AppError, Fault};
use crate::principal::Principal;
use crate::secret::SecretDraft;

pub use ask::HookAnswer;
pub use declared::Declarations;
pub(crate) use kind::not_in_use;
pub use kind::{HookType, HookTypeDraft};
pub(crate) use line::Hooks;
pub(crate) use reversal::Void;

/// What a caller may say about a hook.
#[derive(Clone, Debug, Default)]
pub struct HookDraft {
    pub url: String,
    /// The URL that is asked now and that the new one takes the place of.
    pub replaces: Option<String>,
    /// [`HookPlan::DEADLINE_DEFAULT`] unless told otherwise.
    pub deadline: Option<Duration>,
    pub generation: Generation,
    /// A JSON object.
    pub fallback: Option<String>,
    /// Who is told of sales that are taken back.
    pub reversal: Option<String>,
    /// After how long a question is asked a second time.
    pub hedge: Option<Duration>,
    pub disabled: bool,
}

/// The endpoint that answers a hook.
pub(crate) fn answering<'a>(view: &'a AccountView, name: &str) -> Option<&'a Arc<EndpointView>> {
    view.endpoints.iter().find(|found| plan_of(found).is_some_and(|plan| plan.name == name))
}

pub(crate) fn plan_of(view: &EndpointView) -> Option<&HookPlan> {
    view.endpoint.subscription.hook.as_ref()
}

impl App {
    /// The hook of this name: a published one, else one that is declared in the environment.
    pub(crate) fn contract(&self, environment: EnvironmentKey, name: &str) -> Option<Arc<Contract>> {
        hook::contract(name).or_else(|| self.declarations.declared(&self.directory().event_type(environment, name)?))
    }

    /// Whether events of this type tell what was asked, and not what happened.
    pub(crate) fn is_question(&self, environment: EnvironmentKey, event_type: &str) -> bool {
        self.contract(environment, event_type).is_some_and(|contract| contract.rule.mode == Mode::Read)
    }

    /// The hooks that an account has set.
    pub fn hooks(&self, principal: &Principal, account: &str) -> Result<Vec<Arc<EndpointView>>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        Ok(view.endpoints.iter().filter(|found| plan_of(found).is_some()).cloned().collect())
    }

    pub fn hook(&self, principal: &Principal, account: &str, name: &str) -> Result<Arc<EndpointView>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        answering(&view, name).cloned().ok_or_else(|| AppError::not_found("hook", name))
    }

    /// Whether the app behind a hook is left alone for a while, since it failed too often.
    pub fn is_left_alone(&self, view: &EndpointView) -> bool {
        self.hooks.is_left_alone(view, self.now())
    }

    /// Sets whom a hook asks. `Conflict` if it asks another URL already that `replaces` does not name: a till needs one
    /// answer.
    pub async fn set_hook(
        &self,
        principal: &Principal,
        account: &str,
        name: &str,
        draft: HookDraft,
    ) -> Result<Arc<EndpointView>, AppError> {
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Endpoints)?;
            let contract = self.contract(view.account.environment, name);
            self.decided(&view, &*contract.ok_or_else(|| AppError::not_found("hook", name))?, draft)
        };
        let key = EndpointKey(self.change(principal, decide).await?);
        self.directory().endpoint(key).ok_or_else(|| AppError::not_found("hook", name))
    }

    pub async fn delete_hook(&self, principal: &Principal, account: &str, name: &str) -> Result<(), AppError> {
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Endpoints)?;
            let found = answering(&view, name).ok_or_else(|| AppError::not_found("hook", name))?;
            Ok(Change::DeleteEndpoint(found.endpoint.key))
        };
        self.change(principal, decide).await.map(drop)
    }

    fn decided(&self, view: &AccountView, contract: &Contract, draft: HookDraft) -> Result<Change, AppError> {
        let old = answering(view, &contract.name).map(|found| &found.endpoint);
        if let Some(old) = old
            && old.url != draft.url
            && draft.replaces.as_deref() != Some(&old.url)
        {
            let why = format!(
                "{} asks {} already, and a till needs one answer: name that URL in `replaces`, or remove the hook first",
                contract.name, old.url
            );
            return Err(AppError::Conflict(why));
        }
        if old.is_none() && view.endpoints.len() >= ENDPOINTS_PER_ACCOUNT_MAX {
            let why = format!("an application has at most {ENDPOINTS_PER_ACCOUNT_MAX} endpoints");
            return Err(AppError::Conflict(why));
        }
        let hook = self.planned(contract, &draft, old)?;
        let now = self.now();
        let subscription = Subscription { hook: Some(hook), ..Subscription::default() };
        let stopped = match old.and_then(|old| old.stopped) {
            _ if !draft.disabled => None,
            Some(stopped) => Some(stopped),
            None => Some(Stopped { by: StoppedBy::Owner, at: now }),
        };
        if let Some(old) = old {
            let stopped_why = if stopped.is_some() { old.stopped_why.clone() } else { String::new() };
            return Ok(Change::PutEndpoint(Endpoint {
                url: draft.url,
                subscription,
                stopped,
                stopped_why,
                updated_at: now,
                ..old.clone()
            }));
        }
        Ok(Change::PutEndpoint(Endpoint {
            key: EndpointKey(0),
            id: EndpointId::new(now, self.random_128()),
            account: view.account.key,
            uid: None,
            url: draft.url,
            description: if contract.is_published() {
                format!("External Loyalty App: {}", contract.name)
            } else {
                format!("Hook: {}", contract.name)
            },
            metadata: Default::default(),
            subscription,
            stopped,
            stopped_why: String::new(),
            secrets: vec![self.drafted_secret("secret", &SecretDraft::default())?],
            headers: Vec::new(),
            authorization: Default::default(),
            settings: match contract.rule.mode {
                Mode::Read => Settings::default(),
                // Points must arrive, also at an app that is down for a day.
                Mode::Write => Settings { policy: Some(Policy::Durable), ..Settings::default() },
            },
            created_at: now,
            updated_at: now,
        }))
    }

    fn planned(&self, contract: &Contract, draft: &HookDraft, old: Option<&Endpoint>) -> Result<HookPlan, AppError> {
        let mut faults = Faults::default();
        // A URL that was accepted under other rules does not stand in the way of other changes; calls check it anyway.
        if old.is_none_or(|old| old.url != draft.url)
            && let Err(problem) = url_policy::check(&draft.url, &self.plan.egress)
        {
            faults.add(Fault::new("url", problem.rule(), problem.to_string()));
        }
        let deadline = draft.deadline.unwrap_or(HookPlan::DEADLINE_DEFAULT);
        faults.check((HookPlan::DEADLINE_MIN..=HookPlan::DEADLINE_MAX).contains(&deadline), || {
            Fault::new("deadline_ms", "range", "100 to 30000 milliseconds")
        });
        if let Some(reversal) = &draft.reversal {
            faults.check(contract.rule.reversible, || {
                let why = format!("{} takes nothing back: only orderComplete has a reversal", contract.name);
                Fault::new("reversal_url", "not_possible", why)
            });
            let known = old.and_then(|old| old.subscription.hook.as_ref()?.reversal.as_ref());
            if known != Some(reversal)
                && let Err(problem) = url_policy::check(reversal, &self.plan.egress)
            {
                faults.add(Fault::new("reversal_url", problem.rule(), problem.to_string()));
            }
        }
        if let Some(hedge) = draft.hedge {
            faults.check(contract.rule.mode == Mode::Read, || {
                let why = format!("{} writes, and is never asked twice at a time", contract.name);
                Fault::new("hedge_ms", "not_possible", why)
            });
            faults.check(HookPlan::HEDGE_MIN <= hedge && hedge < deadline, || {
                Fault::new("hedge_ms", "range", "10 milliseconds or more, and less than the deadline")
            });
        }
        if let Some(fallback) = &draft.fallback {
            faults.check(contract.rule.may_fall_back, || {
                let why = format!("{} has no fallback: it would grant what nobody granted", contract.name);
                Fault::new("fallback", "not_possible", why)
            });
            if let Err(failed) = hook::fallback(contract, fallback) {
                faults.add(Fault::new("fallback", failed.cause.word(), failed.to_string()));
            }
        }
        faults.done()?;
        Ok(HookPlan {
            name: contract.name.to_string(),
            deadline,
            generation: draft.generation,
            fallback: draft.fallback.clone(),
            reversal: draft.reversal.clone(),
            hedge: draft.hedge,
        })
    }
}
