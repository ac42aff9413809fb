//! One hook: whom it asks and how, how long that takes, its last calls, and a trial.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use ringup_app::view::EndpointView;
use ringup_app::{AppError, Fault, HookDraft, HookType, LogAsk};
use ringup_core::hook::{Generation, HookPlan, Mode};

use super::trial::Trial;
use super::{about, kind_key, latencies, may_declare, named, title};
use crate::chart;
use crate::error_page::{Answer, Failure};
use crate::fields::Fields;
use crate::health::{Health, WINDOW};
use crate::json_view::{self, spread};
use crate::log::Line;
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};
use crate::{Shared, Web};

/// Calls that are shown.
const RECENT_ROWS: usize = 6;

#[derive(Template)]
#[template(path = "hook.html")]
struct HookPage {
    ui: Ui,
    base: String,
    path: String,
    about: String,
    set: Option<Standing>,
    form: Form,
    question: Vec<Row>,
    answer: Vec<Row>,
    /// Of a declared hook: its schemas, instead of fields.
    schemas: Option<(Markup, Markup)>,
    /// An answer, as a fallback might be.
    stands_in: String,
    may_fall_back: bool,
    is_reversible: bool,
    /// It can be asked twice at a time.
    may_hedge: bool,
    /// Where what is declared can be changed.
    declaration: Option<String>,
    trial: Trial,
    faults: Vec<(String, String)>,
}

struct Standing {
    url: String,
    /// Its page among the URLs: secret, authorisation, settings.
    endpoint: String,
    shape: &'static str,
    words: String,
    answered: u64,
    failed: u64,
    p50: String,
    p95: String,
    histogram: Option<Markup>,
    lines: Vec<Line>,
}

/// What stands in the form of the settings.
struct Form {
    url: String,
    deadline_ms: String,
    is_older: bool,
    fallback: String,
    reversal: String,
    hedge_ms: String,
    disabled: bool,
}

/// A field of the contract.
struct Row {
    name: String,
    kind: &'static str,
    is_required: bool,
}

impl Form {
    fn of(plan: Option<(&EndpointView, &HookPlan)>) -> Form {
        let deadline = plan.map_or(HookPlan::DEADLINE_DEFAULT, |(_, plan)| plan.deadline);
        Form {
            url: plan.map(|(view, _)| view.endpoint.url.clone()).unwrap_or_default(),
            deadline_ms: deadline.as_millis().to_string(),
            is_older: plan.is_some_and(|(_, plan)| plan.generation == Generation::Older),
            fallback: plan.and_then(|(_, plan)| plan.fallback.clone()).unwrap_or_default(),
            reversal: plan.and_then(|(_, plan)| plan.reversal.clone()).unwrap_or_default(),
            hedge_ms: plan
                .and_then(|(_, plan)| plan.hedge)
                .map(|hedge| hedge.as_millis().to_string())
                .unwrap_or_default(),
            disabled: plan.is_some_and(|(view, _)| view.endpoint.stopped.is_some()),
        }
    }

    fn posted(form: &Fields) -> Form {
        let field = |name: &str| form.raw(name).unwrap_or_default().trim().to_owned();
        Form {
            url: field("url"),
            deadline_ms: field("deadline"),
            is_older: form.one("generation") == Some(Generation::Older.word()),
            fallback: field("fallback"),
            reversal: field("reversal_url"),
            hedge_ms: field("hedge_ms"),
            disabled: form.has("disabled"),
        }
    }

    fn draft(&self, replaces: Option<String>) -> Result<HookDraft, AppError> {
        let number = |field, text: &str| {
            let why = || Fault::new(field, "number", format!("{text:?} is no number of milliseconds"));
            text.parse().map_err(|_| why())
        };
        let millis = number("deadline_ms", &self.deadline_ms)?;
        let hedge = match self.hedge_ms.as_str() {
            "" => None,
            text => Some(Duration::from_millis(number("hedge_ms", text)?)),
        };
        Ok(HookDraft {
            url: self.url.clone(),
            replaces,
            deadline: Some(Duration::from_millis(millis)),
            generation: if self.is_older { Generation::Older } else { Generation::Newer },
            fallback: Some(self.fallback.clone()).filter(|fallback| !fallback.is_empty()),
            reversal: Some(self.reversal.clone()).filter(|url| !url.is_empty()),
            hedge,
            disabled: self.disabled,
        })
    }
}

/// `GET /a/{account}/loyalty/{hook}`
pub async fn page(State(web): Shared, visit: Visit, Path((account, hook)): Path<(String, String)>) -> Answer {
    let hook = named(&web, &visit, &hook)?;
    Ok(html(&shown(&web, &visit, &account, &hook, None, blank(&hook), Vec::new()).await?))
}

/// `POST /a/{account}/loyalty/{hook}`: whom it asks. Whoever sees the URL that is asked now means to replace it.
pub async fn set(
    State(web): Shared,
    Path((account, hook)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    let hook = named(&web, &visit, &hook)?;
    let name = &*hook.contract.name;
    let posted = Form::posted(&form);
    let replaces = form.raw("replaces").map(str::to_owned).filter(|url| !url.is_empty());
    let set = match posted.draft(replaces) {
        Ok(draft) => web.app.set_hook(&visit.who, &account, name, draft).await.map(drop),
        Err(error) => Err(error),
    };
    match set {
        Ok(()) => back(&web, &visit, &account, &format!("/{name}?done=hook")),
        Err(error) => {
            let faults = faults(error)?;
            let page = shown(&web, &visit, &account, &hook, Some(posted), blank(&hook), faults).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
        }
    }
}

/// `POST /a/{account}/loyalty/{hook}/remove`
pub async fn remove(
    State(web): Shared,
    Path((account, hook)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    web.app.delete_hook(&visit.who, &account, &named(&web, &visit, &hook)?.contract.name).await?;
    back(&web, &visit, &account, "?done=hook-gone")
}

fn blank(hook: &HookType) -> Trial {
    let sample = hook.question_sample.as_deref().map(spread);
    Trial::blank(&hook.contract, &sample.unwrap_or_else(|| "{}".to_owned()))
}

/// The page after a trial.
pub async fn tried(web: &Web, visit: &Visit, account: &str, hook: &HookType, trial: Trial) -> Answer {
    Ok(html(&shown(web, visit, account, hook, None, trial, Vec::new()).await?))
}

pub fn back(web: &Web, visit: &Visit, account: &str, rest: &str) -> Result<Response, Failure> {
    let view = web.app.account(&visit.who, account)?;
    Ok(Redirect::to(&format!("{}/loyalty{rest}", account_path(&view))).into_response())
}

async fn shown(
    web: &Web,
    visit: &Visit,
    account: &str,
    hook: &HookType,
    form: Option<Form>,
    trial: Trial,
    faults: Vec<(String, String)>,
) -> Result<HookPage, Failure> {
    let view = web.app.account(&visit.who, account)?;
    let contract = &*hook.contract;
    let mut ui = visit.ui_of(&view, Menu::Hooks, "loyalty-title");
    ui.title = title(hook, &ui);
    let base = account_path(&view);
    let found = match web.app.hook(&visit.who, account, &contract.name) {
        Ok(found) => Some(found),
        Err(AppError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let plan = found.as_deref().and_then(|found| Some((found, found.endpoint.subscription.hook.as_ref()?)));
    let form = form.unwrap_or_else(|| Form::of(plan));
    let set = match plan {
        None => None,
        Some((found, plan)) => Some(standing(web, visit, account, &base, found, plan, &ui).await?),
    };
    let rows = |fields: &[ringup_core::hook::Field]| {
        let row = |field: &ringup_core::hook::Field| Row {
            name: field.name.clone().into_owned(),
            kind: kind_key(field.kind),
            is_required: field.required,
        };
        fields.iter().map(row).collect()
    };
    let coloured = |schema: &Option<String>| json_view::view(spread(schema.as_deref().unwrap_or("{}")).as_bytes());
    let declared = !contract.is_published();
    let published = contract.fields();
    Ok(HookPage {
        path: format!("{base}/loyalty/{}", contract.name),
        about: about(hook, &ui),
        set,
        form,
        question: published.map(|published| rows(published.question)).unwrap_or_default(),
        answer: published.map(|published| rows(published.answer)).unwrap_or_default(),
        schemas: declared.then(|| (coloured(&hook.question_schema), coloured(&hook.answer_schema))),
        stands_in: hook.answer_sample.clone().unwrap_or_else(|| "{}".to_owned()),
        may_fall_back: contract.rule.may_fall_back,
        is_reversible: contract.rule.reversible,
        may_hedge: contract.rule.mode == Mode::Read,
        declaration: (declared && may_declare(visit)).then(|| format!("{base}/hook-type/{}", contract.name)),
        trial,
        faults,
        base,
        ui,
    })
}

async fn standing(
    web: &Web,
    visit: &Visit,
    account: &str,
    base: &str,
    found: &EndpointView,
    plan: &HookPlan,
    ui: &Ui,
) -> Result<Standing, Failure> {
    let id = found.endpoint.id.to_string();
    let from = visit.now.saturating_sub(WINDOW);
    let traffic = web.app.traffic_of(&visit.who, account, &id, from, visit.now).await?;
    let health = Health::of(found, &traffic.minutes);
    let spans = latencies(web, visit, account, &id).await?;
    let all = web.app.search("")?;
    let ask = LogAsk { endpoint: Some(&id), ..LogAsk::newest(&all, RECENT_ROWS) };
    let calls = web.app.log(&visit.who, account, ask).await?;
    let left_alone = web.app.is_left_alone(found);
    let span = |span: Option<Duration>| span.map_or_else(|| "–".to_owned(), |span| ui.span(&span));
    Ok(Standing {
        url: found.endpoint.url.clone(),
        endpoint: format!("{base}{}", crate::endpoint::path(found)),
        shape: if left_alone { "fail" } else { health.shape() },
        words: if left_alone { ui.t("loyalty-left-alone") } else { health.words(ui) },
        answered: health.sum.delivered,
        failed: health.sum.failed,
        p50: span(spans.get(spans.len() / 2).copied()),
        p95: span(ringup_app::nearest_rank(&spans)),
        histogram: (!spans.is_empty()).then(|| chart::latency(ui, &spans, plan.deadline)),
        lines: calls.rows.iter().map(|row| Line::of(row, ui, base)).collect(),
    })
}
