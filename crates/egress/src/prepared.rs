//! What every request of an endpoint shares, worked out once for each change of its configuration.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use ringup_core::endpoint::Endpoint;
use ringup_core::outcome::BlockedBy;
use ringup_core::policy::RetryPlan;
use tracing::warn;

use crate::client_tls::ClientTls;
use crate::sign::SigningKey;
use crate::token::{Grant, Tokens};
use crate::{CheckedUrl, EgressPlan, header, url_policy};

/// The parts of a request that do not change from event to event.
#[derive(Debug)]
pub struct Prepared {
    /// Of the configuration this was made from.
    pub revision: u64,
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
    pub fn new(endpoint: &Endpoint, retry: RetryPlan, revision: u64, plan: &EgressPlan, tokens: &Tokens) -> Prepared {
        let authorization = &endpoint.authorization;
        let tls = tls(endpoint, plan);
        let grant =
            authorization.oauth().map(|oauth| tokens.grant(endpoint.key, endpoint.account, oauth, plan, tls.clone()));
        Prepared {
            revision,
            url: url_policy::check_receiver(&endpoint.url, plan).map_err(|problem| problem.blocked_by()),
            url_text: Arc::from(endpoint.url.as_str()),
            headers: header::of_endpoint(endpoint).into(),
            tls,
            grant,
            keys: endpoint.secrets.iter().filter_map(SigningKey::of).collect(),
            plan: retry,
        }
    }
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
