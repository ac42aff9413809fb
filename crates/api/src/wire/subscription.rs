//! What an endpoint subscribes to, on the wire.
//!
//! A family may stand among the event types, as `family:customer invoice`, so that a client that knows only those can
//! read it and put it back; or in the field `families`, which is ours.

use std::collections::BTreeSet;

use ringup_app::{EndpointDraft, TRIED_EVENTS_MAX, Tried};
use ringup_core::subscription::Subscription;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::patch::Patch;

/// What a family's name begins with among event types. No event type has a colon.
const FAMILY: &str = "family:";

/// A request to try a subscription on what came lately.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TryIn {
    filter: Option<String>,
    event_types: Option<BTreeSet<String>>,
    families: Option<BTreeSet<String>>,
    channels: Option<BTreeSet<String>>,
}

/// How a subscription fared with an application's newest messages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TryOut {
    matched: usize,
    /// Messages that were looked at.
    messages: usize,
    /// The most that are looked at.
    messages_max: usize,
    /// Messages whose payload is gone, so that nobody can tell.
    unknown: usize,
    /// Ids of the newest that matched.
    examples: Vec<String>,
}

impl TryIn {
    pub fn draft(self) -> EndpointDraft {
        let mut draft = EndpointDraft::default();
        replace(self.event_types, self.families, &mut draft);
        draft.channels = self.channels;
        draft.filter = self.filter;
        draft
    }
}

impl TryOut {
    pub fn of(tried: &Tried) -> TryOut {
        TryOut {
            matched: tried.matched,
            messages: tried.events,
            messages_max: TRIED_EVENTS_MAX,
            unknown: tried.unknown,
            examples: tried.examples.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Takes both spellings together; what is not there is emptied.
pub fn replace(names: Option<BTreeSet<String>>, families: Option<BTreeSet<String>>, draft: &mut EndpointDraft) {
    draft.event_types = None;
    draft.families = BTreeSet::new();
    if let Some(names) = names {
        put(names, draft);
    }
    draft.families.extend(families.into_iter().flatten());
}

/// Event types alone replace the families that stand among them, families alone leave event types as they are.
pub fn apply(names: Patch<BTreeSet<String>>, families: Patch<BTreeSet<String>>, draft: &mut EndpointDraft) {
    let alone = names == Patch::Absent;
    match names {
        Patch::Absent => {}
        Patch::Null => replace(None, None, draft),
        Patch::Value(names) => put(names, draft),
    }
    match families {
        Patch::Absent => {}
        Patch::Null => draft.families.clear(),
        Patch::Value(families) if alone => draft.families = families,
        Patch::Value(families) => draft.families.extend(families),
    }
}

fn put(names: BTreeSet<String>, draft: &mut EndpointDraft) {
    let nothing = names.is_empty();
    let family = |name: &str| name.strip_prefix(FAMILY).map(|family| family.trim().to_owned());
    draft.families = names.iter().filter_map(|name| family(name)).collect();
    let types: BTreeSet<String> = names.into_iter().filter(|name| !name.starts_with(FAMILY)).collect();
    draft.event_types = (nothing || !types.is_empty()).then_some(types);
}

/// Everything an endpoint subscribes to, in one list; `None` for all there is.
pub fn names(subscription: &Subscription) -> Option<Vec<String>> {
    let families = subscription.families.iter().map(|family| format!("{FAMILY}{family}"));
    let everything = subscription.event_types.is_none() && subscription.families.is_empty();
    (!everything).then(|| subscription.event_types.iter().flatten().cloned().chain(families).collect())
}
