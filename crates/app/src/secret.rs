//! Signing secrets of an endpoint: shown, made, replaced.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::endpoint::{Endpoint, SigningSecret};
use ringup_core::limits::SIGNING_SECRETS_MAX;
use ringup_egress::sign;
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

impl App {
    /// The newest secret as its owner copies it, `whsec_…`.
    pub fn secret(&self, principal: &Principal, account: &str, endpoint: &str) -> Result<SecretString, AppError> {
        let view = self.owned(principal, account)?;
        let found = endpoint_of(&view, endpoint)?;
        let newest = found.endpoint.secrets.first();
        newest.map(|secret| sign::secret_text(&secret.key)).ok_or_else(|| AppError::not_found("secret of", endpoint))
    }

    /// Puts a new secret before the others: the one given, or one of our own making. The one before it signs along for
    /// `grace`; zero ends it at once.
    pub async fn rotate_secret(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        given: Option<&str>,
        grace: Option<Duration>,
    ) -> Result<(), AppError> {
        let grace = grace.unwrap_or(GRACE_DEFAULT);
        if grace > GRACE_MAX {
            let why = format!("0 to {} seconds", GRACE_MAX.as_secs());
            return Err(Fault::new("grace_period_seconds", "range", why).into());
        }
        let key = given.map_or_else(|| Ok(self.new_secret()), |text| parsed("key", text))?;
        let now = self.now();
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account)?;
            let changed = endpoint_of(&view, endpoint)?.endpoint.clone();
            let mut changed = Catalogue::without_expired_secrets(changed, now);
            if let Some(newest) = changed.secrets.first_mut() {
                newest.expires_at = Some(now.saturating_add(grace));
            }
            changed = Catalogue::without_expired_secrets(changed, now);
            // The same secret given again starts anew instead of being there twice.
            changed.secrets.retain(|secret| secret.key != key);
            if changed.secrets.len() >= SIGNING_SECRETS_MAX {
                let why = format!("{SIGNING_SECRETS_MAX} secrets are valid at once already; wait until one expires");
                return Err(AppError::Conflict(why));
            }
            changed.secrets.insert(0, SigningSecret { key, expires_at: None });
            Ok(Change::PutEndpoint(Endpoint { updated_at: now, ..changed }))
        };
        self.catalogue.change(decide).await.map(drop)
    }

    pub(crate) fn new_secret(&self) -> Arc<[u8]> {
        sign::new_secret(self.random_bytes())
    }
}

/// Reads a secret that a caller chose: 24 to 64 bytes, as Standard Webhooks has it.
pub fn parsed(field: &'static str, text: &str) -> Result<Arc<[u8]>, AppError> {
    sign::parse_secret(text).map_err(|problem| Fault::new(field, "secret", problem.to_string()).into())
}
