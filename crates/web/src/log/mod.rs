//! Developer → Logs.

mod command;
pub mod compare;
mod delivery;
mod explain;
mod export;
mod known;
mod list;
mod live;
mod query;
mod resend;
mod timeline;
mod view;

use std::time::Duration;

use ringup_app::view::{OutcomeWord, StoredAttempt};
use ringup_app::{Cause, Logged};
use ringup_core::delivery::{DeliveryState, Trigger};
use ringup_core::time::Timestamp;

use crate::endpoint;
use crate::ui::Ui;

pub use delivery::{Content, content, page as delivery, payload, resend};
pub use explain::overall;
pub use export::export;
use known::known;
pub use list::{complete, page as list};
pub use live::live;
pub use resend::{begin as begin_resend, cancel as cancel_task, page as resend_found, task};
pub use view::save as save_view;

/// One attempt in a list.
pub struct Line {
    pub id: String,
    /// Its delivery: lines of the same one change together.
    pub of: String,
    pub at: Timestamp,
    pub shape: &'static str,
    pub state: String,
    pub event_type: String,
    pub url: String,
    /// The page of the delivery, with this attempt open.
    pub path: String,
    pub response: String,
    pub took: String,
    pub number: u32,
    pub is_manual: bool,
}

impl Line {
    pub fn of(row: &Logged, ui: &Ui, base: &str) -> Line {
        let attempt = &row.attempt;
        let (shape, key) = state_of(attempt, row.state);
        let (url, name) = match &row.endpoint {
            Some(view) => (endpoint::title(view), Some(endpoint::name(view))),
            None => (attempt.url.to_string(), None),
        };
        Line {
            id: attempt.id.to_string(),
            of: format!("{}.{}", attempt.event, attempt.endpoint.0),
            at: attempt.started_at,
            shape,
            state: ui.t(key),
            event_type: row.event_type.to_string(),
            url,
            path: name.map_or_else(
                || format!("{base}/events/{}", attempt.event),
                |name| format!("{base}/logs/{}/{name}?attempt={}", attempt.event, attempt.id),
            ),
            response: response(attempt, ui),
            took: ui.span(&rounded(attempt.duration)),
            number: attempt.number,
            is_manual: attempt.trigger == Trigger::Manual,
        }
    }
}

/// Shape and words for an attempt, given where its delivery stands now.
fn state_of(attempt: &StoredAttempt, state: Option<DeliveryState>) -> (&'static str, &'static str) {
    match (attempt.outcome, state) {
        (OutcomeWord::Delivered, _) => ("ok", "state-delivered"),
        (OutcomeWord::Interrupted, _) => ("skip", "state-interrupted"),
        (_, Some(DeliveryState::Scheduled(_) | DeliveryState::Waiting)) => ("warn", "state-retrying"),
        (_, Some(DeliveryState::Ended(_))) => ("fail", "state-failed"),
        (_, None) => ("warn", "state-recovered"),
    }
}

/// The status, or a word where there is none.
fn response(attempt: &StoredAttempt, ui: &Ui) -> String {
    let cause = Cause::of(attempt);
    match (attempt.status, cause) {
        (Some(_), Cause::TimedOut) | (None, _) => ui.t(format!("short-{}", cause.word())),
        (Some(status), _) => status.to_string(),
    }
}

/// Below a millisecond nobody looks.
pub fn rounded(span: Duration) -> Duration {
    Duration::from_millis(u64::try_from(span.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX))
}
