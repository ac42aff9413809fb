//! Signing secrets of an endpoint: shown, made, replaced.

use std::time::Duration;

use ringup_core::audit::AuditVerb;
use ringup_core::endpoint::{Endpoint, SigningSecret};
use ringup_core::limits::SIGNING_SECRETS_MAX;
use ringup_core::scope::Scope;
use ringup_core::signing::SigningKind;
use ringup_egress::sign;
use ringup_store::audit::of_endpoint;
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::Directory;
use ringup_store::seam::Change;
use secrecy::SecretString;

use crate::app::{App, endpoint_of, owned};
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// How long a replaced secret signs along unless told otherwise, and the longest that can be asked for: a week.
pub const GRACE_DEFAULT: Duration = Duration::from_hours(24);
pub const GRACE_MAX: Duration = Duration::from_hours(7 * 24);

/// A secret that a caller chooses: its text, its kind, both, or neither.
#[derive(Clone, Default)]
pub struct SecretDraft {
    /// `whsec_…` or `whsk_…`; made by us if there is none.
    pub text: Option<String>,
    /// Symmetric unless told otherwise.
    pub kind: Option<SigningKind>,
}

impl App {
    /// What verifies signatures of the newest secret, as its owner copies it: `whsec_…`, or `whpk_…` for an asymmetric
    /// one, whose private half is never shown. Not before the audit log says who saw it.
    pub async fn secret(&self, principal: &Principal, account: &str, endpoint: &str) -> Result<SecretString, AppError> {
        let view = self.owned(principal, account, Scope::Secrets)?;
        let found = endpoint_of(&view, endpoint)?;
        let newest = found.endpoint.secrets.first();
        let shown = newest.map(sign::shown).ok_or_else(|| AppError::not_found("secret of", endpoint))?;
        self.record(principal, AuditVerb::SecretRead, of_endpoint(&view, &found.endpoint), Vec::new()).await?;
        Ok(shown)
    }

    /// Puts a new secret before the others: the one given, or one of our own making. The one before it signs along for
    /// `grace`; zero ends it at once. Whoever may see secrets is told the new one.
    pub async fn rotate_secret(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        draft: SecretDraft,
        grace: Option<Duration>,
    ) -> Result<Option<SecretString>, AppError> {
        let grace = grace.unwrap_or(GRACE_DEFAULT);
        if grace > GRACE_MAX {
            let why = format!("0 to {} seconds", GRACE_MAX.as_secs());
            return Err(Fault::new("grace_period_seconds", "range", why).into());
        }
        let secret = self.drafted_secret("key", &draft)?;
        let shown = principal.may(Scope::Secrets).then(|| sign::shown(&secret));
        let now = self.now();
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Rotate)?;
            let changed = endpoint_of(&view, endpoint)?.endpoint.clone();
            let mut changed = Catalogue::without_expired_secrets(changed, now);
            if let Some(newest) = changed.secrets.first_mut() {
                newest.expires_at = Some(now.saturating_add(grace));
            }
            changed = Catalogue::without_expired_secrets(changed, now);
            // The same secret given again starts anew instead of being there twice.
            changed.secrets.retain(|old| (old.kind, &old.key) != (secret.kind, &secret.key));
            if changed.secrets.len() >= SIGNING_SECRETS_MAX {
                let why = format!("{SIGNING_SECRETS_MAX} secrets are valid at once already; wait until one expires");
                return Err(AppError::Conflict(why));
            }
            changed.secrets.insert(0, secret);
            Ok(Change::PutEndpoint(Endpoint { updated_at: now, ..changed }))
        };
        self.change(principal, decide).await?;
        Ok(shown)
    }

    /// The secret asked for. 24 to 64 bytes, as Standard Webhooks has it, or an Ed25519 seed.
    pub(crate) fn drafted_secret(&self, field: &'static str, draft: &SecretDraft) -> Result<SigningSecret, AppError> {
        let Some(text) = &draft.text else {
            let kind = draft.kind.unwrap_or_default();
            let key = match kind {
                SigningKind::Hmac => sign::new_secret(self.random_bytes()),
                SigningKind::Ed25519 => self.random_bytes::<{ sign::SEED_BYTES }>().into(),
            };
            return Ok(SigningSecret { kind, key, expires_at: None });
        };
        let fault = |why: String| AppError::from(Fault::new(field, "secret", why));
        let (kind, key) = sign::parse(text).map_err(|problem| fault(problem.to_string()))?;
        match draft.kind {
            Some(asked) if asked != kind => Err(fault(format!("the type asked for is {asked}, the secret is {kind}"))),
            _ => Ok(SigningSecret { kind, key, expires_at: None }),
        }
    }
}
