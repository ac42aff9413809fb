//! What every request of an endpoint shares, worked out once for each change of its configuration.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use ringup_core::outcome::BlockedBy;
use ringup_core::policy::RetryPlan;
use ringup_egress::sign::SigningKey;
use ringup_egress::{CheckedUrl, EgressPlan, header, url_policy};
use ringup_store::directory::EndpointView;

/// The parts of a request that do not change from event to event.
#[derive(Debug)]
pub struct Prepared {
    /// The revision of the view this was made from.
    revision: u64,
    /// Checked again here, since the operator's rules may have changed after the endpoint was saved.
    pub url: Result<CheckedUrl, BlockedBy>,
    pub url_text: Arc<str>,
    pub headers: Arc<[(HeaderName, HeaderValue)]>,
    pub keys: Arc<[SigningKey]>,
    pub plan: RetryPlan,
}

impl Prepared {
    pub fn new(view: &EndpointView, plan: &EgressPlan) -> Prepared {
        let endpoint = &view.endpoint;
        let pairs = endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Prepared {
            revision: view.revision,
            url: url_policy::check(&endpoint.url, plan).map_err(|problem| problem.blocked_by()),
            url_text: Arc::from(endpoint.url.as_str()),
            // They were checked when they were saved; a set that no longer passes is left out rather than half sent.
            headers: header::check(pairs).map_or_else(|_| Arc::from([]), Arc::from),
            keys: endpoint.secrets.iter().filter_map(SigningKey::of).collect(),
            plan: view.settings.retry_plan(),
        }
    }

    pub fn is_of(&self, view: &EndpointView) -> bool {
        self.revision == view.revision
    }
}
