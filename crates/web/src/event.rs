//! One event: what was reported, and where it stands with each endpoint.

use askama::Template;
use axum::extract::{Path, State};
use ringup_core::delivery::DeliveryState;
use ringup_core::time::Timestamp;

use crate::Shared;
use crate::endpoint::{name, title};
use crate::error_page::Answer;
use crate::log::{Content, content, overall};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};

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
    rows: Vec<Row>,
    payload: Option<Content>,
    payload_note: Option<&'static str>,
    is_live: bool,
}

struct Row {
    url: String,
    address: String,
    path: String,
    shape: &'static str,
    state: String,
    due_at: Option<Timestamp>,
}

/// `GET /a/{account}/events/{event}`
pub async fn page(State(web): Shared, visit: Visit, Path((account, event)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let stored = web.app.event(&visit.who, &account, &event).await?;
    let deliveries = web.app.deliveries(&visit.who, &account, &event).await?;
    let base = account_path(&view);
    let mut ui = visit.ui_of(&view, Menu::Logs, "logs-title");
    ui.title = stored.event_type.to_string();
    let rows: Vec<Row> = deliveries
        .iter()
        .map(|one| {
            let (shape, key) = overall(one.state);
            Row {
                url: title(&one.endpoint),
                address: one.endpoint.endpoint.url.clone(),
                path: format!("{base}/logs/{}/{}", stored.id, name(&one.endpoint)),
                shape,
                state: ui.t(key),
                due_at: match one.state {
                    Some(DeliveryState::Scheduled(at)) => Some(at),
                    _ => None,
                },
            }
        })
        .collect();
    let is_live =
        |state: Option<DeliveryState>| matches!(state, Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)));
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
        rows,
        payload,
        payload_note,
        is_live: deliveries.iter().any(|one| is_live(one.state)),
        ui,
    };
    Ok(html(&page))
}
