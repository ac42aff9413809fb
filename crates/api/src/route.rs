//! All routes. A route is listed by its handler alone, whose `#[utoipa::path]` says method and path and describes it:
//! there is no route without a description, and no description without a route.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use http::HeaderValue;
use http::header::LINK;
use utoipa::openapi::PathItem;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::handler::{
    account, attempt, audit, auth, authorization, catcher, content, document, endpoint, environment, event_type, fleet,
    health, hook, hook_type, key, log, message, operational, poll, settings, stats, task, why,
};
use crate::{Api, PREFIX, describe};

/// A path, what can be done there, and what is said of it in the OpenAPI document.
pub type Described = UtoipaMethodRouter<Arc<Api>>;

/// What changes the configuration, or reads it where it is changed: see [`crate::change`].
pub fn configuration() -> Vec<Described> {
    vec![
        routes!(account::list, account::create),
        routes!(account::get, account::put, account::patch, account::delete),
        routes!(settings::of_account, settings::put_account, settings::patch_account),
        routes!(endpoint::list, endpoint::create),
        routes!(endpoint::get, endpoint::put, endpoint::patch, endpoint::delete),
        routes!(endpoint::secret),
        routes!(endpoint::rotate),
        routes!(authorization::get, authorization::put, authorization::delete),
        routes!(authorization::oauth, authorization::set_oauth, authorization::delete_oauth),
        routes!(authorization::oauth_status),
        routes!(authorization::mtls, authorization::set_mtls, authorization::delete_mtls),
        routes!(authorization::mtls_status),
        routes!(endpoint::headers, endpoint::put_headers, endpoint::patch_headers),
        routes!(settings::of_endpoint, settings::put_endpoint, settings::patch_endpoint),
        routes!(message::resend),
        routes!(content::of_message),
        routes!(content::of_attempt),
        routes!(content::of_messages),
        routes!(endpoint::send_example),
        routes!(task::recover),
        routes!(task::replay_missing),
        routes!(task::bulk_replay),
        routes!(log::resend),
        routes!(task::expunge_all),
        routes!(task::list),
        routes!(task::get),
        routes!(task::cancel),
        routes!(operational::list, operational::create),
        routes!(operational::get, operational::put, operational::delete),
        routes!(operational::secret),
        routes!(operational::rotate),
        routes!(operational::headers, operational::put_headers),
        routes!(poll::seek),
        routes!(environment::export),
        routes!(environment::import),
        routes!(environment::import_openapi),
        routes!(environment::import_guide),
        routes!(environment::validation, environment::set_validation),
        routes!(auth::portal),
        routes!(auth::dashboard),
        routes!(auth::whoami),
        routes!(auth::logout),
        routes!(auth::expire_all),
        routes!(key::list, key::create),
        routes!(key::get, key::revoke),
        routes!(hook::list),
        routes!(hook::get, hook::set, hook::delete),
        routes!(hook_type::list),
        routes!(hook_type::get, hook_type::put, hook_type::delete),
        routes!(catcher::list, catcher::create),
        routes!(catcher::get, catcher::patch, catcher::delete),
        routes!(catcher::script),
        routes!(catcher::restart),
        routes!(catcher::read_token),
        routes!(event_type::list, event_type::create),
        routes!(event_type::get, event_type::put, event_type::patch, event_type::delete),
        routes!(event_type::example),
        routes!(event_type::retry_schedule, event_type::set_retry_schedule),
    ]
}

/// What publishes, and what looks back.
pub fn history() -> Vec<Described> {
    vec![
        routes!(audit::list),
        routes!(why::why),
        routes!(why::policies),
        routes!(endpoint::try_filter),
        routes!(endpoint::check),
        routes!(authorization::try_token),
        routes!(health::health),
        routes!(health::ping),
        routes!(document::openapi),
        routes!(message::list, message::create),
        routes!(message::batch),
        routes!(message::precheck),
        routes!(message::get),
        routes!(message::destinations),
        routes!(message::of_endpoint),
        routes!(poll::events),
        routes!(poll::poll),
        routes!(poll::consumer_poll),
        routes!(stats::of_endpoint),
        routes!(stats::of_attempts),
        routes!(stats::endpoint_count),
        routes!(fleet::get),
        routes!(fleet::queues),
        routes!(fleet::accounts),
        routes!(fleet::problems),
        routes!(fleet::nodes),
        routes!(fleet::system),
        routes!(fleet::back_up),
        routes!(fleet::support_bundle),
        routes!(catcher::requests, catcher::clear),
        routes!(catcher::request, catcher::forget),
        routes!(catcher::export),
        routes!(catcher::verify),
        routes!(hook::ask),
        routes!(log::list),
        routes!(attempt::get),
        routes!(attempt::of_message),
        routes!(attempt::of_endpoint),
        routes!(attempt::of_message_of_old),
        routes!(attempt::of_endpoint_of_old),
    ]
}

pub fn all() -> impl Iterator<Item = Described> {
    configuration().into_iter().chain(history())
}

/// Whether somebody only looks if this server works.
pub fn is_health(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|path| path.starts_with("/health"))
}

/// A router of these, each path with and without a slash at its end.
pub fn router(routes: Vec<Described>) -> Router<Arc<Api>> {
    routes.into_iter().fold(Router::new(), |router, (_, paths, mut methods)| {
        let (path, item) = paths.paths.iter().next().expect("a description has a path");
        if is_deprecated(item) {
            methods = methods.layer(map_response(deprecated));
        }
        router.route(&format!("{PREFIX}{path}"), methods.clone()).route(&format!("{PREFIX}{path}/"), methods)
    })
}

fn is_deprecated(item: &PathItem) -> bool {
    let extensions = item.get.iter().filter_map(|operation| operation.extensions.as_ref());
    extensions.into_iter().any(|extensions| extensions.contains_key(describe::INSTEAD))
}

/// Source: RFC 9745, "The Deprecation HTTP Response Header Field".
async fn deprecated(mut response: Response) -> Response {
    let headers = response.headers_mut();
    // 2026-11-25: they were never meant for new clients.
    headers.insert("deprecation", HeaderValue::from_static("@1795564800"));
    headers.insert(LINK, HeaderValue::from_static("</openapi.json>; rel=\"deprecation\"; type=\"application/json\""));
    response
}
