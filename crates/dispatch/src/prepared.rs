//! What every request of an endpoint shares, worked out once for each change of its configuration.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use ringup_core::authorization::Scheme;
use ringup_core::endpoint::Endpoint;
use ringup_core::outcome::BlockedBy;
use ringup_core::policy::RetryPlan;
use ringup_egress::client_tls::ClientTls;
use ringup_egress::sign::SigningKey;
use ringup_egress::token::{self, Grant, Tokens};
use ringup_egress::{CheckedUrl, EgressPlan, header, url_policy};
use ringup_store::directory::EndpointView;
use tracing::warn;

/// The parts of a request that do not change from event to event.
#[derive(Debug)]
pub struct Prepared {
    /// The revision of the view this was made from.
    revision: u64,
    /// Checked again here, since the operator's rules may have changed after the endpoint was saved.
    pub url: Result<CheckedUrl, BlockedBy>,
    pub url_text: Arc<str>,
    /// With what a fixed authorisation adds.
    pub headers: Arc<[(HeaderName, HeaderValue)]>,
    pub tls: Option<ClientTls>,
    /// Where a token has to be fetched.
    pub grant: Option<Grant>,
    pub keys: Arc<[SigningKey]>,
    pub plan: RetryPlan,
}

impl Prepared {
    pub fn new(view: &EndpointView, plan: &EgressPlan, tokens: &Tokens) -> Prepared {
        let endpoint = &view.endpoint;
        let authorization = &endpoint.authorization;
        let tls = tls(endpoint, plan);
        let grant =
            authorization.oauth().map(|oauth| tokens.grant(endpoint.key, endpoint.account, oauth, plan, tls.clone()));
        Prepared {
            revision: view.revision,
            url: url_policy::check(&endpoint.url, plan).map_err(|problem| problem.blocked_by()),
            url_text: Arc::from(endpoint.url.as_str()),
            headers: headers(endpoint).into(),
            tls,
            grant,
            keys: endpoint.secrets.iter().filter_map(SigningKey::of).collect(),
            plan: view.settings.retry_plan(),
        }
    }

    pub fn is_of(&self, view: &EndpointView) -> bool {
        self.revision == view.revision
    }
}

/// The endpoint's own headers and those of a fixed authorisation, which takes the place of one of the same name.
///
/// They were checked when they were saved; a set that no longer passes is left out rather than half sent.
fn headers(endpoint: &Endpoint) -> Vec<(HeaderName, HeaderValue)> {
    let pairs = endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers = header::check(pairs).unwrap_or_default();
    let own = match &endpoint.authorization.scheme {
        Scheme::None | Scheme::OAuth(_) => Vec::new(),
        Scheme::Header { name, value } => header::check([(name.as_str(), value.expose())]).unwrap_or_default(),
        Scheme::Basic { user, password } => vec![(AUTHORIZATION, token::basic(user, password.expose()))],
        Scheme::Bearer { token } => {
            token::bearer(token.expose()).map(|value| (AUTHORIZATION, value)).into_iter().collect()
        }
    };
    headers.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    headers.extend(own);
    headers
}

/// `None` for what everybody has, and for a certificate that cannot be used any more: its receiver will say so.
fn tls(endpoint: &Endpoint, plan: &EgressPlan) -> Option<ClientTls> {
    let authorization = &endpoint.authorization;
    let certificate = authorization.certificate.as_ref().map(|certificate| certificate.pem.expose());
    let authorities = authorization.authorities.as_deref();
    if certificate.is_none() && authorities.is_none() {
        return None;
    }
    let made = ClientTls::new(plan, certificate, authorities);
    made.map_err(|error| warn!(endpoint = %endpoint.id, %error, "an endpoint's certificate cannot be used")).ok()
}
