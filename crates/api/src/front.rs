//! What answers at an address: until everything behind it has begun, that it has not, and what it waits for.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use ringup_core::ports::Random;

use crate::problem::{Inside, Problem};
use crate::{Wellness, door, route};

/// The same for all connections, and changed once, under all of them. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    closed: Router,
    open: Arc<OnceLock<Router>>,
}

/// What a closed front knows.
#[derive(Clone)]
struct Closed {
    wellness: Wellness,
    random: Arc<dyn Random>,
}

impl Front {
    /// Answers 503 to everything; to the health check with the words of `wellness`.
    pub fn closed(wellness: Wellness, random: Arc<dyn Random>) -> Front {
        let closed = Router::new().fallback(not_yet).with_state(Closed { wellness, random });
        Front { closed, open: Arc::default() }
    }

    /// From the next request on, also of connections that are open already, this answers. Later ones change nothing.
    pub fn open(&self, router: Router) {
        let _ = self.open.set(router);
    }

    pub(crate) fn router(&self) -> &Router {
        self.open.get().unwrap_or(&self.closed)
    }
}

/// Open from the start.
impl From<Router> for Front {
    fn from(router: Router) -> Front {
        Front { closed: Router::new(), open: Arc::new(OnceLock::from(router)) }
    }
}

async fn not_yet(State(closed): State<Closed>, request: Request) -> Response {
    let id = door::given(&request).unwrap_or_else(|| door::made(closed.random.id_part()));
    let problem = match (closed.wellness)() {
        Err(why) if route::is_health(request.uri().path()) => Problem::unavailable(&why),
        _ => Problem::unavailable("this server is starting; its health check says what it waits for"),
    };
    let mut response = problem.into_response();
    // Whoever waits says it once, and not at each request.
    response.extensions_mut().remove::<Inside>();
    response.headers_mut().insert(door::REQUEST_ID, id);
    response
}
