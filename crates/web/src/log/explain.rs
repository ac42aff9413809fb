//! What happened to a delivery, whose doing it is, and what follows: in words.

use ringup_app::Cause;
use ringup_app::view::{EndpointView, StoredAttempt};
use ringup_core::delivery::{DeliveryState, Ended};

use super::rounded;
use crate::ui::Ui;

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

/// What happened and what to do about it.
pub fn explained(last: Option<&StoredAttempt>, state: Option<DeliveryState>, found: &EndpointView, ui: &Ui) -> String {
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

/// What we do next.
pub fn following(state: Option<DeliveryState>, ui: &Ui) -> Option<String> {
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

/// Whose doing a failure is.
pub fn side(last: Option<&StoredAttempt>, ui: &Ui) -> Option<String> {
    let cause = Cause::of(last?);
    (cause != Cause::Delivered).then(|| ui.t(format!("side-{}", cause.side().word())))
}
