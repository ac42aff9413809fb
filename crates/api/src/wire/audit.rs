//! `audit`: entries of the audit log.

use std::borrow::Cow;

use ringup_app::AuditQuery;
use ringup_app::view::AuditEntry;
use ringup_core::audit::{Actor, AuditVerb, FieldChange};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::describe;
use crate::problem::Problem;
use crate::wire::query::{Query, refused};
use crate::wire::time;

/// `environment`, `app_id`, `actor`, `verb`, `before` and `after`.
pub struct AuditParams;

impl IntoParams for AuditParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            describe::query("environment", "Only what was done in the environment of this name.", describe::text()),
            describe::query("app_id", "Only what was done in this application: id or uid.", describe::text()),
            describe::query(
                "actor",
                "Only what was done with this key, in its sessions too: its id.",
                describe::text(),
            ),
            describe::query("verb", "Only these verbs, such as `endpoint.updated`.", describe::texts()),
            describe::query("before", "Only what was done before it.", describe::moment()),
            describe::query("after", "Only what was done after it.", describe::moment()),
        ]
    }
}

impl AuditParams {
    pub fn of(query: &Query) -> Result<AuditQuery, Problem> {
        let verb = |word: &String| {
            verb_of(word).ok_or_else(|| {
                let known: Vec<_> = AuditVerb::ALL.iter().map(|verb| verb_word(*verb)).collect();
                refused("verb", "word", &format!("there is no such verb; there are: {}", known.join(", ")))
            })
        };
        let verbs = query.many("verb").map(|words| words.iter().map(verb).collect::<Result<Vec<_>, _>>());
        let text = |name| query.one(name).map(str::to_owned);
        Ok(AuditQuery {
            environment: text("environment"),
            account: text("app_id"),
            actor: text("actor"),
            verbs: verbs.transpose()?,
            before: query.moment("before")?,
            after: query.moment("after")?,
        })
    }
}

/// Beginnings of our verbs, and how the dialect calls what they are about.
const NOUNS: [(&str, &str); 3] =
    [("account.", "application."), ("event.", "message."), ("attempt.", "message.attempt.")];

/// A verb in the words of the dialect.
fn verb_word(verb: AuditVerb) -> Cow<'static, str> {
    let word = verb.word();
    let renamed = NOUNS.iter().find_map(|(ours, theirs)| Some(format!("{theirs}{}", word.strip_prefix(ours)?)));
    renamed.map_or(Cow::Borrowed(word), Cow::Owned)
}

fn verb_of(word: &str) -> Option<AuditVerb> {
    AuditVerb::ALL.iter().copied().find(|verb| verb_word(*verb) == word)
}

/// One thing that somebody did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntryOut<'a> {
    id: String,
    #[schema(format = DateTime)]
    timestamp: String,
    #[schema(example = "endpoint.updated")]
    verb: Cow<'static, str>,
    /// Name of the environment; null for what concerns none, or all.
    environment: Option<String>,
    /// The application, which may be gone.
    app_id: Option<String>,
    subject: SubjectOut<'a>,
    actor: ActorOut<'a>,
    changes: Vec<ChangeOut<'a>>,
}

/// What was changed.
#[derive(Serialize, ToSchema)]
struct SubjectOut<'a> {
    /// Its id, or its name where it goes by that.
    id: &'a str,
    /// What people called it then.
    name: &'a str,
}

/// Who did it. Whoever reaches one application alone is told of others only what they are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActorOut<'a> {
    /// `machine`, `operator`, `environment` or `account`.
    role: &'static str,
    /// `key`, `portal` or `console`.
    kind: &'static str,
    /// The key, or the session.
    key_id: Option<String>,
    /// The key that the session was opened with.
    parent_key_id: Option<String>,
    /// Of the key, or of the key behind the session.
    name: &'a str,
    session_id: Option<&'a str>,
    address: Option<String>,
    request_id: Option<&'a str>,
}

/// A field that is not what it was.
#[derive(Serialize, ToSchema)]
struct ChangeOut<'a> {
    field: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
    /// It is secret: neither value is told.
    hidden: bool,
}

impl<'a> AuditEntryOut<'a> {
    pub fn of(entry: &'a AuditEntry, environment: Option<String>) -> AuditEntryOut<'a> {
        AuditEntryOut {
            id: entry.id.to_string(),
            timestamp: time::text(entry.at()),
            verb: verb_word(entry.verb),
            environment,
            app_id: entry.account.map(|id| id.to_string()),
            subject: SubjectOut { id: &entry.subject, name: &entry.label },
            actor: ActorOut::of(&entry.actor),
            changes: entry.changes.iter().map(ChangeOut::of).collect(),
        }
    }
}

impl<'a> ActorOut<'a> {
    fn of(actor: &'a Actor) -> ActorOut<'a> {
        ActorOut {
            role: actor.role.word(),
            kind: actor.kind.word(),
            key_id: actor.key.map(|id| id.to_string()),
            parent_key_id: actor.parent.map(|id| id.to_string()),
            name: &actor.name,
            session_id: actor.session.as_deref(),
            address: actor.address.map(|address| address.to_string()),
            request_id: actor.request.as_deref(),
        }
    }
}

impl<'a> ChangeOut<'a> {
    fn of(change: &'a FieldChange) -> ChangeOut<'a> {
        let FieldChange { field, before, after, hidden } = change;
        ChangeOut { field, before: before.as_deref(), after: after.as_deref(), hidden: *hidden }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_lead_back() {
        for verb in AuditVerb::ALL {
            assert_eq!(verb_of(&verb_word(*verb)), Some(*verb));
        }
        assert_eq!(verb_word(AuditVerb::AccountCreated), "application.created");
        assert_eq!(verb_word(AuditVerb::AttemptExpunged), "message.attempt.expunged");
        assert_eq!(verb_of("account.created"), None, "the dialect has one word for it");
    }
}
