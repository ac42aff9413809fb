//! Everything outside the process: time, network, receivers, and the record of what truly happened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringup_core::outcome::Outcome;
use ringup_core::ports::Clock;
use ringup_core::time::Timestamp;
use ringup_egress::Request;
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::EndpointView;
use tokio::sync::Notify;

use crate::dice::{Dice, Purpose};
use crate::facts::{Call, End, Facts};
use crate::mix::Mix;
use crate::ports::Time;

pub struct World {
    pub mix: Mix,
    pub time: Time,
    /// Rung when the process must die at once.
    pub death: Notify,
    pub network: Mutex<Dice>,
    store_faults: Mutex<Dice>,
    /// Faults are being injected.
    troubled: AtomicBool,
    /// A process is running; what its remains do when they are dropped is not seen.
    alive: AtomicBool,
    facts: Mutex<Facts>,
    life: Mutex<Life>,
}

#[derive(Default)]
struct Life {
    number: u32,
    catalogue: Option<Arc<Catalogue>>,
    /// The wall clock and the true time when the process began.
    wall: Timestamp,
    began_at: Timestamp,
}

impl World {
    pub fn new(mix: Mix, keep_text: bool) -> World {
        let (seed, receivers) = (mix.seed, mix.endpoints.len());
        World {
            mix,
            time: Time::new(),
            death: Notify::new(),
            network: Mutex::new(Dice::new(seed, Purpose::Network)),
            store_faults: Mutex::new(Dice::new(seed, Purpose::StoreFaults)),
            troubled: AtomicBool::new(false),
            alive: AtomicBool::new(false),
            facts: Mutex::new(Facts::new(receivers, keep_text)),
            life: Mutex::default(),
        }
    }

    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        lock(&self.facts)
    }

    pub fn trace(&self, what: std::fmt::Arguments<'_>) {
        let at = self.time.now();
        self.facts().trace.line(at, what);
    }

    pub fn set_troubled(&self, troubled: bool) {
        self.troubled.store(troubled, Ordering::Relaxed);
    }

    /// Dice for store faults, while there are any.
    pub fn store_faults(&self) -> Option<MutexGuard<'_, Dice>> {
        self.troubled.load(Ordering::Relaxed).then(|| lock(&self.store_faults))
    }

    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// A process begins with this configuration. Call inside its runtime.
    pub fn begin_life(&self, number: u32, catalogue: Arc<Catalogue>) {
        let wall = Clock::now(&self.time);
        *lock(&self.life) = Life { number, catalogue: Some(catalogue), wall, began_at: self.time.now() };
        self.alive.store(true, Ordering::Relaxed);
        self.facts().life = number;
        self.trace(format_args!("life {number} begins"));
    }

    /// It is gone. Call inside its runtime, before that is dropped.
    pub fn end_life(&self, how: &str) {
        self.trace(format_args!("life ends: {how}"));
        self.alive.store(false, Ordering::Relaxed);
        let number = {
            let mut life = lock(&self.life);
            life.catalogue = None;
            life.number
        };
        self.facts().end_life(number);
    }

    /// The process's own steady time: its wall clock at start plus what has truly passed since.
    pub fn steady(&self) -> Timestamp {
        let life = lock(&self.life);
        life.wall.saturating_add(self.time.now().saturating_since(life.began_at))
    }

    // --- calls

    /// A request leaves the process. Answers its place in the facts.
    pub fn begin_call(&self, request: &Request) -> usize {
        let (now, steady) = (self.time.now(), self.steady());
        let receiver = receiver_of(request.url.as_str());
        let (life, view) = {
            let life = lock(&self.life);
            (life.number, life.catalogue.clone())
        };
        let mut facts = self.facts();
        let event = request.webhook.id;
        let endpoint = &mut facts.endpoints[receiver];
        let view = endpoint.key.and_then(|key| view?.directory().endpoint(key)).or_else(|| endpoint.view.clone());
        endpoint.view = view.clone();
        let Some(view) = view else {
            facts.problem(format!("a call to receiver {receiver}, which has no endpoint"));
            return usize::MAX;
        };
        facts.check_request(receiver, request);
        facts.in_flight += 1;
        facts.unsettled += 1;
        facts.endpoints[receiver].in_flight += 1;
        facts.check_bounds(receiver, &view, self.mix.plan.in_flight_max, now);
        facts.trace.line(now, format_args!("call r{receiver} {}", event.tick().0));
        let at = facts.calls.len();
        let delivery = (event, receiver);
        facts.calls_of.entry(delivery).or_default().push(at);
        facts.calls.push(Call {
            delivery,
            life,
            begun_at: now,
            begun_steady: steady,
            view,
            end: End::UnderWay,
            lost_outcome: None,
            recorded: None,
            settled: false,
            settled_at: None,
        });
        at
    }

    /// The answer reached the process.
    pub fn answer_call(&self, at: usize, outcome: &Outcome) {
        let (now, steady) = (self.time.now(), self.steady());
        let status = outcome.status().unwrap_or(0);
        self.finish_call(at, |facts, (event, receiver)| {
            facts.trace.line(now, format_args!("answer r{receiver} {} {} {status}", event.tick().0, outcome.word()));
            if !matches!(outcome, Outcome::Delivered(_)) {
                facts.tally.bad_answers += 1;
            }
            End::Answered { at: now, steady, outcome: outcome.clone() }
        });
    }

    /// The process dropped the call.
    pub fn drop_call(&self, at: usize) {
        let now = self.time.now();
        self.finish_call(at, |facts, (event, receiver)| {
            facts.trace.line(now, format_args!("cut off r{receiver} {}", event.tick().0));
            End::CutOff
        });
    }

    fn finish_call(&self, at: usize, end: impl FnOnce(&mut Facts, crate::facts::Delivery) -> End) {
        let mut facts = self.facts();
        let Some(delivery) = facts.calls.get(at).map(|call| call.delivery) else { return };
        facts.in_flight -= 1;
        facts.endpoints[delivery.1].in_flight -= 1;
        let end = end(&mut facts, delivery);
        facts.calls[at].end = end;
    }
}

impl Facts {
    /// O2: what goes out was published, by this account, to this endpoint, byte for byte.
    fn check_request(&mut self, receiver: usize, request: &Request) {
        let id = request.webhook.id;
        let Some(number) = number_of(&request.body) else {
            return self.problem(format!("O2: {id} carries a payload that nobody published"));
        };
        self.sight(id, number);
        let Some(published) = self.published.get(number) else {
            return self.problem(format!("O2: {id} was never published"));
        };
        if published.payload != request.body {
            self.problem(format!("O2: the payload of {id} was changed on its way to receiver {receiver}"));
        } else if published.account != request.account {
            self.problem(format!("O2: {id} went to receiver {receiver} of another account"));
        }
    }

    fn check_bounds(&mut self, receiver: usize, view: &EndpointView, in_flight_max: u32, now: Timestamp) {
        if self.unsettled > in_flight_max {
            self.problem(format!("{} attempts begun and not durable, {in_flight_max} allowed", self.unsettled));
        }
        let endpoint = &self.endpoints[receiver];
        let allowed = view.settings.in_flight_max.value.max(1);
        let by_hand = self.resends.keys().any(|(_, to)| *to == receiver);
        // What began under other settings may still be under way.
        let longest = ringup_core::limits::TIME_LIMIT_MAX;
        let changed = endpoint.changes.last().is_some_and(|at| now.saturating_since(*at) <= longest);
        if endpoint.in_flight > allowed && !by_hand && !changed {
            self.problem(format!("receiver {receiver} has {} calls in flight, {allowed} allowed", endpoint.in_flight));
        }
    }
}

/// The address of the receiver with this number.
pub fn url_of(receiver: usize) -> String {
    format!("https://r{receiver}.example/")
}

/// The receiver at an address made by [`url_of`].
pub fn receiver_of(url: &str) -> usize {
    let digits: String = url.chars().skip_while(|c| *c != 'r').skip(1).take_while(char::is_ascii_digit).collect();
    digits.parse().expect("the simulation only knows its own receivers")
}

/// The number that every payload begins with.
pub fn number_of(payload: &[u8]) -> Option<usize> {
    let rest = payload.strip_prefix(b"{\"n\":")?;
    let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).ok()?.parse().ok()
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
