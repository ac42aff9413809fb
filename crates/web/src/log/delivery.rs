//! One delivery: what happened, why, what follows, and everything that was kept of it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use ringup_app::view::{AttemptFilter, EndpointView, Order, PageRequest, Payload, StoredAttempt, StoredEvent};
use ringup_app::{AppError, Cause};
use ringup_core::delivery::{DeliveryState, Ended, Trigger};
use ringup_core::limits::PAGE_ROWS_MAX;
use ringup_core::outcome::BodyEnd;
use ringup_core::time::Timestamp;

use super::{response, rounded, state_of};
use crate::Shared;
use crate::endpoint::{name, path as url_path, title};
use crate::error_page::Answer;
use crate::json_view::{SHOWN_BYTES_MAX, view as shown};
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path};

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    ui: Ui,
    base: String,
    /// Its own address.
    path: String,
    event: String,
    event_type: String,
    url_name: String,
    url_path: String,
    shape: &'static str,
    state: String,
    /// What happened and what to do.
    why: String,
    /// What follows.
    next: Option<String>,
    tries: Vec<Try>,
    planned: Option<Timestamp>,
    chosen: Option<Chosen>,
    payload: Option<Content>,
    payload_note: Option<&'static str>,
    is_live: bool,
    is_stopped: bool,
    can_resend: bool,
    curl: Option<String>,
}

pub struct Try {
    pub number: u32,
    pub at: Timestamp,
    pub shape: &'static str,
    pub state: String,
    pub response: String,
    pub took: String,
    pub is_manual: bool,
    pub href: String,
    pub is_chosen: bool,
}

/// The attempt whose answer is shown.
struct Chosen {
    number: u32,
    id: String,
    url: String,
    sent: Vec<(String, String)>,
    status: Option<u16>,
    headers: Vec<(String, String)>,
    body: Option<Content>,
    body_note: Option<&'static str>,
}

pub struct Content {
    pub html: Markup,
    pub bytes: usize,
    pub is_cut: bool,
}

impl Content {
    pub fn of(bytes: &[u8]) -> Content {
        Content { html: shown(bytes), bytes: bytes.len(), is_cut: bytes.len() > SHOWN_BYTES_MAX }
    }
}

/// `GET /a/{account}/logs/{event}/{endpoint}`
pub async fn page(
    State(web): Shared,
    visit: Visit,
    Path((account, event, endpoint)): Path<(String, String, String)>,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    let stored = web.app.event(&visit.who, &account, &event).await?;
    let deliveries = web.app.deliveries(&visit.who, &account, &event).await?;
    let delivery = deliveries.iter().find(|one| one.endpoint.endpoint.key == found.endpoint.key);
    let Some(delivery) = delivery else {
        return Err(AppError::NotFound { what: "delivery", name: format!("{event} → {endpoint}") }.into());
    };
    let state = delivery.state;
    let request = PageRequest { rows_max: PAGE_ROWS_MAX, after: None, order: Order::OldestFirst };
    let filter = AttemptFilter::default();
    let attempts = web.app.attempts_of_event(&visit.who, &account, &event, Some(&endpoint), filter, request).await?;
    let attempts = attempts.rows;

    let mut ui = visit.ui_of(&view, Menu::Logs, "logs-title");
    ui.title = format!("{} → {}", stored.event_type, title(&found));
    let base = account_path(&view);
    let path = format!("{base}/logs/{}/{}", stored.id, name(&found));
    let asked = visit.query.one("attempt");
    let chosen = attempts.iter().find(|one| Some(one.id.to_string().as_str()) == asked).or(attempts.last());
    let (shape, key) = overall(state);
    let (payload, payload_note) = content(&stored.payload);
    let is_live = matches!(state, Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)));
    let page = DeliveryPage {
        event: stored.id.to_string(),
        event_type: stored.event_type.to_string(),
        url_name: title(&found),
        url_path: format!("{base}{}", url_path(&found)),
        shape,
        state: ui.t(key),
        why: explained(chosen, state, &found, &ui),
        next: following(state, &ui),
        planned: match state {
            Some(DeliveryState::Scheduled(at)) => Some(at),
            _ => None,
        },
        tries: attempts
            .iter()
            .map(|one| tried(one, one.id == attempts.last().map_or(one.id, |last| last.id), state, chosen, &path, &ui))
            .collect(),
        curl: chosen.and_then(|one| curl(one, &stored)),
        chosen: chosen.map(|one| detail(one, &stored, &ui)),
        is_stopped: found.endpoint.stopped.is_some(),
        can_resend: payload_note.is_none() && found.endpoint.stopped.is_none(),
        payload,
        payload_note,
        is_live,
        path,
        base,
        ui,
    };
    Ok(html(&page))
}

/// `POST /a/{account}/logs/{event}/{endpoint}/resend`
pub async fn resend(
    State(web): Shared,
    Path((account, event, endpoint)): Path<(String, String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    web.app.resend(&visit.who, &account, &event, &endpoint).await?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    let to = format!("{}/logs/{event}/{}?done=resent", account_path(&view), name(&found));
    Ok(Redirect::to(&to).into_response())
}

/// `GET /a/{account}/events/{event}/payload`: the bytes as they are kept, to save. Never shown by a browser.
pub async fn payload(State(web): Shared, visit: Visit, Path((account, event)): Path<(String, String)>) -> Answer {
    let stored = web.app.event(&visit.who, &account, &event).await?;
    match stored.payload {
        Payload::Kept(bytes) | Payload::Redacted(bytes) => {
            let name = format!("attachment; filename=\"{}.json\"", stored.id);
            Ok(([(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_DISPOSITION, name)], bytes)
                .into_response())
        }
        Payload::Gone | Payload::LeftOut => {
            Err(AppError::NotFound { what: "payload of", name: stored.id.to_string() }.into())
        }
    }
}

/// Shape and words for a delivery.
pub fn overall(state: Option<DeliveryState>) -> (&'static str, &'static str) {
    match state {
        None => ("ok", "state-delivered"),
        Some(DeliveryState::Waiting) => ("wait", "state-pending"),
        Some(DeliveryState::Scheduled(_)) => ("warn", "state-retrying"),
        Some(DeliveryState::Ended(Ended::Skipped)) => ("skip", "state-skipped"),
        Some(DeliveryState::Ended(Ended::Cancelled)) => ("skip", "state-cancelled"),
        Some(DeliveryState::Ended(Ended::Exhausted | Ended::NotRepeated | Ended::Gone | Ended::Blocked)) => {
            ("fail", "state-failed")
        }
    }
}

/// What is shown of a payload, or why nothing of it can be sent again.
pub fn content(payload: &Payload) -> (Option<Content>, Option<&'static str>) {
    match payload {
        Payload::Kept(bytes) => (Some(Content::of(bytes)), None),
        Payload::Redacted(bytes) => (Some(Content::of(bytes)), Some("payload-redacted")),
        Payload::Gone | Payload::LeftOut => (None, Some("payload-gone")),
    }
}

fn explained(last: Option<&StoredAttempt>, state: Option<DeliveryState>, found: &EndpointView, ui: &Ui) -> String {
    let Some(attempt) = last else {
        return ui.t(match state {
            None => "why-not-kept",
            Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)) => "why-waiting",
            Some(DeliveryState::Ended(Ended::Skipped)) => "why-skipped",
            Some(DeliveryState::Ended(_)) => "why-not-kept",
        });
    };
    let host = url::Url::parse(&attempt.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let limit = ui.span(&found.settings.time_limit.value);
    ui.lang.text_with(
        &format!("cause-{}", Cause::of(attempt).word()),
        &[
            ("status", attempt.status.map(|status| status.to_string()).unwrap_or_default().into()),
            ("host", host.unwrap_or_default().into()),
            ("limit", limit.into()),
        ],
    )
}

fn following(state: Option<DeliveryState>, ui: &Ui) -> Option<String> {
    Some(match state? {
        DeliveryState::Waiting => ui.t("next-soon"),
        DeliveryState::Scheduled(at) => {
            let wait = at.saturating_since(ui.now);
            ui.b("next-at", "time", ui.short(&at), "span", ui.span(&rounded(wait)))
        }
        DeliveryState::Ended(how) => ui.t(match how {
            Ended::Exhausted => "next-exhausted",
            Ended::NotRepeated => "next-not-repeated",
            Ended::Gone => "next-gone",
            Ended::Blocked => "next-blocked",
            Ended::Skipped => "next-skipped",
            Ended::Cancelled => "next-cancelled",
        }),
    })
}

fn tried(
    one: &StoredAttempt,
    is_last: bool,
    state: Option<DeliveryState>,
    chosen: Option<&StoredAttempt>,
    path: &str,
    ui: &Ui,
) -> Try {
    // Only the last attempt is still open; those before it failed, whatever came later.
    let shown = if is_last { state } else { Some(DeliveryState::Ended(Ended::Exhausted)) };
    let (shape, key) = state_of(one, shown);
    Try {
        number: one.number,
        at: one.started_at,
        shape,
        state: ui.t(if key == "state-retrying" { "state-failed" } else { key }),
        response: response(one, ui),
        took: ui.span(&rounded(one.duration)),
        is_manual: one.trigger == Trigger::Manual,
        href: format!("{path}?attempt={}", one.id),
        is_chosen: chosen.is_some_and(|chosen| chosen.id == one.id),
    }
}

fn detail(one: &StoredAttempt, event: &StoredEvent, ui: &Ui) -> Chosen {
    let lines = String::from_utf8_lossy(&one.response_headers);
    let headers = lines.lines().filter_map(|line| line.split_once(':'));
    let body = (!one.response_body.is_empty()).then(|| Content::of(&one.response_body));
    Chosen {
        number: one.number,
        id: one.id.to_string(),
        url: one.url.to_string(),
        sent: sent_headers(one, event)
            .into_iter()
            .chain([("webhook-signature".to_owned(), ui.t("not-kept"))])
            .collect(),
        status: one.status,
        headers: headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect(),
        body,
        body_note: match one.body_end {
            BodyEnd::Complete => None,
            BodyEnd::Capped => Some("body-capped"),
            BodyEnd::Broken => Some("body-broken"),
        },
    }
}

/// The request's headers that follow from what is kept.
fn sent_headers(one: &StoredAttempt, event: &StoredEvent) -> Vec<(String, String)> {
    [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", event.id.to_string()),
        ("webhook-timestamp", one.started_at.as_secs().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The request as a command; the signature is left out, because the secret is not to lie about in a shell's history.
fn curl(one: &StoredAttempt, event: &StoredEvent) -> Option<String> {
    let Payload::Kept(bytes) = &event.payload else { return None };
    let body = std::str::from_utf8(bytes).ok().filter(|body| body.len() <= SHOWN_BYTES_MAX)?;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let headers: String = sent_headers(one, event)
        .iter()
        .map(|(name, value)| format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))))
        .collect();
    Some(format!("curl {}{headers} \\\n  --data-binary {}", quoted(&one.url), quoted(body)))
}
