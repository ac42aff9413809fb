//! A second call where the first takes its time: the first good answer is told, the other call is cut. Each is in the log under
//! its own id, with what came of it.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::breaker::Admit;
use ringup_core::hook::{Judgement, judge};
use ringup_core::id::EventId;
use ringup_core::outcome::Outcome;
use ringup_core::time::Tick;
use ringup_egress::Caller;
use ringup_egress::token::Called;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::ask::{Call, uncalled};

/// What a second call is made of. Its dice are thrown when the first begins.
pub(super) struct Hedge {
    pub delay: Duration,
    pub draw: f64,
    /// For its id, the event that the log has of it, and the attempt.
    pub randoms: [[u8; 12]; 3],
    pub places: Arc<Semaphore>,
}

impl Hedge {
    /// A call beside the first; `None` where no more may be open, or the app is left alone.
    fn second(&self, first: &Call) -> Option<Call> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let started_at = first.started_at.saturating_add(first.began.elapsed());
        let [id, event, attempt] = self.randoms;
        let pass = {
            let mut inner = first.line.lock();
            if inner.in_flight >= first.found.settings.in_flight_max.value
                || matches!(inner.breaker.admits(started_at), Admit::No { .. })
            {
                return None;
            }
            inner.in_flight += 1;
            inner.breaker.on_start(started_at)
        };
        Some(Call {
            line: first.line.clone(),
            found: first.found.clone(),
            question: first.question.clone(),
            id: EventId::of_tick(Tick::at(started_at), id),
            shortened: first.shortened,
            started_at,
            draw: self.draw,
            randoms: [event, attempt],
            began: Instant::now(),
            pointers: first.pointers.clone(),
            store: first.store.clone(),
            sender: first.sender.clone(),
            open: Some((pass, place)),
            hedge: None,
        })
    }
}

/// Calls, and calls again if nothing came for as long as the hook allows; both are over by `limit`.
pub(super) async fn race(mut first: Call, hedge: Hedge, caller: Arc<dyn Caller>, limit: Duration) {
    let until = Instant::now() + limit;
    let mut second = None;
    let (one, other) = {
        let mut one = std::pin::pin!(first.called(&*caller, limit));
        let early = tokio::select! {
            biased;
            called = &mut one => Some(called),
            () = sleep(hedge.delay) => None,
        };
        match early {
            Some(called) => (Some(called), None),
            None => {
                second = hedge.second(&first);
                match &second {
                    None => (Some(one.await), None),
                    Some(second) => {
                        let left = until.saturating_duration_since(Instant::now());
                        let mut other = std::pin::pin!(second.called(&*caller, left));
                        let (mut first_came, mut other_came) = (None, None);
                        while first_came.is_none() || other_came.is_none() {
                            let good = tokio::select! {
                                biased;
                                called = &mut one, if first_came.is_none() => {
                                    let good = is_good(&first, &called);
                                    first_came = Some(called);
                                    good
                                }
                                called = &mut other, if other_came.is_none() => {
                                    let good = is_good(second, &called);
                                    other_came = Some(called);
                                    good
                                }
                            };
                            if good {
                                break;
                            }
                        }
                        (first_came, other_came)
                    }
                }
            }
        }
    };
    let Some(mut second) = second else {
        first.ended(one.unwrap_or_else(cut), true);
        return;
    };
    // The till hears the one that is good; where none is, the first.
    let other_is_good = other.as_ref().is_some_and(|called| is_good(&second, called));
    if other_is_good {
        second.ended(other.unwrap_or_else(cut), true);
        first.ended(one.unwrap_or_else(cut), false);
    } else {
        first.ended(one.unwrap_or_else(cut), true);
        second.ended(other.unwrap_or_else(cut), false);
    }
}

fn is_good(call: &Call, called: &Called) -> bool {
    !matches!(judge(&call.line.contract, &called.outcome), Judgement::Failed(_))
}

/// Nobody needs its answer any more.
fn cut() -> Called {
    uncalled(Outcome::Interrupted)
}
