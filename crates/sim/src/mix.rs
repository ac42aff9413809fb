//! What one seed is made of: sizes, settings, moods and faults. Each seed picks its own mix, so that together they
//! reach corners that an average never visits.

use std::time::Duration;

use ringup_core::breaker::BreakerPlan;
use ringup_core::log::LogMode;
use ringup_core::outcome::Cause;
use ringup_core::policy::Policy;
use ringup_core::settings::{ClassSwitches, Ordering, Settings};
use ringup_dispatch::Plan;

use crate::dice::{Dice, Purpose};
use crate::receiver::{Behaviour, Mood};

pub struct Mix {
    pub seed: u64,
    pub plan: Plan,
    pub accounts: usize,
    pub endpoints: Vec<EndpointMix>,
    pub publishes: Vec<Publish>,
    pub store: StoreMix,
    /// When the process ends and begins anew, in order.
    pub departures: Vec<(Duration, Departure)>,
    pub clock: Vec<(Duration, ClockFault)>,
    pub actions: Vec<(Duration, Action)>,
    /// Everything above is over by then.
    pub span: Duration,
}

#[derive(Clone, Debug)]
pub struct EndpointMix {
    pub account: usize,
    pub settings: Settings,
    pub behaviour: Behaviour,
    /// Created by an action, not at the beginning.
    pub later: bool,
}

#[derive(Clone, Debug)]
pub struct Publish {
    pub at: Duration,
    pub account: usize,
    /// Events in one request.
    pub events: usize,
    pub payload_bytes: usize,
    /// Events are ordered by one of so many values.
    pub order_values: u64,
}

/// How often, in a hundred operations, the store does what.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreMix {
    pub linger_ms: u64,
    pub fails_before: u64,
    pub fails_after: u64,
    pub stalls: u64,
    pub stall_max_ms: u64,
    /// The process dies in the middle of the operation.
    pub dies: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    Crash,
    Stop { grace: Duration },
}

#[derive(Clone, Copy, Debug)]
pub enum ClockFault {
    StepUs(i64),
    Freeze(bool),
}

#[derive(Clone, Debug)]
pub enum Action {
    Create(usize),
    Disable(usize),
    Enable(usize),
    Delete(usize),
    Change(usize, Settings),
    /// Of some event that was acknowledged before, to this receiver.
    Resend(usize),
}

impl Mix {
    /// One that does nothing by itself: for scenarios.
    pub fn still(endpoints: Vec<EndpointMix>) -> Mix {
        let accounts = endpoints.iter().map(|endpoint| endpoint.account + 1).max().unwrap_or(1);
        Mix {
            seed: 1,
            plan: Plan::default(),
            accounts,
            endpoints,
            publishes: Vec::new(),
            store: StoreMix { linger_ms: 1, ..StoreMix::default() },
            departures: Vec::new(),
            clock: Vec::new(),
            actions: Vec::new(),
            span: Duration::ZERO,
        }
    }

    pub fn of(seed: u64) -> Mix {
        let mut dice = Dice::new(seed, Purpose::Mix);
        let dice = &mut dice;
        let span = Duration::from_secs(dice.scale(4, 4_000));
        let accounts = dice.size(1, 5);
        let mut endpoints: Vec<EndpointMix> = (0..dice.scale(1, 20)).map(|_| endpoint(dice, accounts, span)).collect();
        let actions = if dice.chance(50) { actions(dice, &mut endpoints, span) } else { Vec::new() };
        Mix {
            seed,
            plan: plan(dice),
            accounts,
            endpoints,
            publishes: publishes(dice, accounts, span),
            store: if dice.chance(60) { store(dice) } else { StoreMix { linger_ms: 1, ..StoreMix::default() } },
            departures: if dice.chance(60) { departures(dice, span) } else { Vec::new() },
            clock: if dice.chance(40) { clock(dice, span) } else { Vec::new() },
            actions,
            span,
        }
    }

    /// Nothing but receivers misbehaves: then healthy neighbours must not notice.
    pub fn is_calm(&self) -> bool {
        let store = &self.store;
        self.departures.is_empty()
            && self.actions.is_empty()
            && self.plan.in_flight_max >= 1_024
            && self.plan.held_bytes_max >= 64 * 1024
            && store.fails_before + store.fails_after + store.stalls + store.dies == 0
    }
}

impl EndpointMix {
    pub fn new(account: usize, settings: Settings, behaviour: Behaviour) -> EndpointMix {
        EndpointMix { account, settings, behaviour, later: false }
    }
}

fn plan(dice: &mut Dice) -> Plan {
    let breaker = if dice.chance(50) {
        BreakerPlan::default()
    } else {
        BreakerPlan {
            troubles_to_open: u32::try_from(dice.range(0, 12)).unwrap_or(0),
            pause: Duration::from_secs(dice.range(1, 20)),
            pause_max: Duration::from_secs(dice.range(20, 120)),
        }
    };
    Plan {
        in_flight_max: dice.one_of(&[1, 3, 16, 64, 1_024, 1_024, 1_024, 1_024]),
        breaker,
        held_bytes_max: dice.one_of(&[1, 2_000, 16_000, 200_000, 32 << 20, 32 << 20, 32 << 20]),
        ..Plan::default()
    }
}

fn endpoint(dice: &mut Dice, accounts: usize, span: Duration) -> EndpointMix {
    let mut behaviour = Behaviour::always(mood(dice));
    let phases = if dice.chance(40) { 0 } else { dice.scale(1, 16) };
    for at in times(dice, span, phases) {
        let mood = mood(dice);
        behaviour.phases.push((at, mood));
    }
    let mut settings = settings(dice);
    if settings.policy == Some(Policy::Durable) || settings.retry.is_some_and(|retry| retry > 5) {
        // One that never heals would be asked again for weeks; the guide's short policy covers that case.
        behaviour.finally = Mood::WELL;
    }
    settings.ordering = match dice.range(0, 9) {
        0 | 1 => Some(Ordering::Strict),
        2 | 3 => Some(Ordering::ByKey("/ID".to_owned())),
        _ => None,
    };
    EndpointMix { account: dice.size(0, accounts - 1), settings, behaviour, later: false }
}

fn mood(dice: &mut Dice) -> Mood {
    let status = |status, percent| Mood::Status { status, percent, retry_after: None };
    match dice.range(0, 19) {
        0..=8 => Mood::WELL,
        9 => Mood::Well { fast: Duration::from_millis(200), slow: Duration::from_secs(8) },
        10 | 11 => status(500, dice.range(1, 100)),
        12 => status(dice.one_of(&[400, 401, 404, 422, 301]), dice.range(1, 100)),
        13 => Mood::Status { status: 429, percent: dice.range(20, 100), retry_after: Some(dice.range(0, 90)) },
        14 => status(410, dice.range(1, 20)),
        15 | 16 => Mood::Unreachable(dice.one_of(&[Cause::Refused, Cause::Dns, Cause::Reset, Cause::Tls])),
        17 => Mood::BreaksOff,
        18 => status(408, dice.range(1, 100)),
        _ => Mood::Silent,
    }
}

fn settings(dice: &mut Dice) -> Settings {
    let mut settings = Settings::default();
    match dice.range(0, 9) {
        0..=3 => {}
        4 | 5 => {
            settings.retry = Some(u32::try_from(dice.range(0, 7)).unwrap_or(0));
            settings.cooldown = Some(dice.span(Duration::ZERO, Duration::from_secs(20)));
        }
        6 => settings.policy = Some(Policy::Durable),
        _ => {
            let pauses = dice.range(0, 4);
            settings.schedule = Some((0..pauses).map(|_| Duration::from_secs(dice.scale(1, 600))).collect());
        }
    }
    if dice.chance(50) {
        settings.classes = ClassSwitches { no_response: Some(true), ..ClassSwitches::default() };
    }
    if dice.chance(20) {
        settings.classes.other = Some(true);
    }
    settings.honour_retry_after = dice.chance(20).then_some(true);
    settings.log_mode = dice.one_of(&[None, None, Some(LogMode::Full), Some(LogMode::Error), Some(LogMode::None)]);
    settings.rate_limit = dice.chance(20).then(|| u32::try_from(dice.scale(1, 50)).unwrap_or(1));
    settings.in_flight_max = dice.chance(30).then(|| u32::try_from(dice.range(1, 8)).unwrap_or(1));
    settings.time_limit = dice.chance(40).then(|| dice.span(Duration::from_secs(1), Duration::from_secs(30)));
    settings.pause_after = dice.chance(20).then(|| Duration::from_secs(dice.scale(60, 4_000)));
    settings
}

fn publishes(dice: &mut Dice, accounts: usize, span: Duration) -> Vec<Publish> {
    let requests = dice.scale(1, 200);
    let batches = dice.chance(20);
    let bursts = dice.chance(30);
    let order_values = dice.scale(1, 30);
    let mut at = Duration::ZERO;
    times(dice, span, requests)
        .into_iter()
        .map(|spread| {
            if !bursts || dice.chance(4) {
                at = spread;
            }
            let events = if batches { dice.size(1, 12) } else { 1 };
            let account = dice.size(0, accounts - 1);
            Publish { at, account, events, payload_bytes: dice.size(20, 400), order_values }
        })
        .collect()
}

fn store(dice: &mut Dice) -> StoreMix {
    let mut some = |percent, most| if dice.chance(percent) { dice.range(1, most) } else { 0 };
    StoreMix {
        linger_ms: some(50, 30) + 1,
        fails_before: some(50, 30),
        fails_after: some(30, 10),
        stalls: some(60, 40),
        stall_max_ms: some(100, 400),
        dies: some(15, 3),
    }
}

fn departures(dice: &mut Dice, span: Duration) -> Vec<(Duration, Departure)> {
    let count = dice.scale(1, 8);
    times(dice, span, count)
        .into_iter()
        .map(|at| {
            let graces = [Duration::ZERO, Duration::from_millis(50), Duration::from_secs(3), Duration::from_secs(40)];
            let stop = Departure::Stop { grace: dice.one_of(&graces) };
            (at, if dice.chance(70) { Departure::Crash } else { stop })
        })
        .collect()
}

fn clock(dice: &mut Dice, span: Duration) -> Vec<(Duration, ClockFault)> {
    const HOUR_US: i64 = 3_600_000_000;
    let count = dice.scale(1, 6);
    let mut faults: Vec<_> = times(dice, span, count)
        .into_iter()
        .map(|at| {
            let steps = [HOUR_US, -HOUR_US, 1_000_000, -1_000_000, 30 * 1_000, -30 * 1_000];
            let fault =
                if dice.chance(20) { ClockFault::Freeze(true) } else { ClockFault::StepUs(dice.one_of(&steps)) };
            (at, fault)
        })
        .collect();
    faults.push((span, ClockFault::Freeze(false)));
    faults
}

fn actions(dice: &mut Dice, endpoints: &mut [EndpointMix], span: Duration) -> Vec<(Duration, Action)> {
    let count = dice.scale(1, 24);
    let mut actions: Vec<(Duration, Action)> = Vec::new();
    for at in times(dice, span, count) {
        let to = dice.size(0, endpoints.len() - 1);
        let action = match dice.range(0, 9) {
            0 if !endpoints[to].later && actions.is_empty() => {
                endpoints[to].later = true;
                Action::Create(to)
            }
            1 => Action::Delete(to),
            2 | 3 => Action::Disable(to),
            4 | 5 => Action::Enable(to),
            6 => {
                // Ordering stays as it was: what order a change of it leaves behind is nobody's promise.
                let ordering = endpoints[to].settings.ordering.clone();
                Action::Change(to, Settings { ordering, ..settings(dice) })
            }
            _ => Action::Resend(to),
        };
        actions.push((at, action));
    }
    actions
}

/// So many times within the span, in order.
fn times(dice: &mut Dice, span: Duration, count: u64) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..count).map(|_| dice.span(Duration::ZERO, span)).collect();
    times.sort();
    times
}
