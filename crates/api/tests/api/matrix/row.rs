//! Who may do what: one row for each operation of the OpenAPI document.

use ringup_core::scope::Scope;

use Needs::{Account, Environment, Key, Nothing, Operator, Reads};

/// What a caller must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// For everybody, with or without a key.
    Nothing,
    /// Any key.
    Key,
    /// This scope, in the account that is named; a key of that account alone is enough.
    Account(Scope),
    /// The scope to read, in the environment; a key of one account sees what is common, and its own.
    Reads,
    /// This scope, in the whole environment: not for keys of one account.
    Environment(Scope),
    /// This scope, in all environments: for operators alone.
    Operator(Scope),
}

/// The operation's id, what it needs, and a body that makes sense to it.
pub type Row = (&'static str, Needs, &'static str);

const OAUTH: &str = r#"{"clientId":"c","clientSecret":"s","tokenUrl":"https://example.com/token","authMethod":"clientSecretPost","grantType":"clientCredentials"}"#;
pub const HOOK_TYPE: &str = r#"{"title":"Stock","mode":"read","question":{"schema":{}},"answer":{"schema":{}}}"#;
const IMPORT: &str = r#"{"spec":{"openapi":"3.1.0","webhooks":{"new":{"post":{"requestBody":{"content":{"application/json":{"schema":{"type":"object"}}}}}}}}}"#;
const SINCE: &str = r#"{"since":"2026-11-23T08:00:00Z"}"#;

pub const ROWS: &[Row] = &[
    ("v1.health.get", Nothing, ""),
    ("ringup.health.ping", Nothing, ""),
    ("ringup.openapi.get", Nothing, ""),
    //
    ("v1.application.list", Reads, ""),
    ("v1.application.create", Environment(Scope::Accounts), r#"{"name":"new"}"#),
    ("v1.application.get", Account(Scope::Read), ""),
    ("v1.application.upsert", Environment(Scope::Accounts), r#"{"name":"new"}"#),
    ("v1.application.patch", Account(Scope::Accounts), r#"{"name":"new"}"#),
    ("v1.application.delete", Account(Scope::Accounts), ""),
    ("ringup.application.get-settings", Account(Scope::Read), ""),
    ("ringup.application.set-settings", Account(Scope::Settings), "{}"),
    ("ringup.application.patch-settings", Account(Scope::Settings), "{}"),
    //
    ("v1.endpoint.list", Account(Scope::Read), ""),
    ("v1.endpoint.create", Account(Scope::Endpoints), r#"{"url":"https://example.com/new"}"#),
    ("v1.endpoint.get", Account(Scope::Read), ""),
    ("v1.endpoint.upsert", Account(Scope::Endpoints), r#"{"url":"https://example.com/new"}"#),
    ("v1.endpoint.patch", Account(Scope::Endpoints), "{}"),
    ("v1.endpoint.delete", Account(Scope::Endpoints), ""),
    ("v1.endpoint.get-secret", Account(Scope::Secrets), ""),
    ("v1.endpoint.rotate-secret", Account(Scope::Rotate), "{}"),
    ("v1.endpoint.get-headers", Account(Scope::Read), ""),
    ("v1.endpoint.set-headers", Account(Scope::Endpoints), r#"{"headers":{}}"#),
    ("v1.endpoint.patch-headers", Account(Scope::Endpoints), r#"{"headers":{}}"#),
    ("ringup.endpoint.get-settings", Account(Scope::Read), ""),
    ("ringup.endpoint.set-settings", Account(Scope::Endpoints), "{}"),
    ("ringup.endpoint.patch-settings", Account(Scope::Endpoints), "{}"),
    ("v1.endpoint.get-stats", Account(Scope::Read), ""),
    ("v1.endpoint.send-example", Account(Scope::Recover), r#"{"eventType":"svix.ping"}"#),
    ("v1.endpoint.recover", Account(Scope::Recover), SINCE),
    ("v1.endpoint.replay-missing", Account(Scope::Recover), SINCE),
    ("v1.endpoint.bulk-replay", Account(Scope::Recover), SINCE),
    ("ringup.filter.try", Account(Scope::Read), "{}"),
    //
    ("v1.background-task.list", Reads, ""),
    ("v1.background-task.get", Account(Scope::Read), ""),
    ("ringup.background-task.cancel", Account(Scope::Recover), ""),
    //
    ("v1.event-type.list", Reads, ""),
    ("v1.event-type.create", Environment(Scope::EventTypes), r#"{"name":"new","description":""}"#),
    ("v1.event-type.get", Reads, ""),
    ("v1.event-type.upsert", Environment(Scope::EventTypes), r#"{"description":""}"#),
    ("v1.event-type.patch", Environment(Scope::EventTypes), "{}"),
    ("v1.event-type.delete", Environment(Scope::EventTypes), ""),
    ("v1.event-type.get-retry-schedule", Reads, ""),
    ("v1.event-type.set-retry-schedule", Environment(Scope::EventTypes), "{}"),
    //
    ("ringup.hook-type.list", Reads, ""),
    ("ringup.hook-type.get", Reads, ""),
    ("ringup.hook-type.set", Environment(Scope::EventTypes), HOOK_TYPE),
    ("ringup.hook-type.delete", Environment(Scope::EventTypes), ""),
    ("ringup.hook.list", Account(Scope::Read), ""),
    ("ringup.hook.get", Account(Scope::Read), ""),
    ("ringup.hook.set", Account(Scope::Endpoints), r#"{"url":"https://example.com/hook"}"#),
    ("ringup.hook.delete", Account(Scope::Endpoints), ""),
    ("ringup.hook.ask", Account(Scope::Publish), r#"{"Outlet":"","Phone":"","Email":"","Code":""}"#),
    //
    ("v1.message.create", Account(Scope::Publish), r#"{"eventType":"sale","payload":{}}"#),
    ("ringup.message.batch", Account(Scope::Publish), r#"{"messages":[{"eventType":"sale","payload":{}}]}"#),
    ("v1.message.list", Account(Scope::Read), ""),
    ("v1.message.get", Account(Scope::Read), ""),
    ("v1.message.expunge-content", Account(Scope::Publish), ""),
    ("v1.message.expunge-all-contents", Account(Scope::Publish), ""),
    //
    ("v1.message-attempt.list-attempted-destinations", Account(Scope::Read), ""),
    ("v1.message-attempt.list-attempted-messages", Account(Scope::Read), ""),
    ("ringup.log.list", Account(Scope::Read), ""),
    ("ringup.log.resend", Account(Scope::Recover), r#"{"query":"status:failed"}"#),
    ("v1.message-attempt.list-by-msg", Account(Scope::Read), ""),
    ("v1.message-attempt.list-by-endpoint", Account(Scope::Read), ""),
    ("ringup.message-attempt.list-by-msg-of-old", Account(Scope::Read), ""),
    ("ringup.message-attempt.list-by-endpoint-of-old", Account(Scope::Read), ""),
    ("v1.message-attempt.get", Account(Scope::Read), ""),
    ("v1.message-attempt.expunge-content", Account(Scope::Publish), ""),
    ("v1.message-attempt.resend", Account(Scope::Recover), ""),
    //
    ("v1.message.bulk-expunge-content", Account(Scope::Publish), r#"{"ids":[]}"#),
    ("v1.message.precheck", Account(Scope::Publish), r#"{"eventType":"own-type"}"#),
    ("v1.message.events", Account(Scope::Read), ""),
    ("v1.message.poller.poll", Account(Scope::Read), ""),
    ("v1.message.poller.consumer-poll", Account(Scope::Recover), ""),
    ("v1.message.poller.consumer-seek", Account(Scope::Recover), r#"{"after":"2026-11-23T08:00:00Z"}"#),
    ("v1.endpoint.get-attempt-stats", Account(Scope::Read), ""),
    ("v1.statistics.endpoint-count", Reads, ""),
    //
    ("ringup.endpoint.get-authorization", Account(Scope::Read), ""),
    ("ringup.endpoint.set-authorization", Account(Scope::Endpoints), r#"{"kind":"bearer","token":"t"}"#),
    ("ringup.endpoint.delete-authorization", Account(Scope::Endpoints), ""),
    ("ringup.endpoint.try-authorization", Account(Scope::Endpoints), ""),
    ("ringup.endpoint.check", Account(Scope::Endpoints), ""),
    ("v1.endpoint.get-oauth", Account(Scope::Read), ""),
    ("v1.endpoint.get-oauth-2", Account(Scope::Read), ""),
    ("v1.endpoint.set-oauth-config", Account(Scope::Endpoints), OAUTH),
    ("v1.endpoint.delete-oauth-config", Account(Scope::Endpoints), ""),
    ("v1.endpoint.get-mtls", Account(Scope::Read), ""),
    ("v1.endpoint.get-mtls-2", Account(Scope::Read), ""),
    ("v1.endpoint.set-mtls-config", Account(Scope::Endpoints), r#"{"identity":"none"}"#),
    ("v1.endpoint.delete-mtls-config", Account(Scope::Endpoints), ""),
    //
    ("ringup.message.why", Account(Scope::Read), ""),
    ("ringup.policy.list", Reads, ""),
    ("ringup.audit.list", Reads, ""),
    ("ringup.catcher.list", Account(Scope::Read), ""),
    ("ringup.catcher.create", Account(Scope::Endpoints), r#"{"name":"new"}"#),
    ("ringup.catcher.get", Account(Scope::Read), ""),
    ("ringup.catcher.patch", Account(Scope::Endpoints), r#"{"name":"new"}"#),
    ("ringup.catcher.delete", Account(Scope::Endpoints), ""),
    ("ringup.catcher.set-script", Account(Scope::Endpoints), r#"{"script":"503 x2, 200"}"#),
    ("ringup.catcher.restart", Account(Scope::Endpoints), ""),
    ("ringup.catcher.rotate-read-token", Account(Scope::Endpoints), ""),
    ("ringup.catcher.request.list", Account(Scope::Read), ""),
    ("ringup.catcher.request.get", Account(Scope::Read), ""),
    ("ringup.catcher.request.delete", Account(Scope::Endpoints), ""),
    ("ringup.catcher.request.delete-all", Account(Scope::Endpoints), ""),
    ("ringup.catcher.export", Account(Scope::Read), ""),
    ("ringup.signature.verify", Account(Scope::Read), r#"{"headers":{},"body":"{}"}"#),
    //
    ("v1.operational-webhook.endpoint.list", Environment(Scope::Read), ""),
    ("v1.operational-webhook.endpoint.create", Environment(Scope::Endpoints), r#"{"url":"https://example.com/new"}"#),
    ("v1.operational-webhook.endpoint.get", Environment(Scope::Read), ""),
    ("v1.operational-webhook.endpoint.upsert", Environment(Scope::Endpoints), r#"{"url":"https://example.com/new"}"#),
    ("v1.operational-webhook.endpoint.delete", Environment(Scope::Endpoints), ""),
    ("v1.operational-webhook.endpoint.get-secret", Environment(Scope::Secrets), ""),
    ("v1.operational-webhook.endpoint.rotate-secret", Environment(Scope::Rotate), "{}"),
    ("v1.operational-webhook.endpoint.get-headers", Environment(Scope::Read), ""),
    ("v1.operational-webhook.endpoint.set-headers", Environment(Scope::Endpoints), r#"{"headers":{}}"#),
    //
    ("v1.environment.export", Reads, ""),
    ("v1.environment.import", Environment(Scope::EventTypes), "{}"),
    ("ringup.environment.get-validation", Reads, ""),
    ("ringup.environment.set-validation", Environment(Scope::EventTypes), r#"{"mode":"warn"}"#),
    ("ringup.event-type.example", Reads, ""),
    ("ringup.event-type.import-guide", Environment(Scope::EventTypes), ""),
    ("v1.event-type.import-openapi", Environment(Scope::EventTypes), IMPORT),
    //
    ("v1.authentication.app-portal-access", Account(Scope::Keys), "{}"),
    ("v1.authentication.dashboard-access", Account(Scope::Keys), "{}"),
    ("v1.authentication.expire-all", Account(Scope::Keys), "{}"),
    ("v1.authentication.whoami", Key, ""),
    ("v1.authentication.logout", Key, ""),
    ("ringup.key.list", Environment(Scope::Keys), ""),
    ("ringup.key.create", Environment(Scope::Keys), r#"{"name":"new"}"#),
    ("ringup.key.get", Environment(Scope::Keys), ""),
    ("ringup.key.revoke", Environment(Scope::Keys), ""),
    //
    ("ringup.fleet.get", Operator(Scope::Read), ""),
    ("ringup.fleet.queues", Operator(Scope::Read), ""),
    ("ringup.fleet.accounts", Operator(Scope::Read), ""),
    ("ringup.fleet.problems", Operator(Scope::Read), ""),
    ("ringup.fleet.nodes", Operator(Scope::Read), ""),
    ("ringup.system.get", Operator(Scope::Read), ""),
    ("ringup.system.backup", Operator(Scope::Settings), ""),
    ("ringup.system.support-bundle", Operator(Scope::Read), ""),
];

/// What whoever may ask is told of an endpoint that has none of it, of a certificate that is none, who asks to be logged
/// out with a key that is no session, and of a server that does not call out.
pub const BARE: &[(&str, u16)] = &[
    ("v1.endpoint.get-oauth", 404),
    ("v1.endpoint.delete-oauth-config", 404),
    ("v1.endpoint.get-mtls", 404),
    ("v1.endpoint.set-mtls-config", 422),
    ("v1.endpoint.delete-mtls-config", 404),
    ("v1.authentication.logout", 403),
    ("ringup.endpoint.check", 503),
];
