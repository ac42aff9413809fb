//! Asking for the log of an account: attempts over many endpoints, narrowed by a search, within a bound.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::DeliveryState;
use ringup_core::key::EndpointKey;
use ringup_core::search::{Bound, Called, Facts, Hints, Search, Status};
use ringup_core::time::{Tick, Timestamp};

use crate::directory::{AccountView, EndpointView};
use crate::log_entry::OutcomeWord;
use crate::query::{Order, PageRequest, StoredAttempt};

/// Attempts that one look at the log goes through: some tens of milliseconds of reading.
pub const LOOKED_AT_MAX: usize = 4_096;

/// How much later than it began an attempt may be filed: it goes by when it ended. Covers the longest time limit and a
/// clock that was set by some minutes meanwhile.
const FILED_LATER_MAX: Duration = Duration::from_mins(5);

/// What is asked of the log.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// Attempts to these.
    pub endpoints: Arc<[EndpointKey]>,
    pub search: Arc<Bound>,
    /// Only what is the newest attempt of its delivery.
    pub newest_only: bool,
    /// 1 to [`LOOKED_AT_MAX`].
    pub looked_at_max: usize,
}

/// An attempt as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Without its response.
    pub attempt: StoredAttempt,
    pub event_type: Arc<str>,
    /// Where the delivery stands now, if this attempt failed; `None`: delivered.
    pub state: Option<DeliveryState>,
}

/// A stretch of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogScan {
    /// As many as asked for, unless `done` or the bound was reached first.
    pub rows: Vec<LogRow>,
    /// Attempts looked at.
    pub looked_at: usize,
    /// The last one; where to go on.
    pub reached: Option<Tick>,
    /// Nothing is left to look at in this direction.
    pub done: bool,
    /// Everything that is filed up to here was there to be found, and nothing behind it was looked at: whoever goes on
    /// from here misses nothing and sees nothing twice.
    pub horizon: Tick,
}

impl LogQuery {
    /// A search over all endpoints that the account has now, or over one of them.
    pub fn of(view: &AccountView, only: Option<EndpointKey>, search: &Search, now: Timestamp) -> LogQuery {
        let called: Vec<Called> = view.endpoints.iter().map(|endpoint| called(endpoint)).collect();
        let all = view.endpoints.iter().map(|endpoint| endpoint.endpoint.key);
        LogQuery {
            endpoints: all.filter(|key| only.is_none_or(|only| only == *key)).collect(),
            search: Arc::new(search.bind(now, &called)),
            newest_only: false,
            looked_at_max: LOOKED_AT_MAX,
        }
    }

    /// Those of the endpoints that the search leaves, in order.
    pub(crate) fn owners(&self) -> Vec<EndpointKey> {
        let wanted = self.search.hints.endpoints.as_ref();
        let mut owners: Vec<EndpointKey> =
            self.endpoints.iter().copied().filter(|key| wanted.is_none_or(|wanted| wanted.contains(key))).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }
}

/// By id, by the owner's own id, by what people call it, by where it is.
fn called(view: &EndpointView) -> Called {
    let endpoint = &view.endpoint;
    let names = endpoint.uid.clone().into_iter().chain([
        endpoint.id.to_string(),
        endpoint.description.trim().to_owned(),
        endpoint.url.clone(),
        host(&endpoint.url).to_owned(),
    ]);
    Called { key: endpoint.key, names: names.collect() }
}

/// Of an address that was checked when it was entered.
fn host(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Where a look begins: behind the row last seen, and not where the times cannot match.
pub(crate) fn start(hints: &Hints, page: PageRequest, horizon: Tick) -> Option<Tick> {
    let tick = |time: Timestamp| Tick::at(time.max(Timestamp::default()));
    match page.order {
        Order::NewestFirst => {
            let behind = Tick(horizon.0.saturating_add(1));
            let before = hints.before.map(|before| tick(before.saturating_add(FILED_LATER_MAX)));
            page.after.into_iter().chain(before).chain([behind]).min()
        }
        // What began later was filed later, too.
        Order::OldestFirst => {
            let after = hints.after.map(|after| Tick(tick(after).0.saturating_sub(1)));
            page.after.into_iter().chain(after).max()
        }
    }
}

/// Whether nothing that comes from this tick on can match.
pub(crate) fn is_past(hints: &Hints, order: Order, tick: Tick, horizon: Tick) -> bool {
    match order {
        // It was filed when it ended, so it began no later than that.
        Order::NewestFirst => hints.after.is_some_and(|after| tick.time() <= after),
        Order::OldestFirst => {
            let is_late = |before: Timestamp| tick.time() > before.saturating_add(FILED_LATER_MAX);
            tick > horizon || hints.before.is_some_and(is_late)
        }
    }
}

/// What the search is told of an attempt before more is looked up.
pub(crate) fn facts<'a>(
    attempt: &StoredAttempt,
    event_type: &'a str,
    channels: &'a [String],
    tags: &'a [String],
    uid: Option<&'a str>,
) -> Facts<'a> {
    Facts {
        outcome: attempt.outcome.word(),
        status: None,
        code: attempt.status,
        event_type,
        channels,
        tags,
        endpoint: attempt.endpoint,
        number: attempt.number,
        took: attempt.duration,
        started_at: attempt.started_at,
        attempt: attempt.id,
        event: attempt.event,
        uid,
        payload: None,
    }
}

/// Where an attempt's delivery stands, as the log says it.
pub fn status_of(outcome: OutcomeWord, state: Option<DeliveryState>) -> Status {
    match (outcome, state) {
        (OutcomeWord::Delivered, _) => Status::Delivered,
        (OutcomeWord::Interrupted, _) => Status::Interrupted,
        (_, Some(DeliveryState::Scheduled(_) | DeliveryState::Waiting)) => Status::Retrying,
        (_, Some(DeliveryState::Ended(_))) => Status::Failed,
        (_, None) => Status::Recovered,
    }
}
