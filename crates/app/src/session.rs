//! Portal access: how a person gets into one account, and out again.
//!
//! A portal token is for pages of the operator's own; the link beside it opens the console, once and within the hour. What
//! comes of either ends with the token.

use std::time::Duration;

use ringup_core::account::{ApiKey, Environment, KeyKind, Role};
use ringup_core::key::AccountKey;
use ringup_core::scope::{Scope, Scopes};
use ringup_core::time::Timestamp;
use ringup_store::directory::AccountView;
use secrecy::SecretString;
use std::sync::Arc;

use crate::api_key::KeyDraft;
use crate::app::App;
use crate::check::Faults;
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// How long portal access lasts: within these, and unless told otherwise the longest (Svix dialect).
const ACCESS_MIN: Duration = Duration::from_hours(1);
const ACCESS_MAX: Duration = Duration::from_hours(7 * 24);

/// How long a link waits for somebody to follow it.
const LINK_MAX: Duration = Duration::from_hours(1);

/// How long the end of sessions can be put off (Svix dialect).
const DELAY_MAX: Duration = Duration::from_hours(3 * 24);

/// Portal tokens of one account that are valid at a time. Beyond it the oldest ends, as nobody looks at a thousand.
const TOKENS_MAX: usize = 1_000;

const SESSION_NAME_CHARS_MAX: usize = 64;
const FEATURE_FLAGS_MAX: usize = 25;

/// What a caller may say about portal access.
#[derive(Clone, Debug, Default)]
pub struct PortalDraft {
    pub lifetime: Option<Duration>,
    /// The caller's own name for it, to end it by.
    pub session: Option<String>,
    /// `None`: all that a portal can have.
    pub scopes: Option<Scopes>,
    pub feature_flags: Vec<String>,
}

/// Portal access just given. Both texts are shown this once.
#[derive(Debug)]
pub struct PortalAccess {
    pub token: SecretString,
    /// Its path is `/link/` and this.
    pub link: SecretString,
}

/// Who a caller is, for the caller.
#[derive(Clone, Debug)]
pub struct Identity {
    pub environment: Option<Arc<Environment>>,
    pub account: Option<Arc<AccountView>>,
    pub kind: KeyKind,
    pub session: Option<String>,
    pub scopes: Scopes,
    pub expires_at: Option<Timestamp>,
}

impl App {
    /// Lets a person into one account. They can do no more than the caller.
    pub async fn open_portal(
        &self,
        principal: &Principal,
        account: &str,
        draft: PortalDraft,
    ) -> Result<PortalAccess, AppError> {
        let account = self.owned(principal, account, Scope::Keys)?.account.key;
        draft.check()?;
        let now = self.now();
        self.make_room(principal, account, now).await?;
        let scopes = draft.scopes.unwrap_or(Scopes::PORTAL).within(Scopes::PORTAL).within(principal.scopes());
        let token = KeyDraft {
            kind: KeyKind::Portal,
            role: Role::Account(account),
            scopes,
            name: "portal".to_owned(),
            expires_at: Some(now.saturating_add(draft.lifetime.unwrap_or(ACCESS_MAX))),
            parent: None,
            session: draft.session,
            feature_flags: Some(draft.feature_flags),
        };
        let by = self.by(principal);
        let made = self.make_key(&by, token.clone(), None).await?;
        let link = KeyDraft {
            kind: KeyKind::Link,
            expires_at: Some(now.saturating_add(LINK_MAX)),
            parent: Some(made.key.id),
            ..token
        };
        let link = self.make_key(&by, link, None).await?;
        Ok(PortalAccess { token: made.token, link: link.token })
    }

    pub fn who_am_i(&self, principal: &Principal) -> Identity {
        let key = principal.key().and_then(|id| self.directory().key_by_id(id));
        let account = principal.own_account().and_then(|account| self.directory().account(account));
        Identity {
            environment: self.own_environment(principal),
            account,
            kind: key.as_ref().map_or(KeyKind::Key, |known| known.key.kind),
            session: key.as_ref().and_then(|known| known.key.session.clone()),
            scopes: principal.scopes(),
            expires_at: key.and_then(|known| known.key.expires_at),
        }
    }

    /// Ends the caller's own portal token or session. A key is revoked by name, not by logging out.
    pub async fn log_out(&self, principal: &Principal) -> Result<(), AppError> {
        let key = principal.key().and_then(|id| self.directory().key_by_id(id));
        let session = key.filter(|known| known.key.kind != KeyKind::Key);
        let session = session.ok_or(AppError::Forbidden("only a portal token or a session can be logged out"))?;
        self.revoke(principal, vec![session.key.id], self.now()).await
    }

    /// Ends the portal tokens, links and sessions of an account: all, or those of these sessions; at once, or after a
    /// while.
    pub async fn end_sessions(
        &self,
        principal: &Principal,
        account: &str,
        sessions: &[String],
        delay: Duration,
    ) -> Result<(), AppError> {
        let account = self.owned(principal, account, Scope::Keys)?.account.key;
        if delay > DELAY_MAX {
            return Err(Fault::new("expiry", "range", format!("0 to {} seconds", DELAY_MAX.as_secs())).into());
        }
        let now = self.now();
        let wanted = |key: &ApiKey| {
            let named = || key.session.as_ref().is_some_and(|session| sessions.contains(session));
            (sessions.is_empty() || named()) && key.is_valid_at(now)
        };
        let ids = self.sessions_of(account).into_iter().filter(wanted).map(|key| key.id).collect();
        self.revoke(principal, ids, now.saturating_add(delay)).await
    }

    async fn make_room(&self, principal: &Principal, account: AccountKey, now: Timestamp) -> Result<(), AppError> {
        let is_token = |key: &ApiKey| key.kind == KeyKind::Portal && key.is_valid_at(now);
        let mut tokens: Vec<ApiKey> = self.sessions_of(account).into_iter().filter(is_token).collect();
        if tokens.len() < TOKENS_MAX {
            return Ok(());
        }
        tokens.sort_by_key(|key| (key.created_at, key.id));
        let over = tokens.len() - TOKENS_MAX + 1;
        self.revoke(principal, tokens.iter().take(over).map(|key| key.id).collect(), now).await
    }

    fn sessions_of(&self, account: AccountKey) -> Vec<ApiKey> {
        let keys = self.directory().keys().into_iter().map(|known| known.key.clone());
        keys.filter(|key| key.kind != KeyKind::Key && key.role == Role::Account(account)).collect()
    }
}

impl PortalDraft {
    fn check(&self) -> Result<(), AppError> {
        let mut faults = Faults::default();
        if let Some(lifetime) = self.lifetime {
            faults.check((ACCESS_MIN..=ACCESS_MAX).contains(&lifetime), || {
                let why = format!("{} to {} seconds", ACCESS_MIN.as_secs(), ACCESS_MAX.as_secs());
                Fault::new("expiry", "range", why)
            });
        }
        if let Some(session) = &self.session {
            let fits = (1..=SESSION_NAME_CHARS_MAX).contains(&session.len())
                && session.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'_' | b'-'));
            faults.check(fits, || {
                let why = format!("1 to {SESSION_NAME_CHARS_MAX} characters out of letters, digits, `@`, `_` and `-`");
                Fault::new("session_id", "name", why)
            });
        }
        faults.count("feature_flags", self.feature_flags.len(), 0, FEATURE_FLAGS_MAX);
        faults.names("feature_flags", &self.feature_flags);
        faults.done()
    }
}
