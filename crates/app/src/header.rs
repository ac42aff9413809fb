//! Extra request headers of an endpoint.

use ringup_core::endpoint::Endpoint;
use ringup_core::scope::Scope;
use ringup_egress::header::{self as rules, HeaderProblem};
use ringup_store::directory::Directory;
use ringup_store::seam::Change;

use crate::app::{App, endpoint_of, owned};
use crate::error::{AppError, Fault};
use crate::principal::Principal;

impl App {
    /// Changes what `edit` changes; the result is checked as a whole.
    pub async fn edit_headers(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        edit: impl FnOnce(&mut Vec<(String, String)>) + Send,
    ) -> Result<(), AppError> {
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Endpoints)?;
            let old = &endpoint_of(&view, endpoint)?.endpoint;
            let mut headers = old.headers.clone();
            edit(&mut headers);
            check(&headers)?;
            Ok::<_, AppError>(Change::PutEndpoint(Endpoint { headers, updated_at: self.now(), ..old.clone() }))
        };
        self.change(principal, decide).await.map(drop)
    }
}

/// By the rules that calls follow.
pub fn check(headers: &[(String, String)]) -> Result<(), AppError> {
    let checked = rules::check(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    checked.map(drop).map_err(|problem| {
        let (rule, name) = match &problem {
            HeaderProblem::TooMany(_) => ("too_many_headers", None),
            HeaderProblem::Name(name) => ("header_name", Some(name.clone())),
            HeaderProblem::Reserved(name) => ("reserved_header", Some(name.to_string())),
            HeaderProblem::Twice(name) => ("header_twice", Some(name.to_string())),
            HeaderProblem::TooLong(name) => ("header_too_long", Some(name.to_string())),
            HeaderProblem::Value(name) => ("header_value", Some(name.to_string())),
        };
        Fault { part: name, ..Fault::new("headers", rule, problem.to_string()) }.into()
    })
}
