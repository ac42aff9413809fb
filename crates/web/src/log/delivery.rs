//! One delivery: what happened, why, what follows, and everything that was kept of it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use ringup_app::AppError;
use ringup_app::view::{AttemptFilter, EndpointView, Order, PageRequest, Payload, StoredAttempt, StoredEvent};
use ringup_core::delivery::DeliveryState;
use ringup_core::limits::PAGE_ROWS_MAX;
use ringup_core::outcome::BodyEnd;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;

use super::command::{self, Call, KINDS, Kind, Source};
use super::compare::{Compared, compare};
use super::explain::{explained, following, overall, side};
use super::timeline::Timeline;
use super::{response, rounded};
use crate::chart::parts;
use crate::endpoint::{name, path as url_path, title};
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::json_view::{SHOWN_BYTES_MAX, view as shown};
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path};
use crate::{Shared, why};

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    ui: Ui,
    base: String,
    /// Its own address.
    path: String,
    /// With what the query chooses.
    here: String,
    event: String,
    event_type: String,
    url_name: String,
    url_path: String,
    shape: &'static str,
    state: String,
    /// What happened and what to do.
    explained: String,
    side: Option<String>,
    /// What follows.
    next: Option<String>,
    accepted_at: Timestamp,
    /// Why the event went here, and whether what asked for it was changed since.
    why: String,
    changed_since: bool,
    /// Endpoints that the event went to.
    sent_to: u64,
    timeline: Timeline,
    chosen: Option<Chosen>,
    comparison: Option<Comparison>,
    payload: Option<Content>,
    payload_note: Option<&'static str>,
    is_live: bool,
    is_stopped: bool,
    can_resend: bool,
    can_send_again: bool,
    command: Option<Command>,
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
    /// Where the time went.
    steps: Vec<(&'static str, String)>,
}

/// The answers to two attempts.
struct Comparison {
    /// Ids, words, and whether it is the one compared with.
    others: Vec<(String, String, bool)>,
    /// The one that is looked at.
    chosen: String,
    chosen_words: String,
    /// `None` until somebody asks.
    found: Option<Compared>,
    only: bool,
    /// Where the same is with or without what is alike.
    toggle: String,
}

/// The request as a program.
struct Command {
    kinds: Vec<(&'static Kind, String)>,
    chosen: &'static str,
    text: String,
    /// The payload is in a file.
    from_file: Option<String>,
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

/// `GET /a/{account}/logs/{event}/{endpoint}`. The query chooses an attempt (`attempt`), one to compare it with
/// (`with`, `only`) and a language (`as`).
pub async fn page(
    State(web): Shared,
    visit: Visit,
    Path((account, event, endpoint)): Path<(String, String, String)>,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    let reasons = web.app.why(&visit.who, &account, &event).await?;
    let stored = &reasons.event;
    let mut sent_to = reasons.endpoints.iter().filter_map(|one| match one.reason {
        ringup_app::Reason::Sent(state) => Some((one, state)),
        _ => None,
    });
    let count = sent_to.clone().count() + reasons.removed;
    let Some((reason, state)) = sent_to.find(|(one, _)| one.endpoint.endpoint.key == found.endpoint.key) else {
        return Err(AppError::NotFound { what: "delivery", name: format!("{event} → {endpoint}") }.into());
    };
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
    let accepted_at = stored.id.tick().time();
    let page = DeliveryPage {
        event: stored.id.to_string(),
        event_type: stored.event_type.to_string(),
        url_name: title(&found),
        url_path: format!("{base}{}", url_path(&found)),
        shape,
        state: ui.t(key),
        explained: explained(chosen, state, &found, &ui),
        side: side(chosen, &ui),
        next: following(state, &ui),
        accepted_at,
        why: why::words(&reasons, reason, &ui).1,
        changed_since: reason.changed_since,
        sent_to: count as u64,
        timeline: Timeline::of(&attempts, state, &found, accepted_at, chosen, &path, &ui),
        comparison: chosen.and_then(|one| comparison(one, &attempts, &visit.query, &path, &ui)),
        command: chosen.and_then(|one| command(one, stored, &found, &visit.query, &path)),
        chosen: chosen.map(|one| detail(one, stored, &ui)),
        is_stopped: found.endpoint.stopped.is_some(),
        can_resend: payload_note.is_none() && found.endpoint.stopped.is_none() && visit.who.may(Scope::Recover),
        can_send_again: payload_note.is_none() && visit.who.may(Scope::Publish),
        is_live: matches!(state, Some(DeliveryState::Waiting | DeliveryState::Scheduled(_))),
        payload,
        payload_note,
        here: format!("{path}?{}", visit.query.with(&[("done", "")])),
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

/// What is shown of a payload, or why nothing of it can be sent again.
pub fn content(payload: &Payload) -> (Option<Content>, Option<&'static str>) {
    match payload {
        Payload::Kept(bytes) => (Some(Content::of(bytes)), None),
        Payload::Redacted(bytes) => (Some(Content::of(bytes)), Some("payload-redacted")),
        Payload::Gone | Payload::LeftOut => (None, Some("payload-gone")),
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
        sent: sent_headers(one, event, ui),
        status: one.status,
        headers: headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect(),
        body,
        body_note: match one.body_end {
            BodyEnd::Complete => None,
            BodyEnd::Capped => Some("body-capped"),
            BodyEnd::Broken => Some("body-broken"),
        },
        steps: parts(&one.timing, one.duration)
            .into_iter()
            .map(|(step, took)| (step, ui.span(&rounded(took))))
            .collect(),
    }
}

/// The request's headers that follow from what is kept.
fn sent_headers(one: &StoredAttempt, event: &StoredEvent, ui: &Ui) -> Vec<(String, String)> {
    [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", event.id.to_string()),
        ("webhook-timestamp", one.started_at.as_secs().to_string()),
        ("webhook-signature", ui.t("not-kept")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The chosen attempt beside another; `None` where there is no other.
fn comparison(
    chosen: &StoredAttempt,
    attempts: &[StoredAttempt],
    query: &Fields,
    path: &str,
    ui: &Ui,
) -> Option<Comparison> {
    let words = |one: &StoredAttempt| {
        let number = ui.a("try", "number", one.number.to_string());
        format!("{number} · {} · {}", response(one, ui), ui.short(&one.started_at))
    };
    let with = query.one("with");
    let others = attempts.iter().filter(|one| one.id != chosen.id).map(|one| {
        let id = one.id.to_string();
        let is_chosen = Some(id.as_str()) == with;
        (id, words(one), is_chosen)
    });
    let others: Vec<_> = others.collect();
    let only = query.has("only");
    let other = attempts.iter().find(|one| Some(one.id.to_string().as_str()) == with);
    let toggled = query.with(&[("only", if only { "" } else { "1" }), ("done", "")]);
    (!others.is_empty()).then(|| Comparison {
        others,
        chosen: chosen.id.to_string(),
        chosen_words: words(chosen),
        // The earlier one is the old side, whichever was chosen.
        found: other.map(|other| {
            let (old, new) = if other.id.tick() < chosen.id.tick() { (other, chosen) } else { (chosen, other) };
            compare(old, new, only, ui)
        }),
        only,
        toggle: format!("{path}?{toggled}#compare"),
    })
}

fn command(
    one: &StoredAttempt,
    event: &StoredEvent,
    found: &EndpointView,
    query: &Fields,
    path: &str,
) -> Option<Command> {
    let Payload::Kept(bytes) = &event.payload else { return None };
    let file = format!("{}.json", event.id);
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= command::INLINE_BYTES_MAX);
    let call = Call {
        url: &one.url,
        event: &event.id.to_string(),
        names: found.settings.header_names.value,
        payload: text.map_or(Source::File(&file), Source::Text),
    };
    let (chosen, program) = command::command(query.one("as").unwrap_or_default(), &call);
    let kinds = KINDS.iter().map(|kind| {
        let link = query.with(&[("as", kind.key), ("done", "")]);
        (kind, format!("{path}?{link}#command"))
    });
    Some(Command { kinds: kinds.collect(), chosen, text: program, from_file: text.is_none().then_some(file) })
}
