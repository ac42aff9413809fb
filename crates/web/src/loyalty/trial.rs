//! *Try*: a question asked from a form, and exactly what the till would be told.

use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use http::StatusCode;
use ringup_app::HookAnswer;
use ringup_core::hook::{AnswerKind, Contract, Kind, Mode};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{named, one};
use crate::Shared;
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::json_view::spread;
use crate::ui::Ui;
use crate::visit::{Posted, faults};

/// The field that takes a whole question.
const DOCUMENT: &str = "document";

/// The form, and what came of it.
#[derive(Default)]
pub struct Trial {
    pub fields: Vec<Field>,
    /// The whole question, where it is not a few fields.
    pub document: Option<String>,
    /// What to call that.
    pub document_key: &'static str,
    /// It changes something at the other end.
    pub writes: bool,
    pub told: Option<Told>,
    pub faults: Vec<(String, String)>,
}

/// A field of the question.
pub struct Field {
    pub name: String,
    pub value: String,
    pub is_required: bool,
    /// Takes JSON rather than a text.
    pub is_json: bool,
}

/// What the till would be told.
pub struct Told {
    pub kind: AnswerKind,
    pub answer: Option<String>,
    /// The cause, and our sentence about it.
    pub failed: Option<(&'static str, String)>,
    pub age: Option<String>,
    pub took: String,
    /// Why the app says no, in its own words.
    pub reason: Option<String>,
    /// It is asked again by the retry policy.
    pub queued: bool,
    /// The page of the call.
    pub call: Option<String>,
}

impl Trial {
    /// `sample` is the catalogue's.
    pub fn blank(contract: &Contract, sample: &str) -> Trial {
        let value = |name: &str| match name {
            DOCUMENT => sample.to_owned(),
            "Outlet" => "Kemang".to_owned(),
            _ => String::new(),
        };
        Trial::of(contract, &value)
    }

    fn of(contract: &Contract, value: &dyn Fn(&str) -> String) -> Trial {
        let field = |field: &ringup_core::hook::Field| Field {
            name: field.name.clone().into_owned(),
            value: value(&field.name),
            is_required: field.required,
            is_json: field.kind != Kind::Text,
        };
        let (writes, published) = (contract.rule.mode == Mode::Write, contract.fields());
        let document_key = if published.is_some() { "hook-invoice" } else { "hook-document" };
        match published {
            Some(published) if !writes => {
                Trial { fields: published.question.iter().map(field).collect(), ..Trial::default() }
            }
            Some(_) | None => Trial { document: Some(value(DOCUMENT)), document_key, writes, ..Trial::default() },
        }
    }

    /// What asking does, said before.
    pub fn writes_key(&self) -> &'static str {
        if self.document_key == "hook-invoice" { "hook-try-writes" } else { "hook-try-writes-any" }
    }

    /// The question as the till would send it, or what is wrong with its fields. A text may be empty; what takes JSON is
    /// left out then.
    fn question(&self) -> Result<String, Vec<(String, String)>> {
        if let Some(document) = &self.document {
            return Ok(document.clone());
        }
        let mut wrong = Vec::new();
        let mut document = String::from("{");
        for field in &self.fields {
            let value = match (field.is_json, field.value.trim()) {
                (false, text) => Value::from(text).to_string(),
                (true, "") => continue,
                (true, json) => match serde_json::from_str::<&RawValue>(json) {
                    Ok(json) => json.get().to_owned(),
                    Err(error) => {
                        wrong.push((field.name.clone(), error.to_string()));
                        continue;
                    }
                },
            };
            let comma = if document.len() > 1 { "," } else { "" };
            let _ = write!(document, "{comma}{}:{value}", Value::from(field.name.as_str()));
        }
        document.push('}');
        if wrong.is_empty() { Ok(document) } else { Err(wrong) }
    }
}

impl Told {
    fn of(answer: HookAnswer, ui: &Ui, base: &str) -> Told {
        let told = answer.told;
        Told {
            kind: told.kind,
            answer: told.reading.map(|reading| spread(&reading.to_json())),
            failed: told.failed.map(|failed| (failed.cause.word(), failed.to_string())),
            age: told.age.map(|age| ui.span(&age)),
            took: ui.span(&crate::log::rounded(answer.took)),
            reason: answer.reason,
            queued: answer.queued,
            call: answer.call.map(|call| format!("{base}/events/{call}")),
        }
    }

    pub fn shape(&self) -> &'static str {
        match self.kind {
            AnswerKind::Live => "ok",
            AnswerKind::Cache | AnswerKind::Fallback | AnswerKind::Refused => "warn",
            AnswerKind::Failed => "fail",
        }
    }
}

/// `POST /a/{account}/loyalty/{hook}/try`
pub async fn ask(
    State(web): Shared,
    Path((account, hook)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    let hook = named(&web, &visit, &hook)?;
    let contract = &*hook.contract;
    let mut trial = filled(contract, &form);
    let view = web.app.account(&visit.who, &account)?;
    let base = crate::visit::account_path(&view);
    // The box is required in the form; somebody without one has not seen the note beside it.
    let unconfirmed = contract.rule.mode == Mode::Write && !form.has("confirm");
    let ui = visit.ui_of(&view, crate::menu::Menu::Hooks, "loyalty-title");
    let asked = match trial.question() {
        _ if unconfirmed => Err(vec![(String::new(), ui.t(trial.writes_key()))]),
        Err(wrong) => Err(wrong),
        Ok(question) => match web.app.ask_hook(&visit.who, &account, &contract.name, &question, None).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(faults(error)?),
        },
    };
    match asked {
        Ok(answer) => {
            trial.told = Some(Told::of(answer, &ui, &base));
            one::tried(&web, &visit, &account, &hook, trial).await
        }
        Err(wrong) => {
            trial.faults = wrong;
            let page = one::tried(&web, &visit, &account, &hook, trial).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

fn filled(contract: &Contract, form: &Fields) -> Trial {
    Trial::of(contract, &|name| form.raw(&format!("q.{name}")).unwrap_or_default().to_owned())
}
