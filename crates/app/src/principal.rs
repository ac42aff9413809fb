//! Who asks.

use aws_lc_rs::digest;
use ringup_core::account::Role;
use ringup_core::id::KeyId;
use ringup_core::key::EnvironmentKey;
use tracing::warn;

use crate::app::App;
use crate::error::AppError;

/// The environment in which an operator's key acts unless told otherwise.
pub(crate) const DEFAULT_ENVIRONMENT: &str = "live";

/// Whoever asks, and in which environment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Principal {
    pub environment: EnvironmentKey,
    pub role: Role,
    /// `None` for whoever has the data folder itself in hand.
    pub key: Option<KeyId>,
}

impl Principal {
    /// The person at the machine: may do what an operator may.
    pub fn at_the_machine(environment: EnvironmentKey) -> Principal {
        Principal { environment, role: Role::Operator, key: None }
    }

    pub(crate) fn needs_operator(&self) -> Result<(), AppError> {
        match self.role {
            Role::Operator => Ok(()),
            Role::Environment(_) => Err(AppError::Forbidden("this takes an operator's key")),
        }
    }
}

impl App {
    /// As [`App::authenticate`], also for a key or an environment that another process made a moment ago.
    pub async fn admit(&self, token: &str, environment: Option<&str>) -> Result<Principal, AppError> {
        match self.authenticate(token, environment) {
            Err(unknown @ (AppError::Unauthenticated(_) | AppError::NotFound { .. })) => {
                if let Err(error) = self.catalogue.refresh().await {
                    warn!(%error, "cannot look for keys that were just made");
                    return Err(unknown);
                }
                self.authenticate(token, environment)
            }
            admitted => admitted,
        }
    }

    /// Who a bearer token belongs to. `environment` is where an operator wants to act; a key of one environment may
    /// name only that.
    ///
    /// Tokens are found by their SHA-256, so the time this takes says nothing about them.
    pub fn authenticate(&self, token: &str, environment: Option<&str>) -> Result<Principal, AppError> {
        let unknown = AppError::Unauthenticated("the key is unknown or revoked");
        let key = self.directory().key(&token_hash(token)).filter(|key| key.revoked_at.is_none()).ok_or(unknown)?;
        let principal = |environment| Principal { environment, role: key.role, key: Some(key.id) };
        let named = |name: &str| {
            let found = self.directory().environment_named(name);
            found.map(|found| found.key).ok_or_else(|| AppError::not_found("environment", name))
        };
        match (key.role, environment) {
            (Role::Operator, name) => named(name.unwrap_or(DEFAULT_ENVIRONMENT)).map(principal),
            (Role::Environment(own), None) => Ok(principal(own)),
            (Role::Environment(own), Some(name)) if named(name).is_ok_and(|found| found == own) => Ok(principal(own)),
            (Role::Environment(_), Some(_)) => Err(AppError::Forbidden("the key belongs to another environment")),
        }
    }
}

pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
