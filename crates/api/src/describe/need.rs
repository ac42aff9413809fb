//! What a caller must have, for each operation: told in the document, so that whoever makes a key knows which scopes it
//! takes.
//!
//! The decision itself is made in `app`. The tests that ask every operation as every kind of caller hold this list
//! against what they find.

use ringup_core::scope::Scope;
use serde_json::{Value, json};

/// Marks where a key must reach.
pub const PLACE: &str = "x-ringup-place";

/// Where a key must reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// The account that is named.
    Account,
    /// The environment, or one account of it: the answer is about what the key sees.
    Reached,
    /// The whole environment: a key of one account is not enough.
    Environment,
    /// All environments: for an operator's key alone.
    Operator,
}

impl Place {
    fn word(self) -> &'static str {
        match self {
            Place::Account => "account",
            Place::Reached => "reached",
            Place::Environment => "environment",
            Place::Operator => "operator",
        }
    }
}

/// What stands in no line takes nothing but a key.
const NEEDS: &[(Scope, Place, &[&str])] = &[
    (
        Scope::Read,
        Place::Reached,
        &[
            "v1.application.list",
            "v1.background-task.list",
            "v1.event-type.list",
            "v1.event-type.get",
            "v1.event-type.get-retry-schedule",
            "ringup.hook-type.list",
            "ringup.hook-type.get",
            "ringup.event-type.example",
            "v1.statistics.endpoint-count",
            "ringup.policy.list",
            "ringup.audit.list",
            "v1.environment.export",
            "ringup.environment.get-validation",
        ],
    ),
    (Scope::Accounts, Place::Environment, &["v1.application.create", "v1.application.upsert"]),
    (
        Scope::Read,
        Place::Account,
        &[
            "v1.application.get",
            "ringup.application.get-settings",
            "v1.endpoint.list",
            "v1.endpoint.get",
            "v1.endpoint.get-headers",
            "ringup.endpoint.get-settings",
            "v1.endpoint.get-stats",
            "ringup.filter.try",
            "v1.background-task.get",
            "v1.message.list",
            "v1.message.get",
            "v1.message-attempt.list-attempted-destinations",
            "v1.message-attempt.list-attempted-messages",
            "ringup.log.list",
            "v1.message-attempt.list-by-msg",
            "v1.message-attempt.list-by-endpoint",
            "ringup.message-attempt.list-by-msg-of-old",
            "ringup.message-attempt.list-by-endpoint-of-old",
            "v1.message-attempt.get",
            "v1.message.events",
            "v1.message.poller.poll",
            "v1.endpoint.get-attempt-stats",
            "ringup.endpoint.get-authorization",
            "v1.endpoint.get-oauth",
            "v1.endpoint.get-oauth-2",
            "v1.endpoint.get-mtls",
            "v1.endpoint.get-mtls-2",
            "ringup.message.why",
            "ringup.catcher.list",
            "ringup.catcher.get",
            "ringup.catcher.request.list",
            "ringup.catcher.request.get",
            "ringup.catcher.export",
            "ringup.signature.verify",
            "ringup.hook.list",
            "ringup.hook.get",
        ],
    ),
    (Scope::Accounts, Place::Account, &["v1.application.patch", "v1.application.delete"]),
    (Scope::Settings, Place::Account, &["ringup.application.set-settings", "ringup.application.patch-settings"]),
    (
        Scope::Endpoints,
        Place::Account,
        &[
            "v1.endpoint.create",
            "v1.endpoint.upsert",
            "v1.endpoint.patch",
            "v1.endpoint.delete",
            "v1.endpoint.set-headers",
            "v1.endpoint.patch-headers",
            "ringup.endpoint.set-settings",
            "ringup.endpoint.patch-settings",
            "ringup.endpoint.set-authorization",
            "ringup.endpoint.delete-authorization",
            "ringup.endpoint.check",
            "ringup.endpoint.try-authorization",
            "v1.endpoint.set-oauth-config",
            "v1.endpoint.delete-oauth-config",
            "v1.endpoint.set-mtls-config",
            "v1.endpoint.delete-mtls-config",
            "ringup.catcher.create",
            "ringup.catcher.patch",
            "ringup.catcher.delete",
            "ringup.catcher.set-script",
            "ringup.catcher.restart",
            "ringup.catcher.rotate-read-token",
            "ringup.catcher.request.delete",
            "ringup.catcher.request.delete-all",
            "ringup.hook.set",
            "ringup.hook.delete",
        ],
    ),
    (Scope::Secrets, Place::Account, &["v1.endpoint.get-secret"]),
    (Scope::Rotate, Place::Account, &["v1.endpoint.rotate-secret"]),
    (
        Scope::Recover,
        Place::Account,
        &[
            "v1.endpoint.send-example",
            "v1.endpoint.recover",
            "v1.endpoint.replay-missing",
            "v1.endpoint.bulk-replay",
            "ringup.background-task.cancel",
            "ringup.log.resend",
            "v1.message-attempt.resend",
            "v1.message.poller.consumer-poll",
            "v1.message.poller.consumer-seek",
        ],
    ),
    (
        Scope::EventTypes,
        Place::Environment,
        &[
            "v1.event-type.create",
            "v1.event-type.upsert",
            "v1.event-type.patch",
            "v1.event-type.delete",
            "v1.event-type.set-retry-schedule",
            "ringup.hook-type.set",
            "ringup.hook-type.delete",
            "v1.environment.import",
            "ringup.environment.set-validation",
            "ringup.event-type.import-guide",
            "v1.event-type.import-openapi",
        ],
    ),
    (
        Scope::Publish,
        Place::Account,
        &[
            "v1.message.create",
            "ringup.message.batch",
            "v1.message.expunge-content",
            "v1.message.expunge-all-contents",
            "v1.message-attempt.expunge-content",
            "v1.message.bulk-expunge-content",
            "v1.message.precheck",
            "ringup.hook.ask",
        ],
    ),
    (
        Scope::Read,
        Place::Environment,
        &[
            "v1.operational-webhook.endpoint.list",
            "v1.operational-webhook.endpoint.get",
            "v1.operational-webhook.endpoint.get-headers",
        ],
    ),
    (
        Scope::Endpoints,
        Place::Environment,
        &[
            "v1.operational-webhook.endpoint.create",
            "v1.operational-webhook.endpoint.upsert",
            "v1.operational-webhook.endpoint.delete",
            "v1.operational-webhook.endpoint.set-headers",
        ],
    ),
    (Scope::Secrets, Place::Environment, &["v1.operational-webhook.endpoint.get-secret"]),
    (Scope::Rotate, Place::Environment, &["v1.operational-webhook.endpoint.rotate-secret"]),
    (
        Scope::Keys,
        Place::Account,
        &["v1.authentication.app-portal-access", "v1.authentication.dashboard-access", "v1.authentication.expire-all"],
    ),
    (Scope::Keys, Place::Environment, &["ringup.key.list", "ringup.key.create", "ringup.key.get", "ringup.key.revoke"]),
    (
        Scope::Read,
        Place::Operator,
        &[
            "ringup.fleet.get",
            "ringup.fleet.queues",
            "ringup.fleet.accounts",
            "ringup.fleet.problems",
            "ringup.fleet.nodes",
            "ringup.system.get",
            "ringup.system.support-bundle",
        ],
    ),
    (Scope::Settings, Place::Operator, &["ringup.system.backup"]),
];

/// Adds to an operation which scope it takes and where; to one that takes any key, that.
pub fn add(operation: &mut Value) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let found = NEEDS.iter().find(|(_, _, ids)| ids.contains(&id));
    let Some((scope, place, _)) = found else {
        operation["security"] = json!([{ "key": [] }]);
        return;
    };
    // A list of roles, as OpenAPI 3.1 has it for schemes that are not OAuth 2.0.
    operation["security"] = json!([{ "key": [scope.word()] }]);
    operation[PLACE] = place.word().into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::document;

    #[test]
    fn nothing_in_the_list_is_stale() {
        let document = document();
        let items = document["paths"].as_object().expect("paths").values();
        let operations: Vec<&Value> = items.flat_map(|item| item.as_object().expect("operations").values()).collect();
        for id in NEEDS.iter().flat_map(|(_, _, ids)| ids.iter()) {
            assert!(operations.iter().any(|operation| operation["operationId"] == *id), "{id} is no operation");
        }
    }
}
