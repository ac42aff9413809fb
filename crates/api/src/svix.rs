//! What Svix's SDKs can ask for and we do not have: answered 501, with what to use instead.
//!
//! The list of operations is theirs. What of it we have is read off our own routes, so an operation leaves here by
//! itself once there is a route for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter};
use http::Method;

use crate::problem::Problem;
use crate::{Api, PREFIX, route};

const OPERATIONS: &str = include_str!("../../../assets/svix/operations.txt");

/// What to do instead, by the beginning of an operation's name; the first that fits.
const INSTEAD: [(&str, &str); 27] = [
    ("v1.app.stream", "nothing is streamed: create an endpoint, and the events come to it"),
    ("v1.application.patch-alert-email", "nobody is written to: subscribe to operational webhooks"),
    ("v1.authentication.create-message-token", "POST /api/v1/key with `application` and the scope `publish`"),
    ("v1.authentication.exchange-one-time-token", "the link of v1.authentication.app-portal-access is used as it is"),
    ("v1.authentication.org-group-admin-token", "POST /api/v1/key makes keys"),
    ("v1.authentication.stream", "nothing is streamed: create an endpoint, and the events come to it"),
    ("v1.authentication.", "create a key instead"),
    ("v1.connector.", "there are no ready-made connectors: an endpoint gets the events themselves"),
    ("v1.dashboard.", "create a key instead"),
    ("v1.destination.", "use endpoints: v1.endpoint.create and its kin"),
    ("v1.endpoint.auto-config", "create the endpoint with v1.endpoint.create"),
    ("v1.endpoint.cancel-msgs", "disable the endpoint: what waits for it is skipped, and can be recovered later"),
    ("v1.endpoint.get_connector", "there are no ready-made connectors: an endpoint gets the events themselves"),
    ("v1.endpoint.transformation", "payloads are sent as the bytes that came; nothing changes them"),
    ("v1.endpoint.update-hubspot", "there are no ready-made connectors: an endpoint gets the events themselves"),
    ("v1.environment.get-settings", "see `ringup config show`, and the settings of each application"),
    ("v1.events.", "nothing is streamed: create an endpoint, and the events come to it"),
    ("v1.inbound.", "other people's webhooks are not received here: publish what came with v1.message.create"),
    ("v1.ingest.", "other people's webhooks are not received here: publish what came with v1.message.create"),
    ("v1.integration.", "create a key of the application's environment instead"),
    ("v1.management.", "keys are at /api/v1/key, environments on the command line: `ringup environment`"),
    ("v1.message.broadcast", "publish to each application with v1.message.create"),
    ("v1.message.search", "v1.message.list filters by type, channel and time"),
    ("v1.message.test-attempt", "publish with v1.message.create and look at v1.message-attempt.list-by-msg"),
    ("v1.message-attempt.", "v1.message-attempt.get shows all that is kept of an attempt"),
    ("v1.streaming.", "nothing is streamed: create an endpoint, and the events come to it"),
    ("v1.", "nothing here stands in its place yet"),
];

/// An operation of theirs.
#[derive(Clone, Copy, Debug)]
struct Operation {
    method: &'static str,
    path: &'static str,
    name: &'static str,
}

/// Routes for everything that is theirs and not ours.
pub fn router() -> Router<Arc<Api>> {
    let ours = ours();
    operations().filter(|operation| !ours.has(operation)).fold(Router::new(), |router, operation| {
        let path = ours.spelled(operation.path);
        router.route(path, refusing(operation)).route(&format!("{path}/"), refusing(operation))
    })
}

/// The paths of everything that is theirs and not ours, as the router spells them.
pub fn paths() -> Vec<String> {
    let ours = ours();
    operations().filter(|operation| !ours.has(operation)).map(|found| ours.spelled(found.path).to_owned()).collect()
}

fn refusing(operation: Operation) -> MethodRouter<Arc<Api>> {
    let answer = move || async move { Problem::not_implemented(operation.name, operation.instead()) };
    let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap_or(Method::GET);
    MethodRouter::new().on(MethodFilter::try_from(method).unwrap_or(MethodFilter::GET), answer)
}

fn operations() -> impl Iterator<Item = Operation> {
    OPERATIONS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split(' ');
        let (method, path, name) = (words.next()?, words.next()?, words.next()?);
        Some(Operation { method, path, name })
    })
}

impl Operation {
    fn instead(&self) -> &'static str {
        let known = INSTEAD.iter().find(|(start, _)| self.name.starts_with(start));
        known.map_or("", |(_, instead)| instead)
    }
}

/// Our own paths by their shape, each with its spelling and methods.
struct Ours(BTreeMap<String, (String, Vec<String>)>);

fn ours() -> Ours {
    let mut ours = BTreeMap::new();
    for (_, paths, _) in route::all() {
        for (path, item) in paths.paths {
            let item = serde_json::to_value(item).unwrap_or_default();
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.clone()).collect();
            let path = format!("{PREFIX}{path}");
            ours.insert(shape(&path), (path, methods));
        }
    }
    Ours(ours)
}

impl Ours {
    fn has(&self, operation: &Operation) -> bool {
        let found = self.0.get(&shape(operation.path));
        found.is_some_and(|(_, methods)| methods.iter().any(|method| method == operation.method))
    }

    /// A router takes a path in one spelling only.
    fn spelled<'a>(&'a self, path: &'a str) -> &'a str {
        self.0.get(&shape(path)).map_or(path, |(ours, _)| ours)
    }
}

/// A path without the names of its names: `/app/{}/msg`.
fn shape(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_whole() {
        let lines = OPERATIONS.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!((lines, operations().count()), (252, 252));
        assert!(operations().all(|operation| !operation.instead().is_empty()));
        let methods = ["delete", "get", "patch", "post", "put"];
        assert!(operations().all(|operation| methods.contains(&operation.method)));
    }

    #[test]
    fn what_is_ours_is_not_refused() {
        let ours = ours();
        let refused: Vec<_> = operations().filter(|operation| !ours.has(operation)).map(|o| o.name).collect();
        assert!(refused.contains(&"v1.connector.create") && refused.contains(&"v1.streaming.stream.list"));
        for name in ["v1.application.create", "v1.message.create", "v1.event-type.upsert", "v1.health.get"] {
            assert!(!refused.contains(&name), "{name}");
        }
    }
}
