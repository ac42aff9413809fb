//! JSON over HTTP, in Svix's dialect: `/api/v1`.
//!
//! Asks [`ringup_app::App`] and can do nothing else. Every answer is JSON, has an `x-request-id`, and comes within a
//! time limit. A trailing slash makes no difference.

mod capture;
mod change;
mod cors;
mod describe;
mod door;
mod extract;
mod front;
mod handler;
mod limit;
mod problem;
mod route;
mod serve;
mod socket;
mod svix;
mod twin;
mod visit;
mod wire;

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware;
use axum::routing::get;
use http::HeaderValue;
use ringup_app::App;

pub use axum::Router;
pub use capture::router as catcher_router;
pub use describe::document;
pub use door::RequestLog;
pub use front::Front;
pub use limit::LimitPlan;
pub use serve::{Left, ServePlan, serve};
pub use wire::operational::operational_payload;

use change::Answers;
use door::Unserved;
use limit::Limits;
use problem::Problem;

/// Where everything is.
pub(crate) const PREFIX: &str = "/api/v1";

/// Whether all is well, or why not. Asked at every look at `/health`, so it must be cheap.
pub type Wellness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the operator decides about requests.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Bytes of a batch's body.
    pub batch_bytes_max: usize,
    /// Where people reach the console, such as `https://ringup.example`; without a slash at its end.
    pub public_url: String,
    pub limits: LimitPlan,
    pub request_log: RequestLog,
    /// Sites whose scripts may ask, such as `https://shop.example`; none unless named.
    pub cors_origins: Vec<HeaderValue>,
}

impl Plan {
    /// A batch may be as large as sixteen ordinary requests.
    pub fn new(body_bytes_max: usize) -> Plan {
        Plan {
            body_bytes_max,
            batch_bytes_max: body_bytes_max.saturating_mul(16),
            public_url: "http://127.0.0.1:8080".to_owned(),
            limits: LimitPlan::default(),
            request_log: RequestLog::default(),
            cors_origins: Vec::new(),
        }
    }
}

/// What handlers share.
pub(crate) struct Api {
    app: Arc<App>,
    plan: Plan,
    wellness: Wellness,
    answers: Answers,
    unserved: Unserved,
    limits: Limits,
}

/// All routes.
pub fn router(app: Arc<App>, plan: Plan, wellness: Wellness) -> Router {
    let cors = cors::layer(&plan.cors_origins);
    let limits = Limits::new(plan.limits);
    let api = Arc::new(Api { app, plan, wellness, answers: Answers::default(), unserved: Unserved::default(), limits });
    let router = route::router(route::configuration())
        .route_layer(middleware::from_fn_with_state(api.clone(), change::carried))
        .merge(route::router(route::history()))
        .merge(svix::router())
        .merge(twin::router())
        .route("/openapi.json", get(handler::document::openapi))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(api.clone(), door::door))
        .with_state(api);
    match cors {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

async fn no_such_path(request: Request) -> Problem {
    Problem::no_such_path(request.uri().path())
}

async fn method_not_allowed(request: Request) -> Problem {
    Problem::method_not_allowed(request.method())
}
