//! The newest calls of all hooks, with what was asked and what the app said in one row.

use askama::Template;
use axum::extract::{Path, State};
use ringup_app::view::Payload;
use ringup_app::{LogAsk, Logged};

use crate::Shared;
use crate::error_page::Answer;
use crate::log::Line;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};

/// Rows of the page: each reads its question and its answer.
const ROWS: usize = 30;

/// Characters of a question or an answer that are shown; the page of the call has all.
const CHARS: usize = 160;

#[derive(Template)]
#[template(path = "hook_calls.html")]
struct CallsPage {
    ui: Ui,
    base: String,
    /// The log's search for all of them.
    search: String,
    calls: Vec<Call>,
    is_set: bool,
}

struct Call {
    line: Line,
    question: Option<String>,
    answer: Option<String>,
}

/// `GET /a/{account}/loyalty-calls`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let ui = visit.ui_of(&view, Menu::Calls, "loyalty-calls-title");
    let base = account_path(&view);
    let hooks = web.app.hook_types(&visit.who)?;
    let names: Vec<&str> = hooks.iter().map(|hook| &*hook.contract.name).collect();
    let search = format!("event:{}", names.join(","));
    let found = web.app.search(&search)?;
    let page = web.app.log(&visit.who, &account, LogAsk::newest(&found, ROWS)).await?;
    let mut calls = Vec::new();
    // An event may have the name of a hook, and is no call.
    let is_call = |row: &&Logged| row.endpoint.as_ref().is_some_and(|view| view.endpoint.subscription.hook.is_some());
    for row in page.rows.iter().filter(is_call) {
        let event = row.attempt.event.to_string();
        // Retention may have been faster.
        let question = match web.app.event(&visit.who, &account, &event).await.map(|event| event.payload) {
            Ok(Payload::Kept(bytes) | Payload::Redacted(bytes)) => Some(begin(&bytes)),
            Ok(Payload::Gone | Payload::LeftOut) | Err(_) => None,
        };
        // The log's own rows come without answers.
        let attempt = web.app.attempt(&visit.who, &account, &event, &row.attempt.id.to_string()).await;
        let body = attempt.map(|attempt| attempt.response_body).unwrap_or_default();
        let answer = (!body.is_empty()).then(|| begin(&body));
        calls.push(Call { line: Line::of(row, &ui, &base), question, answer });
    }
    let is_set = view.endpoints.iter().any(|found| found.endpoint.subscription.hook.is_some());
    Ok(html(&CallsPage { ui, base, search, calls, is_set }))
}

fn begin(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut cut: String = text.chars().take(CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
