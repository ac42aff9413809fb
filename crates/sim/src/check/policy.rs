//! Each delivery did what its plan says: as many attempts, as far apart, and then that end.

use std::ops::RangeInclusive;

use ringup_core::delivery::{After, DeliveryState, Ended};
use ringup_core::policy::{Next, Reason, next_step};
use ringup_core::time::Timestamp;

use super::log::is_sure;
use super::{Ledger, repeats_allowed, resends_granted};
use crate::facts::{Call, Delivery, End, Facts};

pub(super) fn check(facts: &Facts, ledger: &Ledger, problems: &mut Vec<String>) {
    for delivery in facts.calls_of.keys() {
        check_number(facts, *delivery, problems);
        if resends_granted(facts, *delivery) == 0 {
            replay(facts, ledger, *delivery, problems);
        }
    }
    for (delivery, resends) in &facts.resends {
        for resend in resends {
            if let Some(done_at) = resend.done_at
                && !was_made(facts, *delivery, resend.asked_at, done_at)
            {
                problems.push(format!("r{} {} was resent and nothing came of it", delivery.1, delivery.0.tick().0));
            }
        }
    }
}

/// No more attempts than the most generous plan it had, plus those that nobody remembers.
fn check_number(facts: &Facts, delivery: Delivery, problems: &mut Vec<String>) {
    let calls = facts.calls_for(delivery);
    let retries = calls.map(|call| call.view.settings.schedule.value.retries()).max().unwrap_or(0);
    let resends = resends_granted(facts, delivery);
    // A live delivery that is resent goes on with its plan, one that had ended gets one more attempt.
    let allowed = retries as usize + 1 + resends + repeats_allowed(facts, delivery);
    let made = facts.calls_for(delivery).count();
    let changed = facts.calls_for(delivery).any(|call| !is_sure(facts, call));
    if made > allowed && !changed {
        problems.push(format!("r{} {} had {made} attempts, {allowed} allowed", delivery.1, delivery.0.tick().0));
    }
}

/// Follows the calls of a delivery as its plan would have them.
fn replay(facts: &Facts, ledger: &Ledger, delivery: Delivery, problems: &mut Vec<String>) {
    let mut say = |what: String| problems.push(format!("r{} {}: {what}", delivery.1, delivery.0.tick().0));
    // How many attempts count: a range once an outcome was lost that may have been stored.
    let mut made = 0..=0;
    let mut due: Option<Timestamp> = None;
    let mut ended: Option<After> = None;
    for call in facts.calls_for(delivery) {
        if let Some(after) = ended {
            say(format!("attempted again though it was {after:?}"));
        }
        if let Some(due_at) = due
            && call.begun_steady < due_at
        {
            say(format!("attempted at {:?}, before its time {due_at:?}", call.begun_steady));
        }
        let Some(recorded) = call.recorded else { continue };
        if matches!(recorded.after, After::Unchanged) {
            continue;
        }
        if call.settled {
            due = None;
            let exact = check_after(facts, call, &made, &mut say);
            made = exact.unwrap_or(*made.start() + 1)..=exact.unwrap_or(*made.end() + 1);
            match recorded.after {
                After::Retry { due_at, .. } => due = Some(due_at),
                After::Delivered | After::Ended(_) => ended = Some(recorded.after),
                After::Unchanged => {}
            }
        } else if let After::Retry { .. } = recorded.after {
            made = *made.start()..=*made.end() + 1;
            // It may be waiting for its time, or be wanted at once.
            due = None;
        }
    }
    let state = ledger.deliveries.get(&delivery).copied().flatten();
    let end = match ended {
        Some(After::Delivered) => None,
        Some(After::Ended(how)) => Some(DeliveryState::Ended(how)),
        Some(After::Retry { .. } | After::Unchanged) | None => return,
    };
    let put_aside = matches!(state, Some(DeliveryState::Ended(Ended::Skipped | Ended::Cancelled)));
    if state != end && !put_aside {
        say(format!("was {ended:?}, but is listed as {state:?}"));
    }
}

/// Compares what the process decided after a call with what the plan says. Answers how many attempts count now.
fn check_after(facts: &Facts, call: &Call, made: &RangeInclusive<u32>, say: &mut impl FnMut(String)) -> Option<u32> {
    let (recorded, End::Answered { outcome, steady, .. }) = (call.recorded?, &call.end) else { return None };
    if recorded.ended_at != *steady {
        say(format!("ended at {:?}, but the answer came at {steady:?}", recorded.ended_at));
    }
    if !is_sure(facts, call) {
        return None;
    }
    let plan = call.view.settings.retry_plan();
    let fits = |number: &u32| {
        let next = |draw| next_step(outcome, *number, &plan, draw, recorded.ended_at);
        agrees(recorded.after, next(0.0), next(0.999_999), *number)
    };
    let number = (made.start() + 1..=made.end() + 1).find(fits);
    if number.is_none() {
        say(format!("{outcome:?} after {made:?} attempts became {:?}", recorded.after));
    }
    number
}

fn agrees(after: After, earliest: Next, latest: Next, number: u32) -> bool {
    match (after, earliest, latest) {
        (After::Delivered, Next::Delivered, _) => true,
        (After::Retry { due_at, attempts_made }, Next::RetryAt(low), Next::RetryAt(high)) => {
            attempts_made == number && low <= due_at && due_at <= high.saturating_add(std::time::Duration::from_secs(1))
        }
        (After::Ended(how), Next::Failed(reason), _) => {
            how == match reason {
                Reason::Exhausted => Ended::Exhausted,
                Reason::NotRepeated => Ended::NotRepeated,
                Reason::Gone => Ended::Gone,
                Reason::Blocked => Ended::Blocked,
            }
        }
        _ => false,
    }
}

/// Whether a resend led to an attempt, or had a reason not to.
fn was_made(facts: &Facts, delivery: Delivery, asked_at: Timestamp, done_at: Timestamp) -> bool {
    let endpoint = &facts.endpoints[delivery.1];
    let put_aside =
        endpoint.unsure || endpoint.deleted_at.is_some() || endpoint.stops.iter().any(|(_, by)| by.is_some());
    put_aside
        || facts.calls_for(delivery).any(|call| {
            let settled_at = call.settled_at.unwrap_or(Timestamp::MAX);
            call.begun_at >= asked_at || call.begun_at <= done_at && settled_at >= asked_at
        })
}
