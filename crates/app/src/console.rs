//! Sessions at the console: a person who came with a key or by a link.
//!
//! A session is a key of its own kind, with the key it was opened with for a parent: stored as a hash, it outlives a
//! restart, and ends with its parent at the latest.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::account::{ApiKey, KeyKind};
use ringup_core::id::KeyId;
use ringup_core::time::Timestamp;
use ringup_store::directory::Directory;
use ringup_store::keyring::KnownKey;
use ringup_store::seam::Change;
use secrecy::{ExposeSecret as _, SecretString};

use crate::api_key::{KeyDraft, NewKey};
use crate::app::App;
use crate::error::AppError;
use crate::origin::Origin;
use crate::principal::{Principal, UNKNOWN, token_hash};

/// Without a request for so long, a session ends.
const IDLE_MAX: Duration = Duration::from_hours(12);

/// However busy, a session ends after this time.
const AGE_MAX: Duration = Duration::from_hours(7 * 24);

/// How long the link of a first start can be followed.
const FIRST_LINK_MAX: Duration = Duration::from_mins(30);

/// Sessions at once. Beyond it the one that was idle longest ends.
const SESSIONS_MAX: usize = 10_000;

impl App {
    /// Opens a session for whoever has this key or portal token. Answers what the cookie holds; it is shown this once.
    pub async fn sign_in(&self, token: &str, origin: Origin) -> Result<SecretString, AppError> {
        self.admit(token, None).await?;
        let known = self.valid_key(token)?;
        self.open_session(&known, origin).await
    }

    /// A link that opens a session with this key, once and within half an hour. Its path is `/link/` and this.
    pub async fn first_link(&self, key: &SecretString) -> Result<SecretString, AppError> {
        let parent = self.valid_key(key.expose_secret())?;
        let expires_at = Some(self.now().saturating_add(FIRST_LINK_MAX));
        let ApiKey { role, scopes, id, .. } = parent.key.clone();
        let link =
            KeyDraft { expires_at, parent: Some(id), scopes, ..KeyDraft::of(KeyKind::Link, role, "first start") };
        let by = self.by_key(None, role, Origin::default());
        Ok(self.make_key(&by, link, None).await?.token)
    }

    /// Whether a link can still be followed. Looking at it does not use it up.
    pub async fn can_follow(&self, link: &str) -> bool {
        if self.link(link).is_err() {
            // Another process may have made it a moment ago.
            let _ = self.catalogue.refresh().await;
        }
        self.link(link).is_ok()
    }

    /// Exchanges a link for a session, once. The session ends with the key or portal token that the link came with.
    pub async fn follow_link(&self, token: &str, origin: Origin) -> Result<SecretString, AppError> {
        let (link, parent) = self.link(token)?;
        let now = self.now();
        let decide = |directory: &Directory| {
            let known = directory.key_by_id(link.key.id).filter(|known| known.key.is_valid_at(now));
            known.ok_or(UNKNOWN)?;
            Ok::<_, AppError>(Change::RevokeKeys(vec![link.key.id], now))
        };
        self.catalogue.change(decide).await?;
        self.open_session(&parent, origin).await
    }

    /// Who is behind the token of a session. `environment` is where an operator wants to act; where there is no such one
    /// any more, it is as if nothing had been said.
    pub fn session(&self, token: &str, environment: Option<&str>) -> Result<Principal, AppError> {
        let known = self.directory().key(&token_hash(token)).ok_or(UNKNOWN)?;
        if known.key.kind != KeyKind::Console || self.is_idle(&known) {
            return Err(UNKNOWN);
        }
        let known = self.valid_key(token)?;
        match self.principal(&known.key, environment) {
            Err(AppError::NotFound { .. } | AppError::Forbidden(_)) => self.principal(&known.key, None),
            found => found,
        }
    }

    /// Ends the caller's own session.
    pub async fn sign_out(&self, principal: &Principal) -> Result<(), AppError> {
        self.revoke(principal, principal.key().into_iter().collect(), self.now()).await
    }

    /// Ends every session that was opened with the same key, the caller's own too.
    pub async fn sign_out_everywhere(&self, principal: &Principal) -> Result<(), AppError> {
        let ids = self.own_sessions(principal).iter().map(|known| known.key.id).collect();
        self.revoke(principal, ids, self.now()).await
    }

    /// Ends one session of those that were opened with the caller's key.
    pub async fn end_own_session(&self, principal: &Principal, session: &str) -> Result<(), AppError> {
        let not_found = || AppError::not_found("session", session);
        let id: KeyId = session.parse().map_err(|_| not_found())?;
        let own = self.own_sessions(principal);
        let found = own.iter().find(|known| known.key.id == id).ok_or_else(not_found)?;
        self.revoke(principal, vec![found.key.id], self.now()).await
    }

    /// Sessions that stand and were opened with the same key as the caller's, newest first. None for a caller who is in no
    /// session.
    pub fn own_sessions(&self, principal: &Principal) -> Vec<Arc<KnownKey>> {
        let own = principal.key().and_then(|id| self.directory().key_by_id(id));
        let own = own.filter(|known| known.key.kind == KeyKind::Console);
        let Some(parent) = own.and_then(|known| known.key.parent) else { return Vec::new() };
        let mut all = self.sessions_now();
        all.retain(|known| known.key.parent == Some(parent));
        all.sort_by_key(|known| std::cmp::Reverse((known.key.created_at, known.key.id)));
        all
    }

    async fn open_session(&self, parent: &KnownKey, origin: Origin) -> Result<SecretString, AppError> {
        let ApiKey { role, scopes, session, feature_flags, expires_at, id, name, .. } = parent.key.clone();
        let latest = self.now().saturating_add(AGE_MAX);
        let draft = KeyDraft {
            scopes,
            expires_at: Some(expires_at.map_or(latest, |end| end.min(latest))),
            parent: Some(id),
            session,
            feature_flags,
            ..KeyDraft::of(KeyKind::Console, role, &name)
        };
        self.let_go_of_one().await?;
        let by = self.by_key(Some(&parent.key), role, origin);
        let NewKey { token, .. } = self.make_key(&by, draft, None).await?;
        Ok(token)
    }

    async fn let_go_of_one(&self) -> Result<(), AppError> {
        let all = self.sessions_now();
        if all.len() < SESSIONS_MAX {
            return Ok(());
        }
        let idlest = all.iter().min_by_key(|known| seen_at(known)).map(|known| known.key.id);
        let (ids, now) = (idlest.into_iter().collect(), self.now());
        self.catalogue.change(|_: &Directory| Ok::<_, AppError>(Change::RevokeKeys(ids, now))).await.map(drop)
    }

    fn sessions_now(&self) -> Vec<Arc<KnownKey>> {
        let now = self.now();
        let mut all = self.directory().keys();
        all.retain(|known| known.key.kind == KeyKind::Console && known.key.is_valid_at(now) && !self.is_idle(known));
        all
    }

    fn is_idle(&self, known: &KnownKey) -> bool {
        self.now().saturating_since(seen_at(known)) >= IDLE_MAX
    }

    /// A link that can be followed now, and what it was made with.
    fn link(&self, token: &str) -> Result<(Arc<KnownKey>, Arc<KnownKey>), AppError> {
        let link = self.valid_key(token)?;
        if link.key.kind != KeyKind::Link {
            return Err(UNKNOWN);
        }
        let parent = link.key.parent.and_then(|id| self.directory().key_by_id(id)).ok_or(UNKNOWN)?;
        Ok((link, parent))
    }
}

/// When a session was last used, or began.
fn seen_at(known: &KnownKey) -> Timestamp {
    known.used_at().map_or(known.key.created_at, |at| at.max(known.key.created_at))
}
