//! Making, changing and removing catchers: the owner's business.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ringup_core::audit::field::cut;
use ringup_core::audit::{AuditVerb, FieldChange};
use ringup_core::catcher::{Catcher, FixedBody, Per, Script};
use ringup_core::id::CatcherId;
use ringup_core::key::{AccountKey, CatcherKey};
use ringup_core::scope::Scope;
use ringup_egress::plan::WRITE_TOKEN_CHARS;
use ringup_store::audit::in_account;
use ringup_store::catcher::Standing;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::{App, endpoint_of};
use crate::check::{Faults, TITLE_BYTES_MAX};
use crate::error::{AppError, Fault};
use crate::principal::{Principal, token_hash};

/// Catchers of one account: enough to try out every endpoint, few enough to look through.
const CATCHERS_PER_ACCOUNT_MAX: usize = 50;

/// Bytes of the body that answers carry.
const FIXED_BODY_BYTES_MAX: usize = 16 * 1024;

/// What read tokens begin with, so that they are told from keys.
pub(super) const READ_TOKEN_PREFIX: &str = "rcr_";

const READ_TOKEN_BYTES: usize = 32;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a caller may say about a catcher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatcherDraft {
    /// For people; says nothing about its URL.
    pub name: String,
    /// As in `503 x2, 200`; empty is 200, always.
    pub script: String,
    pub body: Option<FixedBody>,
    /// Id or uid of the endpoint whose secret checks signatures.
    pub endpoint: Option<String>,
}

/// A catcher just made. Its read token is shown this once.
#[derive(Clone, Debug)]
pub struct NewCatcher {
    pub view: CatcherView,
    pub read_token: SecretString,
}

/// A catcher with its URL.
#[derive(Clone, Debug)]
pub struct CatcherView {
    pub catcher: Arc<Catcher>,
    pub url: String,
    /// Where its script stands.
    pub turn: Turn,
}

/// Where a script stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Requests since the script began.
    pub requests: u64,
    /// The step that the next request of the event seen last would meet, or of a new event if none came yet.
    pub next: Option<usize>,
}

impl App {
    /// All of an account, oldest first.
    pub async fn catchers(&self, principal: &Principal, account: &str) -> Result<Vec<CatcherView>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let found = self.catchers.store.of_account(view.account.key).await?;
        Ok(found.into_iter().map(|standing| self.view(standing)).collect())
    }

    pub async fn catcher(&self, principal: &Principal, account: &str, catcher: &str) -> Result<CatcherView, AppError> {
        Ok(self.view(self.owned_standing(principal, account, catcher, Scope::Read).await?))
    }

    pub async fn create_catcher(
        &self,
        principal: &Principal,
        account: &str,
        draft: CatcherDraft,
    ) -> Result<NewCatcher, AppError> {
        let key = self.owned(principal, account, Scope::Endpoints)?.account.key;
        if self.catchers.store.of_account(key).await?.len() >= CATCHERS_PER_ACCOUNT_MAX {
            let why = format!("an application has at most {CATCHERS_PER_ACCOUNT_MAX} catchers; remove one first");
            return Err(AppError::Conflict(why));
        }
        let now = self.now();
        let read_token = self.new_read_token();
        let blank = Catcher {
            key: CatcherKey(0),
            id: CatcherId::new(now, self.random_128()),
            account: key,
            name: String::new(),
            write_token: self.new_write_token(),
            read_token_hash: Some(token_hash(read_token.expose_secret())),
            script: Script::default(),
            body: None,
            seed: u64::from_le_bytes(self.random_bytes()) >> 32,
            endpoint: None,
            created_at: now,
            updated_at: now,
        };
        let made = self.filled(principal, account, blank, draft)?;
        let made = self.catchers.store.put(made).await?;
        self.record_catcher(principal, AuditVerb::CatcherCreated, &made, changes(None, &made)).await?;
        Ok(NewCatcher { view: self.view(Standing { catcher: made, requests: 0, of_newest: 0 }), read_token })
    }

    /// Changes what `edit` changes. A changed script begins anew.
    pub async fn edit_catcher(
        &self,
        principal: &Principal,
        account: &str,
        catcher: &str,
        edit: impl FnOnce(&mut CatcherDraft) + Send,
    ) -> Result<CatcherView, AppError> {
        let found = self.owned_catcher(principal, account, catcher, Scope::Endpoints).await?;
        let mut draft = CatcherDraft {
            name: found.name.clone(),
            script: found.script.to_string(),
            body: found.body.clone(),
            endpoint: found.endpoint.map(|id| id.to_string()),
        };
        let before = draft.clone();
        edit(&mut draft);
        if draft.endpoint == before.endpoint && found.endpoint.is_some() {
            // The endpoint may have been removed since; that does not stand in the way of other changes.
            draft.endpoint = None;
            let kept = found.endpoint;
            let changed = self.filled(principal, account, Catcher::clone(&found), draft)?;
            return self.changed_catcher(principal, &found, Catcher { endpoint: kept, ..changed }).await;
        }
        let changed = self.filled(principal, account, Catcher::clone(&found), draft)?;
        self.changed_catcher(principal, &found, changed).await
    }

    async fn changed_catcher(
        &self,
        principal: &Principal,
        old: &Catcher,
        new: Catcher,
    ) -> Result<CatcherView, AppError> {
        let new = self.catchers.store.put(new).await?;
        let changes = changes(Some(old), &new);
        if !changes.is_empty() {
            self.record_catcher(principal, AuditVerb::CatcherUpdated, &new, changes).await?;
        }
        self.view_of(&new).await
    }

    /// The files of catchers are their own, so their entries follow in a commit of their own.
    pub(super) async fn record_catcher(
        &self,
        principal: &Principal,
        verb: AuditVerb,
        catcher: &Catcher,
        changes: Vec<FieldChange>,
    ) -> Result<(), AppError> {
        let Some(view) = self.directory().account(catcher.account) else { return Ok(()) };
        let place = in_account(&view.account, catcher.id.to_string(), catcher.name.clone());
        self.record(principal, verb, place, changes).await
    }

    /// With all that it caught. Its URL is dead from then on.
    pub async fn delete_catcher(&self, principal: &Principal, account: &str, catcher: &str) -> Result<(), AppError> {
        let found = self.owned_catcher(principal, account, catcher, Scope::Endpoints).await?;
        self.catchers.store.remove(found.key).await?;
        self.record_catcher(principal, AuditVerb::CatcherDeleted, &found, Vec::new()).await
    }

    /// Starts the script from its first step, for every event.
    pub async fn restart_catcher(
        &self,
        principal: &Principal,
        account: &str,
        catcher: &str,
    ) -> Result<CatcherView, AppError> {
        let found = self.owned_catcher(principal, account, catcher, Scope::Endpoints).await?;
        self.catchers.store.restart(found.key).await?;
        self.view_of(&found).await
    }

    /// A new read token; the one before it opens nothing any more.
    pub async fn rotate_read_token(
        &self,
        principal: &Principal,
        account: &str,
        catcher: &str,
    ) -> Result<SecretString, AppError> {
        let found = self.owned_catcher(principal, account, catcher, Scope::Endpoints).await?;
        let token = self.new_read_token();
        let read_token_hash = Some(token_hash(token.expose_secret()));
        let changed = Catcher { read_token_hash, updated_at: self.now(), ..Catcher::clone(&found) };
        let changed = self.catchers.store.put(changed).await?;
        self.record_catcher(principal, AuditVerb::CatcherTokenRotated, &changed, Vec::new()).await?;
        Ok(token)
    }

    /// Removes the catchers of an account that is gone.
    pub(crate) async fn forget_catchers(&self, account: AccountKey) -> Result<(), AppError> {
        for standing in self.catchers.store.of_account(account).await? {
            self.catchers.store.remove(standing.catcher.key).await?;
        }
        Ok(())
    }

    pub(super) async fn owned_catcher(
        &self,
        principal: &Principal,
        account: &str,
        catcher: &str,
        scope: Scope,
    ) -> Result<Arc<Catcher>, AppError> {
        self.owned_standing(principal, account, catcher, scope).await.map(|standing| standing.catcher)
    }

    async fn owned_standing(
        &self,
        principal: &Principal,
        account: &str,
        catcher: &str,
        scope: Scope,
    ) -> Result<Standing, AppError> {
        let account = self.owned(principal, account, scope)?.account.key;
        let unknown = || AppError::not_found("catcher", catcher);
        let id = catcher.parse().map_err(|_| unknown())?;
        let found = self.catchers.store.find(id).await?;
        found.filter(|standing| standing.catcher.account == account).ok_or_else(unknown)
    }

    pub(super) async fn view_of(&self, catcher: &Catcher) -> Result<CatcherView, AppError> {
        let found = self.catchers.store.find(catcher.id).await?;
        Ok(self.view(found.ok_or_else(|| AppError::not_found("catcher", &catcher.id.to_string()))?))
    }

    pub(super) fn view(&self, standing: Standing) -> CatcherView {
        let Standing { catcher, requests, of_newest } = standing;
        let seen = match catcher.script.per {
            Per::Catcher => requests,
            Per::Event => of_newest,
        };
        let turn = Turn { requests, next: catcher.script.step_at(seen) };
        CatcherView { url: self.catchers.write_url(&catcher), catcher, turn }
    }

    /// A catcher with what the draft says, if all of it makes sense.
    fn filled(
        &self,
        principal: &Principal,
        account: &str,
        catcher: Catcher,
        draft: CatcherDraft,
    ) -> Result<Catcher, AppError> {
        let mut faults = Faults::default();
        faults.text("name", &draft.name, TITLE_BYTES_MAX);
        if let Some(FixedBody::Json(text) | FixedBody::Text(text)) = &draft.body {
            faults.text("body", text, FIXED_BODY_BYTES_MAX);
        }
        let text = if draft.script.trim().is_empty() { "200" } else { draft.script.as_str() };
        let script = text.parse::<Script>();
        if let Err(problem) = &script {
            faults.add(Fault::new("script", "script", format!("{problem}\n{}", problem.shown(text))));
        }
        let view = self.owned(principal, account, Scope::Endpoints)?;
        let endpoint = draft.endpoint.as_deref().map(|name| endpoint_of(&view, name));
        if let Some(Err(error)) = &endpoint {
            faults.add(Fault::new("endpoint", "unknown", error.to_string()));
        }
        faults.done()?;
        Ok(Catcher {
            name: draft.name,
            script: script.unwrap_or_default(),
            body: draft.body,
            endpoint: endpoint.and_then(Result::ok).map(|view| view.endpoint.id),
            updated_at: self.now(),
            ..catcher
        })
    }

    /// 131 bits, in letters and digits so that it survives being copied by hand.
    fn new_write_token(&self) -> String {
        let mut token = String::with_capacity(WRITE_TOKEN_CHARS);
        while token.len() < WRITE_TOKEN_CHARS {
            let bytes: [u8; 32] = self.random_bytes();
            // Six bits each; the two values beyond the letters are drawn again, so that all are equally likely.
            let drawn = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63)));
            token.extend(drawn.take(WRITE_TOKEN_CHARS - token.len()).map(|letter| char::from(*letter)));
        }
        token
    }

    fn new_read_token(&self) -> SecretString {
        let bytes: [u8; READ_TOKEN_BYTES] = self.random_bytes();
        SecretString::from(format!("{READ_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }
}

/// What differs, for the audit log. Neither token is among it.
fn changes(old: Option<&Catcher>, new: &Catcher) -> Vec<FieldChange> {
    let body = |catcher: &Catcher| match &catcher.body {
        Some(FixedBody::Json(text) | FixedBody::Text(text)) => Some(text.clone()),
        None => None,
    };
    let fields = |catcher: &Catcher| {
        [
            ("body", body(catcher)),
            ("endpoint", catcher.endpoint.map(|id| id.to_string())),
            ("name", Some(catcher.name.clone())),
            ("script", Some(catcher.script.to_string())),
        ]
    };
    let before = old.map(fields);
    let differs = fields(new).into_iter().enumerate().filter_map(|(place, (field, after))| {
        let before = before.as_ref().and_then(|before| before.get(place)).and_then(|(_, text)| text.clone());
        let shown = |text: Option<String>| text.map(|text| cut(&text));
        (before != after).then(|| FieldChange {
            field: field.to_owned(),
            before: shown(before),
            after: shown(after),
            hidden: false,
        })
    });
    differs.collect()
}
