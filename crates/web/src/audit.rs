//! Audit: who changed what, as sentences. Of one account, or of everything that the visitor may see.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use ringup_app::view::{AuditEntry, Order};
use ringup_app::{AppError, AuditQuery};
use ringup_core::account::Role;
use ringup_core::audit::{ActorRole, AuditVerb, FieldChange};
use ringup_core::time::{Day, Timestamp};

use crate::error_page::{Answer, Failure};
use crate::fields::{Fields, escaped};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};
use crate::{Shared, Web};

const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    ui: Ui,
    path: String,
    rows: Vec<Row>,
    verbs: Vec<Choice>,
    from: String,
    until: String,
    actor: String,
    /// Where older entries are, if there are any.
    older: Option<String>,
    is_narrowed: bool,
    faults: Vec<(String, String)>,
}

struct Row {
    at: Timestamp,
    sentence: String,
    /// In which environment, where there may be several.
    environment: Option<String>,
    address: Option<String>,
    request: Option<String>,
    changes: Vec<FieldChange>,
    /// The key or session, to narrow the page to.
    actor: Option<String>,
}

struct Choice {
    word: &'static str,
    text: String,
    is_chosen: bool,
}

/// `GET /a/{account}/audit`
pub async fn of_account(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let ui = visit.ui_of(&view, Menu::Audit, "audit-title");
    let path = format!("{}/audit", account_path(&view));
    shown(&web, &visit, ui, path, Some(view.account.id.to_string())).await
}

/// `GET /op/audit`
pub async fn of_all(State(web): Shared, visit: Visit) -> Answer {
    if let Role::Account(_) = visit.who.role() {
        return Err(Failure::NoSuchPage);
    }
    let ui = visit.ui(Menu::AuditOfAll, "audit-title");
    shown(&web, &visit, ui, "/op/audit".to_owned(), None).await
}

async fn shown(
    web: &Arc<Web>,
    visit: &Visit,
    ui: Ui,
    path: String,
    account: Option<String>,
) -> Result<Response, Failure> {
    let asked = &visit.query;
    let day = |name| asked.one(name).and_then(Day::parse);
    let verb = asked.one("verb").and_then(AuditVerb::from_word);
    let query = AuditQuery {
        environment: None,
        account,
        actor: asked.one("actor").map(str::to_owned),
        verbs: verb.map(|verb| vec![verb]),
        // The days of the form are whole, as UTC has them.
        before: day("until").map(|day| Day(day.0.saturating_add(1)).start()),
        after: day("from").map(|day| Timestamp::from_micros(day.start().as_micros().saturating_sub(1))),
    };
    let from = asked.one("after").and_then(|id| id.parse().ok());
    let (page, faults) = match web.app.audit(&visit.who, query, from, Order::NewestFirst, ROWS).await {
        Ok(page) => (Some(page), Vec::new()),
        Err(AppError::Invalid(faults)) => {
            (None, faults.into_iter().map(|fault| ("actor".to_owned(), fault.why)).collect())
        }
        Err(error) => return Err(error.into()),
    };
    let more = page.as_ref().filter(|page| !page.done).and_then(|page| page.rows.last()).map(|entry| entry.id);
    let older = more.map(|id| format!("{path}?{}", narrowed(asked, &format!("after={id}"))));
    let rows = page.map(|page| page.rows).unwrap_or_default();
    let is_of_all = matches!(visit.who.role(), Role::Operator) && ui.here.is_none();
    let rows = rows.into_iter().map(|entry| row(web, &ui, entry, is_of_all)).collect();
    let choice = |known: &AuditVerb| Choice {
        word: known.word(),
        text: ui.t(verb_key("verb", *known)),
        is_chosen: Some(*known) == verb,
    };
    Ok(html(&AuditPage {
        rows,
        verbs: AuditVerb::ALL.iter().map(choice).collect(),
        from: asked.one("from").unwrap_or_default().to_owned(),
        until: asked.one("until").unwrap_or_default().to_owned(),
        actor: asked.one("actor").unwrap_or_default().to_owned(),
        is_narrowed: ["verb", "from", "until", "actor"].iter().any(|name| asked.one(name).is_some()),
        older,
        faults,
        path,
        ui,
    }))
}

/// The same page, narrowed as it is, with something more.
fn narrowed(asked: &Fields, more: &str) -> String {
    let kept = ["verb", "from", "until", "actor"].iter();
    let kept = kept.filter_map(|name| Some(format!("{name}={}", escaped(asked.one(name)?))));
    kept.chain([more.to_owned()]).collect::<Vec<_>>().join("&")
}

fn row(web: &Web, ui: &Ui, entry: AuditEntry, is_of_all: bool) -> Row {
    let at = entry.at();
    let who = who(ui, &entry);
    let what = if entry.label.is_empty() { &entry.subject } else { &entry.label };
    let environment = entry.environment.filter(|_| is_of_all).and_then(|key| web.app.environment_name(key));
    Row {
        at,
        sentence: ui.b(&verb_key("audit", entry.verb), "who", who, "what", what),
        environment,
        address: entry.actor.address.map(|address| address.to_string()),
        request: entry.actor.request,
        changes: entry.changes,
        actor: entry.actor.parent.or(entry.actor.key).map(|id| id.to_string()),
    }
}

fn who(ui: &Ui, entry: &AuditEntry) -> String {
    let actor = &entry.actor;
    let key = match actor.role {
        ActorRole::Machine => "audit-who-machine",
        ActorRole::Operator => "audit-who-operator",
        ActorRole::Environment => "audit-who-environment",
        ActorRole::Account => "audit-who-account",
    };
    let name = actor.session.as_ref().unwrap_or(&actor.name);
    if name.is_empty() { ui.t(key) } else { ui.b("audit-who-named", "who", ui.t(key), "name", name) }
}

/// `endpoint.secret_read` is `audit-endpoint-secret-read`.
fn verb_key(kind: &str, verb: AuditVerb) -> String {
    format!("{kind}-{}", verb.word().replace(['.', '_'], "-"))
}
