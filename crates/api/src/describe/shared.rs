//! What every operation has: names in the path, headers, who may ask, and the problems it can meet.

use serde_json::{Value, json};

use super::{need, problem};
use crate::extract::{ENVIRONMENT, IDEMPOTENCY_KEY};

const ABOUT: &str = "Webhooks of a point of sale, in the dialect of Svix: its client libraries work here. \
    An application is an account of a merchant, a message is an event. Operations whose names begin with `ringup.` are \
    ours; `x-ringup: extended` marks those of Svix that do more here.";

/// Groups of operations, in the order in which one meets them.
const TAGS: [(&str, &str); 18] = [
    ("Application", "Accounts: the merchants whose events are kept apart."),
    ("Endpoint", "Receivers: where the events of an account are sent."),
    ("Event Type", "The catalogue of what can happen."),
    ("Message", "Events that happened."),
    ("Message Attempt", "What was sent where, and what came back."),
    ("Message Poller", "Events pulled instead of pushed."),
    ("Statistics", "Counts over an environment."),
    ("Environment", "All of an environment at once."),
    ("Background Task", "Work on many messages, done page by page, also across restarts."),
    ("Operational Webhook", "Receivers that hear of endpoints that change and of messages that do not arrive."),
    ("Catcher", "Receivers of our own that show what arrives and answer as they are told."),
    ("Hook", "Questions to one external app that a till waits for."),
    ("Hook Type", "The hooks that there are: three are built in, others are declared."),
    ("Settings", "How deliveries are made and what is kept of them."),
    ("Authentication", "Who may come in."),
    ("Operator", "The whole server, for its operator alone."),
    ("Audit", "Who changed what, when and from where."),
    ("Health", "Whether this server works."),
];

/// Marks what is only there for old clients, and names what to use instead.
pub const INSTEAD: &str = "x-ringup-instead";

/// What names in paths mean.
const NAMES: [(&str, &str); 13] = [
    ("key_id", "Id of the key."),
    ("app_id", "The application's id or uid."),
    ("endpoint_id", "The endpoint's id or uid."),
    ("msg_id", "The message's id or `eventId`."),
    ("attempt_id", "The attempt's id."),
    ("event_type_name", "The event type's name."),
    ("task_id", "The background task's id."),
    ("sink_id", "The endpoint's id or uid."),
    ("catcher_id", "The catcher's id."),
    ("hook_name", "`fetchMemberPoint`, `validateCoupon`, `orderComplete`, or the name of one that is declared."),
    ("hook_type_name", "The hook's name."),
    ("number", "The request's number within its catcher, counted from 1."),
    ("consumer_id", "The consumer's own name."),
];

pub fn info() -> Value {
    json!({
        "title": "Ringup",
        "description": ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    })
}

pub fn tags() -> Value {
    TAGS.iter().map(|(name, what)| json!({ "name": name, "description": what })).collect()
}

pub fn security_schemes() -> Value {
    json!({
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of one environment, or an operator's.",
        },
    })
}

/// Adds what an operation does not say itself. One that says who may ask is for everybody.
pub fn complete(path: &str, method: &str, operation: &mut Value) {
    let is_public = operation.get("security").is_some();
    let changes = method != "get";
    if let Some(instead) = operation.get(INSTEAD).and_then(Value::as_str) {
        operation["description"] = format!("Only for old clients: use `{instead}`.").into();
        operation["deprecated"] = true.into();
    }
    let has_query = has_query(operation);
    let mut statuses = vec![500, 503];
    let mut parameters = names(path);
    if !is_public {
        need::add(operation);
        // An operator can name an environment that is not there.
        statuses.extend([401, 403, 404, 429]);
        parameters.push(header(ENVIRONMENT, "The environment to act in; an operator's key acts in `live` without it."));
    }
    if changes {
        statuses.extend([400, 408, 409, 413]);
    }
    if method == "post" && !is_public {
        parameters.push(header(IDEMPOTENCY_KEY, "The same request with the same key is done once."));
    }
    if changes || has_query {
        statuses.push(422);
    }
    if let Some(own) = operation["parameters"].as_array_mut() {
        parameters.append(own);
    }
    operation["parameters"] = parameters.into();
    for status in statuses {
        let place = &mut operation["responses"][status.to_string()];
        if place.is_null() {
            *place = problem::response(status);
        }
    }
}

fn has_query(operation: &Value) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters.into_iter().flatten().any(|parameter| parameter["in"] == "query")
}

fn names(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| parameter(name, "path", true, known(name).unwrap_or_default())).collect()
}

fn known(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}

fn header(name: &str, what: &str) -> Value {
    parameter(name, "header", false, what)
}

fn parameter(name: &str, place: &str, required: bool, what: &str) -> Value {
    json!({ "name": name, "in": place, "required": required, "description": what, "schema": { "type": "string" } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::document;

    #[test]
    fn every_operation_is_described() {
        let document = document();
        let tags: Vec<&str> = TAGS.iter().map(|(name, _)| *name).collect();
        let mut ids = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("an object") {
            for (method, operation) in item.as_object().expect("an object") {
                let place = format!("{method} {path}");
                let id = operation["operationId"].as_str().unwrap_or_default();
                assert!(id.starts_with("v1.") || id.starts_with("ringup."), "{place}: {id:?}");
                assert!(ids.insert(id), "{place}: {id} is there twice");
                assert!(operation["summary"].is_string(), "{place} has no summary");
                let tag = operation["tags"][0].as_str().unwrap_or_default();
                assert!(tags.contains(&tag), "{place}: the tag {tag:?} is not in TAGS");
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    assert_ne!(parameter["description"], "", "{place}: describe {} in NAMES", parameter["name"]);
                }
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            match value {
                Value::Array(values) => open.extend(values),
                Value::Object(members) => {
                    if let Some(to) = members.get("$ref").and_then(Value::as_str) {
                        let pointer = to.strip_prefix('#').expect("references stay in the document");
                        assert!(document.pointer(pointer).is_some(), "nothing at {to}");
                    }
                    open.extend(members.values());
                }
                _ => {}
            }
        }
    }
}
