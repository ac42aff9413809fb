//! JSON over HTTP, in Svix's dialect: `/api/v1`.
//!
//! Asks [`ringup_app::App`] and can do nothing else. Every answer is JSON, has an `x-request-id`, and comes within a
//! time limit. A trailing slash makes no difference.

mod change;
mod door;
mod extract;
mod handler;
mod problem;
mod serve;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};
use ringup_app::App;

pub use serve::{Left, ServePlan, serve};

use change::Answers;
use door::Unserved;
use handler::{account, attempt, endpoint, event_type, health, message, settings};
use problem::Problem;

/// Whether all is well, or why not. Asked at every look at `/health`, so it must be cheap.
pub type Wellness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the operator decides about requests.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Bytes of a batch's body.
    pub batch_bytes_max: usize,
}

impl Plan {
    /// A batch may be as large as sixteen ordinary requests.
    pub fn new(body_bytes_max: usize) -> Plan {
        Plan { body_bytes_max, batch_bytes_max: body_bytes_max.saturating_mul(16) }
    }
}

/// What handlers share.
pub(crate) struct Api {
    app: Arc<App>,
    plan: Plan,
    wellness: Wellness,
    answers: Answers,
    unserved: Unserved,
}

/// All routes.
pub fn router(app: Arc<App>, plan: Plan, wellness: Wellness) -> Router {
    let answers = Answers::default();
    let api = Arc::new(Api { app, plan, wellness, answers, unserved: Unserved::default() });
    let configuration: Vec<(&str, MethodRouter<Arc<Api>>)> = vec![
        ("/app", get(account::list).post(account::create)),
        ("/app/{a}", get(account::get).put(account::put).patch(account::patch).delete(account::delete)),
        ("/app/{a}/settings", get(settings::of_account).put(settings::put_account).patch(settings::patch_account)),
        ("/app/{a}/endpoint", get(endpoint::list).post(endpoint::create)),
        (
            "/app/{a}/endpoint/{e}",
            get(endpoint::get).put(endpoint::put).patch(endpoint::patch).delete(endpoint::delete),
        ),
        ("/app/{a}/endpoint/{e}/secret", get(endpoint::secret)),
        ("/app/{a}/endpoint/{e}/secret/rotate", post(endpoint::rotate)),
        (
            "/app/{a}/endpoint/{e}/headers",
            get(endpoint::headers).put(endpoint::put_headers).patch(endpoint::patch_headers),
        ),
        (
            "/app/{a}/endpoint/{e}/settings",
            get(settings::of_endpoint).put(settings::put_endpoint).patch(settings::patch_endpoint),
        ),
        ("/app/{a}/msg/{m}/endpoint/{e}/resend", post(message::resend)),
        ("/event-type", get(event_type::list).post(event_type::create)),
        (
            "/event-type/{n}",
            get(event_type::get).put(event_type::put).patch(event_type::patch).delete(event_type::delete),
        ),
    ];
    let history: Vec<(&str, MethodRouter<Arc<Api>>)> = vec![
        ("/health", get(health::health)),
        ("/health/ping", get(health::health)),
        ("/app/{a}/msg", get(message::list).post(message::create)),
        ("/app/{a}/msg/batch", post(message::batch)),
        ("/app/{a}/msg/{m}", get(message::get)),
        ("/app/{a}/msg/{m}/endpoint", get(message::destinations)),
        ("/app/{a}/msg/{m}/attempt/{t}", get(attempt::get)),
        ("/app/{a}/attempt/msg/{m}", get(attempt::of_message)),
        ("/app/{a}/attempt/endpoint/{e}", get(attempt::of_endpoint)),
    ];
    at(configuration)
        .route_layer(middleware::from_fn_with_state(api.clone(), change::carried))
        .merge(at(history))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(api.clone(), door::door))
        .with_state(api)
}

/// Each path, with and without a slash at its end.
fn at(routes: Vec<(&str, MethodRouter<Arc<Api>>)>) -> Router<Arc<Api>> {
    routes.into_iter().fold(Router::new(), |router, (path, methods)| {
        router.route(&format!("/api/v1{path}"), methods.clone()).route(&format!("/api/v1{path}/"), methods)
    })
}

async fn no_such_path(request: Request) -> Problem {
    Problem::no_such_path(request.uri().path())
}

async fn method_not_allowed(request: Request) -> Problem {
    Problem::method_not_allowed(request.method())
}
