//! O4 and good manners: order where it is asked for, rates, no calls to the stopped, no waiting for somebody else.

use std::collections::BTreeMap;
use std::time::Duration;

use ringup_core::settings::Ordering;
use ringup_core::time::Tick;

use crate::facts::{Call, Facts};
use crate::mix::Mix;
use crate::receiver::Mood;

pub(super) fn check(facts: &Facts, mix: &Mix, problems: &mut Vec<String>) {
    let mut calls: BTreeMap<usize, Vec<&Call>> = BTreeMap::new();
    for call in &facts.calls {
        calls.entry(call.delivery.1).or_default().push(call);
    }
    for (receiver, calls) in &calls {
        let by_hand = facts.resends.keys().any(|(_, to)| to == receiver);
        if !by_hand {
            check_order(facts, *receiver, calls, problems);
        }
        check_rate(*receiver, calls, problems);
        check_stops(facts, *receiver, calls, problems);
        let settings = &mix.endpoints[*receiver].settings;
        let unhindered = settings.ordering.is_none() && settings.rate_limit.is_none() && !by_hand;
        if mix.is_calm() && unhindered && mix.endpoints[*receiver].behaviour.is_always_well() {
            check_fairness(facts, mix, *receiver, calls, problems);
        }
    }
}

/// Never goes back, except to repeat its head.
fn check_order(facts: &Facts, receiver: usize, calls: &[&Call], problems: &mut Vec<String>) {
    let mut last: BTreeMap<u64, Tick> = BTreeMap::new();
    for call in calls {
        let event = call.delivery.0;
        let line = match &call.view.settings.ordering.value {
            Ordering::None => return,
            Ordering::Strict => 0,
            Ordering::ByKey(_) => {
                let Some(number) = facts.numbers.get(&event) else { continue };
                facts.published[*number].order_value
            }
        };
        let before = last.insert(line, event.tick());
        if before.is_some_and(|before| before > event.tick()) {
            problems.push(format!("O4: r{receiver} got {} after a later one of its line", event.tick().0));
            return;
        }
    }
}

/// Within any time, no more than the rate allows and the burst that the bucket holds.
fn check_rate(receiver: usize, calls: &[&Call], problems: &mut Vec<String>) {
    for (at, first) in calls.iter().enumerate() {
        let Some(rate) = first.view.settings.rate_limit.value else { continue };
        let same = |call: &&&Call| call.life == first.life && call.view.settings.rate_limit.value == Some(rate);
        let burst = u64::from((rate / 10).max(1));
        for (count, call) in (1_u64..).zip(calls[at..].iter().take_while(same).take(200)) {
            let micros = call.begun_at.saturating_since(first.begun_at).as_micros();
            let brought = u64::try_from(micros).unwrap_or(u64::MAX).saturating_mul(u64::from(rate)).div_ceil(1_000_000);
            if count > burst + brought {
                problems
                    .push(format!("r{receiver} got {count} calls where its rate of {rate} allows {}", burst + brought));
                return;
            }
        }
    }
}

/// Who is stopped or gone is not called.
fn check_stops(facts: &Facts, receiver: usize, calls: &[&Call], problems: &mut Vec<String>) {
    let endpoint = &facts.endpoints[receiver];
    if endpoint.unsure {
        return;
    }
    for call in calls {
        let at = call.begun_at;
        let stopped = endpoint.stops.iter().rev().find(|(since, _)| *since < at).is_some_and(|(_, by)| by.is_some())
            && !endpoint.stops.iter().any(|(since, _)| *since == at);
        let gone = endpoint.deleted_at.is_some_and(|since| since < at);
        if stopped || gone {
            problems.push(format!("r{receiver} was called for {} while it was stopped", call.delivery.0.tick().0));
            return;
        }
    }
}

/// A healthy receiver hears of an event soon, whatever its neighbours do.
fn check_fairness(facts: &Facts, mix: &Mix, receiver: usize, calls: &[&Call], problems: &mut Vec<String>) {
    let endpoint = &mix.endpoints[receiver];
    let moods = endpoint.behaviour.phases.iter().map(|(_, mood)| *mood).chain([endpoint.behaviour.finally]);
    let slow = |mood| match mood {
        Mood::Well { slow, .. } => slow,
        Mood::Status { .. } | Mood::Silent | Mood::Unreachable(_) | Mood::BreaksOff => Duration::ZERO,
    };
    let slowest = moods.map(slow).max().unwrap_or_default();
    // One that answers later than it is waited for is not healthy to us.
    if endpoint.settings.time_limit.is_some_and(|limit| limit < slowest + Duration::from_secs(1)) {
        return;
    }
    let permits = endpoint.settings.in_flight_max.unwrap_or(4).min(4);
    let own = u32::try_from(calls.len()).unwrap_or(u32::MAX);
    // Everything it ever got, one after the other through few permits, and a second for timers.
    let patience = Duration::from_secs(1) + (slowest + Duration::from_millis(12)) * own.div_ceil(permits.max(1));
    for call in calls {
        let Some(accepted_at) = facts.accepted_at.get(&call.delivery.0) else { continue };
        let waited = call.begun_at.saturating_since(*accepted_at);
        if waited > patience {
            problems.push(format!("healthy r{receiver} waited {waited:?} for {}", call.delivery.0.tick().0));
            return;
        }
    }
}
