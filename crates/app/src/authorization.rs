//! What an endpoint shows its receiver to be let in: set, described without being shown, tried.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use ringup_core::authorization::{Authorization, OAuth, Scheme};
use ringup_core::endpoint::Endpoint;
use ringup_core::outcome::NoToken;
use ringup_core::scope::Scope;
use ringup_egress::client_tls::ClientTls;
use ringup_egress::token::{Fetched, Tokens};
use ringup_egress::{header, url_policy};
use ringup_store::directory::{Directory, EndpointView};
use ringup_store::seam::Change;

use crate::app::{App, endpoint_of, owned};
use crate::check::Faults;
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// Bytes of a user name, a password, a token, a client's id or secret.
const CREDENTIAL_BYTES_MAX: usize = 8_192;

/// Bytes of a header's value, `Bearer ` and the like included: more than this many servers do not take.
const VALUE_BYTES_MAX: usize = 4_096;

/// Bytes of PEM: a chain of ten certificates and a key.
const PEM_BYTES_MAX: usize = 64 * 1_024;

/// Further members of a request for a token, and bytes of a scope.
const PARAMETERS_MAX: usize = 32;
const SCOPE_BYTES_MAX: usize = 2_048;

/// How an endpoint is authorised. Fingerprints stand in place of secrets: they tell whether one was changed, and nothing
/// about it.
#[derive(Clone, Debug)]
pub struct AuthorizationView {
    pub endpoint: Arc<EndpointView>,
    /// Of what the scheme keeps secret.
    pub fingerprint: Option<String>,
    pub certificate: Option<String>,
}

/// What came of trying to get a token.
#[derive(Clone, Debug)]
pub struct TokenTried {
    pub result: Result<Fetched, NoToken>,
    pub took: Duration,
}

impl App {
    pub fn authorization(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
    ) -> Result<AuthorizationView, AppError> {
        self.authorization_for(principal, account, endpoint, Scope::Read)
    }

    /// As it is shown to whoever has this scope.
    fn authorization_for(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        scope: Scope,
    ) -> Result<AuthorizationView, AppError> {
        let view = self.owned(principal, account, scope)?;
        let endpoint = endpoint_of(&view, endpoint)?.clone();
        let authorization = &endpoint.endpoint.authorization;
        let secrets = authorization.scheme.secrets();
        let certificate = authorization.certificate.as_ref().map(|certificate| certificate.pem.expose());
        Ok(AuthorizationView {
            fingerprint: (!secrets.is_empty())
                .then(|| fingerprint(&authorization.salt, authorization.scheme.word(), &secrets)),
            certificate: certificate.map(|pem| fingerprint(&authorization.salt, "certificate", &[pem])),
            endpoint,
        })
    }

    /// Changes what `edit` changes; the result is checked as a whole.
    pub async fn edit_authorization(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        edit: impl FnOnce(&mut Authorization) -> Result<(), AppError> + Send,
    ) -> Result<AuthorizationView, AppError> {
        let salt = self.random_bytes();
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Endpoints)?;
            let old = &endpoint_of(&view, endpoint)?.endpoint;
            let mut authorization = old.authorization.clone();
            edit(&mut authorization)?;
            self.check_authorization(&authorization)?;
            if authorization.is_none() {
                authorization = Authorization::default();
            } else if authorization.salt == [0; 16] {
                authorization.salt = salt;
            }
            Ok::<_, AppError>(Change::PutEndpoint(Endpoint { authorization, updated_at: self.now(), ..old.clone() }))
        };
        self.change(principal, decide).await?;
        self.authorization_for(principal, account, endpoint, Scope::Endpoints)
    }

    /// Fetches a token as a delivery would, shows it to nobody and keeps it nowhere. `Conflict` for an endpoint that
    /// needs none.
    pub async fn try_authorization(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
    ) -> Result<TokenTried, AppError> {
        let view = self.owned(principal, account, Scope::Endpoints)?;
        let view = endpoint_of(&view, endpoint)?.clone();
        let authorization = &view.endpoint.authorization;
        let Some(oauth) = authorization.oauth() else {
            let why = "there is no token to try: the endpoint is not authorised by OAuth 2.0";
            return Err(AppError::Conflict(why.to_owned()));
        };
        let caller = self.caller()?;
        let tls = self.client_tls(authorization)?;
        let plan = &self.plan.egress;
        let grant = Tokens::default().grant(view.endpoint.key, view.endpoint.account, oauth, plan, tls);
        let (result, took) = grant.try_out(&**caller).await;
        Ok(TokenTried { result, took })
    }

    fn check_authorization(&self, authorization: &Authorization) -> Result<(), AppError> {
        let mut faults = Faults::default();
        match &authorization.scheme {
            Scheme::None => {}
            Scheme::Header { name, value } => header_fault("name", name, value.expose(), &mut faults),
            Scheme::Basic { user, password } => {
                faults.check(!user.contains(':'), || Fault::new("username", "colon", "a user name has no colon"));
                text("username", user, 0, VALUE_BYTES_MAX / 2, &mut faults);
                text("password", password.expose(), 0, VALUE_BYTES_MAX / 4, &mut faults);
            }
            Scheme::Bearer { token } => {
                text("token", token.expose(), 1, VALUE_BYTES_MAX, &mut faults);
                let visible = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
                faults
                    .check(visible, || Fault::new("token", "characters", "a token has visible ASCII characters only"));
            }
            Scheme::OAuth(oauth) => self.check_oauth(oauth, &mut faults),
        }
        let pems = [
            ("certificate", authorization.certificate.as_ref().map(|certificate| certificate.pem.expose())),
            ("authorities", authorization.authorities.as_deref()),
        ];
        for (field, pem) in pems {
            faults.check(pem.is_none_or(|pem| pem.len() <= PEM_BYTES_MAX), || {
                Fault::new(field, "too_long", format!("at most {PEM_BYTES_MAX} bytes"))
            });
        }
        faults.done()?;
        self.client_tls(authorization).map(drop)
    }

    fn check_oauth(&self, oauth: &OAuth, faults: &mut Faults) {
        if let Err(problem) = url_policy::check(&oauth.token_url, &self.plan.egress) {
            faults.add(Fault::new("token_url", problem.rule(), problem.to_string()));
        }
        text("client_id", &oauth.client_id, 1, VALUE_BYTES_MAX / 4, faults);
        text("client_secret", oauth.client_secret.expose(), 0, VALUE_BYTES_MAX / 4, faults);
        text("scope", oauth.scope.as_deref().unwrap_or_default(), 0, SCOPE_BYTES_MAX, faults);
        faults.count("parameters", oauth.parameters.len(), 0, PARAMETERS_MAX);
        for (name, value) in &oauth.parameters {
            let ours = ["grant_type", "client_id", "client_secret", "scope"].contains(&name.as_str());
            let fits = (1..=256).contains(&name.len()) && value.expose().len() <= CREDENTIAL_BYTES_MAX;
            faults.check(!ours && fits, || {
                let why = "a further parameter has a name that is not one of ours, and at most 8192 bytes";
                Fault::new("parameters", "parameter", why).at(name.chars().take(64).collect::<String>())
            });
        }
        let headers = oauth.headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
        if let Err(problem) = header::check(headers) {
            faults.add(Fault::new("headers", "header", problem.to_string()));
        }
    }

    /// As deliveries will use it.
    pub(crate) fn client_tls(&self, authorization: &Authorization) -> Result<Option<ClientTls>, AppError> {
        let certificate = authorization.certificate.as_ref().map(|certificate| certificate.pem.expose());
        let authorities = authorization.authorities.as_deref();
        if certificate.is_none() && authorities.is_none() {
            return Ok(None);
        }
        // One by one, so that the fault is told of the field that has it.
        for (field, certificate, authorities) in
            [("certificate", certificate, None), ("authorities", None, authorities)]
        {
            ClientTls::new(&self.plan.egress, certificate, authorities)
                .map_err(|problem| Fault::new(field, "pem", problem.to_string()))?;
        }
        let tls = ClientTls::new(&self.plan.egress, certificate, authorities);
        tls.map(Some).map_err(|problem| Fault::new("certificate", "pem", problem.to_string()).into())
    }
}

fn header_fault(field: &'static str, name: &str, value: &str, faults: &mut Faults) {
    if let Err(problem) = header::check([(name, value)]) {
        faults.add(Fault::new(field, "header", problem.to_string()));
    }
}

fn text(field: &'static str, text: &str, bytes_min: usize, bytes_max: usize, faults: &mut Faults) {
    faults.check((bytes_min..=bytes_max).contains(&text.len()), || {
        Fault::new(field, "length", format!("{bytes_min} to {bytes_max} bytes"))
    });
    faults.check(!text.chars().any(char::is_control), || {
        Fault::new(field, "characters", "line breaks and other control characters have no place here")
    });
}

/// Thirty-two bits under a key that nobody sees: enough to tell two apart, of no use to who guesses.
fn fingerprint(salt: &[u8], kind: &str, secrets: &[&str]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
    let mut context = hmac::Context::with_key(&key);
    for secret in [kind].iter().chain(secrets) {
        context.update(&u64::try_from(secret.len()).unwrap_or(u64::MAX).to_le_bytes());
        context.update(secret.as_bytes());
    }
    context.sign().as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
