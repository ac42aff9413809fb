//! Who may do what: one row for each operation of the OpenAPI document.

use ringup_core::scope::Scope;

use Needs::{Account, Environment, Nothing, Reads};

/// What a caller must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// For everybody, with or without a key.
    Nothing,
    /// This scope, in the account that is named; a key of that account alone is enough.
    Account(Scope),
    /// The scope to read, in the environment; a key of one account sees what is common, and its own.
    Reads,
    /// This scope, in the whole environment: not for keys of one account.
    Environment(Scope),
}

/// The operation's id, what it needs, and a body that makes sense to it.
pub type Row = (&'static str, Needs, &'static str);

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
    ("v1.message-attempt.list-by-msg", Account(Scope::Read), ""),
    ("v1.message-attempt.list-by-endpoint", Account(Scope::Read), ""),
    ("ringup.message-attempt.list-by-msg-of-old", Account(Scope::Read), ""),
    ("ringup.message-attempt.list-by-endpoint-of-old", Account(Scope::Read), ""),
    ("v1.message-attempt.get", Account(Scope::Read), ""),
    ("v1.message-attempt.expunge-content", Account(Scope::Publish), ""),
    ("v1.message-attempt.resend", Account(Scope::Recover), ""),
];
