//! Endpoints: create, find, change, remove.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringup_core::authorization::Authorization;
use ringup_core::endpoint::{Endpoint, Stopped, StoppedBy};
use ringup_core::id::EndpointId;
use ringup_core::key::EndpointKey;
use ringup_core::limits::ENDPOINTS_PER_ACCOUNT_MAX;
use ringup_core::scope::Scope;
use ringup_core::settings::Settings;
use ringup_core::subscription::Subscription;
use ringup_egress::{CheckedUrl, UrlProblem, url_policy};
use ringup_store::directory::{AccountView, Directory, EndpointView};
use ringup_store::seam::Change;

use crate::app::{App, endpoint_of, owned};
use crate::check::{DESCRIPTION_BYTES_MAX, Faults, TITLE_BYTES_MAX};
use crate::error::{AppError, Fault};
use crate::header;
use crate::principal::Principal;
use crate::secret::SecretDraft;
use crate::subscription;

/// What a caller may say about an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointDraft {
    pub uid: Option<String>,
    pub url: String,
    pub description: String,
    pub metadata: BTreeMap<String, String>,
    /// `None` subscribes to all, unless there are families.
    pub event_types: Option<BTreeSet<String>>,
    /// Whole families, present and future event types of them.
    pub families: BTreeSet<String>,
    pub channels: Option<BTreeSet<String>>,
    /// A text in the language of [`ringup_core::filter`].
    pub filter: Option<String>,
    pub disabled: bool,
    /// Said when it is disabled, for whoever looks next.
    pub disabled_why: String,
    /// Attempts a second.
    pub rate_limit: Option<u32>,
}

/// What is said once, when an endpoint is made.
#[derive(Clone, Default)]
pub struct NewEndpoint {
    pub draft: EndpointDraft,
    pub secret: SecretDraft,
    pub headers: Vec<(String, String)>,
}

impl App {
    /// All endpoints of an account, by id.
    pub fn endpoints(&self, principal: &Principal, account: &str) -> Result<Vec<Arc<EndpointView>>, AppError> {
        let mut endpoints = self.owned(principal, account, Scope::Read)?.endpoints.clone();
        // Those that answer hooks are listed with the hooks.
        endpoints.retain(|view| view.endpoint.subscription.hook.is_none());
        endpoints.sort_by_key(|view| view.endpoint.id);
        Ok(endpoints)
    }

    pub fn endpoint(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
    ) -> Result<Arc<EndpointView>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        endpoint_of(&view, endpoint).cloned()
    }

    /// `Conflict` if the uid is taken or the account has as many endpoints as it may.
    pub async fn create_endpoint(
        &self,
        principal: &Principal,
        account: &str,
        new: NewEndpoint,
    ) -> Result<Arc<EndpointView>, AppError> {
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Endpoints)?;
            self.new_endpoint(directory, &view, new)
        };
        self.endpoint_by_key(self.change(principal, decide).await?)
    }

    /// Changes what `edit` changes.
    pub async fn edit_endpoint(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        edit: impl FnOnce(&mut EndpointDraft) + Send,
    ) -> Result<Arc<EndpointView>, AppError> {
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Endpoints)?;
            let found = endpoint_of(&view, endpoint)?;
            self.edited_endpoint(directory, &view, &found.endpoint, edit)
        };
        self.endpoint_by_key(self.change(principal, decide).await?)
    }

    /// Replaces an endpoint, or makes one of this uid. Answers whether it was made.
    pub async fn put_endpoint(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        edit: impl FnOnce(&mut EndpointDraft) + Send,
    ) -> Result<(Arc<EndpointView>, bool), AppError> {
        let mut made = false;
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Endpoints)?;
            if let Some(found) = view.endpoint_named(endpoint) {
                return self.edited_endpoint(directory, &view, &found.endpoint, edit);
            }
            if endpoint.parse::<EndpointId>().is_ok() {
                return Err(AppError::not_found("endpoint", endpoint));
            }
            let mut draft = EndpointDraft { uid: Some(endpoint.to_owned()), ..EndpointDraft::default() };
            edit(&mut draft);
            made = true;
            self.new_endpoint(directory, &view, NewEndpoint { draft, ..NewEndpoint::default() })
        };
        let key = self.change(principal, decide).await?;
        Ok((self.endpoint_by_key(key)?, made))
    }

    /// What waited for it is cancelled.
    pub async fn delete_endpoint(&self, principal: &Principal, account: &str, endpoint: &str) -> Result<(), AppError> {
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Endpoints)?;
            endpoint_of(&view, endpoint).map(|found| Change::DeleteEndpoint(found.endpoint.key))
        };
        self.change(principal, decide).await.map(drop)
    }

    fn new_endpoint(&self, directory: &Directory, view: &AccountView, new: NewEndpoint) -> Result<Change, AppError> {
        if view.endpoints.len() >= ENDPOINTS_PER_ACCOUNT_MAX {
            let why = format!("an application has at most {ENDPOINTS_PER_ACCOUNT_MAX} endpoints");
            return Err(AppError::Conflict(why));
        }
        let NewEndpoint { draft, secret, headers } = new;
        let subscription = self.check_draft(directory, view, &draft, None)?;
        header::check(&headers)?;
        let secret = self.drafted_secret("secret", &secret)?;
        let now = self.now();
        Ok(Change::PutEndpoint(Endpoint {
            key: EndpointKey(0),
            id: EndpointId::new(now, self.random_128()),
            account: view.account.key,
            uid: draft.uid,
            url: draft.url,
            description: draft.description,
            metadata: draft.metadata,
            subscription,
            stopped: draft.disabled.then_some(Stopped { by: StoppedBy::Owner, at: now }),
            stopped_why: if draft.disabled { draft.disabled_why } else { String::new() },
            secrets: vec![secret],
            headers,
            authorization: Authorization::default(),
            settings: Settings { rate_limit: draft.rate_limit, ..Settings::default() },
            created_at: now,
            updated_at: now,
        }))
    }

    fn edited_endpoint(
        &self,
        directory: &Directory,
        view: &AccountView,
        old: &Endpoint,
        edit: impl FnOnce(&mut EndpointDraft),
    ) -> Result<Change, AppError> {
        let mut draft = EndpointDraft::of(old);
        edit(&mut draft);
        let mut subscription = self.check_draft(directory, view, &draft, Some(old))?;
        subscription.hook = old.subscription.hook.clone();
        let now = self.now();
        let mut changed = old.clone();
        changed.uid = draft.uid;
        changed.url = draft.url;
        changed.description = draft.description;
        changed.metadata = draft.metadata;
        changed.subscription = subscription;
        changed.settings.rate_limit = draft.rate_limit;
        changed.updated_at = now;
        changed.stopped = match (draft.disabled, old.stopped) {
            (false, _) => None,
            // Whoever stopped it first is remembered.
            (true, Some(stopped)) => Some(stopped),
            (true, None) => Some(Stopped { by: StoppedBy::Owner, at: now }),
        };
        changed.stopped_why = if draft.disabled { draft.disabled_why } else { String::new() };
        Ok(Change::PutEndpoint(changed))
    }

    /// What the draft subscribes to, if all of it makes sense.
    fn check_draft(
        &self,
        directory: &Directory,
        view: &AccountView,
        draft: &EndpointDraft,
        old: Option<&Endpoint>,
    ) -> Result<Subscription, AppError> {
        let mut faults = Faults::default();
        // A URL that was accepted under other rules does not stand in the way of other changes; calls check it anyway.
        if old.is_none_or(|old| old.url != draft.url)
            && let Err(problem) = self.callable(view, &draft.url)
        {
            faults.add(Fault::new("url", problem.rule(), problem.to_string()));
        }
        faults.uid(draft.uid.as_deref());
        faults.text("description", &draft.description, DESCRIPTION_BYTES_MAX);
        faults.text("reason", &draft.disabled_why, TITLE_BYTES_MAX);
        faults.metadata(&draft.metadata);
        let subscription = subscription::checked(directory, view, draft, old, &mut faults);
        faults.rate_limit(draft.rate_limit);
        faults.done()?;
        let taken = draft.uid.as_deref().and_then(|uid| view.endpoint_named(uid));
        match taken {
            Some(other) if Some(other.endpoint.key) != old.map(|old| old.key) => {
                let uid = draft.uid.as_deref().unwrap_or_default();
                Err(AppError::Conflict(format!("the uid {uid:?} is taken by endpoint {}", other.endpoint.id)))
            }
            _ => Ok(subscription),
        }
    }

    /// Letters tell about deliveries; what an account's customers buy is not sent by mail.
    fn callable(&self, view: &AccountView, url: &str) -> Result<CheckedUrl, UrlProblem> {
        match view.account.is_operational() {
            true => url_policy::check_receiver(url, &self.plan.egress),
            false => url_policy::check(url, &self.plan.egress),
        }
    }

    fn endpoint_by_key(&self, key: i64) -> Result<Arc<EndpointView>, AppError> {
        // It may have been removed again since.
        self.directory().endpoint(EndpointKey(key)).ok_or_else(|| AppError::not_found("endpoint", ""))
    }
}

impl EndpointDraft {
    fn of(endpoint: &Endpoint) -> EndpointDraft {
        EndpointDraft {
            uid: endpoint.uid.clone(),
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            metadata: endpoint.metadata.clone(),
            event_types: endpoint.subscription.event_types.clone(),
            families: endpoint.subscription.families.clone(),
            channels: endpoint.subscription.channels.clone(),
            filter: endpoint.subscription.filter.as_ref().map(|filter| filter.text().to_owned()),
            disabled: endpoint.stopped.is_some(),
            disabled_why: endpoint.stopped_why.clone(),
            rate_limit: endpoint.settings.rate_limit,
        }
    }
}
