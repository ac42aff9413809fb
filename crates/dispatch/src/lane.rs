//! One endpoint's deliveries: what is ready, what waits for its time, what is under way, and what may start now.
//!
//! A lane never waits and never calls anybody; the conductor asks it and does what it says. Memory is bounded: beyond
//! `limits::LANE_READY_MAX` entries, or the conductor's bytes, the rest stays in the store behind a cursor. Everything
//! live with a tick up to the cursor is either held here or scheduled in the store; everything above it is in the store
//! if `more` is set or a refill is under way.

mod later;
mod refill;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ringup_core::breaker::{Admit, Breaker, BreakerPlan};
use ringup_core::delivery::{Delivery, DeliveryState, Trigger};
use ringup_core::event::Event;
use ringup_core::key::AccountKey;
use ringup_core::limits::{LANE_READY_MAX, LANE_REFILL_ROWS};
use ringup_core::permits::Permits;
use ringup_core::rate::Rate;
use ringup_core::settings::{EffectiveSettings, Ordering};
use ringup_core::shard::Epoch;
use ringup_core::time::{Tick, Timestamp};

use later::Later;

/// Keys in retry at once in a lane ordered by key; beyond it the lane waits, since each must be remembered.
const KEYS_IN_RETRY_MAX: usize = 64;

/// A delivery on its way, with the event it brings.
#[derive(Clone, Debug)]
pub struct Entry {
    pub event: Arc<Event>,
    pub delivery: Delivery,
    /// Its publisher put it off, and here it waited for that time.
    pub put_off: bool,
}

impl Entry {
    pub fn tick(&self) -> Tick {
        self.delivery.key.event
    }
}

pub struct Lane {
    pub account: AccountKey,
    /// Of the account's shard when what is held was read.
    pub epoch: Epoch,
    pub breaker: Breaker,
    pub permits: Permits,
    rate: Option<Rate>,
    order: Order,
    /// Waiting for their first attempt or an interrupted one, oldest first.
    ready: VecDeque<Entry>,
    /// Bytes of payloads that `ready`, `due`, `timers` and `later` hold.
    held_bytes: usize,
    /// Retries whose time has come, and resends by hand.
    due: VecDeque<Entry>,
    /// Retries whose time has not come.
    timers: BTreeMap<(Timestamp, Tick), Entry>,
    /// Put off by their publishers.
    later: Later,
    /// What `due` and `timers` hold, and where: the time of the timer, or none.
    parked: BTreeMap<Tick, Option<Timestamp>>,
    /// Deliveries with an attempt under way or one whose settlement is not durable yet.
    unsettled: BTreeMap<Tick, Unsettled>,
    calling: u32,
    /// Ordering keys of everything parked or unsettled.
    busy_keys: BTreeMap<u64, u32>,
    cursor: Tick,
    more: bool,
    refill: Option<Refill>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    None,
    Strict,
    ByKey,
}

/// Attempts of one delivery that began and are not durable yet: one, or two if a retry overtook a slow commit.
struct Unsettled {
    attempts: u32,
    order_key: Option<u64>,
    /// Only the store knows what is left of it: it was asked for by hand meanwhile, or was another node's for a moment.
    is_lost: bool,
    /// Cancelled meanwhile, its payload being gone: no attempt follows.
    discarded: bool,
}

enum Place {
    Due,
    Ready(usize),
}

/// A read of the store that is under way. What it brings may be older than what happened meanwhile.
#[derive(Default)]
struct Refill {
    /// Deliveries settled since it began: their rows may still look live in it.
    settled: BTreeSet<Tick>,
    /// Deliveries that came since it began. They follow on what it brings, if it reaches them.
    late: VecDeque<Entry>,
    /// Deliveries came that were not even kept as late: they may be missing in it.
    missed: bool,
    /// The cursor went back or everything held was dropped: what it brings begins at the wrong place.
    void: bool,
}

/// What a lane answers when asked for work.
#[derive(Debug)]
pub enum Take {
    /// Start this attempt.
    Start(Entry),
    /// Nothing can start before this time, unless something ends.
    Wait(Timestamp),
    /// Nothing can start until an attempt ends or work comes.
    Idle,
}

impl Lane {
    pub fn new(
        account: AccountKey,
        epoch: Epoch,
        breaker: BreakerPlan,
        settings: &EffectiveSettings,
        now: Timestamp,
    ) -> Lane {
        let mut lane = Lane {
            account,
            epoch,
            breaker: Breaker::new(breaker),
            permits: Permits::new(settings.in_flight_max.value),
            rate: None,
            order: Order::None,
            ready: VecDeque::new(),
            held_bytes: 0,
            due: VecDeque::new(),
            timers: BTreeMap::new(),
            later: Later::default(),
            parked: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            calling: 0,
            busy_keys: BTreeMap::new(),
            cursor: Tick::default(),
            more: false,
            refill: None,
        };
        lane.configure(settings, now);
        lane
    }

    /// Takes settings that may have changed.
    pub fn configure(&mut self, settings: &EffectiveSettings, now: Timestamp) {
        self.permits.set_max(settings.in_flight_max.value);
        match (settings.rate_limit.value, &mut self.rate) {
            (Some(per_second), Some(rate)) => rate.set(per_second, now),
            (Some(per_second), none) => *none = Some(Rate::new(per_second, now)),
            (None, some) => *some = None,
        }
        self.order = match settings.ordering.value {
            Ordering::None => Order::None,
            Ordering::Strict => Order::Strict,
            Ordering::ByKey(_) => Order::ByKey,
        };
    }

    pub fn is_ordered(&self) -> bool {
        self.order != Order::None
    }

    /// Attempts under way.
    pub fn calling(&self) -> u32 {
        self.calling
    }

    /// Entries held in memory that are not under way.
    pub fn held(&self) -> usize {
        self.ready.len() + self.due.len() + self.timers.len() + self.later.len()
    }

    /// Bytes of the payloads held, each counted as at least its bookkeeping.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Deliveries with a due time that a sweep would bring, and that are here already.
    pub fn scheduled_held(&self) -> usize {
        self.parked.len() + self.later.len() + self.unsettled.len()
    }

    /// Entries are held that need not wait for their time.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.due.is_empty()
    }

    /// Asking for work now may bring some, or a time to ask again.
    pub fn wants_turn(&self) -> bool {
        self.has_ready() || !self.timers.is_empty() || !self.later.is_empty()
    }

    /// The store has deliveries above the cursor.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Nothing held, nothing under way, nothing in the store: the lane can go.
    pub fn is_empty(&self) -> bool {
        self.held() == 0 && self.unsettled.is_empty() && !self.more && self.refill.is_none()
    }

    /// Deliveries that must not be ended behind the lane's back.
    pub fn under_way(&self) -> Vec<Tick> {
        self.unsettled.keys().copied().collect()
    }

    // --- what comes

    /// A delivery just accepted. Answers whether it was taken into memory; if not, the store has it.
    pub fn offer(&mut self, entry: Entry, room: bool) -> bool {
        if entry.tick() <= self.cursor {
            return false;
        }
        match &mut self.refill {
            Some(refill) if room && !refill.missed && refill.late.len() < LANE_REFILL_ROWS => {
                self.held_bytes += weight(&entry);
                refill.late.push_back(entry);
                return true;
            }
            Some(_) => {
                self.miss();
                return false;
            }
            None if self.more || !room || self.ready.len() >= LANE_READY_MAX => {
                self.miss();
                return false;
            }
            None => {}
        }
        self.cursor = entry.tick();
        self.hold(entry);
        true
    }

    /// A delivery that is to wait until its time. Answers whether it was new here.
    pub fn put_off(&mut self, entry: Entry) -> bool {
        match entry.delivery.state {
            DeliveryState::Scheduled(at) if !self.holds(entry.tick()) => {
                self.held_bytes += weight(&entry);
                self.later.put(at, entry);
                true
            }
            DeliveryState::Scheduled(_) | DeliveryState::Waiting | DeliveryState::Ended(_) => false,
        }
    }

    /// The store has deliveries above the cursor that were not handed over.
    pub fn miss(&mut self) {
        self.more = true;
        if let Some(refill) = &mut self.refill {
            refill.missed = true;
        }
    }

    /// A delivery brought back by hand, or found by the sweep. Answers whether it was new here.
    pub fn bring(&mut self, entry: Entry) -> bool {
        let tick = entry.tick();
        if entry.delivery.is_put_off() {
            return self.put_off(entry);
        }
        if entry.delivery.state == DeliveryState::Waiting
            && let Some(mut later) = self.later.take(tick)
        {
            self.held_bytes -= weight(&later);
            later.delivery.state = DeliveryState::Waiting;
            self.hold(later);
            return false;
        }
        if let Some(Some(at)) = self.parked.get(&tick).copied()
            && entry.delivery.state == DeliveryState::Waiting
        {
            // Asked for by hand while it waited for its time: that time is now.
            let Some(mut parked) = self.timers.remove(&(at, tick)) else { return false };
            // What is held is never older than the row: the last attempt may not be durable yet.
            parked.delivery.state = DeliveryState::Waiting;
            self.parked.insert(tick, None);
            self.due.push_back(parked);
            return false;
        }
        if let Some(unsettled) = self.unsettled.get_mut(&tick) {
            unsettled.is_lost |= entry.delivery.state == DeliveryState::Waiting;
            return false;
        }
        if self.holds(tick) {
            return false;
        }
        self.park(entry);
        true
    }

    // --- what starts

    /// The next attempt to start at `now`, if the lane's limits allow one. By hand goes past the breaker.
    pub fn take(&mut self, now: Timestamp) -> Take {
        self.move_due(now);
        let Some(place) = self.candidate() else { return self.rest() };
        let by_hand = matches!(place, Place::Due)
            && self.due.front().is_some_and(|entry| entry.delivery.trigger == Trigger::Manual);
        if !by_hand {
            if self.calling >= self.permits.limit().min(self.breaker.ramp_limit()) {
                return Take::Idle;
            }
            if let Admit::No { until } = self.breaker.admits(now) {
                return Take::Wait(until);
            }
        }
        if let Some(rate) = &mut self.rate
            && let Err(until) = rate.take(now)
        {
            return Take::Wait(until);
        }
        Take::Start(self.start(place))
    }

    fn rest(&self) -> Take {
        let retry = self.timers.keys().next().map(|(at, _)| *at);
        retry.into_iter().chain(self.later.first_at()).min().map_or(Take::Idle, Take::Wait)
    }

    fn move_due(&mut self, now: Timestamp) {
        while let Some(first) = self.timers.first_entry()
            && first.key().0 <= now
        {
            let entry = first.remove();
            self.parked.insert(entry.tick(), None);
            self.due.push_back(entry);
        }
        while let Some(mut entry) = self.later.take_due(now) {
            self.held_bytes -= weight(&entry);
            entry.delivery.state = DeliveryState::Waiting;
            self.hold(entry);
        }
    }

    fn candidate(&self) -> Option<Place> {
        match self.order {
            Order::None => self.due.front().map(|_| Place::Due).or(self.ready.front().map(|_| Place::Ready(0))),
            // The next one begins only when the last one's end is durable: else a crash would repeat both, in order,
            // and the receiver would see the older one after the newer.
            Order::Strict if !self.unsettled.is_empty() => None,
            Order::Strict if !self.due.is_empty() => Some(Place::Due),
            Order::Strict if !self.timers.is_empty() => None,
            Order::Strict => self.ready.front().map(|_| Place::Ready(0)),
            Order::ByKey => self.first_due_key().or_else(|| self.first_free_key()),
        }
    }

    fn first_due_key(&self) -> Option<Place> {
        let front = self.due.front()?;
        (!self.unsettled.contains_key(&front.tick())).then_some(Place::Due)
    }

    /// The oldest entry whose ordering key nobody holds: not under way, not in retry, not earlier in the line.
    fn first_free_key(&self) -> Option<Place> {
        if self.parked.len() >= KEYS_IN_RETRY_MAX {
            return None;
        }
        let mut seen = BTreeSet::new();
        let free = |entry: &Entry| {
            entry.delivery.order_key.is_none_or(|key| seen.insert(key) && !self.busy_keys.contains_key(&key))
        };
        self.ready.iter().position(free).map(Place::Ready)
    }

    fn start(&mut self, place: Place) -> Entry {
        let entry = match place {
            Place::Due => self.due.pop_front(),
            Place::Ready(at) => self.ready.remove(at),
        };
        let entry = entry.expect("the candidate was just seen there");
        self.held_bytes -= weight(&entry);
        if matches!(place, Place::Due) {
            self.parked.remove(&entry.tick());
        } else {
            occupy(&mut self.busy_keys, entry.delivery.order_key);
        }
        self.calling += 1;
        let order_key = entry.delivery.order_key;
        let none = Unsettled { attempts: 0, order_key, is_lost: false, discarded: false };
        self.unsettled.entry(entry.tick()).or_insert(none).attempts += 1;
        entry
    }

    // --- what ends

    /// The exchange is over; its settlement is on the way to the store.
    pub fn answered(&mut self) {
        self.calling -= 1;
    }

    /// The attempt is to be repeated at `at`: held here if there is room, and always in an ordered lane, which must
    /// know what blocks it. Answers whether it is held; otherwise the sweep will find it.
    pub fn retry(&mut self, entry: Entry, room: bool) -> bool {
        if self.unsettled.get(&entry.tick()).is_some_and(|unsettled| unsettled.discarded) {
            // As if it were held: nobody has to look for it.
            return true;
        }
        if !room && self.order == Order::None {
            return false;
        }
        self.park(entry);
        true
    }

    /// The settlement is durable.
    pub fn settled(&mut self, tick: Tick) {
        if let Some(refill) = &mut self.refill {
            refill.settled.insert(tick);
        }
        let Some(unsettled) = self.unsettled.get_mut(&tick) else { return };
        let Unsettled { order_key, is_lost, .. } = *unsettled;
        unsettled.attempts -= 1;
        let all = unsettled.attempts == 0;
        release(&mut self.busy_keys, order_key);
        if all {
            self.unsettled.remove(&tick);
        }
        if all && is_lost {
            self.read_again_from(tick);
        }
    }

    /// At its place: what was put off may be older than what stands there.
    fn hold(&mut self, entry: Entry) {
        self.held_bytes += weight(&entry);
        let is_newest = self.ready.back().is_none_or(|last| last.tick() < entry.tick());
        let at = if is_newest { self.ready.len() } else { self.ready.partition_point(|one| one.tick() < entry.tick()) };
        self.ready.insert(at, entry);
    }

    fn park(&mut self, entry: Entry) {
        self.held_bytes += weight(&entry);
        occupy(&mut self.busy_keys, entry.delivery.order_key);
        match entry.delivery.state {
            DeliveryState::Scheduled(at) => {
                self.parked.insert(entry.tick(), Some(at));
                self.timers.insert((at, entry.tick()), entry);
            }
            DeliveryState::Waiting | DeliveryState::Ended(_) => {
                self.parked.insert(entry.tick(), None);
                self.due.push_back(entry);
            }
        }
    }

    fn holds(&self, tick: Tick) -> bool {
        self.unsettled.contains_key(&tick)
            || self.parked.contains_key(&tick)
            || self.later.holds(tick)
            || self.ready.binary_search_by_key(&tick, Entry::tick).is_ok()
    }
}

/// What an entry costs in memory, in bytes.
fn weight(entry: &Entry) -> usize {
    entry.event.payload.len() + size_of::<Event>() + size_of::<Entry>()
}

fn occupy(busy: &mut BTreeMap<u64, u32>, key: Option<u64>) {
    if let Some(key) = key {
        *busy.entry(key).or_insert(0) += 1;
    }
}

fn release(busy: &mut BTreeMap<u64, u32>, key: Option<u64>) {
    let Some(key) = key else { return };
    if let Some(count) = busy.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            busy.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
