//! Declaring a hook: what is asked, what counts as an answer, and what holds when there is none.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use ringup_app::{AppError, Fault, HookType, HookTypeDraft};
use ringup_core::hook::Mode;

use super::{may_declare, named};
use crate::Shared;
use crate::error_page::{Answer, Failure};
use crate::fields::Fields;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};

#[derive(Template)]
#[template(path = "hook_type.html")]
struct KindPage {
    ui: Ui,
    base: String,
    /// Where the form goes.
    action: String,
    is_new: bool,
    form: Form,
    faults: Vec<(String, String)>,
}

/// What stands in the form.
#[derive(Default)]
struct Form {
    name: String,
    title: String,
    description: String,
    writes: bool,
    question_schema: String,
    question_sample: String,
    answer_schema: String,
    answer_sample: String,
    fresh_ms: String,
    stale_ms: String,
    refusals: String,
    reason: String,
    key: String,
    may_fall_back: bool,
}

/// With what a new one begins.
const BEGINNING: &str = "{\n  \"type\": \"object\",\n  \"required\": [],\n  \"properties\": {}\n}";

impl Form {
    fn blank() -> Form {
        let zero = || "0".to_owned();
        Form {
            question_schema: BEGINNING.to_owned(),
            answer_schema: BEGINNING.to_owned(),
            fresh_ms: zero(),
            stale_ms: zero(),
            ..Form::default()
        }
    }

    fn of(hook: &HookType) -> Form {
        let rule = &hook.contract.rule;
        // As received: saving what nobody touched changes nothing.
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (fresh, stale) = rule.cache.unwrap_or_default();
        Form {
            name: hook.contract.name.to_string(),
            title: hook.title.clone(),
            description: hook.description.clone(),
            writes: rule.mode == Mode::Write,
            question_schema: text(&hook.question_schema),
            question_sample: text(&hook.question_sample),
            answer_schema: text(&hook.answer_schema),
            answer_sample: text(&hook.answer_sample),
            fresh_ms: fresh.as_millis().to_string(),
            stale_ms: stale.as_millis().to_string(),
            refusals: rule.refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            reason: rule.reason.as_deref().unwrap_or_default().to_owned(),
            key: rule.key.as_deref().unwrap_or_default().to_owned(),
            may_fall_back: rule.may_fall_back,
        }
    }

    fn posted(form: &Fields) -> Form {
        let field = |name: &str| form.raw(name).unwrap_or_default().trim().to_owned();
        Form {
            name: field("name"),
            title: field("title"),
            description: field("description"),
            writes: form.one("mode") == Some(Mode::Write.word()),
            question_schema: field("question_schema"),
            question_sample: field("question_sample"),
            answer_schema: field("answer_schema"),
            answer_sample: field("answer_sample"),
            fresh_ms: field("fresh_ms"),
            stale_ms: field("stale_ms"),
            refusals: field("refusal_statuses"),
            reason: field("refusal_reason"),
            key: field("key"),
            may_fall_back: form.has("may_fall_back"),
        }
    }

    fn draft(&self) -> Result<HookTypeDraft, AppError> {
        let mut wrong = Vec::new();
        let mut millis = |field, text: &str| {
            let read = if text.is_empty() { Ok(0) } else { text.parse() };
            read.unwrap_or_else(|_| {
                wrong.push(Fault::new(field, "number", format!("{text:?} is no number of milliseconds")));
                0
            })
        };
        let (fresh, stale) = (millis("fresh_ms", &self.fresh_ms), millis("stale_ms", &self.stale_ms));
        let words = self.refusals.split([',', ' ']).filter(|word| !word.is_empty());
        let mut refusals = Vec::new();
        for word in words {
            match word.parse() {
                Ok(status) => refusals.push(status),
                Err(_) => wrong.push(Fault::new("refusal_statuses", "number", format!("{word:?} is no status"))),
            }
        }
        if !wrong.is_empty() {
            return Err(AppError::Invalid(wrong));
        }
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Ok(HookTypeDraft {
            title: self.title.clone(),
            description: self.description.clone(),
            mode: if self.writes { Mode::Write } else { Mode::Read },
            question_schema: self.question_schema.clone(),
            answer_schema: self.answer_schema.clone(),
            question_sample: some(&self.question_sample),
            answer_sample: some(&self.answer_sample),
            fresh: Duration::from_millis(fresh),
            stale: Duration::from_millis(stale),
            refusals,
            reason: some(&self.reason),
            key: some(&self.key),
            may_fall_back: self.may_fall_back,
        })
    }
}

/// `GET /a/{account}/hook-type`
pub async fn blank(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let ui = visit.ui_of(&view, Menu::Hooks, "hook-declare");
    Ok(html(&shown(&visit, ui, &account_path(&view), None, Form::blank())?))
}

/// `POST /a/{account}/hook-type`
pub async fn declare(web: Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    put(web, visit, &account, None, Form::posted(&form)).await
}

/// `GET /a/{account}/hook-type/{hook}`
pub async fn page(State(web): Shared, visit: Visit, Path((account, hook)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let hook = named(&web, &visit, &hook)?;
    if hook.contract.is_published() {
        return Err(Failure::NoSuchPage);
    }
    let ui = visit.ui_of(&view, Menu::Hooks, "hook-declare");
    Ok(html(&shown(&visit, ui, &account_path(&view), Some(&hook.contract.name), Form::of(&hook))?))
}

/// `POST /a/{account}/hook-type/{hook}`
pub async fn change(
    State(web): Shared,
    Path((account, hook)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    let name = named(&web, &visit, &hook)?.contract.name.clone();
    put(State(web), visit, &account, Some(&name), Form { name: name.to_string(), ..Form::posted(&form) }).await
}

/// `POST /a/{account}/hook-type/{hook}/remove`
pub async fn remove(
    State(web): Shared,
    Path((account, hook)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let base = account_path(&view);
    let found = named(&web, &visit, &hook)?;
    match web.app.delete_hook_type(&visit.who, &found.contract.name).await {
        Ok(()) => Ok(Redirect::to(&format!("{base}/loyalty?done=hook-undeclared")).into_response()),
        Err(error) => {
            let faults = faults(error)?;
            let ui = visit.ui_of(&view, Menu::Hooks, "hook-declare");
            let page = shown(&visit, ui, &base, Some(&found.contract.name), Form::of(&found))?;
            Ok(refused(KindPage { faults, ..page }))
        }
    }
}

async fn put(State(web): Shared, visit: Visit, account: &str, old: Option<&str>, form: Form) -> Answer {
    let view = web.app.account(&visit.who, account)?;
    let base = account_path(&view);
    let put = match form.draft() {
        // What is there is changed on its own page, where it can be seen.
        Ok(_) if old.is_none() && web.app.event_type(&visit.who, &form.name).is_ok() => {
            let ui = visit.ui_of(&view, Menu::Hooks, "hook-declare");
            Err(AppError::from(Fault::new("name", "taken", ui.a("hook-name-taken", "name", &form.name))))
        }
        Ok(draft) => web.app.put_hook_type(&visit.who, &form.name, draft).await.map(drop),
        Err(error) => Err(error),
    };
    match put {
        Ok(()) => Ok(Redirect::to(&format!("{base}/loyalty/{}?done=hook-declared", form.name)).into_response()),
        Err(error) => {
            let faults = faults(error)?;
            let ui = visit.ui_of(&view, Menu::Hooks, "hook-declare");
            let page = shown(&visit, ui, &base, old, form)?;
            Ok(refused(KindPage { faults, ..page }))
        }
    }
}

fn refused(page: KindPage) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response()
}

fn shown(visit: &Visit, ui: Ui, base: &str, old: Option<&str>, form: Form) -> Result<KindPage, Failure> {
    if !may_declare(visit) {
        return Err(Failure::NoSuchPage);
    }
    let action = old.map_or_else(|| format!("{base}/hook-type"), |name| format!("{base}/hook-type/{name}"));
    Ok(KindPage { ui, base: base.to_owned(), action, is_new: old.is_none(), form, faults: Vec::new() })
}
