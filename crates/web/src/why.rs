//! Why an event went to an endpoint, or did not: sentences for what `app` found.

use ringup_app::{Reason, Why, WhyEndpoint};
use ringup_core::delivery::{DeliveryState, Ended};
use ringup_core::subscription::Unmet;

use crate::ui::Ui;

/// Shape, and one sentence.
pub fn words(why: &Why, one: &WhyEndpoint, ui: &Ui) -> (&'static str, String) {
    match &one.reason {
        Reason::Sent(_) => ("ok", matched(why, one, ui)),
        Reason::MadeLater => ("skip", ui.t("why-made-later")),
        Reason::Unmet(Unmet::EventType) => ("skip", ui.a("why-type", "type", &*why.event.event_type)),
        Reason::Unmet(Unmet::Channel) => {
            let wanted = one.endpoint.endpoint.subscription.channels.iter().flatten().cloned().collect::<Vec<_>>();
            ("skip", ui.a("why-channel", "channels", wanted.join(", ")))
        }
        Reason::Unmet(Unmet::Filter(refusal)) => (
            "skip",
            match &refusal.found {
                Some(found) => ui.b("why-filter-found", "clause", &refusal.clause, "found", found),
                None => ui.a("why-filter", "clause", &refusal.clause),
            },
        ),
        Reason::PayloadGone => ("skip", ui.t("why-payload-gone")),
        Reason::WouldMatchNow => ("skip", ui.t("why-would-match")),
    }
}

/// What of the endpoint's subscription asked for the event. As it stands now: `changed` says if that may differ.
fn matched(why: &Why, one: &WhyEndpoint, ui: &Ui) -> String {
    let subscription = &one.endpoint.endpoint.subscription;
    let event_type = &*why.event.event_type;
    let by_family = why.family.as_deref().filter(|family| subscription.families.contains(*family));
    let by_name = subscription.event_types.as_ref().is_some_and(|types| types.contains(event_type));
    let mut text = match by_family {
        _ if by_name => ui.a("why-by-name", "type", event_type),
        Some(family) => ui.a("why-by-family", "family", family),
        None if subscription.wants_type(event_type, None) => ui.t("why-by-all"),
        // It was changed since, and would not be asked for now.
        None => ui.t("why-by-then"),
    };
    let mut add = |more: String| {
        text.push(' ');
        text.push_str(&more);
    };
    if subscription.channels.is_some() && !why.event.channels.is_empty() {
        add(ui.a("why-and-channel", "channels", why.event.channels.join(", ")));
    }
    if let Some(filter) = &subscription.filter {
        add(ui.a("why-and-filter", "filter", filter.text()));
    }
    if matches!(one.reason, Reason::Sent(Some(DeliveryState::Ended(Ended::Skipped)))) {
        add(ui.t("why-but-paused"));
    }
    text
}
