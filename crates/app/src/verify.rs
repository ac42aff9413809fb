//! Verifying a signature on request, with a secret that is given or with an endpoint's own.

use ringup_core::endpoint::SigningSecret;
use ringup_core::id::EventId;
use ringup_core::scope::Scope;
use ringup_core::time::Tick;
use ringup_egress::sign::{self, SecretProblem, SigningKey};
use secrecy::SecretString;

use crate::app::{App, endpoint_of};
use crate::diagnosis::{Diagnosis, Signature, diagnose};
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// A request that was signed a moment ago, to try the check on.
#[derive(Clone, Debug)]
pub struct SignedExample {
    pub headers: [(&'static str, String); 3],
    pub body: String,
    /// `whsec_…`, made for this and good for nothing else.
    pub secret: SecretString,
}

impl App {
    /// Makes up a secret and signs a small payload with it.
    pub fn signed_example(&self) -> SignedExample {
        let body = r#"{"ID":"c0ffee","Outlet":"Kemang","Total":148000}"#.to_owned();
        let secret: [u8; sign::SECRET_BYTES_NEW] = self.random_bytes();
        let now = self.now();
        let id = EventId::of_tick(Tick::at(now), self.random_bytes()).to_string();
        let signature = sign::sign_one(&SigningKey::new(&secret, None), &id, now.as_secs(), body.as_bytes());
        let headers =
            [("webhook-id", id), ("webhook-timestamp", now.as_secs().to_string()), ("webhook-signature", signature)];
        SignedExample { headers, body, secret: sign::secret_text(&secret) }
    }

    /// Why a received request's signature holds or does not, as of now. A secret that is given is not kept; without one
    /// and without an endpoint only the headers are looked at.
    pub fn verify<'a>(
        &self,
        principal: &Principal,
        account: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        body: &[u8],
        given: Option<&str>,
        endpoint: Option<&str>,
    ) -> Result<Diagnosis, AppError> {
        // An endpoint's own secret is used like one that is shown: what would be right is as good as having it.
        let scope = if endpoint.is_some() { Scope::Secrets } else { Scope::Read };
        let view = self.owned(principal, account, scope)?;
        let now = self.now();
        let mut keys = Vec::new();
        if let Some(text) = given {
            let fault = |problem: SecretProblem| Fault::new("secret", "secret", problem.to_string());
            let (kind, key) = sign::parse(text.trim()).map_err(fault)?;
            keys.extend(SigningKey::of(&SigningSecret { kind, key, expires_at: None }));
        }
        if let Some(name) = endpoint {
            keys.extend(endpoint_of(&view, name)?.endpoint.signing_secrets(now).filter_map(SigningKey::of));
        }
        let headers: Vec<(&[u8], &[u8])> =
            headers.map(|(name, value)| (name.as_bytes(), value.trim().as_bytes())).collect();
        Ok(diagnose(&Signature::of(headers.into_iter()), body, &keys, now))
    }
}
