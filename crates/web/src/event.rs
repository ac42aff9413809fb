//! One event: what was reported, and where it stands with each endpoint.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use ringup_app::view::Payload;
use ringup_app::{AppError, Publish, Reason};
use ringup_core::delivery::DeliveryState;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;

use crate::endpoint::{name, path as url_path, title};
use crate::error_page::Answer;
use crate::log::{Content, content, overall};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path};
use crate::{Shared, why};

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    ui: Ui,
    base: String,
    path: String,
    id: String,
    event_type: String,
    uid: Option<String>,
    channels: Vec<String>,
    accepted_at: Timestamp,
    unregistered: bool,
    /// In which ways the payload is not as its schema says.
    misfits: Vec<String>,
    /// Every endpoint of the account.
    rows: Vec<Row>,
    /// How many the event went to, those that are gone included.
    sent_to: u64,
    removed: u64,
    can_send_again: bool,
    payload: Option<Content>,
    payload_note: Option<&'static str>,
    is_live: bool,
}

struct Row {
    url: String,
    address: String,
    /// Of the delivery, or of the endpoint where there is none.
    path: String,
    is_sent: bool,
    shape: &'static str,
    state: String,
    why: String,
    changed_since: bool,
    due_at: Option<Timestamp>,
}

/// `GET /a/{account}/events/{event}`
pub async fn page(State(web): Shared, visit: Visit, Path((account, event)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let reasons = web.app.why(&visit.who, &account, &event).await?;
    let stored = &reasons.event;
    let base = account_path(&view);
    let mut ui = visit.ui_of(&view, Menu::Logs, "logs-title");
    ui.title = stored.event_type.to_string();
    let mut is_live = false;
    let mut rows: Vec<Row> = Vec::with_capacity(reasons.endpoints.len());
    for one in &reasons.endpoints {
        let (shape, words) = why::words(&reasons, one, &ui);
        let (shape, state, due_at) = match one.reason {
            Reason::Sent(state) => {
                is_live |= matches!(state, Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)));
                let due_at = match state {
                    Some(DeliveryState::Scheduled(at)) => Some(at),
                    _ => None,
                };
                let (shape, key) = overall(state);
                (shape, ui.t(key), due_at)
            }
            _ => (shape, ui.t("event-not-sent"), None),
        };
        let is_sent = matches!(one.reason, Reason::Sent(_));
        rows.push(Row {
            url: title(&one.endpoint),
            address: one.endpoint.endpoint.url.clone(),
            path: if is_sent {
                format!("{base}/logs/{}/{}", stored.id, name(&one.endpoint))
            } else {
                format!("{base}{}", url_path(&one.endpoint))
            },
            is_sent,
            shape,
            state,
            why: words,
            changed_since: one.changed_since,
            due_at,
        });
    }
    // Those that got it first.
    rows.sort_by_key(|row| !row.is_sent);
    let sent = rows.iter().filter(|row| row.is_sent).count() + reasons.removed;
    let (payload, payload_note) = content(&stored.payload);
    let page = EventPage {
        path: format!("{base}/events/{}", stored.id),
        base,
        id: stored.id.to_string(),
        event_type: stored.event_type.to_string(),
        uid: stored.uid.clone(),
        channels: stored.channels.clone(),
        accepted_at: stored.id.tick().time(),
        unregistered: stored.unregistered,
        misfits: stored.extras.misfits.clone(),
        rows,
        sent_to: sent as u64,
        removed: reasons.removed as u64,
        can_send_again: payload_note.is_none() && visit.who.may(Scope::Publish),
        payload,
        payload_note,
        is_live,
        ui,
    };
    Ok(html(&page))
}

/// `POST /a/{account}/events/{event}/again`: the same payload as a new event, with an id of its own, to whoever asks for
/// it now.
pub async fn again(
    State(web): Shared,
    Path((account, event)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let stored = web.app.event(&visit.who, &account, &event).await?;
    let Payload::Kept(payload) = stored.payload else {
        let why = "the payload is gone or was redacted, so it cannot be sent as it was";
        return Err(AppError::Conflict(why.to_owned()).into());
    };
    let publish = Publish {
        event_type: &stored.event_type,
        channels: stored.channels,
        tags: stored.extras.tags,
        payload,
        ..Publish::default()
    };
    let published = web.app.publish(&visit.who, &account, publish, None).await?;
    Ok(Redirect::to(&format!("{}/events/{}?done=sent", account_path(&view), published.id)).into_response())
}
