//! Test Webhook → Send event: a sample, editable, through the real path.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use bytes::Bytes;
use http::StatusCode;
use ringup_app::Publish;
use ringup_app::view::{AccountView, EndpointView};
use ringup_core::filter::Facts;
use ringup_core::search::TEST_TAG;
use serde_json::value::RawValue;

use crate::endpoint::title;
use crate::error_page::Answer;
use crate::json_view::spread;
use crate::kind::{Family, families};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};
use crate::{Shared, Web};

/// The type whose sample is shown first.
const FIRST: &str = "invoiceCreated";

#[derive(Template)]
#[template(path = "send.html")]
struct SendPage {
    ui: Ui,
    base: String,
    families: Vec<Family>,
    chosen: String,
    payload: String,
    channels: String,
    /// The one URL that it goes to; empty: to all that ask for it.
    to: String,
    /// Each URL by its id, and its title.
    all: Vec<(String, String)>,
    /// The URLs that an event of this type goes to.
    going: Vec<String>,
    urls: u64,
    faults: Vec<(String, String)>,
    /// The line of the payload with a mistake, and a mark under the place.
    mistake: Option<[String; 2]>,
}

/// `GET /a/{account}/test/send`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let chosen = visit.query.one("type").unwrap_or(FIRST).to_owned();
    let sample = web.app.sample(&visit.who, &chosen, 0);
    let payload =
        sample.map_or_else(|_| "{\n  \n}".to_owned(), |found| spread(&String::from_utf8_lossy(&found.payload)));
    let asked = visit.query.one("to");
    let is_asked = |found: &Arc<EndpointView>| {
        let endpoint = &found.endpoint;
        asked.is_some_and(|asked| endpoint.uid.as_deref() == Some(asked) || endpoint.id.to_string() == asked)
    };
    let to = view.endpoints.iter().find(|found| is_asked(found)).map(|found| found.endpoint.id.to_string());
    Ok(shown(
        &web,
        &visit,
        &view,
        Draft { chosen, payload, channels: String::new(), to: to.unwrap_or_default() },
        Vec::new(),
        None,
    ))
}

struct Draft {
    chosen: String,
    payload: String,
    channels: String,
    to: String,
}

/// `POST /a/{account}/test/send`
pub async fn submit(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let field = |name: &str| form.raw(name).unwrap_or_default().to_owned();
    let draft =
        Draft { chosen: field("type"), payload: field("payload"), channels: field("channels"), to: field("to") };
    let refused = |page: Response| Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    if let Err(error) = serde_json::from_str::<&RawValue>(&draft.payload) {
        let mistake = place(&draft.payload, error.line(), error.column());
        let why = vec![("payload".to_owned(), error.to_string())];
        return refused(shown(&web, &visit, &view, draft, why, Some(mistake)));
    }
    let channels = draft.channels.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let payload = Bytes::from(draft.payload.clone());
    let tags = vec![TEST_TAG.to_owned()];
    let publish = Publish { event_type: draft.chosen.trim(), channels, tags, payload, ..Publish::default() };
    let sent = if draft.to.is_empty() {
        web.app.publish(&visit.who, &account, publish, None).await.map(|published| published.id)
    } else {
        web.app.send_example(&visit.who, &account, &draft.to, publish).await.map(|event| event.id)
    };
    match sent {
        Ok(id) => Ok(Redirect::to(&format!("{}/events/{id}?done=sent", account_path(&view))).into_response()),
        Err(error) => {
            let why = faults(error)?;
            refused(shown(&web, &visit, &view, draft, why, None))
        }
    }
}

fn shown(
    web: &Web,
    visit: &Visit,
    view: &AccountView,
    draft: Draft,
    faults: Vec<(String, String)>,
    mistake: Option<[String; 2]>,
) -> Response {
    let channels: Vec<String> =
        draft.channels.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let registered = web.app.event_type(&visit.who, &draft.chosen).ok();
    let family = registered.as_ref().and_then(|registered| registered.group.as_deref());
    let payload = draft.payload.as_bytes();
    let tags = [TEST_TAG.to_owned()];
    let facts = Facts { event_type: &draft.chosen, channels: &channels, tags: &tags, payload };
    let goes = view
        .endpoints
        .iter()
        .filter(|found| found.endpoint.stopped.is_none() && found.endpoint.subscription.matches(&facts, family));
    html(&SendPage {
        ui: visit.ui_of(view, Menu::Send, "send-title"),
        base: account_path(view),
        families: families(&web.app, &visit.who, &BTreeSet::from([draft.chosen.clone()]), &BTreeSet::new()),
        going: goes.map(|found| title(found)).collect(),
        all: view.endpoints.iter().map(|found| (found.endpoint.id.to_string(), title(found))).collect(),
        to: draft.to,
        urls: view.endpoints.len() as u64,
        chosen: draft.chosen,
        payload: draft.payload,
        channels: draft.channels,
        faults,
        mistake,
    })
}

/// A line of a text and a caret under the column, both cut to what fits a screen.
fn place(text: &str, line: usize, column: usize) -> [String; 2] {
    const BEFORE: usize = 40;
    let found: Vec<char> = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().chars().collect();
    let at = column.saturating_sub(1).min(found.len());
    let from = at.saturating_sub(BEFORE);
    let cut = found.iter().skip(from).take(2 * BEFORE).collect();
    [cut, format!("{}^", " ".repeat(at - from))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_mistake() {
        let text = "{\n  \"a\": 1,,\n}";
        let error = serde_json::from_str::<&RawValue>(text).expect_err("two commas");
        let [line, caret] = place(text, error.line(), error.column());
        assert_eq!(line, "  \"a\": 1,,");
        assert_eq!(caret.find('^'), Some(9));
        assert_eq!(place("", 1, 0), [String::new(), "^".to_owned()]);
    }
}
