//! What an endpoint subscribes to: checked when it is saved, tried before.

use ringup_core::endpoint::Endpoint;
use ringup_core::filter::{Facts, Filter};
use ringup_core::id::EventId;
use ringup_core::operational::OperationalKind;
use ringup_core::scope::Scope;
use ringup_core::subscription::Subscription;
use ringup_store::directory::{AccountView, Directory};
use ringup_store::query::{EventFilter, Order, PageRequest, Payload};

use crate::app::App;
use crate::check::{ENDPOINT_CHANNELS_MAX, Faults, TITLE_BYTES_MAX};
use crate::endpoint::EndpointDraft;
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// Event types in one subscription: whoever wants more wants all.
const SUBSCRIBED_TYPES_MAX: usize = 1_000;

/// Families in one subscription; the guide has seven.
const SUBSCRIBED_FAMILIES_MAX: usize = 100;

/// Endpoints of one account that look into payloads: each of its publishes pays for all of them.
const FILTERS_PER_ACCOUNT_MAX: usize = 100;

/// Events that a filter is tried on.
pub const TRIED_EVENTS_MAX: usize = 100;

/// What a subscription would have done with an account's newest events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Events that were looked at, newest first.
    pub events: usize,
    pub matched: usize,
    /// Events that cannot be told about, because their payload is gone or was struck out in part.
    pub unknown: usize,
    /// The newest that matched, a few.
    pub examples: Vec<EventId>,
}

/// Examples of matching events: enough to open one.
const EXAMPLES_MAX: usize = 5;

impl App {
    /// How many of the account's newest events, at most [`TRIED_EVENTS_MAX`], a subscription would have matched.
    pub async fn try_subscription(
        &self,
        principal: &Principal,
        account: &str,
        draft: &EndpointDraft,
    ) -> Result<Tried, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let mut faults = Faults::default();
        let subscription = read(draft, &mut faults);
        faults.done()?;
        let page = PageRequest { rows_max: TRIED_EVENTS_MAX, after: None, order: Order::NewestFirst };
        let events = self.store().events(view.account.key, EventFilter::default(), page).await?.rows;
        let mut tried = Tried { events: events.len(), ..Tried::default() };
        for event in &events {
            let registered = self.directory().event_type(view.account.environment, &event.event_type);
            let family = registered.as_ref().and_then(|registered| registered.group.as_deref());
            let (Payload::Kept(payload) | Payload::Redacted(payload)) = &event.payload else {
                tried.unknown += 1;
                continue;
            };
            let facts =
                Facts { event_type: &event.event_type, channels: &event.channels, tags: &event.extras.tags, payload };
            if subscription.matches(&facts, family) {
                tried.matched += 1;
                if tried.examples.len() < EXAMPLES_MAX {
                    tried.examples.push(event.id);
                }
            }
        }
        Ok(tried)
    }

    /// Whether an event of this type on these channels might go anywhere now: an endpoint that is not disabled asks for
    /// it. What filters would say about its payload is left open.
    pub fn is_wanted(
        &self,
        principal: &Principal,
        account: &str,
        event_type: &str,
        channels: &[String],
    ) -> Result<bool, AppError> {
        let view = self.owned(principal, account, Scope::Publish)?;
        let mut faults = Faults::default();
        faults.name("event_type", event_type);
        faults.channels(channels);
        faults.done()?;
        let registered = self.directory().event_type(view.account.environment, event_type);
        let family = registered.as_ref().and_then(|registered| registered.group.as_deref());
        Ok(view.endpoints.iter().any(|found| {
            let subscription = &found.endpoint.subscription;
            let wants = subscription.wants_type(event_type, family) && subscription.wants_channel(channels);
            wants && found.endpoint.stopped.is_none()
        }))
    }
}

/// The subscription that a draft asks for. Only good if no fault was added.
pub(crate) fn checked(
    directory: &Directory,
    view: &AccountView,
    draft: &EndpointDraft,
    old: Option<&Endpoint>,
    faults: &mut Faults,
) -> Subscription {
    let subscription = read(draft, faults);
    strict(directory, view, draft, faults);
    let others = view
        .endpoints
        .iter()
        .map(|view| &view.endpoint)
        .filter(|other| other.subscription.filter.is_some() && old.is_none_or(|old| old.key != other.key));
    faults.check(subscription.filter.is_none() || others.count() < FILTERS_PER_ACCOUNT_MAX, || {
        let why = format!("an application has at most {FILTERS_PER_ACCOUNT_MAX} endpoints with a filter");
        Fault::new("filter", "count", why)
    });
    subscription
}

fn read(draft: &EndpointDraft, faults: &mut Faults) -> Subscription {
    if let Some(types) = &draft.event_types {
        faults.count("event_types", types.len(), 1, SUBSCRIBED_TYPES_MAX);
        faults.names("event_types", types);
    }
    faults.count("families", draft.families.len(), 0, SUBSCRIBED_FAMILIES_MAX);
    for (index, family) in draft.families.iter().enumerate() {
        faults.check(!family.trim().is_empty() && family.len() <= TITLE_BYTES_MAX, || {
            Fault::new("families", "name", format!("a family's name has 1 to {TITLE_BYTES_MAX} bytes")).at(index)
        });
    }
    if let Some(channels) = &draft.channels {
        faults.count("channels", channels.len(), 1, ENDPOINT_CHANNELS_MAX);
        faults.channels(channels);
    }
    let text = draft.filter.as_deref().filter(|text| !text.trim().is_empty());
    let filter = text.and_then(|text| {
        let problem = |problem: ringup_core::filter::Problem| Fault::new("filter", "filter", problem.to_string());
        Filter::parse(text).map_err(|found| faults.add(problem(found))).ok()
    });
    Subscription {
        event_types: draft.event_types.clone(),
        families: draft.families.clone(),
        channels: draft.channels.clone(),
        filter,
        hook: None,
    }
}

/// In a strict environment nobody can subscribe to what will never come.
fn strict(directory: &Directory, view: &AccountView, draft: &EndpointDraft, faults: &mut Faults) {
    let environment = view.account.environment;
    if view.account.is_operational() {
        // Its types are our own, and in no catalogue.
        for (index, name) in draft.event_types.iter().flatten().enumerate() {
            faults.check(OperationalKind::from_word(name).is_some(), || {
                let known: Vec<&str> = OperationalKind::ALL.iter().map(|kind| kind.word()).collect();
                Fault::new("event_types", "unknown", format!("expected one of {}", known.join(", "))).at(index)
            });
        }
        return;
    }
    if !directory.environment(environment).is_some_and(|environment| environment.strict) {
        return;
    }
    for (index, name) in draft.event_types.iter().flatten().enumerate() {
        faults.check(directory.event_type(environment, name).is_some(), || {
            let why = format!("the event type {name:?} is not registered");
            Fault::new("event_types", "unregistered", why).at(index)
        });
    }
    if draft.families.is_empty() {
        return;
    }
    let registered = directory.event_types(environment);
    for (index, name) in draft.families.iter().enumerate() {
        let known = registered.iter().any(|event_type| event_type.group.as_ref() == Some(name));
        faults.check(known, || {
            let why = format!("no event type of the family {name:?} is registered");
            Fault::new("families", "unregistered", why).at(index)
        });
    }
}
