//! What waits for the writer, and when the writer takes it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringup_core::delivery::Ended;
use ringup_core::id::{AttemptId, EventId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::chore::Chore;
use super::plan::Plan;
use crate::seam::{Acceptance, NewEvent, Recall, Recalled, Resent, Settlement, StoreError};

/// Settlements that are worth a commit of their own.
const SETTLEMENTS_ENOUGH: usize = 256;

/// Bounds of one group: its commit stays within some milliseconds.
const GROUP_EVENTS_MAX: usize = 512;
const GROUP_SETTLEMENTS_MAX: usize = 1_024;
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// Accepts in a group from which there is load, and company worth waiting for.
const LOAD_ACCEPTS: usize = 8;

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// One thing to do inside a group's commit, or between groups.
#[expect(
    clippy::large_enum_variant,
    reason = "the largest is the commonest: a box would be an allocation per delivery"
)]
pub(super) enum Item {
    Accept { events: Vec<NewEvent>, bytes: usize, reply: Reply<Vec<Acceptance>> },
    Settle(Settlement),
    EndWaiting { wanted: EndWaiting, reply: Reply<usize> },
    Resend { wanted: Resend, reply: Reply<Resent> },
    Recall { wanted: Recall, reply: Reply<Vec<Recalled>> },
    Expunge { wanted: Expunge, reply: Reply<()> },
    Chore(Chore),
}

pub(super) struct EndWaiting {
    pub(super) endpoint: EndpointKey,
    pub(super) how: Ended,
    pub(super) now: Timestamp,
    pub(super) except: Vec<Tick>,
    pub(super) rows_max: usize,
}

pub(super) struct Resend {
    pub(super) account: AccountKey,
    pub(super) event: EventId,
    pub(super) endpoint: EndpointKey,
}

/// Content to be removed: an event's payload, or what one of its attempts keeps of the response.
pub(super) struct Expunge {
    pub(super) account: AccountKey,
    pub(super) event: EventId,
    pub(super) attempt: Option<AttemptId>,
    pub(super) now: Timestamp,
}

/// What the writer is to do now.
pub(super) enum Next {
    Group(Vec<Item>),
    Chore(Chore),
    /// Nothing came for a while; said once.
    Idle,
    /// Nothing will come any more.
    End,
}

/// What the writer remembers between groups.
#[derive(Default)]
pub(super) struct Rhythm {
    /// Accepts in the last group.
    pub(super) accepts: usize,
    pub(super) idle_told: bool,
    /// Set while commits fail: settlements wait that long before they are tried again.
    pub(super) resting: Option<Duration>,
}

/// A queue with one consumer, who sleeps until it is worth waking.
pub(super) struct Inbox {
    state: Mutex<State>,
    wake: Condvar,
    events_max: usize,
    bytes_max: usize,
    settlement_linger: Duration,
    company_wait: Duration,
    idle: Duration,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    accepts: usize,
    events: usize,
    bytes: usize,
    settlements: usize,
    /// Items that nothing should wait with: commands and chores.
    urgent: usize,
    settlements_since: Option<Instant>,
    sleep: Sleep,
    ending: Option<Ending>,
}

/// What the consumer sleeps for.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Sleep {
    #[default]
    Awake,
    Anything,
    /// An accept or so many settlements.
    AcceptOrEnough,
    Accepts(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything that waits is still done.
    Drain,
    /// Nothing more is done, as if the process had died.
    Abandon,
}

impl Inbox {
    pub(super) fn new(plan: &Plan) -> Inbox {
        Inbox {
            state: Mutex::default(),
            wake: Condvar::new(),
            events_max: plan.inbox_events_max,
            bytes_max: plan.inbox_bytes_max,
            settlement_linger: plan.settlement_linger,
            company_wait: plan.company_wait,
            idle: plan.idle,
        }
    }

    /// Refused when too much waits already, or the end has begun.
    pub(super) fn push(&self, item: Item) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.ending.is_some() {
            return Err(closed());
        }
        if let Item::Accept { events, bytes, .. } = &item
            && state.accepts > 0
            && (state.events + events.len() > self.events_max || state.bytes + bytes > self.bytes_max)
        {
            return Err(StoreError::Unavailable(Arc::from("too many events wait for the disk")));
        }
        state.count(&item, true);
        state.items.push_back(item);
        if state.is_worth_waking() {
            state.sleep = Sleep::Awake;
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Puts items that could not be committed back to the front, in their order.
    pub(super) fn give_back(&self, items: Vec<Item>) {
        let mut state = self.lock();
        for item in items.into_iter().rev() {
            state.count(&item, true);
            state.items.push_front(item);
        }
    }

    pub(super) fn end(&self, ending: Ending) {
        let mut state = self.lock();
        // An abandoned store cannot be drained any more; a draining one can still be abandoned.
        if state.ending != Some(Ending::Abandon) {
            state.ending = Some(ending);
        }
        state.sleep = Sleep::Awake;
        self.wake.notify_one();
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.lock().ending
    }

    /// Everything that still waits, for when nobody will do it.
    pub(super) fn take_all(&self) -> Vec<Item> {
        let mut state = self.lock();
        let items = std::mem::take(&mut state.items);
        *state = State { ending: state.ending, ..State::default() };
        items.into()
    }

    /// Waits until there is something worth a commit.
    pub(super) fn next(&self, rhythm: &mut Rhythm) -> Next {
        let mut state = self.lock();
        let mut since: Option<Instant> = None;
        loop {
            if state.ending == Some(Ending::Abandon) || (state.ending.is_some() && state.items.is_empty()) {
                return Next::End;
            }
            if state.items.is_empty() {
                if rhythm.idle_told {
                    state = self.sleep(state, Sleep::Anything, None);
                    continue;
                }
                let idle_at = Instant::now() + self.idle;
                state = self.sleep(state, Sleep::Anything, Some(idle_at));
                if state.items.is_empty() && state.ending.is_none() && Instant::now() >= idle_at {
                    rhythm.idle_told = true;
                    return Next::Idle;
                }
                continue;
            }
            rhythm.idle_told = false;
            let begun = *since.get_or_insert_with(Instant::now);
            match self.reason_to_wait(&state, rhythm, begun) {
                Some((sleep, until)) if Instant::now() < until => state = self.sleep(state, sleep, Some(until)),
                _ => break,
            }
        }
        if let Some(Item::Chore(_)) = state.items.front()
            && let Some(item) = state.items.pop_front()
        {
            state.count(&item, false);
            if let Item::Chore(chore) = item {
                return Next::Chore(chore);
            }
        }
        let group = state.take_group();
        rhythm.accepts = group.iter().filter(|item| matches!(item, Item::Accept { .. })).count();
        Next::Group(group)
    }

    fn reason_to_wait(&self, state: &State, rhythm: &Rhythm, begun: Instant) -> Option<(Sleep, Instant)> {
        if state.urgent > 0 || state.ending.is_some() {
            return None;
        }
        if state.accepts == 0 {
            if let Some(rest) = rhythm.resting {
                return Some((Sleep::Accepts(1), begun + rest));
            }
            if state.settlements >= SETTLEMENTS_ENOUGH {
                return None;
            }
            let first = state.settlements_since.unwrap_or(begun);
            return Some((Sleep::AcceptOrEnough, first + self.settlement_linger));
        }
        let load = rhythm.accepts >= LOAD_ACCEPTS && rhythm.resting.is_none();
        let company = load && state.accepts < rhythm.accepts && state.bytes < GROUP_BYTES_MAX;
        company.then(|| (Sleep::Accepts(rhythm.accepts), begun + self.company_wait))
    }

    fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        sleep: Sleep,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        state.sleep = sleep;
        while state.sleep != Sleep::Awake {
            match until {
                None => state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.sleep = Sleep::Awake;
                        break;
                    }
                    state = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_worth_waking(&self) -> bool {
        match self.sleep {
            Sleep::Awake => false,
            Sleep::Anything => true,
            Sleep::AcceptOrEnough => self.accepts > 0 || self.urgent > 0 || self.settlements >= SETTLEMENTS_ENOUGH,
            Sleep::Accepts(enough) => self.accepts >= enough || self.urgent > 0 || self.bytes >= GROUP_BYTES_MAX,
        }
    }

    fn count(&mut self, item: &Item, comes: bool) {
        let change = |count: &mut usize, by: usize| {
            *count = if comes { count.saturating_add(by) } else { count.saturating_sub(by) };
        };
        match item {
            Item::Accept { events, bytes, .. } => {
                change(&mut self.accepts, 1);
                change(&mut self.events, events.len());
                change(&mut self.bytes, *bytes);
            }
            Item::Settle(_) => {
                change(&mut self.settlements, 1);
                if self.settlements == 0 {
                    self.settlements_since = None;
                } else if comes && self.settlements_since.is_none() {
                    self.settlements_since = Some(Instant::now());
                }
            }
            Item::EndWaiting { .. }
            | Item::Resend { .. }
            | Item::Recall { .. }
            | Item::Expunge { .. }
            | Item::Chore(_) => change(&mut self.urgent, 1),
        }
    }

    /// From the front, in order, up to the bounds of a group or the next chore. At least one item.
    fn take_group(&mut self) -> Vec<Item> {
        let (mut events, mut bytes, mut settlements) = (0, 0, 0);
        let mut group = Vec::new();
        while let Some(item) = self.items.front() {
            match item {
                Item::Chore(_) => break,
                Item::Accept { events: more, bytes: more_bytes, .. } => {
                    events += more.len();
                    bytes += more_bytes;
                }
                Item::Settle(_) => settlements += 1,
                Item::EndWaiting { .. } | Item::Resend { .. } | Item::Recall { .. } | Item::Expunge { .. } => {}
            }
            let full = events > GROUP_EVENTS_MAX || bytes > GROUP_BYTES_MAX || settlements > GROUP_SETTLEMENTS_MAX;
            if full && !group.is_empty() {
                break;
            }
            let Some(item) = self.items.pop_front() else { break };
            self.count(&item, false);
            group.push(item);
        }
        group
    }
}

pub(super) fn closed() -> StoreError {
    StoreError::Unavailable(Arc::from("the store is closed"))
}
