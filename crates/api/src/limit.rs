//! How much may be asked at a time: requests over all, and for each key requests a second and at a time.
//!
//! What is over is refused at once, with the time after which to ask again: a queue here would only hide it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use ringup_app::{CallerName, Principal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::problem::Problem;

/// Keys whose rate is remembered before those that were not seen lately are forgotten.
const KEYS_REMEMBERED: usize = 4_096;

/// What the operator decides about it.
#[derive(Clone, Copy, Debug)]
pub struct LimitPlan {
    /// Requests being served, over all. Looks at the health are not counted.
    pub requests_max: usize,
    /// Of one key. A second's worth may come at once.
    pub key_requests_per_second: Option<NonZeroU32>,
    /// Being served, of one key.
    pub key_requests_max: u32,
}

impl Default for LimitPlan {
    fn default() -> LimitPlan {
        LimitPlan { requests_max: 4_096, key_requests_per_second: None, key_requests_max: 1_024 }
    }
}

pub struct Limits {
    plan: LimitPlan,
    places: Arc<Semaphore>,
    rate: Option<RateLimiter<CallerName, HashMapStateStore<CallerName>, TaskClock>>,
    served: Served,
}

type Served = Arc<Mutex<HashMap<CallerName, u32>>>;

impl Limits {
    pub fn new(plan: LimitPlan) -> Limits {
        let limiter = |rate| RateLimiter::hashmap_with_clock(Quota::per_second(rate), TaskClock);
        Limits {
            plan,
            places: Arc::new(Semaphore::new(plan.requests_max)),
            rate: plan.key_requests_per_second.map(limiter),
            served: Served::default(),
        }
    }

    /// A place for a request of whomever.
    pub fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = self.places.clone().try_acquire_owned();
        place.map_err(|_| Problem::busy(self.plan.requests_max))
    }

    /// A place for a request of one who is known now.
    pub fn admit(&self, who: &Principal) -> Result<Place, Problem> {
        let name = who.name();
        if let Some(rate) = &self.rate {
            if rate.len() > KEYS_REMEMBERED {
                rate.retain_recent();
            }
            rate.check_key(&name).map_err(|too_soon| {
                let limit = format!("{} requests a second", too_soon.quota().burst_size());
                Problem::too_many(&limit, too_soon.wait_time_from(TaskClock.now()))
            })?;
        }
        let mut served = of(&self.served);
        let count = served.entry(name).or_default();
        if *count >= self.plan.key_requests_max {
            let limit = format!("{} requests at a time", self.plan.key_requests_max);
            return Err(Problem::too_many(&limit, Duration::from_secs(1)));
        }
        *count += 1;
        drop(served);
        Ok(Place { served: self.served.clone(), name })
    }
}

/// A request of a key that is being served.
pub struct Place {
    served: Served,
    name: CallerName,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut served = of(&self.served);
        if let Some(count) = served.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                served.remove(&self.name);
            }
        }
    }
}

fn of(served: &Served) -> MutexGuard<'_, HashMap<CallerName, u32>> {
    served.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The clock of the runtime, which tests hold.
#[derive(Clone, Copy, Debug)]
struct TaskClock;

impl Clock for TaskClock {
    type Instant = std::time::Instant;

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}
