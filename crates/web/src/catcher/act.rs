//! What can be done with a catcher. Each is a form, and leads back to the page.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use bytes::Bytes;
use http::StatusCode;
use ringup_app::{CatcherDraft, EndpointDraft, NewEndpoint, Publish, guide};
use ringup_core::catcher::FixedBody;
use secrecy::ExposeSecret as _;

use super::{catcher_path, one, title, user};
use crate::Shared;
use crate::error_page::Answer;
use crate::json_view::spread;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, faults};

/// What a test event is.
const TEST_TYPE: &str = "invoiceCreated";

/// The account and the catcher in the address.
type Place = Path<(String, String)>;

/// `POST …/script`
pub async fn script(State(web): Shared, Path((account, catcher)): Place, Posted { visit, form }: Posted) -> Answer {
    let text = form.one("script").unwrap_or_default().to_owned();
    let set = |draft: &mut CatcherDraft| draft.script.clone_from(&text);
    match web.app.edit_catcher(&visit.who, &account, &catcher, set).await {
        Ok(_) => back(&web, &visit, &account, &catcher, "script").await,
        Err(error) => {
            let faults = faults(error)?;
            let page = one::shown(&web, &visit, &account, &catcher, Some((text, faults))).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// `POST …/restart`
pub async fn restart(State(web): Shared, Path((account, catcher)): Place, Posted { visit, .. }: Posted) -> Answer {
    web.app.restart_catcher(&visit.who, &account, &catcher).await?;
    back(&web, &visit, &account, &catcher, "restarted").await
}

/// `POST …/answer`
pub async fn answer(State(web): Shared, Path((account, catcher)): Place, Posted { visit, form }: Posted) -> Answer {
    let text = form.raw("body").unwrap_or_default().to_owned();
    let is_json = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
    let body = (!text.is_empty()).then_some(if is_json { FixedBody::Json(text) } else { FixedBody::Text(text) });
    web.app.edit_catcher(&visit.who, &account, &catcher, |draft| draft.body = body).await?;
    back(&web, &visit, &account, &catcher, "answer").await
}

/// `POST …/use`: an endpoint with the catcher's URL, for every event.
pub async fn use_for_a_url(
    State(web): Shared,
    Path((account, catcher)): Place,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.catcher(&visit.who, &account, &catcher).await?;
    if user(&view, &found).is_none() {
        let description = title(&visit.ui(Menu::Catcher, "catchers-title"), &found);
        let draft = EndpointDraft { url: found.url, description, ..EndpointDraft::default() };
        web.app.create_endpoint(&visit.who, &account, NewEndpoint { draft, ..NewEndpoint::default() }).await?;
    }
    back(&web, &visit, &account, &catcher, "used").await
}

/// `POST …/send`: a sample through the real path, to the endpoint that has this catcher's URL.
pub async fn send(State(web): Shared, Path((account, catcher)): Place, Posted { visit, .. }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.catcher(&visit.who, &account, &catcher).await?;
    let Some(endpoint) = user(&view, &found) else { return back(&web, &visit, &account, &catcher, "").await };
    let payload = guide::named(TEST_TYPE).map_or_else(|| "{}".to_owned(), |known| spread(known.sample()));
    let endpoint = endpoint.endpoint.id.to_string();
    let publish = Publish { event_type: TEST_TYPE, payload: Bytes::from(payload), ..Publish::default() };
    web.app.send_example(&visit.who, &account, &endpoint, publish).await?;
    back(&web, &visit, &account, &catcher, "tested").await
}

/// `POST …/clear`
pub async fn clear(State(web): Shared, Path((account, catcher)): Place, Posted { visit, .. }: Posted) -> Answer {
    web.app.clear_captures(&visit.who, &account, &catcher, None).await?;
    back(&web, &visit, &account, &catcher, "cleared").await
}

/// `POST …/requests/{n}/forget`
pub async fn forget(
    State(web): Shared,
    Path((account, catcher, number)): Path<(String, String, u64)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    web.app.clear_captures(&visit.who, &account, &catcher, Some(number)).await?;
    back(&web, &visit, &account, &catcher, "forgotten").await
}

/// `POST …/delete`
pub async fn delete(State(web): Shared, Path((account, catcher)): Place, Posted { visit, .. }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    web.app.delete_catcher(&visit.who, &account, &catcher).await?;
    let to = format!("{}/test/catchers?done=catcher-deleted", crate::visit::account_path(&view));
    Ok(Redirect::to(&to).into_response())
}

#[derive(Template)]
#[template(path = "catcher_token.html")]
struct TokenPage {
    ui: Ui,
    path: String,
    name: String,
    token: String,
}

/// `POST …/token`: the only page that shows it.
pub async fn token(State(web): Shared, Path((account, catcher)): Place, Posted { visit, .. }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let token = web.app.rotate_read_token(&visit.who, &account, &catcher).await?;
    let found = web.app.catcher(&visit.who, &account, &catcher).await?;
    let ui = visit.ui_of(&view, Menu::Catcher, "catcher-token");
    let (path, name) = (catcher_path(&view, &found), title(&ui, &found));
    Ok(html(&TokenPage { ui, path, name, token: token.expose_secret().to_owned() }))
}

async fn back(web: &crate::Web, visit: &crate::visit::Visit, account: &str, catcher: &str, done: &str) -> Answer {
    let view = web.app.account(&visit.who, account)?;
    let found = web.app.catcher(&visit.who, account, catcher).await?;
    Ok(Redirect::to(&format!("{}?done={done}", catcher_path(&view, &found))).into_response())
}
