//! `/app/{account}/hook`: questions to one external app that a till waits for.

use axum::extract::{FromRequestParts, State};
use http::request::Parts;

use super::{Answer, Shared, done, ok};
use crate::extract::{Body, Caller, Names};
use crate::problem::{Item, Problem};
use crate::wire::hook::{HookAnswerOut, HookIn, HookOut, HooksOut, QuestionIn};
use crate::wire::json;

/// How long the till can wait.
const DEADLINE: &str = "ringup-deadline-ms";

pub struct Deadline(Option<u64>);

impl<S: Sync> FromRequestParts<S> for Deadline {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Deadline, Problem> {
        let Some(value) = parts.headers.get(DEADLINE) else { return Ok(Deadline(None)) };
        let millis = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        let why = "expected a whole number of milliseconds, 1 to 30000".to_owned();
        let place = vec!["header".to_owned(), DEADLINE.to_owned()];
        let item = Item { place, why, rule: "range" };
        millis.map(|millis| Deadline(Some(millis))).ok_or_else(|| Problem::misfit(vec![item]))
    }
}

/// List hooks
///
/// Those that the application has set.
#[utoipa::path(
    get,
    path = "/app/{app_id}/hook",
    operation_id = "ringup.hook.list",
    tag = "Hook",
    responses((status = 200, body = HooksOut)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>) -> Answer {
    let views = api.app.hooks(&who, &account)?;
    Ok(ok(&HooksOut::of(views.iter().map(|view| &**view))))
}

/// Get a hook
#[utoipa::path(
    get,
    path = "/app/{app_id}/hook/{hook_name}/settings",
    operation_id = "ringup.hook.get",
    tag = "Hook",
    responses((status = 200, body = HookOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([account, name]): Names<2>) -> Answer {
    let view = api.app.hook(&who, &account, &name)?;
    Ok(ok(&HookOut::of(&view)))
}

/// Set a hook
///
/// A hook asks one URL. While it asks one, another is refused unless it names the one that it replaces.
#[utoipa::path(
    put,
    path = "/app/{app_id}/hook/{hook_name}/settings",
    operation_id = "ringup.hook.set",
    tag = "Hook",
    request_body = HookIn,
    responses((status = 200, body = HookOut)),
)]
pub async fn set(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, name]): Names<2>,
    Body(body): Body,
) -> Answer {
    let draft = json::read::<HookIn>(&body)?.draft()?;
    let view = api.app.set_hook(&who, &account, &name, draft).await?;
    Ok(ok(&HookOut::of(&view)))
}

/// Remove a hook
#[utoipa::path(
    delete,
    path = "/app/{app_id}/hook/{hook_name}/settings",
    operation_id = "ringup.hook.delete",
    tag = "Hook",
    responses((status = 204)),
)]
pub async fn delete(State(api): Shared, Caller(who): Caller, Names([account, name]): Names<2>) -> Answer {
    api.app.delete_hook(&who, &account, &name).await?;
    Ok(done())
}

/// Ask a hook
///
/// Answered before the deadline whatever the app does; the answer says who gave it. A question that reads is not kept and
/// not repeated: an answer that comes too late is of no use. `orderComplete` is kept first and repeated by the retry policy;
/// the same invoice submitted again is answered from what the app said, and never asked about twice at a time.
#[utoipa::path(
    post,
    path = "/app/{app_id}/hook/{hook_name}",
    operation_id = "ringup.hook.ask",
    tag = "Hook",
    params(("ringup-deadline-ms" = Option<u64>, Header, description = "How long the till can wait, if that is less than the hook's own deadline: 1 to 30000.")),
    request_body = QuestionIn,
    responses((status = 200, body = HookAnswerOut)),
)]
pub async fn ask(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, name]): Names<2>,
    Deadline(deadline): Deadline,
    Body(body): Body,
) -> Answer {
    let question = json::utf8(&body)?;
    let answer = api.app.ask_hook(&who, &account, &name, question, deadline).await?;
    Ok(ok(&HookAnswerOut::of(&answer)))
}
